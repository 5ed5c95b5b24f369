"""Ollama as the SDK names it."""

from __future__ import annotations

from luminoracore_sdk.providers.base import Provider


class OllamaProvider(Provider):
    """Ollama's language models; needs ``pip install luminora-ollama``."""

    vendor = "ollama"
