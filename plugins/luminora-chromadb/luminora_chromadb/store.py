"""The vector store: one collection per index, in a folder or on a server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic, perf_counter
from typing import Any, Final, TypeVar
from urllib.parse import quote

import numpy as np

from luminora.errors import InvalidRequest, LuminoraError, SchemaPending, StorageError
from luminora.providers.base import CheckResult, Status
from luminora.providers.vector_store import (
    DEFAULT_INDEX,
    Metric,
    VectorHit,
    VectorIndex,
    VectorItem,
    VectorStoreProvider,
)
from luminora.providers.vectors import (
    Filters,
    check_dimension,
    check_index,
    check_model,
    check_top_k,
    clamped,
    entries_of,
    filters_of,
    mismatch,
    placed,
    unit,
)
from luminora_chromadb.links import BATCH, Absent, Exists, Handle, Link, Where

T = TypeVar("T")

MAX_DIMENSION: Final = 65_536
REQUEST_BYTES: Final = 2 << 20
"""Vectors per request: about 6 MB of JSON, of the 40 that a server takes."""
_DIMENSION: Final = "luminora_dimension"
_MODEL: Final = "luminora_model_id"
_BELIEVED_SECONDS: Final = 60.0
"""How long a collection is believed to be what it was; Chroma has the last word anyway."""


class ChromaStore(VectorStoreProvider):
    """Vectors in Chroma.

    Args:
        link: The folder or the server.
        collection: The default index's collection; other indexes get a suffix.
        candidates: Neighbours to ask for: a user with at most so many is compared with all.
        index: The index to work on.
        owner: Whether closing this store closes the link.
    """

    name = "chromadb"

    def __init__(
        self,
        link: Link,
        *,
        collection: str = "luminora_messages",
        candidates: int = 1_000,
        index: str = DEFAULT_INDEX,
        owner: bool = True,
    ) -> None:
        self.index = index
        self.collection = placed(collection, index)
        self._base = collection
        self._link = link
        self._candidates = candidates
        self._owner = owner
        self._handle: Handle | None = None
        self._until = 0.0
        self._where = f"{link.where}, collection {self.collection}"

    def at(self, index: str) -> ChromaStore:
        """The same Chroma, another collection."""
        return ChromaStore(
            self._link,
            collection=self._base,
            candidates=self._candidates,
            index=check_index(index),
            owner=False,
        )

    async def ensure(
        self, dimension: int, metric: Metric = "cosine", *, model_id: str | None = None
    ) -> None:
        """Create the collection if it is absent; do nothing if it fits.

        Raises:
            DimensionMismatch: It holds vectors of another dimension or model.
        """
        check_dimension(dimension, MAX_DIMENSION, metric)
        noted: dict[str, Any] = {_DIMENSION: dimension}
        if model_id is not None:
            noted[_MODEL] = model_id
        handle = await self._found()
        if handle is None:
            try:
                await self._link.create(self.collection, noted)
            except Exists:  # another process was quicker
                self._handle = None
            handle = await self._found()
        if handle is None:
            raise self._pending()
        self._fitting(handle, dimension)
        held = handle.metadata.get(_MODEL)
        check_model(held, model_id, dimension, self._where)
        if held is None and model_id is not None:
            await self._link.note(handle, noted)
            self._handle = None

    async def upsert(self, items: Sequence[VectorItem]) -> None:
        """Store the items, replacing those of the same user and id.

        Up to 2 MiB of vectors are one request, all or none. A larger call takes several; should
        Chroma fail between them, the first ones stay, and the same call completes the rest.

        Raises:
            DimensionMismatch: A vector has another length than the index; nothing was stored.
            SchemaPending: There is no index yet.
        """
        entries = entries_of(items)
        if not entries:
            return
        handle = await self._known()
        if handle is None:
            raise self._pending()
        for item in items:
            self._fitting(handle, len(item.vector))
        most = min(BATCH, max(1, REQUEST_BYTES // (4 * len(items[0].vector))))
        for portion in _portions(entries, most):
            ids = [_key(entry.user_id, entry.id) for entry in portion]
            joined = b"".join(entry.vector.tobytes() for entry in portion)
            vectors = np.frombuffer(joined, dtype=np.float32).reshape(len(portion), -1)
            metadatas = [
                {
                    "user_id": entry.user_id,
                    "session_id": entry.session_id,
                    "personality_name": entry.personality_name,
                    "kind": entry.kind,
                }
                for entry in portion
            ]

            async def put(
                handle: Handle,
                ids: list[str] = ids,
                vectors: Any = vectors,
                metadatas: list[dict[str, str]] = metadatas,
            ) -> bool:
                self._fitting(handle, vectors.shape[1])
                await self._link.upsert(handle, ids, vectors, metadatas)
                return True

            if not await self._on(put, otherwise=False):
                raise self._pending()

    async def query(
        self, vector: Sequence[float], top_k: int, where: Mapping[str, str]
    ) -> list[VectorHit]:
        """The ``top_k`` (at most 4,096) nearest items that match, best first.

        Exact where no more than ``candidates`` items match, else the best of those that HNSW
        finds.
        """
        filters, wanted = filters_of(where), np.frombuffer(unit(vector), dtype=np.float32)
        check_top_k(top_k)
        (user,) = filters["user_id"]
        prefix = len(_key(user, ""))

        async def nearest(handle: Handle) -> list[VectorHit]:
            self._fitting(handle, len(wanted))
            if top_k == 0:
                return []
            most = max(top_k, self._candidates)
            found = await self._link.nearest(handle, wanted, most, _where(filters))
            return [VectorHit(key[prefix:], clamped(1.0 - far)) for key, far in found[:top_k]]

        return await self._on(nearest, otherwise=[])

    async def fetch(self, user_id: str, ids: Sequence[str]) -> list[VectorItem]:
        """Those of the items that the user has, their vectors at length 1."""
        (user,) = filters_of({"user_id": user_id})["user_id"]
        prefix = len(_key(user, ""))
        keys = [_key(user, item) for item in dict.fromkeys(ids)]

        async def fetch(handle: Handle) -> list[VectorItem]:
            most = min(BATCH, max(1, REQUEST_BYTES // (4 * handle.metadata[_DIMENSION])))
            return [
                VectorItem(
                    id=row.id[prefix:],
                    user_id=user,
                    session_id=row.metadata["session_id"],
                    personality_name=row.metadata["personality_name"],
                    kind=row.metadata["kind"],
                    vector=row.vector,
                )
                for portion in _portions(keys, most)
                for row in await self._link.rows(handle, portion)
            ]

        return await self._on(fetch, otherwise=[])

    async def delete(self, where: Mapping[str, str | Sequence[str]]) -> int:
        """Delete what matches and say how many; ``where`` may also hold ``id``."""
        filters = filters_of(where, ids=True)

        async def delete(handle: Handle) -> int:
            keys = await self._matching(handle, filters)
            for portion in _portions(keys, BATCH):
                await self._link.delete(handle, portion)
            return len(keys)

        return await self._on(delete, otherwise=0)

    async def count(self, where: Mapping[str, str]) -> int:
        """How many items match; Chroma counts no condition, so their ids are fetched."""
        filters = filters_of(where)

        async def count(handle: Handle) -> int:
            return len(await self._matching(handle, filters))

        return await self._on(count, otherwise=0)

    async def describe(self) -> VectorIndex:
        """What the store holds; an absent index has no dimension."""
        self._handle = None

        async def describe(handle: Handle) -> VectorIndex:
            return VectorIndex(
                dimension=handle.metadata[_DIMENSION],
                model_id=handle.metadata.get(_MODEL),
                count=await self._link.count(handle),
            )

        return await self._on(describe, otherwise=VectorIndex(dimension=None))

    async def drop(self) -> None:
        """Delete the collection."""
        self._handle = None
        await self._link.drop(self.collection)

    async def check(self) -> CheckResult:
        """Ask Chroma for its version and the index for its size."""
        started = perf_counter()
        data: dict[str, Any] = {"place": self._link.where, "collection": self.collection}
        try:
            version = await self._link.version()
            index = await self.describe()
        except LuminoraError as error:
            return CheckResult(Status.ERROR, str(error), data=data)
        latency = (perf_counter() - started) * 1000
        data |= {
            "version": version,
            "dimension": index.dimension,
            "metric": index.metric,
            "model_id": index.model_id,
            "count": index.count,
        }
        called = f"{self._link.kind} {version}"
        if self._link.in_clear:
            detail = f"{called}: the token is sent without encryption, set ssl ({self._where})"
            return CheckResult(Status.WARNING, detail, latency, data)
        if index.dimension is None:
            detail = f"{called}, empty: the first message creates the index, {self._where}"
            return CheckResult(Status.OK, detail, latency, data)
        detail = f"{called}, {index.count} vectors of {index.dimension}, {self._where}"
        return CheckResult(Status.OK, detail, latency, data)

    async def aclose(self) -> None:
        """Close connections, or the folder."""
        if self._owner:
            self._handle = None
            await self._link.close()

    async def _matching(self, handle: Handle, filters: Filters) -> list[str]:
        """The keys of what matches."""
        if "id" not in filters:
            return await self._link.ids(handle, _where(filters))
        (user,) = filters["user_id"]
        keys = [_key(user, item) for item in dict.fromkeys(filters["id"])]
        found: list[str] = []
        for portion in _portions(keys, BATCH):
            found += await self._link.ids(handle, _where(filters), portion)
        return found

    async def _on(self, work: Callable[[Handle], Awaitable[T]], *, otherwise: T) -> T:
        """Do something with the collection; ``otherwise`` is the answer of an absent one.

        If it turns out to be another by now (its id is gone, or it refuses the dimension), what
        is there now is asked once more.
        """
        believed = self._handle is not None
        handle = await self._known()
        if handle is None:
            return otherwise
        try:
            return await work(handle)
        except (Absent, InvalidRequest) as error:
            self._handle = None
            if not believed:
                if isinstance(error, Absent):
                    return otherwise
                raise
        handle = await self._known()
        try:
            return otherwise if handle is None else await work(handle)
        except Absent:
            self._handle = None
            return otherwise

    async def _found(self) -> Handle | None:
        """The collection as it is now.

        Raises:
            StorageError: It was not made by this plugin.
        """
        handle = await self._link.find(self.collection)
        if handle is not None and not isinstance(handle.metadata.get(_DIMENSION), int):
            raise StorageError(
                "this collection is not Luminora's: it does not say its dimension",
                where=self._where,
                hint="set collection_name in luminora.json to a name that is free",
            )
        self._handle, self._until = handle, monotonic() + _BELIEVED_SECONDS
        return handle

    async def _known(self) -> Handle | None:
        """The collection as it was a moment ago."""
        if self._handle is None or monotonic() > self._until:
            return await self._found()
        return self._handle

    def _fitting(self, handle: Handle, dimension: int) -> None:
        held = handle.metadata[_DIMENSION]
        if held != dimension:
            raise mismatch(held, dimension, self._where)

    def _pending(self) -> SchemaPending:
        self._handle = None
        return SchemaPending(
            "the vector index does not exist yet", where=self._where, hint="luminora migrate"
        )


def _key(user_id: str, item: str) -> str:
    """The id in Chroma: the user is part of it, so nobody can take over another's.

    The user is escaped and so holds no slash: where the item begins is never in doubt.
    """
    return f"{quote(user_id, safe='')}/{item}"


def _where(filters: Filters) -> Where:
    """Conditions in Chroma's form; values are bound, never parsed."""
    each: list[dict[str, Any]] = [
        {name: {"$eq": values[0]} if len(values) == 1 else {"$in": list(values)}}
        for name, values in filters.items()
        if name != "id"
    ]
    return each[0] if len(each) == 1 else {"$and": each}


def _portions(things: Sequence[T], most: int) -> list[Sequence[T]]:
    return [things[start : start + most] for start in range(0, len(things), most)]
