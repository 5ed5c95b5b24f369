"""Speaking through the configured model, and through the embedded one when that fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from luminora.errors import LuminoraError, ProviderError, ProviderTimeout
from luminora.memory.validate import clean
from luminora.providers import (
    Attempt,
    ChatDelta,
    ChatRequest,
    ChatResult,
    LLMProvider,
    Usage,
)

log = logging.getLogger(__name__)

_EMBEDDED = "offline"
REPLY_SECONDS = 120.0
"""Longest wait for a whole answer, and for the next piece of a streamed one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """An answer, who gave it, and why it was not the configured model if it was not.

    ``attempts`` is what a gateway tried; the provider is then the one of its chain that answered.
    """

    text: str
    model: str
    provider: str
    usage: Usage = field(default_factory=Usage)
    reason: str | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def degraded(self) -> bool:
        """Whether something failed on the way."""
        return self.reason is not None


@dataclass(frozen=True, slots=True)
class Found:
    """A structured answer: the object, the answer it was found in, and who gave it."""

    answer: dict[str, Any]
    result: ChatResult
    provider: str


class Voice:
    """A language model and its stand-in.

    Args:
        llm: The configured model.
        fallback: Answers when ``llm`` cannot; None lets the failure through.
    """

    def __init__(self, llm: LLMProvider, fallback: LLMProvider | None) -> None:
        self._llm = llm
        self._fallback = fallback if fallback is not llm else None

    async def reply(self, request: ChatRequest) -> Spoken:
        """The answer to a conversation turn.

        Raises:
            LuminoraError: The model failed and there is no stand-in.
        """
        try:
            return await self._ask(self._llm, request)
        except Exception as error:
            if self._fallback is None:
                raise
            reason, tried = self._told(error), _tried(error)
        spoken = await self._ask(self._fallback, request)
        return replace(spoken, reason=reason, attempts=tried)

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | Spoken]:
        """The answer's pieces, then the whole of it.

        Before the first piece a failure turns to the stand-in; after it, the answer ends where
        it broke off and says so in ``reason``.
        """
        pieces: list[str] = []
        last: ChatDelta | None = None
        provider, reason = self._llm, None
        tried: tuple[Attempt, ...] = ()
        try:
            async for delta in _timed(self._llm.stream(request), self._llm.name):
                last = delta
                if piece := clean(delta.text):
                    pieces.append(piece)
                    yield piece
        except Exception as error:
            if not pieces and self._fallback is None:
                raise
            reason, tried = self._told(error), _tried(error)
        if reason is not None and not pieces and self._fallback is not None:
            provider = self._fallback
            async for delta in self._fallback.stream(request):
                last = delta
                pieces.append(delta.text)
                yield delta.text
        attempts = last.attempts if last else ()
        yield Spoken(
            text="".join(pieces),
            model=(last.model if last else None) or provider.name,
            provider=_speaker(provider, attempts),
            usage=(last.usage if last else None) or Usage(),
            reason=reason or stood_in(attempts),
            attempts=attempts or tried,
        )

    @property
    def metered(self) -> bool:
        """Whether the configured model's answers cost something."""
        return self._llm.metered

    @property
    def rules_only(self) -> bool:
        """Whether the configured model is the embedded responder itself."""
        return self._llm.name == _EMBEDDED

    @property
    def has_rules(self) -> bool:
        """Whether a stand-in can be asked in place of the configured model."""
        return self._fallback is not None

    async def extract(self, request: ChatRequest) -> Found:
        """The configured model's structured answer.

        Raises:
            LuminoraError: It failed, or gave no usable JSON twice.
        """
        if not self._llm.accepts("temperature", request):
            request = replace(request, temperature=None)
        return await self._found(self._llm, request)

    async def by_rules(self, request: ChatRequest) -> Found:
        """The stand-in's structured answer; ask only if :attr:`has_rules`."""
        return await self._found(self._fallback or self._llm, request)

    def failure(self, error: Exception) -> str:
        """One line about a failure of the configured model, once the stand-in takes over.

        Raises:
            Exception: The same error, if nobody stands in.
        """
        if self._fallback is None:
            raise error
        return self._told(error)

    async def _found(self, provider: LLMProvider, request: ChatRequest) -> Found:
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                answer, result = await provider.chat_json(request)
        except TimeoutError as error:
            raise _late(provider) from error
        return Found(answer, result, _speaker(provider, result.attempts))

    async def _ask(self, provider: LLMProvider, request: ChatRequest) -> Spoken:
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                result = await provider.chat(request)
        except TimeoutError as error:
            raise _late(provider) from error
        attempts = result.attempts
        return Spoken(
            text=clean(result.text),
            model=result.model,
            provider=_speaker(provider, attempts),
            usage=result.usage,
            reason=stood_in(attempts),
            attempts=attempts,
        )

    def _told(self, error: Exception) -> str:
        """One line about a failure, logged; a plugin may raise anything."""
        what = error.message if isinstance(error, LuminoraError) else f"{error}"
        reason = f"{self._llm.name}: {type(error).__name__}: {what}"
        log.warning("the configured model failed, the embedded one stands in: %s", reason)
        return reason


def _late(provider: LLMProvider) -> ProviderTimeout:
    return ProviderTimeout(f"no answer within {REPLY_SECONDS:g} s", provider=provider.name)


def _speaker(provider: LLMProvider, attempts: Sequence[Attempt]) -> str:
    """Who gave an answer: of a gateway, the one of its chain."""
    return attempts[-1].provider if attempts else provider.name


def _tried(error: Exception) -> tuple[Attempt, ...]:
    """What a gateway tried before it gave up."""
    return error.attempts if isinstance(error, ProviderError) else ()


def stood_in(attempts: Sequence[Attempt]) -> str | None:
    """Why a chain's answer is the embedded responder's, if others were to give one before it."""
    if not attempts or attempts[-1].provider != _EMBEDDED:
        return None
    before = (f"{one.provider}: {one.error or one.outcome}" for one in attempts[:-1])
    return "; ".join(dict.fromkeys(before)) or None


async def _timed(deltas: AsyncIterator[ChatDelta], provider: str) -> AsyncIterator[ChatDelta]:
    """The same deltas, with a limit on the wait for each."""
    while True:
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                delta = await anext(deltas)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise ProviderTimeout(
                f"no further piece within {REPLY_SECONDS:g} s", provider=provider
            ) from error
        yield delta
