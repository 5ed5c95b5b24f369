"""Statements on one connection, in one round trip where that is possible.

libpq's pipeline mode: everything is sent, then the answers are read. BEGIN and COMMIT travel with
the statements between them; when one fails the server skips the rest, COMMIT included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, Final, TypeAlias

import psycopg

from luminora.errors import LuminoraError, StorageUnavailable
from luminora.providers.sql import Statement
from luminora.providers.sqlstorage import SqlSession
from luminora_postgresql.connection import Connection
from luminora_postgresql.errors import translate

_Cursor: TypeAlias = psycopg.AsyncCursor[tuple[Any, ...]]

_BEGIN: Final = Statement("BEGIN")
_READ: Final = Statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
_COMMIT: Final = Statement("COMMIT")
_ROLLBACKS: Final = count()
_NOT_PREPARED: Final = "26000"
_REFUSED: Final = re.compile(r'"luminora (\d+)"')


class PostgresSession(SqlSession):
    """A connection lent to the storage.

    Args:
        connection: In autocommit mode.
        where: The server, for errors.
    """

    def __init__(self, connection: Connection, where: str) -> None:
        self._connection = connection
        self._where = where

    async def run(
        self, statements: Sequence[Statement], *, begin: bool = False, commit: bool = False
    ) -> list[Any]:
        """Run the statements in one round trip."""
        listed = [*_flat(statements)]
        before, behind = [_BEGIN] if begin else [], [_COMMIT] if commit else []
        if commit and begin and len(listed) == 1:
            before, behind = [], []  # a single statement is a transaction by itself
        try:
            answers = await self._all([*before, *listed, *behind])
        except psycopg.Error as error:
            if commit and self._connection.broken:
                raise StorageUnavailable(
                    "the connection was lost while committing: nobody knows whether it was written",
                    where=self._where,
                    hint="send it again with the same idempotency key",
                ) from error
            raise
        kept = iter(answers[len(before) :])
        return [_kept(one, kept) for one in statements]

    async def snapshot(self, statements: Sequence[Statement]) -> list[Any]:
        """Run SELECTs on one snapshot, in one round trip."""
        return (await self._all([_READ, *statements, _COMMIT]))[1:-1]

    async def rollback(self) -> None:
        """Undo what is open; a connection where that fails is closed by the pool.

        Statements that were to be prepared behind the one that failed never were, and psycopg
        takes them for prepared. A ROLLBACK that it sees for the first time makes it forget.
        """
        if self._connection.broken:
            return
        with suppress(psycopg.Error):
            await self._connection.execute(f"ROLLBACK /* {next(_ROLLBACKS)} */".encode())

    async def _all(self, statements: Sequence[Statement]) -> list[Any]:
        if len(statements) == 1:
            return [await self._one(statements[0])]
        cursors: list[_Cursor] = []
        failure: psycopg.Error | None = None
        try:
            async with self._connection.pipeline():
                try:
                    for statement in statements:
                        cursors.append(await self._sent(statement))  # noqa: PERF401 - kept on failure
                except psycopg.Error as error:
                    failure = error  # the pipeline's own end raises a lesser one
        except psycopg.Error as error:
            failure = failure or error
        if failure is not None:
            # The one that failed is the first without an answer.
            answered = sum(cursor.pgresult is not None for cursor in cursors)
            failed = statements[min(answered, len(statements) - 1)]
            raise self._meant(failure, failed) from failure
        return [
            await _answer(cursor, statement)
            for cursor, statement in zip(cursors, statements, strict=True)
        ]

    async def _one(self, statement: Statement) -> Any:
        try:
            return await _answer(await self._sent(statement), statement)
        except psycopg.Error as error:
            raise self._meant(error, statement) from error

    async def _sent(self, statement: Statement) -> _Cursor:
        cursor = self._connection.cursor(binary=True)
        return await cursor.execute(statement.text, statement.params or None)

    def _meant(self, error: psycopg.Error, statement: Statement) -> LuminoraError | psycopg.Error:
        """The error that the statement has for this, or the error itself."""
        if error.sqlstate == _NOT_PREPARED:
            self._connection.pgconn.finish()  # the next attempt has another
        refused = _REFUSED.search(str(error))
        if refused and statement.otherwise and error.sqlstate == "22P02":
            return statement.otherwise(int(refused[1]))
        return translate(error, self._where) if error.sqlstate else error


async def _answer(cursor: _Cursor, statement: Statement) -> Any:
    return await cursor.fetchall() if statement.rows else cursor.rowcount


def _flat(statements: Sequence[Statement]) -> Iterator[Statement]:
    for statement in statements:
        yield statement
        if statement.then is not None:
            yield statement.then


def _kept(statement: Statement, answers: Iterator[Any]) -> Any:
    answer = next(answers)
    if statement.then is not None:
        next(answers)
    return answer
