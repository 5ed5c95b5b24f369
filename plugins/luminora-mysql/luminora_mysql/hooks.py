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
    if name != "mysql":
        return None
    from luminora_mysql.settings import Settings
    from luminora_mysql.storage import MySqlStorage

    return MySqlStorage(Settings.of(config, context), table_prefix=context.table_prefix)


@hookimpl
def luminora_vector_store(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> VectorStoreProvider | None:
    """The vectors, on MariaDB."""
    if name != "mysql":
        return None
    from luminora_mysql.connection import Connections
    from luminora_mysql.settings import Settings
    from luminora_mysql.storage import MySqlStorage
    from luminora_mysql.vectors import MySqlVectorStore

    beside = context.storage if isinstance(context.storage, MySqlStorage) else None
    if beside is not None and config.get("use_storage_connection", True):
        return MySqlVectorStore(beside.connections, table_prefix=context.table_prefix, own=False)
    connections = Connections(Settings.of(config, context))
    return MySqlVectorStore(connections, table_prefix=context.table_prefix)
