"""What every vector store refuses, alike in every store and before anything is sent or written.

Vectors without a direction, of another length than the index, filed under unusable names, and
calls that name no user. A vector store passes its arguments through here; what comes out is safe
to send.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from luminora.errors import DimensionMismatch, InputError
from luminora.providers.checks import MAX_STRING, check_text
from luminora.providers.vector_store import DEFAULT_INDEX, FILTER_FIELDS, VectorItem

MAX_TOP_K: Final = 4_096
"""Neighbours one query may ask for."""
_INDEX: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_WAYS_OUT: Final = "change the embedding provider back, or run `luminora reembed`"

Filters = Mapping[str, Sequence[str]]
"""Field to the values it may have; all fields must match, and ``user_id`` has exactly one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An item ready to be stored: its filing, and its vector at length 1.

    ``vector`` is an ``array("f")``: a sequence of floats whose ``tobytes()`` are float32 in the
    machine's order.
    """

    id: str
    user_id: str
    session_id: str
    personality_name: str
    kind: str
    vector: array[float]


def entries_of(items: Sequence[VectorItem], dimension: int | None = None) -> list[Entry]:
    """The items checked, each id once (the later one counts), every vector at length 1.

    Args:
        items: What ``upsert`` was given.
        dimension: The index's, where it is known; vectors of another length are refused.

    Raises:
        InputError: A vector is zero or not finite, a name cannot be kept, or one id is given for
            two users.
        DimensionMismatch: A vector has another length.
    """
    entries = {item.id: _entry(item) for item in items}
    for item in items:
        if entries[item.id].user_id != item.user_id:
            raise InputError(f"the id '{item.id:.80}' is given for two users at once")
    if dimension is not None:
        for item in items:
            if len(item.vector) != dimension:
                raise mismatch(dimension, len(item.vector))
    return list(entries.values())


def unit(vector: Sequence[float]) -> array[float]:
    """``vector`` at length 1, as float32.

    Raises:
        InputError: It is empty, zero, not finite, or holds something that is no number.
    """
    try:
        length = math.hypot(*vector)
        if not math.isfinite(length) or length == 0.0:
            _refuse("zero or not finite")
        return array("f", [number / length for number in vector])
    except (TypeError, OverflowError):
        _refuse("not made of usable numbers")


def filters_of(where: Mapping[str, str | Sequence[str]], *, ids: bool = False) -> Filters:
    """Each field's possible values; exactly one user.

    Args:
        where: What a call was given.
        ids: Whether ``id`` may be among them, one or several.

    Raises:
        InputError: No user, a field that items are not filed under, or no text.
    """
    known = (*FILTER_FIELDS, "id") if ids else FILTER_FIELDS
    unknown = where.keys() - set(known)
    if unknown:
        raise InputError(
            f"vectors are not filed under {', '.join(sorted(unknown))}: {', '.join(known)} are"
        )
    user = where.get("user_id")
    if not isinstance(user, str) or not user:
        raise InputError("every call names a user_id: vectors are one user's or nobody's")
    filters: dict[str, Sequence[str]] = {}
    for name, wanted in where.items():
        values = [wanted] if isinstance(wanted, str) else list(wanted)
        filters[name] = [check_text(value, name, limit=MAX_STRING) for value in values]
    return filters


def check_dimension(dimension: int, most: int, metric: str = "cosine") -> None:
    """Refuse an index that this store cannot make.

    Raises:
        InputError: The dimension is no whole number from 1 to ``most``, or the metric is unknown.
    """
    if metric != "cosine":
        raise InputError(f"no metric '{metric}': only cosine")
    if type(dimension) is not int or not 1 <= dimension <= most:
        raise InputError(f"a dimension lies between 1 and {most}, not at {dimension!r}")


def check_top_k(top_k: int, most: int = MAX_TOP_K) -> None:
    """Refuse a number of neighbours that no answer has.

    Raises:
        InputError: It is no whole number from 0 to ``most``.
    """
    if type(top_k) is not int or not 0 <= top_k <= most:
        raise InputError(f"top_k lies between 0 and {most}, not at {top_k!r}")


def check_index(index: str) -> str:
    """``index`` itself, if it can be the name of an index in every store.

    Raises:
        InputError: It cannot.
    """
    if not isinstance(index, str) or not _INDEX.fullmatch(index):
        raise InputError(
            f"{index!r} cannot name an index: lower-case letters, digits and underscores can"
        )
    return index


def placed(base: str, index: str) -> str:
    """The table or collection of an index: ``base`` itself for the first one ever built.

    ``placed("message_embeddings", "messages_2")`` is ``"message_embeddings_2"``.
    """
    if index == DEFAULT_INDEX:
        return base
    return f"{base}_{check_index(index).removeprefix(f'{DEFAULT_INDEX}_')}"


def mismatch(expected: int, found: int, where: str | None = None) -> DimensionMismatch:
    """The error of vectors that are longer or shorter than the index's."""
    return DimensionMismatch(
        f"the index holds vectors of {expected} numbers, these have {found}",
        expected=expected,
        found=found,
        where=where,
        hint=_WAYS_OUT,
    )


def check_model(
    held: str | None, wanted: str | None, dimension: int, where: str | None = None
) -> None:
    """Refuse an index whose vectors another model made; unknown models pass.

    Raises:
        DimensionMismatch: Both are known and differ.
    """
    if held is not None and wanted is not None and held != wanted:
        raise DimensionMismatch(
            f"the index holds vectors of the model '{held}', the embedding provider now yields "
            f"those of '{wanted}': equally long ({dimension}), not comparable",
            expected=dimension,
            found=dimension,
            where=where,
            hint=_WAYS_OUT,
        )


def clamped(score: float) -> float:
    """A cosine that rounding has pushed over its bounds, back within [-1, 1]."""
    return max(-1.0, min(1.0, score))


def _entry(item: VectorItem) -> Entry:
    texts = (item.id, item.user_id, item.session_id, item.personality_name, item.kind)
    names = ("id", "user_id", "session_id", "personality_name", "kind")
    for name, text in zip(names, texts, strict=True):
        check_text(text, name, limit=MAX_STRING)
    if not item.id or not item.user_id:
        raise InputError("a vector needs an id and a user_id")
    return Entry(*texts, unit(item.vector))


def _refuse(why: str) -> NoReturn:
    raise InputError(f"a vector is {why}: it has no direction to compare")
