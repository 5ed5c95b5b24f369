"""Migrating an SQLite file: one transaction is lock, work and record at once.

``BEGIN IMMEDIATE`` is the lock. Each migration runs in a savepoint of that transaction and the
ledger's rows are written in it too; it is committed when the lock is released. Whoever is killed
before leaves the file as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final, TypeVar

import apsw

from luminora.builtin.sqlite.dialect import SQLITE
from luminora.builtin.sqlite.errors import translated
from luminora.errors import MigrationError, MigrationLockTimeout, StorageUnavailable
from luminora.providers.collections import SCHEMA_MIGRATIONS, FieldType
from luminora.providers.migration import LedgerEntry, MigrationDriver
from luminora.providers.sqlledger import Ledger, ends_transaction, failure, finished

T = TypeVar("T")

_POLL_MS: Final = 100
_READ_MS: Final = 10_000
_TYPES: Final = {
    FieldType.STRING: "TEXT",
    FieldType.TEXT: "TEXT",
    FieldType.INTEGER: "INTEGER",
    FieldType.TIMESTAMP: "TEXT",
    FieldType.JSON: "TEXT",
}
_STATEMENT_ERRORS = (
    apsw.SQLError,
    apsw.ConstraintError,
    apsw.MismatchError,
    apsw.RangeError,
    apsw.IncompleteExecutionError,
)


class SqliteMigrationDriver(MigrationDriver):
    """Migrates one file.

    Args:
        path: The file; reading makes none, the lock makes it and its folder.
        table_prefix: Put before every table's name.
    """

    dialect = "sqlite"

    def __init__(self, path: Path | str, *, table_prefix: str = "") -> None:
        self.path = Path(path).expanduser()
        self.table_prefix = table_prefix
        self._ledger = Ledger(SQLITE, table_prefix, _TYPES, "STRICT")
        self._held: _Held | None = None

    @asynccontextmanager
    async def lock(self, timeout: float) -> AsyncIterator[None]:  # noqa: ASYNC109 - the contract
        """Hold SQLite's own write lock; what was done is committed at the end.

        Raises:
            MigrationLockTimeout: Another process wrote, or migrated, for ``timeout`` seconds.
            StorageError: The file cannot be opened or written.
        """
        held = _Held(self.path)
        try:
            await self._begin(held, timeout)
            self._held = held
            try:
                yield
            finally:
                self._held = None
                # A migration is complete or undone by now, even when the caller was cancelled: the
                # thread finishes what it is at before it takes the next call.
                await asyncio.shield(held.run(lambda connection: _commit(connection, timeout)))
        finally:
            held.close()

    async def ledger(self) -> list[LedgerEntry]:
        """All entries; none if there is no file or no ledger."""
        return await self._read(self._entries, [])

    async def tables(self) -> dict[str, int]:
        """The tables and how many rows each has; neither virtual tables nor what they keep."""
        return await self._read(self._count_rows, {})

    async def apply(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """Run the statements and record the entry, or neither."""

        def work(connection: apsw.Connection) -> None:
            _execute(connection, entry, statements)
            self._write(connection, finished(entry))

        await self._change(work)

    async def revert(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """Run the undo statements and remove the entry, or neither."""

        def work(connection: apsw.Connection) -> None:
            _execute(connection, entry, statements)
            self._remove(connection, entry)

        await self._change(work)

    async def record(self, entry: LedgerEntry) -> None:
        """Write the entry as it is."""
        await self._change(lambda connection: self._write(connection, entry))

    async def erase(self, entry: LedgerEntry) -> None:
        """Remove the entry from the ledger."""
        await self._change(lambda connection: self._remove(connection, entry))

    async def _begin(self, held: _Held, timeout: float) -> None:  # noqa: ASYNC109
        deadline = monotonic() + timeout
        while not await held.run(_try_begin):
            if monotonic() >= deadline:
                raise MigrationLockTimeout(
                    f"another process has been writing to the database for {timeout:g} seconds",
                    where=str(self.path),
                    hint="wait for it, or raise --timeout",
                )

    async def _read(self, work: Callable[[apsw.Connection], T], absent: T) -> T:
        if self._held is not None:
            return await self._held.run(work)
        return await asyncio.to_thread(self._read_once, work, absent)

    def _read_once(self, work: Callable[[apsw.Connection], T], absent: T) -> T:
        if not self.path.exists():
            return absent
        with translated(self.path):
            # Not read-only: such a connection leaves the write-ahead log's files behind.
            connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            with translated(self.path, connection):
                connection.set_busy_timeout(_READ_MS)
                return work(connection)
        finally:
            connection.close()

    async def _change(self, work: Callable[[apsw.Connection], None]) -> None:
        if self._held is None:
            raise MigrationError("the migration lock is not held", where=str(self.path))

        def in_savepoint(connection: apsw.Connection) -> None:
            connection.execute("SAVEPOINT migration")
            try:
                connection.execute(self._ledger.create)
                work(connection)
            except BaseException:
                if connection.in_transaction:  # else SQLite itself undid everything
                    connection.execute("ROLLBACK TO migration")
                raise
            connection.execute("RELEASE migration")

        await self._held.run(in_savepoint)

    def _entries(self, connection: apsw.Connection) -> list[LedgerEntry]:
        listed = connection.execute(f"PRAGMA table_info({self._ledger.table})")
        found = {row[1] for row in listed}
        if not found:
            return []
        if not found >= SCHEMA_MIGRATIONS.fields.keys():
            raise self._ledger.foreign(str(self.path))
        return self._ledger.entries(connection.execute(self._ledger.select))

    def _count_rows(self, connection: apsw.Connection) -> dict[str, int]:
        names = [
            name
            for schema, name, kind, *_ in connection.execute("PRAGMA table_list")
            if (schema, kind) == ("main", "table")
            and name.startswith(self.table_prefix)
            and not name.startswith("sqlite_")
        ]
        return {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').get  # noqa: S608
            for name in sorted(names)
        }

    def _write(self, connection: apsw.Connection, entry: LedgerEntry) -> None:
        for statement in self._ledger.write(entry):
            connection.execute(statement.text, statement.params)

    def _remove(self, connection: apsw.Connection, entry: LedgerEntry) -> None:
        statement = self._ledger.remove(entry)
        connection.execute(statement.text, statement.params)


class _Held:
    """A connection and the one thread that uses it, one call after the other."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="luminora-migrate")
        self._connection: apsw.Connection | None = None

    async def run(self, work: Callable[[apsw.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    def close(self) -> None:
        self._thread.submit(self._close)
        self._thread.shutdown(wait=False)

    def _do(self, work: Callable[[apsw.Connection], T]) -> T:
        with translated(self._path, self._connection):
            if self._connection is None:
                self._connection = _open(self._path)
            return work(self._connection)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _open(path: Path) -> apsw.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailable(
            f"the database's folder cannot be made: {error.strerror}", where=str(path.parent)
        ) from error
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(_POLL_MS)
    return connection


def _try_begin(connection: apsw.Connection) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except apsw.BusyError:
        return False
    return True


def _commit(connection: apsw.Connection, timeout: float) -> None:
    if not connection.in_transaction:  # SQLite itself gave it up: a full disk, for example
        return
    connection.set_busy_timeout(max(_POLL_MS, int(timeout * 1000)))  # readers may be in the way
    try:
        connection.execute("COMMIT")
    except apsw.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _execute(connection: apsw.Connection, entry: LedgerEntry, statements: Sequence[str]) -> None:
    for number, statement in enumerate(statements, 1):
        try:
            if ends_transaction(statement):
                raise apsw.SQLError("a migration is one transaction and cannot end it")
            connection.execute(statement)
        except _STATEMENT_ERRORS as error:
            hint = "nothing of this migration remains; correct its file and try again"
            raise failure(entry, number, statements, error, hint=hint) from error
