"""Vectors in MongoDB, searched by ``$vectorSearch``.

A vector is a document of its item's id with what it is filed under and a BSON vector of 32-bit
floats. ``$vectorSearch`` scores cosine as ``(1 + cos) / 2``; answers are turned back.

Writes are there at once for counts, fetches and deletions, and a moment later (Atlas: about a
second) for queries, because the search process follows the database.
"""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter
from typing import Any, Final

from bson.binary import Binary, BinaryVectorDtype
from pymongo import ReplaceOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import BulkWriteError

from luminora.errors import Conflict, LuminoraError
from luminora.providers.base import CheckResult, ProviderContext, Status
from luminora.providers.vector_store import (
    DEFAULT_INDEX,
    FILTER_FIELDS,
    Metric,
    VectorHit,
    VectorIndex,
    VectorItem,
    VectorStoreProvider,
)
from luminora.providers.vectors import (
    Entry,
    Filters,
    check_dimension,
    check_index,
    check_top_k,
    clamped,
    entries_of,
    filters_of,
    mismatch,
    unit,
)
from luminora_mongodb.connection import CONNECTING, Connection, Live, facts_of, settings_of
from luminora_mongodb.errors import DUPLICATE
from luminora_mongodb.storage import MongoStorage
from luminora_mongodb.transactions import in_transaction
from luminora_mongodb.vectorindex import SEARCH_INDEX, VECTOR, VectorIndexes

MAX_DIMENSION: Final = 8_192
"""What a vectorSearch index takes."""
_BATCH: Final = 4_096
_CANDIDATES, _MOST_CANDIDATES = 20, 10_000
"""Per wanted neighbour, and at most, where the search is approximate."""


class AtlasVectorStore(VectorStoreProvider):
    """Vectors in a database of their own, or in that of a :class:`MongoStorage`.

    Args:
        config: The provider's settings; see the manifest.
        context: Secrets, the prefix of the collections' names, and the storage in use.
        index: The index to work on.
        origin: The store whose connection this one shares.
    """

    name = "mongodb-atlas"

    def __init__(
        self,
        config: Mapping[str, Any],
        context: ProviderContext,
        *,
        index: str = DEFAULT_INDEX,
        origin: AtlasVectorStore | None = None,
    ) -> None:
        self._config, self._context = config, context
        self._prefix = context.table_prefix
        self._exact = config.get("exact", True)
        self._patience = config.get("index_timeout_seconds", 300)
        self.index = index
        self._origin = origin
        storage = context.storage
        apart = not config.get("use_storage_connection", True) or bool(
            set(CONNECTING) & config.keys()
        )
        self._shared = isinstance(storage, MongoStorage) and not apart
        self.connection: Connection
        if origin is not None:
            self.connection = origin.connection
        elif isinstance(storage, MongoStorage) and not apart:
            self.connection = storage.connection
        else:
            self.connection = Connection(settings_of(config, context))
        self._timeout = self.connection.settings.timeout

    def at(self, index: str) -> AtlasVectorStore:
        """The same database, another collection."""
        return AtlasVectorStore(
            self._config, self._context, index=check_index(index), origin=self._origin or self
        )

    async def ensure(
        self, dimension: int, metric: Metric = "cosine", *, model_id: str | None = None
    ) -> None:
        """Create the index if it is absent, and wait until it answers; do nothing if it fits.

        Raises:
            DimensionMismatch: It holds vectors of another dimension or model.
            StorageError: The server has no vector search; says what can be used instead.
        """
        check_dimension(dimension, MAX_DIMENSION, metric)
        async with self._opened(self._timeout + self._patience) as (_, indexes):
            await indexes.ensure(dimension, model_id, self._patience)

    async def upsert(self, items: Sequence[VectorItem]) -> None:
        """Store the items, replacing those of the same id; all or none.

        Raises:
            Conflict: An id belongs to another user.
            DimensionMismatch: A vector has another length than the index.
            SchemaPending: There is no index yet.
        """
        entries = entries_of(items)
        if not entries:
            return
        lengths = sorted({len(item.vector) for item in items})
        writes = [ReplaceOne(_owner(one), _document(one), upsert=True) for one in entries]

        async def put(indexes: VectorIndexes, session: AsyncClientSession | None) -> None:
            for length in lengths:
                await indexes.fitting(length, session)
            await indexes.items.bulk_write(writes, session=session)

        async with self._opened() as (live, indexes):
            try:
                if len(writes) == 1 or not live.transactions:
                    await put(indexes, None)
                    return
                await in_transaction(live.client, partial(put, indexes), self._timeout)
            except BulkWriteError as error:
                failures = error.details.get("writeErrors") or [{}]
                if failures[0].get("code") not in DUPLICATE:
                    raise
                raise Conflict(
                    "a vector with that id belongs to another user", where=self.connection.where
                ) from error

    async def query(
        self, vector: Sequence[float], top_k: int, where: Mapping[str, str]
    ) -> list[VectorHit]:
        """The ``top_k`` (at most 4,096) nearest items that match, best first.

        Raises:
            DimensionMismatch: The vector has another length than the index.
        """
        filters, wanted = filters_of(where), unit(vector)
        check_top_k(top_k)
        search: dict[str, Any] = {
            "index": SEARCH_INDEX,
            "path": VECTOR,
            "queryVector": _bson(wanted),
            "filter": _query(filters),
            "limit": top_k,
        }
        if self._exact:
            search["exact"] = True
        else:
            search["numCandidates"] = min(_MOST_CANDIDATES, max(200, _CANDIDATES * top_k))
        stages = [
            {"$vectorSearch": search},
            {"$project": {"score": {"$meta": "vectorSearchScore"}}},
        ]
        async with self._opened() as (_, indexes):
            note = await indexes.note()
            if note is None:
                return []
            if note.dimension != len(vector):
                raise mismatch(note.dimension, len(vector), self.connection.where)
            if top_k == 0:
                return []
            cursor = await indexes.items.aggregate(stages, batchSize=_BATCH)
            return [
                VectorHit(one["_id"], clamped(2 * one["score"] - 1))
                for one in await cursor.to_list()
            ]

    async def fetch(self, user_id: str, ids: Sequence[str]) -> list[VectorItem]:
        """Those of the items that the user has, their vectors at length 1."""
        (user,) = filters_of({"user_id": user_id})["user_id"]
        condition = {"_id": {"$in": list(ids)}, "user_id": user}
        async with self._opened() as (_, indexes):
            found = await indexes.items.find(condition, batch_size=_BATCH).to_list()
        return [
            VectorItem(
                id=one["_id"],
                vector=array("f", one[VECTOR].as_vector().data),
                **{name: one[name] for name in FILTER_FIELDS},
            )
            for one in found
        ]

    async def delete(self, where: Mapping[str, str | Sequence[str]]) -> int:
        """Delete what matches and say how many; ``where`` may also hold ``id``.

        When it is cut short, a part may be gone; asking again deletes the rest.
        """
        condition = _query(filters_of(where, ids=True))
        async with self._opened() as (_, indexes):
            return (await indexes.items.delete_many(condition)).deleted_count

    async def count(self, where: Mapping[str, str]) -> int:
        """How many items match."""
        condition = _query(filters_of(where))
        async with self._opened() as (_, indexes):
            return await indexes.items.count_documents(condition)

    async def describe(self) -> VectorIndex:
        """What the store holds; an absent index has no dimension."""
        async with self._opened() as (_, indexes):
            note = await indexes.note()
            if note is None:
                return VectorIndex(dimension=None)
            count = await indexes.items.estimated_document_count()
        return VectorIndex(dimension=note.dimension, model_id=note.model_id, count=count)

    async def drop(self) -> None:
        """Remove the index and all its vectors."""
        async with self._opened() as (_, indexes):
            await indexes.drop()

    async def check(self) -> CheckResult:
        """Connect, and ask the server whether it searches vectors, and what the index holds."""
        started, mine = perf_counter(), not self.connection.opened
        data: dict[str, Any] = {"where": self.connection.where}
        try:
            facts = await facts_of(self.connection, await self.connection.open())
            async with self._opened() as (_, indexes):
                await indexes.searchable()
            index = await self.describe()
        except (LuminoraError, OSError) as error:
            return CheckResult(Status.ERROR, str(error), data=data)
        finally:
            if mine:
                await self.connection.aclose()
        data |= {
            "server_version": facts["server_version"],
            "dimension": index.dimension,
            "metric": index.metric,
            "model_id": index.model_id,
            "count": index.count,
        }
        latency = (perf_counter() - started) * 1000
        held = f"{index.count} vectors of {index.dimension}" if index.dimension else "empty"
        detail = f"MongoDB {facts['server_version']}, {held}, {self.connection.where}"
        return CheckResult(Status.OK, detail, latency, data)

    async def aclose(self) -> None:
        """Close a connection of its own."""
        if self._origin is None and not self._shared:
            await self.connection.aclose()

    @asynccontextmanager
    async def _opened(
        self, seconds: float | None = None
    ) -> AsyncIterator[tuple[Live, VectorIndexes]]:
        """The connection and the index, with a deadline and with errors translated."""
        live = await (self.connection.live() if self._shared else self.connection.open())
        indexes = VectorIndexes(live.database, self._prefix, self.index, self.connection.where)
        async with self.connection.within(seconds):
            yield live, indexes


def _owner(entry: Entry) -> dict[str, str]:
    return {"_id": entry.id, "user_id": entry.user_id}


def _document(entry: Entry) -> dict[str, Any]:
    filed = {name: getattr(entry, name) for name in FILTER_FIELDS}
    return {"_id": entry.id, **filed, VECTOR: _bson(entry.vector)}


def _bson(vector: Sequence[float]) -> Binary:
    return Binary.from_vector(list(vector), BinaryVectorDtype.FLOAT32)


def _query(filters: Filters) -> dict[str, Any]:
    return {
        "_id" if name == "id" else name: values[0] if len(values) == 1 else {"$in": list(values)}
        for name, values in filters.items()
    }
