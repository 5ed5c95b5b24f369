"""The ``offline`` language model: no key, no server, no network, and honest about it."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from luminora.builtin.offline.analysis import analyse
from luminora.builtin.offline.responder import respond
from luminora.providers import (
    Capability,
    ChatDelta,
    ChatRequest,
    ChatResult,
    CheckResult,
    Grounding,
    LLMProvider,
    ProviderContext,
    Status,
    Usage,
)

MODEL = "offline-rules"

_PIECE = re.compile(r"\s*\S+\s*|\s+")


class OfflineLLM(LLMProvider):
    """Rules instead of a model: answers from memory, and analyses messages.

    The same request always yields the same answer. A request without ``grounding`` is answered
    from its last user message alone. No text makes it raise.

    Args:
        config: Empty; the provider has no settings.
        context: Unused; part of every provider's signature.
    """

    name = "offline"
    json_mode = Capability.PARTIAL
    metered = False

    def __init__(
        self, config: Mapping[str, Any] | None = None, context: ProviderContext | None = None
    ) -> None:
        del config, context

    async def chat(self, request: ChatRequest) -> ChatResult:
        """The analysis as JSON when ``request.task`` is ``"analysis"``, else a reply."""
        grounding = request.grounding or _grounding(request)
        if request.task == "analysis":
            text = json.dumps(analyse(grounding))
        elif request.schema is not None and request.grounding is None:
            text = "{}"  # some other JSON was asked for, and there is no model to write it
        else:
            text = respond(grounding, remembers=request.grounding is not None)
        return ChatResult(text=text, model=MODEL, usage=_usage(request, text))

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The reply word by word; the last delta carries usage and finish reason."""
        result = await self.chat(request)
        for piece in _PIECE.findall(result.text):
            yield ChatDelta(text=piece, model=MODEL)
        yield ChatDelta(model=MODEL, usage=result.usage, finish_reason=result.finish_reason)

    async def check(self) -> CheckResult:
        """Always usable: there is nothing that could be down."""
        return CheckResult(
            Status.OK,
            "rule-based, offline: answers from memory in English and Spanish",
            latency_ms=0.0,
            data={"model": MODEL},
        )


def _grounding(request: ChatRequest) -> Grounding:
    """What a bare list of messages says: the last user message, and the turns before it."""
    turns = [turn for turn in request.messages if turn.role != "system"]
    for index in range(len(turns) - 1, -1, -1):
        if turns[index].role == "user":
            return Grounding(user_text=turns[index].content, history=turns[:index])
    return Grounding(user_text="")


def _usage(request: ChatRequest, answer: str) -> Usage:
    """Words, for want of tokens: enough to see that something was counted."""
    asked = sum(len(turn.content) // 5 + 1 for turn in request.messages)
    return Usage(prompt_tokens=asked, completion_tokens=len(answer.split()))
