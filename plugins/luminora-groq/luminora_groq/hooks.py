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
    """The models at Groq."""
    if name != "groq":
        return None
    from luminora.providers.models import ModelFacts, ModelTable
    from luminora_groq.vendor import GroqLLM

    default = ModelFacts(json="object")
    table = ModelTable.of("luminora_groq", config.get("prices"), default)
    return GroqLLM(name, config, context, table)
