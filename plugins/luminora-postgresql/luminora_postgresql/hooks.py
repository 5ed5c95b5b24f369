"""What Luminora calls; the driver is imported when a provider is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import ProviderContext, StorageProvider, VectorStoreProvider


@hookimpl
def luminora_storage(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> StorageProvider | None:
    """The database."""
    if name != "postgresql":
        return None
    from luminora_postgresql.connection import Settings
    from luminora_postgresql.storage import PostgresStorage

    return PostgresStorage(Settings.of(config, context), table_prefix=context.table_prefix)


@hookimpl
def luminora_vector_store(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> VectorStoreProvider | None:
    """The vectors, in the storage's database or on a server of their own."""
    if name != "pgvector":
        return None
    from luminora_postgresql.vectors import build

    return build(config, context)
