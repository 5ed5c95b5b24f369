"""The personality as values: what a persona file means once it has been read.

Everything here is immutable. A `Personality` is a view of its JSON document; the document stays the
truth, so fields that this version does not know survive `Personality.to_document`.
"""

from __future__ import annotations

import copy
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from luminora.personality import defaults
from luminora.personality.affinity import AffinityRules
from luminora.personality.fields import flag, numbers, section, text, texts
from luminora.personality.moods import MoodRules
from luminora.personality.traits import MemoryPreferences, SafetyGuards, SampleResponse
from luminora.personality.validate import require_valid

TRIGGERS = ("on_greeting", "on_confusion", "on_success", "on_error", "on_goodbye")
NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class PersonalityModifier:
    """What a relationship level or a mood changes in the personality below it.

    Attributes:
        advanced_parameters: Parameter name → delta, added to the value below and kept in 0..1.
        tone_additions: Tones added to the persona's own.
        expression_additions: Words and small sounds added to the persona's fillers.
        prefix: Text before the system prompt.
        suffix: Text after the system prompt.
        behavioral_adjustments: Rules added to the persona's own.
    """

    advanced_parameters: Mapping[str, float] = field(hash=False, default_factory=dict)
    tone_additions: tuple[str, ...] = ()
    expression_additions: tuple[str, ...] = ()
    prefix: str = ""
    suffix: str = ""
    behavioral_adjustments: tuple[str, ...] = ()

    @classmethod
    def from_document(cls, modifiers: Mapping[str, Any]) -> Self:
        """Read a ``modifiers`` object."""
        linguistic = section(modifiers, "linguistic_profile")
        prompt = section(modifiers, "system_prompt_additions")
        return cls(
            advanced_parameters=numbers(modifiers, "advanced_parameters"),
            tone_additions=texts(linguistic, "tone_additions"),
            expression_additions=texts(linguistic, "expression_additions"),
            prefix=text(prompt, "prefix"),
            suffix=text(prompt, "suffix"),
            behavioral_adjustments=texts(modifiers, "behavioral_adjustments"),
        )


@dataclass(frozen=True, slots=True)
class PersonalityLevel:
    """A stage of the relationship.

    Attributes:
        name: Identifier, unique within the persona.
        low: First affinity of the level, inclusive.
        high: Last affinity of the level, inclusive.
        description: What the stage is like, in the persona's language.
        modifier: What it changes.
    """

    name: str
    low: float
    high: float
    description: str = ""
    modifier: PersonalityModifier = PersonalityModifier()

    @classmethod
    def from_document(cls, level: Mapping[str, Any], *, enabled: bool = True) -> Self:
        """Read one of ``relationship_levels``; if not ``enabled``, only its name and range."""
        low, high = level["affinity_range"]
        modifier = PersonalityModifier.from_document(section(level, "modifiers"))
        return cls(
            name=text(level, "name"),
            low=float(low),
            high=float(high),
            description=text(level, "description") if enabled else "",
            modifier=modifier if enabled else PersonalityModifier(),
        )


@dataclass(frozen=True, slots=True)
class Mood:
    """A state of mind.

    Attributes:
        name: Identifier; ``neutral`` always exists.
        description: What it feels like, in the persona's language.
        modifier: What it changes, on top of the relationship level.
    """

    name: str
    description: str = ""
    modifier: PersonalityModifier = PersonalityModifier()

    @classmethod
    def from_document(cls, name: str, mood: Mapping[str, Any]) -> Self:
        """Read one entry of ``mood_config.moods``."""
        modifier = PersonalityModifier.from_document(section(mood, "modifiers"))
        return cls(name, text(mood, "description"), modifier)


@dataclass(frozen=True, slots=True)
class Personality:
    """A persona: who speaks, how, and how that changes with affinity and mood.

    Build one with `from_document` or a `PersonalityLibrary`. To change one, change its document.

    Attributes:
        slug: Identifier, the file's name without ``.json``; the key under which affinity is stored.
        name: Display name.
        language: Short language code as written (``es``, ``en-GB``); ``en`` if absent.
        knowledge: What it knows about itself and its world, passage by passage.
        trigger_responses: Always holds the five names of ``TRIGGERS``; a tuple may be empty.
        advanced_parameters: Parameter → 0..1, before level and mood.
        levels: Ordered by range, never empty: the defaults stand in where a persona gives none.
        moods: Name → mood, always with ``neutral``; the defaults where a persona gives none.
        mood_triggers: Mood name → phrases in a user's message that call for it.
        mood_rules: How moods are found, fade and follow each other.
        document: The JSON this came from, unknown fields included.
    """

    slug: str
    name: str
    description: str
    language: str
    version: str
    author: str
    tags: tuple[str, ...]
    archetype: str
    temperament: str
    communication_style: str
    tone: tuple[str, ...]
    syntax: str
    vocabulary: tuple[str, ...]
    fillers: tuple[str, ...]
    punctuation_style: str
    behavioral_rules: tuple[str, ...]
    knowledge: tuple[str, ...]
    trigger_responses: Mapping[str, tuple[str, ...]] = field(hash=False)
    advanced_parameters: Mapping[str, float] = field(hash=False)
    safety_guards: SafetyGuards
    sample_responses: tuple[SampleResponse, ...]
    levels: tuple[PersonalityLevel, ...]
    moods: Mapping[str, Mood] = field(hash=False)
    mood_triggers: Mapping[str, tuple[str, ...]] = field(hash=False)
    memory_preferences: MemoryPreferences
    mood_rules: MoodRules
    affinity: AffinityRules
    document: Mapping[str, Any] = field(repr=False, hash=False)

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], *, slug: str | None = None, where: str | None = None
    ) -> Self:
        """Validate a persona document and read it.

        Args:
            document: A persona as parsed JSON, LuminoraCore 1.0 or 1.1 shape; not modified.
            slug: Identifier; made from the display name if absent.
            where: File to name in errors.

        Raises:
            PersonalityInvalid: The document breaks the schema; gaps and overlaps do not.
        """
        require_valid(document, where=where)
        own = copy.deepcopy(dict(document))
        persona, traits = section(own, "persona"), section(own, "core_traits")
        speech = section(own, "linguistic_profile")
        name, language = text(persona, "name"), text(persona, "language", "en") or "en"
        return cls(
            slug=slug or _slug(name),
            name=name,
            description=text(persona, "description"),
            language=language,
            version=text(persona, "version", "1.0.0"),
            author=text(persona, "author"),
            tags=texts(persona, "tags"),
            archetype=text(traits, "archetype"),
            temperament=text(traits, "temperament"),
            communication_style=text(traits, "communication_style"),
            tone=texts(speech, "tone"),
            syntax=text(speech, "syntax"),
            vocabulary=texts(speech, "vocabulary"),
            fillers=texts(speech, "fillers") or texts(speech, "expressions"),
            punctuation_style=text(speech, "punctuation_style"),
            behavioral_rules=_rules(own, language),
            knowledge=texts(own, "knowledge"),
            trigger_responses=_trigger_responses(own),
            advanced_parameters=numbers(own, "advanced_parameters"),
            safety_guards=SafetyGuards.from_document(section(own, "safety_guards")),
            sample_responses=_samples(own),
            levels=_levels(own, language),
            moods=_moods(own, language),
            mood_triggers=_mood_triggers(own, language),
            memory_preferences=MemoryPreferences.from_document(section(own, "memory_preferences")),
            mood_rules=MoodRules.from_document(section(own, "mood_config")),
            affinity=AffinityRules.from_document(section(own, "affinity_config")),
            document=own,
        )

    def to_document(self) -> dict[str, Any]:
        """A copy of the JSON this came from; what the persona left out is still left out."""
        return copy.deepcopy(dict(self.document))


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:64] or "persona"


def _rules(document: Mapping[str, Any], language: str) -> tuple[str, ...]:
    """Rules as a list of sentences, or as ``{always_do, never_do}`` lists in older drafts."""
    rules = section(document, "behavioral_rules")
    never = "Nunca" if defaults.is_spanish(language) else "Never"
    forbidden = tuple(f"{never}: {rule}" for rule in texts(rules, "never_do"))
    return texts(document, "behavioral_rules") + texts(rules, "always_do") + forbidden


def _trigger_responses(document: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    given = section(document, "trigger_responses")
    extra = tuple(name for name in given if name not in TRIGGERS)
    return {name: texts(given, name) for name in TRIGGERS + extra}


def _samples(document: Mapping[str, Any]) -> tuple[SampleResponse, ...]:
    samples = section(document, "examples").get("sample_responses") or ()
    return tuple(
        SampleResponse(text(item, "input"), text(item, "output"), text(item, "context"))
        for item in samples
    )


def _levels(document: Mapping[str, Any], language: str) -> tuple[PersonalityLevel, ...]:
    config = section(document, "hierarchical_config")
    levels = config.get("relationship_levels") or defaults.levels(language)
    enabled = flag(config, "enabled", default=True)
    read = [PersonalityLevel.from_document(level, enabled=enabled) for level in levels]
    return tuple(sorted(read, key=lambda level: (level.low, level.high)))


def _moods(document: Mapping[str, Any], language: str) -> dict[str, Mood]:
    config = section(document, "mood_config")
    fallback = defaults.moods(language)
    neutral = {NEUTRAL: fallback[NEUTRAL]}
    if not flag(config, "enabled", default=True):
        chosen: Mapping[str, Any] = neutral
    else:
        given = section(config, "moods")
        chosen = ({} if NEUTRAL in given else neutral) | dict(given) if given else fallback
    return {name: Mood.from_document(name, mood) for name, mood in chosen.items()}


def _mood_triggers(document: Mapping[str, Any], language: str) -> dict[str, tuple[str, ...]]:
    config = section(document, "mood_config")
    if not flag(config, "enabled", default=True):
        return {}
    given = section(config, "mood_triggers")
    if given or section(config, "moods"):
        return {mood: texts(given, mood) for mood in given}
    return {mood: tuple(phrases) for mood, phrases in defaults.mood_triggers(language).items()}
