"""LuminoraCore's Python SDK, v1.0 and v1.1, over Luminora.

The names and signatures that applications were written against; what they do is done by
:class:`luminora.LuminoraCoreClient`. See ``README.md`` for what is different.
"""

from __future__ import annotations

from luminoracore_sdk.client import LuminoraCoreClient
from luminoracore_sdk.client_v1_1 import LuminoraCoreClientV11
from luminoracore_sdk.records import Record, Reply
from luminoracore_sdk.types.personality import PersonalityConfig
from luminoracore_sdk.types.provider import ProviderConfig
from luminoracore_sdk.types.session import MemoryConfig

__all__ = [
    "LuminoraCoreClient",
    "LuminoraCoreClientV11",
    "MemoryConfig",
    "PersonalityConfig",
    "ProviderConfig",
    "Record",
    "Reply",
]
