"""How much a message matters, what it is about, how private it is and how long it counts."""

from __future__ import annotations

from typing import Any

from luminora.builtin.offline.episodes import subjects
from luminora.builtin.offline.extract import Extraction
from luminora.builtin.offline.feelings import Feelings

_WEIGHT = {
    "personal_info": 7.0,
    "health": 7.5,
    "family": 7.0,
    "relationships": 6.5,
    "pets": 6.0,
    "goals": 6.0,
    "location": 6.0,
    "work": 6.0,
    "travel": 5.5,
    "preferences": 4.5,
    "hobbies": 4.5,
    "schedule": 4.0,
}
_SENSITIVE_KEYS = frozenset(("address", "phone", "email", "condition"))
_SETTLED = frozenset(("name", "birthday", "origin", "nationality", "native_language"))


def classification(
    found: Extraction, feelings: Feelings, remembered: dict[str, Any] | None
) -> dict[str, Any]:
    """Category, importance 0 to 10, privacy and permanence of the message."""
    heaviest = max(found.facts, key=lambda fact: _WEIGHT.get(fact.category, 3.0), default=None)
    category = heaviest.category if heaviest else _topic(feelings)
    importance = _WEIGHT.get(category, 3.0) if heaviest else 2.0
    if feelings.sentiment.startswith("very_"):
        importance = max(importance + 1.0, 5.0)
    elif feelings.sentiment != "neutral":
        importance += 0.5
    permanence = "long_term" if heaviest or remembered else "short_term"
    if any(fact.key in _SETTLED for fact in found.facts):
        permanence = "permanent"
    if remembered:
        importance = max(importance, float(remembered["importance"]))
    return {
        "category": category,
        "importance": min(importance, 10.0),
        "privacy": _privacy(found, remembered),
        "permanence": permanence,
    }


_TOPICS = {
    "pet": "pets",
    "family": "family",
    "love": "relationships",
    "work": "work",
    "study": "work",
}


def _topic(feelings: Feelings) -> str:
    return next((_TOPICS[subject] for subject in subjects(feelings.folded)), "other")


def _privacy(found: Extraction, remembered: dict[str, Any] | None) -> str:
    if any(fact.category == "health" or fact.key in _SENSITIVE_KEYS for fact in found.facts):
        return "sensitive"
    if remembered and remembered["type"] in {"confession", "emotional_moment"}:
        return "sensitive"
    if any(fact.category not in {"preferences", "hobbies"} for fact in found.facts) or remembered:
        return "private"
    return "public"
