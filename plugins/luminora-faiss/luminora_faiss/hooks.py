"""The plugin's only hook: a vector store, its module imported when it is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import ProviderContext, VectorStoreProvider


@hookimpl
def luminora_vector_store(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> VectorStoreProvider | None:
    """The vectors in memory, with their log on disk."""
    if name != "faiss":
        return None
    from luminora_faiss.store import FaissStore

    return FaissStore(
        context.path(config.get("persist_directory"), "faiss"),
        lock_seconds=config.get("lock_seconds", 2.0),
        table_prefix=context.table_prefix,
    )
