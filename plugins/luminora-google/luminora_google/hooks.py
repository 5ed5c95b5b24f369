"""Builds the providers; nothing of them is imported before that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import EmbeddingProvider, LLMProvider, ProviderContext


@hookimpl
def luminora_llm(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> LLMProvider | None:
    """Gemini."""
    if name != "google":
        return None
    from luminora_google.chat import Gemini

    return Gemini(name, config, context)


@hookimpl
def luminora_embedding(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> EmbeddingProvider | None:
    """Gemini's embeddings."""
    if name != "google":
        return None
    from luminora_google.embeddings import GeminiEmbeddings

    return GeminiEmbeddings(name, config, context)
