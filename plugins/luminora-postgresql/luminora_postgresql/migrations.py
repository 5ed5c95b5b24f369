"""Migrating a PostgreSQL database: each migration and its record in one transaction.

The lock is an advisory one, held by the session of a connection of its own, so that it ends with
the process whatever becomes of that. It is polled: a statement that waits for it would itself be an
open transaction, for which CREATE INDEX CONCURRENTLY in the process that holds the lock waits.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from time import monotonic
from typing import Any, Final, TypeVar

import psycopg

from luminora.errors import ConfigError, MigrationError, MigrationLockTimeout, StorageUnavailable
from luminora.providers.collections import EMBEDDING_STATE, FieldType
from luminora.providers.migration import LedgerEntry, MigrationDriver
from luminora.providers.sql import Statement
from luminora.providers.sqlledger import Ledger, bare, ends_transaction, failure, finished
from luminora_postgresql.connection import (
    Connection,
    Deadline,
    Settings,
    connect,
    place_of,
)
from luminora_postgresql.dialect import POSTGRESQL
from luminora_postgresql.errors import translate

T = TypeVar("T")

_POLL_SECONDS: Final = 0.1
_READ_SECONDS: Final = 30.0
_TYPES: Final = {
    FieldType.STRING: 'VARCHAR(255) COLLATE "C"',
    FieldType.TEXT: 'TEXT COLLATE "C"',
    FieldType.INTEGER: "BIGINT",
    FieldType.TIMESTAMP: "TIMESTAMPTZ",
    FieldType.JSON: "JSONB",
}
_ALONE: Final = re.compile(
    r"(?:CREATE\s+(?:UNIQUE\s+)?INDEX|DROP\s+INDEX|REINDEX\b.*?)\s+CONCURRENTLY\b|VACUUM\b",
    re.IGNORECASE | re.DOTALL,
)
"""Statements that PostgreSQL refuses inside a transaction."""
_EXTENSION: Final = re.compile(
    r"CREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)", re.IGNORECASE
)
_ABSENT_EXTENSION: Final = frozenset({"0A000", "58P01"})


class PostgresMigrationDriver(MigrationDriver):
    """Migrates one database, past any pooler.

    Args:
        settings: Where it is; ``migration_url_env`` where that is another place.
        table_prefix: Put before every table's name.
    """

    dialect = "postgresql"

    def __init__(self, settings: Settings, *, table_prefix: str = "") -> None:
        self.table_prefix = table_prefix
        self._settings = settings
        self._where = place_of(settings.direct)
        self._ledger = Ledger(POSTGRESQL, table_prefix, _TYPES)
        self._held: Connection | None = None

    @asynccontextmanager
    async def lock(self, timeout: float) -> AsyncIterator[None]:  # noqa: ASYNC109 - the contract
        """Hold the advisory lock of this database and prefix.

        Raises:
            MigrationLockTimeout: Another process held it for ``timeout`` seconds.
            ConfigError: The connection goes through a pooler, where sessions mean nothing.
            StorageError: The server cannot be reached.
        """
        connection = await self._connected()
        try:
            await self._locked(connection, timeout)
            self._held = connection
            try:
                yield
            finally:
                self._held = None
        finally:
            # Closing gives the lock back, and undoes whatever was not committed.
            with suppress(psycopg.Error):
                await connection.close()

    async def ledger(self) -> list[LedgerEntry]:
        """All entries, in one round trip; none if there is no ledger."""

        async def work(connection: Connection) -> list[LedgerEntry]:
            try:
                cursor = await connection.execute(self._ledger.select, binary=True)
            except psycopg.errors.UndefinedTable:
                return []
            except psycopg.errors.UndefinedColumn as error:
                raise self._ledger.foreign(self._where) from error
            return self._ledger.entries(await cursor.fetchall())

        return await self._read(work)

    async def tables(self) -> dict[str, int]:
        """The tables of the current schema under our prefix, and how many rows each has."""

        async def work(connection: Connection) -> dict[str, int]:
            cursor = await connection.execute(_TABLES, [self.table_prefix])
            names = [name for (name,) in await cursor.fetchall()]
            if not names:
                return {}
            quoted = ", ".join(f"(SELECT count(*) FROM {_quoted(name)})" for name in names)  # noqa: S608 - quoted
            cursor = await connection.execute(f"SELECT {quoted}".encode())
            return dict(zip(names, (await cursor.fetchall())[0], strict=True))

        return await self._read(work)

    async def vector_dimension(self) -> int | None:
        """The dimension of the active index of vectors, as far as it lives in this database.

        One round trip: the tables of vectors that there are, and which of them is active.
        """
        active = POSTGRESQL.name_of(f"{self.table_prefix}{EMBEDDING_STATE.name}")
        base = f"{self.table_prefix}message_embeddings"

        async def work(connection: Connection) -> int | None:
            found: dict[str, int] = {}
            indexes: list[tuple[str, int]] = []
            with suppress(psycopg.errors.UndefinedTable):  # not migrated yet
                async with connection.pipeline():
                    first = await connection.execute(_VECTOR_TABLES, [base])
                    second = await connection.execute(
                        f"SELECT index_name, dimension FROM {active} "  # noqa: S608 - declared
                        "WHERE status = 'active' ORDER BY index_name"
                    )
                    found = dict(await first.fetchall())
                    indexes = await second.fetchall()
            for name, dimension in indexes:
                table = base + name.removeprefix("messages")
                if table in found:
                    return found[table] if found[table] > 0 else int(dimension)
            dimension = found.get(base, -1)
            return dimension if dimension > 0 else None

        return await self._read(work)

    async def apply(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """Run the statements and record the entry, or neither.

        A migration with a statement that PostgreSQL does not run inside a transaction goes step by
        step instead: the entry is there first, and tells how far it came.
        """
        if _stepwise(statements):
            await self._walk(entry, statements, self._ledger.write(finished(entry)))
        else:
            await self._at_once(entry, statements, self._ledger.write(finished(entry)))

    async def revert(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """Run the undo statements and remove the entry, as :meth:`apply` does."""
        if _stepwise(statements):
            begun = replace(entry, finished_at=None, statements_total=len(statements))
            await self._walk(begun, statements, [self._ledger.remove(entry)])
        else:
            await self._at_once(entry, statements, [self._ledger.remove(entry)])

    async def record(self, entry: LedgerEntry) -> None:
        """Write the entry as it is."""
        await self._at_once(entry, [], self._ledger.write(entry))

    async def erase(self, entry: LedgerEntry) -> None:
        """Remove the entry from the ledger."""
        await self._at_once(entry, [], [self._ledger.remove(entry)])

    async def _connected(self) -> Connection:
        settings = self._settings
        if settings.pooled and settings.direct is settings.parameters:
            raise ConfigError(
                "migrations cannot go through PgBouncer: their lock belongs to a session",
                where="/storage_provider/config",
                hint="name a variable with a direct URL in migration_url_env",
            )
        return await connect(settings.direct, settings.connect_seconds)

    async def _locked(self, connection: Connection, timeout: float) -> None:  # noqa: ASYNC109
        key, end = _key(self.table_prefix), monotonic() + timeout
        while True:
            deadline = Deadline(connection, _READ_SECONDS)
            try:
                # Whatever limit the role has by default: an index may take hours.
                cursor = await connection.execute(
                    "SELECT pg_try_advisory_lock($1), set_config('statement_timeout', '0', false)",
                    [key],
                )
                ((mine, _),) = await cursor.fetchall()
            except psycopg.Error as error:
                raise self._lost(error, deadline) from error
            finally:
                deadline.lift()
            if mine:
                return
            if monotonic() >= end:
                raise MigrationLockTimeout(
                    f"another process has been migrating for {timeout:g} seconds",
                    where=self._where,
                    hint="wait for it, or raise --timeout",
                )
            await asyncio.sleep(_POLL_SECONDS)

    async def _read(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        connection = self._held or await self._connected()
        deadline = Deadline(connection, _READ_SECONDS)
        try:
            return await work(connection)
        except psycopg.Error as error:
            raise self._lost(error, deadline) from error
        finally:
            deadline.lift()
            if connection is not self._held:
                await connection.close()

    def _lost(self, error: psycopg.Error, deadline: Deadline) -> Exception:
        if deadline.passed:
            return StorageUnavailable(f"no answer within {_READ_SECONDS:g} s", where=self._where)
        return translate(error, self._where)

    @property
    def _mine(self) -> Connection:
        if self._held is None:
            raise MigrationError("the migration lock is not held", where=self._where)
        return self._held

    async def _at_once(
        self, entry: LedgerEntry, statements: Sequence[str], record: Sequence[Statement]
    ) -> None:
        """Run everything in one transaction."""
        connection = self._mine
        try:
            async with connection.transaction():
                await connection.execute(_text(self._ledger.create))
                for number in range(1, len(statements) + 1):
                    await self._execute(entry, number, statements, _NOTHING_REMAINS)
                for statement in record:
                    await connection.execute(_text(statement.text), statement.params)
        except psycopg.Error as error:
            raise translate(error, self._where) from error

    async def _walk(
        self, entry: LedgerEntry, statements: Sequence[str], record: Sequence[Statement]
    ) -> None:
        """Run one statement after the other, with the progress in the ledger."""
        await self.record(entry)
        for number, statement in enumerate(statements, 1):
            begun = replace(entry, statements_done=number)
            try:
                if _ALONE.match(bare(statement)):
                    await self._execute(entry, number, statements, _RESOLVE)
                    await self.record(begun)
                else:
                    await self._at_once_step(begun, number, statements)
            except MigrationError as error:
                failed = replace(entry, statements_done=number - 1, error=error.message)
                await self.record(failed)
                raise
        await self._at_once(entry, [], record)

    async def _at_once_step(
        self, begun: LedgerEntry, number: int, statements: Sequence[str]
    ) -> None:
        connection = self._mine
        try:
            async with connection.transaction():
                await self._execute(begun, number, statements, _RESOLVE)
                for statement in self._ledger.write(begun):
                    await connection.execute(_text(statement.text), statement.params)
        except psycopg.Error as error:
            raise translate(error, self._where) from error

    async def _execute(
        self, entry: LedgerEntry, number: int, statements: Sequence[str], hint: str
    ) -> None:
        statement = statements[number - 1]
        if ends_transaction(statement):
            reason = "a migration is one transaction and cannot end it"
            raise failure(entry, number, statements, reason, hint=hint)
        try:
            await self._mine.execute(_text(statement))
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise translate(error, self._where) from error
            said = error.diag.message_primary or str(error)
            remedy = self._remedy(statement, error) or hint
            raise failure(entry, number, statements, said, hint=remedy) from error

    def _remedy(self, statement: str, error: psycopg.Error) -> str | None:
        """What to type where the reason is not in the migration's file."""
        extension = _EXTENSION.match(bare(statement))
        database = self._settings.direct.get("dbname", "")
        if extension and error.sqlstate == "42501":
            name = extension[1]
            return (
                f"have a superuser run it once: psql -U postgres -d {database} "
                f'-c "CREATE EXTENSION {name};" (nothing of this migration remains)'
            )
        if extension and error.sqlstate in _ABSENT_EXTENSION:
            package = "pgvector (on Debian postgresql-NN-pgvector)"
            name = package if extension[1] == "vector" else extension[1]
            return (
                f"install {name} on the server, then have a superuser run it once: "
                f'psql -U postgres -d {database} -c "CREATE EXTENSION {extension[1]};" '
                "(nothing of this migration remains)"
            )
        if error.sqlstate == "42P07":
            return (
                "a table or index of that name is there already, and not ours: set "
                "migrations.table_prefix or name another database; if Luminora's migrations were "
                "run by other means: luminora migrate --baseline"
            )
        return None


_NOTHING_REMAINS: Final = "nothing of this migration remains; correct its file and try again"
_RESOLVE: Final = (
    "it cannot run in one transaction, so what came before remains: undo it or complete it by "
    "hand, then luminora migrate --resolve rolled-back or applied"
)
_TABLES: Final = """
SELECT relname FROM pg_class
WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
    AND starts_with(relname, $1) ORDER BY relname
"""
_VECTOR_TABLES: Final = """
SELECT relname::text, atttypmod FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
    AND starts_with(relname, $1) AND attname = 'embedding' AND NOT attisdropped
"""


def _key(prefix: str) -> int:
    """The lock's number: another one for each prefix."""
    return int.from_bytes(sha256(f"luminora migrate {prefix}".encode()).digest()[:8], signed=True)


def _stepwise(statements: Sequence[str]) -> bool:
    return any(_ALONE.match(bare(statement)) for statement in statements)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(statement: str) -> bytes:
    """As psycopg takes text that was not written in the program: it asks for literals or bytes."""
    return statement.encode()
