"""Nearest neighbours in PostgreSQL with pgvector: exact for most users, indexed for large ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, Final, TypeVar

import psycopg.errors as pg

from luminora.errors import ConfigError, Conflict, DimensionMismatch, LuminoraError, SchemaPending
from luminora.providers.base import CheckResult, ProviderContext, Status
from luminora.providers.checks import check_text
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
    clamped,
    entries_of,
    filters_of,
    mismatch,
    unit,
)
from luminora_postgresql import vectorschema
from luminora_postgresql.connection import Connection, Connections, Settings
from luminora_postgresql.storage import PostgresStorage
from luminora_postgresql.vectorhealth import verdict
from luminora_postgresql.vectorsearch import Question, Searcher
from luminora_postgresql.vectortable import (
    MAX_DIMENSION,
    IndexSettings,
    Shape,
    VectorTable,
)
from luminora_postgresql.vectorwire import cursor_for, vector_of

T = TypeVar("T")

_BUILD_SECONDS: Final = 3_600.0
"""How long an index may take to be built."""
_CONNECTION: Final = ("host", "port", "database", "user", "password_env", "url_env")
_STALE: Final = (
    DimensionMismatch,
    pg.UndefinedTable,
    pg.UndefinedFunction,
    pg.DataException,  # this very state, 22000: "different vector dimensions"
)
"""What happens to somebody who works from an outdated shape of the table."""


class PgVectorStore(VectorStoreProvider):
    """Vectors in a table beside the storage's, or on a server of their own.

    A query reads all vectors of its user and compares them, which is exact. Where that are more
    than 5,000 and there is an index over the vectors, the index is searched instead, until
    enough of the user's own were found; if they are too few, all are compared after all.

    Args:
        connections: To the database.
        shared: Whether somebody else closes them.
        settings: How vectors are indexed and searched.
        table_prefix: Put before every name of a table or index.
        index: The index to work on.
    """

    name = "pgvector"

    def __init__(
        self,
        connections: Connections,
        *,
        shared: bool = False,
        settings: IndexSettings | None = None,
        table_prefix: str = "",
        index: str = DEFAULT_INDEX,
    ) -> None:
        self.index = index
        self._connections = connections
        self._shared = shared
        self._settings = settings or IndexSettings()
        self._prefix = table_prefix
        self._table = VectorTable(table_prefix, index)
        self._where = f"{connections.where}, {self._table.name}"
        self._shape: Shape | None = None
        self._searcher = Searcher(self._table, self._settings)

    def at(self, index: str) -> PgVectorStore:
        """The same database, another table."""
        return PgVectorStore(
            self._connections,
            shared=True,
            settings=self._settings,
            table_prefix=self._prefix,
            index=check_index(index),
        )

    async def ensure(
        self, dimension: int, metric: Metric = "cosine", *, model_id: str | None = None
    ) -> None:
        """Create the table if it is absent; do nothing if it fits.

        Creates pgvector too where the role may. An ivfflat index is made, or made anew, by the
        first call that finds 50 vectors per list to place its cells by; until then all vectors
        are compared.

        Raises:
            DimensionMismatch: The table holds vectors of another dimension or model.
            PermissionRefused, StorageError: pgvector or the table is absent and cannot be made.
        """
        check_dimension(dimension, MAX_DIMENSION, metric)
        if model_id is not None:
            check_text(model_id, "model_id")
        table, settings = self._table, self._settings
        async with self._connections.connection() as connection:
            shape = await self._read(connection)
            if not shape.present:
                await vectorschema.create(
                    connection, table, settings, dimension, model_id, self._where
                )
                shape = await self._read(connection)
            vectorschema.fitting(shape, dimension, model_id, self._where)
            if model_id is not None and shape.model_id is None:
                await vectorschema.note(connection, table, shape, model_id)
            due = await vectorschema.due(connection, table, settings, shape)
        if due:
            async with self._connections.connection(_BUILD_SECONDS) as connection:
                await vectorschema.learn(connection, table, settings, shape)
                await self._read(connection)

    async def upsert(self, items: Sequence[VectorItem]) -> None:
        """Store the items, replacing those of the same id; all or none, in one round trip.

        Raises:
            Conflict: An id belongs to another user.
            DimensionMismatch: A vector has another length than the index.
            SchemaPending: There is no index yet.
        """
        # Everybody takes rows in the same order, so that nobody waits in a circle.
        entries = sorted(entries_of(items), key=lambda entry: entry.id)
        lengths = sorted({len(item.vector) for item in items})
        if not entries:
            return
        rows = [
            (one.id, one.user_id, one.session_id, one.personality_name, one.kind, one.vector)
            for one in entries
        ]

        async def put(connection: Connection, shape: Shape) -> bool:
            for length in lengths:
                self._fits(shape, length)
            try:
                async with connection.pipeline(), connection.transaction():
                    await cursor_for(connection).executemany(self._table.put, rows)
            except pg.NotNullViolation as error:  # see VectorTable.put
                raise Conflict(
                    "a vector with that id belongs to another user", where=self._where
                ) from error
            return True

        stored = await self._on(put, absent=False)
        if not stored:
            raise SchemaPending(
                "the vector index does not exist yet", where=self._where, hint="luminora migrate"
            )

    async def query(
        self, vector: Sequence[float], top_k: int, where: Mapping[str, str]
    ) -> list[VectorHit]:
        """The ``top_k`` (at most 4,096) nearest items that match, best first."""
        filters, direction = filters_of(where), unit(vector)
        check_top_k(top_k)

        async def nearest(connection: Connection, shape: Shape) -> list[VectorHit]:
            self._fits(shape, len(direction))
            if top_k == 0:
                return []
            asked = Question(direction, top_k, filters)
            rows = await self._searcher.nearest(connection, shape, asked)
            return [VectorHit(row[0], clamped(1.0 - row[1])) for row in rows]

        return await self._on(nearest, absent=[])

    async def fetch(self, user_id: str, ids: Sequence[str]) -> list[VectorItem]:
        """Those of the items that the user has, their vectors at length 1."""
        filters = filters_of({"user_id": user_id, "id": ids}, ids=True)
        (user,), wanted = filters["user_id"], list(filters["id"])

        async def fetch(connection: Connection, _: Shape) -> list[VectorItem]:
            cursor = cursor_for(connection)
            await cursor.execute(self._table.fetch, [user, wanted])
            return [
                VectorItem(
                    id=item,
                    user_id=user,
                    session_id=session,
                    personality_name=personality,
                    kind=kind,
                    vector=vector_of(vector),
                )
                for item, session, personality, kind, vector in await cursor.fetchall()
            ]

        return await self._on(fetch, absent=[]) if wanted else []

    async def delete(self, where: Mapping[str, str | Sequence[str]]) -> int:
        """Delete what matches and say how many; ``where`` may also hold ``id``."""
        text, values = self._table.delete(filters_of(where, ids=True))

        async def delete(connection: Connection, _: Shape) -> int:
            return (await connection.execute(text, values)).rowcount

        return await self._on(delete, absent=0)

    async def count(self, where: Mapping[str, str]) -> int:
        """How many items match."""
        text, values = self._table.count(filters_of(where))

        async def count(connection: Connection, _: Shape) -> int:
            return await _number(connection, text, values)

        return await self._on(count, absent=0)

    async def describe(self) -> VectorIndex:
        """What the store holds; an absent index has no dimension."""
        async with self._connections.connection() as connection:
            shape = await self._read(connection)
            if not shape.present:
                return VectorIndex(dimension=None)
            count = await _number(connection, self._table.total)
        return VectorIndex(dimension=shape.dimension, model_id=shape.model_id, count=count)

    async def drop(self) -> None:
        """Remove the table and all its vectors."""
        async with self._connections.connection() as connection:
            await connection.execute(self._table.drop)
        self._shape = None
        self._searcher.forget()

    async def check(self) -> CheckResult:
        """Ask for pgvector's version, and the table for its shape and size."""
        started = perf_counter()
        count = 0
        try:
            async with self._connections.connection() as connection:
                shape = await self._read(connection)
                if shape.present:
                    count = await _number(connection, self._table.total)
        except LuminoraError as error:
            return CheckResult(Status.ERROR, str(error), data={"table": self._table.name})
        status, detail = verdict(
            shape, count, self._table, self._settings, where=self._where, shared=self._shared
        )
        data: dict[str, Any] = {
            "table": self._table.name,
            "pgvector_version": shape.version,
            "dimension": shape.dimension if shape.present else None,
            "metric": "cosine",
            "model_id": shape.model_id,
            "type": shape.type,
            "index_type": shape.found or "none",
            "index_used": shape.method is not None,
            "count": count,
        }
        if shape.version is None:
            data["missing_extension"] = "pgvector"  # by migrations: the wizard offers it
        return CheckResult(status, detail, (perf_counter() - started) * 1000, data)

    async def aclose(self) -> None:
        """Let go of connections of its own."""
        if not self._shared:
            self._connections.close()

    def _fits(self, shape: Shape, length: int) -> None:
        if length != shape.dimension:
            raise mismatch(shape.dimension, length, self._where)

    async def _read(self, connection: Connection) -> Shape:
        shape = await vectorschema.read(connection, self._table, self._where)
        self._shape = shape if shape.present else None
        return shape

    async def _on(self, work: Callable[[Connection, Shape], Awaitable[T]], *, absent: T) -> T:
        """Do the work on a table whose shape is remembered, and looked up when it does not fit."""
        async with self._connections.connection() as connection:
            if self._shape is not None:
                try:
                    return await work(connection, self._shape)
                except _STALE:
                    self._searcher.forget()
            shape = await self._read(connection)
            return await work(connection, shape) if shape.present else absent


def build(config: Mapping[str, Any], context: ProviderContext) -> PgVectorStore:
    """The store that the section ``vector_store_provider`` describes.

    Raises:
        ConfigError: It names a server although it is to use the storage's.
        CredentialsMissing: A named environment variable is unset.
    """
    settings, prefix = IndexSettings.of(config), context.table_prefix
    storage = context.storage if config.get("use_storage_connection", True) else None
    if not isinstance(storage, PostgresStorage):
        connections = Connections(Settings.of(config, context))
        return PgVectorStore(connections, settings=settings, table_prefix=prefix)
    if named := [name for name in _CONNECTION if name in config]:
        raise ConfigError(
            f"{', '.join(named)} would be ignored: the vectors are kept in the storage's database",
            where="luminora.json (/vector_store_provider/config)",
            hint='set "use_storage_connection": false to use that server, or leave '
            f"{'them' if len(named) > 1 else 'it'} out",
        )
    return PgVectorStore(storage.connections, shared=True, settings=settings, table_prefix=prefix)


async def _number(connection: Connection, text: str, values: Sequence[Any] = ()) -> int:
    row = await (await connection.execute(text, values)).fetchone()
    return int(row[0]) if row else 0
