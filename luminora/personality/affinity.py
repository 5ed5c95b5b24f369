"""What a persona says about affinity: the worth of each interaction, limits, decay, milestones.

Only the numbers live here; the arithmetic on a user's points belongs to ``luminora.memory``.
Affinity runs from 0 to 100.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from luminora.personality.defaults import INTERACTION_TYPES
from luminora.personality.fields import flag, is_number, number, numbers, section, text

MAX_COOLDOWN = 366 * 24 * 60.0
"""Longest cooldown in minutes: a year."""


@dataclass(frozen=True, slots=True)
class AffinityDecay:
    """How affinity fades while nobody writes.

    Attributes:
        enabled: Whether it fades at all; a persona that says nothing about decay does not forget.
        points_per_day: Points lost per day after the grace period; only whole points are lost.
        grace_days: Days of silence that cost nothing.
        floor: Decay never takes affinity below this.
    """

    enabled: bool = False
    points_per_day: float = 1.0
    grace_days: float = 7.0
    floor: float = 0.0

    @classmethod
    def from_document(cls, value: object) -> Self:
        """Read ``affinity_config.decay``: an object, points per day alone, or a boolean."""
        if isinstance(value, Mapping):
            return cls(
                enabled=flag(value, "enabled", default=True),
                points_per_day=number(value, "points_per_day", cls().points_per_day),
                grace_days=number(value, "grace_days", cls().grace_days),
                floor=number(value, "floor", cls().floor),
            )
        if isinstance(value, int | float) and not isinstance(value, bool):
            return cls(enabled=value > 0, points_per_day=float(value))
        return cls(enabled=value is True)


@dataclass(frozen=True, slots=True)
class AffinityLimits:
    """What keeps affinity from being farmed; a persona that says nothing sets no limit.

    Attributes:
        per_day: Points that all exchanges of one day (UTC) together may gain. Losses always
            count, and make no room.
        interaction_per_day: Interaction → points that it may move affinity by in one day.
        cooldown_minutes: Interaction → minutes after one that counted, during which another of
            the same kind counts nothing.
    """

    per_day: int | None = None
    interaction_per_day: Mapping[str, int] = field(hash=False, default_factory=dict)
    cooldown_minutes: Mapping[str, float] = field(hash=False, default_factory=dict)

    @classmethod
    def from_document(cls, config: Mapping[str, Any]) -> Self:
        """Read ``caps_per_day`` (an object, or the total alone) and ``cooldown_minutes``."""
        given = config.get("caps_per_day")
        total = given if is_number(given) else section(config, "caps_per_day").get("total")
        caps = numbers(section(config, "caps_per_day"), "interactions")
        return cls(
            per_day=max(int(total), 0) if total is not None and is_number(total) else None,
            interaction_per_day={name: max(int(cap), 0) for name, cap in caps.items()},
            cooldown_minutes={
                name: min(minutes, MAX_COOLDOWN)
                for name, minutes in numbers(config, "cooldown_minutes").items()
                if minutes > 0
            },
        )


@dataclass(frozen=True, slots=True)
class Milestone:
    """A point of the relationship worth remembering.

    Attributes:
        affinity: Reached when affinity first gets here, 0 to 100.
        name: Identifier, unique within the persona.
        description: What it means, in the persona's language.
    """

    affinity: float
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class AffinityRules:
    """Everything ``affinity_config`` holds, with fallbacks where it is silent.

    Attributes:
        interaction_types: Interaction name → points, positive or negative. An analysis step names
            one of these for each exchange; ``INTERACTION_MEANINGS`` says when a default applies.
        max_change: Largest gain or loss that one exchange may cause.
        long_message_length: A user's message of more characters than this earns the bonus.
        long_message_bonus: Points for taking the time to write at length.
        limits: Caps per day and cooldowns.
        decay: How affinity fades in silence.
        milestones: Ordered by affinity.
    """

    interaction_types: Mapping[str, int] = field(hash=False, default_factory=INTERACTION_TYPES.copy)
    max_change: int = 10
    long_message_length: int = 100
    long_message_bonus: int = 1
    limits: AffinityLimits = AffinityLimits()
    decay: AffinityDecay = AffinityDecay()
    milestones: tuple[Milestone, ...] = ()

    def points(self, interaction: str) -> int:
        """Points for ``interaction``, at most ``max_change`` either way; 0 for an unknown name."""
        return max(
            -self.max_change, min(self.max_change, self.interaction_types.get(interaction, 0))
        )

    @classmethod
    def from_document(cls, config: Mapping[str, Any]) -> Self:
        """Read an ``affinity_config`` section; an empty one gives the fallbacks."""
        given = {
            name: int(value)
            for name, value in section(config, "interaction_types").items()
            if is_number(value)
        }
        long_message = section(config, "long_message")
        return cls(
            interaction_types=given or INTERACTION_TYPES.copy(),
            max_change=int(number(config, "max_change", 10)),
            long_message_length=int(number(long_message, "length", 100)),
            long_message_bonus=int(number(long_message, "bonus", 1)),
            limits=AffinityLimits.from_document(config),
            decay=AffinityDecay.from_document(config.get("decay")),
            milestones=_milestones(config.get("milestones")),
        )


def _milestones(value: object) -> tuple[Milestone, ...]:
    """Read a list of objects, or the short form ``{name: affinity}``."""
    if isinstance(value, Mapping):
        found = [Milestone(float(v), name) for name, v in value.items() if is_number(v)]
    else:
        found = [
            Milestone(number(item, "affinity", 0.0), text(item, "name"), text(item, "description"))
            for item in (value if isinstance(value, list) else [])
            if isinstance(item, Mapping)
        ]
    return tuple(sorted(found, key=lambda milestone: (milestone.affinity, milestone.name)))
