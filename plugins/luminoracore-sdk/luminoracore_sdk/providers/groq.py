"""Groq as the SDK names it."""

from __future__ import annotations

from luminoracore_sdk.providers.base import Provider


class GroqProvider(Provider):
    """Groq's language models; needs ``pip install luminora-groq``."""

    vendor = "groq"
