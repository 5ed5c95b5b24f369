"""Many inserts of one shape as few statements, for databases with INSERT … RETURNING."""

# ruff: noqa: S608 - every name in these texts is declared, every value a placeholder

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from luminora.providers.collections import Collection
from luminora.providers.operations import Insert, Row, Write
from luminora.providers.sql import Statement, Statements, foreign
from luminora.providers.sqltext import columns_text

ManySteps = Generator[Statement, Any, list[int]]
"""Steps of several operations at once: the number of rows each of them touched."""

LEAST: Final = 4
"""From so many inserts of one shape on it pays."""
_ROWS: Final = 500
_PARAMS: Final = 30_000
"""Rows and parameters of one statement: half of what the least generous server takes."""


def runs(operations: Sequence[Write]) -> Iterator[list[Write]]:
    """The operations in order, in groups: inserts that one statement can do, or one operation."""
    group: list[Write] = []
    for operation in operations:
        if group and not _alike(group[-1], operation):
            yield group
            group = []
        group.append(operation)
    if group:
        yield group


def inserts(statements: Statements, operations: Sequence[Insert]) -> Callable[[], ManySteps]:
    """A group of inserts that :func:`runs` found; begun like a single operation.

    Raises:
        InputError: One of them can never succeed.
    """
    rows = [statements.whole(operation)[1] for operation in operations]
    collection, _ = statements.whole(operations[0])
    ignore = operations[0].ignore_conflict
    size = max(1, min(_ROWS, _PARAMS // (len(rows[0]) + 1)))

    def steps() -> ManySteps:
        touched: list[int] = []
        for portion in _portions(rows, size):
            insert = statements.insertion(collection, portion, ignore=ignore)
            answer = yield replace(insert, final=False)
            if insert.rows:
                fresh = {tuple(key) for key in answer}
                touched += [_taken(fresh, collection, row) for row in portion]
            else:
                touched += [1] * len(portion) if len(portion) > 1 else [answer]
        known = [row for row, inserted in zip(rows, touched, strict=True) if not inserted]
        if known and collection.per_user:
            yield from _all_owned(statements, collection, known)
        return touched

    return steps


def _alike(one: Write, other: Write) -> bool:
    return (
        isinstance(one, Insert)
        and isinstance(other, Insert)
        and one.collection == other.collection
        and one.user_id == other.user_id
        and one.ignore_conflict == other.ignore_conflict
        and list(one.row) == list(other.row)
    )


def _portions(rows: Sequence[Row], size: int) -> Iterator[list[Row]]:
    for start in range(0, len(rows), size):
        yield list(rows[start : start + size])


def _taken(fresh: set[tuple[Any, ...]], collection: Collection, row: Row) -> int:
    """Whether the row was inserted; of two with one key the first was."""
    key = tuple(row[name] for name in collection.key)
    if key not in fresh:
        return 0
    fresh.remove(key)
    return 1


def _all_owned(statements: Statements, collection: Collection, rows: list[Row]) -> ManySteps:
    """Raise unless each of these rows has one of the same user's in its way."""
    for group in (collection.key, *collection.unique):
        left: list[Row] = []
        for portion in _portions(rows, _ROWS):
            values = [tuple(row.get(name) for name in group) for row in portion]
            whole = [one for one in values if None not in one]
            raw = (yield _among(statements, collection, rows[0], group, whole)) if whole else []
            found = {tuple(one) for one in raw}
            left += [row for row, one in zip(portion, values, strict=True) if one not in found]
        rows = left
    if rows:
        raise foreign(collection)
    return []


def _among(
    statements: Statements,
    collection: Collection,
    row: Row,
    group: tuple[str, ...],
    values: Sequence[tuple[Any, ...]],
) -> Statement:
    """A SELECT of those of the values that rows of ``row``'s user have in these fields."""
    dialect = statements.dialect
    columns = columns_text(dialect, group)
    one = f"({', '.join('?' * len(group))})"
    text = (
        f"SELECT {columns} FROM {statements.table(collection.name)} "
        f"WHERE {dialect.name_of('user_id')} = ? AND ({columns}) IN "
        f"({', '.join([one] * len(values))})"
    )
    params = [value for one in values for value in one]
    return Statement(dialect.finish(text), (row["user_id"], *params), rows=True)
