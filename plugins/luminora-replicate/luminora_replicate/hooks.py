"""Builds the provider; the adapter is imported when it is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import LLMProvider, ProviderContext


@hookimpl
def luminora_llm(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> LLMProvider | None:
    """A language model that Replicate hosts."""
    if name != "replicate":
        return None
    from luminora.providers.models import ModelFacts, ModelTable
    from luminora_replicate.chat import ReplicateLLM

    table = ModelTable.of("luminora_replicate", config.get("prices"), ModelFacts(json="none"))
    return ReplicateLLM(name, config, context, table)
