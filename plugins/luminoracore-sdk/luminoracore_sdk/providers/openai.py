"""OpenAI as the SDK names it."""

from __future__ import annotations

from luminoracore_sdk.providers.base import Provider


class OpenAIProvider(Provider):
    """OpenAI's language models; needs ``pip install luminora-openai``."""

    vendor = "openai"
