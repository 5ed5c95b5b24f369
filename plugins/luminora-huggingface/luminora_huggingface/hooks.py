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
    """The Hub's language models, through the router."""
    if name != "huggingface":
        return None
    from luminora.providers.models import ModelTable
    from luminora_huggingface.vendor import RoutedLLM

    table = ModelTable.of("luminora_huggingface", config.get("prices"))
    return RoutedLLM(name, config, context, table)


@hookimpl
def luminora_embedding(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> EmbeddingProvider | None:
    """The Hub's sentence models, on its own inference service."""
    if name != "huggingface":
        return None
    from luminora.providers.models import ModelTable
    from luminora_huggingface.vendor import HubVectors

    return HubVectors(name, config, context, ModelTable.of("luminora_huggingface"))
