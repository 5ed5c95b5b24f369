"""How a found fact changes what is known: new, mentioned again, superseded, corrected, ended.

A fact's row is its present value; every value it had before is a row of ``fact_history`` with the
interval in which it held and the reason why it no longer does. An interval never ends before it
begins, whatever the clock does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from luminora.memory.analysis import CORRECTED, RETRACTED, SUPERSEDED, Analysis
from luminora.memory.fact_keys import canonical, covers
from luminora.memory.fact_reader import FoundFact
from luminora.memory.fact_slots import ANY_KIND, placed
from luminora.memory.models import Session
from luminora.providers import Insert, Row, Update, Write
from luminora.providers.lexical import fold
from luminora.providers.vocabulary import kind_of_animal

_ARTICLE = re.compile(r"^(?:the|an?|el|la|los|las|lo|una?)\s+(?=\S)")
_PLACES = frozenset({"location", "origin", "work_location"})


def fact_writes(
    session: Session,
    message: Row | None,
    analysis: Analysis,
    known: Sequence[Row],
    at: datetime,
    *,
    exact: bool = False,
) -> tuple[list[Write], list[Row]]:
    """The writes that an analysis asks for, and the fact rows as they will be.

    ``known`` are the facts as they were read; one that has changed since, or that is there
    although it was not read, makes the transaction a :class:`~luminora.errors.Conflict`, to be
    tried again with what is there now. ``message`` is where they were found, if it was in one.
    ``exact`` takes ``pet_name`` for the first pet's name even if the value is another's.
    """
    # rows of an older version may still carry another name of the same thing
    by_name = {canonical(row["category"], row["key"])[1]: row for row in known}
    by_name |= {row["key"]: row for row in known}
    by_key = {(row["category"], row["key"]): row for row in known}
    source = (message["external_id"] or message["id"]) if message else None
    found = analysis.facts if exact else distinct(analysis.facts, known)
    writes: list[Write] = []
    rows: list[Row] = []
    for fact in found:
        old = by_key.get((fact.category, fact.key)) or by_name.get(fact.key)
        if old is None:
            row = _new(session, source, fact, at)
            writes.append(Insert("user_facts", session.user_id, row))
        else:
            row, changes = _again(session, source, fact, old, at)
            writes += changes
        rows.append(row)
    told = {row["id"] for row in rows}
    for old in known:
        reason = _taken_back(analysis, canonical(old["category"], old["key"])[1])
        if reason is not None and old["is_active"] and old["id"] not in told:
            writes += taken_back(session.user_id, old, at, reason)
            told.add(old["id"])  # once, even if it was read twice
    return writes, rows


def distinct(facts: Sequence[FoundFact], known: Sequence[Row]) -> list[FoundFact]:
    """The last statement of each fact; a message may correct itself."""
    return list({fact.key: fact for fact in placed(facts, known)}.values())


def _taken_back(analysis: Analysis, key: str) -> str | None:
    """Why the analysis takes the fact ``key`` back, or None if it does not."""
    for asked in analysis.retractions:
        if covers(canonical("other", asked)[1], key):
            return analysis.retraction_reasons.get(asked, RETRACTED)
    return None


def fact_id(session: Session, found: FoundFact) -> str:
    """The id of the one row that holds this fact, so that two processes cannot make two."""
    identity = f"{session.user_id}\n{session.personality_name}\n{found.category}\n{found.key}"
    return uuid5(NAMESPACE_URL, f"luminora:fact:{identity}").hex


def _new(session: Session, source: str | None, found: FoundFact, at: datetime) -> Row:
    return {
        "id": fact_id(session, found),
        "user_id": session.user_id,
        "personality_name": session.personality_name,
        "session_id": session.session_id,
        "category": found.category,
        "key": found.key,
        "value": found.value,
        "confidence": found.confidence,
        "source_message_id": source,
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
    session: Session, source: str | None, found: FoundFact, old: Row, at: datetime
) -> tuple[Row, list[Write]]:
    # one that was retracted starts anew: its old value is in the history already
    same = old["is_active"] and same_fact(found.key, old["value"], found.value)
    at = max(at, old["last_updated"])
    changes: dict[str, Any] = {
        "last_updated": at,
        "mention_count": old["mention_count"] + 1 if same else 1,
        "confidence": max(old["confidence"], found.confidence) if same else found.confidence,
    }
    if not same:
        changes |= {
            "value": found.value,
            "first_mentioned": at,
            "source_message_id": source,
            "context": found.quote,
            "tags": list(found.tags),
            "is_active": True,
        }
    reason = CORRECTED if found.correction else SUPERSEDED
    past = None if same or not old["is_active"] else reason
    return {**old, **changes}, changed(session.user_id, old, changes, at, past)


def changed(
    user_id: str, old: Row, changes: Mapping[str, Any], at: datetime, past: str | None
) -> list[Write]:
    """The writes that change a fact's row, and keep its value in the history if ``past`` says why.

    ``changes`` is completed by the row's new revision, which makes the update a compare-and-set.
    """
    update = Update(
        "user_facts",
        user_id,
        {"id": old["id"], "revision": old["revision"]},
        set={**changes, "updated_at": at, "revision": old["revision"] + 1},
        expect=1,
    )
    return [update, _history(user_id, old, at, past)] if past else [update]


def taken_back(user_id: str, old: Row, at: datetime, reason: str) -> list[Write]:
    """The writes that retire a fact into the history."""
    return changed(user_id, old, {"is_active": False}, at, reason)


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
        "valid_to": max(at, old["first_mentioned"]),
        "reason": reason,
        "created_at": at,
    }
    return Insert("fact_history", user_id, row)


def same_fact(key: str, one: Any, other: Any) -> bool:
    """Whether two values of one fact say the same.

    A dog is a "perro" too, and "Madrid, Spain" is Madrid.
    """
    if same_value(one, other):
        return True
    if key.startswith("pet_type"):
        kinds = {kind_of_animal(one), kind_of_animal(other)}
        return len(kinds - ANY_KIND) < len(kinds) or len(kinds) == 1
    if key in _PLACES and isinstance(one, str) and isinstance(other, str):
        return same_value(one.partition(",")[0], other.partition(",")[0]) and (
            "," not in one or "," not in other
        )
    return False


def same_value(one: Any, other: Any) -> bool:
    """Whether two values say the same, whatever their case, accents, spaces and article."""
    if isinstance(one, str) and isinstance(other, str):
        return _plain(one) == _plain(other)
    if isinstance(one, Mapping) != isinstance(other, Mapping):
        return False
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)


def _plain(text: str) -> str:
    return _ARTICLE.sub("", " ".join(fold(text).split()).strip(" .,;:!¡?¿\"'"))
