"""Which of several: a second dog is a pet of its own, and so is a second brother's name.

Pets and most relatives come in numbers. The first is ``pet_name`` and ``pet_type``, the next
``pet_name_2`` and ``pet_type_2``. What a message says of one goes to the one it means: the one of
that name, else one of that kind whose name is not known, else a new one. A correction goes to the
one it corrects.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from luminora.memory.fact_keys import ONE_EACH
from luminora.memory.fact_reader import FoundFact
from luminora.providers import Row
from luminora.providers.lexical import words
from luminora.providers.vocabulary import kind_of_animal

_NUMBERED = re.compile(r"(?P<stem>\w+?)_(?P<part>name|type)(?:_(?P<number>\d{1,3}))?")
_CATEGORIES = frozenset({"pets", "family", "relationships"})
ANY_KIND = frozenset({"", "pet", "mascota", "animal"})
"""Kinds of animal that say nothing about which one is meant."""


@dataclass(slots=True)
class _One:
    """One pet or person: what is said of it, or what is on record."""

    stem: str
    number: int
    parts: dict[str, Any] = field(default_factory=dict)
    latest: Any = None

    @property
    def name(self) -> list[str]:
        return words(str(self.parts.get("name", "")))

    @property
    def kind(self) -> str:
        kind = kind_of_animal(self.parts.get("type", ""))
        return "" if kind in ANY_KIND else kind


def placed(facts: Sequence[FoundFact], known: Sequence[Row]) -> list[FoundFact]:
    """The facts, those of pets and relatives under the number of the one they mean."""
    told: list[_One] = []
    belongs: dict[int, _One] = {}
    for index, fact in enumerate(facts):
        if (place := _place(fact.category, fact.key)) is not None:
            belongs[index] = _said_of(told, place, fact.value)
    if not belongs:
        return list(facts)
    for index, one in belongs.items():
        belongs[index] = next(other for other in told if _within(one, other))
    record = _record(known)
    corrected = {id(belongs[index]) for index in belongs if facts[index].correction}
    numbers = {
        id(one): _number(one, record, corrected=id(one) in corrected)
        for one in {id(one): one for one in belongs.values()}.values()
    }
    return [
        replace(fact, key=_numbered(fact.key, numbers[id(belongs[index])]))
        if index in belongs
        else fact
        for index, fact in enumerate(facts)
    ]


def _place(category: str, key: str) -> tuple[str, str, int] | None:
    match = _NUMBERED.fullmatch(key)
    if match is None or category not in _CATEGORIES or key in ONE_EACH:
        return None
    return match["stem"], match["part"], int(match["number"] or 1)


def _numbered(key: str, number: int) -> str:
    base = re.sub(r"_\d+$", "", key)
    return base if number == 1 else f"{base}_{number}"


def _said_of(told: list[_One], place: tuple[str, str, int], value: Any) -> _One:
    stem, part, number = place
    for one in told:
        if (one.stem, one.number) == (stem, number) and part not in one.parts:
            one.parts[part] = value
            return one
    told.append(_One(stem, number, {part: value}))
    return told[-1]


def _within(one: _One, other: _One) -> bool:
    """Whether all that is said of one is said of the other; "a dog" repeats "a dog, Max"."""
    named = (other.stem, other.number) == (one.stem, one.number)
    return named and all(other.parts.get(part) == value for part, value in one.parts.items())


def _record(known: Sequence[Row]) -> dict[tuple[str, int], _One]:
    """Those on record, by stem and number."""
    found: dict[tuple[str, int], _One] = {}
    for row in known:
        place = _place(row["category"], row["key"])
        if place is None or not row["is_active"]:
            continue
        stem, part, number = place
        one = found.setdefault((stem, number), _One(stem, number))
        one.parts[part] = row["value"]
        one.latest = max(filter(None, (one.latest, row["last_updated"])))
    return found


def _number(told: _One, record: dict[tuple[str, int], _One], *, corrected: bool) -> int:
    """The number of the one meant; it is taken off ``record``, so that two are not one."""
    free = [one for one in record.values() if one.stem == told.stem and one.number > 0]
    meant = _meant(told, free, corrected=corrected)
    if meant is not None:
        taken = meant.number
    else:
        taken = next(n for n in range(1, len(record) + 2) if (told.stem, n) not in record)
    record[told.stem, taken] = _One(told.stem, -taken)  # still a number in use
    return taken


def _meant(told: _One, free: Sequence[_One], *, corrected: bool) -> _One | None:
    alike = [one for one in free if not told.kind or not one.kind or told.kind == one.kind]
    for one in alike:
        if told.name and one.name == told.name:
            return one
    if corrected and alike:
        return max(alike, key=lambda one: (one.latest is not None, one.latest))
    for one in alike:
        if not told.name or not one.name:
            return one
    return None
