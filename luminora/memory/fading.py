"""How moments fade: worked out when they are read, never written back.

::

    decay = floor + (1 - floor) * 2^(-age / half_life)
    half_life = days of the type * 4^((importance - 5) / 5)
    effective importance = importance * decay

A moment of importance 10 thus fades four times as slowly as one of 5, and one of 0 four times as
fast. The exponential form is that of the forgetting curve (Ebbinghaus, 1885); the numbers below
are Luminora's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

SUMMARY: Final = "summary"
"""The type of an episode that stands for several older ones."""

_DAY = 86_400.0
_MIDDLE = 5.0
_SLOWER = 4.0


@dataclass(frozen=True, slots=True)
class Fading:
    """How a type of moment fades.

    Attributes:
        days: Its half-life at importance 5.
        floor: What its decay never falls below, above 0.
    """

    days: float
    floor: float


FADING: Final[Mapping[str, Fading]] = {
    "milestone": Fading(365.0, 0.6),
    SUMMARY: Fading(365.0, 0.2),
    "achievement": Fading(180.0, 0.3),
    "confession": Fading(180.0, 0.3),
    "emotional_moment": Fading(180.0, 0.3),
    "bonding": Fading(120.0, 0.2),
    "conflict": Fading(60.0, 0.1),
}
ORDINARY: Final = Fading(45.0, 0.05)
"""Of every other type."""


def half_life(kind: str, importance: float) -> float:
    """Days in which a moment of this type and importance (0 to 10) loses half of what can fade."""
    scaled = (min(max(importance, 0.0), 10.0) - _MIDDLE) / _MIDDLE
    return float(FADING.get(kind, ORDINARY).days * _SLOWER**scaled)


def temporal_decay(kind: str, importance: float, age_days: float) -> float:
    """The share of its importance that a moment still has, above 0 and at most 1.

    A moment that lies in the future, because a clock was set back, has all of it.
    """
    floor = FADING.get(kind, ORDINARY).floor
    halvings = max(age_days, 0.0) / half_life(kind, importance)
    return float(min(floor + (1.0 - floor) * 2.0**-halvings, 1.0))


def decay_of(row: Mapping[str, Any], at: datetime) -> float:
    """The decay of a row of ``episodes`` at a time."""
    return temporal_decay(row["type"], row["importance"], age_days(row["timestamp"], at))


def age_days(since: datetime, at: datetime) -> float:
    """Days from ``since`` to ``at``; negative if it is to come."""
    return (at - since).total_seconds() / _DAY
