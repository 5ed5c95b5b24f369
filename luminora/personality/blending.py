"""Blend two personas into a third, by weight.

Both documents are first completed with the defaults they rely on, so that silence on one side is
a value and not a hole. Then, with ``weight`` the share of the second persona:

* numbers are interpolated, whole ones to whole ones; a parameter one persona leaves out counts as
  0.5, a delta as 0, an interaction as worth nothing;
* levels are paired in order where both have as many; otherwise the heavier persona's ranges stand
  and the lighter one's deltas are read at their middle;
* of a list, a share ``s`` brings its first ``min(1, 2 s)`` of entries, the heavier persona's first;
* single texts are the heavier persona's (the first one's at 0.5), and so are all lists of phrases
  if the two speak different languages;
* limits are never loosened: forbidden topics and filters add up, of two ceilings the lower holds;
* ``metadata`` says what was blended; dates, ratings and downloads are the originals' own.

At weight 0 and 1 the result is the one persona, as written.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luminora.errors import InputError
from luminora.personality import defaults
from luminora.personality.fields import is_number, section
from luminora.personality.model import Personality
from luminora.personality.transitions import level_at, segments
from luminora.personality.tree import BASE

_DIGITS = 6

_Document = dict[str, Any]


def blend_personas(
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    weight: float,
    *,
    name: str | None = None,
) -> dict[str, Any]:
    """The document of a persona between two others; neither is modified.

    Args:
        first: A persona document.
        second: Another one.
        weight: Share of ``second``, 0 to 1.
        name: Display name; composed of both, or the original's at weight 0 and 1, if absent.

    Raises:
        InputError: ``weight`` is not between 0 and 1, or ``name`` is blank.
        PersonalityInvalid: A document breaks the schema.
    """
    if not (is_number(weight) and 0 <= weight <= 1):
        raise InputError(
            f"{weight!r:.40} is no weight",
            where="weight",
            hint="pass a number from 0 (all of the first) to 1 (all of the second)",
        )
    if name is not None and not name.strip():
        raise InputError("the name is blank", where="name", hint="pass a name, or leave it out")
    one, two = Personality.from_document(first), Personality.from_document(second)
    if weight in (0, 1):
        whole = (two if weight else one).to_document()
        if name:
            whole["persona"]["name"] = name.strip()
        return whole
    mixed: _Document = _Mix(one, two, weight).document(name)
    return Personality.from_document(mixed).to_document()


@dataclass(frozen=True, slots=True)
class _Mix:
    """Two personas on their way to one."""

    first: Personality
    second: Personality
    weight: float

    @property
    def heavier(self) -> Personality:
        return self.second if self.weight > 0.5 else self.first  # noqa: PLR2004

    def document(self, name: str | None) -> _Document:
        one, two = _completed(self.first), _completed(self.second)
        _fill(one["advanced_parameters"], two["advanced_parameters"], BASE)
        _fill(
            one["affinity_config"]["interaction_types"],
            two["affinity_config"]["interaction_types"],
            0,
        )
        one_levels, two_levels = _paired(self.first, self.second, self.weight)
        _fill_moods(one["mood_config"]["moods"], two["mood_config"]["moods"])
        mixed: _Document = self._values(one, two)
        mixed["persona"] |= self._identity(name)
        mixed["metadata"] = self._provenance()
        mixed["hierarchical_config"] |= {
            "enabled": True,
            "relationship_levels": [
                self._level(a, b) for a, b in zip(one_levels, two_levels, strict=True)
            ],
        }
        mixed["mood_config"]["enabled"] = True
        if guards := _strictest(one, two):
            mixed["safety_guards"] = mixed.get("safety_guards", {}) | guards
        return mixed

    def _identity(self, name: str | None) -> _Document:
        old, new = self.heavier.name, name.strip() if name else self._composed()
        pattern = rf"(?<!\w){re.escape(old)}(?!\w)"
        text = re.sub(pattern, lambda _: new, self.heavier.description)
        return {"name": new, "version": "1.0.0", "description": text}

    def _provenance(self) -> _Document:
        one, two = (section(side.document, "metadata") for side in (self.first, self.second))
        shares = ((self.first, 1 - self.weight), (self.second, self.weight))
        found: _Document = {
            "blended_from": [
                {"name": side.name, "version": side.version, "share": round(share, _DIGITS)}
                for side, share in shares
            ]
        }
        if "license" in one and one["license"] == two.get("license"):
            found["license"] = one["license"]
        return found

    def _composed(self) -> str:
        names = (self.first.name, self.second.name)
        return " & ".join(dict.fromkeys(names))

    def _level(self, one: _Document, two: _Document) -> _Document:
        _fill_deltas(one, two)
        ranges = one["affinity_range"], two["affinity_range"]
        mixed: _Document = self._values(
            {key: value for key, value in one.items() if key != "affinity_range"},
            {key: value for key, value in two.items() if key != "affinity_range"},
        )
        return mixed | {
            "affinity_range": [self._number(a, b) for a, b in zip(*ranges, strict=True)]
        }

    def _values(self, one: Any, two: Any) -> Any:
        """Any two JSON values of the same meaning, mixed."""
        if isinstance(one, Mapping) and isinstance(two, Mapping):
            keys = dict.fromkeys((*one, *two))
            return {
                key: self._values(one[key], two[key])
                if key in one and key in two
                else copy.deepcopy(one[key] if key in one else two[key])
                for key in keys
            }
        if is_number(one) and is_number(two):
            return self._number(one, two)
        lists = isinstance(one, list) or isinstance(two, list)
        if lists and _mergeable(one) and _mergeable(two):
            return self._lists(_listed(one), _listed(two))
        return copy.deepcopy(two if self.heavier is self.second else one)

    def _number(self, one: float, two: float) -> float:
        value = round(one * (1 - self.weight) + two * self.weight, _DIGITS)
        # Halves go up, so that ends one apart (20 and 21) stay one apart.
        return math.floor(value + 0.5) if isinstance(one, int) and isinstance(two, int) else value

    def _lists(self, one: list[Any], two: list[Any]) -> list[Any]:
        shares = [(one, 1 - self.weight), (two, self.weight)]
        if self.heavier is self.second:
            shares.reverse()
        if _tongue(self.first) != _tongue(self.second):
            shares = shares[:1]
        merged: list[Any] = []
        for items, share in shares:
            taken = math.ceil(round(min(1.0, 2 * share) * len(items), _DIGITS))
            merged += [item for item in items[:taken] if item not in merged]
        return copy.deepcopy(merged)


def _completed(persona: Personality) -> _Document:
    """The document with what it leaves to the defaults written out; a card stays behind."""
    document = persona.to_document()
    document.pop("card", None)
    document["behavioral_rules"] = list(persona.behavioral_rules)
    document.setdefault("advanced_parameters", {})
    levels = dict(section(document, "hierarchical_config"))
    document["hierarchical_config"] = levels | {"relationship_levels": []}
    moods = dict(section(document, "mood_config"))
    document["mood_config"] = moods | {
        "moods": {name: _mood(persona, name) for name in persona.moods},
        "mood_triggers": {name: list(said) for name, said in persona.mood_triggers.items()},
        "mood_detection": {
            "method": persona.mood_rules.method,
            "confidence_threshold": persona.mood_rules.confidence_threshold,
            "decay_rate": persona.mood_rules.hourly_loss,
        },
        "transitions": dict(section(moods, "transitions"))
        | {"inertia": persona.mood_rules.transitions.inertia},
    }
    document["memory_preferences"] = dict(section(document, "memory_preferences")) | {
        "importance_threshold": persona.memory_preferences.importance_threshold
    }
    rules = persona.affinity
    document["affinity_config"] = dict(section(document, "affinity_config")) | {
        "interaction_types": dict(rules.interaction_types),
        "max_change": rules.max_change,
        "long_message": {"length": rules.long_message_length, "bonus": rules.long_message_bonus},
        "decay": {
            "enabled": rules.decay.enabled,
            "points_per_day": rules.decay.points_per_day if rules.decay.enabled else 0.0,
            "grace_days": rules.decay.grace_days,
            "floor": rules.decay.floor,
        },
    }
    return document


def _mood(persona: Personality, name: str) -> _Document:
    config = section(persona.document, "mood_config")
    given = section(config, "moods", name) or defaults.moods(persona.language).get(name, {})
    return copy.deepcopy(dict(given))


def _levels(persona: Personality) -> list[_Document]:
    """The levels as they act: switched off, they keep name and range and change nothing."""
    given = section(persona.document, "hierarchical_config").get("relationship_levels")
    written = {level["name"].strip(): level for level in given or defaults.levels(persona.language)}
    found = []
    for level in persona.levels:
        document = copy.deepcopy(dict(written[level.name]))
        if not level.modifier.advanced_parameters and not level.description:
            document = {key: document[key] for key in ("name", "affinity_range")}
        found.append(document)
    return found


def _paired(
    first: Personality, second: Personality, weight: float
) -> tuple[list[_Document], list[_Document]]:
    one, two = _levels(first), _levels(second)
    if len(one) == len(two):
        return one, two
    if weight > 0.5:  # noqa: PLR2004
        return _seen_through(second, first), two
    return one, _seen_through(first, second)


def _seen_through(heavier: Personality, lighter: Personality) -> list[_Document]:
    """The lighter persona's levels at the middle of each of the heavier one's, in its ranges."""
    cut, written = segments(lighter.levels), {level["name"]: level for level in _levels(lighter)}
    found = []
    for level, own in zip(heavier.levels, _levels(heavier), strict=True):
        met = written[level_at(cut, (level.low + level.high) / 2).name]
        found.append(copy.deepcopy(met) | {"affinity_range": own["affinity_range"]})
    return found


def _fill(one: _Document, two: _Document, value: float) -> None:
    for here, there in ((one, two), (two, one)):
        for key in there:
            here.setdefault(key, value)


def _fill_moods(one: _Document, two: _Document) -> None:
    """A mood that one persona lacks is, for that persona, no change at all."""
    for here, there in ((one, two), (two, one)):
        for name, mood in there.items():
            if name not in here:
                here[name] = {"description": mood.get("description", "")}
    for name in one:
        _fill_deltas(one[name], two[name])


def _fill_deltas(one: _Document, two: _Document) -> None:
    deltas = []
    for layer in (one, two):
        modifiers = layer["modifiers"] = dict(section(layer, "modifiers"))
        deltas.append(dict(section(modifiers, "advanced_parameters")))
        modifiers["advanced_parameters"] = deltas[-1]
    _fill(deltas[0], deltas[1], 0.0)


def _strictest(one: _Document, two: _Document) -> _Document:
    guards = section(one, "safety_guards"), section(two, "safety_guards")
    found: _Document = {}
    for key in ("forbidden_topics", "content_filters"):
        if items := [item for guard in guards for item in _listed(guard.get(key) or [])]:
            found[key] = list(dict.fromkeys(items))
    limits: dict[str, float] = {}
    for guard in guards:
        for key, value in section(guard, "tone_limits").items():
            limits[key] = min(value, limits.get(key, value))
    return found | ({"tone_limits": limits} if limits else {})


def _mergeable(value: Any) -> bool:
    """Whether a value holds phrases or sample responses; any other list is one thing."""
    return isinstance(value, str) or (
        isinstance(value, list)
        and all(
            isinstance(item, str) or (isinstance(item, Mapping) and "output" in item)
            for item in value
        )
    )


def _listed(value: Sequence[Any] | str) -> list[Any]:
    return [value] if isinstance(value, str) else list(value)


def _tongue(persona: Personality) -> str:
    return persona.language.replace("_", "-").split("-")[0].strip().lower()
