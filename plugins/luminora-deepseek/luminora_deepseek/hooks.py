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
    """DeepSeek's language models."""
    if name != "deepseek":
        return None
    from luminora.providers.models import ModelFacts, ModelTable
    from luminora_deepseek.vendor import DeepSeekLLM

    default = ModelFacts(json="object")
    table = ModelTable.of("luminora_deepseek", config.get("prices"), default)
    return DeepSeekLLM(name, config, context, table)


@hookimpl
def luminora_embedding(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> EmbeddingProvider | None:
    """The embeddings of a base URL that serves them."""
    if name != "deepseek":
        return None
    from luminora.providers.models import ModelTable
    from luminora_deepseek.vendor import DeepSeekVectors

    return DeepSeekVectors(name, config, context, ModelTable.of("luminora_deepseek"))
