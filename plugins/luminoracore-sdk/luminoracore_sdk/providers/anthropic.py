"""Anthropic as the SDK names it."""

from __future__ import annotations

from luminoracore_sdk.providers.base import Provider


class AnthropicProvider(Provider):
    """Anthropic's language models; needs ``pip install luminora-claude``."""

    vendor = "claude"
