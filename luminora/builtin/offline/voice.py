"""How the persona speaks now: its register, closeness and mood, and its own turns of phrase."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from luminora.builtin.offline.phrases import ENGLISH, SPANISH
from luminora.builtin.offline.statements import shown
from luminora.providers import Grounding

_LEVELS = (
    (81, "soulmate"),
    (61, "close_friend"),
    (41, "friend"),
    (21, "acquaintance"),
    (0, "stranger"),
)
_FORMAL = 0.75
_TERSE = 0.3
_REGISTER = re.compile(r"\[([^|\[\]]*)\|([^|\[\]]*)\]")
_BRIGHT = frozenset(("happy", "excited", "playful"))
_MAX_OWN_LINE = 300


@dataclass(frozen=True, slots=True)
class Voice:
    """The persona at this point of the relationship, in the language of the reply.

    Attributes:
        me: The persona's name.
        language: ``"es"`` or ``"en"``.
        level: One of the five default levels; a persona's own levels are placed by affinity.
        mood: Name of the mood in force.
        formal: Whether the user is addressed with courtesy ("usted").
        level_turns: What the persona says at this level of the relationship only.
        mood_turns: What it says in this mood only.
        seed: Chooses between phrases; the same message gets the same choice.
    """

    me: str
    language: str
    level: str
    mood: str
    formal: bool
    parameters: Mapping[str, float]
    gender: str
    fillers: tuple[str, ...] = ()
    level_turns: tuple[str, ...] = ()
    mood_turns: tuple[str, ...] = ()
    triggers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seed: str = ""
    last: str = ""

    def pick(self, options: Sequence[str], salt: str = "") -> str:
        """One of ``options``, by a hash equal in every process; not the last one said."""
        if not options:
            return ""
        fresh = [option for option in options if self.shaped(option) not in self.last] or list(
            options
        )
        key = f"{salt}\0{self.seed}".encode("utf-8", "replace")
        return fresh[crc32(key) % len(fresh)]

    def say(self, phrase: str, /, **values: str) -> str:
        """The phrase of that name, worded for this voice, with ``values`` put in."""
        table = SPANISH if self.language == "es" else ENGLISH
        return self.filled(self.pick(table[phrase], phrase), **values)

    def filled(self, template: str, /, **values: str) -> str:
        """``template`` in this voice's register, with ``values`` put in last, as they are."""
        values.setdefault("me", self.me)
        called = values.get("name", "")
        text = self.shaped(template).replace("{, name}", f", {called}" if called else "")
        # one pass: braces inside a value are the user's text and stay what they are
        return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], ""), text)

    def shaped(self, template: str) -> str:
        """``template`` with the familiar or the courteous wording."""
        return _REGISTER.sub(r"\2" if self.formal else r"\1", template)

    def trait(self, name: str, default: float = 0.5) -> float:
        """A parameter of the persona, 0 to 1."""
        return self.parameters.get(name, default)

    @property
    def terse(self) -> bool:
        """Whether the persona keeps its answers to the point."""
        return self.trait("verbosity") < _TERSE

    def opener(self, *, grave: bool) -> str:
        """What mood or habit puts before a reply; nothing bright before bad news."""
        if grave and self.mood in _BRIGHT:
            return ""
        table = SPANISH if self.language == "es" else ENGLISH
        mood = (*table.get(f"mood_{self.mood}", ()), *("" if grave else self.mood_turns))
        if mood:
            return _opening(self.pick(mood, "mood"))
        if grave or self._roll("opener", 3) == 0:
            return ""
        return _opening(self.pick((*self.level_turns, *self.fillers[:1]), "opener"))

    def closer(self, *, asked: bool) -> str:
        """What closeness adds after a reply; only the closest add to a question."""
        if self.terse or (asked and self.level != "soulmate"):
            return ""
        return self.say(self.level)

    def own_line(self, trigger: str) -> str:
        """A sentence that the persona itself brings for an occasion, or an empty string."""
        return self.pick(self.triggers.get(trigger, ()), trigger)

    def meet(self, name: str) -> str:
        """How the persona says that it is glad to know someone; only a stated gender agrees."""
        if self.language != "es":
            return f"{'How do you do' if self.formal else 'Nice to meet you'}, {name}."
        glad = {"female": "Encantada de", "male": "Encantado de"}.get(self.gender, "Me alegra")
        return f"{glad} {'conocerle' if self.formal else 'conocerte'}, {name}."

    def _roll(self, salt: str, sides: int) -> int:
        return crc32(f"{salt}\0{self.seed}".encode("utf-8", "replace")) % sides


def _opening(turn: str) -> str:
    """A turn of phrase as the start of a reply."""
    if not turn:
        return ""
    first = 1 if turn[0] in "¿¡" else 0
    capital = turn[:first] + turn[first : first + 1].upper() + turn[first + 1 :]
    return capital + ("" if turn[-1] in ".!?…~," else "…")


def voice_of(grounding: Grounding, language: str) -> Voice:
    """Read the persona's mapping; whatever is missing or malformed has a plain default."""
    persona = grounding.persona
    parameters = _numbers(persona.get("parameters"))
    level = _level(str(persona.get("level") or ""), grounding.affinity)
    own_language = str(persona.get("language") or language)[:2].lower() == language
    replies = [turn.content for turn in grounding.history[-4:] if turn.role == "assistant"]
    return Voice(
        me=shown(persona.get("name") or "Luminora"),
        language=language,
        level=level,
        mood=_mood(persona),
        formal=parameters.get("formality", 0.5) >= _FORMAL
        and level not in {"close_friend", "soulmate"},
        parameters=parameters,
        gender=_gender(persona.get("gender")),
        fillers=_lines(persona.get("fillers"), 40) if own_language else (),
        level_turns=_lines(persona.get("level_expressions"), 40) if own_language else (),
        mood_turns=_lines(persona.get("mood_expressions"), 40) if own_language else (),
        triggers=_triggers(persona.get("trigger_responses")) if own_language else {},
        seed=f"{len(grounding.history)}\0{grounding.user_text[:2_000]}",
        last=replies[-1][:2_000] if replies else "",
    )


def _level(name: str, affinity: int) -> str:
    known = name.lower().replace(" ", "_")
    by_points = next((level for points, level in _LEVELS if affinity >= points), "stranger")
    return known if known in {level for _, level in _LEVELS} else by_points


def _mood(persona: Mapping[str, Any]) -> str:
    mood = persona.get("mood")
    intensity = persona.get("mood_intensity")
    if isinstance(mood, Mapping):
        intensity = mood.get("intensity", intensity)
        mood = mood.get("name")
    if isinstance(intensity, int | float) and intensity < 0.2:  # noqa: PLR2004 - barely felt
        return "neutral"
    return str(mood or "neutral").lower()


def _gender(value: Any) -> str:
    word = str(value or "").lower()
    if word in {"female", "f", "woman", "mujer", "femenino", "femenina", "feminine"}:
        return "female"
    return "male" if word in {"male", "m", "man", "hombre", "masculino", "masculine"} else ""


def _numbers(value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping):
        return {}
    return {
        str(name): float(number)
        for name, number in value.items()
        if isinstance(number, int | float) and not isinstance(number, bool)
    }


def _lines(value: Any, longest: int) -> tuple[str, ...]:
    """Sentences that can be said as they are; those with placeholders cannot."""
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, Sequence):
        return ()
    found = (shown(line) for line in value if isinstance(line, str) and len(line) <= longest)
    return tuple(line for line in found if line and not set("{}[]<>|") & set(line))


def _triggers(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        return {}
    return {str(name): _lines(lines, _MAX_OWN_LINE) for name, lines in value.items()}
