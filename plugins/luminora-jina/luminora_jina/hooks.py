"""Builds the provider; nothing of it is imported before that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import EmbeddingProvider, ProviderContext


@hookimpl
def luminora_embedding(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> EmbeddingProvider | None:
    """Jina AI's embeddings."""
    if name != "jina":
        return None
    from luminora_jina.embeddings import JinaEmbeddings

    return JinaEmbeddings(name, config, context)
