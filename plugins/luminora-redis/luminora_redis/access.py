"""Which way to rows: straight by key, along an index, or past all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from luminora.providers.operations import Is, Row
from luminora.providers.rows import Order
from luminora_redis.layout import Index, Table, spelled

Range = tuple[bytes, bytes]

_MAX_RANGES: Final = 1_000
"""Ranges of one index that are still better than looking at all rows."""


@dataclass(frozen=True, slots=True)
class Path:
    """A way to the candidates of a query.

    Attributes:
        index: The sorted set to go along.
        ranges: Its parts, as ZRANGEBYLEX has them: from and to, rising.
        lead: Bytes that the members of the only range share before the value they are sorted by.
        covered: The fields whose conditions every member of the ranges meets.
        ordered: Whether the members come in the order that is wanted, equals aside.
        down: Whether that order falls.
    """

    index: Index
    ranges: tuple[Range, ...]
    lead: int = 0
    covered: frozenset[str] = frozenset()
    ordered: bool = False
    down: bool = False


def by_key(table: Table, conditions: Mapping[str, Is]) -> list[str] | None:
    """The keys that the conditions name, each once; None if they do not name any."""
    names = table.collection.key
    if any(name not in conditions or conditions[name].op != "in" for name in names):
        return None
    values = [dict.fromkeys(conditions[name].value) for name in names]
    return ["\0".join(parts) for parts in product(*values) if None not in parts]


def key_range(key: str, index: Index) -> Range:
    """The part of an index by key that holds this one."""
    text = key.encode()
    if index.own:
        return b"[" + text, b"[" + text
    return b"[" + text + b"\0", b"(" + text + b"\1"


def choose(
    table: Table,
    user: str | None,
    conditions: Mapping[str, Is],
    order: Order = (),
    *,
    after: Row | None = None,
    limited: bool = False,
) -> Path:
    """The best way: the most fields by equality, then a range or the order that is wanted.

    Args:
        table: The collection.
        user: Whose rows; None for all users'.
        conditions: As :func:`luminora.providers.checks.own_where` gives them.
        order: As :func:`luminora.providers.checks.order_of` gives it.
        after: The row that the previous page ended with.
        limited: Whether only the first few are wanted.
    """
    best, best_score = None, (-1, -1, -1)
    for index in table.indexes:
        if index.own and user is None:
            continue
        path, equal, narrowed = _along(table, index, conditions, order, after)
        if not index.own and user is not None and equal == 0:
            continue  # it would lead past everybody's rows
        score = (equal, narrowed + (path.ordered and limited), -len(index.fields))
        if score > best_score:
            best, best_score = path, score
    assert best is not None  # noqa: S101 - there is always an index by key
    return best


def _along(
    table: Table, index: Index, conditions: Mapping[str, Is], order: Order, after: Row | None
) -> tuple[Path, int, int]:
    """The way along one index, how many fields it fixes, and whether it narrows the next one."""
    fixed: list[Sequence[object]] = []
    for name in index.fields:
        condition = conditions.get(name)
        if condition is None or condition.op != "in":
            break
        values = list(dict.fromkeys(condition.value))
        if len(values) * _size(fixed) > _MAX_RANGES:
            break
        fixed.append(values)
    single = _size(fixed) == 1
    leads = [table.lead(index, values) for values in product(*fixed)]
    rest = index.fields[len(fixed) :]
    covered = set(index.fields[: len(fixed)])
    ranges = [(b"[" + lead if lead else b"-", _past(lead)) for lead in leads]
    narrowed = 0
    if single and rest and rest[0] in conditions and conditions[rest[0]].op in _BOUNDS:
        narrowed = 1
        covered.add(rest[0])
        ranges = [_bounded(table, rest[0], conditions[rest[0]], leads[0])]
    wanted = [pair for pair in order if pair[0] not in index.fields[: len(fixed)]]
    down = bool(wanted) and wanted[0][1]
    sorts = rest[:1] or table.collection.key
    ordered = single and wanted[: len(sorts)] == [(name, down) for name in sorts]
    if ordered and after is not None and sorts[0] in after:
        ranges = [_behind(table, rest[:1], leads[0], ranges[0], after, down=down)]
    lead = len(leads[0]) if single and rest else -1
    if index.own:
        covered.add("user_id")
    path = Path(index, tuple(ranges), lead, frozenset(covered), ordered, ordered and down)
    return path, len(fixed), narrowed


_BOUNDS: Final = frozenset({"<", "<=", ">", ">="})


def _size(fixed: Sequence[Sequence[object]]) -> int:
    size = 1
    for values in fixed:
        size *= len(values)
    return size


def _past(lead: bytes) -> bytes:
    """The upper end of what begins with ``lead``, which ends with a NUL unless it is empty."""
    return b"(" + lead[:-1] + b"\1" if lead else b"+"


def _bounded(table: Table, name: str, condition: Is, lead: bytes) -> Range:
    value = lead + spelled(table.collection.fields[name].type, condition.value)
    match condition.op:
        case "<":
            return b"[" + lead + b"\2", b"(" + value
        case "<=":
            return b"[" + lead + b"\2", _past(value)
        case ">":
            return b"[" + value[:-1] + b"\1", _past(lead)
        case _:
            return b"[" + value, _past(lead)


def _behind(
    table: Table, rest: Sequence[str], lead: bytes, whole: Range, after: Row, *, down: bool
) -> Range:
    """The part of a range from ``after``'s value on, that value included."""
    low, high = whole
    if rest:
        value = lead + spelled(table.collection.fields[rest[0]].type, after[rest[0]])
        if down:
            return low, min(high, _past(value), key=_end)
        return max(low, b"[" + value, key=_begin), high
    value = str(after[table.collection.key[0]]).encode()
    if down:
        return low, b"(" + lead + value + b"\1"
    return b"[" + lead + value, high


def _begin(bound: bytes) -> bytes:
    return bound[1:]


def _end(bound: bytes) -> tuple[bool, bytes]:
    return (bound == b"+", bound[1:])
