"""Operations on rows in plain Python, for storages whose database knows keys and little else.

A document or key-value store fetches candidates by whatever index it has and lets these functions
decide the rest, so that conditions, order, paging and changes mean the same on every database.
Conditions come out of :func:`luminora.providers.checks.own_where`, orders out of
:func:`~luminora.providers.checks.order_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import log
from operator import ge, gt, le, lt
from typing import Any, Final, TypeVar

from luminora.errors import InputError
from luminora.providers.checks import own_changes
from luminora.providers.collections import Collection
from luminora.providers.operations import Is, Row, Update

T = TypeVar("T")
Order = tuple[tuple[str, bool], ...]

_COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


def matches(row: Row, conditions: Mapping[str, Is]) -> bool:
    """Whether the row meets every condition; an absent field counts as None."""
    return all(_holds(row.get(name), condition) for name, condition in conditions.items())


def _holds(value: Any, condition: Is) -> bool:
    if condition.op == "in":
        return value in condition.value
    if condition.op == "!=":
        return bool(value != condition.value)
    return value is not None and _COMPARED[condition.op](value, condition.value)


def arranged(
    rows: Iterable[Row], order: Order, *, limit: int | None = None, after: Row | None = None
) -> list[Row]:
    """The rows in order, those behind ``after`` only, at most ``limit``; None sorts first.

    Raises:
        InputError: ``limit`` is negative, or ``after`` lacks a field of the order.
    """
    if limit is not None and (not isinstance(limit, int) or limit < 0):
        raise InputError("limit has to be a whole number, zero or more, or None")
    found = list(rows)
    for name, descends in reversed(order):
        found.sort(key=lambda row: _rank(row.get(name)), reverse=descends)
    if after is not None:
        for name, _ in order:
            if name not in after:
                raise InputError(f"'after' lacks {name!r}, which the order goes by")
        found = [row for row in found if _behind(row, order, after)]
    return found if limit is None else found[:limit]


def _rank(value: Any) -> tuple[bool, Any]:
    return (value is not None, 0 if value is None else value)


def _behind(row: Row, order: Order, last: Row) -> bool:
    for name, descends in order:
        mine, theirs = _rank(row.get(name)), _rank(last[name])
        if mine != theirs:
            return (mine < theirs) if descends else (mine > theirs)
    return False


def changes_of(collection: Collection, user: str | None, operation: Update) -> Callable[[Row], Row]:
    """What an update does to a row, as a function that yields the changed fields only.

    Raises:
        InputError: The update changes nothing, something it must not, or to something unusable.
    """
    values, steps, bounds = own_changes(collection, user, operation)

    def changed(row: Row) -> Row:
        sums = {name: (row.get(name) or 0) + step for name, step in steps.items()}
        for name, (low, high) in bounds.items():
            sums[name] = max(low, min(high, sums[name]))
        return {**values, **sums}

    return changed


def ranked(
    candidates: Iterable[tuple[T, Iterable[str]]], words: Sequence[Sequence[str]], total: int
) -> list[tuple[T, float]]:
    """Candidates that share words with a query, scored, best first; ties keep their order.

    A score is the sum of ``ln(1 + N / n)`` over the shared words, where ``n`` of the user's ``N``
    messages hold the word: the formula of the embedded full-text index, so that a search ranks
    alike on every database.

    Args:
        candidates: Every message that holds one of the query's terms, with the terms it holds;
            the newest first, which is the order of equals.
        words: The query's words as :func:`luminora.providers.lexical.query_words` gives them.
        total: How many messages the user has.
    """
    held = [
        (one, [word for word in words if not terms.isdisjoint(word)])
        for one, terms in ((one, frozenset(terms)) for one, terms in candidates)
    ]
    count: dict[Sequence[str], int] = {}
    for _, shared in held:
        for word in shared:
            count[word] = count.get(word, 0) + 1
    total = max(total, *count.values(), 1) if count else 1
    scored = [
        (one, sum(log(1 + total / count[word]) for word in shared))
        for one, shared in held
        if shared
    ]
    scored.sort(key=lambda pair: -pair[1])
    return scored
