"""Which of two ways a query goes: all of a user's vectors compared, or the index over vectors.

An index over the vectors knows nothing of users. It is worth its while only for who has many; for
the others reading their few vectors is faster, and exact.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any, Final

from luminora.providers.vectors import Filters
from luminora_postgresql.connection import Connection
from luminora_postgresql.vectortable import IndexSettings, Shape, VectorTable
from luminora_postgresql.vectorwire import cursor_for

COMPARED: Final = 5_000
"""Up to this many vectors are compared one by one, whatever index there is."""
_REMEMBERED: Final = 10_000

Row = tuple[Any, ...]
"""A neighbour's id and its cosine distance to the query."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for."""

    direction: array[float]
    top_k: int
    filters: Filters


class Searcher:
    """Answers queries on one table, and remembers for whom the index is worth its while.

    Without that memory a large user's every query would cost a comparison that breaks off. What
    it remembers may be outdated: that costs time, never neighbours.
    """

    def __init__(self, table: VectorTable, settings: IndexSettings) -> None:
        self._table, self._settings = table, settings
        self._indexed: dict[tuple[tuple[str, str], ...], bool] = {}

    def forget(self) -> None:
        """The table is another one."""
        self._indexed.clear()

    async def nearest(self, connection: Connection, shape: Shape, asked: Question) -> list[Row]:
        """The nearest that match, best first."""
        if shape.method is None:
            return await self._compare(connection, shape, asked, None)
        crowd = tuple(sorted((name, values[0]) for name, values in asked.filters.items()))
        indexed = self._indexed.get(crowd)
        if indexed is None:
            rows = await self._compare(connection, shape, asked, COMPARED + 1)
            if not rows or rows[0][2] <= COMPARED:
                return rows
        if indexed is not False:
            rows = await self._follow(connection, shape, asked)
            self._remember(crowd, len(rows) == asked.top_k)
            if len(rows) == asked.top_k:
                return rows
        # The index gave up before it had found enough: this user's are too few among the others'.
        return await self._compare(connection, shape, asked, None)

    def _remember(self, crowd: tuple[tuple[str, str], ...], indexed: bool) -> None:  # noqa: FBT001
        if len(self._indexed) >= _REMEMBERED:
            self._indexed.clear()
        self._indexed[crowd] = indexed

    async def _compare(
        self, connection: Connection, shape: Shape, asked: Question, most: int | None
    ) -> list[Row]:
        """All compared, or ``most`` of them, with how many there are as third column."""
        text, values = self._table.compared(
            shape.type, asked.direction, asked.top_k, asked.filters, most
        )
        cursor = cursor_for(connection)
        await cursor.execute(text, values)
        rows: list[Row] = await cursor.fetchall()
        return rows

    async def _follow(self, connection: Connection, shape: Shape, asked: Question) -> list[Row]:
        """Those the index finds; its settings travel with the query and end with it."""
        wanted = self._settings.for_search(shape.method, asked.top_k)
        names = ", ".join(
            f"set_config('{name}', '{value}', true)" for name, value in wanted.items()
        )
        text, values = self._table.neighbours(
            shape.type, asked.direction, asked.top_k, asked.filters
        )
        cursor = cursor_for(connection)
        async with connection.pipeline(), connection.transaction():
            # The choice has been made: without statistics the planner might sort everything.
            await connection.execute(f"SELECT {names}, set_config('enable_sort', 'off', true)")
            await cursor.execute(text, values)
        rows: list[Row] = await cursor.fetchall()
        return rows
