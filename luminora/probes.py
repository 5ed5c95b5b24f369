"""Try each part of a stack for real: a request, a vector, a query, a search, a round trip.

:mod:`luminora.checkup` asks the providers how they are; this makes them work. Nothing is created
and nothing is left behind: a database that does not exist yet stays so, and what is put into the
cache is taken out again.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from luminora import checkup
from luminora.errors import LuminoraError
from luminora.providers import (
    EVERY_USER,
    CacheProvider,
    ChatMessage,
    ChatRequest,
    CheckResult,
    EmbeddingProvider,
    Grounding,
    LLMProvider,
    Provider,
    Status,
    StorageProvider,
    VectorStoreProvider,
)

if TYPE_CHECKING:
    from luminora.config import Config

_TEXT = "test"
_MAX_TOKENS = 16  # models that think first need a few before they say anything
_NAMESPACE = "luminora-probe"
_KEPT_SECONDS = 60.0
_NOBODY = "luminora-probe"
"""A user that does not exist, for a search that finds nothing."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was tried.

    Attributes:
        text: What, in a few words.
        status: How it went; None while it is under way.
    """

    text: str
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of trying one part.

    Attributes:
        part: One of :data:`~luminora.checkup.PARTS`, or ``configuration``.
        result: The verdict. Its latency is that of the work itself, not of connecting.
        steps: What was done, in order.
    """

    part: str
    result: CheckResult
    steps: tuple[Step, ...] = ()


Listener = Callable[[str, Step | Probe], None]
"""Hears of every step of a part as it happens, and of the outcome when the part is done."""


@dataclass(slots=True)
class _Trail:
    """The steps of one part so far."""

    part: str
    listener: Listener
    steps: list[Step] = field(default_factory=list)

    def doing(self, text: str) -> None:
        self._add(Step(text))

    def done(self, text: str, status: Status = Status.OK) -> None:
        self._add(Step(text, status))

    def _add(self, step: Step) -> None:
        self.steps.append(step)
        self.listener(self.part, step)


async def probe_stack(
    config: Config,
    parts: Collection[str] | None = None,
    *,
    within: float = 30.0,
    listener: Listener | None = None,
) -> dict[str, Probe]:
    """Try the parts of a configured stack, all at once.

    Args:
        config: What names them; it need not be valid.
        parts: Only these of :data:`~luminora.checkup.PARTS`.
        within: Longest time for each, in seconds.
        listener: Hears of the steps.

    Returns:
        The outcomes, in the order of ``PARTS``; a part that cannot even be built is among them.
    """
    hear = listener or (lambda _part, _step: None)
    wanted = checkup.PARTS if parts is None else tuple(p for p in checkup.PARTS if p in parts)
    failed = checkup.invalid(config)
    needed = {*wanted, "storage"} if {"vector_store", "embedding"} & {*wanted} else {*wanted}
    built = checkup.build_parts(config, failed, needed)
    stack = _Stack(config, built)
    try:
        outcomes = await asyncio.gather(
            *(
                _tried(part, stack, within, hear)
                for part in wanted
                if part in built and part not in failed
            )
        )
    finally:
        for provider in built.values():
            await provider.aclose()
    found = {one.part: one for one in outcomes}
    found |= {part: Probe(part, result) for part, result in failed.items() if part not in found}
    order = [*wanted, *(part for part in found if part not in checkup.PARTS)]
    return {part: found[part] for part in order if part in found}


@dataclass(slots=True)
class _Stack:
    """What is probed; the storage is asked and connected once, for whoever needs it."""

    config: Config
    built: Mapping[str, Provider]
    _storage: asyncio.Task[CheckResult | None] | None = None

    async def storage_check(self) -> CheckResult | None:
        """The storage's own word; it is connected afterwards if that creates nothing."""
        if self._storage is None:
            self._storage = asyncio.ensure_future(self._checked())
        return await asyncio.shield(self._storage)

    async def _checked(self) -> CheckResult | None:
        storage = self.built.get("storage")
        if not isinstance(storage, StorageProvider):
            return None
        result = await storage.check()
        if result.data:
            with contextlib.suppress(LuminoraError):  # whoever uses it next is told why
                await storage.connect()
        return result

    async def tables(self) -> bool:
        """Whether the storage has its tables."""
        result = await self.storage_check()
        return bool(result and result.data and not result.data.get("missing_tables"))


async def _tried(part: str, stack: _Stack, within: float, listener: Listener) -> Probe:
    trail = _Trail(part, listener)
    try:
        async with asyncio.timeout(within):
            result = await _PROBES[part](stack, trail)
    except TimeoutError:
        result = CheckResult(Status.ERROR, f"no answer within {within:g} seconds")
    except LuminoraError as problem:
        result = checkup.failure(problem)
    except Exception as problem:  # noqa: BLE001 - a provider is anybody's code
        result = CheckResult(Status.ERROR, f"{type(problem).__name__}: {problem}")
    if result.status is Status.ERROR:
        trail.done(result.detail, Status.ERROR)
    outcome = Probe(part, result, tuple(trail.steps))
    listener(part, outcome)
    return outcome


async def _llm(stack: _Stack, trail: _Trail) -> CheckResult:
    model = stack.built["llm"]
    if not isinstance(model, LLMProvider):
        raise TypeError("it is no language model")
    trail.doing("Sending a test request")
    request = ChatRequest(
        messages=[ChatMessage("user", _TEXT)],
        max_tokens=_MAX_TOKENS,
        grounding=Grounding(user_text=_TEXT),
    )
    started = time.perf_counter()
    answer = await model.chat(request)
    took = _since(started)
    trail.done(f"{answer.model} answered")
    data = {"model": answer.model, "tokens": answer.usage.total_tokens}
    return CheckResult(Status.OK, f"model {answer.model}", took, data)


async def _embedding(stack: _Stack, trail: _Trail) -> CheckResult:
    model = stack.built["embedding"]
    if not isinstance(model, EmbeddingProvider):
        raise TypeError("it is no embedding model")
    trail.doing("Creating a test embedding")
    started = time.perf_counter()
    vector = await model.create_embedding(_TEXT)
    took = _since(started)
    data = {"model": model.model_id, "dimension": len(vector)}
    if not vector or not all(map(math.isfinite, vector)):
        return CheckResult(Status.ERROR, "the vector is empty or not made of numbers", took, data)
    if model.dimension not in {None, len(vector)}:
        text = f"{model.dimension} dimensions are configured and {len(vector)} came"
        return CheckResult(Status.ERROR, text, took, data)
    trail.done(f"{len(vector)} dimensions")
    storage = stack.built.get("storage")
    if isinstance(storage, StorageProvider) and await stack.tables():
        from luminora.memory.indexes import misfit  # noqa: PLC0415 - of stacks that exist

        trail.doing("Comparing with the index")
        if unfit := await misfit(storage, model):
            return CheckResult(Status.ERROR, unfit, took, data)
    return CheckResult(Status.OK, f"dimension {len(vector)}, model {model.model_id}", took, data)


async def _storage(stack: _Stack, trail: _Trail) -> CheckResult:
    storage = stack.built["storage"]
    if not isinstance(storage, StorageProvider):
        raise TypeError("it is no storage")
    trail.doing("Connecting")
    result = await stack.storage_check()
    if result is None:
        return CheckResult(Status.ERROR, "it was not built")
    missing = result.data.get("missing_tables")
    if result.status is Status.ERROR and not missing:
        return result
    if not result.data:  # there is nothing yet to connect to
        trail.done(result.detail, result.status)
        return result
    trail.done("Connected")
    trail.doing("Checking tables")
    if missing:
        text = f"{len(missing)} tables are missing: luminora migrate makes them"
        trail.done(text, Status.WARNING)
        return replace(result, status=Status.WARNING, detail=text)
    if pending := await _pending(stack.config, storage):
        text = f"{pending} migrations are pending: luminora migrate"
        trail.done(text, Status.WARNING)
        return replace(result, status=Status.WARNING, detail=text)
    trail.done("All tables are there")
    trail.doing("Running a test query")
    started = time.perf_counter()
    await storage.find("embedding_state", EVERY_USER, limit=1)
    took = _since(started)
    trail.done("The query was answered")
    return replace(result, latency_ms=took)


async def _vector_store(stack: _Stack, trail: _Trail) -> CheckResult:
    store = stack.built["vector_store"]
    if not isinstance(store, VectorStoreProvider):
        raise TypeError("it is no vector store")
    trail.doing("Connecting")
    storage = stack.built.get("storage")
    if isinstance(storage, StorageProvider) and await stack.tables():
        from luminora.memory.indexes import in_use  # noqa: PLC0415 - of stacks that exist

        store = await in_use(storage, store)
    result = await store.check()
    if result.status is Status.ERROR:
        return result
    trail.done(result.detail, result.status)
    dimension = result.data.get("dimension")
    if not isinstance(dimension, int) or not dimension:
        return result
    trail.doing("Searching")
    started = time.perf_counter()
    await store.query([1.0, *([0.0] * (dimension - 1))], 1, {"user_id": _NOBODY})
    took = _since(started)
    trail.done("The search was answered")
    return replace(result, latency_ms=took)


async def _cache(stack: _Stack, trail: _Trail) -> CheckResult:
    cache = stack.built["cache"]
    if not isinstance(cache, CacheProvider):
        raise TypeError("it is no cache")
    trail.doing("Connecting")
    result = await cache.check()
    if result.status is Status.ERROR:
        return result
    trail.done(result.detail or "Connected", result.status)
    trail.doing("Writing and reading")
    key, value = os.urandom(8).hex(), os.urandom(16)
    started = time.perf_counter()
    try:
        await cache.set(_NAMESPACE, key, value, _KEPT_SECONDS)
        found = await cache.get(_NAMESPACE, key)
    finally:
        await cache.delete(_NAMESPACE, key)
    took = _since(started)
    if found != value:
        text = "what was written did not come back"
        return CheckResult(Status.ERROR, text, took, result.data)
    trail.done("What was written came back")
    return replace(result, latency_ms=took)


_PROBES: Mapping[str, Callable[[_Stack, _Trail], Awaitable[CheckResult]]] = {
    "llm": _llm,
    "embedding": _embedding,
    "storage": _storage,
    "vector_store": _vector_store,
    "cache": _cache,
}


async def _pending(config: Config, storage: StorageProvider) -> int:
    """How many of our migrations the database still lacks."""
    from luminora.migrations import MigrationRunner  # noqa: PLC0415 - loads the templates
    from luminora.migrations.settings import undeclared  # noqa: PLC0415

    runner = MigrationRunner.for_driver(config, storage.migrations(), (), undeclared)
    return len((await runner.status()).pending)


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def as_data(probes: Mapping[str, Probe]) -> dict[str, Any]:
    """The outcomes as :func:`luminora.health.summary` has them, with the steps."""
    from luminora.health import summary  # noqa: PLC0415 - small, and only who prints JSON

    found = summary({part: one.result for part, one in probes.items()})
    for part, one in probes.items():
        found["checks"][part]["steps"] = [
            {"text": step.text, "status": step.status.value} for step in one.steps if step.status
        ]
    return found
