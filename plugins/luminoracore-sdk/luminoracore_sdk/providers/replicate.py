"""Replicate as the SDK names it."""

from __future__ import annotations

from luminoracore_sdk.providers.base import Provider


class ReplicateProvider(Provider):
    """Replicate's language models; needs ``pip install luminora-replicate``."""

    vendor = "replicate"
