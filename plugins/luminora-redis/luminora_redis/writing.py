"""Transactions: read under watch, decide in Python, write in one ``MULTI`` … ``EXEC``.

Whatever a decision rests on is watched: the hashes of the users' rows, and for a new key or unique
value a *touch* key, which every writer of that value sets and deletes in the same breath. If any
of it was written to in between, ``EXEC`` does nothing and everything is decided anew. Decisions are
made by the functions that all databases without conditions of their own share
(:mod:`luminora.providers.rows`), in exact integers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from luminora.errors import Conflict, InputError
from luminora.providers.checks import checked, missing, own_row
from luminora.providers.operations import Delete, Insert, Is, Row, Update, Upsert, Write
from luminora.providers.rows import changes_of, matches
from luminora_redis.access import choose, key_range
from luminora_redis.layout import Layout, Table
from luminora_redis.reading import Reader, Steps

Place = tuple[str, str, str]
"""A row: its collection, its owner, its key."""
Guard = tuple[str, tuple[str, ...], str, str]
"""A unique value: collection, group, owner of the hash ("" for all users'), values."""


@dataclass(slots=True)
class Plan:
    """An operation, checked.

    Attributes:
        kind: ``insert``, ``upsert``, ``update`` or ``delete``.
        user: Whose rows; None for all users'.
        row: What an insert or upsert brings.
    """

    kind: str
    table: Table
    user: str | None
    row: Row = field(default_factory=dict)
    ignore: bool = False
    absent: Sequence[str] = ()
    conditions: Mapping[str, Is] = field(default_factory=dict)
    changes: Callable[[Row], Row] | None = None
    numbers: Sequence[str] = ()
    expect: int | None = None

    @property
    def place(self) -> Place:
        """Where an insert's or upsert's row belongs."""
        table = self.table
        return (table.collection.name, table.owner_of(self.row), table.id_of(self.row))


def planned(reader: Reader, operation: Write) -> Plan:
    """The operation, checked.

    Raises:
        InputError: It can never succeed, whatever the database holds.
    """
    match operation:
        case Insert() | Upsert():
            table, user, _ = reader.scope(operation.collection, operation.user_id, {})
            row = own_row(table.collection, user or None, operation.row)
            absent = missing(table.collection, row)
            if isinstance(operation, Upsert):
                return Plan("upsert", table, user, row, absent=absent)
            if absent:
                raise InputError(f"a row of '{table.collection.name}' needs {', '.join(absent)}")
            return Plan("insert", table, user, row, ignore=operation.ignore_conflict)
        case Update():
            table, user, found = reader.scope(
                operation.collection, operation.user_id, operation.where
            )
            changes = changes_of(table.collection, user or None, operation)
            return Plan(
                "update",
                table,
                user,
                conditions=found,
                changes=changes,
                numbers=tuple(operation.increment),
                expect=operation.expect,
            )
        case Delete():
            table, user, found = reader.scope(
                operation.collection, operation.user_id, operation.where
            )
            return Plan("delete", table, user, conditions=found)
    raise InputError(f"not a write: {type(operation).__name__}")


class Unread(Exception):
    """A decision needs something that was not read yet."""

    def __init__(self, watched: Sequence[Any], read: Steps) -> None:
        super().__init__()
        self.watched = watched
        self.read = read


def watch(keys: Sequence[Any]) -> Steps:
    """A read that reads nothing, but has the keys watched from then on."""
    if keys:
        yield [("WATCH", *keys)]


class View:
    """What was read of the database, and is watched."""

    def __init__(self, layout: Layout, reader: Reader) -> None:
        self._layout = layout
        self._reader = reader
        self.rows: dict[Place, Row | None] = {}
        self.owners: dict[tuple[str, str], str | None] = {}
        self.holders: dict[Guard, Place | None] = {}
        self.found: dict[int, list[Place]] = {}
        self._watched: set[Any] = set()

    def news(self, keys: Sequence[Any]) -> list[Any]:
        """Those of the keys that are not watched yet; they are from now on."""
        fresh = [key for key in dict.fromkeys(keys) if key not in self._watched]
        self._watched.update(fresh)
        return fresh

    def row(self, place: Place) -> Row | None:
        """The stored row."""
        if place not in self.rows:
            table = self._layout.tables[place[0]]
            raise Unread([table.rows_key(place[1])], self._read_row(table, place))
        return self.rows[place]

    def owner(self, place: Place) -> str | None:
        """Whose stored row has that key."""
        table = self._layout.tables[place[0]]
        if table.owners is None:
            return None if self.row(place) is None else ""
        if (place[0], place[2]) not in self.owners:
            watched = [table.rows_key(place[1]), table.touch_key(place[2])]
            raise Unread(watched, self._read_owner(table, place))
        return self.owners[place[0], place[2]]

    def holder(self, guard: Guard) -> Place | None:
        """The stored row that holds a unique value."""
        if guard not in self.holders:
            table = self._layout.tables[guard[0]]
            _, group, user, values = guard
            # A user's own hash changes with the rows; one for all users would be watched by all.
            watched = table.rows_key(user) if user else table.touch_key("-".join(group), values)
            raise Unread([watched], self._read_holder(table, guard))
        return self.holders[guard]

    def candidates(self, number: int, plan: Plan) -> list[Place]:
        """The stored rows that match the operation of that number."""
        if number not in self.found:
            table = plan.table
            if plan.user is not None:
                raise Unread([table.rows_key(plan.user)], self._read_matching(number, plan))
            watched = []
            if plan.expect is not None:
                path = choose(table, None, plan.conditions)
                watched.append(table.index_key(path.index, ""))
            raise Unread(watched, self._read_matching(number, plan))
        return self.found[number]

    def _read_row(self, table: Table, place: Place) -> Steps:
        (text,) = yield [("HGET", table.rows_key(place[1]), place[2])]
        self.rows[place] = table.row(text) if text else None

    def _read_owner(self, table: Table, place: Place) -> Steps:
        assert table.owners is not None  # noqa: S101 - asked above
        name = table.index_key(table.owners, "")
        bounds = key_range(place[2], table.owners)
        members, text = yield [
            ("ZRANGEBYLEX", name, *bounds, "LIMIT", 0, 1),
            ("HGET", table.rows_key(place[1]), place[2]),
        ]
        owner = members[0].rpartition(b"\0")[2].decode() if members else None
        self.owners[place[0], place[2]] = owner
        self.rows[place] = table.row(text) if text else None

    def _read_holder(self, table: Table, guard: Guard) -> Steps:
        _, group, user, values = guard
        (held,) = yield [("HGET", table.guard_key(group, bool(user), user), values)]
        self.holders[guard] = None
        if held:
            key, _, owner = held.decode().partition("\0")
            self.holders[guard] = (guard[0], user or owner, key)

    def _read_matching(self, number: int, plan: Plan) -> Steps:
        table = plan.table
        rows = yield from self._reader.candidates(table, plan.user, plan.conditions)
        name = table.collection.name
        places = [(name, table.owner_of(row), table.id_of(row)) for row in rows]
        if plan.user is None:
            unwatched = self.news([table.rows_key(owner) for _, owner, _ in places])
            if unwatched:  # watch whose rows they are, then look again
                yield [("WATCH", *unwatched)]
                rows = yield from self._reader.candidates(table, None, plan.conditions)
                places = [(name, table.owner_of(row), table.id_of(row)) for row in rows]
                if self.news([table.rows_key(owner) for _, owner, _ in places]):
                    return  # others have come meanwhile: asked once more
        self.found[number] = places
        self.rows.update(zip(places, rows, strict=True))


def foreseen(view: View, plans: Sequence[Plan]) -> list[Unread]:
    """What the operations are sure to need, so that it is read together."""
    asked: list[Callable[[], Any]] = []
    for number, plan in enumerate(plans):
        if plan.kind in {"insert", "upsert"}:
            asked.append(partial(view.owner, plan.place))
            asked += [partial(view.holder, guard) for guard in guards_of(plan.table, plan.row)]
        else:
            asked.append(partial(view.candidates, number, plan))
    needs = []
    for ask in asked:
        try:
            ask()
        except Unread as need:
            needs.append(need)
    return needs


class Draft:
    """What the operations make of a view."""

    def __init__(self, layout: Layout, view: View) -> None:
        self.rows: dict[Place, Row | None] = {}
        self.holders: dict[Guard, Place | None] = {}
        self._owners: dict[tuple[str, str], str | None] = {}
        self._layout = layout
        self._view = view

    def apply(self, number: int, plan: Plan) -> int:
        """Do one operation; the number of rows it touched.

        Raises:
            Conflict, InputError: It cannot be done.
            Unread: More has to be read first.
        """
        match plan.kind:
            case "insert":
                return self._insert(plan)
            case "upsert":
                return self._upsert(plan)
            case "update":
                return self._update(number, plan)
            case _:
                found = self._matching(number, plan)
                for place, row in found:
                    self._put(plan.table, place, row, None)
                return len(found)

    def _insert(self, plan: Plan) -> int:
        table, place = plan.table, plan.place
        owner = self._owner(place)
        there = [] if owner is None else [owner]
        for guard in guards_of(table, plan.row):
            holder = self._holder(guard)
            if holder is not None:
                there.append(holder[1])
        if not there:
            self._put(table, place, None, plan.row)
            return 1
        if plan.ignore and place[1] in there:
            return 0
        if place[1] in there:
            raise Conflict(
                f"'{table.collection.name}' has a row of that key or of those unique fields"
            )
        raise _foreign(table)

    def _upsert(self, plan: Plan) -> int:
        table, place = plan.table, plan.place
        owner = self._owner(place)
        if owner is None:
            if plan.absent:
                raise InputError(
                    f"no such row in '{table.collection.name}', and a new one needs "
                    f"{', '.join(plan.absent)}"
                )
            return self._insert(plan)
        if owner != place[1]:
            raise _foreign(table)
        before = self._row(place)
        self._put(table, place, before, {**(before or {}), **plan.row})
        return 1

    def _update(self, number: int, plan: Plan) -> int:
        found = self._matching(number, plan)
        name = plan.table.collection.name
        if plan.expect is not None and len(found) != plan.expect:
            raise Conflict(
                f"an update of '{name}' met {len(found)} rows where {plan.expect} were expected; "
                "nothing was written",
                hint="read the row again: somebody else has changed it",
            )
        assert plan.changes is not None  # noqa: S101 - an update has them
        for place, row in found:
            changed = plan.changes(row)
            for number_name in plan.numbers:
                kind = plan.table.collection.fields[number_name]
                checked(number_name, kind, changed[number_name])
            self._put(plan.table, place, row, {**row, **changed})
        return len(found)

    def _matching(self, number: int, plan: Plan) -> list[tuple[Place, Row]]:
        name = plan.table.collection.name
        places = dict.fromkeys(self._view.candidates(number, plan))
        places |= dict.fromkeys(
            place for place in self.rows if place[0] == name and plan.user in {None, place[1]}
        )
        rows = ((place, self._row(place)) for place in places)
        return [(place, row) for place, row in rows if row and matches(row, plan.conditions)]

    def _put(self, table: Table, place: Place, before: Row | None, after: Row | None) -> None:
        old = set(guards_of(table, before)) if before else set()
        new = set(guards_of(table, after)) if after else set()
        for guard in new - old:
            holder = self._holder(guard)
            if holder not in {None, place}:
                raise Conflict(f"another row of '{place[0]}' has those unique fields")
        self.holders |= dict.fromkeys(old - new)
        self.holders |= dict.fromkeys(new - old, place)
        if (before is None) != (after is None):
            self._owners[place[0], place[2]] = None if after is None else place[1]
        self.rows[place] = after

    def _row(self, place: Place) -> Row | None:
        return self.rows[place] if place in self.rows else self._view.row(place)

    def _owner(self, place: Place) -> str | None:
        known = (place[0], place[2])
        return self._owners[known] if known in self._owners else self._view.owner(place)

    def _holder(self, guard: Guard) -> Place | None:
        return self.holders[guard] if guard in self.holders else self._view.holder(guard)


def guards_of(table: Table, row: Mapping[str, Any]) -> list[Guard]:
    """The unique values of a row."""
    name, owner = table.collection.name, table.owner_of(row)
    return [
        (name, group, owner if own else "", "\0".join(row[field] for field in group))
        for group, own in table.guards
        if all(row.get(field) is not None for field in group)
    ]


def _foreign(table: Table) -> Conflict:
    return Conflict(f"a row of '{table.collection.name}' with that key belongs to another user")
