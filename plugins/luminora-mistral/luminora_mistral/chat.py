"""Mistral's chat, through the official SDK.

Messages, parameters and ``response_format`` go in as the SDK's own names (mistralai 3.7.0,
``client/chat.py``: ``complete_async``, ``stream_async``; models ``chatcompletionresponse.py``
and ``completionchunk.py``); what the SDK does not know as a parameter is refused before anything is
sent. A schema that closes all its objects is asked for strictly, as the SDK's own helper does.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from luminora.errors import (
    ConnectionFailed,
    InvalidRequest,
    MalformedResponse,
    Overloaded,
    ProviderError,
)
from luminora.providers.base import ProviderContext
from luminora.providers.chat import Call, HttpLLM
from luminora.providers.http import Response
from luminora.providers.llm import ChatDelta, ChatResult, Usage
from luminora.providers.models import ModelTable
from luminora_mistral.sdk import OnMistral, based


class MistralLLM(HttpLLM, OnMistral):
    """A language model of Mistral's.

    Beside the common settings it reads ``options``, parameters of every call.
    """

    check_path = "/v1/models"

    def __init__(
        self, name: str, config: Mapping[str, Any], context: ProviderContext, table: ModelTable
    ) -> None:
        super().__init__(name, based(config), context, table)

    def body(self, call: Call) -> dict[str, Any]:
        """The call as the SDK's keyword arguments."""
        request = call.request
        body: dict[str, Any] = {
            "model": call.model,
            "messages": [{"role": turn.role, "content": turn.content} for turn in request.messages],
            **self.config.get("options", {}),
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.max_tokens is not None:
            body["max_tokens"] = request.max_tokens
        if request.schema is not None and call.facts.json != "none":
            body["response_format"] = _format(request.schema, call.facts.json)
        return self.sendable(body | dict(request.options))

    async def document(self, call: Call) -> Any:
        """The SDK's answer."""
        body = self.body(call)
        mistral = await self.sdk()
        with self.asking(call.model):
            self._known(body, mistral.chat.complete_async, call)
            return await mistral.chat.complete_async(**body)

    @asynccontextmanager
    async def lines(self, call: Call) -> AsyncIterator[AsyncIterator[Any]]:
        """The SDK's events."""
        body = self.body(call)
        mistral = await self.sdk()
        with self.asking(call.model):
            self._known(body, mistral.chat.stream_async, call)
            async with await mistral.chat.stream_async(**body) as events:
                yield events

    def result(self, document: Any, call: Call) -> ChatResult:
        """The answer; raises where it is none."""
        choice = document.choices[0]
        text = _text(choice.message.content)
        reason = str(choice.finish_reason or "stop")
        self._accept(reason, call)
        if not text.strip() and not choice.message.tool_calls:
            raise self._nothing(reason, call)
        return ChatResult(
            text=text,
            model=document.model or call.model,
            usage=_usage(document.usage),
            finish_reason=reason,
            raw=document.model_dump(),
        )

    async def deltas(self, lines: AsyncIterator[Any], call: Call) -> AsyncIterator[ChatDelta]:
        """The pieces; reads to the very end, so that the connection can be used again."""
        end = ChatDelta(model=call.model, usage=Usage())
        said = False
        async for event in lines:
            chunk = event.data
            if chunk.usage is not None:
                end = replace(end, usage=_usage(chunk.usage))
            for choice in chunk.choices[:1]:
                end = replace(
                    end,
                    model=chunk.model or end.model,
                    finish_reason=choice.finish_reason or end.finish_reason,
                )
                text = _text(choice.delta.content)
                said = said or bool(text.strip() or choice.delta.tool_calls)
                if text:
                    yield ChatDelta(text=text, model=end.model)
        if end.finish_reason is None:
            raise ConnectionFailed(
                f"{self.name} stopped in the middle of an answer",
                provider=self.name,
                model=call.model,
            )
        self._accept(end.finish_reason, call)
        if not said:
            raise self._nothing(end.finish_reason, call)
        yield end

    def failed(self, response: Response, model: str | None) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return self.refusal(response, model)

    def _known(self, body: Mapping[str, Any], method: Any, call: Call) -> None:
        """Refuse what the SDK's method has no parameter for."""
        strange = sorted(body.keys() - inspect.signature(method).parameters.keys())
        if strange:
            raise InvalidRequest(
                f"mistralai has no parameter {', '.join(map(repr, strange))}",
                provider=self.name,
                model=call.model,
                hint="see mistralai's chat.complete for those it has",
            )

    def _accept(self, reason: str, call: Call) -> None:
        if reason == "error":
            raise Overloaded(
                f"{self.name} broke off an answer (finish reason 'error')",
                provider=self.name,
                model=call.model,
                code="error",
            )

    def _nothing(self, reason: str, call: Call) -> MalformedResponse:
        hint = "try another model"
        if reason == "length":
            hint = "raise max_tokens: a model that reasons spends them before it answers"
        return MalformedResponse(
            f"{self.name} answered with nothing but blanks (finish reason '{reason}')",
            provider=self.name,
            model=call.model,
            hint=hint,
        )


def _format(schema: Mapping[str, Any], mode: str) -> dict[str, Any]:
    """What holds an answer to JSON; a schema that says no more than "object" is plain JSON mode."""
    if mode == "object" or not schema.keys() - {"type"}:
        return {"type": "json_object"}
    form = {"name": "answer", "schema": schema, "strict": _closed(schema)}
    return {"type": "json_schema", "json_schema": form}


def _closed(schema: Any) -> bool:
    """Whether every object of a schema forbids what it does not name."""
    if isinstance(schema, Mapping):
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
            return False
        return all(_closed(part) for part in schema.values())
    if isinstance(schema, Sequence) and not isinstance(schema, str):
        return all(_closed(part) for part in schema)
    return True


def _text(content: Any) -> str:
    """A content that is a text, a list of chunks of which some are text, or nothing."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(chunk.text for chunk in content if getattr(chunk, "type", None) == "text")
    return ""


def _usage(usage: Any) -> Usage:
    return Usage(int(usage.prompt_tokens or 0), int(usage.completion_tokens or 0))
