"""Who speaks in a call: the model that the call names, or else the one of the stack."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from luminora.config import Config
from luminora.errors import LuminoraError, ProviderError
from luminora.providers import (
    ChatDelta,
    ChatRequest,
    ChatResult,
    CheckResult,
    LLMProvider,
    Status,
)
from luminoracore_sdk.providers.base import build
from luminoracore_sdk.types.provider import ProviderConfig
from luminoracore_sdk.wrapping import Wrapped

MAX_LINES = 64
"""Models that stay connected; the least recently used go first, but none that is speaking."""

Wanted = ProviderConfig | LLMProvider | Mapping[str, Any] | None
"""How a call names its model: a configuration, a provider, or nothing."""


@dataclass(eq=False, slots=True)
class _Line:
    """A model, and how many calls are using it."""

    provider: LLMProvider
    calls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """What the call under way asks for."""

    provider: LLMProvider
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def shaped(self, request: ChatRequest) -> ChatRequest:
        """The request with the call's own parameters, if it is the one that answers."""
        if request.task != "conversation" or not self.parameters:
            return request
        return replace(request, **self.parameters)


_call: ContextVar[_Call | None] = ContextVar("luminoracore_sdk_call", default=None)


class Switchboard(Wrapped):
    """Connects each call with the model it names.

    A model that cannot be had (its plugin is missing, it wants a key, its configuration is none)
    fails when it is asked, so that the embedded responder stands in and the reply says why.

    Args:
        standing: The stack's own model, for calls that name none.
        config: The stack's.
    """

    def __init__(self, standing: LLMProvider, config: Config) -> None:
        self._standing = standing
        self._config = config
        self._lines: OrderedDict[tuple[str, ...], _Line] = OrderedDict()

    @property
    def inner(self) -> LLMProvider:
        """The model of the call under way."""
        call = _call.get()
        return call.provider if call else self._standing

    @asynccontextmanager
    async def to(self, wanted: Wanted, **parameters: Any) -> AsyncIterator[None]:
        """Within it, this task and those it starts speak through the model that is wanted.

        Args:
            wanted: Which; None for the stack's own.
            parameters: ``temperature`` and ``max_tokens`` of the answer; None counts as not given.
        """
        line = self._line(wanted)
        given = {name: value for name, value in parameters.items() if value is not None}
        line.calls += 1
        token = _call.set(_Call(provider=line.provider, parameters=given))
        try:
            yield
        finally:
            _call.reset(token)
            line.calls -= 1
            await self._shorten()

    def _line(self, wanted: Wanted) -> _Line:
        if wanted is None:
            return _Line(self._standing)
        if isinstance(wanted, LLMProvider):
            return _Line(wanted)
        name = "provider_config"
        try:
            config = ProviderConfig.of(wanted)
            name, key = config.name, config.identity()
            if key not in self._lines:
                self._lines[key] = _Line(build(config, self._config))
        except LuminoraError as error:
            return _Line(_Unavailable(name, error))
        self._lines.move_to_end(key)
        return self._lines[key]

    async def _shorten(self) -> None:
        idle = [key for key, line in self._lines.items() if not line.calls]
        surplus = max(len(self._lines) - MAX_LINES, 0)
        for line in [self._lines.pop(key) for key in idle[:surplus]]:
            await line.provider.aclose()

    async def chat(self, request: ChatRequest) -> ChatResult:
        """Answer one request."""
        return await self.inner.chat(_shaped(request))

    def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Answer piece by piece."""
        return self.inner.stream(_shaped(request))

    async def aclose(self) -> None:
        """Hang up everywhere; providers that were handed in are their owner's to close."""
        lines = [line.provider for line in self._lines.values()]
        self._lines.clear()
        for provider in [*lines, self._standing]:
            await provider.aclose()


def _shaped(request: ChatRequest) -> ChatRequest:
    call = _call.get()
    return call.shaped(request) if call else request


class _Unavailable(LLMProvider):
    """A model that cannot be had."""

    def __init__(self, name: str, error: LuminoraError) -> None:
        self.name = name
        self._error = error

    async def chat(self, request: ChatRequest) -> ChatResult:  # noqa: ARG002 - nobody is there
        """Say why, and what to do about it."""
        hint = f" ({self._error.hint})" if self._error.hint else ""
        raise ProviderError(f"{self._error.message}{hint}", provider=self.name) from self._error

    async def check(self) -> CheckResult:
        """Say why."""
        return CheckResult(Status.ERROR, str(self._error))
