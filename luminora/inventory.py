"""What a configured stack holds, counted; nothing is created or changed by looking."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from luminora.errors import LuminoraError
from luminora.memory.indexes import ACTIVE, DROPPED, PENDING, misfit
from luminora.memory.jobs import STATUSES
from luminora.providers import (
    COLLECTIONS,
    DEFAULT_INDEX,
    EVERY_USER,
    Count,
    EmbeddingProvider,
    Kind,
    LedgerEntry,
    Row,
    StorageProvider,
    VectorStoreProvider,
)

if TYPE_CHECKING:
    from luminora.config import Config

_COUNTED = {
    "sessions": "sessions",
    "messages": "messages",
    "facts": "user_facts",
    "episodes": "episodes",
}
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Inventory:
    """A stack that somebody looks at; its storage is connected if there is anything in it.

    Attributes:
        storage: The database.
        tables: Its tables (collections) under their full names, with their rows.
        embedding: The embedding provider; None if it cannot be built or was not asked for.
        vector_store: The vector store; likewise.
        failed: Why those parts could not be built that were asked for.
    """

    storage: StorageProvider
    tables: Mapping[str, int]
    embedding: EmbeddingProvider | None = None
    vector_store: VectorStoreProvider | None = None
    failed: Mapping[str, LuminoraError] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing yet: no table of ours."""
        return not any(self.has(name) for name in COLLECTIONS)

    def has(self, collection: str) -> bool:
        """Whether the database has the table of a collection."""
        return f"{self.storage.migrations().table_prefix}{collection}" in self.tables

    async def ledger(self) -> list[LedgerEntry]:
        """The migrations that were begun, by component and version."""
        return await self.storage.migrations().ledger()

    async def size(self) -> int | None:
        """Bytes that the database takes, if it says so."""
        check = await self.storage.check()
        size = (check.data or {}).get("size_bytes")
        return size if isinstance(size, int) else None

    async def counts(self, user: str | None = None) -> dict[str, Any]:
        """How many there are of what is remembered, of all users or of one.

        ``users`` (left out for one), ``sessions``, ``messages``, ``facts`` (those that hold),
        ``episodes``, ``unindexed`` messages, and ``jobs`` by status.

        Raises:
            StorageError: The database cannot be read.
        """
        whose = EVERY_USER if user is None else user
        held = {"user_facts": {"is_active": True}}
        queries = {
            **{name: Count(table, whose, held.get(table, {})) for name, table in _COUNTED.items()},
            **{status: Count("jobs", whose, {"status": status}) for status in STATUSES},
        }
        wanted = {name: query for name, query in queries.items() if self.has(query.collection)}
        answers = await self.storage.read(list(wanted.values())) if wanted else []
        found = {**dict.fromkeys(queries, 0), **dict(zip(wanted, answers, strict=True))}
        jobs = {status: found.pop(status) for status in STATUSES}
        users = {"users": await self._users()} if user is None else {}
        return {**users, **found, "unindexed": await self.unindexed(user), "jobs": jobs}

    async def unindexed(self, user: str | None = None) -> int:
        """Messages that wait for their vectors."""
        if not self.has("messages"):
            return 0
        whose = EVERY_USER if user is None else user
        return await self.storage.count("messages", whose, {"embedding_state": PENDING})

    async def misfit(self) -> str | None:
        """Why the configured model cannot use the index there is; None if it can."""
        if self.embedding is None or not self.has("embedding_state"):
            return None
        return await misfit(self.storage, self.embedding)

    async def indexes(self) -> list[Row]:
        """The register of vector indexes that are still there, the oldest first."""
        if not self.has("embedding_state"):
            return []
        rows = await self.storage.find("embedding_state", EVERY_USER, order=("created_at",))
        return [row for row in rows if row["status"] != DROPPED]

    async def vectors(self, index: str, user: str | None = None) -> int | None:
        """How many vectors an index holds; None if there is no vector store to ask.

        Raises:
            ProviderError, StorageError: It cannot be asked.
        """
        if self.vector_store is None:
            return None
        store = self.vector_store
        if index != store.index:
            store = store.at(index)
        if user is None:
            return (await store.describe()).count
        return await store.count({"user_id": user})

    async def active(self) -> str:
        """The name of the index in use."""
        names = [row["index_name"] for row in await self.indexes() if row["status"] == ACTIVE]
        return names[0] if names else DEFAULT_INDEX

    async def _users(self) -> int:
        """How many users have a session."""
        if not self.has("sessions"):
            return 0
        found: set[str] = set()
        async for page in self.storage.pages("sessions", EVERY_USER, size=_PAGE):
            found |= {row["user_id"] for row in page}
        return len(found)


@asynccontextmanager
async def inventory(
    config: Config, parts: Collection[str] = (Kind.EMBEDDING, Kind.VECTOR_STORE)
) -> AsyncIterator[Inventory]:
    """Look into the stack that a configuration names.

    Args:
        config: What names it.
        parts: What is needed beside the storage.

    Raises:
        ConfigError, PluginError: It is not valid, or its storage's plugin cannot be used.
        StorageError: The database cannot be read.
    """
    from luminora import schema  # noqa: PLC0415 - loads the JSON Schema validator
    from luminora.plugins import activate  # noqa: PLC0415 - loads pluggy

    schema.ensure(config, secrets=False)
    active = activate(config)
    storage = active.build(Kind.STORAGE)
    failed: dict[str, LuminoraError] = {}
    embedding: EmbeddingProvider | None = None
    vector_store: VectorStoreProvider | None = None
    try:
        if Kind.EMBEDDING in parts:
            with _noted(failed, Kind.EMBEDDING):
                embedding = active.build(Kind.EMBEDDING)
        if Kind.VECTOR_STORE in parts:
            with _noted(failed, Kind.VECTOR_STORE):
                vector_store = active.build(Kind.VECTOR_STORE, storage=storage)
        tables = await storage.migrations().tables()
        found = Inventory(storage, tables, embedding, vector_store, failed)
        if not found.empty:
            await storage.connect()
        yield found
    finally:
        for provider in (embedding, vector_store, storage):
            if provider is not None:
                await provider.aclose()


@contextmanager
def _noted(failed: dict[str, LuminoraError], part: str) -> Iterator[None]:
    """Keep an error as the reason why a part is missing."""
    try:
        yield
    except LuminoraError as problem:
        failed[part] = problem
