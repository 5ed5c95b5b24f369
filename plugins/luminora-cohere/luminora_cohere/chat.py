"""Cohere's chat, through the official SDK's v2 client.

An answer's ``message.content`` is a list of texts and thoughts; a stream is the events
message-start, content-start, content-delta, content-end and message-end, the last of which has
reason, tokens and, if it went wrong, an ``error``. Tokens are those that Cohere bills. JSON is
asked for as ``response_format`` ``json_object``, with a ``json_schema``. Source: cohere 7.3.1
(``v2/raw_client.py``, ``types/chat_message_end_event_delta.py``) and https://docs.cohere.com.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

from luminora.errors import (
    ConnectionFailed,
    ContentFiltered,
    MalformedResponse,
    Overloaded,
    ProviderError,
    ProviderTimeout,
)
from luminora.providers.chat import Call, HttpLLM
from luminora.providers.http import Response, blotted
from luminora.providers.llm import ChatDelta, ChatResult, Usage
from luminora_cohere.sdk import ONCE, OnCohere

_BROKEN: Final[Mapping[str, type[ProviderError]]] = {
    "ERROR": Overloaded,
    "ERROR_TOXIC": ContentFiltered,
    "TIMEOUT": ProviderTimeout,
}
"""Reasons to stop that are failures."""


class CohereLLM(HttpLLM, OnCohere):
    """A language model of Cohere's.

    Beside the common settings it reads ``options``, parameters of every call.
    """

    check_path = "/v1/models?page_size=1"

    def body(self, call: Call) -> dict[str, Any]:
        """The call as the SDK's keyword arguments."""
        request = call.request
        body: dict[str, Any] = {"model": call.model, "messages": _messages(call)}
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.max_tokens is not None:
            body["max_tokens"] = request.max_tokens
        if request.schema is not None and call.facts.json != "none":
            body["response_format"] = _format(request.schema)
        further = {**self.config.get("options", {}), **request.options}
        body["request_options"] = {**ONCE, "additional_body_parameters": further}
        return self.sendable(body)

    async def document(self, call: Call) -> Any:
        """The SDK's answer."""
        body = self.body(call)
        cohere = await self.sdk()
        with self.asking(call.model):
            return await cohere.chat(**body)

    @asynccontextmanager
    async def lines(self, call: Call) -> AsyncIterator[AsyncIterator[Any]]:
        """The SDK's events."""
        body = self.body(call)
        cohere = await self.sdk()
        with self.asking(call.model):
            async with aclosing(cohere.chat_stream(**body)) as events:
                yield events

    def result(self, document: Any, call: Call) -> ChatResult:
        """The answer; raises where it is none."""
        parts = document.message.content or []
        text = "".join(part.text for part in parts if part.type == "text")
        reason = str(document.finish_reason)
        self._accept(reason, None, call)
        if not text.strip() and not document.message.tool_calls:
            raise self._nothing(reason, call)
        return ChatResult(
            text=text,
            model=call.model,
            usage=_usage(document.usage),
            finish_reason=reason,
            raw=document.model_dump(),
        )

    async def deltas(self, lines: AsyncIterator[Any], call: Call) -> AsyncIterator[ChatDelta]:
        """The pieces; reads to the very end, so that the connection can be used again."""
        end: ChatDelta | None = None
        said = False
        async for event in lines:
            if event.type == "content-delta":
                text = event.delta.message.content.text
                if text:
                    said = said or bool(text.strip())
                    yield ChatDelta(text=text, model=call.model)
            elif event.type == "tool-call-start":
                said = True
            elif event.type == "message-end":
                reason = str(event.delta.finish_reason)
                self._accept(reason, event.delta.error, call)
                usage = _usage(event.delta.usage)
                end = ChatDelta(model=call.model, usage=usage, finish_reason=reason)
        if end is None:
            raise ConnectionFailed(
                f"{self.name} stopped in the middle of an answer",
                provider=self.name,
                model=call.model,
            )
        if not said:
            raise self._nothing(str(end.finish_reason), call)
        yield end

    def failed(self, response: Response, model: str | None) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return self.refusal(response, model)

    def _accept(self, reason: str, error: str | None, call: Call) -> None:
        if kind := _BROKEN.get(reason):
            words = f": {blotted(error, self.secrets)}" if error else ""
            raise kind(
                f"{self.name} broke off an answer (finish reason '{reason}'){words}",
                provider=self.name,
                model=call.model,
                code=reason,
            )

    def _nothing(self, reason: str, call: Call) -> MalformedResponse:
        hint = "try another model"
        if reason == "MAX_TOKENS":
            hint = "raise max_tokens: a model that reasons spends them before it answers"
        return MalformedResponse(
            f"{self.name} answered with nothing but blanks (finish reason '{reason}')",
            provider=self.name,
            model=call.model,
            hint=hint,
        )


def _messages(call: Call) -> list[dict[str, str]]:
    """The messages; with a word about JSON if none says it, as Cohere's documentation demands."""
    turns = [{"role": turn.role, "content": turn.content} for turn in call.request.messages]
    schema = call.request.schema
    if schema is None or any("json" in turn["content"].lower() for turn in turns):
        return turns
    word = f"Answer with one JSON object that fits this JSON Schema: {json.dumps(schema)}"
    return [{"role": "system", "content": word}, *turns]


def _format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What holds an answer to JSON; a schema that says no more than "object" is plain JSON mode."""
    bare = {"type": "json_object"}
    return {**bare, "json_schema": schema} if schema.keys() - {"type"} else bare


def _usage(usage: Any) -> Usage:
    """The billed tokens, or the counted ones where nothing is billed."""
    counts = usage and (usage.billed_units or usage.tokens)
    if not counts:
        return Usage()
    return Usage(int(counts.input_tokens or 0), int(counts.output_tokens or 0))
