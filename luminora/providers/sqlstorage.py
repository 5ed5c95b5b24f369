"""A storage on an SQL server, written once; a plugin brings the connection and the dialect.

::

    class ShelfStorage(SqlStorage):
        name = "shelf"
        dialect = "shelf"

        def __init__(self, url, table_prefix=""):
            super().__init__(SHELF, ShelfWords(), table_prefix)
            ...

        @asynccontextmanager
        async def session(self):
            async with self.pool.connection() as connection:
                yield ShelfSession(connection)

What is left to it are ``connect``, ``migrations``, ``check`` and ``aclose``. Operations are data,
so a transaction that the database gave up because another stood in its way is run again.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, TypeVar
from uuid import uuid4

from luminora.errors import InputError, StorageUnavailable
from luminora.providers.collections import JOBS, MESSAGES
from luminora.providers.operations import (
    EVERY_USER,
    Count,
    Find,
    Insert,
    Is,
    Read,
    Row,
    Scope,
    SearchText,
    Update,
    Where,
    Write,
)
from luminora.providers.sql import Dialect, Statement, Statements
from luminora.providers.sqlbulk import LEAST, inserts, runs
from luminora.providers.sqlwords import WordKeeping
from luminora.providers.storage import StorageProvider

T = TypeVar("T")
Plan = Callable[[], Generator[Statement, Any, T]]

_ATTEMPTS: Final = 10
_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 0.5


class Contended(StorageUnavailable):
    """Two transactions stood in each other's way and the database undid this one, wholly."""


class SqlSession(ABC):
    """One connection, lent for one transaction or for a few reads."""

    @abstractmethod
    async def run(
        self, statements: Sequence[Statement], *, begin: bool = False, commit: bool = False
    ) -> list[Any]:
        """Run the statements in order; for each its rows, or the number of rows it touched.

        A driver that can do so sends everything in one round trip. The ``then`` of a statement is
        run right behind it, and a statement that fails its dialect's demand raises its
        ``otherwise``.

        Args:
            statements: At least one, unless there is something to commit.
            begin: Whether to begin a transaction first.
            commit: Whether to commit behind the last.

        Raises:
            Contended: The transaction was undone and may be run again.
            StorageUnavailable: The connection was lost; if that was while committing, the message
                says that nobody knows whether it was written.
            LuminoraError: Anything else; the transaction is to be rolled back.
        """

    @abstractmethod
    async def snapshot(self, statements: Sequence[Statement]) -> list[Any]:
        """Run SELECTs on one and the same state of the database; the rows of each."""

    @abstractmethod
    async def rollback(self) -> None:
        """Undo the transaction, if there is one; a connection that is lost did so itself.

        Never raises.
        """


class SqlStorage(StorageProvider):
    """Everything of a storage that is the same on every SQL server.

    Args:
        dialect: What the database spells differently.
        keeping: How it keeps and finds the words of messages.
        table_prefix: Put before every table's name.

    Attributes:
        locking: What makes a SELECT take the rows it found and pass over those that others hold.
        statements: Operations as SQL.
    """

    locking: ClassVar[str] = "FOR UPDATE SKIP LOCKED"

    def __init__(self, dialect: Dialect, keeping: WordKeeping, table_prefix: str = "") -> None:
        self.table_prefix = table_prefix
        self.statements = Statements(dialect, table_prefix, keeping.derived)
        self.words = keeping.words(self.statements)

    @abstractmethod
    def session(self) -> AbstractAsyncContextManager[SqlSession]:
        """A connection for the time being, with a deadline on what is done with it.

        Raises:
            StorageUnavailable: There is none to be had.
            AuthenticationFailed: The server refused the user.
        """

    async def transaction(self, operations: Sequence[Write]) -> list[int]:
        """Do all the writes or none, durably; run again if the database gave it up."""
        plans = [*self._plans(operations)]
        if not plans:
            return []
        answers = await self.run(plans)
        return [one for many in answers for one in (many if isinstance(many, list) else [many])]

    async def run(self, plans: Sequence[Plan[Any]]) -> list[Any]:
        """Run steps in one transaction, as often as it takes; what each of them returned.

        Statements that are ``final`` travel together, with COMMIT if the last of them is.

        Raises:
            Contended: Others stood in the way every time; nothing was written.
            StorageError: Nothing was written, unless the message says that nobody knows.
        """
        return await _persistent(lambda: self._attempt(plans))

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
        found: list[Row]
        (found,) = await self.read([Find(collection, user_id, where or {}, order, limit, after)])
        return found

    async def count(self, collection: str, user_id: Scope, where: Where | None = None) -> int:
        """How many rows match."""
        number: int
        (number,) = await self.read([Count(collection, user_id, where or {})])
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
        found: list[tuple[Row, float]]
        (found,) = await self.read([SearchText(collection, user_id, text, where or {}, limit)])
        return found

    async def read(self, queries: Sequence[Read]) -> list[Any]:
        """Several reads of one and the same state of the database, in as few trips as possible."""
        asked = [self._query(query) for query in queries]
        statements = [statement for statement, _ in asked if statement is not None]
        if not statements:
            return [[] for _ in asked]
        answers = iter(await _persistent(lambda: self._rows(statements)))
        return [[] if statement is None else decode(next(answers)) for statement, decode in asked]

    async def lease_jobs(
        self, limit: int, seconds: float, *, kinds: Sequence[str] | None = None
    ) -> list[Row]:
        """Take up to ``limit`` due jobs for ``seconds``; expired leases are taken over first.

        One short transaction that passes over the jobs another worker is just taking. Jobs that
        are taken together share their ``lease_token``.
        """
        if not isinstance(limit, int) or limit < 0:
            raise InputError("limit has to be a whole number, zero or more")
        if limit == 0 or (kinds is not None and not kinds):
            return []
        jobs: list[Row]
        (jobs,) = await self.run([lambda: self._lease(limit, seconds, kinds)])
        return jobs

    def _lease(
        self, limit: int, seconds: float, kinds: Sequence[str] | None
    ) -> Generator[Statement, Any, list[Row]]:
        now = datetime.now(UTC)
        jobs: list[Row] = []
        for status, clock in (("leased", "leased_until"), ("ready", "run_at")):
            where: dict[str, Any] = {"status": status, clock: Is("<=", now)}
            if kinds is not None:
                where["kind"] = Is("in", list(kinds))
            due = Find(JOBS.name, EVERY_USER, where, (clock,), limit - len(jobs))
            if due.limit:
                select = self.statements.find(due)
                taken = yield Statement(f"{select.text} {self.locking}", select.params, rows=True)
                jobs += self.statements.rows(JOBS.name, taken)
        if not jobs:
            return []
        lease: Row = {
            "status": "leased",
            "lease_token": uuid4().hex,
            "leased_until": now + timedelta(seconds=seconds),
            "updated_at": now,
        }
        ids = Is("in", [job["id"] for job in jobs])
        take = Update(JOBS.name, EVERY_USER, {"id": ids}, set=lease, increment={"attempts": 1})
        yield from self.statements.write(take)()
        return [{**job, **lease, "attempts": job["attempts"] + 1} for job in jobs]

    def _query(self, query: Read) -> tuple[Statement | None, Callable[[Any], Any]]:
        """The statement that asks it, None if the answer is nothing, and how to read the answer."""
        match query:
            case Find():
                name = query.collection
                return self.statements.find(query), lambda raw: self.statements.rows(name, raw)
            case Count():
                return self.statements.count(query), lambda raw: int(raw[0][0])
            case SearchText():
                return self.words.search(query), self.words.rows

    def _plans(self, operations: Sequence[Write]) -> Iterable[Plan[Any]]:
        for group in runs(operations):
            alike = [one for one in group if isinstance(one, Insert)]
            if len(alike) >= LEAST and self.statements.dialect.returning:
                yield inserts(self.statements, alike)
                continue
            for operation in group:
                begin = self.statements.write(operation)
                if operation.collection == MESSAGES.name:
                    begin = self.words.upheld(operation, begin)
                yield begin

    async def _rows(self, statements: Sequence[Statement]) -> list[Any]:
        async with self.session() as session:
            if len(statements) == 1:  # it sees one state of the database by itself
                return await session.run(statements)
            return await session.snapshot(statements)

    async def _attempt(self, plans: Sequence[Plan[Any]]) -> list[Any]:
        async with self.session() as session:
            try:
                return await _Run(session).all(plans)
            except BaseException:
                await session.rollback()
                raise


class _Run:
    """One attempt at a transaction: what waits to be sent, and to whom the answers go."""

    def __init__(self, session: SqlSession) -> None:
        self._session = session
        self._begun = False
        self._waiting: list[tuple[Statement, Generator[Statement, Any, Any], int]] = []
        self._answers: dict[int, Any] = {}

    async def all(self, plans: Sequence[Plan[Any]]) -> list[Any]:
        for number, plan in enumerate(plans):
            steps = plan()
            statement = _first(steps, number, self._answers)
            while statement is not None:
                self._waiting.append((statement, steps, number))
                statement = None if statement.final else await self._send()
        await self._send(commit=True)
        return [self._answers[number] for number in range(len(plans))]

    async def _send(self, *, commit: bool = False) -> Statement | None:
        """Send what waits and hand out the answers; the step that comes of the last one, if any."""
        waiting, self._waiting = self._waiting, []
        begin, self._begun = not self._begun, True
        if not waiting and begin:
            return None
        statements = [statement for statement, _, _ in waiting]
        answers = await self._session.run(statements, begin=begin, commit=commit)
        further: Statement | None = None
        for (statement, steps, number), answer in zip(waiting, answers, strict=True):
            further = None
            try:
                further = steps.send(answer)
            except StopIteration as end:
                self._answers[number] = end.value
            if further is not None and statement.final:
                raise RuntimeError(f"a step behind a final statement: {statement.text}")
        return further


async def _persistent(attempt: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
    """Try again, a little later each time, as long as others stand in the way."""
    pause = _FIRST_PAUSE
    for _ in range(_ATTEMPTS - 1):
        try:
            return await attempt()
        except Contended:
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            pause = min(_LONGEST_PAUSE, pause * 2)
    return await attempt()


def _first(
    steps: Generator[Statement, Any, Any], number: int, answers: dict[int, Any]
) -> Statement | None:
    try:
        return next(steps)
    except StopIteration as end:
        answers[number] = end.value
        return None
