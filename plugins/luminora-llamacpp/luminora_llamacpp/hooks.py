"""The plugin's only hook; provider and engine are imported when one is built or first used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import LLMProvider, ProviderContext


@hookimpl
def luminora_llm(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> LLMProvider | None:
    """The model in the file ``model_path``."""
    if name != "llamacpp":
        return None
    from luminora_llamacpp.provider import LlamaCppLLM

    return LlamaCppLLM(config, context)
