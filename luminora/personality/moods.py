"""What a persona says about how its mood comes and goes; the arithmetic is ``luminora.memory``'s.

Read from ``mood_config.mood_detection`` and ``mood_config.transitions``; ``docs/relationships.md``
has the formulas.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from luminora.personality.fields import flag, number, section, text, texts

METHODS = ("automatic", "trigger", "off")
"""How moods are found; the first stands in for what is not one of them."""

_CHEERFUL, _LOW = ("happy", "excited", "playful"), ("sad", "worried", "hurt")
OPPOSITES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_CHEERFUL, _LOW),
    **dict.fromkeys(_LOW, _CHEERFUL),
}
"""Default moods that stand against each other, both ways."""


@dataclass(frozen=True, slots=True)
class MoodTransitions:
    """How one mood gives way to another.

    Attributes:
        inertia: Share of a mood's intensity, 0 to 1, that is left after an exchange that calls
            for another mood without bringing it about.
        allowed: Mood → moods that may follow it directly. A mood that is no key may be followed
            by any, and ``neutral`` may always follow.
        opposites: Mood → moods that must first wear it down.
    """

    inertia: float = 0.5
    allowed: Mapping[str, frozenset[str]] = field(hash=False, default_factory=dict)
    opposites: Mapping[str, frozenset[str]] = field(hash=False, default_factory=dict)

    def may_follow(self, mood: str, following: str) -> bool:
        """Whether ``following`` may come directly after ``mood``."""
        return mood not in self.allowed or following in self.allowed[mood]

    def opposed(self, one: str, other: str) -> bool:
        """Whether two moods stand against each other; it is enough that one of them says so."""
        return other in self.opposites.get(one, ()) or one in self.opposites.get(other, ())

    @classmethod
    def from_document(cls, config: Mapping[str, Any]) -> Self:
        """Read ``mood_config.transitions``; an empty one gives the fallbacks."""
        given = section(config, "opposites") if "opposites" in config else OPPOSITES
        return cls(
            inertia=_share(config, "inertia", 0.5),
            allowed=_names(section(config, "allowed")),
            opposites=_names(given),
        )


@dataclass(frozen=True, slots=True)
class MoodRules:
    """How moods are found, fade and follow each other.

    Attributes:
        method: ``automatic``: the analysis names the mood and, where it is not sure, the
            persona's triggers do; ``trigger``: only the triggers do; ``off``: moods never change.
        confidence_threshold: The analysis counts from this confidence, 0 to 1.
        hourly_loss: Share of its intensity that a mood loses in an hour, 0 to 1; 0 is never.
        transitions: How moods follow each other.
    """

    method: str = METHODS[0]
    confidence_threshold: float = 0.6
    hourly_loss: float = 0.15
    transitions: MoodTransitions = field(default_factory=lambda: MoodTransitions.from_document({}))

    @classmethod
    def from_document(cls, config: Mapping[str, Any]) -> Self:
        """Read a ``mood_config`` section; an empty one gives the fallbacks."""
        detection = section(config, "mood_detection")
        method = text(detection, "method").lower()
        return cls(
            method=method if method in METHODS else METHODS[0],
            confidence_threshold=_share(detection, "confidence_threshold", 0.6),
            hourly_loss=_hourly_loss(detection),
            transitions=MoodTransitions.from_document(section(config, "transitions")),
        )


def _hourly_loss(detection: Mapping[str, Any]) -> float:
    """``decay_rate``, or what ``half_life_hours`` comes to: 1 - 0.5 ^ (1 / hours)."""
    if not flag(detection, "decay_enabled", default=True):
        return 0.0
    hours = number(detection, "half_life_hours", 0.0)
    if hours > 0:
        return -math.expm1(-math.log(2) / hours)
    return _share(detection, "decay_rate", 0.15)


def _share(config: Mapping[str, Any], key: str, default: float) -> float:
    return min(max(number(config, key, default), 0.0), 1.0)


def _names(moods: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    return {
        mood: frozenset(names if isinstance(names, tuple) else texts(moods, mood))
        for mood, names in moods.items()
    }
