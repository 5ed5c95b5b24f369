"""How an exchange moves affinity, and how silence lets it fade.

One exchange may log up to three kinds of events, in this order: ``decay`` for the silence before
it, the interaction itself, and ``milestone:<name>`` for each milestone that is reached. They are
written in one transaction with the affinity row, whose revision must still be the one they were
worked out from. ``docs/relationships.md`` has the rules and formulas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import NAMESPACE_URL, uuid4, uuid5

from luminora.memory.account import MILESTONE, AffinityStep, written
from luminora.memory.analysis import Analysis
from luminora.memory.clock import TICK, in_order, now
from luminora.memory.earning import Earned, earned
from luminora.memory.models import AffinityInfo, Session
from luminora.personality import AffinityDecay, Milestone, PersonalityTree
from luminora.providers import Insert, Row, Update, Write

DECAY = "decay"
MANUAL = "manual"
"""The event that tells of affinity set by hand."""
_DAY = timedelta(days=1)
_MAX_EVENT = 200


@dataclass(frozen=True, slots=True)
class AffinityChange:
    """A change about to be written.

    Attributes:
        row: The affinity row as it will be.
        logged: The row of ``affinity_events`` that tells of the exchange.
        levels: The level before, and after every event; most often all the same.
        milestones: The rows that tell of milestones, of which some may have been logged before.
    """

    row: Row
    logged: Row
    levels: Sequence[str]
    milestones: Sequence[Row]
    writes: Sequence[Write]

    @property
    def level_changes(self) -> list[tuple[str, str]]:
        """Each step from one level to another, as ``(before, after)``."""
        return [(before, after) for before, after in pairwise(self.levels) if before != after]


def faded(row: Row, decay: AffinityDecay, at: datetime) -> int:
    """Points that silence has taken since the last exchange and that are still in the row.

    ``floor(points_per_day x (days of silence - grace_days))``, never below the persona's floor.
    A clock before the last exchange has seen no silence.
    """
    if not decay.enabled or row["last_interaction"] is None:
        return 0
    last: datetime = row["last_interaction"]
    days = (at - last) / _DAY - decay.grace_days
    above: int = row["affinity_points"] - math.ceil(decay.floor)
    return math.floor(min(max(days, 0.0) * decay.points_per_day, max(above, 0)))


def points_at(row: Row | None, decay: AffinityDecay, at: datetime) -> int:
    """Affinity at a moment; 0 before the first exchange."""
    return row["affinity_points"] - faded(row, decay, at) if row else 0


def moment_of(message: Row, old: Row | None) -> datetime:
    """When an exchange counts: when its message was said, behind what counted before it."""
    return in_order(message["timestamp"], old["updated_at"] if old else None)


def affinity_change(
    session: Session,
    message: Row,
    analysis: Analysis,
    tree: PersonalityTree,
    old: Row | None,
    recent: Sequence[Row],
) -> AffinityChange:
    """What one exchange does to affinity.

    It happened when the message was said, however late it is learned from: a worker that was
    away for days makes no silence.

    The exchange's event carries an id made of the message's, so that it can never count twice;
    a milestone's is made of user and personality, so that it is reached once.

    Args:
        session: Whose and with whom.
        message: The user's stored row.
        analysis: Names the interaction, if any.
        tree: The personality with its rules and levels.
        old: The affinity row, or None before the first exchange.
        recent: What :func:`~luminora.memory.earning.recent_query` found, read after ``old``.
    """
    rules, at = tree.personality.affinity, moment_of(message, old)
    row = old or stranger(session, tree, at)
    log = _Log(session, message, tree, row["affinity_points"])
    if lost := faded(row, rules.decay, at):
        log.decay(lost, _silence(row, rules.decay, at), at - TICK)
    before = log.points
    gain = earned(rules, analysis.event, message["content"], before, recent, at)
    logged = log.exchange(gain, analysis.reason, at)
    reached = [
        log.milestone(milestone, at + number * TICK)
        for number, milestone in enumerate(rules.milestones, 1)
        if (before < milestone.affinity or old is None) and milestone.affinity <= log.points
    ]
    last = row["last_interaction"]
    changed: Row = {
        **row,
        "affinity_points": log.points,
        "current_level": logged["level_after"],
        "total_messages": row["total_messages"] + 1,
        "positive_interactions": row["positive_interactions"] + (gain.points > 0),
        "negative_interactions": row["negative_interactions"] + (gain.points < 0),
        # never earlier than it was, or a clock that is put right again would have seen silence
        "last_interaction": at if last is None else max(last, at),
        "revision": row["revision"] + 1,
        "updated_at": at + len(reached) * TICK,
    }
    writes: list[Write] = [
        *(Insert("affinity_events", session.user_id, entry) for entry in log.entries),
        *(
            Insert("affinity_events", session.user_id, entry, ignore_conflict=True)
            for entry in reached
        ),
        _store(session.user_id, changed, old),
    ]
    levels = [row["current_level"], *(entry["level_after"] for entry in log.entries)]
    return AffinityChange(changed, logged, levels, reached, writes)


def set_by_hand(
    session: Session, tree: PersonalityTree, old: Row | None, points: int, why: str | None
) -> tuple[Row, list[Write]]:
    """What sets affinity to a number: the row as it will be, and the writes.

    One event of its own, :data:`MANUAL`, tells of it. Silence counts anew from now, or what it
    has taken would be taken from the new number at once.
    """
    at = in_order(now(), old["updated_at"] if old else None)
    row = old or stranger(session, tree, at)
    change = points - row["affinity_points"]
    level = tree.level_for(points).name
    step = AffinityStep(MANUAL, change, f"set to {points} by hand")
    event: Row = {
        "id": uuid4().hex,
        "user_id": session.user_id,
        "personality_name": session.personality_name,
        "session_id": session.session_id,
        "message_id": None,
        "event": MANUAL,
        "points": change,
        "points_after": points,
        "level_after": level,
        "reason": written(why, [step]),
        "created_at": at,
    }
    changed: Row = {
        **row,
        "affinity_points": points,
        "current_level": level,
        "last_interaction": at,
        "revision": row["revision"] + 1,
        "updated_at": at,
    }
    writes: list[Write] = [
        Insert("affinity_events", session.user_id, event),
        _store(session.user_id, changed, old),
    ]
    return changed, writes


class _Log:
    """The events of one exchange, one after another."""

    def __init__(self, session: Session, message: Row, tree: PersonalityTree, points: int) -> None:
        self._session = session
        self._message = message
        self._tree = tree
        self.points = points
        self.entries: list[Row] = []

    def decay(self, lost: int, note: str, at: datetime) -> None:
        """Silence, which no message caused."""
        self.points -= lost
        steps = [AffinityStep(DECAY, -lost, note)]
        identity = event_id(self._message, DECAY)
        entry = self._entry(identity, DECAY, -lost, written("nobody wrote", steps), at)
        self.entries.append({**entry, "message_id": None})

    def exchange(self, gain: Earned, why: str | None, at: datetime) -> Row:
        """The interaction itself."""
        self.points += gain.points
        reason = written(why, gain.steps)
        entry = self._entry(event_id(self._message), gain.event, gain.points, reason, at)
        self.entries.append(entry)
        return entry

    def milestone(self, milestone: Milestone, at: datetime) -> Row:
        """What tells of a milestone; it moves nothing."""
        name = milestone.name or f"{milestone.affinity:g}"
        session = self._session
        identity = milestone_id(session.user_id, session.personality_name, name)
        reason = written(milestone.description or f"reached {milestone.affinity:g}", ())
        return self._entry(identity, f"{MILESTONE}{name}"[:_MAX_EVENT], 0, reason, at)

    def _entry(self, identity: str, event: str, points: int, reason: str, at: datetime) -> Row:
        return {
            "id": identity,
            "user_id": self._session.user_id,
            "personality_name": self._session.personality_name,
            "session_id": self._session.session_id,
            "message_id": self._message["id"],
            "event": event,
            "points": points,
            "points_after": self.points,
            "level_after": self._tree.level_for(self.points).name,
            "reason": reason,
            "created_at": at,
        }


def event_id(message: Row, kind: str = "affinity") -> str:
    """The id of the affinity event that a message caused."""
    return uuid5(NAMESPACE_URL, f"luminora:{kind}:{message['id']}").hex


def milestone_id(user_id: str, personality_name: str, name: str) -> str:
    """The id of the event that tells of a milestone, which is reached once."""
    pair = f"{user_id}\n{personality_name}"
    return uuid5(NAMESPACE_URL, f"luminora:milestone:{pair}\n{name}").hex


def _silence(row: Row, decay: AffinityDecay, at: datetime) -> str:
    days = (at - row["last_interaction"]) / _DAY
    return (
        f"{days:.1f} days of silence, {decay.grace_days:g} of them free, "
        f"{decay.points_per_day:g} a day, never below {decay.floor:g}"
    )


def stranger(session: Session, tree: PersonalityTree, at: datetime) -> Row:
    """The affinity row of a user and a personality that have not met yet."""
    identity = f"{session.user_id}\n{session.personality_name}"
    return {
        "id": uuid5(NAMESPACE_URL, f"luminora:affinity-of:{identity}").hex,
        "user_id": session.user_id,
        "personality_name": session.personality_name,
        "affinity_points": 0,
        "current_level": tree.level_for(0).name,
        "total_messages": 0,
        "positive_interactions": 0,
        "negative_interactions": 0,
        "last_interaction": None,
        "revision": 0,
        "created_at": at,
        "updated_at": at,
    }


def _store(user_id: str, row: Row, old: Row | None) -> Write:
    """Insert the first row; later ones only over the revision they were computed from."""
    if old is None:
        return Insert("user_affinity", user_id, row)
    unchanged = {"id": row["id"], "revision": old["revision"]}
    changes = {name: value for name, value in row.items() if value != old[name]}
    return Update("user_affinity", user_id, unchanged, set=changes, expect=1)


def affinity_info(
    row: Row | None, personality: str, tree: PersonalityTree, at: datetime
) -> AffinityInfo:
    """As it is handed out: what silence has taken by ``at`` is gone, though not yet written."""
    points = points_at(row, tree.personality.affinity.decay, at)
    level = tree.level_for(points).name
    if row is None:
        return AffinityInfo(personality_name=personality, points=points, level=level)
    return AffinityInfo(
        personality_name=personality,
        points=points,
        level=level,
        total_messages=row["total_messages"],
        positive_interactions=row["positive_interactions"],
        negative_interactions=row["negative_interactions"],
        last_interaction=row["last_interaction"],
        faded=row["affinity_points"] - points,
    )
