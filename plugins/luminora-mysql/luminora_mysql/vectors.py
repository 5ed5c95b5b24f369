"""Exact nearest neighbours in MariaDB 11.7 or newer, which has a type for vectors.

Vectors lie sorted by their user, and a query compares all of that user's on the server. There is no
``VECTOR INDEX``: MariaDB's knows nothing of users, and for one user among many it finds too few.
"""

# ruff: noqa: S608 - names come from the index's own, values are written out by the driver

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, Final

import asyncmy

from luminora.errors import LuminoraError, SchemaPending, StorageError
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
    check_model,
    check_top_k,
    clamped,
    entries_of,
    filters_of,
    mismatch,
    unit,
)
from luminora_mysql.connection import Connections
from luminora_mysql.errors import ABSENT, number_of, translate
from luminora_mysql.settings import PROVIDER
from luminora_mysql.vectortable import (
    FILING,
    MAX_DIMENSION,
    Meta,
    VectorTable,
    check_server,
    comment_of,
    condition,
    hexed,
    little,
    meta_of,
)
from luminora_mysql.wire import Connection, Result

_ROWS: Final = 200
"""Items in one INSERT."""
_PORTION: Final = 2_048
"""Items deleted in one transaction."""


class MySqlVectorStore(VectorStoreProvider):
    """Vectors in a table beside the storage's, or on a server of their own.

    Args:
        connections: To the database.
        table_prefix: Put before every table's name.
        own: Whether the connections are closed with the store.
        index: The index to work on.
    """

    name = PROVIDER

    def __init__(
        self,
        connections: Connections,
        *,
        table_prefix: str = "",
        own: bool = True,
        index: str = DEFAULT_INDEX,
    ) -> None:
        self.index = index
        self._connections = connections
        self._own = own
        self._prefix = table_prefix
        self._table = VectorTable(table_prefix, index)
        self._where = f"{connections.where}, {self._table.name}"

    def at(self, index: str) -> MySqlVectorStore:
        """The same database, another table."""
        return MySqlVectorStore(
            self._connections, table_prefix=self._prefix, own=False, index=check_index(index)
        )

    async def ensure(
        self, dimension: int, metric: Metric = "cosine", *, model_id: str | None = None
    ) -> None:
        """Create the table if it is absent; do nothing if it fits.

        Raises:
            DimensionMismatch: It holds vectors of another dimension or model.
            StorageError: The server is no MariaDB 11.7 or newer.
        """
        check_dimension(dimension, MAX_DIMENSION, metric)
        async with self._connections.connection() as connection:
            check_server(connection.version, self._where)
            meta = await self._meta(connection)
            if meta is None:
                await connection.run(self._table.create(connection, Meta(dimension, model_id)))
                meta = await self._meta(connection)  # somebody else may have been quicker
            if meta is None:
                raise StorageError(
                    "the table is another program's",
                    where=self._where,
                    hint="name another database, or set migrations.table_prefix, in luminora.json",
                )
            if meta.dimension != dimension:
                raise mismatch(meta.dimension, dimension, self._where)
            check_model(meta.model_id, model_id, dimension, self._where)
            if meta.model_id is None and model_id is not None:
                comment = comment_of(connection, Meta(dimension, model_id))
                await connection.run(f"ALTER TABLE {self._table.quoted} {comment}")

    async def upsert(self, items: Sequence[VectorItem]) -> None:
        """Store the items, replacing those of the same user and id; all or none.

        Raises:
            DimensionMismatch: A vector has another length than the index.
            SchemaPending: There is no index yet.
        """
        entries = sorted(entries_of(items), key=lambda entry: (entry.user_id, entry.id))
        if not entries:
            return
        async with self._connections.connection() as connection:
            meta = await self._meta(connection)
            if meta is None:
                raise SchemaPending(
                    "there is no index of vectors yet", where=self._where, hint="luminora migrate"
                )
            for item in items:
                if len(item.vector) != meta.dimension:
                    raise mismatch(meta.dimension, len(item.vector), self._where)
            portions = [entries[n : n + _ROWS] for n in range(0, len(entries), _ROWS)]
            inserts = [self._table.insert(connection, portion) for portion in portions]
            await self._all(connection, ["BEGIN", *inserts, "COMMIT"])

    async def query(
        self, vector: Sequence[float], top_k: int, where: Mapping[str, str]
    ) -> list[VectorHit]:
        """The ``top_k`` (at most 4,096) nearest items that match, best first; one round trip."""
        filters, wanted = filters_of(where), unit(vector)
        check_top_k(top_k)
        matching, params = condition(filters)
        text = (
            f"SELECT id, VEC_DISTANCE_COSINE(embedding, UNHEX(%s)) AS distance "
            f"FROM {self._table.quoted} WHERE {matching} ORDER BY distance, id LIMIT %s"
        )
        async with self._connections.connection() as connection:
            search = connection.literal(text, (hexed(wanted), *params, top_k))
            results, error = await connection.batch([self._table.ask(connection), search])
        meta = meta_of(results)
        if meta is None:
            return []
        if meta.dimension != len(wanted):
            raise mismatch(meta.dimension, len(wanted), self._where)
        if error is not None:
            raise translate(error, self._where) from error
        return [VectorHit(item, clamped(1.0 - distance)) for item, distance in results[1][1]]

    async def fetch(self, user_id: str, ids: Sequence[str]) -> list[VectorItem]:
        """Those of the items that the user has, their vectors at length 1."""
        matching, params = condition(filters_of({"user_id": user_id, "id": ids}, ids=True))
        text = (
            f"SELECT {', '.join(FILING)}, HEX(embedding) FROM {self._table.quoted} WHERE {matching}"
        )
        found = []
        for *filing, vector in await self._rows(text, params):
            numbers = array("f")
            numbers.frombytes(bytes.fromhex(vector))
            named = dict(zip(FILING, filing, strict=True))
            found.append(VectorItem(**named, vector=little(numbers)))
        return found

    async def delete(self, where: Mapping[str, str | Sequence[str]]) -> int:
        """Delete what matches and say how many; many go in portions, a transaction each."""
        matching, params = condition(filters_of(where, ids=True))
        text = f"DELETE FROM {self._table.quoted} WHERE {matching} LIMIT {_PORTION}"
        deleted, portion = 0, _PORTION
        while portion == _PORTION:
            async with self._connections.connection() as connection:
                try:
                    portion = await connection.run(text, params)
                except asyncmy.Error as error:
                    if number_of(error) != ABSENT:
                        raise
                    return deleted
            deleted += portion
        return deleted

    async def count(self, where: Mapping[str, str]) -> int:
        """How many items match."""
        matching, params = condition(filters_of(where))
        rows = await self._rows(
            f"SELECT count(*) FROM {self._table.quoted} WHERE {matching}", params
        )
        return int(rows[0][0]) if rows else 0

    async def describe(self) -> VectorIndex:
        """What the store holds; an absent index has no dimension."""
        async with self._connections.connection() as connection:
            meta = await self._meta(connection)
        if meta is None:
            return VectorIndex(dimension=None)
        rows = await self._rows(f"SELECT count(*) FROM {self._table.quoted}")
        count = int(rows[0][0]) if rows else 0
        return VectorIndex(dimension=meta.dimension, model_id=meta.model_id, count=count)

    async def drop(self) -> None:
        """Remove the table."""
        async with self._connections.connection() as connection:
            await connection.run(f"DROP TABLE IF EXISTS {self._table.quoted}")

    async def check(self) -> CheckResult:
        """Ask the server for its version and the index for its size."""
        started = perf_counter()
        data: dict[str, Any] = {"server": self._connections.where, "table": self._table.name}
        try:
            async with self._connections.connection() as connection:
                version = connection.version
            check_server(version, self._where)
            index = await self.describe()
        except LuminoraError as error:
            return CheckResult(Status.ERROR, str(error), data=data)
        data |= {
            "server_version": str(version),
            "dimension": index.dimension,
            "metric": index.metric,
            "model_id": index.model_id,
            "count": index.count,
        }
        latency = (perf_counter() - started) * 1000
        if index.dimension is None:
            detail = f"{version}, empty: the first message creates the index, {self._where}"
            return CheckResult(Status.OK, detail, latency, data)
        detail = f"{version}, {index.count} vectors of {index.dimension}, {self._where}"
        return CheckResult(Status.OK, detail, latency, data)

    async def aclose(self) -> None:
        """Close connections of its own."""
        if self._own:
            self._connections.close()

    async def _meta(self, connection: Connection) -> Meta | None:
        return meta_of(await self._all(connection, [self._table.ask(connection)]))

    async def _all(self, connection: Connection, texts: Sequence[str]) -> list[Result]:
        results, error = await connection.batch(texts)
        if error is not None:
            raise translate(error, self._where) from error
        return results

    async def _rows(self, text: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What a SELECT answers; nothing where there is no index."""
        async with self._connections.connection() as connection:
            try:
                return await connection.rows(text, params)
            except asyncmy.Error as error:
                if number_of(error) != ABSENT:
                    raise
                return []
