"""The analysis of one message: facts, retractions, sentiment, mood, affinity, class, episode."""

from __future__ import annotations

from typing import Any

from luminora.builtin.offline.classes import classification
from luminora.builtin.offline.episodes import episode
from luminora.builtin.offline.extract import extraction_of
from luminora.builtin.offline.feelings import affinity_event, companion_mood, read_feelings
from luminora.providers import Grounding


def analyse(grounding: Grounding) -> dict[str, Any]:
    """The analysis object for ``grounding.user_text``, as ``ANALYSIS_SCHEMA`` describes it."""
    found = extraction_of(grounding)
    feelings = read_feelings(found.sentences)
    remembered = episode(found, feelings, grounding.history)
    event = affinity_event(found, feelings, grounding)
    return {
        "facts": [fact.to_dict() for fact in found.facts],
        "retractions": [
            {"key": key, "reason": found.reasons.get(key, "forget")} for key in found.retractions
        ],
        "sentiment": feelings.sentiment,
        "mood": companion_mood(feelings, grounding),
        "affinity": event,
        "classification": classification(found, feelings, remembered),
        "episode": remembered,
    }
