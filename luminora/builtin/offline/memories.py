"""Find, among what is known, what a question asks for: facts by key, messages by words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from luminora.builtin.offline.statements import clause, once, shown
from luminora.builtin.offline.voice import Voice
from luminora.providers import Grounding
from luminora.providers.lexical import fold, query_terms, terms
from luminora.providers.vocabulary import kind_of_animal

Fact = Mapping[str, Any]

_MONTHS_ES = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
]
_MONTHS_EN = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_QUOTED = 200
_INNER = {ord(mark): "'" for mark in "«»“”"}
"""Quotation marks inside a quotation, so that it cannot seem to end early."""
_ASKING = frozenset(
    [
        "cuando",
        "hablamos",
        "recuerdas",
        "acuerdas",
        "dije",
        "conte",
        "sobre",
        "acerca",
        "vez",
        "aquella",
        "aquello",
        "remember",
        "talked",
        "talk",
        "tell",
        "told",
        "said",
        "say",
        "mention",
        "mentioned",
        "when",
        "about",
        "did",
        "recuerdo",
        "hablar",
        "hablado",
        "conversacion",
    ]
)


def matching(facts: Sequence[Fact], keys: Sequence[str]) -> list[Fact]:
    """The facts that answer ``keys``, best key first; a trailing underscore matches a prefix."""
    found: list[Fact] = []
    for key in keys:
        found.extend(
            fact
            for fact in facts
            if unnumbered(fact) == key
            or (key.endswith("_") and str(fact.get("key", "")).startswith(key))
        )
    return found


def unnumbered(fact: Fact) -> str:
    """The fact's key without the number that tells a second pet or brother from the first."""
    return re.sub(r"(_name|_type)_\d+$", r"\1", str(fact.get("key", "")))


def of_kind(found: Sequence[Fact], facts: Sequence[Fact], noun: str) -> list[Fact]:
    """Those of the found facts that are about the pet of that kind; all of them if none is."""
    wanted = kind_of_animal(noun)
    numbers = {
        str(fact["key"]).removeprefix("pet_type")
        for fact in facts
        if unnumbered(fact) == "pet_type" and kind_of_animal(fact.get("value")) == wanted
    }
    kept = [fact for fact in found if str(fact["key"])[len("pet_name") :] in numbers]
    return kept or list(found)


def told_of_before(found: Sequence[Fact], voice: Voice) -> str:
    """What was true earlier, each with the day until which it was."""
    parts = []
    for fact in found[:3]:
        was = voice.shaped(once(fact, voice.language))
        until = _date(fact.get("valid_to"), voice.language).strip().removeprefix("on ")
        parts.append(voice.say("before", clause=was, until=f" ({voice.say('until', day=until)})"))
    joined = "; ".join(dict.fromkeys(parts))
    return f"{joined[:1].upper()}{joined[1:]}."


def recorded(grounding: Grounding) -> list[Fact]:
    """The facts on record that can be told: with a key and a value, the surest of each key."""
    best: dict[str, Fact] = {}
    for fact in grounding.facts:
        key, value = fact.get("key"), fact.get("value")
        if not isinstance(key, str) or value is None or not shown(value):
            continue
        if key not in best or _sureness(fact) > _sureness(best[key]):
            best[key] = fact
    return list(best.values())


def _sureness(fact: Fact) -> float:
    confidence = fact.get("confidence")
    return float(confidence) if isinstance(confidence, int | float) else 0.5


def told(found: Sequence[Fact], voice: Voice, facts: Sequence[Fact]) -> str:
    """The facts as sentences of one answer, at most six of them."""
    clauses = [voice.shaped(clause(fact, voice.language, facts)) for fact in found[:6]]
    joined = "; ".join(dict.fromkeys(clauses))
    return f"{joined[:1].upper()}{joined[1:]}."


def best_memory(grounding: Grounding, *, lenient: bool = False) -> Mapping[str, Any] | None:
    """The earlier message that shares most words with the question, or None.

    Args:
        grounding: Holds the question and the memories, best first.
        lenient: Whether the first memory will do where none shares a word: the search that found
            it may know better than words.
    """
    asked = fold(grounding.user_text).strip(" ¿?¡!.")
    wanted = set(query_terms(grounding.user_text[:600])) - _ASKING
    ranked = []
    for rank, memory in enumerate(grounding.memories[:20]):
        content = memory.get("content")
        if not isinstance(content, str) or fold(content).strip(" ¿?¡!.") == asked:
            continue
        shared = len(wanted & set(terms(content[:1_000])))
        asks = content.rstrip().endswith("?")
        ranked.append((shared, not asks, -rank, memory))
    if not ranked:
        return None
    best = max(ranked, key=lambda entry: entry[:3])
    return best[3] if best[0] or (lenient and best[1]) else None


def quoted(memory: Mapping[str, Any], voice: Voice) -> str:
    """The memory as a quotation with its date and its speaker."""
    content = shown(memory.get("content", ""))[:_QUOTED].translate(_INNER)
    speaker = memory.get("role") or memory.get("speaker") or "user"
    name = "memory_yours" if speaker == "user" else "memory_mine"
    return voice.say(name, quote=content, date=_date(memory.get("timestamp"), voice.language))


def _date(value: Any, language: str) -> str:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return ""
    if language == "es":
        return f"el {moment.day} de {_MONTHS_ES[moment.month - 1]} de {moment.year} "
    return f"on {_MONTHS_EN[moment.month - 1]} {moment.day}, {moment.year} "
