"""The personality's mood in a session: how it is found, fades and gives way to another.

A mood of intensity x loses a share r of it every hour: after h hours it is x (1 - r)^h, which is
worked out whenever it is read. Below ``FAINT`` it is gone and the personality is neutral.
``docs/relationships.md`` has the rules in full.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from luminora.memory.analysis import Analysis
from luminora.memory.clock import in_order
from luminora.memory.models import MoodInfo, MoodSpan, Session
from luminora.memory.triggers import triggered
from luminora.personality import NEUTRAL, MoodTransitions, Personality
from luminora.providers import Row, Upsert, Write

MAX_HISTORY = 50
FAINT = 0.1
"""Intensity below which a mood is gone."""

TRIGGERED = 0.7
"""Intensity of a mood that a trigger calls for."""

_HOUR = timedelta(hours=1)
_ROUNDED = 4


@dataclass(frozen=True, slots=True)
class Feeling:
    """A mood and its intensity, 0 to 1."""

    mood: str
    intensity: float

    @classmethod
    def of(cls, mood: str, intensity: float) -> Feeling:
        """The mood, or calm where it is too faint to be felt."""
        return cls(mood, intensity) if intensity >= FAINT and mood != NEUTRAL else CALM


CALM = Feeling(NEUTRAL, 1.0)


def mood_at(row: Row | None, personality: Personality, at: datetime) -> MoodInfo:
    """The mood that a row tells of as it is at a moment: neutral without one, or once it is gone.

    A mood that the persona does not know any more is neutral too.
    """
    if row is None:
        return MoodInfo()
    name, intensity, since = row["current_mood"], row["mood_intensity"], row["mood_started_at"]
    if name == NEUTRAL:
        return MoodInfo(since=since)
    if name not in personality.moods:
        return MoodInfo(since=row["updated_at"])
    loss = personality.mood_rules.hourly_loss
    left = intensity * (1 - loss) ** max((at - row["updated_at"]) / _HOUR, 0.0)
    if left >= FAINT:
        return MoodInfo(name=name, intensity=round(left, _ROUNDED), since=since)
    return MoodInfo(since=min(_gone(row, loss), max(at, since)))


def evidence(analysis: Analysis, personality: Personality, text: str) -> Feeling | None:
    """The mood that a message calls for, by the persona's method of detection; None for none.

    A mood that the analysis is sure of comes first, then the persona's triggers, then the calm
    that the analysis is sure of.
    """
    rules, moods = personality.mood_rules, personality.moods
    if rules.method == "off":
        return None
    sure = rules.method == "automatic" and analysis.mood_confidence >= rules.confidence_threshold
    named = analysis.mood if sure and analysis.mood in moods else None
    if named is None or named == NEUTRAL:
        found = triggered(text, personality.mood_triggers)
        if found is not None and found in moods:
            return Feeling(found, TRIGGERED)
    return Feeling(named, analysis.mood_intensity) if named else None


def moved(now: Feeling, called: Feeling, rules: MoodTransitions) -> Feeling:
    """The feeling after a message that calls for another.

    With x the intensity now, s that of the mood called for and i the inertia::

        the same mood          1 - (1 - x)(1 - s)
        from neutral           the mood, at s
        an opposite            x - s; below 0 the opposite takes over at s - x, or calm if it
                               may not follow
        another, if i x < s    the other, at s
        all else               i x: calm, a weaker mood, one that may not follow
    """
    if called.mood != NEUTRAL and called.intensity < FAINT:
        return now
    if now.mood == called.mood != NEUTRAL:
        return Feeling(now.mood, 1 - (1 - now.intensity) * (1 - called.intensity))
    may_follow = called.mood != NEUTRAL and rules.may_follow(now.mood, called.mood)
    left = now.intensity * rules.inertia
    if rules.opposed(now.mood, called.mood):
        left = now.intensity - called.intensity
        called = Feeling(called.mood, max(-left, 0.0))
    if may_follow and (now.mood == NEUTRAL or called.intensity > left):
        return Feeling.of(called.mood, called.intensity)
    return Feeling.of(now.mood, left)


def mood_writes(
    session: Session,
    message: Row,
    analysis: Analysis,
    personality: Personality,
    old: Row | None,
) -> tuple[list[Write], Row | None]:
    """The write that follows a message, if it stirs the mood, and the row as it will be.

    The mood is stirred when the message is said, however late it is learned from.

    Args:
        session: Whose mood.
        message: The user's stored row.
        analysis: May name a mood.
        personality: The persona with its moods and rules.
        old: The mood row, or None before any mood.
    """
    at = in_order(message["timestamp"], old["updated_at"] if old else None)
    called = evidence(analysis, personality, message["content"])
    if called is None:
        return [], old
    felt = mood_at(old, personality, at)
    now = Feeling(felt.name, felt.intensity)
    then = moved(now, called, personality.mood_rules.transitions)
    if then == now and (old is None or old["current_mood"] == now.mood):
        return [], old
    started = felt.since if then.mood == felt.name and felt.since else at
    spans = _spans(old, felt)
    if then.mood != felt.name and felt.since:
        spans.append(_span(felt.name, felt.intensity, felt.since, at))
    row: Row = {
        "session_id": session.session_id,
        "user_id": session.user_id,
        "current_mood": then.mood,
        "mood_intensity": round(then.intensity, _ROUNDED),
        "mood_started_at": started,
        "mood_history": spans[-MAX_HISTORY:],
        "updated_at": at,
    }
    return [Upsert("session_moods", session.user_id, row)], row


def mood_history(row: Row | None, personality: Personality, at: datetime) -> list[MoodSpan]:
    """The moods up to a moment, the present one last; empty before the first."""
    if row is None:
        return []
    felt = mood_at(row, personality, at)
    spans = [
        MoodSpan(
            name=span["mood"],
            intensity=span.get("intensity", 1.0),
            since=datetime.fromisoformat(span["from"]),
            until=datetime.fromisoformat(span["to"]),
        )
        for span in _spans(row, felt)
    ]
    since = felt.since or row["mood_started_at"]
    return [*spans, MoodSpan(name=felt.name, intensity=felt.intensity, since=since)]


def _spans(row: Row | None, felt: MoodInfo) -> list[Row]:
    """The history of a row, with the mood that has faded away since it was written."""
    if row is None:
        return []
    spans = list(row["mood_history"])
    if row["current_mood"] != felt.name and felt.since:
        strength = row["mood_intensity"]
        spans.append(_span(row["current_mood"], strength, row["mood_started_at"], felt.since))
    return spans


def _span(mood: str, intensity: float, since: datetime, until: datetime) -> Row:
    return {
        "mood": mood,
        "intensity": intensity,
        "from": since.isoformat(),
        "to": max(since, until).isoformat(),
    }


def _gone(row: Row, loss: float) -> datetime:
    """When the mood of a row falls below ``FAINT``."""
    stirred: datetime = row["updated_at"]
    strength: float = row["mood_intensity"]
    if strength < FAINT or loss >= 1:
        return stirred
    return stirred + math.log(FAINT / strength) / math.log1p(-loss) * _HOUR
