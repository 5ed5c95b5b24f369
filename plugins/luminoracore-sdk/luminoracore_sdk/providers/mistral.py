"""Mistral as the SDK names it."""

from __future__ import annotations

from luminoracore_sdk.providers.base import Provider


class MistralProvider(Provider):
    """Mistral's language models; needs ``pip install luminora-mistral``."""

    vendor = "mistral"
