"""The texts of SQL statements: a dialect, and one text per shape of operation.

A shape is an operation without its values; each text is made once per shape and then looked up.
Names come out of the declaration (:mod:`luminora.providers.collections`) and the dialect, never
from a caller; values are placeholders.
"""

# ruff: noqa: S608 - every name in these texts is declared, every value a placeholder

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from luminora.providers.collections import COLLECTIONS, Field, FieldType

Coder = Callable[[Any], Any]
Shape = tuple[tuple[str, str, int], ...]
"""Conditions without their values: field, operator, number of parameters."""
Order = tuple[tuple[str, bool], ...]
"""Fields to sort by and whether each descends."""
Marks = tuple[tuple[str, bool, bool], ...]
"""Where a page ended: field, whether it descends, whether its last value was NULL."""
Extra = tuple[tuple[str, str], ...]
"""Columns beside the declared fields, and the expression with a placeholder that fills each."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Dialect:
    """What one SQL database spells differently.

    Attributes:
        name: The dialect's name, as the migration templates' folder has it.
        placeholder: ``"?"``, ``"%s"``, or ``"$"`` for numbered ones.
        quote: The character around names.
        least: The function that yields the smaller of two numbers; ``greatest`` the larger.
        upsert: ``"on_conflict"`` where INSERT … ON CONFLICT exists; elsewhere a row is updated
            and, if there was none, inserted.
            The driver has to report the rows an UPDATE matched, not those it altered.
        ignore: What makes an INSERT leave an existing row alone; ``{key}`` is a key column.
        unindexed: What keeps a planner from using an index on the column behind it. A user may
            have any number of rows, and one without statistics would read them all where a few
            are named by their key.
        nulls_smallest: Whether NULL sorts before everything unless told otherwise.
        returning: Whether INSERT … RETURNING exists.
        demand: A statement that does ``{write}`` and fails unless it touched ``{number}`` rows;
            its one row holds how many. Lets a driver send what follows, COMMIT included, without
            waiting for the number. Empty where a statement cannot do that.
        present: The same for a ``{select}`` that has to find something.
        encode: From a checked Python value to the driver's, where they differ.
        decode: From the driver's value to Python's, where they differ.
    """

    name: str
    placeholder: Literal["?", "%s", "$"] = "?"
    quote: str = '"'
    least: str = "LEAST"
    greatest: str = "GREATEST"
    upsert: Literal["on_conflict", "update_then_insert"] = "on_conflict"
    ignore: str = "ON CONFLICT DO NOTHING"
    unindexed: str = ""
    nulls_smallest: bool = True
    returning: bool = False
    demand: str = ""
    present: str = ""
    encode: Mapping[FieldType, Coder]
    decode: Mapping[FieldType, Coder]

    def name_of(self, identifier: str) -> str:
        """``identifier`` in quotes."""
        return f"{self.quote}{identifier}{self.quote}"

    def finish(self, text: str) -> str:
        """``text``, written with question marks, with the driver's own placeholders."""
        if self.placeholder == "?":
            return text
        if self.placeholder == "%s":
            return text.replace("?", "%s")
        head, *rest = text.split("?")
        return head + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


def columns_text(dialect: Dialect, names: Iterable[str], alias: str = "") -> str:
    """Columns as a SELECT lists them; ``alias`` with its dot."""
    return ", ".join(f"{alias}{dialect.name_of(name)}" for name in names)


def where_text(dialect: Dialect, shape: Shape, alias: str = "") -> str:
    """What stands behind WHERE, with question marks."""
    return " AND ".join(_condition_text(dialect, alias, *part) for part in shape) or "1 = 1"


def _condition_text(dialect: Dialect, alias: str, name: str, operator: str, count: int) -> str:
    column = f"{alias}{dialect.name_of(name)}"
    if operator == "owner":
        return f"{dialect.unindexed}{column} = ?"
    listed = f"{column} = ?" if count == 1 else f"{column} IN ({', '.join('?' * count)})"
    if operator == "in":
        return listed if count else "1 = 0"
    if operator == "in or null":
        return f"({listed} OR {column} IS NULL)" if count else f"{column} IS NULL"
    if operator == "!=" and count == 0:
        return f"{column} IS NOT NULL"
    if operator == "!= or null":
        return f"({column} <> ? OR {column} IS NULL)"
    return f"{column} {operator} ?"


def behind(
    dialect: Dialect, fields: Mapping[str, Field], marks: Marks
) -> tuple[str, tuple[str, ...]]:
    """The condition of keyset paging and the fields whose last values it takes, in order.

    A row lies behind the last one if it is equal up to some field of the order and behind in that
    one, NULL being the smallest. The first field's bound stands in front of it all once more: it
    is implied, but lets a database start reading an index where the page ended.
    """
    ways: list[str] = []
    wanted: list[str] = []
    for position, (name, down, null) in enumerate(marks):
        if null and down:
            continue  # nothing is smaller than NULL
        column = dialect.name_of(name)
        if null:
            strict = f"{column} IS NOT NULL"
        elif down and fields[name].nullable:
            strict = f"({column} < ? OR {column} IS NULL)"
        else:
            strict = f"{column} {'<' if down else '>'} ?"
        equal = [
            f"{dialect.name_of(before)} {'IS NULL' if empty else '= ?'}"
            for before, _, empty in marks[:position]
        ]
        ways.append(" AND ".join([*equal, strict]))
        wanted += [before for before, _, empty in marks[: position + 1] if not empty]
    text = f"({' OR '.join(ways)})"
    first, down, null = marks[0]
    if len(ways) > 1 and not null and not (down and fields[first].nullable):
        text = f"{dialect.name_of(first)} {'<=' if down else '>='} ? AND {text}"
        wanted.insert(0, first)
    return text, tuple(wanted)


@lru_cache(maxsize=512)
def find_text(
    dialect: Dialect,
    prefix: str,
    name: str,
    shape: Shape,
    order: Order,
    marks: Marks,
    *,
    limited: bool,
) -> tuple[str, tuple[str, ...]]:
    """A SELECT, and the fields whose values at the page's end it takes behind the conditions'."""
    collection = COLLECTIONS[name]
    where = where_text(dialect, shape)
    wanted: tuple[str, ...] = ()
    if marks:
        condition, wanted = behind(dialect, collection.fields, marks)
        where = f"{where} AND {condition}"
    terms = []
    for field, down in order:
        term = f"{dialect.name_of(field)}{' DESC' if down else ''}"
        if collection.fields[field].nullable and not dialect.nulls_smallest:
            term += " NULLS LAST" if down else " NULLS FIRST"
        terms.append(term)
    text = (
        f"SELECT {columns_text(dialect, collection.fields)} "
        f"FROM {dialect.name_of(prefix + name)} WHERE {where} ORDER BY {', '.join(terms)}"
    )
    return dialect.finish(f"{text} LIMIT ?" if limited else text), wanted


@lru_cache(maxsize=256)
def insert_text(
    dialect: Dialect,
    prefix: str,
    name: str,
    fields: tuple[str, ...],
    *,
    ignore: bool,
    extra: Extra = (),
    number: int = 1,
) -> str:
    """An INSERT of those fields, of ``number`` rows; of several ignored ones it says the keys."""
    text = _plain_insert(dialect, prefix, name, fields, extra, number)
    if ignore:
        key = dialect.name_of(COLLECTIONS[name].key[0])
        text = f"{text} {dialect.ignore.format(key=key)}"
        if number > 1:
            text = f"{text} RETURNING {columns_text(dialect, COLLECTIONS[name].key)}"
    return dialect.finish(text)


@lru_cache(maxsize=256)
def upsert_text(
    dialect: Dialect, prefix: str, name: str, fields: tuple[str, ...], extra: Extra = ()
) -> str:
    """An INSERT that overwrites the given fields of a row of the same key and owner."""
    collection = COLLECTIONS[name]
    fixed = {*collection.key, "user_id"} if collection.per_user else set(collection.key)
    table, key = dialect.name_of(prefix + name), columns_text(dialect, collection.key)
    columns = [*fields, *(column for column, _ in extra)]
    given = [dialect.name_of(field) for field in columns if field not in fixed]
    text = (
        f"{_plain_insert(dialect, prefix, name, fields, extra)} ON CONFLICT ({key}) "
        f"DO UPDATE SET {', '.join(f'{field} = excluded.{field}' for field in given)}"
    )
    if collection.per_user:
        owner = dialect.name_of("user_id")
        text += f" WHERE {table}.{owner} = excluded.{owner}"
    return dialect.finish(text)


def _plain_insert(
    dialect: Dialect,
    prefix: str,
    name: str,
    fields: tuple[str, ...],
    extra: Extra,
    number: int = 1,
) -> str:
    columns = columns_text(dialect, (*fields, *(column for column, _ in extra)))
    values = f"({', '.join([*'?' * len(fields), *(filled for _, filled in extra)])})"
    return (
        f"INSERT INTO {dialect.name_of(prefix + name)} ({columns}) "
        f"VALUES {', '.join([values] * number)}"
    )


@lru_cache(maxsize=256)
def update_text(
    dialect: Dialect,
    prefix: str,
    name: str,
    fields: tuple[str, ...],
    added: tuple[tuple[str, bool], ...],
    shape: Shape,
) -> str:
    """An UPDATE: fields to set, fields to add to (and whether within bounds), conditions."""
    changes = [f"{dialect.name_of(field)} = ?" for field in fields]
    for field, clamped in added:
        column = dialect.name_of(field)
        total = f"COALESCE({column}, 0) + ?"
        if clamped:
            total = f"{dialect.greatest}({dialect.least}({total}, ?), ?)"
        changes.append(f"{column} = {total}")
    return dialect.finish(
        f"UPDATE {dialect.name_of(prefix + name)} SET {', '.join(changes)} "
        f"WHERE {where_text(dialect, shape)}"
    )
