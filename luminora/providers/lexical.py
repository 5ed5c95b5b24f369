"""Words for full-text search, in English and Spanish at once.

Databases disagree on stemming, accents and languages, so Luminora prepares the words itself:
lower case, accents folded, stop words of both languages dropped, and each remaining word stemmed
by the Snowball stemmers of both languages (PyStemmer, the Snowball project's own binding). A
storage indexes the result with its plainest tokenizer, and a query goes through the same mill;
"corriendo" then finds "corre", and "running" finds "run", on every database.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from hashlib import sha1
from threading import local
from typing import Any

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_MAX_WORD = 64
_ACCENTS = re.compile("[\u0300-\u034e]+")
_LATIN_ONLY = re.compile("[\\x00-\u034e\u2000-\u206f]*")

_STOP = frozenset(
    """
    a about again all also am an and any are as at be because been but by can could did do
    does doing don for from had has have he her here hers him his how i if in into is it its
    just me more most my no nor not of off on once only or other our ours out over own s
    same she should so some such t than that the their them then there these they this those
    through to too up us very was we were what when where which while who whom why will with
    would you your yours al algo ante aquel aquella asi aun aunque cada como con cual cuando
    cuanto de del desde donde dos el ella ellas ellos en entre era eran es esa ese eso esta
    estaba estamos estan estar estas este esto estos estoy fue fueron ha habia han has hasta
    hay he la las le les lo los mas me mi mis mucho muy nada ni nos nosotros o os otra otro
    para pero poco por porque que quien se sea ser si sido sin sobre son soy su sus tambien
    tanto te tiene tienen todo todos tu tus un una unas uno unos usted ustedes va vamos van
    y ya yo
    """.split()  # noqa: SIM905 - a word list reads as prose
)

_thread = local()


def fold(text: str) -> str:
    """``text`` in lower case without accents; ñ becomes n, ß becomes ss."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    if _LATIN_ONLY.fullmatch(decomposed):
        return _ACCENTS.sub("", decomposed)  # the same, several times as fast
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def words(text: str) -> list[str]:
    """The folded words of ``text``, stop words included, in order."""
    return _WORD.findall(fold(text))


def terms(text: str) -> list[str]:
    """The searchable terms of ``text``, in order, with repetitions.

    A word that the two stemmers treat differently yields both stems; a text of nothing but stop
    words yields those, so that "quién soy yo" can still be searched for.
    """
    return [stem for stems in stemmed(text) for stem in stems]


def query_terms(text: str, limit: int = 32) -> list[str]:
    """The distinct terms of a query in order, at most ``limit`` of them."""
    return list(dict.fromkeys(terms(text)))[:limit]


def query_words(text: str, limit: int = 32) -> list[tuple[str, ...]]:
    """The distinct words of a query in order, each as the terms it may be indexed under.

    For scoring: a word that the two stemmers treat differently still counts once.
    """
    return list(dict.fromkeys(stemmed(text)))[:limit]


def stemmed(text: str) -> list[tuple[str, ...]]:
    """The telling words of ``text`` in order, repetitions included, each as the terms it has."""
    return [_stems(word[:_MAX_WORD]) for word in _telling(text)]


def is_stop(word: str) -> bool:
    """Whether a word, whatever its case and accents, says nothing of what a text is about."""
    return fold(word) in _STOP


@lru_cache(maxsize=8_192)
def stem_set(text: str) -> frozenset[str]:
    """The distinct terms of a short text, such as a fact's key or value; the latest are kept."""
    return frozenset(terms(text))


def token_of(user_id: str) -> str:
    """What stands before a user's terms in a full-text index, so that a search reads no others'.

    Eleven ASCII characters; a chance twin does no harm where rows are checked again.
    """
    return f"u{sha1(user_id.encode(), usedforsecurity=False).hexdigest()[:10]}"


def _telling(text: str) -> list[str]:
    found = words(text)
    return [word for word in found if word not in _STOP] or found


@lru_cache(maxsize=65_536)
def _stems(word: str) -> tuple[str, ...]:
    if word.isdecimal():
        return (word,)
    english, spanish = _stemmers()
    return tuple(dict.fromkeys((english.stemWord(word), spanish.stemWord(word))))


def _stemmers() -> tuple[Any, Any]:
    """One pair of stemmers per thread: the C objects are not safe to share."""
    if not hasattr(_thread, "pair"):
        import Stemmer  # noqa: PLC0415 - compiled, and only who stores or searches needs it

        _thread.pair = (Stemmer.Stemmer("english"), Stemmer.Stemmer("spanish"))
    return _thread.pair  # type: ignore[no-any-return]
