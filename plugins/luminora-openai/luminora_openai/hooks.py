"""Builds the providers; the adapter is imported when one is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import EmbeddingProvider, LLMProvider, ProviderContext


@hookimpl
def luminora_llm(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> LLMProvider | None:
    """OpenAI's language models."""
    if name != "openai":
        return None
    from luminora.providers.models import ModelTable
    from luminora_openai.vendor import OpenAILLM

    return OpenAILLM(name, config, context, ModelTable.of("luminora_openai", config.get("prices")))


@hookimpl
def luminora_embedding(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> EmbeddingProvider | None:
    """OpenAI's embedding models."""
    if name != "openai":
        return None
    from luminora.providers.models import ModelTable
    from luminora_openai.vendor import OpenAIVectors

    return OpenAIVectors(name, config, context, ModelTable.of("luminora_openai"))
