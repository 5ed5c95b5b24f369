"""Statements on one connection, in one round trip where that is possible.

A single statement is prepared and its values travel beside it. Several travel as one script, BEGIN
and COMMIT among them, in which the driver has written the values out as literals; the server stops
at the first that fails, so that what stands behind it, COMMIT included, is not run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal

import asyncmy

from luminora.errors import LuminoraError, StorageUnavailable
from luminora.providers.sql import Statement
from luminora.providers.sqlstorage import SqlSession
from luminora_mysql.dialect import CHECK, REFUSED, Accompanied
from luminora_mysql.errors import DUPLICATE, lost, number_of, translate
from luminora_mysql.wire import Connection, Result

_LONGEST: Final = 1 << 20
"""Characters of one script; what is longer goes in several."""

_CAREFUL: Final = 4
"""Lines of the script behind a row that was in the way, and by how much the next ones grow."""

_SNAPSHOT: Final = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
)

Role = Literal["control", "before", "main", "behind", "then"]


@dataclass(slots=True)
class _Line:
    """A statement of a script.

    Attributes:
        text: With its values written out.
        role: What it is to the statement numbered ``group``.
        results: How many results the server answers it with.
    """

    text: str
    role: Role
    group: int
    statement: Statement | None = None
    results: int = 1


_BEGIN: Final = _Line("BEGIN", "control", -1)
_COMMIT: Final = _Line("COMMIT", "control", -1)


class MySqlSession(SqlSession):
    """A connection lent to the storage, in autocommit mode."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def run(
        self, statements: Sequence[Statement], *, begin: bool = False, commit: bool = False
    ) -> list[Any]:
        """Run the statements in one round trip; one more for each row that was in the way."""
        self._connection.committing = False
        if len(statements) == 1 and begin == commit and _alone(statements[0]):
            # A transaction by itself, or in the midst of one.
            return [await self._one(statements[0], commit=commit)]
        lines = [_BEGIN] if begin else []
        lines += [line for number, one in enumerate(statements) for line in self._of(number, one)]
        lines += [_COMMIT] if commit else []
        answers: list[Any] = [None] * len(statements)
        most = len(lines)
        while lines:
            sent, rest = _portion(lines, most)
            left = await self._script(sent, answers)
            # What is behind a row in the way travels again: not all of it, there may be more.
            most = _CAREFUL if left else most * _CAREFUL
            lines = left + rest
        self._connection.committing = False
        return answers

    async def snapshot(self, statements: Sequence[Statement]) -> list[Any]:
        """Run SELECTs on one snapshot, in one round trip."""
        texts = [self._connection.literal(one.text, one.params) for one in statements]
        results, error = await self._connection.batch([*_SNAPSHOT, *texts, _COMMIT.text])
        if error is not None:
            raise translate(error, self._connection.where) from error
        return [rows for _, rows in results[len(_SNAPSHOT) : -1]]

    async def rollback(self) -> None:
        """Undo what is open; a connection where that fails is closed by the pool."""
        if self._connection.raw.connected:
            with suppress(asyncmy.Error):
                await self._connection.run("ROLLBACK")

    async def _one(self, statement: Statement, *, commit: bool) -> Any:
        self._connection.committing = commit
        try:
            if statement.rows:
                return await self._connection.rows(statement.text, statement.params)
            return await self._connection.run(statement.text, statement.params)
        except asyncmy.Error as error:
            raise self._meant(error) from error

    async def _script(self, lines: list[_Line], answers: list[Any]) -> list[_Line]:
        """Run the lines as one script, and say what has to be run still."""
        self._connection.committing = lines[-1] is _COMMIT
        results, error = await self._connection.batch([line.text for line in lines])
        coming = iter(results)
        for number, line in enumerate(lines):
            came = list(islice(coming, line.results))
            if len(came) < line.results:
                if error is None:
                    raise RuntimeError("the server answered fewer statements than were sent")
                return self._after(error, line, lines[number + 1 :], answers, came)
            if line.role == "main" and line.statement is not None:
                touched, rows = came[-1]
                answers[line.group] = rows if line.statement.rows else touched
        return []

    def _after(
        self,
        error: asyncmy.Error,
        line: _Line,
        following: list[_Line],
        answers: list[Any],
        came: list[Result],
    ) -> list[_Line]:
        """What is left to run once ``line`` has failed; raises where that ends the transaction."""
        statement, number = line.statement, number_of(error)
        if statement is None:
            raise self._meant(error) from error
        if number == DUPLICATE and statement.ignore and line.role == "main":
            # The server undid this statement alone. Its company is for a row that was inserted.
            answers[line.group] = 0
            further = [one for one in following if one.group != line.group]
            return [*self._then(line.group, statement), *further]
        if number == REFUSED and statement.otherwise is not None:
            raise statement.otherwise(came[0][0] if came else 0)
        raise self._meant(error) from error

    def _meant(self, error: asyncmy.Error) -> LuminoraError:
        if self._connection.committing and lost(error):
            return StorageUnavailable(
                "the connection was lost while committing: nobody knows whether it was written",
                where=self._connection.where,
                hint="send it again with the same idempotency key",
            )
        return translate(error, self._connection.where)

    def _of(self, group: int, statement: Statement) -> Iterator[_Line]:
        """The lines of a statement with its company."""
        company = statement if isinstance(statement, Accompanied) else Accompanied("")
        if company.before is not None:
            yield self._line("before", group, company.before)
        yield self._line("main", group, statement)
        if company.behind is not None:
            yield self._line("behind", group, company.behind)
        if not statement.ignore:
            yield from self._then(group, statement)

    def _then(self, group: int, statement: Statement) -> Iterator[_Line]:
        if statement.then is not None:
            yield self._line("then", group, statement.then)

    def _line(self, role: Role, group: int, statement: Statement) -> _Line:
        text = self._connection.literal(statement.text, statement.params)
        results = 2 if statement.otherwise is not None and CHECK in statement.text else 1
        return _Line(text, role, group, statement, results)


def _alone(statement: Statement) -> bool:
    """Whether it is one statement to the server, and nothing hangs on how it fails."""
    return not (
        statement.ignore or statement.then or statement.otherwise
        or isinstance(statement, Accompanied)
    )  # fmt: skip


def _portion(lines: list[_Line], most: int) -> tuple[list[_Line], list[_Line]]:
    """As many lines as fit into one script, and the others."""
    length = 0
    for number, line in enumerate(lines):
        length += len(line.text)
        if number and (length > _LONGEST or number >= most):
            return lines[:number], lines[number:]
    return lines, []
