"""The five contracts and their value types: all a provider plugin needs to import.

This package imports nothing but the standard library and :mod:`luminora.errors`.
"""

from luminora.providers.base import (
    Capability,
    CheckResult,
    Kind,
    Provider,
    ProviderContext,
    Status,
)
from luminora.providers.cache import CacheProvider
from luminora.providers.collections import COLLECTIONS, Collection, Field, FieldType
from luminora.providers.embedding import EmbeddingProvider, Purpose, Vector
from luminora.providers.llm import (
    Attempt,
    ChatDelta,
    ChatMessage,
    ChatRequest,
    ChatResult,
    Grounding,
    LLMProvider,
    Usage,
)
from luminora.providers.migration import LedgerEntry, MigrationDriver
from luminora.providers.operations import (
    EVERY_USER,
    Count,
    Delete,
    EveryUser,
    Find,
    Insert,
    Is,
    Read,
    Row,
    Scope,
    SearchText,
    Update,
    Upsert,
    Where,
    Write,
)
from luminora.providers.storage import StorageProvider
from luminora.providers.vector_store import (
    DEFAULT_INDEX,
    FILTER_FIELDS,
    VectorHit,
    VectorIndex,
    VectorItem,
    VectorStoreProvider,
)

__all__ = [
    "COLLECTIONS",
    "DEFAULT_INDEX",
    "EVERY_USER",
    "FILTER_FIELDS",
    "Attempt",
    "CacheProvider",
    "Capability",
    "ChatDelta",
    "ChatMessage",
    "ChatRequest",
    "ChatResult",
    "CheckResult",
    "Collection",
    "Count",
    "Delete",
    "EmbeddingProvider",
    "EveryUser",
    "Field",
    "FieldType",
    "Find",
    "Grounding",
    "Insert",
    "Is",
    "Kind",
    "LLMProvider",
    "LedgerEntry",
    "MigrationDriver",
    "Provider",
    "ProviderContext",
    "Purpose",
    "Read",
    "Row",
    "Scope",
    "SearchText",
    "Status",
    "StorageProvider",
    "Update",
    "Upsert",
    "Usage",
    "Vector",
    "VectorHit",
    "VectorIndex",
    "VectorItem",
    "VectorStoreProvider",
    "Where",
    "Write",
]
