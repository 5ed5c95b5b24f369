"""Anthropic's wire format: the Messages API.

``POST {api_base}/v1/messages``; the system's words stand beside the turns, ``max_tokens`` is
required, an answer is ``content[].text`` with ``usage.{input,output}_tokens``, and a stream is
named server-sent events from ``message_start`` to ``message_stop``, without ``[DONE]``. Sources:
the official SDK, anthropic 2.12 (``types/message_create_params.py``,
``types/raw_message_*_event.py``, ``_client.py``), and https://platform.claude.com/docs/en/api,
"Streaming" and "Migrate to API version 2026-10-21".
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final
from urllib.parse import quote

from luminora.errors import (
    ConnectionFailed,
    ContentFiltered,
    InvalidRequest,
    MalformedResponse,
    ProviderError,
)
from luminora.providers.base import Capability, CheckResult, ProviderContext, Status
from luminora.providers.chat import Call, HttpLLM
from luminora.providers.http import Response
from luminora.providers.llm import ChatDelta, ChatMessage, ChatRequest, ChatResult, Task, Usage
from luminora.providers.models import ModelFacts, ModelTable
from luminora.providers.wire import parsed, server_events
from luminora_claude.errors import broken_off, failed
from luminora_claude.schemas import held

_SAMPLING: Final = frozenset({"temperature", "top_p", "top_k"})
_WITHOUT_SAMPLING: Final = "2026-10-21"
"""The API version that refuses :data:`_SAMPLING`, whatever the model."""
_TASKS: Final[tuple[Task, ...]] = ("conversation", "analysis")
_ENOUGH: Final = 1000
"""Characters of a stream that are kept to see whether it says anything."""


class ClaudeModels(ModelTable):
    """What is known of the models, as one version of the API serves them.

    Attributes:
        refused: Parameters that the version refuses for every model.
    """

    refused: frozenset[str] = frozenset()

    def facts(self, model: str) -> ModelFacts:
        """What is known of a model."""
        known = super().facts(model)
        return replace(known, unsupported=known.unsupported | self.refused)


class Claude(HttpLLM):
    """Claude.

    Beside the common settings it reads ``anthropic_version``, ``auth``, ``max_tokens``,
    ``thinking``, ``thinking_max_tokens``, ``structured_outputs``, ``options`` and ``headers``.
    """

    path: ClassVar[str] = "/v1/messages"

    def __init__(self, name: str, config: Mapping[str, Any], context: ProviderContext) -> None:
        # people copy the base with and without its version
        base = str(config["api_base"]).rstrip("/").removesuffix("/v1")
        table = ClaudeModels.of(
            "luminora_claude", config.get("prices"), default=ModelFacts(json="none")
        )
        if config["anthropic_version"] >= _WITHOUT_SAMPLING:
            table.refused = _SAMPLING
        super().__init__(name, {**config, "api_base": base}, context, table)
        if not config["structured_outputs"]:
            self.json_mode = Capability.UNSUPPORTED

    def headers(self, key: str | None) -> dict[str, str]:
        """The key, the version of the API, and the configured headers."""
        found = {"anthropic-version": self.config["anthropic_version"]}
        if self.config["auth"] == "bearer":
            found |= super().headers(key)
        elif key:
            found["x-api-key"] = key
        return {**found, **self.config["headers"]}

    def path_of_check(self, model: str) -> str:
        """The model's own page, which also tells whether it exists still."""
        return f"/v1/models/{quote(model, safe='')}"

    async def check(self) -> CheckResult:
        """Ask for the model's page; a configured parameter that it refuses is a reservation."""
        found = await super().check()
        if found.status is not Status.OK:
            return found
        for task in _TASKS:
            try:
                self.call_of(ChatRequest(messages=(ChatMessage("user", "hello"),), task=task))
            except InvalidRequest as error:
                return replace(found, status=Status.WARNING, detail=f"{task}: {error}")
        return found

    def body(self, call: Call) -> dict[str, Any]:
        """The call as Anthropic's JSON."""
        request = call.request
        body: dict[str, Any] = {
            "model": call.model,
            "max_tokens": self._max_tokens(call),
            "messages": self._turns(call),
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if self.config["thinking"] == "off":
            body = _merged(body, call.facts.extra.get("quiet", {}))
        form, word = self._form(call)
        if form is not None:
            wanted = {"output_config": {"format": {"type": "json_schema", "schema": form}}}
            body = _merged(body, wanted)
        system = [turn.content for turn in request.messages if turn.role == "system"]
        if any(text.strip() for text in [*system, word]):
            body["system"] = "\n\n".join(text for text in [*system, word] if text.strip())
        body = _merged(body, {**self.config["options"], **request.options})
        if call.stream:
            body["stream"] = True
        return body

    def _max_tokens(self, call: Call) -> int:
        """Room for the answer, and beside it for the thoughts of a model that has them."""
        facts = call.facts
        thinks = facts.extra.get("thinks")
        asked: int = call.request.max_tokens or self._default_max_tokens(facts)
        room = asked
        if thinks == "always" or (thinks and self.config["thinking"] != "off"):
            room += self.config["thinking_max_tokens"]
        return max(asked, min(room, facts.max_output)) if facts.max_output else room

    def _default_max_tokens(self, facts: ModelFacts) -> int:
        configured: int = self.config["max_tokens"]
        return min(configured, facts.max_output or configured)

    def _turns(self, call: Call) -> list[dict[str, str]]:
        """The turns; without blank ones, which the API refuses, and with a user's turn first.

        Raises:
            InvalidRequest: Nobody says anything to answer.
        """
        turns = [
            {"role": turn.role, "content": turn.content}
            for turn in call.request.messages
            if turn.role != "system" and turn.content.strip()
        ]
        if not turns:
            raise InvalidRequest(
                "there is nothing to answer: no message of the user has a text",
                provider=self.name,
                model=call.model,
            )
        if turns[0]["role"] != "user":  # a window of the history may begin with an answer
            turns.insert(0, {"role": "user", "content": "…"})
        return turns

    def _form(self, call: Call) -> tuple[dict[str, Any] | None, str]:
        """What holds the answer to JSON: a schema, or else a word to the model."""
        schema = call.request.schema
        if schema is None:
            return None, ""
        if call.facts.json == "schema" and self.config["structured_outputs"]:
            form = held(schema)
            if form is not None:
                return form, ""
        return None, (
            "Answer with one JSON object and no other text. It has to fit this JSON Schema: "
            f"{json.dumps(schema, ensure_ascii=False)}"
        )

    def result(self, document: Any, call: Call) -> ChatResult:
        """The answer; raises where it is a refusal or nothing at all."""
        text = "".join(block["text"] for block in document["content"] if block["type"] == "text")
        reason = document.get("stop_reason") or "end_turn"
        self._accept(text, reason, document.get("stop_details"), call)
        return ChatResult(
            text=text,
            model=document.get("model") or call.model,
            usage=_usage(document["usage"]),
            finish_reason=reason,
            raw=document,
        )

    async def deltas(self, lines: AsyncIterator[str], call: Call) -> AsyncIterator[ChatDelta]:
        """The pieces; reads to the very end, so that the connection can be used again."""
        end = ChatDelta(model=call.model, usage=Usage())
        counted: dict[str, Any] = {}
        said, events, over = "", 0, False
        async for event in server_events(lines):
            events += 1
            document = parsed(event.data, self.name, call.model)
            kind = document["type"]
            if kind == "error":
                raise broken_off(
                    document, provider=self.name, model=call.model, secrets=self.secrets
                )
            if kind == "message_start":
                end = replace(end, model=document["message"].get("model") or call.model)
                counted |= document["message"]["usage"]
            elif text := _piece(document):
                said += text if len(said) < _ENOUGH else ""
                yield ChatDelta(text=text, model=end.model)
            elif kind == "message_delta":
                counted |= {k: v for k, v in document["usage"].items() if v is not None}
                reason = document["delta"].get("stop_reason") or "end_turn"
                self._accept(said, reason, document["delta"].get("stop_details"), call)
                end = replace(end, finish_reason=reason, usage=_usage(counted))
            over = over or kind == "message_stop"
        if not over:
            raise self._unfinished(events, call)
        yield end

    def _unfinished(self, events: int, call: Call) -> ProviderError:
        if not events:
            return MalformedResponse(
                f"{self.name} answered without a single event", provider=self.name, model=call.model
            )
        return ConnectionFailed(
            f"{self.name} stopped in the middle of an answer", provider=self.name, model=call.model
        )

    def _accept(self, text: str, reason: str, details: Any, call: Call) -> None:
        """Pass an answer on unless it was refused or says nothing."""
        if reason == "refusal":
            why = (details or {}).get("explanation") or (details or {}).get("category")
            raise ContentFiltered(
                f"{self.name} refused to answer this{f': {why}' if why else ''}",
                provider=self.name,
                model=call.model,
                code="refusal",
            )
        if not text.strip():
            raise MalformedResponse(
                f"{self.name} answered without a text (stop reason '{reason}')",
                provider=self.name,
                model=call.model,
                hint="raise max_tokens: a model that thinks spends them before it answers"
                if reason == "max_tokens"
                else None,
            )

    def failed(self, response: Response, model: str | None) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return failed(response, provider=self.name, model=model, secrets=self.secrets)


def _piece(document: Mapping[str, Any]) -> str:
    """The words of an event: a block may begin with some. Thoughts and tools are no words."""
    if document["type"] == "content_block_start":
        return document["content_block"].get("text") or ""
    if document["type"] == "content_block_delta" and document["delta"]["type"] == "text_delta":
        return str(document["delta"]["text"])
    return ""


def _usage(counts: Mapping[str, Any]) -> Usage:
    """All tokens of the prompt, cached ones included, and those of the answer."""
    prompt: Iterable[int] = (
        counts.get(name) or 0
        for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    )
    return Usage(sum(prompt), counts.get("output_tokens") or 0)


def _merged(body: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """``body`` with ``more`` over it; ``output_config`` has several owners and is joined."""
    merged = {**body, **more}
    if isinstance(more.get("output_config"), Mapping):
        merged["output_config"] = {**body.get("output_config", {}), **more["output_config"]}
    return merged
