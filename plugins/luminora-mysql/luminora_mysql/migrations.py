"""Migrating a MySQL or MariaDB database, one statement after the other.

These servers commit every DDL statement by itself, so a migration cannot be undone as a whole. The
ledger's entry is written first; before each statement it says how far the migration came and which
one is next. Whoever is killed leaves such an entry, and somebody has to say what became of it. To
make that rare, everything that can be known beforehand is asked beforehand: syntax, and tables that
are there already.

The lock is ``GET_LOCK``, which a session holds and loses with its connection, however that ends.
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

import asyncmy

from luminora.errors import MigrationError, MigrationLockTimeout, StorageUnavailable
from luminora.providers.collections import FieldType
from luminora.providers.migration import LedgerEntry, MigrationDriver
from luminora.providers.sql import Statement
from luminora.providers.sqlledger import Ledger, bare, ends_transaction, failure, finished
from luminora_mysql.dialect import MYSQL
from luminora_mysql.errors import ABSENT, lost, number_of, translate
from luminora_mysql.settings import Settings
from luminora_mysql.wire import Connection, connect

T = TypeVar("T")

COLLATION: Final = "/*!80017 COLLATE=utf8mb4_0900_bin */ /*M!100600 COLLATE=utf8mb4_nopad_bin */"
"""Text by code point, trailing spaces counting: each server reads its own name for that."""

_POLL_SECONDS: Final = 0.1
_READ_SECONDS: Final = 30.0
_LONGEST_NAME: Final = 64
_QUOTED: Final = 200
_SYNTAX: Final = 1064
_UNKNOWN_COLUMN: Final = 1054
_EXISTS: Final = frozenset({1050, 1061})
_TYPES: Final = {
    FieldType.STRING: "VARCHAR(255)",
    FieldType.TEXT: "LONGTEXT",
    FieldType.INTEGER: "BIGINT",
    FieldType.TIMESTAMP: "DATETIME(6)",
    FieldType.JSON: "LONGTEXT",
}
_CREATES: Final = re.compile(r"CREATE\s+TABLE\s+`?(\w+)`?", re.IGNORECASE)
_TABLES: Final = (
    "SELECT table_name FROM information_schema.tables "
    "WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name"
)


class MySqlMigrationDriver(MigrationDriver):
    """Migrates one database.

    Args:
        settings: Where it is; ``migration_url_env`` where somebody else may create tables.
        table_prefix: Put before every table's name.
    """

    dialect = "mysql"

    def __init__(self, settings: Settings, *, table_prefix: str = "") -> None:
        self.table_prefix = table_prefix
        self._settings = settings
        self._where = settings.migrator.where
        self._ledger = Ledger(
            MYSQL, table_prefix, _TYPES, f"ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 {COLLATION}"
        )
        self._held: Connection | None = None
        self._made = False

    @asynccontextmanager
    async def lock(self, timeout: float) -> AsyncIterator[None]:  # noqa: ASYNC109 - the contract
        """Hold the server's lock for this database and prefix.

        Raises:
            MigrationLockTimeout: Another process held it for ``timeout`` seconds.
            StorageError: The server cannot be reached, or is too old.
        """
        connection = await self._connected()
        try:
            await self._locked(connection, timeout)
            self._held = connection
            try:
                yield
            finally:
                self._held, self._made = None, False
        finally:
            with suppress(asyncmy.Error, TimeoutError):  # its end gives the lock back as well
                async with asyncio.timeout(_POLL_SECONDS * 10):
                    await connection.rows("SELECT RELEASE_LOCK(%s)", [self._lock_name])
            connection.close()

    async def ledger(self) -> list[LedgerEntry]:
        """All entries; none if there is no ledger."""

        async def work(connection: Connection) -> list[LedgerEntry]:
            try:
                return self._ledger.entries(await connection.rows(self._ledger.select))
            except asyncmy.Error as error:
                if number_of(error) == ABSENT:
                    return []
                if number_of(error) == _UNKNOWN_COLUMN:
                    raise self._ledger.foreign(self._where) from error
                raise

        return await self._read(work)

    async def tables(self) -> dict[str, int]:
        """The tables under our prefix, and how many rows each has."""

        async def work(connection: Connection) -> dict[str, int]:
            found = [name for (name,) in await connection.rows(_TABLES)]
            names = [name for name in found if name.startswith(self.table_prefix)]
            if not names:
                return {}
            counts = ", ".join(f"(SELECT count(*) FROM {_quoted(name)})" for name in names)  # noqa: S608 - quoted
            ((*numbers,),) = await connection.rows(f"SELECT {counts}")
            return dict(zip(names, numbers, strict=True))

        return await self._read(work)

    async def apply(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """Run the statements, with the progress in the ledger, and record the entry as finished.

        Raises:
            MigrationError: A statement failed. Where it was the first, nothing remains; else the
                entry stays and says which one it was.
        """
        await self._foreseen(entry, statements)
        await self._walk(entry, statements)
        await self.record(finished(entry))

    async def revert(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """Run the undo statements, with the progress in the ledger, and remove the entry."""
        await self._foreseen(entry, statements)
        begun = replace(entry, finished_at=None, statements_total=len(statements))
        await self._walk(begun, statements, before=entry)
        await self.erase(entry)

    async def record(self, entry: LedgerEntry) -> None:
        """Write the entry as it is."""
        await self._record(self._ledger.write(entry))

    async def erase(self, entry: LedgerEntry) -> None:
        """Remove the entry from the ledger."""
        await self._record([self._ledger.remove(entry)])

    @property
    def _lock_name(self) -> str:
        """The name of the lock, which is the whole server's."""
        login = self._settings.migrator
        name = f"luminora/{login.database}/{self.table_prefix}"
        if len(name) <= _LONGEST_NAME:
            return name
        return f"luminora/{sha256(name.encode()).hexdigest()[:40]}"

    @property
    def _mine(self) -> Connection:
        if self._held is None:
            raise MigrationError("the migration lock is not held", where=self._where)
        return self._held

    async def _connected(self) -> Connection:
        return await connect(self._settings.migrator, self._settings.connect_seconds)

    async def _locked(self, connection: Connection, timeout: float) -> None:  # noqa: ASYNC109
        end = monotonic() + timeout
        while True:
            answer = await self._in_time(
                connection.rows("SELECT GET_LOCK(%s, 0)", [self._lock_name])
            )
            if answer == [(1,)]:
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
        try:
            return await self._in_time(work(connection))
        finally:
            if connection is not self._held:
                connection.close()

    async def _in_time(self, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(_READ_SECONDS):
                return await work
        except TimeoutError as error:
            said = f"no answer within {_READ_SECONDS:g} seconds"
            raise StorageUnavailable(said, where=self._where, hint="try again") from error
        except asyncmy.Error as error:
            raise translate(error, self._where) from error

    async def _record(self, statements: Sequence[Statement]) -> None:
        connection = self._mine

        async def work() -> None:
            if not self._made:
                await connection.run(self._ledger.create)
                self._made = True
            texts = [connection.literal(one.text, one.params) for one in statements]
            _, error = await connection.batch(["BEGIN", *texts, "COMMIT"])
            if error is not None:
                raise error

        await self._in_time(work())

    async def _foreseen(self, entry: LedgerEntry, statements: Sequence[str]) -> None:
        """Refuse what is known to fail, before anything is done."""
        connection = self._mine
        present = {name.lower() for (name,) in await self._in_time(connection.rows(_TABLES))}
        for number, statement in enumerate(statements, 1):
            if ends_transaction(statement):
                reason = "a migration cannot begin or end a transaction"
                raise failure(entry, number, statements, reason, hint=_NOTHING)
            creates = _CREATES.match(bare(statement))
            if creates and creates[1].lower() in present:
                reason = f"there is a table '{creates[1]}' already, and it is not ours"
                raise failure(entry, number, statements, reason, hint=_FOREIGN)
            reason = await self._in_time(self._misspelt(statement))
            if reason:
                raise failure(entry, number, statements, reason, hint=_NOTHING)

    async def _misspelt(self, statement: str) -> str:
        """What the server's parser has against the statement; it is not run."""
        try:
            prepared = await self._mine.raw.prepare(statement)
        except asyncmy.Error as error:
            # Anything else is no matter of spelling: a table, say, that an earlier one creates.
            if lost(error):
                raise
            return str(error.args[-1]) if number_of(error) == _SYNTAX else ""
        await prepared.close()
        return ""

    async def _walk(
        self, entry: LedgerEntry, statements: Sequence[str], *, before: LedgerEntry | None = None
    ) -> None:
        """Run one statement after the other; ``before`` is the entry as it was, if it was there."""
        total = len(statements)
        for number, statement in enumerate(statements, 1):
            said = f"stopped at statement {number} of {total}: {_short(statement)}"
            await self.record(replace(entry, statements_done=number - 1, error=said))
            try:
                await self._mine.run(statement)
            except asyncmy.Error as error:
                if lost(error):
                    raise translate(error, self._where) from error
                await self._failed(entry, number, statements, error, before)

    async def _failed(
        self,
        entry: LedgerEntry,
        number: int,
        statements: Sequence[str],
        error: asyncmy.Error,
        before: LedgerEntry | None,
    ) -> None:
        said = str(error.args[-1])
        if number == 1:  # a single statement of these servers is wholly done or not at all
            await (self.erase(entry) if before is None else self.record(before))
            hint = _FOREIGN if number_of(error) in _EXISTS else _NOTHING
            raise failure(entry, number, statements, said, hint=hint) from error
        problem = failure(entry, number, statements, said, hint=_RESOLVE)
        text = " ".join(problem.message.split())
        await self.record(replace(entry, statements_done=number - 1, error=text))
        raise problem from error


_NOTHING: Final = "nothing of this migration remains; correct its file and try again"
_FOREIGN: Final = (
    "set migrations.table_prefix or name another database; if Luminora's migrations were run by "
    "other means: luminora migrate --baseline"
)
_RESOLVE: Final = (
    "these servers commit every such statement, so what came before it remains: undo it and type "
    "luminora migrate --resolve rolled-back, or complete it and type --resolve applied"
)


def _short(statement: str) -> str:
    flat = " ".join(bare(statement).split())
    return flat if len(flat) <= _QUOTED else f"{flat[:_QUOTED]}…"


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
