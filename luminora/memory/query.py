"""What is looked for: the words of a question, those that mean the same, and whom it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Final

from luminora.memory.thesaurus import related
from luminora.providers import Row
from luminora.providers.lexical import fold, query_words, stem_set, stemmed

RELATED_WEIGHT: Final = 0.5
"""What a word that was added counts beside one that was asked for."""

MAX_WORDS: Final = 32
"""Words of a question that count; a storage looks for no more either."""

MAX_ADDED: Final = 24

ABOUT_TALKING: Final = 0.2
"""What a word about the conversation itself counts: "when did we talk about …"."""

_TALKING: Final = """
hablar hablamos hablado hablabamos conversar conversamos conversacion platicar platicamos charlar
charlamos dije dijiste dijimos decir dicho conte contaste contar mencionar mencione mencionamos
recordar recuerdas acuerdas acordar comentar comentamos talk talked talking speak spoke mention
mentioned discuss discussed conversation remember tell told say said
"""

_ME = re.compile(r"\b(?:i|i'm|i've|my|mine|me|mi|mis|mio|mia|yo|conmigo)\b")
_YOU_SAID = re.compile(
    r"\b(?:you (?:say|said|tell|told|promise|promised|suggest|suggested|recommend|recommended)"
    r"|(?:me )?(?:dijiste|contaste|prometiste|recomendaste|sugeriste|respondiste))\b"
    r"|\bdid you (?:say|tell|promise|suggest|recommend)\b"
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word that is looked for.

    Attributes:
        text: As it was asked, or added.
        stems: The terms it may be indexed under.
        weight: 1 for one that was asked for.
        reason: Why it was added; empty for one that was asked for.
    """

    text: str
    stems: tuple[str, ...]
    weight: float = 1.0
    reason: str = ""


@dataclass(frozen=True)
class Query:
    """A question as the search takes it.

    Attributes:
        text: As it was asked.
        meaning: The same without the names of speakers, for the search by meaning.
        words: What to look for, the asked words first.
        speakers: Folded first names of those it is about; what they said counts more.
        role: ``"user"`` or ``"assistant"`` where a pronoun says whose words are meant.
    """

    text: str
    meaning: str
    words: tuple[Word, ...]
    speakers: frozenset[str] = frozenset()
    role: str | None = None

    @classmethod
    def of(cls, text: str, names: Iterable[str] = ()) -> Query:
        """Understand ``text``, where ``names`` are those of the people who speak.

        The names are left out of the words and of the meaning: there they would only find
        messages that address those people. What a named person *said* counts more instead.
        """
        known = list(names)
        bare = without_names(text, known)
        asked = _asked(bare)
        folded = fold(text)
        named = frozenset(
            part
            for name in known
            for part in fold(name).split()
            if len(part) > 1 and re.search(rf"\b{re.escape(part)}\b", folded)
        )
        query = cls(text, bare, tuple(asked), named, None if named else _role(folded))
        return query.widened((word, f"like '{source}'") for word, source in related(bare))

    def widened(self, added: Iterable[tuple[str, str]]) -> Query:
        """The same with further words, each with the reason why, at a lower weight."""
        known = set(self.stems)
        fresh: list[Word] = []
        for text, reason in added:
            for spelled, stems in _spelled(text):
                if known.isdisjoint(stems) and len(fresh) < MAX_ADDED:
                    fresh.append(Word(spelled, stems, RELATED_WEIGHT, reason))
                    known.update(stems)
        return replace(self, words=(*self.words, *fresh)) if fresh else self

    @property
    def lexical(self) -> str:
        """The text for a storage's search by words."""
        return " ".join(word.text for word in self.words) or self.meaning

    @property
    def added(self) -> list[Word]:
        """The words that were not asked for."""
        return [word for word in self.words if word.reason]

    @cached_property
    def stems(self) -> frozenset[str]:
        """The terms of all its words."""
        return frozenset(stem for word in self.words for stem in word.stems)

    def meant(self, row: Row) -> float:
        """How surely the message was said by whom the question is about: 0, or 1, or 2 for roles.

        A person's name may be there for other reasons; "my" and "you said" leave no doubt.
        """
        if self.speakers:
            spoken = fold(row["speaker_name"] or "").split()
            return float(not self.speakers.isdisjoint(spoken))
        return 2.0 * (self.role is not None and row["speaker"] == self.role)


def _asked(text: str) -> list[Word]:
    """The words of a question; those about talking count little beside what was talked about."""
    found = _spelled(text)
    aside = [not _talking().isdisjoint(stems) for _, stems in found]
    weights = [1.0] * len(found) if all(aside) else [ABOUT_TALKING if it else 1.0 for it in aside]
    return [Word(text, stems, weight) for (text, stems), weight in zip(found, weights, strict=True)]


@cache
def _talking() -> frozenset[str]:
    return stem_set(_TALKING)


def _spelled(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """The distinct words of ``text`` that tell something, each with its stems."""
    found: dict[tuple[str, ...], str] = {}
    for word in re.findall(r"[^\W_]+", fold(text)):
        (stems,) = stemmed(word)
        found.setdefault(stems, word)
    telling = query_words(text, MAX_WORDS)
    return [(found[stems], stems) for stems in telling if stems in found]


def _role(folded: str) -> str | None:
    """Whose words a question means by its pronouns; None where it does not say."""
    if _YOU_SAID.search(folded):
        return "assistant"
    return "user" if _ME.search(folded) else None


def without_names(query: str, names: Iterable[str]) -> str:
    """``query`` without the names and their possessives; unchanged if nothing would be left."""
    words = [re.escape(part) for name in names for part in name.split() if len(part) > 1]
    if not words:
        return query
    pattern = rf"\b(?:{'|'.join(words)})\b(?:['\u2019]s)?"
    rest = " ".join(re.sub(pattern, " ", query, flags=re.IGNORECASE).split())
    return rest if re.search(r"\w{2}", rest) else query
