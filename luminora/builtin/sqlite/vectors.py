"""Exact nearest neighbours in an SQLite file, partitioned by user."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import apsw

from luminora.builtin.sqlite.database import Database, open_database, snapshot
from luminora.builtin.sqlite.mirror import MAX_BYTES, Mirrors
from luminora.builtin.sqlite.storage import SqliteStorage
from luminora.builtin.sqlite.vectortable import VectorTable
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

MIRRORED: Final = 4_000
"""Above this many vectors of one user, vec0 is slower than a copy in memory."""
_PORTION: Final = 2_048
"""Items deleted in one transaction: about a tenth of a second."""
MAX_DIMENSION: Final = 8_192
"""What vec0 takes."""


def load_sqlite_vec(connection: apsw.Connection) -> None:
    """Load the sqlite-vec extension into a connection.

    The package is found, not imported: importing it begins to import NumPy by a submodule, which
    in two threads at once leaves NumPy half imported.
    """
    spec = find_spec("sqlite_vec")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("sqlite-vec is not installed", name="sqlite_vec")
    connection.enable_load_extension(True)  # noqa: FBT003 - apsw's signature
    try:
        connection.load_extension(str(Path(spec.origin).with_name("vec0")))
    finally:
        connection.enable_load_extension(False)  # noqa: FBT003 - apsw's signature


class SqliteVecStore(VectorStoreProvider):
    """Vectors in a file of their own, or in that of an :class:`SqliteStorage`.

    In the storage's file, vectors and messages share the writer thread and its commits. Answers
    are exact. Users with up to 4,000 vectors are answered by vec0; of larger ones a copy is kept
    in memory (256 MiB for all of them, least recently used first to go) if NumPy is installed.

    Args:
        place: The file, or a storage, which has to be connected before the store is used.
        busy_timeout: Seconds to wait for another process that is writing, for a file of its own.
        table_prefix: Put before every table's name; a storage's own by default.
        mirror_bytes: Memory for copies of large users' vectors.
        index: The index to work on.
        origin: The store whose file this one shares, which opens and closes it.
    """

    name = "sqlite-vec"

    def __init__(
        self,
        place: SqliteStorage | Path | str,
        *,
        busy_timeout: float = 30.0,
        table_prefix: str | None = None,
        mirror_bytes: int = MAX_BYTES,
        index: str = DEFAULT_INDEX,
        origin: SqliteVecStore | None = None,
    ) -> None:
        self._storage = place if isinstance(place, SqliteStorage) else None
        self.path = Path(place.path if isinstance(place, SqliteStorage) else place)
        if table_prefix is None:
            table_prefix = self._storage.table_prefix if self._storage else ""
        self._prefix = table_prefix
        self._mirror_bytes = mirror_bytes
        self.index = index
        self._table = VectorTable(table_prefix, index)
        self._mirrors = Mirrors(self._table, mirror_bytes)
        self._busy_timeout = busy_timeout
        self._own: Database | None = None
        self._origin = origin

    def at(self, index: str) -> SqliteVecStore:
        """The same file, other tables."""
        return SqliteVecStore(
            self._storage or self.path,
            table_prefix=self._prefix,
            mirror_bytes=self._mirror_bytes,
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
        database = await self.opened()
        await database.write(lambda c: self._table.create(c, dimension, metric, model_id))

    async def upsert(self, items: Sequence[VectorItem]) -> None:
        """Store the items, replacing those of the same id; all or none.

        Raises:
            Conflict: An id belongs to another user.
            DimensionMismatch: A vector has another length than the index.
            SchemaPending: There is no index yet.
        """
        entries = entries_of(items)
        lengths = {len(item.vector) for item in items}
        if not entries:
            return

        def put(connection: apsw.Connection) -> None:
            for dimension in sorted(lengths):
                self._table.fitting(connection, dimension)
            self._table.put(connection, entries)

        await (await self.opened()).write(put)

    async def query(
        self, vector: Sequence[float], top_k: int, where: Mapping[str, str]
    ) -> list[VectorHit]:
        """The ``top_k`` (at most 4,096) nearest items that match, best first."""
        filters, blob = filters_of(where), unit(vector).tobytes()
        check_top_k(top_k)

        def nearest(connection: apsw.Connection) -> list[VectorHit]:
            with snapshot(connection):
                return self._nearest(connection, blob, len(vector), top_k, filters)

        return await (await self.opened()).read(nearest)

    async def fetch(self, user_id: str, ids: Sequence[str]) -> list[VectorItem]:
        """Those of the items that the user has, their vectors at length 1."""
        (user,) = filters_of({"user_id": user_id})["user_id"]

        def fetch(connection: apsw.Connection) -> list[VectorItem]:
            with snapshot(connection):
                present = self._table.meta(connection) is not None
                return [
                    VectorItem(
                        id=item,
                        user_id=user,
                        session_id=session,
                        personality_name=personality,
                        kind=kind,
                        vector=array("f", vector),
                    )
                    for item, session, personality, kind, vector in (
                        self._table.items(connection, user, ids) if present else ()
                    )
                ]

        return await (await self.opened()).read(fetch)

    async def delete(self, where: Mapping[str, str | Sequence[str]]) -> int:
        """Delete what matches and say how many; ``where`` may also hold ``id``.

        Many items go in portions, a transaction each, so that nobody else waits for all of them.
        """
        filters = filters_of(where, ids=True)

        def delete(connection: apsw.Connection) -> int:
            present = self._table.meta(connection) is not None
            return self._table.delete(connection, filters, _PORTION) if present else 0

        database = await self.opened()
        deleted = 0
        while (portion := await database.write(delete)) == _PORTION:
            deleted += portion
        return deleted + portion

    async def count(self, where: Mapping[str, str]) -> int:
        """How many items match."""
        filters = filters_of(where)

        def count(connection: apsw.Connection) -> int:
            present = self._table.meta(connection) is not None
            return self._table.count(connection, filters) if present else 0

        return await (await self.opened()).read(count)

    async def describe(self) -> VectorIndex:
        """What the store holds; an absent index has no dimension."""

        def describe(connection: apsw.Connection) -> VectorIndex:
            with snapshot(connection):
                meta = self._table.meta(connection)
                if meta is None:
                    return VectorIndex(dimension=None)
                count = self._table.total(connection)
            return VectorIndex(dimension=meta.dimension, model_id=meta.model_id, count=count)

        return await (await self.opened()).read(describe)

    async def drop(self) -> None:
        """Remove the index and all its vectors."""
        await (await self.opened()).write(self._table.drop)
        self._mirrors.clear()

    async def check(self) -> CheckResult:
        """Ask sqlite-vec for its version and the index for its size."""
        started = perf_counter()
        path = str(self.path)
        if self._own is None and not self.path.exists():
            return CheckResult(
                Status.WARNING, f"{path} does not exist yet: luminora migrate makes it"
            )
        try:
            database = await self.opened()
            version = await database.read(lambda c: str(next(c.execute("SELECT vec_version()"))[0]))
            index = await self.describe()
        except (LuminoraError, ImportError) as error:
            return CheckResult(Status.ERROR, str(error), data={"path": path})
        data: dict[str, Any] = {
            "path": path,
            "sqlite_vec_version": version,
            "dimension": index.dimension,
            "metric": index.metric,
            "model_id": index.model_id,
            "count": index.count,
        }
        latency = (perf_counter() - started) * 1000
        if index.dimension is None:
            detail = f"empty: the first message creates the index, {path}"
            return CheckResult(Status.OK, detail, latency, data)
        detail = f"sqlite-vec {version}, {index.count} vectors of {index.dimension}, {path}"
        return CheckResult(Status.OK, detail, latency, data)

    async def aclose(self) -> None:
        """Let go of a file of its own, and of the copies in memory."""
        self._mirrors.clear()
        if self._origin is not None:
            return
        database, self._own = self._own, None
        if database is not None:
            await asyncio.to_thread(database.close)

    def _nearest(
        self,
        connection: apsw.Connection,
        vector: bytes,
        dimension: int,
        top_k: int,
        filters: Filters,
    ) -> list[VectorHit]:
        meta = self._table.meta(connection)
        if meta is None:
            return []
        if meta.dimension != dimension:
            raise mismatch(meta.dimension, dimension, self._table.name)
        (user,) = filters["user_id"]
        share = self._table.share(connection, user)
        if share is None or top_k == 0:
            self._mirrors.forget(user)
            return []
        found = None
        if share.items > MIRRORED:
            found = self._mirrors.nearest(connection, vector, top_k, filters, meta, share)
        if found is None:
            found = self._table.nearest(connection, vector, top_k, filters)
        ids = self._table.ids(connection, [num for num, _ in found])
        return [VectorHit(ids[num], clamped(score)) for num, score in found]

    async def opened(self) -> Database:
        """The file, opened now if it was not."""
        if self._origin is not None:
            return await self._origin.opened()
        if self._storage is not None:
            database = self._storage.database
        else:
            if self._own is None:
                opened = await asyncio.to_thread(
                    open_database, self.path, busy_timeout=self._busy_timeout
                )
                if self._own is None:
                    self._own = opened
                else:  # another coroutine was quicker
                    await asyncio.to_thread(opened.close)
            database = self._own
        database.extend(load_sqlite_vec)
        return database
