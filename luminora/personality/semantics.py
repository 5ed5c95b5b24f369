"""What a schema cannot see in a persona: ranges that miss each other, names that lead nowhere.

Every check takes only what is well formed; the rest has already been reported as a structural
error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from luminora.personality.fields import is_number, section
from luminora.personality.problems import Problem, pointer, similar
from luminora.personality.references import mood_names, reference_problems
from luminora.personality.trait_phrases import PARAMETERS

_LEVELS = ("hierarchical_config", "relationship_levels")
_MOODS = ("mood_config", "moods")
_LOWEST, _HIGHEST = 0.0, 100.0

WHOLE_POINT = 1.0
"""Ranges are written for whole points of affinity: 0-20 and 21-40 leave nothing out."""


class _Range(NamedTuple):
    low: float
    high: float
    name: str
    place: str

    def __str__(self) -> str:
        return f"'{self.name}' ({self.low:g}-{self.high:g})"


def semantic_problems(document: Mapping[str, Any]) -> list[Problem]:
    """Everything wrong with a persona document beyond its structure."""
    ranges = list(_ranges(document))
    return [
        *_bad_ranges(ranges),
        *_gaps_and_overlaps(ranges),
        *_repeated_names(ranges),
        *_unknown_moods(document),
        *_odd_deltas(document),
        *reference_problems(document),
    ]


def _ranges(document: Mapping[str, Any]) -> Iterator[_Range]:
    levels = section(document, _LEVELS[0]).get(_LEVELS[1])
    for index, level in enumerate(levels if isinstance(levels, list) else []):
        ends = level.get("affinity_range") if isinstance(level, Mapping) else None
        if isinstance(ends, list) and len(ends) == 2 and all(is_number(end) for end in ends):  # noqa: PLR2004
            place = pointer((*_LEVELS, index, "affinity_range"))
            yield _Range(float(ends[0]), float(ends[1]), str(level.get("name")), place)


def _bad_ranges(ranges: list[_Range]) -> Iterator[Problem]:
    for item in ranges:
        if item.low > item.high:
            yield Problem(
                "error",
                item.place,
                f"the range of level {item} is upside down",
                f"write [{item.high:g}, {item.low:g}]",
            )
        if item.low < _LOWEST or item.high > _HIGHEST:
            yield Problem(
                "error",
                item.place,
                f"the range of level {item} leaves the scale of affinity",
                "affinity runs from 0 to 100",
            )


def _gaps_and_overlaps(ranges: list[_Range]) -> Iterator[Problem]:
    upright = sorted(item for item in ranges if item.low <= item.high)
    if not upright:
        return
    if upright[0].low > _LOWEST:
        yield _gap(_LOWEST, upright[0].low, f"below level {upright[0]}", upright[0].place)
    reached = upright[0]
    for lower, higher in pairwise(upright):
        reached = max(reached, lower, key=lambda item: item.high)
        if higher.low < reached.high:
            yield Problem(
                "warning",
                higher.place,
                f"the ranges of levels {reached} and {higher} overlap",
                f"the higher level '{higher.name}' counts where both apply; let one end before the "
                "other begins",
            )
        elif higher.low - reached.high > WHOLE_POINT:
            between = f"between levels {reached} and {higher}"
            yield _gap(reached.high, higher.low, between, higher.place)
    reached = max(upright, key=lambda item: item.high)
    if reached.high < _HIGHEST:
        yield _gap(reached.high, _HIGHEST, f"above level {reached}", reached.place)


def _gap(low: float, high: float, which: str, place: str) -> Problem:
    return Problem(
        "warning",
        place,
        f"no level covers affinity {low:g} to {high:g}, {which}",
        "the nearest level counts there, its effect interpolated; extend a range to close the gap",
    )


def _repeated_names(ranges: list[_Range]) -> Iterator[Problem]:
    first: dict[str, _Range] = {}
    for item in ranges:
        earlier = first.setdefault(item.name, item)
        if earlier is not item:
            yield Problem(
                "error",
                item.place.removesuffix("/affinity_range") + "/name",
                f"two levels are called '{item.name}': {earlier} and {item}",
                "give each level a name of its own; stored relationships refer to it",
            )


def _unknown_moods(document: Mapping[str, Any]) -> Iterator[Problem]:
    known = mood_names(document)
    for mood in section(document, "mood_config", "mood_triggers"):
        if mood not in known:
            yield Problem(
                "warning",
                pointer(("mood_config", "mood_triggers", mood)),
                f"the triggers name a mood '{mood}' that does not exist, so they never apply",
                f"{similar(mood, known)}moods: {', '.join(sorted(known))}",
            )


def _odd_deltas(document: Mapping[str, Any]) -> Iterator[Problem]:
    known = [*PARAMETERS, *section(document, "advanced_parameters")]
    for place, modifiers in _modified(document):
        for name, delta in section(modifiers, "advanced_parameters").items():
            where = pointer((*place, "modifiers", "advanced_parameters", name))
            if is_number(delta) and not -1 <= delta <= 1:
                yield Problem(
                    "warning",
                    where,
                    f"the delta {delta:g} is larger than the whole scale of '{name}'",
                    "deltas run from -1 to 1; the result is kept between 0 and 1",
                )
            if name not in known:
                yield Problem(
                    "warning",
                    where,
                    f"'{name}' is changed here, but the persona has no such parameter",
                    f"{similar(name, known)}or set it in advanced_parameters; 0.5 is assumed",
                )


def _modified(
    document: Mapping[str, Any],
) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """The place of every level and mood, with its modifiers."""
    levels = section(document, _LEVELS[0]).get(_LEVELS[1])
    for index, level in enumerate(levels if isinstance(levels, list) else []):
        if isinstance(level, Mapping):
            yield (*_LEVELS, index), section(level, "modifiers")
    for name, mood in section(document, *_MOODS).items():
        if isinstance(mood, Mapping):
            yield (*_MOODS, name), section(mood, "modifiers")
