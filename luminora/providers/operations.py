"""What a storage is asked to do, as data: four writes, three reads, and their conditions.

Operations are data so that several travel together in one round trip: a transaction on an SQL
server, ``TransactWriteItems`` on DynamoDB, a script on Redis, one hop to SQLite's writer thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Row = dict[str, Any]
"""Field names to values: str, int, float, bool, None, aware datetime, list, dict."""


class EveryUser:
    """The scope of maintenance: all users' rows. Never reachable from a user's request."""

    def __repr__(self) -> str:
        return "EVERY_USER"


EVERY_USER: Final = EveryUser()
Scope = str | EveryUser
"""Whose rows: a user id, or :data:`EVERY_USER` for jobs, migrations, re-indexing and copies."""


@dataclass(frozen=True, slots=True)
class Is:
    """A condition on a field other than equality.

    ``Is("in", [..])`` takes a sequence; the others take one value. Comparison follows the field's
    type: timestamps by time, text by code point.
    """

    op: Literal["in", "<", "<=", ">", ">=", "!="]
    value: Any


Where = Mapping[str, Any]
"""Field to value (equality; None matches absent) or :class:`Is`; all must hold."""


@dataclass(frozen=True, slots=True)
class Insert:
    """Add a row. A row of the same key or unique fields is a Conflict, or is left as it is."""

    collection: str
    user_id: Scope
    row: Row
    ignore_conflict: bool = False


@dataclass(frozen=True, slots=True)
class Upsert:
    """Add a row, or overwrite the given fields of the row with the same key."""

    collection: str
    user_id: Scope
    row: Row


@dataclass(frozen=True, slots=True)
class Update:
    """Change the rows that match.

    Attributes:
        set: New values.
        increment: Numbers to add, atomically; an absent number counts as 0.
        clamp: Bounds for incremented fields, applied to the sum: ``{"points": (0, 100)}``.
        expect: If given, exactly so many rows must match, else the whole transaction is undone
            with a Conflict. With a revision in ``where`` this is a compare-and-set.
    """

    collection: str
    user_id: Scope
    where: Where
    set: Mapping[str, Any] = field(default_factory=dict)
    increment: Mapping[str, float] = field(default_factory=dict)
    clamp: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    expect: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the rows that match."""

    collection: str
    user_id: Scope
    where: Where = field(default_factory=dict)


Write = Insert | Upsert | Update | Delete


@dataclass(frozen=True, slots=True)
class Find:
    """Rows that match, in order.

    Attributes:
        order: Fields to sort by, ``"-"`` before a name for descending. The key is added last, so
            the order is total.
        limit: Most rows to return; None is all.
        after: The last row of the previous page (keyset paging): only rows behind it are returned.
    """

    collection: str
    user_id: Scope
    where: Where = field(default_factory=dict)
    order: Sequence[str] = ()
    limit: int | None = None
    after: Row | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows match."""

    collection: str
    user_id: Scope
    where: Where = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SearchText:
    """Rows of one user whose searchable text shares words with ``text``, best first.

    The answer is a list of ``(row, score)``; scores are positive, higher is better, comparable
    within one answer only.
    """

    collection: str
    user_id: Scope
    text: str
    where: Where = field(default_factory=dict)
    limit: int = 50


Read = Find | Count | SearchText
