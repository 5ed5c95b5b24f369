"""How an exchange moves affinity, by the persona's own rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from luminora.memory.analysis import Analysis
from luminora.memory.models import AffinityInfo, Session
from luminora.personality import Personality, PersonalityTree
from luminora.providers import Insert, Row, Update, Write

ORDINARY = "message_exchanged"
"""The interaction every exchange is at least, if the persona's rules know it."""

LOW, HIGH = 0, 100


@dataclass(frozen=True, slots=True)
class AffinityChange:
    """A change about to be written.

    Attributes:
        row: The affinity row as it will be.
        logged: The row of ``affinity_events`` that tells of it.
        before: Name of the level before, ``after`` that of the level it leads to.
    """

    row: Row
    logged: Row
    before: str
    after: str
    writes: list[Write]


def affinity_change(
    session: Session,
    message: Row,
    analysis: Analysis,
    personality: Personality,
    tree: PersonalityTree,
    old: Row | None,
    at: datetime,
) -> AffinityChange:
    """What one exchange does to affinity.

    The points are those of the event the analysis named, else of an ordinary exchange, plus the
    persona's bonus for a long message, never more than its ``max_change``; the sum stays within
    0 to 100. The event's id is the message's, so the same exchange can never count twice.
    """
    rules = personality.affinity
    event = analysis.event or ORDINARY
    points = rules.points(event)
    if points >= 0 and len(message["content"]) > rules.long_message_length:
        points = min(points + rules.long_message_bonus, rules.max_change)
    row = old or _stranger(session, tree, at)
    total = min(max(row["affinity_points"] + points, LOW), HIGH)
    level = tree.level_for(total).name
    changed: Row = {
        **row,
        "affinity_points": total,
        "current_level": level,
        "total_messages": row["total_messages"] + 1,
        "positive_interactions": row["positive_interactions"] + (points > 0),
        "negative_interactions": row["negative_interactions"] + (points < 0),
        "last_interaction": at,
        "revision": row["revision"] + 1,
        "updated_at": at,
    }
    logged: Row = {
        "id": event_id(message),
        "user_id": session.user_id,
        "personality_name": session.personality_name,
        "session_id": session.session_id,
        "message_id": message["id"],
        "event": event,
        "points": total - row["affinity_points"],
        "points_after": total,
        "level_after": level,
        "reason": analysis.reason,
        "created_at": at,
    }
    writes: list[Write] = [
        Insert("affinity_events", session.user_id, logged),
        _store(session.user_id, changed, old),
    ]
    return AffinityChange(changed, logged, row["current_level"], level, writes)


def event_id(message: Row) -> str:
    """The id of the affinity event that a message caused."""
    return uuid5(NAMESPACE_URL, f"luminora:affinity:{message['id']}").hex


def _stranger(session: Session, tree: PersonalityTree, at: datetime) -> Row:
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


def affinity_info(row: Row | None, personality: str, level: str) -> AffinityInfo:
    """As it is handed out; ``level`` is that of 0 points, for a user who is a stranger still."""
    if row is None:
        return AffinityInfo(personality_name=personality, points=0, level=level)
    return AffinityInfo(
        personality_name=personality,
        points=row["affinity_points"],
        level=row["current_level"],
        total_messages=row["total_messages"],
        positive_interactions=row["positive_interactions"],
        negative_interactions=row["negative_interactions"],
        last_interaction=row["last_interaction"],
    )
