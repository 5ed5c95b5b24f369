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
    """A language model at ``api_base``."""
    if name != "openai-compatible":
        return None
    from luminora.providers.models import ModelFacts, ModelTable
    from luminora_openai_compatible.chat import OpenAIChat

    default = ModelFacts(json=config.get("json_mode", "schema"))
    table = ModelTable.of("luminora_openai_compatible", config.get("prices"), default)
    return OpenAIChat(name, config, context, table)


@hookimpl
def luminora_embedding(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> EmbeddingProvider | None:
    """An embedding model at ``api_base``."""
    if name != "openai-compatible":
        return None
    from luminora.providers.models import ModelTable
    from luminora_openai_compatible.embeddings import OpenAIEmbeddings

    return OpenAIEmbeddings(name, config, context, ModelTable.of("luminora_openai_compatible"))
