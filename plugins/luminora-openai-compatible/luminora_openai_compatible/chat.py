"""OpenAI's wire format for chat, as its many imitators speak it.

``POST {api_base}/chat/completions``; an answer is ``choices[0].message.content`` with ``usage``, a
stream is server-sent events of ``choices[0].delta`` that end with ``data: [DONE]``. Source: the
official SDK, openai 3.54 (``resources/chat/completions``, ``_streaming.py``,
``types/chat/chat_completion_chunk.py``), and OpenAI's API reference, "Chat Completions".

What imitators do otherwise is borne with: empty lines before a document, comments between events,
an ``error`` in a successful answer or in the middle of a stream, no ``[DONE]``, no usage.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

from luminora.errors import (
    ConnectionFailed,
    ContentFiltered,
    MalformedResponse,
    Overloaded,
    ProviderError,
)
from luminora.providers.base import CheckResult, Status
from luminora.providers.chat import Call, HttpLLM
from luminora.providers.http import Response
from luminora.providers.llm import ChatDelta, ChatResult, Usage
from luminora.providers.wire import failure, interrupted, parsed, server_events

CODES: Final[Mapping[str, type[ProviderError]]] = {
    "invalid_prompt": ContentFiltered,  # what reasoning models answer to a flagged prompt
    "server_error": Overloaded,
}
"""Error codes and types of OpenAI's that say more than their status."""


_NOT_FOUND: Final = 404


class OpenAIChat(HttpLLM):
    """A language model that speaks OpenAI's format.

    Beside the common settings it reads ``options`` (parameters of every call), ``headers`` and
    ``stream_usage``.

    Attributes:
        limit_name: What the wire calls ``max_tokens``.
    """

    path = "/chat/completions"
    check_path = "/models"
    limit_name: ClassVar[str] = "max_tokens"

    def headers(self, key: str | None) -> dict[str, str]:
        """The key as a bearer token, and the configured headers."""
        return {**super().headers(key), **self.config.get("headers", {})}

    def body(self, call: Call) -> dict[str, Any]:
        """The call as OpenAI's JSON."""
        request = call.request
        body: dict[str, Any] = {"model": call.model, "messages": self.messages(call)}
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.max_tokens is not None:
            body[self.limit_name] = request.max_tokens
        if request.schema is not None and call.facts.json != "none":
            body["response_format"] = response_format(request.schema, call.facts.json)
        body |= {**self.config.get("options", {}), **request.options}
        if call.stream:
            body["stream"] = True
            if self.config.get("stream_usage", True):
                body["stream_options"] = {"include_usage": True}
        return body

    def messages(self, call: Call) -> list[dict[str, str]]:
        """The messages; with the schema where neither they nor the wire speak of it.

        In ``json_object`` mode vendors refuse, or answer with blanks, if no message says "JSON".
        """
        turns = [{"role": turn.role, "content": turn.content} for turn in call.request.messages]
        schema = call.request.schema
        if schema is None or call.facts.json == "schema":
            return turns
        said = " ".join(turn["content"] for turn in turns).lower()
        if "json" in said and "schema" in said:
            return turns
        word = f"Answer with one JSON object that fits this JSON Schema: {json.dumps(schema)}"
        if turns[0]["role"] == "system":
            return [{"role": "system", "content": f"{turns[0]['content']}\n\n{word}"}, *turns[1:]]
        return [{"role": "system", "content": word}, *turns]

    def result(self, document: Any, call: Call) -> ChatResult:
        """The answer; raises where it is an error, a refusal or nothing at all."""
        if document.get("error") and not document.get("choices"):
            raise self._interrupted(document, call)
        choice = document["choices"][0]
        message = choice["message"]
        text = _text(message.get("content"))
        reason = choice.get("finish_reason") or "stop"
        self._accept(text, reason, message.get("refusal"), call)
        if not text.strip() and not message.get("tool_calls"):
            raise self._nothing(reason, call)
        return ChatResult(
            text=text,
            model=document.get("model") or call.model,
            usage=usage_of(document),
            finish_reason=reason,
            raw=document,
        )

    async def deltas(self, lines: AsyncIterator[str], call: Call) -> AsyncIterator[ChatDelta]:
        """The pieces; reads to the very end, so that the connection can be used again."""
        answer, over = _Streamed(call), False
        async for event in server_events(lines):
            answer.events += 1
            if over:
                continue
            if event.data.startswith("[DONE]"):
                over = True
                yield self._ended(answer, call)
                continue
            chunk = parsed(event.data, self.name, call.model)
            if chunk.get("error"):
                raise self._interrupted(chunk, call)
            if text := answer.take(chunk):
                yield ChatDelta(text=text, model=answer.end.model)
        if not over:
            self._complete(answer, call)
            yield self._ended(answer, call)

    async def check(self) -> CheckResult:
        """Ask for the list of models; a server that has none may be well all the same."""
        found = await super().check()
        if found.data.get("http_status") != _NOT_FOUND:
            return found
        detail = f"{self.http.where} has no list of models at {self.check_path}: "
        return replace(found, status=Status.WARNING, detail=f"{detail}is api_base right?")

    def failed(self, response: Response, model: str | None) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return failure(response, provider=self.name, model=model, secrets=self.secrets, codes=CODES)

    def _complete(self, answer: _Streamed, call: Call) -> None:
        """Raise unless a stream without ``[DONE]`` has at least said why it ended."""
        if not answer.events:
            raise MalformedResponse(
                f"{self.name} answered without a single event", provider=self.name, model=call.model
            )
        if answer.end.finish_reason is None:
            raise ConnectionFailed(
                f"{self.name} stopped in the middle of an answer",
                provider=self.name,
                model=call.model,
            )

    def _ended(self, answer: _Streamed, call: Call) -> ChatDelta:
        """The last delta; raises where the answer is a refusal or nothing at all."""
        reason = answer.end.finish_reason or "stop"
        self._accept(answer.said, reason, answer.refused, call)
        if not answer.said.strip() and reason != "tool_calls":
            raise self._nothing(reason, call)
        return replace(answer.end, finish_reason=reason)

    def _interrupted(self, document: Mapping[str, Any], call: Call) -> ProviderError:
        return interrupted(
            document, provider=self.name, model=call.model, secrets=self.secrets, codes=CODES
        )

    def _accept(self, text: str, reason: str | None, refusal: Any, call: Call) -> None:
        """Pass an answer on unless the vendor's filter or the model itself refused it."""
        if reason != "content_filter" and not (refusal and not text):
            return
        why = f": {str(refusal)[:200]}" if refusal else ""
        raise ContentFiltered(
            f"{self.name} refused to answer this{why}",
            provider=self.name,
            model=call.model,
            code="content_filter" if reason == "content_filter" else "refusal",
        )

    def _nothing(self, reason: str, call: Call) -> MalformedResponse:
        """An answer without a text, which nobody could use."""
        hint = "try another model"
        if reason == "length":
            hint = "raise max_tokens: a model that reasons spends them before it answers"
        return MalformedResponse(
            f"{self.name} answered with nothing but blanks (finish reason '{reason}')",
            provider=self.name,
            model=call.model,
            hint=hint,
        )


class _Streamed:
    """What the chunks of a stream have said so far.

    Attributes:
        end: The last delta, as far as it is known.
        said: A text, as soon as one is more than blanks.
        refused: Why the model would not answer.
        events: How many there were.
    """

    def __init__(self, call: Call) -> None:
        self.end = ChatDelta(model=call.model, usage=Usage())
        self.said = ""
        self.refused = ""
        self.events = 0

    def take(self, chunk: Mapping[str, Any]) -> str:
        """The text of a chunk."""
        choices = chunk.get("choices")
        choice = choices[0] if choices else {}
        delta = choice.get("delta") or {}
        self.end = replace(
            self.end,
            model=chunk.get("model") or self.end.model,
            usage=usage_of(chunk) if chunk.get("usage") else self.end.usage,
            finish_reason=choice.get("finish_reason") or self.end.finish_reason,
        )
        self.refused += delta.get("refusal") or ""
        text = _text(delta.get("content"))
        if not self.said.strip():
            self.said = text
        return text


def response_format(schema: Mapping[str, Any], mode: str) -> dict[str, Any]:
    """What holds an answer to JSON; strictly, where the schema fulfils OpenAI's conditions."""
    if mode == "object":
        return {"type": "json_object"}
    form = {"name": "answer", "schema": schema, "strict": strict(schema)}
    return {"type": "json_schema", "json_schema": form}


def strict(schema: Any) -> bool:
    """Whether OpenAI accepts a schema as ``strict``: objects closed, all properties required.

    Source: OpenAI's guide "Structured model outputs", section "Supported schemas".
    """
    if isinstance(schema, list):
        return all(strict(part) for part in schema)
    if not isinstance(schema, Mapping):
        return True
    if _LAX & schema.keys():
        return False
    if schema.get("type") != "object" and "properties" not in schema:
        return all(strict(part) for part in schema.values())
    properties = schema.get("properties", {})
    closed = schema.get("additionalProperties") is False
    required = set(schema.get("required", ())) == set(properties) != set()
    return closed and required and all(strict(part) for part in properties.values())


_LAX: Final = frozenset(
    {"oneOf", "allOf", "not", "if", "then", "else", "patternProperties", "dependentRequired"}
)


def usage_of(document: Mapping[str, Any]) -> Usage:
    """The tokens of a document or chunk; zero where it does not say."""
    usage = document.get("usage") or {}
    return Usage(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))


def _text(content: Any) -> str:
    """A content that is a text, a list of parts, or null."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content)
    if content is not None and not isinstance(content, str):
        raise TypeError(f"the content is {type(content).__name__}")
    return content or ""
