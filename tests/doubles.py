"""Stand-ins that tests script: a language model, an embedding model, a counting storage."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

from luminora.config import load_config
from luminora.providers import (
    ChatDelta,
    ChatRequest,
    ChatResult,
    CheckResult,
    EmbeddingProvider,
    LLMProvider,
    Status,
    Usage,
    Vector,
)
from luminora.stack import Stack

NOTHING_LEARNED = {"facts": [], "sentiment": "neutral"}


def stack_with(**providers: Any) -> Stack:
    """The configured stack with some providers replaced."""
    return replace(Stack.build(load_config()), **providers)


class ScriptedLLM(LLMProvider):
    """Says what it is told to say, and keeps what it was asked.

    ``conversation`` and ``analysis`` are an answer, an exception to raise, or a function of the
    request that returns either.
    """

    name = "scripted"

    def __init__(self) -> None:
        self.conversation: Any = "Entendido."
        self.analysis: Any = NOTHING_LEARNED
        self.requests: list[ChatRequest] = []
        self.pieces: list[str | Exception] | None = None

    async def chat(self, request: ChatRequest) -> ChatResult:
        self.requests.append(request)
        script = self.analysis if request.task == "analysis" else self.conversation
        answer = script(request) if isinstance(script, Callable) else script  # type: ignore[arg-type]
        if isinstance(answer, BaseException):
            raise answer
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return ChatResult(text=text, model="script-1", usage=Usage(10, 5))

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        if self.pieces is None:
            async for delta in super().stream(request):
                yield delta
            return
        self.requests.append(request)
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield ChatDelta(text=piece, model="script-1")

    async def check(self) -> CheckResult:
        return CheckResult(Status.OK)

    def asked(self, task: str) -> list[ChatRequest]:
        """The requests of one task."""
        return [request for request in self.requests if request.task == task]


class ScriptedEmbedding(EmbeddingProvider):
    """Vectors by a function of the text; counts calls and fails on demand."""

    name = "scripted"
    model_id = "script-embed"

    def __init__(self, dimension: int | None = 4, *, batch: int = 3) -> None:
        self.dimension = dimension
        self.max_batch_size = batch
        self.calls: list[list[str]] = []
        self.failures: list[Exception] = []
        self.vector: Callable[[str], Vector] = lambda text: [1.0, float(len(text)), 0.5, 0.25]

    async def create_embeddings_batch(
        self, texts: Sequence[str], *, purpose: str = "document"
    ) -> list[Vector]:
        self.calls.append(list(texts))
        if self.failures:
            raise self.failures.pop(0)
        return [self.vector(text) for text in texts]

    async def check(self) -> CheckResult:
        return CheckResult(Status.OK)
