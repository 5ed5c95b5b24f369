"""What is saved by hand, as Luminora's storage keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from luminora.errors import InputError
from luminora.memory.affinity import stranger
from luminora.memory.analysis import SENTIMENTS, Analysis
from luminora.memory.clock import now
from luminora.memory.earning import HIGH, LOW
from luminora.memory.fact_reader import FoundFact
from luminora.memory.facts import fact_writes
from luminora.memory.models import Session
from luminora.memory.validate import checked_id, checked_text
from luminora.personality import PersonalityTree
from luminora.providers import Insert, Row, Update, Write

Persona = str | Path | Mapping[str, Any] | None
"""How a personality is named: a name on the search path, a file, a document, or the default."""

MAX_TEXT = 100_000
_BY_HAND: Row = {"id": None, "external_id": None}
_FACT = frozenset({"confidence", "tags", "context", "personality_name", "session_id"})
_EPISODE = frozenset({"tags", "context_messages", "personality_name", "session_id"})


def by_hand(user_id: str, persona: str, details: Mapping[str, Any]) -> Session:
    """A session for what was said in none."""
    moment = now()
    return Session(
        session_id=details.get("session_id") or user_id,
        user_id=checked_id(user_id, "user_id"),
        personality_name=details.get("personality_name") or persona,
        created_at=moment,
        last_activity=moment,
    )


def told_fact(category: str, key: str, value: Any, details: Mapping[str, Any]) -> FoundFact:
    """A fact as it was given.

    Raises:
        InputError: Something cannot be kept.
    """
    _only(details, _FACT)
    if isinstance(value, str):
        checked_text(value, MAX_TEXT, "value")
    elif not isinstance(value, int | float | bool | dict):
        raise InputError(
            f"a fact cannot be {type(value).__name__}",
            where="value",
            hint="pass text, a number, a boolean or a dictionary",
        )
    return FoundFact(
        category=checked_id(category, "category"),
        key=checked_id(key, "key"),
        value=value,
        confidence=_within(details.get("confidence", 1.0), 0, 1, "confidence"),
        quote=details.get("context"),
        tags=tuple(details.get("tags", ())),
    )


def fact_change(session: Session, told: FoundFact, known: list[Row]) -> tuple[list[Write], Row]:
    """The writes that keep a fact, given those of the same key, and the row as it will be."""
    analysis = Analysis(facts=[told])
    writes, kept = fact_writes(session, _BY_HAND, analysis, known, now(), exact=True)
    return writes, kept[0]


def episode_row(session: Session, moment: Mapping[str, Any], details: Mapping[str, Any]) -> Row:
    """An episode as it was given: ``type``, ``title``, ``summary``, ``importance``, ``sentiment``.

    Raises:
        InputError: Something cannot be kept.
    """
    _only(details, _EPISODE)
    if moment["sentiment"] not in SENTIMENTS:
        raise InputError(
            f"there is no sentiment {moment['sentiment']!r:.60}", hint=f"one of {SENTIMENTS}"
        )
    at = now()
    return {
        "id": uuid4().hex,
        "user_id": session.user_id,
        "session_id": session.session_id,
        "personality_name": session.personality_name,
        "type": checked_id(moment["type"], "episode_type"),
        "title": checked_text(moment["title"], MAX_TEXT, "title"),
        "summary": checked_text(moment["summary"], MAX_TEXT, "summary"),
        "importance": _within(moment["importance"], 0, 10, "importance"),
        "sentiment": moment["sentiment"],
        "tags": list(details.get("tags", ())),
        "context_messages": list(details.get("context_messages", ())),
        "timestamp": at,
        "temporal_decay": 1.0,
        "related_facts": [],
        "related_episodes": [],
        "metadata": None,
        "created_at": at,
        "updated_at": at,
    }


def affinity_change(
    session: Session, tree: PersonalityTree, old: Row | None, points: int, why: str
) -> tuple[list[Write], Row]:
    """The writes that move affinity, its log's included, and the row as it will be.

    Raises:
        InputError: ``points`` is no whole number.
    """
    if not isinstance(points, int) or isinstance(points, bool):
        raise InputError(f"points_delta is {points!r:.60}", hint="pass a whole number")
    at = now()
    row = old or stranger(session, tree, at)
    total = min(max(row["affinity_points"] + points, LOW), HIGH)
    changes = {
        "affinity_points": total,
        "current_level": tree.level_for(total).name,
        "last_interaction": at,
        "revision": row["revision"] + 1,
        "updated_at": at,
    }
    logged: Row = {
        "id": uuid4().hex,
        "user_id": session.user_id,
        "personality_name": session.personality_name,
        "session_id": session.session_id,
        "message_id": None,
        "event": checked_id(why, "interaction_type"),
        "points": total - row["affinity_points"],
        "points_after": total,
        "level_after": changes["current_level"],
        "reason": None,
        "created_at": at,
    }
    unchanged = {"id": row["id"], "revision": row["revision"]}
    store: Write = (
        Insert("user_affinity", session.user_id, row | changes)
        if old is None
        else Update("user_affinity", session.user_id, unchanged, set=changes, expect=1)
    )
    return [store, Insert("affinity_events", session.user_id, logged)], row | changes


def _within(value: Any, low: float, high: float, what: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(f"{what} is {value!r:.60}", hint=f"pass a number from {low} to {high}")
    return float(value)


def _only(details: Mapping[str, Any], known: frozenset[str]) -> None:
    if unknown := sorted(set(details) - known):
        raise InputError(
            f"unknown: {', '.join(unknown)}", hint=f"known are {', '.join(sorted(known))}"
        )
