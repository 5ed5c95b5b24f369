"""Write a personality, at one point of the relationship and in one mood, as a system prompt.

The prompt depends on nothing but its inputs, in a fixed order, so the same input gives the same
bytes and a vendor's prompt cache can hold it. It names no numbers: a change of affinity within a
level that moves no parameter across a step of its wording leaves the prompt as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from luminora.personality.defaults import is_spanish
from luminora.personality.model import Mood, Personality, PersonalityLevel, PersonalityModifier
from luminora.personality.trait_phrases import step
from luminora.personality.wording import Wording, language_name, wording

MAX_SAMPLES = 8
"""At most this many few-shot examples enter a prompt, the first ones first."""

FELT = 0.2
"""From this intensity on, a mood shows in words; below it only the parameters shift."""

INTENSITY_STEPS = (0.45, 0.75)
"""From each of these intensities on, a mood is worded more strongly."""


@dataclass(frozen=True, slots=True)
class CompiledPersonality:
    """A personality at one affinity and in one mood, for an LLM or for an offline voice.

    Attributes:
        slug: Identifier of the personality.
        name: Display name.
        language: Language code as the persona wrote it.
        affinity: Affinity it was compiled for, 0 to 100.
        level: Name of the relationship level.
        mood: Name of the mood in force; ``neutral`` if the persona lacks the one asked for.
        mood_intensity: 0 (not felt) to 1.
        parameters: Parameter → 0..1 after base, level and mood.
        tone: Tones of persona, level and mood, without repetition.
        fillers: The persona's own fillers.
        expressions: The fillers, then what level and mood add, without repetition.
        rules: Rules of persona, level and mood, in this order.
        trigger_responses: ``on_greeting`` … ``on_goodbye`` → sentences to be spoken as is.
        system_prompt: The text for the LLM, in the persona's language.
    """

    slug: str
    name: str
    language: str
    affinity: float
    level: str
    mood: str
    mood_intensity: float
    parameters: Mapping[str, float] = field(hash=False)
    tone: tuple[str, ...]
    fillers: tuple[str, ...]
    expressions: tuple[str, ...]
    rules: tuple[str, ...]
    trigger_responses: Mapping[str, tuple[str, ...]] = field(hash=False)
    system_prompt: str


def compile_personality(
    personality: Personality,
    *,
    level: PersonalityLevel,
    mood: Mood,
    affinity: float,
    mood_intensity: float,
    parameters: Mapping[str, float],
) -> CompiledPersonality:
    """Put persona, level and mood together and write the prompt.

    Args:
        personality: The persona.
        level: Its level at ``affinity``.
        mood: One of its moods.
        affinity: 0 to 100.
        mood_intensity: 0 to 1; below ``FELT`` the mood adds no words.
        parameters: Final values, as `PersonalityTree.parameters` computes them.
    """
    added = mood.modifier if mood_intensity >= FELT else PersonalityModifier()
    layers = (level.modifier, added)
    tone = _unique(personality.tone, *(layer.tone_additions for layer in layers))
    expressions = _unique(personality.fillers, *(layer.expression_additions for layer in layers))
    rules = _unique(
        personality.behavioral_rules, *(layer.behavioral_adjustments for layer in layers)
    )
    words = wording(personality.language)
    blocks = (
        *(layer.prefix for layer in layers),
        _opening(personality, words),
        _character(personality, words),
        _section(words.headings["knowledge"], _bullets(personality.knowledge)),
        _voice(personality, tone, expressions, words),
        _section(words.headings["traits"], _bullets(_traits(parameters, words))),
        _section(words.headings["rules"], _bullets(rules)),
        _relationship(level, words),
        _mood(mood, mood_intensity, words),
        _limits(personality, words),
        _examples(personality, words),
        *(layer.suffix for layer in layers),
    )
    return CompiledPersonality(
        slug=personality.slug,
        name=personality.name,
        language=personality.language,
        affinity=affinity,
        level=level.name,
        mood=mood.name,
        mood_intensity=mood_intensity,
        parameters=dict(parameters),
        tone=tone,
        fillers=personality.fillers,
        expressions=expressions,
        rules=rules,
        trigger_responses=personality.trigger_responses,
        system_prompt="\n\n".join(block for block in blocks if block) + "\n",
    )


def _opening(personality: Personality, words: Wording) -> str:
    spanish = is_spanish(personality.language)
    language = words.language.format("" if spanish else language_name(personality.language))
    name = _line(personality.name)
    lines = (words.identity.format(name), personality.description)
    return "\n".join(line for line in (*lines, words.stance.format(name), language) if line)


def _character(personality: Personality, words: Wording) -> str:
    values = {
        "archetype": personality.archetype,
        "temperament": personality.temperament,
        "communication_style": personality.communication_style,
    }
    return _section(words.headings["character"], _labelled(values, words))


def _voice(
    personality: Personality, tone: tuple[str, ...], expressions: tuple[str, ...], words: Wording
) -> str:
    syntax, punctuation = personality.syntax, personality.punctuation_style
    values = {
        "tone": ", ".join(tone),
        "syntax": words.syntax.get(syntax.lower(), syntax),
        "punctuation": words.punctuation.get(punctuation.lower(), punctuation),
        "vocabulary": ", ".join(personality.vocabulary),
        "expressions": " · ".join(expressions),
    }
    return _section(words.headings["voice"], _labelled(values, words))


def _traits(parameters: Mapping[str, float], words: Wording) -> list[str]:
    return [
        words.traits[name][step(value)]
        if name in words.traits
        else words.other_trait[step(value)].format(_plain(name))
        for name, value in parameters.items()
    ]


def _relationship(level: PersonalityLevel, words: Wording) -> str:
    heading = words.headings["relationship"].format(
        words.levels.get(level.name, _plain(level.name))
    )
    return _section(heading, level.description, empty=True)


def _mood(mood: Mood, intensity: float, words: Wording) -> str:
    if intensity < FELT:
        return ""
    name = words.moods.get(mood.name, _plain(mood.name))
    if mood.modifier != PersonalityModifier():
        strength = sum(intensity >= bound for bound in INTENSITY_STEPS)
        name = f"{name} ({words.intensities[strength]})"
    return _section(words.headings["mood"].format(name), mood.description, empty=True)


def _limits(personality: Personality, words: Wording) -> str:
    guards = personality.safety_guards
    limits = {
        "aggression": guards.max_aggression,
        "informality": guards.max_informality,
    }
    values = {
        "forbidden": ", ".join(guards.forbidden_topics),
        "filters": ", ".join(guards.content_filters),
        **{key: words.amounts[step(x)] for key, x in limits.items() if x is not None},
    }
    lines = [_labelled(values, words), _bullets((words.honesty,))]
    return _section(words.headings["limits"], "\n".join(line for line in lines if line))


def _examples(personality: Personality, words: Wording) -> str:
    samples = [
        "\n".join(
            part
            for part in (
                words.sample_context.format(sample.context) if sample.context else "",
                words.sample.format(sample.input, sample.output),
            )
            if part
        )
        for sample in personality.sample_responses[:MAX_SAMPLES]
    ]
    return _section(words.headings["examples"], "\n\n".join(samples))


def _section(heading: str, body: str, *, empty: bool = False) -> str:
    """A heading with its body; without a body nothing, unless ``empty`` lets it stand alone."""
    if not body:
        return f"## {heading}" if empty else ""
    return f"## {heading}\n{body}"


def _labelled(values: Mapping[str, str], words: Wording) -> str:
    return _bullets(f"{words.labels[key]}: {value}" for key, value in values.items() if value)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {_line(line)}" for line in lines)


def _line(text: str) -> str:
    """One line: a line break inside a name or rule would end its bullet or heading."""
    return " ".join(text.split())


def _plain(name: str) -> str:
    return _line(name.replace("_", " "))


def _unique(*groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for group in groups for item in group))
