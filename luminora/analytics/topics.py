"""What a text is about: its telling words as they were written, phrases of two, and names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from luminora.analytics.figures import Topics
from luminora.analytics.tallies import Top
from luminora.providers.lexical import fold, is_stop, terms

_TOKEN = re.compile(
    r"(?P<word>[^\W\d_][^\W_]*(?:['\u2019-][^\W_]+)*)|(?P<end>[.!?…¿¡:;\n\"“”«»(]+)"
)
_LAUGHTER = re.compile(r"(?:j+[aei]+)+j*|(?:h+[ae]+)+h*|(?:lo)+l")
_LONGEST = 40
_SHORTEST = 3
_SHOWN = 25
_MOST_TOKENS = 5_000  # of one message: a pasted book is not a conversation

_FILLER = frozenset(
    """
    three four five six seven eight nine ten
    actually already anyway bad better big bit bye cool day days else even ever every fine first
    get gets getting give go goes going gonna good got great guess happened hello hey hi hope
    keep kind know last let like little long lot made make makes making many maybe mean morning
    much must need never new nice night now oh okay one people please pretty put quite really
    right said say see seem sorry still stuff sure take tell thank thanks thing things think
    though thought time today tomorrow tonight took tried try two use used want wanted way week
    well went wow yeah year years yes yesterday yet
    tres cuatro cinco seis siete ocho nueve diez medio media veces vez
    dar dan dejar dejo deja llevar lleva llevo llegar llega llego poner pone puso quedar queda
    quedo salir sale salio venir viene vino volver vuelve volvio parece hablar habla contar cuenta
    encanta encantan love loves loved happy feel feels felt come coming came
    ano anos ahi alla vida vos estas toda nuevo nueva otro otra gente manera forma parte tipo
    ahora algun alguna alguno alli amen anda aqui asi ayer bien buen buena buenas bueno buenos
    casi claro cosa cosas creo cual cualquier dale decir demas despues dia dias dice dije dijo
    digo doy entonces eres fui gracias gran grande gusta gustaria hace hacer haces haciendo hago
    hecho hice hizo hola hoy ir jaja jajaja luego manana mejor mal menos mismo misma momento
    nadie necesito noche nunca oye pasa pasado pasar pasando paso pense perdon podria pongo
    primer primera primero pude puede puedes puedo pues quiere quieres quiero quiza quizas sabes
    saber se sea seguro semana siempre siento sera sino solo tal tambien tan tarde tener tengo
    tenia tienes toda todas todavia tuve unos vale vas veces ver verdad vez voy
    """.split()  # noqa: SIM905 - a word list reads as prose
)
"""Words of small talk, besides those that full-text search passes over anyway."""


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    key: str | None
    opens: bool

    @property
    def capital(self) -> bool:
        return self.text[0].isupper() and not (len(self.text) > 1 and self.text.isupper())


class TopicTally:
    """Counts what messages are about; each thing once per message."""

    def __init__(self) -> None:
        self._words, self._phrases, self._names = Top(), Top(), Top()
        self.categories = Top(1_000)

    @property
    def exact(self) -> bool:
        """Whether there were few enough different words to count them all."""
        return self._words.exact and self._phrases.exact and self._names.exact

    def add(self, text: str) -> int:
        """Count one message; how many words it has."""
        words: dict[str, str] = {}
        phrases: dict[str, str] = {}
        names: dict[str, str] = {}
        count = 0
        for sentence in _sentences(text):
            count += len(sentence)
            words |= {word.key: word.text for word in sentence if word.key}
            phrases |= dict(_pairs(sentence))
            names |= dict(_names(sentence))
        for top, found in ((self._words, words), (self._phrases, phrases), (self._names, names)):
            for key, form in found.items():
                top.add(key, form)
        return count

    def topics(self) -> Topics:
        """The most frequent of each kind; phrases only if they came up twice."""
        return Topics(
            words=self._words.best(_SHOWN),
            phrases=self._phrases.best(_SHOWN, least=2),
            names=self._names.best(_SHOWN),
            categories=self.categories.best(_SHOWN),
        )


def _sentences(text: str) -> Iterator[list[_Word]]:
    """The words of each sentence, in order."""
    sentence: list[_Word] = []
    for count, token in enumerate(_TOKEN.finditer(unicodedata.normalize("NFC", text))):
        if token.lastgroup == "end" or count >= _MOST_TOKENS:
            if sentence:
                yield sentence
            sentence = []
            if count >= _MOST_TOKENS:
                return
        else:
            word = token["word"]
            sentence.append(_Word(word, _key(word), opens=not sentence))
    if sentence:
        yield sentence


def _pairs(sentence: list[_Word]) -> Iterator[tuple[str, str]]:
    """Telling words that stand side by side."""
    for left, right in pairwise(sentence):
        if left.key and right.key and left.key != right.key:
            yield f"{left.key} {right.key}", f"{left.text} {right.text}".casefold()


def _names(sentence: list[_Word]) -> Iterator[tuple[str, str]]:
    """Runs of capitalised words; one that opens a sentence could be any word."""
    run: list[str] = []
    for word in [*sentence, _Word("-", None, opens=False)]:
        if word.capital and word.key and (not word.opens or run):
            run.append(word.text)
        elif run:
            name = " ".join(run)
            yield fold(name), name
            run = []


@lru_cache(maxsize=65_536)
def _key(word: str) -> str | None:
    """What all forms of a word have in common; None for one that tells nothing."""
    if not _SHORTEST <= len(word) <= _LONGEST or is_stop(word):
        return None
    folded = fold(word)
    if _LAUGHTER.fullmatch(folded) or not (stems := terms(folded)):
        return None
    return None if folded in _FILLER or not _filler_stems().isdisjoint(stems) else stems[0]


@cache
def _filler_stems() -> frozenset[str]:
    """Small talk in all its forms."""
    return frozenset(stem for word in _FILLER for stem in terms(word))
