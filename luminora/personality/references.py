"""Names in a persona's rules that lead nowhere: moods and interactions that it does not have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from luminora.personality.defaults import INTERACTION_TYPES, MOOD_NAMES
from luminora.personality.fields import section, text, texts
from luminora.personality.moods import METHODS
from luminora.personality.problems import Problem, pointer, similar


def reference_problems(document: Mapping[str, Any]) -> list[Problem]:
    """Warnings about rules that can never apply."""
    return [*_moods(document), *_interactions(document), *_method(document)]


def mood_names(document: Mapping[str, Any]) -> set[str]:
    """The moods that a persona has: its own with ``neutral``, or the defaults."""
    own = section(document, "mood_config", "moods")
    return {*own, "neutral"} if own else set(MOOD_NAMES)


def _moods(document: Mapping[str, Any]) -> Iterator[Problem]:
    known = mood_names(document)
    for part in ("allowed", "opposites"):
        rules = section(document, "mood_config", "transitions", part)
        for mood in rules:
            place = ("mood_config", "transitions", part, mood)
            yield from _unknown("mood", [mood, *texts(rules, mood)], known, place)


def _interactions(document: Mapping[str, Any]) -> Iterator[Problem]:
    known = set(section(document, "affinity_config", "interaction_types") or INTERACTION_TYPES)
    for path in (("caps_per_day", "interactions"), ("cooldown_minutes",)):
        place = ("affinity_config", *path)
        yield from _unknown("interaction", section(document, *place), known, place)


def _unknown(
    kind: str, names: Iterable[str], known: set[str], place: tuple[str, ...]
) -> Iterator[Problem]:
    for name in names:
        if name not in known:
            yield Problem(
                "warning",
                pointer(place),
                f"the persona has no {kind} '{name:.40}', so what is said here of it never applies",
                f"{similar(name, known)}{kind}s: {', '.join(sorted(known))}",
            )


def _method(document: Mapping[str, Any]) -> Iterator[Problem]:
    method = text(section(document, "mood_config", "mood_detection"), "method")
    if method and method.lower() not in METHODS:
        yield Problem(
            "warning",
            pointer(("mood_config", "mood_detection", "method")),
            f"there is no way of finding moods called '{method:.40}'; {METHODS[0]} stands in",
            f"{similar(method, METHODS)}methods: {', '.join(METHODS)}",
        )
