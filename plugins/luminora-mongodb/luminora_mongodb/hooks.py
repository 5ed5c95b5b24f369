"""The plugin's builders; the driver is imported when a provider is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import ProviderContext, StorageProvider, VectorStoreProvider

Settings = Mapping[str, Any]


@hookimpl
def luminora_storage(
    name: str, config: Settings, context: ProviderContext
) -> StorageProvider | None:
    """The database."""
    if name != "mongodb":
        return None
    from luminora_mongodb.storage import MongoStorage

    return MongoStorage(config, context)


@hookimpl
def luminora_vector_store(
    name: str, config: Settings, context: ProviderContext
) -> VectorStoreProvider | None:
    """The vectors on Atlas."""
    if name != "mongodb-atlas":
        return None
    from luminora_mongodb.vectors import AtlasVectorStore

    return AtlasVectorStore(config, context)
