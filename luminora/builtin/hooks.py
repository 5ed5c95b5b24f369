"""The embedded default as a plugin: one builder per kind, each provider imported when built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import (
    CacheProvider,
    EmbeddingProvider,
    LLMProvider,
    ProviderContext,
    StorageProvider,
    VectorStoreProvider,
)

Settings = Mapping[str, Any]


@hookimpl
def luminora_llm(name: str, config: Settings, context: ProviderContext) -> LLMProvider | None:
    """The rule-based responder, and the chain of other models."""
    if name == "gateway" and context.build is not None:
        from luminora.gateway import Gateway  # noqa: PLC0415 - imported when built

        return Gateway(config, context.build)
    if name != "offline":
        return None
    from luminora.builtin.offline import OfflineLLM  # noqa: PLC0415 - imported when built

    return OfflineLLM(config, context)


@hookimpl
def luminora_embedding(
    name: str, config: Settings, context: ProviderContext
) -> EmbeddingProvider | None:
    """The word vectors."""
    if name != "static":
        return None
    from luminora.builtin.static import StaticEmbedding  # noqa: PLC0415 - imported when built

    return StaticEmbedding(config, context)


@hookimpl
def luminora_storage(
    name: str, config: Settings, context: ProviderContext
) -> StorageProvider | None:
    """The database in a file."""
    if name != "sqlite":
        return None
    from luminora.builtin.sqlite.storage import SqliteStorage  # noqa: PLC0415 - imported when built

    return SqliteStorage(
        context.path(config.get("database_path"), "luminora.db"),
        busy_timeout=config.get("busy_timeout_seconds", 30),
        table_prefix=context.table_prefix,
    )


@hookimpl
def luminora_vector_store(
    name: str, config: Settings, context: ProviderContext
) -> VectorStoreProvider | None:
    """The vectors in a file."""
    if name != "sqlite-vec":
        return None
    from luminora.builtin.sqlite.storage import SqliteStorage  # noqa: PLC0415 - imported when built
    from luminora.builtin.sqlite.vectors import SqliteVecStore  # noqa: PLC0415 - imported when built

    path = context.path(config.get("database_path"), "luminora.db")
    shared = config.get("use_storage_connection", True) and "database_path" not in config
    beside = shared and isinstance(context.storage, SqliteStorage)
    return SqliteVecStore(
        context.storage if beside else path,  # type: ignore[arg-type]
        table_prefix=context.table_prefix,
    )


@hookimpl
def luminora_cache(name: str, config: Settings, context: ProviderContext) -> CacheProvider | None:
    """The caches in memory and on disk."""
    if name == "memory":
        from luminora.builtin.caches.memory import MemoryCache  # noqa: PLC0415 - imported when built

        return MemoryCache(config, context)
    if name == "disk":
        from luminora.builtin.caches.disk import DiskCache  # noqa: PLC0415 - imported when built

        return DiskCache(config, context)
    return None
