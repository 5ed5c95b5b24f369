"""Messages as the one prompt that models on Replicate take."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from luminora.providers.llm import ChatMessage, ChatRequest

_SPEAKERS = {"user": "User", "assistant": "Assistant"}


def inputs_of(request: ChatRequest, config: Mapping[str, Any]) -> dict[str, Any]:
    """A request as a model's inputs, by the names that the configuration says it has for them."""
    system, prompt = system_of(request.messages, request.schema), prompt_of(request.messages)
    system_input = config.get("system_input", "system_prompt")
    if system and not system_input:
        system, prompt = "", f"{system}\n\n{prompt}"
    named = {
        system_input: system or None,
        config.get("prompt_input", "prompt"): prompt,
        config.get("max_tokens_input", "max_tokens"): request.max_tokens,
        config.get("temperature_input", "temperature"): request.temperature,
    }
    given = {name: value for name, value in named.items() if name and value is not None}
    return {**config.get("options", {}), **given, **request.options}


def system_of(messages: Sequence[ChatMessage], schema: Mapping[str, Any] | None) -> str:
    """What system messages say, and a word about JSON: no model here can be held to a schema."""
    parts = [turn.content for turn in messages if turn.role == "system"]
    if schema is not None:
        parts.append(
            "Answer with one JSON object only, without any other text, that fits this JSON "
            f"Schema: {json.dumps(schema, ensure_ascii=False)}"
        )
    return "\n\n".join(parts)


def prompt_of(messages: Sequence[ChatMessage]) -> str:
    """The conversation: a lone message as it is, several as a transcript that ends open."""
    turns = [turn for turn in messages if turn.role != "system"]
    if len(turns) == 1 and turns[0].role == "user":
        return turns[0].content
    lines = [f"{_SPEAKERS[turn.role]}: {turn.content}" for turn in turns]
    if turns and turns[-1].role == "user":
        lines.append("Assistant:")
    return "\n\n".join(lines)
