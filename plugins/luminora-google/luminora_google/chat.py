"""Gemini's wire format for conversation: ``generateContent``.

``POST {api_base}/{api_version}/models/{model}:generateContent``, with the key in
``x-goog-api-key``; roles are ``user`` and ``model``, the system's words stand beside the turns, and
an answer is ``candidates[0].content.parts[].text`` with ``usageMetadata``. A stream is
``:streamGenerateContent?alt=sse``: such answers as server-sent events, the last one with a
``finishReason``, no ``[DONE]``. Sources: https://ai.google.dev/api/generate-content and the
official SDK, google-genai 3.4 (``models.py``, ``types.py``, ``_api_client.py``), which asks version
``v1``; the documentation asks ``v1beta``, which is the default here.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, Final

from luminora.errors import (
    ConnectionFailed,
    ContentFiltered,
    InvalidRequest,
    MalformedResponse,
    ProviderError,
)
from luminora.providers.base import ProviderContext
from luminora.providers.chat import Call, HttpLLM
from luminora.providers.http import Response
from luminora.providers.llm import ChatDelta, ChatResult, Usage
from luminora.providers.models import ModelFacts, ModelTable
from luminora.providers.wire import parsed, server_events
from luminora_google.endpoint import based, headers_of, path_of
from luminora_google.errors import broken_off, failed
from luminora_google.schemas import shaped

_FILTERED: Final = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "ESCALATION",
        "MODEL_ARMOR",
        "PUP_LIMITED_DISABLED",
    }
)
"""Finish reasons that are refusals (google-genai 3.4, ``types.FinishReason``)."""
_BESIDE: Final = frozenset(
    {"safetySettings", "tools", "toolConfig", "cachedContent", "labels", "serviceTier", "store"}
)
"""Parameters that stand beside ``generationConfig``; all others stand in it."""
_SPELLINGS: Final = {
    "top_p": "topP",
    "top_k": "topK",
    "stop": "stopSequences",
    "stop_sequences": "stopSequences",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "safety_settings": "safetySettings",
}
_ROLES: Final = {"user": "user", "assistant": "model"}
_ENOUGH: Final = 1000
"""Characters of a stream that are kept to see whether it says anything."""


class Gemini(HttpLLM):
    """Gemini.

    Beside the common settings it reads ``api_version``, ``thinking``, ``thinking_max_tokens``,
    ``options`` and ``headers``.
    """

    def __init__(self, name: str, config: Mapping[str, Any], context: ProviderContext) -> None:
        table = ModelTable.of(
            "luminora_google", config.get("prices"), default=ModelFacts(json="object")
        )
        super().__init__(name, based(config), context, table)

    def headers(self, key: str | None) -> dict[str, str]:
        """The key, in a header of Google's own, and the configured headers."""
        return headers_of(self.config, key)

    def path_of(self, call: Call) -> str:
        """The method of the model."""
        method = ":streamGenerateContent?alt=sse" if call.stream else ":generateContent"
        return path_of(self.config, call.model, method)

    def path_of_check(self, model: str) -> str:
        """The model's own page, which also tells whether it exists still."""
        return path_of(self.config, model)

    def body(self, call: Call) -> dict[str, Any]:
        """The call as Google's JSON."""
        system, contents = self._contents(call)
        body: dict[str, Any] = {"contents": contents}
        if system:
            body["systemInstruction"] = {"parts": [{"text": system}]}
        settings = self._settings_of(call)
        for name, value in {**self.config["options"], **call.request.options}.items():
            place = body if name in _BESIDE or _SPELLINGS.get(name) in _BESIDE else settings
            place[_SPELLINGS.get(name, name)] = value
        if settings:
            body["generationConfig"] = settings
        return body

    def _settings_of(self, call: Call) -> dict[str, Any]:
        request, facts = call.request, call.facts
        settings: dict[str, Any] = {}
        if request.temperature is not None:
            settings["temperature"] = request.temperature
        if request.max_tokens is not None:
            settings["maxOutputTokens"] = self._room(request.max_tokens, facts)
        if self.config["thinking"] == "off" and "quiet" in facts.extra:
            settings["thinkingConfig"] = dict(facts.extra["quiet"])
        if request.schema is not None and facts.json != "none":
            settings["responseMimeType"] = "application/json"
            form = shaped(request.schema) if facts.json == "schema" else None
            if form is not None:
                settings["responseJsonSchema"] = form
        return settings

    def _room(self, asked: int, facts: ModelFacts) -> int:
        """Room for the answer, and beside it for the thoughts of a model that has them."""
        thinks = facts.extra.get("thinks")
        room = asked
        if thinks == "always" or (thinks and self.config["thinking"] != "off"):
            room += self.config["thinking_max_tokens"]
        return max(asked, min(room, facts.max_output)) if facts.max_output else room

    def _contents(self, call: Call) -> tuple[str, list[dict[str, Any]]]:
        """The system's words and the turns.

        Raises:
            InvalidRequest: Nobody says anything to answer.
        """
        turns = [turn for turn in call.request.messages if turn.content.strip()]
        contents = [
            {"role": _ROLES[turn.role], "parts": [{"text": turn.content}]}
            for turn in turns
            if turn.role != "system"
        ]
        if not contents:
            raise InvalidRequest(
                "there is nothing to answer: no message of the user has a text",
                provider=self.name,
                model=call.model,
            )
        words = [turn.content for turn in turns if turn.role == "system"]
        words += self._word_about_json(call)
        system = "\n\n".join(words)
        if system and call.facts.extra.get("system") is False:
            contents.insert(0, {"role": "user", "parts": [{"text": system}]})
            return "", contents
        return system, contents

    def _word_about_json(self, call: Call) -> list[str]:
        """What a model is told that cannot be held to the schema."""
        schema = call.request.schema
        if schema is None or (call.facts.json == "schema" and shaped(schema) is not None):
            return []
        word = "Answer with one JSON object and no other text. It has to fit this JSON Schema: "
        return [word + json.dumps(schema, ensure_ascii=False)]

    def result(self, document: Any, call: Call) -> ChatResult:
        """The answer; raises where it is a refusal or nothing at all."""
        self._admitted(document, call)
        candidate = document["candidates"][0]
        reason = candidate.get("finishReason") or "STOP"
        text = _text(candidate)
        self._accept(text, reason, candidate, call)
        return ChatResult(
            text=text,
            model=document.get("modelVersion") or call.model,
            usage=_usage(document.get("usageMetadata") or {}),
            finish_reason=reason,
            raw=document,
        )

    async def deltas(self, lines: AsyncIterator[str], call: Call) -> AsyncIterator[ChatDelta]:
        """The pieces; reads to the very end, so that the connection can be used again."""
        end = ChatDelta(model=call.model, usage=Usage())
        said, events = "", 0
        last: Mapping[str, Any] = {}
        async for event in server_events(lines):
            events += 1
            document = parsed(event.data, self.name, call.model)
            if document.get("error"):
                raise broken_off(
                    document, provider=self.name, model=call.model, secrets=self.secrets
                )
            self._admitted(document, call)
            if document.get("usageMetadata"):
                end = replace(end, usage=_usage(document["usageMetadata"]))
            end = replace(end, model=document.get("modelVersion") or end.model)
            for candidate in (document.get("candidates") or ())[:1]:
                last = candidate
                end = replace(end, finish_reason=candidate.get("finishReason") or end.finish_reason)
                if text := _text(candidate):
                    said += text if len(said) < _ENOUGH else ""
                    yield ChatDelta(text=text, model=end.model)
        if end.finish_reason is None:
            raise self._unfinished(events, call)
        self._accept(said, end.finish_reason, last, call)
        yield end

    def _unfinished(self, events: int, call: Call) -> ProviderError:
        if not events:
            return MalformedResponse(
                f"{self.name} answered without a single event", provider=self.name, model=call.model
            )
        return ConnectionFailed(
            f"{self.name} stopped in the middle of an answer", provider=self.name, model=call.model
        )

    def _admitted(self, document: Mapping[str, Any], call: Call) -> None:
        """Pass on an answer to a prompt that was not blocked."""
        feedback = document.get("promptFeedback") or {}
        if reason := feedback.get("blockReason"):
            why = feedback.get("blockReasonMessage")
            raise ContentFiltered(
                f"{self.name} blocked the prompt ({reason}){f': {why}' if why else ''}",
                provider=self.name,
                model=call.model,
                code=reason,
                hint="safetySettings in the provider's options say what is let through",
            )

    def _accept(self, text: str, reason: str, candidate: Mapping[str, Any], call: Call) -> None:
        """Pass an answer on unless it was refused or says nothing."""
        why = candidate.get("finishMessage")
        if reason in _FILTERED:
            raise ContentFiltered(
                f"{self.name} refused to answer this ({reason}){f': {why}' if why else ''}",
                provider=self.name,
                model=call.model,
                code=reason,
            )
        if not text.strip():
            raise MalformedResponse(
                f"{self.name} answered without a text ({reason}){f': {why}' if why else ''}",
                provider=self.name,
                model=call.model,
                hint="raise max_tokens: a model that thinks spends them before it answers"
                if reason == "MAX_TOKENS"
                else None,
            )

    def failed(self, response: Response, model: str | None) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return failed(response, provider=self.name, model=model, secrets=self.secrets)


def _text(candidate: Mapping[str, Any]) -> str:
    """The words of a candidate; thoughts are no words."""
    parts = (candidate.get("content") or {}).get("parts") or ()
    return "".join(part.get("text") or "" for part in parts if not part.get("thought"))


def _usage(counts: Mapping[str, Any]) -> Usage:
    """Tokens of the prompt, and of the answer with its thoughts, which cost the same."""
    prompt = (counts.get("promptTokenCount") or 0) + (counts.get("toolUsePromptTokenCount") or 0)
    spoken = (counts.get("candidatesTokenCount") or 0) + (counts.get("thoughtsTokenCount") or 0)
    return Usage(prompt, spoken)
