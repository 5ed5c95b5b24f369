"""Asking for one JSON object beside the conversation: of the configured model, or of none.

Classifying many messages and summing up old episodes is better with a model and possible without
one, so an answer that cannot be had is None rather than an error wherever a stand-in is configured.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from luminora.errors import ProviderTimeout
from luminora.providers import ChatMessage, ChatRequest, Grounding, LLMProvider
from luminora.providers.jsontext import parse_object

log = logging.getLogger(__name__)

_RULES: Final = "offline"
_SECONDS = 120.0
_MAX_TOKENS = 4_000


class Structured:
    """A language model for structured answers, and its stand-in.

    Args:
        llm: The configured model.
        fallback: The stand-in; None lets failures through.
    """

    def __init__(self, llm: LLMProvider, fallback: LLMProvider | None) -> None:
        self._llm = llm
        self._fallback = fallback

    @property
    def name(self) -> str:
        """The provider of the configured model."""
        return self._llm.name

    async def ask(
        self, instructions: str, data: Any, schema: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """The object a model answers with; None if there are only rules to ask.

        It is asked once: what of the answer is malformed the caller leaves out, and an answer
        that is no JSON at all comes as an empty object.

        Args:
            instructions: What to do with the data.
            data: Any JSON value; it is quoted, never part of the instructions.
            schema: What the answer should fit; vendors that can be held to it are.

        Raises:
            ProviderError: The model failed and there is no stand-in.
        """
        if self._llm.name == _RULES:
            return None
        request = ChatRequest(
            messages=(
                ChatMessage("system", f"{instructions}\nSchema: {json.dumps(schema)}"),
                ChatMessage("user", json.dumps(data, ensure_ascii=False)),
            ),
            temperature=0.1,
            max_tokens=_MAX_TOKENS,
            schema=schema,
            task="analysis",
        )
        if not self._llm.accepts("temperature", request):
            request = replace(request, temperature=None)
        try:
            async with asyncio.timeout(_SECONDS):
                result = await self._llm.chat(request)
        except Exception as error:
            if self._fallback is None:
                if isinstance(error, TimeoutError):
                    text = f"no answer within {_SECONDS:g} s"
                    raise ProviderTimeout(text, provider=self._llm.name) from error
                raise
            log.warning("%s failed, rules stand in: %s", self._llm.name, error)
            return None
        attempts = result.attempts
        if attempts and attempts[-1].provider == _RULES:
            return None
        return parse_object(result.text) or {}

    async def by_rules(self, text: str) -> Mapping[str, Any] | None:
        """What the embedded rules say of one message; None if no embedded model is configured."""
        providers: Sequence[LLMProvider | None] = (self._fallback, self._llm)
        rules = next((one for one in providers if one is not None and one.name == _RULES), None)
        if rules is None:
            return None
        answer, _ = await rules.chat_json(
            ChatRequest(
                messages=(ChatMessage("user", text),),
                task="analysis",
                grounding=Grounding(user_text=text),
            )
        )
        return answer
