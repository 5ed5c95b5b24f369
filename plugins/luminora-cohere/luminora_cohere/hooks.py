"""Builds the providers; the adapters are imported when one is built, the SDK when one is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import EmbeddingProvider, LLMProvider, ProviderContext


@hookimpl
def luminora_llm(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> LLMProvider | None:
    """A language model of Cohere's."""
    if name != "cohere":
        return None
    from luminora.providers.models import ModelTable
    from luminora_cohere.chat import CohereLLM

    return CohereLLM(name, config, context, ModelTable.of("luminora_cohere", config.get("prices")))


@hookimpl
def luminora_embedding(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> EmbeddingProvider | None:
    """An embedding model of Cohere's."""
    if name != "cohere":
        return None
    from luminora.providers.models import ModelTable
    from luminora_cohere.embeddings import CohereEmbeddings

    return CohereEmbeddings(name, config, context, ModelTable.of("luminora_cohere"))
