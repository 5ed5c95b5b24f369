"""Making an index's table, and judging the one that is there."""

from __future__ import annotations

import logging
import re
from typing import Final

import psycopg.errors as pg

from luminora.errors import LuminoraError, PermissionRefused, StorageError
from luminora.providers.vectors import check_model, mismatch
from luminora_postgresql.connection import Connection
from luminora_postgresql.vectortable import SHAPE, IndexSettings, Shape, VectorTable, indexable

log = logging.getLogger(__name__)

OLDEST: Final = (0, 8)
"""The oldest pgvector: the first whose searches go on until enough of one user's were found."""
ROWS_PER_LIST: Final = 50
"""What pgvector samples to place the cells of an ivfflat index."""


async def read(connection: Connection, table: VectorTable, where: str) -> Shape:
    """What the database says of the table now.

    Raises:
        StorageError: pgvector is too old or out of reach, or the table is not one of ours.
    """
    cursor = await connection.execute(SHAPE, [f'"{table.name}"'])
    row = await cursor.fetchone()
    if row is None:
        raise StorageError("the catalogue of the database gave no answer", where=where)
    shape = Shape.of(row)
    if problem := _problem(shape, table, where):
        raise problem
    return shape


async def create(
    connection: Connection,
    table: VectorTable,
    settings: IndexSettings,
    dimension: int,
    model_id: str | None,
    where: str,
) -> None:
    """Make the table unless another process is quicker, and pgvector if it has to be.

    Raises:
        PermissionRefused: The role may not create the extension or the table.
        StorageError: The server does not have pgvector.
    """
    async with connection.transaction():
        # IF NOT EXISTS does not keep two creators apart: one of them would fail.
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('luminora vectors'))")
        shape = await read(connection, table, where)
        if shape.present:
            return
        if shape.version is None:
            await _extend(connection, where)
        try:
            for statement in table.create(dimension):
                await connection.execute(statement)
        except pg.InsufficientPrivilege as error:
            raise PermissionRefused(
                f"the role '{connection.info.user}' may not create the table {table.name}",
                provider="pgvector",
                where=where,
                hint=f"GRANT CREATE ON SCHEMA public TO {connection.info.user}; or luminora "
                "migrate as a role that may",
            ) from error
        if settings.method == "hnsw" and indexable(dimension):
            await connection.execute(table.create_index(dimension, settings))
        if model_id is not None:
            await connection.execute(table.comment(shape.noted(model_id)))


def fitting(shape: Shape, dimension: int, model_id: str | None, where: str) -> None:
    """Refuse a table whose vectors are of another length or model.

    Raises:
        DimensionMismatch: They are.
    """
    if shape.dimension != dimension:
        raise mismatch(shape.dimension, dimension, where)
    check_model(shape.model_id, model_id, dimension, where)


async def note(connection: Connection, table: VectorTable, shape: Shape, model_id: str) -> None:
    """Write down the model of a table that somebody else made, if the role owns it."""
    try:
        async with connection.transaction():
            await connection.execute(table.comment(shape.noted(model_id)))
            await connection.execute(table.whole_rows)
    except pg.InsufficientPrivilege:
        # The storage's register of indexes knows the model too; this is the second lock.
        log.info("%s belongs to another role: its model is not noted there", table.name)


async def due(
    connection: Connection, table: VectorTable, settings: IndexSettings, shape: Shape
) -> bool:
    """Whether there is an ivfflat index to be made, and enough to place its cells by."""
    if shape.method or "ivfflat" not in {settings.method, shape.found}:
        return False
    if not indexable(shape.dimension):
        return False
    cursor = await connection.execute(table.at_least, [settings.lists * ROWS_PER_LIST])
    row = await cursor.fetchone()
    return row is not None and enough(settings, row[0])


async def learn(
    connection: Connection, table: VectorTable, settings: IndexSettings, shape: Shape
) -> None:
    """Make the ivfflat index from the vectors that are there; writers wait for it.

    Where the role may not, or another process was quicker, nothing happens: all are compared.
    """
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL statement_timeout = 0")
            for statement in table.learn(shape, settings):
                await connection.execute(statement)
    except (pg.InsufficientPrivilege, pg.DuplicateTable) as error:
        log.info("the vectors of %s are compared, not looked up: %s", table.name, error)


def enough(settings: IndexSettings, count: int) -> bool:
    """Whether that many vectors can place the cells of an ivfflat index."""
    return count >= settings.lists * ROWS_PER_LIST


async def _extend(connection: Connection, where: str) -> None:
    try:
        async with connection.transaction():
            await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except pg.InsufficientPrivilege as error:
        raise PermissionRefused(
            f"pgvector is not installed in the database '{connection.info.dbname}', and the role "
            f"'{connection.info.user}' may not install it",
            provider="pgvector",
            where=where,
            hint=f'as a superuser: psql -d {connection.info.dbname} -c "CREATE EXTENSION vector;"',
        ) from error
    except (pg.FeatureNotSupported, pg.UndefinedFile) as error:
        major = connection.info.server_version // 10_000
        raise StorageError(
            "the server does not have pgvector",
            where=where,
            hint=f"install it there (Debian, Ubuntu: apt install postgresql-{major}-pgvector; Red "
            f"Hat: dnf install pgvector_{major}), then as a superuser: CREATE EXTENSION vector;",
        ) from error


def _problem(shape: Shape, table: VectorTable, where: str) -> LuminoraError | None:
    if shape.version is not None and _numbers(shape.version) < OLDEST:
        return StorageError(
            f"pgvector {shape.version} is installed; 0.8 or newer is needed",
            where=where,
            hint="upgrade the server's package, then: ALTER EXTENSION vector UPDATE;",
        )
    if shape.version is not None and not shape.reachable:
        return StorageError(
            f"pgvector is installed in the schema '{shape.schema}', which is not searched",
            where=where,
            hint=f'ALTER ROLE … SET search_path = "$user", public, "{shape.schema}";',
        )
    if shape.present and shape.type not in {"vector", "halfvec"}:
        return StorageError(
            f"there is a table {table.name}, but it does not hold vectors of pgvector",
            where=where,
            hint="choose another migrations.table_prefix, or rename that table",
        )
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
