"""How a found fact changes what is known: new, mentioned again, or superseded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from luminora.memory.analysis import Analysis, FoundFact
from luminora.memory.models import Session
from luminora.providers import Insert, Row, Update, Write
from luminora.providers.lexical import fold


def fact_writes(
    session: Session, message: Row, analysis: Analysis, known: Sequence[Row], at: datetime
) -> tuple[list[Write], list[Row]]:
    """The writes that an analysis asks for, and the fact rows as they will be.

    ``known`` are the facts as they were read; one that has changed since, or that is there
    although it was not read, makes the transaction a :class:`~luminora.errors.Conflict`, to be
    tried again with what is there now.
    """
    by_key = {(row["category"], row["key"]): row for row in known}
    by_name = {row["key"]: row for row in known}
    writes: list[Write] = []
    rows: list[Row] = []
    for found in _distinct(analysis.facts):
        old = by_key.get((found.category, found.key)) or by_name.get(found.key)
        if old is None:
            row = _new(session, message, found, at)
            writes.append(Insert("user_facts", session.user_id, row))
        else:
            row, changes = _again(session, message, found, old, at)
            writes += changes
        rows.append(row)
    for key in analysis.retractions:
        old = by_name.get(key)
        told = {found.key for found in analysis.facts}
        if old is not None and old["is_active"] and key not in told:
            writes += _retract(session.user_id, old, at)
    return writes, rows


def _distinct(facts: Sequence[FoundFact]) -> list[FoundFact]:
    """The last statement of each fact; a message may correct itself."""
    return list({found.key: found for found in facts}.values())


def fact_id(session: Session, found: FoundFact) -> str:
    """The id of the one row that holds this fact, so that two processes cannot make two."""
    identity = f"{session.user_id}\n{session.personality_name}\n{found.category}\n{found.key}"
    return uuid5(NAMESPACE_URL, f"luminora:fact:{identity}").hex


def _new(session: Session, message: Row, found: FoundFact, at: datetime) -> Row:
    return {
        "id": fact_id(session, found),
        "user_id": session.user_id,
        "personality_name": session.personality_name,
        "session_id": session.session_id,
        "category": found.category,
        "key": found.key,
        "value": found.value,
        "confidence": found.confidence,
        "source_message_id": message["external_id"] or message["id"],
        "first_mentioned": at,
        "last_updated": at,
        "mention_count": 1,
        "tags": list(found.tags),
        "context": found.quote,
        "is_active": True,
        "revision": 1,
        "created_at": at,
        "updated_at": at,
    }


def _again(
    session: Session, message: Row, found: FoundFact, old: Row, at: datetime
) -> tuple[Row, list[Write]]:
    # one that was retracted starts anew: its old value is in the history already
    same = old["is_active"] and same_value(old["value"], found.value)
    changes: dict[str, Any] = {
        "last_updated": at,
        "updated_at": at,
        "revision": old["revision"] + 1,
        "mention_count": old["mention_count"] + 1 if same else 1,
        "confidence": max(old["confidence"], found.confidence) if same else found.confidence,
    }
    if not same:
        changes |= {
            "value": found.value,
            "first_mentioned": at,
            "source_message_id": message["external_id"] or message["id"],
            "context": found.quote,
            "tags": list(found.tags),
            "is_active": True,
        }
    update = Update(
        "user_facts",
        session.user_id,
        {"id": old["id"], "revision": old["revision"]},
        set=changes,
        expect=1,
    )
    history = (
        [] if same or not old["is_active"] else [_history(session.user_id, old, at, "superseded")]
    )
    return {**old, **changes}, [update, *history]


def _retract(user_id: str, old: Row, at: datetime) -> list[Write]:
    update = Update(
        "user_facts",
        user_id,
        {"id": old["id"], "revision": old["revision"]},
        set={"is_active": False, "updated_at": at, "revision": old["revision"] + 1},
        expect=1,
    )
    return [update, _history(user_id, old, at, "retracted")]


def _history(user_id: str, old: Row, at: datetime, reason: str) -> Insert:
    """The interval in which the old value held."""
    row: Row = {
        "id": uuid4().hex,
        "fact_id": old["id"],
        "user_id": user_id,
        "category": old["category"],
        "key": old["key"],
        "value": old["value"],
        "confidence": old["confidence"],
        "source_message_id": old["source_message_id"],
        "valid_from": old["first_mentioned"],
        "valid_to": at,
        "reason": reason,
        "created_at": at,
    }
    return Insert("fact_history", user_id, row)


def same_value(one: Any, other: Any) -> bool:
    """Whether two values say the same, whatever their case and accents."""
    if isinstance(one, str) and isinstance(other, str):
        return fold(one).split() == fold(other).split()
    if isinstance(one, Mapping) != isinstance(other, Mapping):
        return False
    return bool(one == other)
