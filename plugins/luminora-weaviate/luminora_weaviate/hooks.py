"""Builds the store; the client is imported when it first connects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import ProviderContext, VectorStoreProvider


@hookimpl
def luminora_vector_store(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> VectorStoreProvider | None:
    """The vectors in Weaviate."""
    if name != "weaviate":
        return None
    from luminora_weaviate.settings import Settings
    from luminora_weaviate.store import WeaviateStore

    return WeaviateStore(Settings.read(config, context))
