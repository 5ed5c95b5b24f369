"""The plugin's only hook; sentence-transformers itself is imported when the first text comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import EmbeddingProvider, ProviderContext


@hookimpl
def luminora_embedding(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> EmbeddingProvider | None:
    """A model on this machine."""
    if name != "sentence-transformers":
        return None
    from luminora_sentence_transformers.provider import LocalEmbedding

    return LocalEmbedding(config, context)
