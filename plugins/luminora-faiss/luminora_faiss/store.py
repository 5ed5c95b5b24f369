"""The vector store: FAISS in memory, a log on disk, every answer exact."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import faiss
import numpy as np

from luminora.errors import LuminoraError
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
    check_dimension,
    check_index,
    check_top_k,
    entries_of,
    filters_of,
    mismatch,
    unit,
)
from luminora_faiss.folder import Folder, open_folder
from luminora_faiss.jobs import PutJob
from luminora_faiss.records import put_of
from luminora_faiss.shelf import Shelf
from luminora_faiss.shelves import absent

MAX_DIMENSION: Final = 65_536


class FaissStore(VectorStoreProvider):
    """Vectors in the memory of this process, and in files below one folder.

    Answers are exact: every user has a flat FAISS index of their own. What was acknowledged is on
    the disk. One process at a time may use a folder; any number of stores in it share it.

    Args:
        folder: Where the files are; made when it is first used.
        lock_seconds: How long to wait for another process that has the folder open.
        table_prefix: Put before every file's name.
        index: The index to work on.
        origin: The store whose open folder this one shares.
    """

    name = "faiss"

    def __init__(
        self,
        folder: Path | str,
        *,
        lock_seconds: float = 2.0,
        table_prefix: str = "",
        index: str = DEFAULT_INDEX,
        origin: FaissStore | None = None,
    ) -> None:
        self.path = Path(folder)
        self.index = index
        self._lock_seconds = lock_seconds
        self._prefix = table_prefix
        self._file = f"{table_prefix}{index}"
        self._origin = origin
        self._own: Folder | None = None

    def at(self, index: str) -> FaissStore:
        """The same folder, another file."""
        return FaissStore(
            self.path,
            table_prefix=self._prefix,
            index=check_index(index),
            origin=self._origin or self,
        )

    async def ensure(
        self, dimension: int, metric: Metric = "cosine", *, model_id: str | None = None
    ) -> None:
        """Create the index if it is absent; do nothing if it fits.

        Raises:
            DimensionMismatch: It holds vectors of another dimension or model.
        """
        check_dimension(dimension, MAX_DIMENSION, metric)
        folder = await self.opened()
        await folder.do(lambda: folder.shelves.ensure(self._file, dimension, model_id))

    async def upsert(self, items: Sequence[VectorItem]) -> None:
        """Store the items, replacing those of the same user and id; all or none.

        Raises:
            DimensionMismatch: A vector has another length than the index.
            SchemaPending: There is no index yet.
            StorageFull: The disk is full; nothing was stored.
        """
        entries = entries_of(items)
        if not entries:
            return
        folder = await self.opened()
        shelf = await self._shelf(folder)
        if shelf is None:
            raise absent(folder.shelves.path(self._file))
        for item in items:
            if len(item.vector) != shelf.dimension:
                raise mismatch(shelf.dimension, len(item.vector), str(shelf.path))
        await folder.put(PutJob(self._file, put_of(entries)))

    async def query(
        self, vector: Sequence[float], top_k: int, where: Mapping[str, str]
    ) -> list[VectorHit]:
        """The ``top_k`` (at most 4,096) nearest items that match, best first."""
        filters, wanted = filters_of(where), np.frombuffer(unit(vector), dtype=np.float32)
        check_top_k(top_k)
        folder = await self.opened()
        shelf = await self._shelf(folder)
        if shelf is None:
            return []
        if shelf.dimension != len(wanted):
            raise mismatch(shelf.dimension, len(wanted), str(shelf.path))
        partition = shelf.of(*filters["user_id"])
        return await folder.read(lambda: partition.nearest(wanted, top_k, filters))

    async def fetch(self, user_id: str, ids: Sequence[str]) -> list[VectorItem]:
        """Those of the items that the user has, their vectors at length 1."""
        (user,) = filters_of({"user_id": user_id})["user_id"]
        folder = await self.opened()
        shelf = await self._shelf(folder)
        if shelf is None:
            return []
        partition = shelf.of(user)
        return [
            VectorItem(
                id=item,
                user_id=user,
                session_id=session,
                personality_name=personality,
                kind=kind,
                vector=array("f", vector.tobytes()),
            )
            for item, (session, personality, kind), vector in await folder.read(
                lambda: partition.items(ids)
            )
        ]

    async def delete(self, where: Mapping[str, str | Sequence[str]]) -> int:
        """Delete what matches and say how many; ``where`` may also hold ``id``.

        It is gone from the file too within about a second, and at the latest when the store is
        closed.
        """
        filters = filters_of(where, ids=True)
        folder = await self.opened()
        return await folder.do(lambda: folder.shelves.remove(self._file, filters))

    async def count(self, where: Mapping[str, str]) -> int:
        """How many items match."""
        filters = filters_of(where)
        folder = await self.opened()
        shelf = await self._shelf(folder)
        if shelf is None:
            return 0
        partition = shelf.of(*filters["user_id"])
        return await folder.read(lambda: partition.count(filters))

    async def describe(self) -> VectorIndex:
        """What the store holds; an absent index has no dimension."""
        shelf = await self._shelf(await self.opened())
        if shelf is None:
            return VectorIndex(dimension=None)
        return VectorIndex(dimension=shelf.dimension, model_id=shelf.model_id, count=shelf.count)

    async def drop(self) -> None:
        """Remove the index and all its vectors."""
        folder = await self.opened()
        await folder.do(lambda: folder.shelves.drop(self._file))

    async def check(self) -> CheckResult:
        """Open the folder and say what is in it."""
        started = perf_counter()
        data: dict[str, Any] = {"path": str(self.path), "faiss_version": faiss.__version__}
        try:
            shelf = await self._shelf(await self.opened())
        except LuminoraError as error:
            return CheckResult(Status.ERROR, str(error), data=data)
        latency = (perf_counter() - started) * 1000
        if shelf is None:
            detail = f"empty: the first message creates the index, {self.path}"
            return CheckResult(Status.OK, detail, latency, data)
        data |= {
            "dimension": shelf.dimension,
            "metric": "cosine",
            "model_id": shelf.model_id,
            "count": shelf.count,
            "users": shelf.users,
            "file_bytes": shelf.file_bytes,
            "dropped_bytes": shelf.dropped,
        }
        detail = (
            f"faiss {faiss.__version__}, {shelf.count} vectors of {shelf.dimension}, {shelf.path}"
        )
        return CheckResult(Status.OK, detail, latency, data)

    async def aclose(self) -> None:
        """Wait for what is being written, and let go of the folder."""
        folder, self._own = self._own, None
        if folder is not None:
            await asyncio.to_thread(folder.close)

    async def opened(self) -> Folder:
        """The folder, opened now if it was not.

        Raises:
            StorageUnavailable: Another process uses it.
        """
        if self._origin is not None:
            return await self._origin.opened()
        if self._own is None:
            opened = await asyncio.to_thread(open_folder, self.path, self._lock_seconds)
            if self._own is None:
                self._own = opened
            else:  # another coroutine was quicker
                await asyncio.to_thread(opened.close)
        return self._own

    async def _shelf(self, folder: Folder) -> Shelf | None:
        return folder.shelves.known(self._file) or await folder.do(
            lambda: folder.shelves.get(self._file)
        )
