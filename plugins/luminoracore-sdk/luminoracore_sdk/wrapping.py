"""A language model that speaks through another."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any

from luminora.providers import ChatDelta, ChatRequest, ChatResult, CheckResult, LLMProvider


class Wrapped(LLMProvider):
    """Passes everything on to :attr:`inner`."""

    @property
    @abstractmethod
    def inner(self) -> LLMProvider:
        """Who speaks."""

    @property
    def name(self) -> str:  # type: ignore[override]
        """The name of who speaks."""
        return self.inner.name

    async def chat(self, request: ChatRequest) -> ChatResult:
        """Answer one request."""
        return await self.inner.chat(request)

    def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Answer piece by piece."""
        return self.inner.stream(request)

    def accepts(self, parameter: str, request: ChatRequest) -> bool:
        """Whether the model accepts a parameter, as far as known."""
        return self.inner.accepts(parameter, request)

    async def chat_json(self, request: ChatRequest) -> tuple[dict[str, Any], ChatResult]:
        """The parsed object and the answer it was found in."""
        return await self.inner.chat_json(request)

    async def check(self) -> CheckResult:
        """Whether the model can be used now."""
        return await self.inner.check()

    async def aclose(self) -> None:
        """Let go of the model."""
        await self.inner.aclose()
