"""The facts that a message states about its author, and those it takes back.

Rules, not a model: precise where they match, silent where they do not. A question, a hypothesis, a
joke, a denial, someone else's words or an order to the companion is never a fact.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from luminora.builtin.offline import values
from luminora.builtin.offline.corrections import amended, corrects
from luminora.builtin.offline.patterns import RULES
from luminora.builtin.offline.readers import Reader, fan, likes
from luminora.builtin.offline.retractions import forgotten, outdated
from luminora.builtin.offline.selves import i_am
from luminora.builtin.offline.text import Sentence, clean, in_earnest, sentences
from luminora.builtin.offline.values import Tail
from luminora.providers import Grounding

MAX_FACTS = 40
_SENTENCE = 100_000  # of a fact's place in the message, per sentence
_IMPLIED = "implied"
_IMPLYING = (likes, fan, i_am)
"""Readers that make a favourite of what is only said to be liked."""
MAX_MATCHES = 20
"""Most matches of one rule in one sentence, so that repetition cannot make a message slow."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing the user stated about themselves.

    Attributes:
        quote: The words it was read from.
        at: Where in the message it stands, to keep the order.
        correction: Whether the value on record was wrong, rather than that things have changed.
    """

    category: str
    key: str
    value: str | int
    confidence: float
    quote: str
    at: int = 0
    tags: tuple[str, ...] = ()
    correction: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The fact as the analysis carries it."""
        return {
            "category": self.category,
            "key": self.key,
            "value": self.value,
            "confidence": round(self.confidence, 2),
            "quote": self.quote,
            "tags": list(self.tags),
            **({"correction": True} if self.correction else {}),
        }


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a message states and takes back; ``sentences`` are kept for those who read on.

    ``reasons`` says of a retraction that something has ``ended`` or was ``wrong``; the others are
    to be forgotten.
    """

    facts: tuple[Fact, ...]
    retractions: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    reasons: Mapping[str, str] = field(default_factory=dict)


_recent: deque[tuple[Grounding, Extraction]] = deque(maxlen=8)
"""Extractions of replies whose analysis is still to come."""


def extraction_of(grounding: Grounding) -> Extraction:
    """The extraction of a grounding's message; a reply and the analysis after it share one."""
    for entry in tuple(_recent):
        if entry[0] is grounding:
            with suppress(ValueError):  # another thread was quicker
                _recent.remove(entry)
            return entry[1]
    said = [turn.content[:1_000] for turn in grounding.history[-2:]]
    found = extract(grounding.user_text, grounding.facts, said)
    _recent.append((grounding, found))
    return found


def extract(
    text: str, known: Sequence[Mapping[str, Any]] = (), said: Sequence[str] = ()
) -> Extraction:
    """Read the facts and retractions of one message.

    Args:
        text: The message; its first 20,000 characters are read.
        known: Facts on record, as ``Grounding.facts`` has them: "no me llamo Pedro" takes a name
            back only if Pedro is the name on record.
        said: The turns just before, which "actually it's Carla" leans on.
    """
    found: dict[str, Fact] = {}
    gone: dict[str, str] = {}
    told = tuple(sentences(clean(text)))
    on_record = {str(fact.get("key")): fact.get("value") for fact in known}
    for index, sentence in enumerate(told):
        if sentence.question:
            continue
        spans, keys = forgotten(sentence, known)
        gone.update(dict.fromkeys(keys, ""))
        gone.update(outdated(sentence, known))
        for fact in _facts(sentence, index, spans):
            before = on_record.get(fact.key)
            if before is not None and before != fact.value and _IMPLIED in fact.tags:
                continue  # who likes another anime as well has not changed favourites
            start = fact.at - index * _SENTENCE
            _keep(found, replace(fact, correction=corrects(told, index, start, before)))
        if amendment := amended(sentence, known, said):
            fact = _amendment(*amendment, sentence, index)
            found.setdefault(fact.key, fact)
    facts = sorted(found.values(), key=lambda fact: fact.at)[:MAX_FACTS]
    stated = {fact.key for fact in facts}
    gone = {key: reason for key, reason in gone.items() if key not in stated}
    return Extraction(tuple(facts), tuple(gone), told, {k: why for k, why in gone.items() if why})


def _amendment(before: Mapping[str, Any], value: str | int, sentence: Sentence, index: int) -> Fact:
    category, key = str(before.get("category") or "other"), str(before.get("key"))
    quote = _quote(sentence, 0)
    return Fact(category, key, value, 0.8, quote, index * _SENTENCE, correction=True)


def _keep(found: dict[str, Fact], fact: Fact) -> None:
    """Keep ``fact``, or number it if it is another pet; of one key the later or surer counts."""
    before, number, key = found.get(fact.key), 1, fact.key
    while before is not None and fact.category == "pets" and before.value != fact.value:
        number += 1
        fact = replace(fact, key=f"{key}_{number}")
        before = found.get(fact.key)
    if before is None or fact.confidence >= before.confidence - 0.05:
        found[fact.key] = fact


_HEDGED = re.compile(
    r"\b(?:creo que|quiza|quizas|tal vez|a lo mejor|probablemente|puede que|maybe|perhaps|probably"
    r"|i think|i guess|might)\b[^,]{0,20}$"
)
_NOUN_BEFORE = re.compile(
    r"\b(?:el|un|mi|tu|su|este|ese|del|al|en|buen|otro|este|mucho|con|de)\s+$"
)
_HOMOGRAPHS = ("trabajo", "vivo", "amo", "odio", "estudio", "juego", "curso", "vuelo", "espero")


def _facts(sentence: Sentence, index: int, skipped: Sequence[tuple[int, int]]) -> Iterator[Fact]:
    for rule in RULES:
        for match in islice(rule.trigger.finditer(sentence.folded), MAX_MATCHES):
            if any(start <= match.start() < end for start, end in skipped):
                continue
            # "mi trabajo en Google es duro": here the verb is a noun
            if match[0].startswith(_HOMOGRAPHS) and _NOUN_BEFORE.search(
                _before(sentence, match, 20)
            ):
                continue
            if not in_earnest(sentence, match.start()):
                continue
            implying = rule.read in _IMPLYING
            for fact in _read(rule.read, sentence, match, index):
                implied = implying and fact.key.startswith("favorite_")
                yield replace(fact, tags=(_IMPLIED,)) if implied else fact


def _before(sentence: Sentence, match: re.Match[str], length: int) -> str:
    return sentence.folded[max(0, match.start() - length) : match.start()]


def _read(read: Reader, sentence: Sentence, match: re.Match[str], index: int) -> Iterator[Fact]:
    start, end = match.start(), match.end()
    # readers look at no more than a few hundred characters, whatever the sentence's length
    tail = Tail(
        sentence.text[end : end + 600],
        sentence.folded[end : end + 600],
        sentence.text[max(0, start - 100) : start],
    )
    doubt = 0.7 if _HEDGED.search(_before(sentence, match, 60)) else 1.0
    quote = _quote(sentence, match.start())
    for category, key, value, confidence in read(tail, match):
        if isinstance(value, str) and not values.slug(value):
            continue  # nothing but signs
        at = index * _SENTENCE + match.start()
        yield Fact(category, key, value, confidence * doubt, quote, at)


def _quote(sentence: Sentence, start: int) -> str:
    """The sentence, or its part around ``start`` where it is long."""
    if len(sentence.text) <= values.MAX_VALUE:
        return sentence.text.strip()
    left = max(0, start - 20)
    return sentence.text[left : left + values.MAX_VALUE].strip()
