"""What a transaction changes, as commands: rows, every index, unique values, words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from luminora.providers.operations import Row
from luminora_redis.connection import Command
from luminora_redis.layout import Layout, Table
from luminora_redis.writing import Draft, Guard, Place, View

_CHUNK: Final = 1_000
"""Values that one command carries."""


class Effects:
    """Changes gathered by key, so that each key is written to once."""

    def __init__(self) -> None:
        self._fields: dict[str, dict[str, str]] = defaultdict(dict)
        self._unset: dict[str, set[str]] = defaultdict(set)
        self._members: dict[str, set[bytes]] = defaultdict(set)
        self._dropped: dict[str, set[bytes]] = defaultdict(set)
        self._touched: set[bytes] = set()

    def row(self, table: Table, place: Place, before: Row | None, after: Row | None) -> None:
        """A row came, changed or went."""
        _, owner, key = place
        old = None if before is None else table.text(before)
        new = None if after is None else table.text(after)
        if old == new:  # texts, as 1 is not True to a document
            return
        rows = table.rows_key(owner)
        if new is None:
            self._unset[rows].add(key)
        else:
            self._fields[rows][key] = new
        for index in table.indexes:
            name = table.index_key(index, owner)
            gone = set() if before is None else {table.member(index, before)}
            come = set() if after is None else {table.member(index, after)}
            self._exchange(name, gone, come)
        if table.collection.text and _spoken(table, before) != _spoken(table, after):
            gone = set() if before is None else table.terms(before)
            come = set() if after is None else table.terms(after)
            self._exchange(table.words_key(owner), gone, come)
        if before is None and table.owners is not None:
            self._touched.add(table.touch_key(key))

    def guard(self, table: Table, guard: Guard, holder: Place | None) -> None:
        """A unique value was taken or given up."""
        _, group, user, values = guard
        name = table.guard_key(group, bool(user), user)
        if holder is None:
            self._unset[name].add(values)
        elif user:
            self._fields[name][values] = holder[2]
        else:
            self._fields[name][values] = f"{holder[2]}\0{holder[1]}"
            self._touched.add(table.touch_key("-".join(group), values))

    def commands(self) -> list[Command]:
        """What to put between ``MULTI`` and ``EXEC``; empty if nothing changes."""
        found: list[Command] = []
        for name, gone in self._unset.items():
            found += [("HDEL", name, *some) for some in _chunks(gone)]
        for name, fields in self._fields.items():
            for some in _chunks(fields.items()):
                found.append(("HSET", name, *(word for pair in some for word in pair)))
        for name, members in self._dropped.items():
            found += [("ZREM", name, *some) for some in _chunks(members)]
        for name, members in self._members.items():
            for some in _chunks(members):
                found.append(("ZADD", name, *(word for one in some for word in (0, one))))
        for touched in self._touched:
            found += [("SET", touched, 1), ("DEL", touched)]
        return found

    def _exchange(self, name: str, gone: set[bytes], come: set[bytes]) -> None:
        if gone - come:
            self._dropped[name] |= gone - come
        if come - gone:
            self._members[name] |= come - gone


def effects_of(layout: Layout, view: View, draft: Draft) -> list[Command]:
    """The commands that make the database what the draft says."""
    effects = Effects()
    for place, after in draft.rows.items():
        effects.row(layout.tables[place[0]], place, view.rows.get(place), after)
    for guard, holder in draft.holders.items():
        if holder != view.holders.get(guard, _UNKNOWN):
            effects.guard(layout.tables[guard[0]], guard, holder)
    return effects.commands()


_UNKNOWN: Final = ("", "", "")


def _spoken(table: Table, row: Mapping[str, Any] | None) -> tuple[Any, ...] | None:
    """What a row's terms are made of."""
    if row is None:
        return None
    return (row.get("seq"), *(row.get(name) for name in table.collection.text))


def _chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(values)
    while chunk := list(islice(left, _CHUNK)):
        yield chunk
