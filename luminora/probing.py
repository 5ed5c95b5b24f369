"""The five probes: what is tried of each kind of provider, step by step."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from luminora.errors import LuminoraError, MalformedResponse
from luminora.providers import (
    CacheProvider,
    ChatMessage,
    ChatRequest,
    CheckResult,
    EmbeddingProvider,
    Kind,
    LLMProvider,
    Provider,
    Status,
    StorageProvider,
    VectorStoreProvider,
)

if TYPE_CHECKING:
    from luminora.probes import Surroundings, Trial

_NOBODY = "luminora-probe"
"""A user who does not exist: queries are made in this name."""
_ANSWER_TOKENS = 16
_REASONING_TOKENS = 1024
_CACHE_SECONDS = 30.0
_PLACES = ("url", "api_base", "endpoint_url", "host", "path", "database_path", "persist_directory")


async def probe_llm(trial: Trial, provider: Provider, around: Surroundings) -> None:
    """Ask how it is, then send it one word."""
    assert isinstance(provider, LLMProvider)  # noqa: S101 - activation built it by its kind
    trial.begin(f"Connecting to {place(around, trial.part)}...")
    said = await provider.check()
    if not _usable(trial, said):
        return
    trial.begin("Sending test request...")
    async with trial.timed():
        model = await _answer(provider)
    trial.found.data |= {"model": model}
    took = _milliseconds(trial.found.latency_ms)
    trial.good(f"{trial.found.provider} answers! (latency: {took}, model: {model})")


async def _answer(provider: LLMProvider) -> str:
    """The model that answered; one that thinks first gets room for it."""
    message = ChatMessage("user", "test")
    try:
        result = await provider.chat(ChatRequest(messages=[message], max_tokens=_ANSWER_TOKENS))
    except MalformedResponse:
        # a model that reasons has spent so few tokens before it said anything
        result = await provider.chat(ChatRequest(messages=[message], max_tokens=_REASONING_TOKENS))
    return result.model or "unknown"


async def probe_embedding(trial: Trial, provider: Provider, around: Surroundings) -> None:
    """Embed one word, and see whether the index in use can hold the vector."""
    from luminora.memory.indexes import misfit  # noqa: PLC0415 - of stacks that exist

    assert isinstance(provider, EmbeddingProvider)  # noqa: S101
    trial.begin("Creating test embedding...")
    async with trial.timed():
        vector = await provider.create_embedding("test")
    length = len(vector)
    trial.found.data |= {"model": provider.model_id, "dimension": length}
    if not length or not all(map(math.isfinite, vector)):
        trial.bad(f"{trial.found.provider} answered with a vector that holds no numbers")
        return
    if provider.dimension not in {None, length}:
        trial.bad(
            f"the vector has {length} dimensions, and {provider.dimension} were declared",
            f"set embedding_provider.config.dimension to {length}, or name another model",
        )
        return
    if provider.dimension is None:
        provider.dimension = length
    took = _milliseconds(trial.found.latency_ms)
    trial.good(f"Embeddings working! (dimension: {length}, latency: {took})")
    storage = await trial.storage(around)
    if storage is not None and (why := await misfit(storage, provider)):
        text, _, hint = why.partition("\n  → ")
        trial.bad(text, hint or "luminora reembed")


async def probe_storage(trial: Trial, provider: Provider, around: Surroundings) -> None:
    """Connect, look for the tables and pending migrations, and ask for something."""
    assert isinstance(provider, StorageProvider)  # noqa: S101
    trial.begin(f"Connecting to {place(around, trial.part)}...")
    said = await provider.check()
    missing = list(said.data.get("missing_tables", ()))
    if not said.data and said.status is Status.WARNING:  # connecting would make it
        trial.found.data |= {"exists": False}
        trial.doubtful(
            "The database does not exist yet: the first message creates it", "luminora migrate"
        )
        return
    trial.found.data |= said.data
    if said.status is Status.ERROR and not missing:
        await provider.connect()  # an error says more than a check: a refused password, for one
        _usable(trial, said)
        return
    await provider.connect()
    trial.good("Connection established!")
    if said.status is Status.WARNING:
        _usable(trial, said)
    if not missing:
        around.storage.set_result(provider)
    trial.begin("Checking tables...")
    await _tables(trial, provider, around, missing)
    if missing:
        return
    trial.begin("Running test query...")
    async with trial.timed():
        await provider.find("sessions", _NOBODY, limit=1)
    trial.good("Database working!")


async def _tables(
    trial: Trial, storage: StorageProvider, around: Surroundings, missing: list[str]
) -> None:
    from luminora.migrations import MigrationRunner  # noqa: PLC0415 - only who looks at them

    runner = MigrationRunner.for_config(
        around.config, storage, sets=around.activation.migration_sets()
    )
    standing = await runner.status()
    waiting = [line.label for line in standing.pending]
    trial.found.data |= {"pending_migrations": waiting}
    if not standing.sound:
        trial.bad("Migrations are dirty or have drifted", "luminora migrate --status", 5)
    elif missing:
        names = ", ".join(missing)
        trial.doubtful(f"Tables are missing: {names}", "luminora migrate")
    elif waiting:
        trial.doubtful(f"Migrations are pending: {', '.join(waiting)}", "luminora migrate")
    else:
        trial.good("All tables present!" if runner.templates else "No tables needed!")


async def probe_vector_store(trial: Trial, provider: Provider, around: Surroundings) -> None:
    """Look for the extension and the index, then search for the nearest of nobody's vectors."""
    from luminora.memory.indexes import in_use  # noqa: PLC0415 - of stacks that exist

    assert isinstance(provider, VectorStoreProvider)  # noqa: S101
    trial.begin(f"Checking {trial.found.provider}...")
    storage = await trial.storage(around)
    store = provider if storage is None else await in_use(storage, provider)
    said = await store.check()
    trial.found.data |= said.data
    if not _usable(trial, said):
        return
    if said.status is Status.OK:
        trial.good(f"{trial.found.provider} available! ({said.detail})")
    dimension = said.data.get("dimension")
    if not dimension:
        if said.status is Status.OK:
            trial.good("No vectors yet: there is nothing to search")
        return
    embedding = around.built.get("embedding")
    wanted = embedding.dimension if isinstance(embedding, EmbeddingProvider) else None
    if wanted not in {None, dimension}:
        trial.bad(
            f"The index holds vectors of {dimension} dimensions, the embedding provider makes "
            f"{wanted}",
            "luminora reembed, or change embedding_provider back",
        )
        return
    trial.begin("Testing vector search...")
    async with trial.timed():
        await store.query([1.0] + [0.0] * (int(dimension) - 1), 1, {"user_id": _NOBODY})
    trial.good("Vector search working!")


async def probe_cache(trial: Trial, provider: Provider, around: Surroundings) -> None:
    """Connect, keep a value, read it, and take it out again."""
    assert isinstance(provider, CacheProvider)  # noqa: S101
    trial.begin(f"Connecting to {place(around, trial.part)}...")
    said = await provider.check()
    trial.found.data |= said.data
    if not _usable(trial, said):
        return
    if said.status is Status.OK:
        trial.good(f"{trial.found.provider} connected!")
    trial.begin("Testing read/write...")
    key, value = uuid4().hex, uuid4().bytes
    try:
        async with trial.timed():
            await provider.set(_NOBODY, key, value, _CACHE_SECONDS)
            found = await provider.get(_NOBODY, key)
    except LuminoraError:
        if said.status is Status.WARNING:  # it has said itself why it cannot
            trial.bad(*_split(said.detail))
            return
        raise
    await provider.delete(_NOBODY, key)
    if found != value:
        trial.bad("A value that was just written cannot be read back")
        return
    trial.good("Cache working!")


PROBES: Mapping[Kind, Callable[[Trial, Provider, Surroundings], Awaitable[None]]] = {
    Kind.LLM: probe_llm,
    Kind.EMBEDDING: probe_embedding,
    Kind.STORAGE: probe_storage,
    Kind.VECTOR_STORE: probe_vector_store,
    Kind.CACHE: probe_cache,
}
"""The probe of each kind."""


def place(around: Surroundings, part: str) -> str:
    """Where the provider is, as its settings or else its manifest tell."""
    section = around.config.section(part)
    settings: Mapping[str, Any] = section.get("config", {})
    for name in _PLACES:
        if where := settings.get(name):
            port = settings.get("port") if name == "host" else None
            return f"{where}:{port}" if port else str(where)
    offer = around.config.index.peek(part, section["name"], section.get("package"))
    hosts = offer.entry.get("hosts", []) if offer else []
    return str(hosts[0]) if hosts else str(section["name"])


def _usable(trial: Trial, said: CheckResult) -> bool:
    """Whether a provider that said this of itself can be tried any further."""
    if said.status is Status.WARNING:
        trial.doubtful(*_split(said.detail))
    elif said.status is Status.ERROR:
        code = 4 if said.data.get("http_status") == 401 else 1  # noqa: PLR2004 - HTTP's own
        trial.bad(*_split(said.detail), exit_code=code)
    return said.status is not Status.ERROR


def _split(detail: str) -> tuple[str, str | None]:
    """A line and the hint that an error's text ends with, if there is one."""
    text, _, hint = detail.partition("→ ")
    return text.rstrip(), hint.strip() or None


def _milliseconds(latency: float | None) -> str:
    return "0ms" if latency is None else f"{latency:.0f}ms"
