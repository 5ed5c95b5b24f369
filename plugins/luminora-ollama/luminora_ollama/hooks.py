"""Builds the providers; the adapters are imported when one is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import EmbeddingProvider, LLMProvider, ProviderContext


@hookimpl
def luminora_llm(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> LLMProvider | None:
    """A language model that Ollama runs."""
    if name != "ollama":
        return None
    from luminora.providers.models import ModelTable
    from luminora_ollama.chat import OllamaLLM

    return OllamaLLM(name, config, context, ModelTable.of("luminora_ollama", config.get("prices")))


@hookimpl
def luminora_embedding(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> EmbeddingProvider | None:
    """An embedding model that Ollama runs."""
    if name != "ollama":
        return None
    from luminora.providers.models import ModelTable
    from luminora_ollama.embeddings import OllamaEmbeddings

    return OllamaEmbeddings(name, config, context, ModelTable.of("luminora_ollama"))
