"""What stands in where a persona is silent: levels, moods and kinds of interaction.

Nothing here overrides a persona: levels, moods and interaction types are each used only when its
document holds none. Levels and moods are kept in the shape of the persona file, in English and
Spanish.
"""

from __future__ import annotations

from typing import Any

from luminora.personality.default_texts import ENGLISH, SPANISH, Layer

INTERACTION_MEANINGS: dict[str, str] = {
    "message_exchanged": "an ordinary exchange; pick this when nothing else fits",
    "compliment": "praises the companion or something it said or did",
    "gratitude": "thanks the companion",
    "affection": "says or shows that they are fond of the companion",
    "share_personal": "tells something personal: a memory, a worry, a hope, a family matter",
    "share_achievement": "tells of a success or good news of their own",
    "ask_about_companion": "takes an interest in the companion itself",
    "humor": "jokes, teases kindly or plays along",
    "deep_conversation": "thinks aloud about something that matters, at length",
    "ask_for_support": "asks for comfort or advice, trusting the companion with it",
    "keep_promise": "returns to something they had said they would do or tell",
    "apology": "says sorry",
    "disagreement": "disagrees, civilly",
    "coldness": "answers curtly or shows no interest",
    "dismissal": "brushes aside what the companion said or felt",
    "rudeness": "is impolite or mocking",
    "insult": "insults the companion",
    "hostility": "threatens the companion, or tries to hurt or degrade it on purpose",
}
"""Default interaction name → when it applies, for the step that picks one."""

INTERACTION_TYPES: dict[str, int] = {
    "message_exchanged": 1,
    "compliment": 3,
    "gratitude": 2,
    "affection": 4,
    "share_personal": 4,
    "share_achievement": 3,
    "ask_about_companion": 2,
    "humor": 2,
    "deep_conversation": 5,
    "ask_for_support": 3,
    "keep_promise": 4,
    "apology": 3,
    "disagreement": 0,
    "coldness": -1,
    "dismissal": -2,
    "rudeness": -3,
    "insult": -5,
    "hostility": -8,
}
"""Default interaction name → affinity points."""

LEVEL_RANGES: dict[str, tuple[int, int]] = {
    "stranger": (0, 20),
    "acquaintance": (21, 40),
    "friend": (41, 60),
    "close_friend": (61, 80),
    "soulmate": (81, 100),
}
"""Default level name → first and last affinity, both inclusive."""

_LEVEL_DELTAS: dict[str, dict[str, float]] = {
    "stranger": {"formality": 0.25, "humor": -0.15, "empathy": -0.05, "directness": -0.1},
    "acquaintance": {"formality": 0.1, "humor": -0.05},
    "friend": {"formality": -0.05, "humor": 0.05, "empathy": 0.05},
    "close_friend": {"formality": -0.15, "humor": 0.1, "empathy": 0.1, "directness": 0.1},
    "soulmate": {"formality": -0.25, "humor": 0.15, "empathy": 0.2, "directness": 0.15},
}

_MOOD_DELTAS: dict[str, dict[str, float]] = {
    "neutral": {},
    "happy": {"humor": 0.15, "verbosity": 0.1, "empathy": 0.05},
    "sad": {"humor": -0.3, "verbosity": -0.15, "empathy": 0.1, "creativity": -0.05},
    "excited": {"verbosity": 0.2, "creativity": 0.15, "humor": 0.1, "formality": -0.1},
    "shy": {"directness": -0.25, "verbosity": -0.15, "formality": 0.1},
    "playful": {"humor": 0.3, "creativity": 0.15, "formality": -0.15},
    "worried": {"empathy": 0.2, "humor": -0.25, "directness": 0.1},
    "hurt": {"humor": -0.3, "verbosity": -0.2, "formality": 0.15, "empathy": -0.05},
}

MOOD_NAMES = tuple(_MOOD_DELTAS)
"""Names of the default moods, ``neutral`` first."""


def is_spanish(language: str) -> bool:
    """Whether a language code such as ``es``, ``es-MX`` or ``ES_ar`` means Spanish."""
    return language.replace("_", "-").split("-")[0].strip().lower() == "es"


def levels(language: str) -> list[dict[str, Any]]:
    """The five default levels as ``relationship_levels``, in Spanish for ``es``, else English."""
    words = (SPANISH if is_spanish(language) else ENGLISH).levels
    return [
        {
            "name": name,
            "affinity_range": list(LEVEL_RANGES[name]),
            "description": words[name].description,
            "modifiers": _modifiers(words[name], deltas),
        }
        for name, deltas in _LEVEL_DELTAS.items()
    ]


def moods(language: str) -> dict[str, dict[str, Any]]:
    """The eight default moods as ``mood_config.moods``, in Spanish for ``es``, else English."""
    words = (SPANISH if is_spanish(language) else ENGLISH).moods
    return {
        name: {
            "description": words[name].description,
            "modifiers": _modifiers(words[name], deltas),
        }
        for name, deltas in _MOOD_DELTAS.items()
    }


def mood_triggers(language: str) -> dict[str, tuple[str, ...]]:
    """Phrases in a user's message that call for a default mood, as ``mood_triggers``."""
    return dict((SPANISH if is_spanish(language) else ENGLISH).triggers)


def _modifiers(words: Layer, deltas: dict[str, float]) -> dict[str, Any]:
    return {
        "advanced_parameters": dict(deltas),
        "linguistic_profile": {
            "tone_additions": list(words.tones),
            "expression_additions": list(words.expressions),
        },
        "system_prompt_additions": {"prefix": "", "suffix": words.suffix},
        "behavioral_adjustments": list(words.rules),
    }
