"""What applications pass in."""

from __future__ import annotations

from luminoracore_sdk.types.personality import PersonalityConfig
from luminoracore_sdk.types.provider import ProviderConfig
from luminoracore_sdk.types.session import MemoryConfig

__all__ = ["MemoryConfig", "PersonalityConfig", "ProviderConfig"]
