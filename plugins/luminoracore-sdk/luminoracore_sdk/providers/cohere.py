"""Cohere as the SDK names it."""

from __future__ import annotations

from luminoracore_sdk.providers.base import Provider


class CohereProvider(Provider):
    """Cohere's language models; needs ``pip install luminora-cohere``."""

    vendor = "cohere"
