"""A personality with its relationship levels and moods, compiled for the moment at hand.

Parameters are worked out in three steps, each clamped to 0..1::

    base       the persona's advanced_parameters, 0.5 where it gives none
    level      + delta(affinity), mixed from two levels near their border (see ``transitions``)
    mood       + mood_intensity x the mood's delta

Words (tone, expressions, rules, prefix, suffix) cannot be mixed: they are those of one level,
`PersonalityTree.level_for`, and of one mood.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Self

from luminora.errors import InputError
from luminora.personality.compiler import CompiledPersonality, compile_personality
from luminora.personality.model import NEUTRAL, Mood, Personality, PersonalityLevel
from luminora.personality.trait_phrases import PARAMETERS
from luminora.personality.transitions import blend, level_at, segments

CACHE_SIZE = 64
"""Compilations a tree keeps; the least recently used go first."""

BASE = 0.5
"""Value of a parameter that a level or mood changes but the persona does not set."""


class PersonalityTree:
    """Compiles one personality for any affinity and mood; safe to share between threads.

    Args:
        personality: The persona.
    """

    __slots__ = ("_compiled", "_segments", "personality")

    def __init__(self, personality: Personality) -> None:
        self.personality = personality
        self._segments = segments(personality.levels)
        self._compiled = lru_cache(maxsize=CACHE_SIZE)(self._compile)

    @classmethod
    def from_json(
        cls, document: Mapping[str, Any], *, slug: str | None = None, where: str | None = None
    ) -> Self:
        """Build a tree from a persona document.

        Raises:
            PersonalityInvalid: The document breaks the schema.
        """
        return cls(Personality.from_document(document, slug=slug, where=where))

    def level_for(self, affinity: float) -> PersonalityLevel:
        """The level at an affinity, clamped to 0..100.

        Where ranges overlap it is the highest level that contains the point; in a gap the nearer
        one, and the lower of two equally near.

        Raises:
            InputError: ``affinity`` is not a finite number.
        """
        return level_at(self._segments, _clamped(affinity, "affinity", 100.0))

    def mood(self, name: str) -> Mood:
        """The mood of that name, or ``neutral``: sessions outlive moods their persona once had."""
        moods = self.personality.moods
        return moods.get(name, moods[NEUTRAL])

    def parameters(
        self, affinity: float, mood: str = NEUTRAL, mood_intensity: float = 1.0
    ) -> dict[str, float]:
        """Parameter → 0..1, continuous in ``affinity`` and in ``mood_intensity``.

        The known parameters come first, then the persona's own in alphabetical order; a parameter
        that neither the persona nor any level or mood mentions is left out.

        Raises:
            InputError: A number is not finite.
        """
        point = _clamped(affinity, "affinity", 100.0)
        felt = _clamped(mood_intensity, "mood_intensity", 1.0)
        mood_deltas = self.mood(mood).modifier.advanced_parameters
        mix = blend(self._segments, point)
        values = {}
        for name in self._names():
            value = _unit(self.personality.advanced_parameters.get(name, BASE))
            level_delta = sum(
                weight * level.modifier.advanced_parameters.get(name, 0.0) for level, weight in mix
            )
            value = _unit(value + level_delta)
            values[name] = round(_unit(value + felt * mood_deltas.get(name, 0.0)), 6)
        return values

    def compile(
        self, affinity: float, mood: str = NEUTRAL, mood_intensity: float = 1.0
    ) -> CompiledPersonality:
        """Compile for one moment; the last ``CACHE_SIZE`` results are kept.

        Args:
            affinity: Points, clamped to 0..100.
            mood: Name of a mood; one the persona lacks counts as ``neutral``.
            mood_intensity: How strongly it is felt, clamped to 0..1.

        Raises:
            InputError: A number is not finite.
        """
        return self._compiled(
            _clamped(affinity, "affinity", 100.0),
            self.mood(mood).name,
            _clamped(mood_intensity, "mood_intensity", 1.0),
        )

    def _compile(self, affinity: float, mood: str, mood_intensity: float) -> CompiledPersonality:
        return compile_personality(
            self.personality,
            level=self.level_for(affinity),
            mood=self.mood(mood),
            affinity=affinity,
            mood_intensity=mood_intensity,
            parameters=self.parameters(affinity, mood, mood_intensity),
        )

    def _names(self) -> list[str]:
        persona = self.personality
        layers = [level.modifier for level in persona.levels]
        layers += [mood.modifier for mood in persona.moods.values()]
        mentioned = set(persona.advanced_parameters).union(
            *(layer.advanced_parameters for layer in layers)
        )
        known = [name for name in PARAMETERS if name in mentioned]
        return known + sorted(mentioned.difference(PARAMETERS))


def _clamped(value: float, name: str, high: float) -> float:
    if not math.isfinite(value):
        raise InputError(
            f"{name} is {value}, which is no point on a scale from 0 to {high:g}",
            where=name,
            hint=f"pass a number from 0 to {high:g}; numbers outside are clamped",
        )
    return min(high, max(0.0, float(value)))


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))
