"""The smaller parts of a persona: its limits, its examples, what it likes to remember."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from luminora.personality.fields import flag, number, numbers, texts


@dataclass(frozen=True, slots=True)
class SafetyGuards:
    """Limits the persona keeps whatever the relationship.

    Attributes:
        forbidden_topics: Subjects it declines.
        content_filters: Kinds of content it avoids.
        max_aggression: Sharpest tone allowed, 0..1, or None.
        max_informality: Loosest register allowed, 0..1, or None.
    """

    forbidden_topics: tuple[str, ...] = ()
    content_filters: tuple[str, ...] = ()
    max_aggression: float | None = None
    max_informality: float | None = None

    @classmethod
    def from_document(cls, guards: Mapping[str, Any]) -> Self:
        """Read a ``safety_guards`` section."""
        limits = numbers(guards, "tone_limits")
        return cls(
            forbidden_topics=texts(guards, "forbidden_topics"),
            content_filters=texts(guards, "content_filters"),
            max_aggression=limits.get("max_aggression"),
            max_informality=limits.get("max_informality"),
        )


@dataclass(frozen=True, slots=True)
class SampleResponse:
    """A few-shot example: what the other person says, what the persona answers, and when."""

    input: str
    output: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class MemoryPreferences:
    """What the persona likes to remember; empty tuples mean no preference.

    Attributes:
        fact_categories: Kinds of facts it cares about.
        episode_types: Kinds of episodes it keeps.
        importance_threshold: Episodes below this importance (0 to 10) are not kept.
        remember_topics: Keep what was talked about.
        remember_questions: Keep what was asked.
        remember_shared_interests: Keep what both like.
    """

    fact_categories: tuple[str, ...] = ()
    episode_types: tuple[str, ...] = ()
    importance_threshold: float = 5.0
    remember_topics: bool = True
    remember_questions: bool = True
    remember_shared_interests: bool = True

    @classmethod
    def from_document(cls, preferences: Mapping[str, Any]) -> Self:
        """Read a ``memory_preferences`` section."""
        return cls(
            fact_categories=texts(preferences, "fact_categories"),
            episode_types=texts(preferences, "episode_types"),
            importance_threshold=number(preferences, "importance_threshold", 5.0),
            remember_topics=flag(preferences, "remember_topics", default=True),
            remember_questions=flag(preferences, "remember_questions", default=True),
            remember_shared_interests=flag(preferences, "remember_shared_interests", default=True),
        )
