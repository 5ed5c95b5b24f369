"""Hugging Face as the SDK names it."""

from __future__ import annotations

from luminoracore_sdk.providers.base import Provider


class HuggingFaceProvider(Provider):
    """Hugging Face's language models; needs ``pip install luminora-huggingface``."""

    vendor = "huggingface"
