"""Builds the store; the SDK is imported when it first connects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import ProviderContext, VectorStoreProvider


@hookimpl
def luminora_vector_store(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> VectorStoreProvider | None:
    """The vectors in Pinecone."""
    if name != "pinecone":
        return None
    from luminora_pinecone.settings import Settings
    from luminora_pinecone.store import PineconeStore

    return PineconeStore(Settings.read(config, context))
