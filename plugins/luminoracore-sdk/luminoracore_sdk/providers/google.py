"""Google as the SDK names it."""

from __future__ import annotations

from luminoracore_sdk.providers.base import Provider


class GoogleProvider(Provider):
    """Google's language models; needs ``pip install luminora-google``."""

    vendor = "google"
