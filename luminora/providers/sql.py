"""Operations as SQL, once for every SQL database; what they disagree on is a :class:`Dialect`.

Nothing here talks to a database. A write comes out as *steps*: a generator that yields a
:class:`Statement`, is sent what came of it (the rows of a SELECT, else the number of rows touched)
and returns the number of rows the operation touched. A synchronous driver and an asynchronous one
run the same steps in a loop of a few lines::

    def run(steps, execute):
        try:
            statement = next(steps)
            while True:
                statement = steps.send(execute(statement))
        except StopIteration as end:
            return end.value

Texts are made once per shape (operation, collection, fields, conditions) and then looked up; values
travel as parameters only, and names only out of the declaration.
"""

# ruff: noqa: S608 - every name in these texts is declared, every value a placeholder

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from luminora.errors import Conflict, InputError, LuminoraError
from luminora.providers.checks import (
    confined_to,
    declared,
    missing,
    order_of,
    own_changes,
    own_row,
    own_values,
    own_where,
)
from luminora.providers.collections import COLLECTIONS, Collection, FieldType
from luminora.providers.operations import (
    Count,
    Delete,
    Find,
    Insert,
    Is,
    Row,
    Scope,
    Update,
    Upsert,
    Where,
    Write,
)
from luminora.providers.sqltext import (
    Coder,
    Dialect,
    Extra,
    Order,
    Shape,
    columns_text,
    find_text,
    insert_text,
    update_text,
    upsert_text,
    where_text,
)

__all__ = [
    "Derived",
    "Dialect",
    "Statement",
    "Statements",
    "Steps",
    "json_text",
    "time_text",
]


@dataclass(frozen=True, slots=True)
class Statement:
    """A text, its parameters, and what comes of it.

    Attributes:
        rows: Whether it answers with rows.
        final: Whether its operation writes nothing behind it and accepts whatever comes of it: a
            driver may send what follows, COMMIT included, without waiting.
        otherwise: The error to raise when the statement fails because it met another number of
            rows than the dialect's ``demand`` or ``present`` allows; it is given that number.
        then: To be run right behind it, in the same round trip where there are such; what comes
            of it is nobody's business unless it fails.
        ignore: Whether a row that is in the way is no failure. Only for drivers of dialects that
            cannot say so in the text: they count it as no row, and then run ``then``.
    """

    text: str
    params: tuple[Any, ...] = ()
    rows: bool = False
    final: bool = False
    otherwise: Callable[[int], LuminoraError] | None = None
    then: Statement | None = None
    ignore: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A column that a storage computes from a row's declared fields, such as its words.

    Attributes:
        column: Its name.
        expression: What fills it, with one question mark.
        of: The parameter, given the row.
    """

    column: str
    expression: str
    of: Callable[[Row], Any]


Steps = Generator[Statement, Any, int]

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def json_text(value: Any) -> str:
    """``value`` as compact JSON, every character as it is."""
    return _JSON.encode(value)


def time_text(value: datetime) -> str:
    """A UTC time as text of fixed width, so that text order is time order."""
    return f"{value.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def unfinished(steps: Steps) -> Steps:
    """The same steps, of an operation that goes on behind them: none of them is final."""
    try:
        statement = next(steps)
        while True:
            statement = steps.send((yield replace(statement, final=False)))
    except StopIteration as end:
        touched: int = end.value
        return touched


class Statements:
    """Operations to statements.

    Args:
        dialect: The database's.
        prefix: Put before every table's name.
        derived: By collection, a column to fill beside the declared ones when a row is written
            whole. Whoever declares one renews it where an update changes what it derives from.
    """

    def __init__(
        self, dialect: Dialect, prefix: str = "", derived: Mapping[str, Derived] | None = None
    ) -> None:
        self.dialect = dialect
        self.prefix = prefix
        self._derived = derived or {}
        self._decoders = {name: _decoders(dialect, found) for name, found in COLLECTIONS.items()}

    def table(self, name: str) -> str:
        """The quoted name of a collection's table, or of another table under our prefix."""
        return self.dialect.name_of(f"{self.prefix}{name}")

    def write(self, operation: Write) -> Callable[[], Steps]:
        """The operation, checked at once; each call begins it anew.

        Raises:
            InputError: It can never succeed, whatever the database holds.
        """
        match operation:
            case Insert():
                return self._insert(operation)
            case Upsert():
                return self._upsert(operation)
            case Update():
                return self._update(operation)
            case Delete():
                statement = self._delete(operation)
                return lambda: _single(statement)
        raise InputError(f"not a write: {type(operation).__name__}")

    def find(self, query: Find) -> Statement:
        """The SELECT; its rows go through :meth:`rows`."""
        collection, user = _scope(query)
        conditions = own_where(collection, user, query.where)
        order = order_of(collection, query.order)
        shape, params = self._conditions(collection, conditions)
        last = self._last(collection, order, query.after)
        marks = tuple((name, down, last[name] is None) for name, down in order if last)
        limit: tuple[int, ...] = ()
        if query.limit is not None:
            if not isinstance(query.limit, int) or query.limit < 0:
                raise InputError("limit has to be a whole number, zero or more, or None")
            limit = (query.limit,)
        text, wanted = find_text(
            self.dialect, self.prefix, collection.name, shape, order, marks, limited=limit != ()
        )
        bounds = [last[name] for name in wanted]
        return Statement(text, (*params, *bounds, *limit), rows=True)

    def count(self, query: Count) -> Statement:
        """The SELECT whose only row holds the number."""
        collection, user = _scope(query)
        clause, params = self.where(collection, user, query.where)
        text = f"SELECT count(*) FROM {self.table(collection.name)} WHERE {clause}"
        return Statement(self.dialect.finish(text), params, rows=True)

    def where(
        self, collection: Collection, user: str | None, where: Where, *, alias: str = ""
    ) -> tuple[str, tuple[Any, ...]]:
        """The text behind WHERE, with question marks, and its parameters."""
        shape, params = self._conditions(collection, own_where(collection, user, where))
        return where_text(self.dialect, shape, alias), params

    def rows(self, collection: str, raw: Iterable[Sequence[Any]]) -> list[Row]:
        """Rows whose values stand in the order of the collection's fields."""
        names, decoders = self._decoders[collection]
        rows: list[Row] = [dict(zip(names, values, strict=True)) for values in raw]
        for name, decode in decoders:
            for row in rows:
                value = row[name]
                if value is not None:
                    row[name] = decode(value)
        return rows

    def columns(self, collection: str, alias: str = "") -> str:
        """The collection's columns in order, as a SELECT lists them."""
        return columns_text(self.dialect, COLLECTIONS[collection].fields, alias)

    def _insert(self, operation: Insert) -> Callable[[], Steps]:
        collection, row = self.whole(operation)
        ignore = operation.ignore_conflict
        insert = self.insertion(collection, [row], ignore=ignore)
        if not ignore:
            return lambda: _single(insert)
        owned = self._owned(collection, row)
        if owned is None or self.dialect.present:
            at_once = replace(insert, then=owned)
            return lambda: _single(at_once)

        def steps() -> Steps:
            touched: int = yield replace(insert, final=False)
            if touched == 0 and not (yield owned):
                raise foreign(collection)
            return touched

        return steps

    def whole(self, operation: Insert) -> tuple[Collection, Row]:
        """The operation's row, checked and complete."""
        collection, user = _scope(operation)
        row = own_row(collection, user, operation.row)
        absent = missing(collection, row)
        if absent:
            raise InputError(f"a row of '{collection.name}' needs {', '.join(absent)}")
        return collection, row

    def insertion(self, collection: Collection, rows: list[Row], *, ignore: bool) -> Statement:
        """One INSERT of rows that have the same fields and came out of :meth:`whole`.

        Of several rows that are ignored where they conflict it answers with the keys of the others.
        """
        text = insert_text(
            self.dialect,
            self.prefix,
            collection.name,
            tuple(rows[0]),
            ignore=ignore,
            extra=self._extra(collection),
            number=len(rows),
        )
        params = [value for row in rows for value in self._filled(collection, row)]
        several = len(rows) > 1
        return Statement(text, tuple(params), rows=ignore and several, final=True, ignore=ignore)

    def _extra(self, collection: Collection) -> Extra:
        derived = self._derived.get(collection.name)
        return ((derived.column, derived.expression),) if derived else ()

    def _filled(self, collection: Collection, row: Row) -> tuple[Any, ...]:
        derived = self._derived.get(collection.name)
        encoded = self._encoded(collection, row)
        return (*encoded, derived.of(row)) if derived else encoded

    def _upsert(self, operation: Upsert) -> Callable[[], Steps]:
        collection, user = _scope(operation)
        row = own_row(collection, user, operation.row)
        whole = not missing(collection, row)
        if not whole or self.dialect.upsert != "on_conflict":
            return self._update_or_insert(collection, row, operation)
        text = upsert_text(
            self.dialect, self.prefix, collection.name, tuple(row), self._extra(collection)
        )
        upsert = Statement(text, self._filled(collection, row))
        if self.dialect.demand:
            demanded = self._demanded(upsert, 1, lambda _: foreign(collection))
            return lambda: _counted(demanded)

        def at_once() -> Steps:
            touched: int = yield upsert
            if touched == 0:
                raise foreign(collection)
            return touched

        return at_once

    def _demanded(
        self, write: Statement, number: int, otherwise: Callable[[int], LuminoraError]
    ) -> Statement:
        """The write as a statement that fails unless it touches so many rows."""
        text = self.dialect.demand.format(write=write.text, number=int(number))
        return Statement(text, write.params, rows=True, final=True, otherwise=otherwise)

    def _update_or_insert(
        self, collection: Collection, row: Row, operation: Upsert
    ) -> Callable[[], Steps]:
        key = {name: row[name] for name in collection.key}
        fixed = {*collection.key, "user_id"} if collection.per_user else set(collection.key)
        rest = {name: value for name, value in row.items() if name not in fixed}
        owner = row.get("user_id") if collection.per_user else operation.user_id
        scope = operation.user_id if owner is None else owner
        update = self._update(Update(collection.name, scope, key, set=rest)) if rest else None
        absent = missing(collection, row)
        insert = None if absent else self._insert(Insert(collection.name, scope, row))

        def steps() -> Steps:
            touched: int = (yield from unfinished(update())) if update is not None else 0
            if touched:
                return touched
            if insert is None:
                raise InputError(
                    f"no such row in '{collection.name}', and a new one needs {', '.join(absent)}"
                )
            return (yield from insert())

        return steps

    def _update(self, operation: Update) -> Callable[[], Steps]:
        collection, user = _scope(operation)
        values, steps, bounds = own_changes(collection, user, operation)
        added = tuple((name, name in bounds) for name in steps)
        shape, params = self._conditions(collection, own_where(collection, user, operation.where))
        text = update_text(self.dialect, self.prefix, collection.name, tuple(values), added, shape)
        sums = [
            value for name, step in steps.items() for value in (step, *bounds.get(name, ())[::-1])
        ]
        update = Statement(text, (*self._encoded(collection, values), *sums, *params))
        expect = operation.expect
        if expect is None:
            update = replace(update, final=True)
            return lambda: _single(update)
        if self.dialect.demand:
            demanded = self._demanded(update, expect, lambda met: _unmet(collection, met, expect))
            return lambda: _counted(demanded)

        def exactly() -> Steps:
            touched: int = yield update
            if touched != expect:
                raise _unmet(collection, touched, expect)
            return touched

        return exactly

    def _delete(self, operation: Delete) -> Statement:
        collection, user = _scope(operation)
        clause, params = self.where(collection, user, operation.where)
        text = f"DELETE FROM {self.table(collection.name)} WHERE {clause}"
        return Statement(self.dialect.finish(text), params, final=True)

    def _owned(self, collection: Collection, row: Row) -> Statement | None:
        """A SELECT that finds the row in ``row``'s way if it is the same user's."""
        if not collection.per_user:
            return None
        groups = [
            group
            for group in (collection.key, *collection.unique)
            if all(row.get(name) is not None for name in group)
        ]
        name_of = self.dialect.name_of
        same = " OR ".join(
            f"({' AND '.join(f'{name_of(name)} = ?' for name in group)})" for group in groups
        )
        params = [row["user_id"], *(row[name] for group in groups for name in group)]
        table, owner = self.table(collection.name), name_of("user_id")
        text = f"SELECT 1 FROM {table} WHERE {owner} = ? AND ({same})"
        if self.dialect.present:
            text = self.dialect.present.format(select=text)
        return Statement(
            self.dialect.finish(text),
            tuple(params),
            rows=True,
            final=bool(self.dialect.present),
            otherwise=lambda _: foreign(collection),
        )

    def _encoded(self, collection: Collection, row: Row) -> tuple[Any, ...]:
        return tuple(self._encode(collection, name, value) for name, value in row.items())

    def _encode(self, collection: Collection, name: str, value: Any) -> Any:
        field = collection.fields[name]
        if value is None and (field.nullable or field.type is not FieldType.JSON):
            return None
        encode = self.dialect.encode.get(field.type)
        return value if encode is None else encode(value)

    def _conditions(
        self, collection: Collection, conditions: Mapping[str, Is]
    ) -> tuple[Shape, tuple[Any, ...]]:
        shape: list[tuple[str, str, int]] = []
        params: list[Any] = []
        for name, condition in conditions.items():
            operator: str = condition.op
            values = condition.value if operator == "in" else [condition.value]
            present = [
                self._encode(collection, name, value) for value in values if value is not None
            ]
            if operator == "in":
                operator = "in or null" if len(present) < len(values) else "in"
                present = _padded(present)
            elif operator == "!=" and collection.fields[name].nullable and present:
                operator = "!= or null"
            if name == "user_id" and operator == "in" and _keyed(collection, conditions):
                operator = "owner"
            shape.append((name, operator, len(present)))
            params += present
        return tuple(shape), tuple(params)

    def _last(self, collection: Collection, order: Order, after: Row | None) -> Row:
        """The encoded values at which the previous page ended; empty for the first page."""
        if after is None:
            return {}
        try:
            last = {name: after[name] for name, _ in order}
        except KeyError as error:
            raise InputError(f"'after' lacks {error.args[0]!r}, which the order goes by") from None
        return {
            name: self._encode(collection, name, value)
            for name, value in own_values(collection, None, last).items()
        }


def _single(statement: Statement) -> Steps:
    touched: int = yield statement
    return touched


def _counted(statement: Statement) -> Steps:
    ((touched,),) = yield statement
    return int(touched)


def _unmet(collection: Collection, touched: int, expect: int) -> Conflict:
    return Conflict(
        f"an update of '{collection.name}' met {touched} rows where {expect} were expected; "
        "nothing was written",
        hint="read the row again: somebody else has changed it",
    )


def _scope(operation: Write | Find | Count) -> tuple[Collection, str | None]:
    collection = declared(operation.collection)
    scope: Scope = operation.user_id
    return collection, confined_to(collection, scope)


def _keyed(collection: Collection, conditions: Mapping[str, Is]) -> bool:
    """Whether the conditions name rows by their key."""
    return all(name in conditions and conditions[name].op == "in" for name in collection.key)


def foreign(collection: Collection) -> Conflict:
    """The error for a row whose key another user's row has."""
    return Conflict(f"a row of '{collection.name}' with that key belongs to another user")


def _padded(values: list[Any]) -> list[Any]:
    """``values`` repeated up to a power of two: few texts serve lists of every length."""
    if not values:
        return values
    size = 1 << (len(values) - 1).bit_length()
    return values + [values[-1]] * (size - len(values))


def _decoders(
    dialect: Dialect, collection: Collection
) -> tuple[tuple[str, ...], list[tuple[str, Coder]]]:
    """The fields in order, and how those are read that the driver does not hand out ready made."""
    decoders = ((name, dialect.decode.get(field.type)) for name, field in collection.fields.items())
    return tuple(collection.fields), [(name, one) for name, one in decoders if one is not None]
