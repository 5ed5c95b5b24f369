"""DeepSeek as the SDK names it."""

from __future__ import annotations

from luminoracore_sdk.providers.base import Provider


class DeepSeekProvider(Provider):
    """DeepSeek's language models; needs ``pip install luminora-deepseek``."""

    vendor = "deepseek"
