"""How rows lie in Redis: the names of keys, the text of rows, the members of indexes.

Under one prefix, which is a hash tag so that a cluster keeps everything in one slot::

    {luminora}:messages:rows:ANA              hash: key → row as JSON, None left out
    {luminora}:messages:keys:ANA              sorted set: the keys of ANA's rows
    {luminora}:messages:keys                  sorted set: key NUL owner, of all users
    {luminora}:messages:by-seq:ANA            sorted set: an index among ANA's rows
    {luminora}:messages:by-session_id-seq     sorted set: an index among all users' rows
    {luminora}:messages:unique-…[:ANA]        hash: unique values → key [NUL owner]
    {luminora}:messages:words:ANA             sorted set: term NUL seq key
    {luminora}:format                         the version of all this

The members of sorted sets have equal scores, so that Redis keeps them in the order of their bytes;
each value is spelled so that this is the order of values. No text holds a NUL, so NUL ends it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from struct import pack, unpack
from typing import Any, Final

from luminora.providers import lexical
from luminora.providers.collections import COLLECTIONS, Collection, FieldType
from luminora.providers.operations import Row
from luminora.providers.sql import json_text

FORMAT: Final = 1
"""Raised by whoever changes anything here in a way that earlier versions cannot read."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_HALF: Final = 1 << 63
NUMBER: Final = 16
"""Bytes of a whole number in a member."""
_NONE, _SOME, _END = b"\x01", b"\x02", b"\0"


def _number(value: int) -> bytes:
    return b"%016x" % (value + _HALF)


def _float(value: float) -> bytes:
    (bits,) = unpack(">q", pack(">d", value + 0.0))  # -0.0 is 0.0
    return _number(bits if bits >= 0 else -_HALF - bits - 1)


_SPELLED: Final[Mapping[FieldType, Callable[[Any], bytes]]] = {
    FieldType.STRING: str.encode,
    FieldType.TEXT: str.encode,
    FieldType.INTEGER: _number,
    FieldType.FLOAT: _float,
    FieldType.BOOLEAN: lambda value: b"1" if value else b"0",
    FieldType.TIMESTAMP: lambda value: _number((value - _EPOCH) // _MICROSECOND),
}


def spelled(kind: FieldType, value: Any) -> bytes:
    """A value as part of an index's member: bytes in the order of values, None first."""
    if value is None:
        return _NONE + _END
    return _SOME + _SPELLED[kind](value) + _END


@dataclass(frozen=True, slots=True)
class Index:
    """A sorted set of rows.

    Attributes:
        name: Its part of the key's name.
        fields: What it sorts by; the rows' key comes last.
        own: Whether each user has one; else there is one for all, and members name the owner.
    """

    name: str
    fields: tuple[str, ...]
    own: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A collection and where its parts lie.

    Attributes:
        stem: What the names of its keys begin with.
        indexes: All of them, :attr:`keys` included.
        keys: The index by key that serves most: a user's own, or the only one.
        owners: The index by key among all users; None where rows belong to nobody.
        guards: Groups of unique fields without ``user_id``, and whether each user has their own.
    """

    collection: Collection
    stem: str
    indexes: tuple[Index, ...]
    keys: Index
    owners: Index | None
    guards: tuple[tuple[tuple[str, ...], bool], ...]

    def rows_key(self, user: str) -> str:
        """The hash of a user's rows; ``""`` is nobody in particular."""
        return f"{self.stem}rows:{user}"

    def index_key(self, index: Index, user: str) -> str:
        """The sorted set of an index."""
        return f"{self.stem}{index.name}:{user}" if index.own else f"{self.stem}{index.name}"

    def guard_key(self, group: tuple[str, ...], own: bool, user: str) -> str:  # noqa: FBT001
        """The hash of a group's unique values."""
        name = f"{self.stem}unique-{'-'.join(group)}"
        return f"{name}:{user}" if own else name

    def words_key(self, user: str) -> str:
        """The sorted set of the terms in a user's texts."""
        return f"{self.stem}words:{user}"

    def touch_key(self, *what: str) -> bytes:
        """A key that exists for no moment: who watches it learns that somebody wrote ``what``."""
        return f"{self.stem}touch:".encode() + "\0".join(what).encode()

    def id_of(self, row: Mapping[str, Any]) -> str:
        """A row's key in one piece."""
        return "\0".join(str(row[name]) for name in self.collection.key)

    def owner_of(self, row: Mapping[str, Any]) -> str:
        """Whose row it is."""
        return str(row["user_id"]) if self.collection.per_user else ""

    def lead(self, index: Index, values: Iterable[Any]) -> bytes:
        """What members with these values of the first fields begin with."""
        kinds = [self.collection.fields[name].type for name in index.fields]
        return b"".join(spelled(kind, value) for kind, value in zip(kinds, values, strict=False))

    def member(self, index: Index, row: Mapping[str, Any]) -> bytes:
        """The row's member."""
        lead = self.lead(index, (row.get(name) for name in index.fields))
        tail = b"" if index.own else _END + self.owner_of(row).encode()
        return lead + self.id_of(row).encode() + tail

    def terms(self, row: Mapping[str, Any]) -> set[bytes]:
        """The row's members among the terms of its user's texts."""
        names = self.collection.text
        if not names:
            return set()
        place = _END + _number(row["seq"]) + self.id_of(row).encode()
        said = " ".join(row.get(name) or "" for name in names)
        return {term.encode() + place for term in lexical.terms(said)}

    def text(self, row: Mapping[str, Any]) -> str:
        """The row as it is stored."""
        return json_text(
            {
                name: value.isoformat() if isinstance(value, datetime) else value
                for name, value in ((name, row.get(name)) for name in self.collection.fields)
                if value is not None
            }
        )

    def row(self, text: bytes) -> Row:
        """The row that :meth:`text` made."""
        stored = json.loads(text)
        times = _times(self.collection)
        return {
            name: datetime.fromisoformat(stored[name])
            if name in times and name in stored
            else stored.get(name)
            for name in self.collection.fields
        }


class Layout:
    """The tables under one prefix.

    Args:
        prefix: Of all keys; text in braces is a cluster's hash tag, else all of it is.
        table_prefix: Put before every collection's name.
    """

    def __init__(self, prefix: str, table_prefix: str = "") -> None:
        self.stem = f"{prefix if '{' in prefix else '{' + prefix + '}'}:"
        self.table_prefix = table_prefix
        self.tables = {
            name: _table(f"{self.stem}{table_prefix}{name}:", collection)
            for name, collection in COLLECTIONS.items()
        }

    @property
    def format_key(self) -> str:
        """Where the version of the layout is kept."""
        return f"{self.stem}{self.table_prefix}format"

    @property
    def lock_key(self) -> str:
        """The lease of whoever is migrating."""
        return f"{self.stem}{self.table_prefix}migrating"


def _table(stem: str, collection: Collection) -> Table:
    if not collection.per_user:
        keys = Index("keys", (), own=True)
        return Table(collection, stem, (keys,), keys, None, ())
    mine, everybody = Index("keys", (), own=True), Index("keys", (), own=False)
    indexes = [mine, everybody]
    for group in collection.indexes:
        own = group[0] == "user_id"
        fields = group[1:] if own else group
        indexes.append(Index(f"by-{'-'.join(fields)}", fields, own))
    guards = tuple(
        (tuple(name for name in group if name != "user_id"), "user_id" in group)
        for group in collection.unique
    )
    return Table(collection, stem, tuple(indexes), mine, everybody, guards)


@cache
def _times_of(name: str) -> frozenset[str]:
    fields = COLLECTIONS[name].fields
    return frozenset(one for one, field in fields.items() if field.type is FieldType.TIMESTAMP)


def _times(collection: Collection) -> frozenset[str]:
    return _times_of(collection.name)
