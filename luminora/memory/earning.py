"""What one exchange is worth: the persona's rules, applied step by step.

The steps, in this order: the worth of the interaction, the bonus for a long message, the limit for
a message that pleads for affinity, the cooldown, the day's cap of the interaction, the day's cap
of all, and at last the scale, which runs from 0 to 100.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from luminora.memory.account import AffinityStep
from luminora.personality import AffinityRules
from luminora.providers import Find, Is, Row

ORDINARY = "message_exchanged"
"""The interaction every exchange is at least, if the persona's rules know it."""

LOW, HIGH = 0, 100

_PLEA = re.compile(
    r"\b(?:afinidad|affinity|puntos? de (?:relaci[oó]n|amistad|cari[ñn]o|confianza)"
    r"|nivel de (?:relaci[oó]n|amistad|confianza)"
    r"|(?:relationship|friendship|trust) (?:levels?|points?|score))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Earned:
    """What an exchange brings: the interaction's name and the steps to its points."""

    event: str
    steps: tuple[AffinityStep, ...]

    @property
    def points(self) -> int:
        """What is added to affinity."""
        return sum(step.points for step in self.steps)


def recent_query(
    user_id: str, personality: str, rules: AffinityRules, event: str | None, at: datetime
) -> Find | None:
    """The read for the events that limits depend on; None where no limit applies.

    They number no more than the points that the limits let through. It has to be read *after* the
    affinity row: whoever logs an event in between also raises the row's revision, so that the
    write which goes by it is refused.
    """
    limits, name = rules.limits, event or ORDINARY
    total, own = limits.per_day is not None, name in limits.interaction_per_day
    cooldown = timedelta(minutes=limits.cooldown_minutes.get(name, 0.0))
    if not (total or own or cooldown):
        return None
    since = _midnight(at) if total or own else at
    where: Row = {
        "personality_name": personality,
        "points": Is("!=", 0),
        "created_at": Is(">=", min(since, at - cooldown)),
    }
    return Find("affinity_events", user_id, where if total else {**where, "event": name})


def earned(
    rules: AffinityRules,
    event: str | None,
    text: str,
    points_now: int,
    recent: Sequence[Row],
    at: datetime,
) -> Earned:
    """What the interaction ``event`` earns; None is an ordinary exchange.

    An interaction that the rules do not know earns nothing, however long the message.

    Args:
        rules: The persona's.
        event: The interaction that the analysis named.
        text: What the user wrote.
        points_now: Affinity before, decay taken off.
        recent: What :func:`recent_query` found.
        at: The moment of the exchange.
    """
    name = event or ORDINARY
    worth = rules.points(name)
    sum_ = _Sum([AffinityStep("base", worth, _worth(rules, name))])
    if worth >= 0 and len(text) > rules.long_message_length and _known(rules, event):
        bonus = min(worth + rules.long_message_bonus, rules.max_change) - worth
        sum_.add("bonus", bonus, f"more than {rules.long_message_length} characters")
    ordinary = max(rules.points(ORDINARY), 0)
    if sum_.points > ordinary and _PLEA.search(text):
        sum_.limit("plea", ordinary, "affinity is not earned by asking for it")
    counted = [row for row in recent if row["message_id"] is not None]
    _cool(sum_, rules, name, counted, at)
    _cap(
        sum_, rules, name, [row for row in counted if _midnight(row["created_at"]) == _midnight(at)]
    )
    within = min(max(points_now + sum_.points, LOW), HIGH) - points_now
    sum_.add("bounds", within - sum_.points, f"affinity runs from {LOW} to {HIGH}")
    return Earned(name, tuple(sum_.steps))


class _Sum:
    """A growing list of steps."""

    def __init__(self, steps: list[AffinityStep]) -> None:
        self.steps = steps

    @property
    def points(self) -> int:
        return sum(step.points for step in self.steps)

    def add(self, name: str, points: int, note: str) -> None:
        if points:
            self.steps.append(AffinityStep(name, points, note))

    def limit(self, name: str, most: int, note: str) -> None:
        """Cut the sum down to ``most`` in either direction."""
        points = self.points
        self.add(name, max(-most, min(most, points)) - points, note)


def _cool(
    sum_: _Sum, rules: AffinityRules, name: str, counted: Sequence[Row], at: datetime
) -> None:
    """A cooldown looks both ways, so that a clock set back neither ends nor prolongs it."""
    minutes = rules.limits.cooldown_minutes.get(name, 0.0)
    span = timedelta(minutes=minutes)
    if any(row["event"] == name and abs(at - row["created_at"]) < span for row in counted):
        sum_.limit("cooldown", 0, f"{name} counts once in {minutes:g} minutes")


def _cap(sum_: _Sum, rules: AffinityRules, name: str, today: Sequence[Row]) -> None:
    cap = rules.limits.interaction_per_day.get(name)
    if cap is not None:
        used = abs(sum(row["points"] for row in today if row["event"] == name))
        sum_.limit("cap", max(cap - used, 0), f"at most {cap} a day for {name}, {used} used")
    total = rules.limits.per_day
    if total is not None and sum_.points > 0:
        gained = sum(row["points"] for row in today if row["points"] > 0)
        sum_.limit("day_cap", max(total - gained, 0), f"at most {total} a day, {gained} gained")


def _known(rules: AffinityRules, event: str | None) -> bool:
    return event is None or event in rules.interaction_types


def _worth(rules: AffinityRules, name: str) -> str:
    if name not in rules.interaction_types:
        return f"{name} is not among the persona's interactions"
    return f"{name} is worth {rules.interaction_types[name]:+d}" + (
        f", at most {rules.max_change} at once"
        if abs(rules.interaction_types[name]) > rules.max_change
        else ""
    )


def _midnight(at: datetime) -> datetime:
    """When the day of a moment began, in UTC."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
