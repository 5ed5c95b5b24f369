"""Storage in one SQLite file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, Final

import apsw

from luminora.builtin.sqlite.database import Database, open_database, snapshot
from luminora.builtin.sqlite.dialect import SQLITE
from luminora.builtin.sqlite.fulltext import Condition, MessageIndex
from luminora.errors import InputError, LuminoraError, StorageUnavailable
from luminora.providers.base import CheckResult, Status
from luminora.providers.checks import check_text, confined_to, declared
from luminora.providers.collections import COLLECTIONS, MESSAGES
from luminora.providers.operations import (
    Count,
    Delete,
    Find,
    Insert,
    Read,
    Row,
    Scope,
    SearchText,
    Update,
    Upsert,
    Where,
    Write,
)
from luminora.providers.sql import Statement, Statements, Steps
from luminora.providers.storage import StorageProvider

if TYPE_CHECKING:
    from luminora.providers.migration import MigrationDriver

_QUICK_BYTES: Final = 64 << 20
"""Files up to this size are verified by every check; larger ones would take seconds."""
_LOCK_SECONDS: Final = 5
"""How long a check waits for another process that is writing."""

Plan = Callable[[apsw.Connection], int]


class SqliteStorage(StorageProvider):
    """Storage in one SQLite file.

    Args:
        path: The file; made with its folder when absent.
        busy_timeout: Seconds to wait for another process that is writing.
        table_prefix: Put before every table's name.
    """

    name = "sqlite"
    dialect: ClassVar[str] = "sqlite"

    def __init__(
        self, path: Path | str, *, busy_timeout: float = 30.0, table_prefix: str = ""
    ) -> None:
        self.path = Path(path).expanduser().resolve()
        self.table_prefix = table_prefix
        self._busy_timeout = busy_timeout
        self._statements = Statements(SQLITE, table_prefix)
        self._index = MessageIndex(self._statements)
        self._database: Database | None = None

    @property
    def database(self) -> Database:
        """The open file, for a vector store that keeps its vectors in it.

        Raises:
            StorageUnavailable: ``connect`` was not called, or ``aclose`` was.
        """
        if self._database is None:
            raise StorageUnavailable(
                "the storage is not connected", where=str(self.path), hint="await connect() first"
            )
        return self._database

    async def connect(self) -> None:
        """Open the file; calling it again is harmless.

        Raises:
            StorageError: It is a folder, damaged, not a database, or cannot be written.
        """
        if self._database is None:
            database = await asyncio.to_thread(
                open_database, self.path, busy_timeout=self._busy_timeout
            )
            if self._database is None:
                self._database = database
            else:  # somebody else connected meanwhile
                await asyncio.to_thread(database.close)

    async def aclose(self) -> None:
        """Let go of the file, after what is queued has been written."""
        database, self._database = self._database, None
        if database is not None:
            await asyncio.to_thread(database.close)

    def migrations(self) -> MigrationDriver:
        """The driver that migrates this file."""
        from luminora.builtin.sqlite.migrations import (  # noqa: PLC0415 - only migrations need it
            SqliteMigrationDriver,
        )

        return SqliteMigrationDriver(self.path, table_prefix=self.table_prefix)

    async def transaction(self, operations: Sequence[Write]) -> list[int]:
        """Do all the writes or none; durable, with concurrent calls sharing a commit."""
        plans = [self._plan(operation) for operation in operations]
        if not plans:
            return []
        return await self.database.write(lambda connection: [plan(connection) for plan in plans])

    async def find(
        self,
        collection: str,
        user_id: Scope,
        where: Where | None = None,
        *,
        order: Sequence[str] = (),
        limit: int | None = None,
        after: Row | None = None,
    ) -> list[Row]:
        """The rows that match."""
        query = Find(collection, user_id, where or {}, order, limit, after)
        rows: list[Row] = await self.database.read(self._query(query))
        return rows

    async def count(self, collection: str, user_id: Scope, where: Where | None = None) -> int:
        """How many rows match."""
        number: int = await self.database.read(self._query(Count(collection, user_id, where or {})))
        return number

    async def search_text(
        self,
        collection: str,
        user_id: Scope,
        text: str,
        *,
        where: Where | None = None,
        limit: int = 50,
    ) -> list[tuple[Row, float]]:
        """Messages that share words with ``text``, in Spanish and English, best first.

        Raises:
            InputError: The collection is not ``messages``.
        """
        (hits,) = await self.read([SearchText(collection, user_id, text, where or {}, limit)])
        found: list[tuple[Row, float]] = hits
        return found

    async def read(self, queries: Sequence[Read]) -> list[Any]:
        """Several reads in one hop to a reader thread, all of one and the same snapshot."""
        asked = [self._query(query) for query in queries]

        def answer(connection: apsw.Connection) -> list[Any]:
            with snapshot(connection):
                return [ask(connection) for ask in asked]

        return await self.database.read(answer)

    def _query(self, query: Read) -> Callable[[apsw.Connection], Any]:
        statements = self._statements
        match query:
            case Find():
                statement = statements.find(query)
                name = query.collection
                return lambda connection: statements.rows(name, _rows(connection, statement))
            case Count():
                statement = statements.count(query)
                return lambda connection: next(iter(_rows(connection, statement)))[0]
            case SearchText():
                return self._search(query)

    def _search(self, query: SearchText) -> Callable[[apsw.Connection], Any]:
        collection = declared(query.collection)
        if collection is not MESSAGES:
            raise InputError(f"'{collection.name}' has no full-text index, only 'messages' has")
        if query.limit < 0:
            raise InputError("limit has to be zero or more")
        user = confined_to(collection, query.user_id)
        if user is None:
            raise InputError("a text search is always among one user's messages")
        clause, params = self._statements.where(collection, user, query.where)
        extra = query.where.keys() - {"user_id"}
        condition = Condition(clause, params, not extra, indexed="session_id" in extra)
        text = check_text(query.text, "text")
        return lambda connection: self._index.search(connection, user, text, condition, query.limit)

    def _plan(self, operation: Write) -> Plan:
        begin = self._statements.write(operation)
        if operation.collection != MESSAGES.name:
            return lambda connection: _run(connection, begin())
        user = confined_to(MESSAGES, operation.user_id)
        match operation:
            case Insert():
                return self._plan_insert(begin, operation, user)
            case Upsert():
                return self._plan_upsert(begin, operation)
            case Update():
                return self._plan_update(begin, operation, user)
            case Delete():
                return self._plan_delete(begin, operation, user)

    def _plan_insert(self, begin: Callable[[], Steps], operation: Insert, user: str | None) -> Plan:
        row = operation.row if user is None else {**operation.row, "user_id": user}

        def insert(connection: apsw.Connection) -> int:
            touched = _run(connection, begin())
            if touched:
                self._index.add(connection, connection.last_insert_rowid(), row)
            return touched

        return insert

    def _plan_upsert(self, begin: Callable[[], Steps], operation: Upsert) -> Plan:
        def upsert(connection: apsw.Connection) -> int:
            touched = _run(connection, begin())
            self._index.renew(connection, "id = ?", (operation.row["id"],))
            return touched

        return upsert

    def _plan_update(self, begin: Callable[[], Steps], operation: Update, user: str | None) -> Plan:
        if not set(MESSAGES.text) & operation.set.keys():
            return lambda connection: _run(connection, begin())
        where, params = self._statements.where(MESSAGES, user, operation.where)

        def update(connection: apsw.Connection) -> int:
            numbers = self._index.numbers(connection, where, params)
            touched = _run(connection, begin())
            for num in numbers:
                self._index.renew(connection, "num = ?", (num,))
            return touched

        return update

    def _plan_delete(self, begin: Callable[[], Steps], operation: Delete, user: str | None) -> Plan:
        where, params = self._statements.where(MESSAGES, user, operation.where)

        def delete(connection: apsw.Connection) -> int:
            self._index.remove(connection, where, params)
            return _run(connection, begin())

        return delete

    async def check(self) -> CheckResult:
        """Open, lock, list and verify the file; says so if it does not exist yet."""
        started = perf_counter()
        if self._database is None and not self.path.exists():
            return CheckResult(
                Status.WARNING, f"{self.path} does not exist yet: luminora migrate makes it"
            )
        mine = self._database is None
        try:
            await self.connect()
            async with asyncio.timeout(_LOCK_SECONDS):
                await self.database.write(lambda _: None)  # takes the write lock and lets it go
            facts = await self.database.read(self._facts)
        except TimeoutError:
            detail = f"another process has been writing to {self.path} for {_LOCK_SECONDS} seconds"
            return CheckResult(Status.WARNING, detail, data={"path": str(self.path)})
        except (LuminoraError, OSError) as error:
            return CheckResult(Status.ERROR, str(error), data={"path": str(self.path)})
        finally:
            if mine:
                await self.aclose()
        facts["writable"] = True
        return _verdict(facts, (perf_counter() - started) * 1000)

    def _facts(self, connection: apsw.Connection) -> dict[str, Any]:
        listed = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        present = {name for (name,) in listed}
        wanted = {name: f"{self.table_prefix}{name}" for name in (*COLLECTIONS, "messages_fts")}
        size = self.path.stat().st_size
        problems = [] if size > _QUICK_BYTES else _problems(connection)
        return {
            "path": str(self.path),
            "size_bytes": size,
            "sqlite_version": apsw.sqlite_lib_version(),
            "journal_mode": connection.pragma("journal_mode"),
            "tables": sorted(name for name, table in wanted.items() if table in present),
            "missing_tables": sorted(
                name for name, table in wanted.items() if table not in present
            ),
            "integrity": problems or ("ok" if size <= _QUICK_BYTES else "not checked: large file"),
        }


def _problems(connection: apsw.Connection) -> list[str]:
    found = [str(line) for (line,) in connection.execute("PRAGMA quick_check(5)")]
    return [] if found == ["ok"] else found


def _verdict(facts: dict[str, Any], latency_ms: float) -> CheckResult:
    status, detail = Status.OK, f"SQLite {facts['sqlite_version']}, {facts['path']}"
    if facts["missing_tables"]:
        status = Status.ERROR
        detail = f"tables are missing ({', '.join(facts['missing_tables'])}): luminora migrate"
    if isinstance(facts["integrity"], list):
        status, detail = Status.ERROR, f"the file is damaged: {facts['integrity'][0]}"
    return CheckResult(status, detail, latency_ms, facts)


def _rows(connection: apsw.Connection, statement: Statement) -> Iterable[tuple[Any, ...]]:
    return connection.execute(statement.text, statement.params)


def _run(connection: apsw.Connection, steps: Steps) -> int:
    try:
        statement = next(steps)
        while True:
            cursor = connection.execute(statement.text, statement.params)
            statement = steps.send(cursor.fetchall() if statement.rows else connection.changes())
    except StopIteration as end:
        touched: int = end.value
        return touched
