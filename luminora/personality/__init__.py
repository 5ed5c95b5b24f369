"""Personalities: the persona file, its relationship levels and moods, and the prompt made of them.

library = PersonalityLibrary()
tree = PersonalityTree(library.load("sakura"))
prompt = tree.compile(affinity=45, mood="shy").system_prompt
"""

from __future__ import annotations

from luminora.personality.affinity import AffinityDecay, AffinityLimits, AffinityRules, Milestone
from luminora.personality.blending import blend_personas
from luminora.personality.cards import from_card, to_card
from luminora.personality.carriers import card_json, card_png, read_card
from luminora.personality.compiler import CompiledPersonality
from luminora.personality.defaults import INTERACTION_MEANINGS
from luminora.personality.library import PersonalityLibrary
from luminora.personality.model import (
    NEUTRAL,
    TRIGGERS,
    Mood,
    Personality,
    PersonalityLevel,
    PersonalityModifier,
)
from luminora.personality.moods import MoodRules, MoodTransitions
from luminora.personality.problems import Problem
from luminora.personality.traits import MemoryPreferences, SafetyGuards, SampleResponse
from luminora.personality.tree import PersonalityTree
from luminora.personality.validate import validate

__all__ = [
    "INTERACTION_MEANINGS",
    "NEUTRAL",
    "TRIGGERS",
    "AffinityDecay",
    "AffinityLimits",
    "AffinityRules",
    "CompiledPersonality",
    "MemoryPreferences",
    "Milestone",
    "Mood",
    "MoodRules",
    "MoodTransitions",
    "Personality",
    "PersonalityLevel",
    "PersonalityLibrary",
    "PersonalityModifier",
    "PersonalityTree",
    "Problem",
    "SafetyGuards",
    "SampleResponse",
    "blend_personas",
    "card_json",
    "card_png",
    "from_card",
    "read_card",
    "to_card",
    "validate",
]
