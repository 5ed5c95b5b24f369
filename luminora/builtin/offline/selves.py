"""What follows "soy" and "I'm", and where someone works: the two readers that must be choosy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from luminora.builtin.offline import values
from luminora.builtin.offline.lexicon import (
    FIELDS,
    JOBS_EN,
    JOBS_ES,
    NATIONALITIES,
    PLACES,
    TITLE_OF,
    WORKPLACES,
)
from luminora.builtin.offline.text import fold
from luminora.builtin.offline.values import Tail
from luminora.builtin.offline.words import ADJECTIVES

_SPANISH_SUFFIX = re.compile(r"(?:ologo|ologa|grafo|grafa|tecto|tecta|iatra|terapeuta|ista)$")
_NOT_JOBS = frozenset(
    [
        "optimista",
        "pesimista",
        "feminista",
        "realista",
        "egoista",
        "idealista",
        "perfeccionista",
        "madridista",
        "lista",
        "machista",
        "racista",
        "socialista",
        "comunista",
        "vista",
        "pista",
        "budista",
        "nudista",
        "extremista",
        "capitalista",
        "culturista",
        "detallista",
        "cuentista",
        "artist_",
        "taurina",
        "optimist",
        "pessimist",
        "feminist",
        "realist",
        "perfectionist",
        "atheist",
        "minimalist",
        "narcissist",
        "racist",
        "socialist",
        "communist",
        "capitalist",
        "extremist",
        "twist",
    ]
)
_ENGLISH_SUFFIX = re.compile(r"(?:ologist|grapher|ist|ician|engineer|trician)$")
_JOB_END = re.compile(
    r"\s(?:en|at|for|from|para|who|that|with|con|and|y|e|but|by|in|on|de profesion|living|working"
    r"|based"
    r"|since|desde|trabajando|viviendo|por)\s"
)
_MAX_JOB_WORDS = 5


def soy(tail: Tail, _match: re.Match[str]) -> Iterator[values.Found]:
    """After "soy": an origin, a job, a nationality or a name; an adjective is none of them."""
    origin = re.match(r"\s+(?:originari[oa] )?del? ", tail.folded)
    if origin:
        found = values.place(tail.after(origin.end()), known=True)
        if found and not re.match(r"\s+del\b", tail.folded):
            yield "location", "origin", found, 0.9
        return
    article = re.match(r"\s+(?:un |una )?", tail.folded)
    rest = tail.after(article.end() if article else 0)
    yield from _as_job(rest, "es")
    yield from _nationality(rest)
    yield from _name_and_more(tail)


def i_am(tail: Tail, _match: re.Match[str]) -> Iterator[values.Found]:
    """After "I'm": an origin, a job, a nationality or a name; a feeling is none of them."""
    origin = re.match(r"\s+(?:originally )?from ", tail.folded)
    if origin:
        found = values.place(tail.after(origin.end()), known=True)
        if found:
            yield "location", "origin", found, 0.9
        return
    article = re.match(r"\s+an? ", tail.folded)
    if article:
        yield from _as_job(tail.after(article.end()), "en")
        yield from _fan_of_team(tail.after(article.end()))
        return
    yield from _nationality(tail.after(1))
    yield from _name_and_more(tail)


def _fan_of_team(tail: Tail) -> Iterator[values.Found]:
    match = re.match(r"(?:big |huge )?([\w' ]{2,30}?) (?:fan|supporter)\b", tail.folded)
    if match and TITLE_OF.get(match[1].strip()):
        kind = TITLE_OF[match[1].strip()]
        yield "preferences", f"favorite_{kind}", tail.text[match.start(1) : match.end(1)], 0.85


def _nationality(tail: Tail) -> Iterator[values.Found]:
    word = re.match(
        r"\s*([a-z]+)(?=\W*$|[.,;!]|\s(?:y|and|but|pero|de|living|viviendo)\b)", tail.folded
    )
    if word and word[1] in NATIONALITIES:
        yield "personal_info", "nationality", tail.text[word.start(1) : word.end(1)], 0.85


def _name_and_more(tail: Tail) -> Iterator[values.Found]:
    """A name and what people add to it without a verb: "I'm Tom, 34, from Leeds"."""
    article = re.match(r"\s+(?:la|el)(?= \w+\s*(?:[,.!]|$))", tail.folded)  # "soy la Vane"
    tail = tail.after(article.end()) if article else tail
    hasty = re.match(
        r"\s+[^\W\d_]+(?=, (?:\d\d\b|[a-z]+ years old))", tail.folded
    )  # "i'm jess, 22"
    name = values.full_name(tail) if hasty else values.bare_name(tail)
    if name and article and not values.is_proper(tail.text.strip()):
        return
    if name is None or fold(name) in PLACES:
        return
    yield "personal_info", "name", name, 0.9
    end = tail.folded.find(fold(name)) + len(name)
    age = re.match(
        r",?\s+(?:y )?(?:(?:de )?(\d{1,3})(?: years old| anos|(?=\s*[,.]|\s*$)))", tail.folded[end:]
    )
    if age and 0 < int(age[1]) <= 120:  # noqa: PLR2004 - the oldest ages recorded
        yield "personal_info", "age", int(age[1]), 0.85
        end += age.end()
    lives = re.match(r",?\s+(?:and )?(?:living|based|viviendo) (?:in|en) ", tail.folded[end:])
    if lives and (home := values.place(tail.after(end + lives.end()))):
        yield "location", "location", home, 0.85
    origin = re.match(r",?\s+(?:y |and )?(?:soy )?(?:from|de|desde) ", tail.folded[end:])
    if origin:
        found = values.place(tail.after(end + origin.end()), known=True)
        if found:
            yield "location", "origin", found, 0.85


def job(language: str) -> Callable[[Tail, re.Match[str]], Iterator[values.Found]]:
    """A reader of the job after words that announce one.

    Args:
        language: ``"es"`` or ``"en"`` if the words say so plainly, ``"any"`` likewise in both,
            ``"known"`` if an adjective may follow as well ("my job is stressful").
    """

    def read(tail: Tail, _match: re.Match[str]) -> Iterator[values.Found]:
        yield from _as_job(tail, language, announced=language != "known")

    return read


def _as_job(tail: Tail, language: str, *, announced: bool = False) -> Iterator[values.Found]:
    cut = values.phrase(tail)
    end = _JOB_END.search(cut.folded)
    title = cut.until(end.start()) if end else cut
    lead = re.match(r"\s*(?:(?:un|una|el|la|an?|the)\s+)*", title.folded)
    title = title.after(lead.end() if lead else 0)
    words = title.folded.split()
    if not words or len(words) > _MAX_JOB_WORDS or words[0] in ADJECTIVES - JOBS_ES:
        return
    if not (announced or _names_a_job(words, language)):
        return
    value = title.text.strip(" '\"")[: values.MAX_VALUE]
    if not value or not values.harmless(value) or not value[0].isalpha():
        return
    yield "work", "job", value, 0.9
    if end and end[0].strip() in {"en", "at", "for", "para", "in"}:
        yield from _employer(cut.after(end.end()))


def _names_a_job(words: list[str], language: str) -> bool:
    head, last = words[0], words[-1]
    spanish = head in JOBS_ES or (
        _SPANISH_SUFFIX.search(head) is not None and head not in _NOT_JOBS
    )
    english = last in JOBS_EN or (
        _ENGLISH_SUFFIX.search(last) is not None and last not in _NOT_JOBS
    )
    return {"es": spanish, "en": english}.get(language, spanish or english)


def trabajo_en(tail: Tail, match: re.Match[str]) -> Iterator[values.Found]:
    """After "trabajo en": a field, an employer, a kind of place or a city."""
    yield from _workplace(tail, para=match[0].endswith("para"))


def i_work_at(tail: Tail, match: re.Match[str]) -> Iterator[values.Found]:
    """After "I work in", "at" or "for": the same."""
    yield from _workplace(tail, para=match[0].endswith("for"))


def _workplace(tail: Tail, *, para: bool) -> Iterator[values.Found]:
    cut = values.phrase(tail)
    role = re.search(r"\s(?:como|as)\s", cut.folded)
    if role:
        yield from _as_job(cut.after(role.end()), "any", announced=True)
        cut = cut.until(role.start())
    text = cut.folded.strip()
    plain = re.sub(r"^(?:el|la|los|las|the|sector de|mundo de|area de|industria de)\s+", "", text)
    for size in (2, 1):
        field = " ".join(plain.split()[:size])
        if field in FIELDS and not para:
            start = cut.folded.index(field)
            yield "work", "job", cut.text[start : start + len(field)], 0.85
            return
    yield from _employer(cut)


def _employer(tail: Tail) -> Iterator[values.Found]:
    """A company, a kind of workplace ("a bank") or a known city."""
    site = re.match(r"\s*(?:(?:un|una|el|la|an?|the|mi|my)\s+)(?:[\w-]+ )?([\w-]+)", tail.folded)
    kinds = [site] if site else []
    first = re.match(r"\s*(?:un|una|el|la|an?|the|mi|my)\s+([\w-]+(?: [\w-]+)?)", tail.folded)
    for found in (first, *kinds):
        for word in (found[1], found[1].split()[0]) if found else ():
            if word in WORKPLACES and found:
                start = found.start(1)
                yield "work", "workplace", tail.text[start : start + len(word)], 0.8
                return
    name = values.place(tail, known=True)
    if name is None:
        return
    if fold(name) in PLACES:
        yield "work", "work_location", name, 0.8
    elif values.is_proper(name):
        yield "work", "company", name, 0.85
