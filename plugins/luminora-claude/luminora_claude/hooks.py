"""Builds the provider; nothing of it is imported before that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import LLMProvider, ProviderContext


@hookimpl
def luminora_llm(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> LLMProvider | None:
    """Claude."""
    if name != "claude":
        return None
    from luminora_claude.chat import Claude

    return Claude(name, config, context)
