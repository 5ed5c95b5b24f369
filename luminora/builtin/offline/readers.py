"""Read a fact after the words that announce it: ages, tastes, goals, languages, journeys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from luminora.builtin.offline import values
from luminora.builtin.offline.lexicon import LANGUAGES, TITLE_OF, TITLES, word_set
from luminora.builtin.offline.text import fold
from luminora.builtin.offline.values import Found, Tail, slug
from luminora.builtin.offline.words import ADJECTIVES
from luminora.providers.vocabulary import TOPIC_OF

Reader = Callable[[Tail, re.Match[str]], Iterator[Found]]
"""Yields the facts that stand after a trigger's match."""


def one(
    category: str, key: str, value: Callable[[Tail], str | None], confidence: float = 0.9
) -> Reader:
    """A reader of one value under one key; ``{}`` in the key becomes the value's slug."""

    def read(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
        found = value(tail)
        if found:
            yield category, key.format(slug(found)), found, confidence

    return read


def several(category: str, key: str, confidence: float = 0.9) -> Reader:
    """A reader of one thing or a short list, each under a key of its own."""

    def read(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
        for found in values.things(tail):
            yield category, key.format(slug(found)), found, confidence

    return read


def age(tail: Tail, match: re.Match[str]) -> Iterator[Found]:
    """Years lived: "tengo 28 años", "I'm 28"; not "28 minutes late"."""
    found = values.number(tail.folded)
    if found is None:
        return
    age, end = found
    rest = tail.folded[end:]
    certain = re.match(
        r"\s*(?:anos?|tacos|anitos|years? old|year-old|yrs? old|y/?o|years of age)\b(?! (?:de"
        r" (?!edad)|en |con |sin"
        r"|como |trabaj|vivi|casad|aqui|experien|of exp|estudi|llev|menos|mas))",
        rest,
    )
    plain = not match[0].startswith("tengo") and re.match(
        r"\s*(?:$|[.!,;](?!\d)|and\b|but\b|now\b|today\b|hoy\b|ayer\b|manana\b|tomorrow\b|last\b|living\b"
        r"|from\b)",
        rest,
    )
    if 0 < age <= 120 and (certain or plain):  # noqa: PLR2004 - the oldest ages recorded
        yield "personal_info", "age", age, 0.95 if certain else 0.8


def favorite(tail: Tail, match: re.Match[str]) -> Iterator[Found]:
    """What a favourite is: "mi color favorito es el azul"."""
    noun = match["noun"].strip()
    if noun in {"thing", "part", "cosa", "parte"}:
        return
    topic = TOPIC_OF.get(noun) or slug(noun)
    value = values.thing(_without_ser(tail))
    if value and values.slug(value):
        yield "preferences", f"favorite_{topic}", value, 0.95


def _without_ser(tail: Tail) -> Tail:
    lead = re.match(r"\s*(?:sin duda|definitely|probably|obviously|still|always)\s+", tail.folded)
    return tail.after(lead.end()) if lead else tail


_ITS_NOUN = re.compile(
    r"\s+(?:(?P<es>[\w-]+(?: de [\w-]+)?) (?:favorit|preferid)|(?:all-time )?(?:favou?rite|fave?)"
    r" (?P<en>[\w-]+(?: [\w-]+)?))"
)


def is_my_favorite(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    """A favourite named first: "Naruto es mi anime favorito"."""
    noun, value = _ITS_NOUN.match(tail.folded), values.subject(tail)
    if noun is None or value is None:
        return
    words = noun["es"] or noun["en"]
    topic = TOPIC_OF.get(words) or TOPIC_OF.get(words.split()[0]) or slug(words)
    yield "preferences", f"favorite_{topic}", value, 0.9


def likes(tail: Tail, match: re.Match[str]) -> Iterator[Found]:
    """What is liked, and what kind of favourite it is if it is a known title."""
    if match[0].startswith(("i love", "i like", "i really")) and tail.folded.startswith(" to "):
        tail = tail.after(3)
    for value in values.things(tail):
        yield "preferences", f"likes_{slug(value)}", value, 0.9
        kind = TITLE_OF.get(fold(value))
        if kind:
            yield "preferences", f"favorite_{kind}", value, 0.8


def dislikes(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    """What is disliked."""
    for value in values.things(tail):
        yield "preferences", f"dislikes_{slug(value)}", value, 0.9


def fan(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    """What someone is a fan of; a known title becomes a favourite of its kind."""
    value = values.thing(tail)
    if value is None:
        return
    value = re.split(r"\s+(?:y|and)\s+", value)[0]
    kind = TITLE_OF.get(fold(value))
    if kind is None:
        yield "preferences", f"likes_{slug(value)}", value, 0.85
    else:
        yield "preferences", f"favorite_{kind}", value, 0.85


def supports(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    """The team someone supports."""
    value = values.place(tail, known=True)
    if value and (values.is_proper(value) or fold(value) in TITLES["team"]):
        yield "preferences", "favorite_team", value, 0.85


def from_list(category: str, key: str, known: frozenset[str], confidence: float = 0.9) -> Reader:
    """A reader of the first word or two, if the list holds them."""

    def read(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
        lead = re.match(r"\s*(?:a |an |un |una |muy |strictly )?([\w-]+)", tail.folded)
        if lead and lead[1] in known:
            value = tail.text[lead.start(1) : lead.end(1)]
            yield category, key.format(slug(value)), value, confidence

    return read


def languages(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    """The languages someone speaks, as one text."""
    cut = values.phrase(tail, commas=True)
    if not any(word in LANGUAGES for word in re.findall(r"\w+", cut.folded)[:4]):
        return
    last = [match for match in re.finditer(r"\w+", cut.folded) if match[0] in LANGUAGES][-1]
    value = cut.text[: last.end()].strip()
    if values.harmless(value):
        yield "personal_info", "languages", value, 0.9


def goal(tail: Tail, match: re.Match[str]) -> Iterator[Found]:
    """What is aspired to: anything after "mi meta es", else only what takes more than a day."""
    lead = re.match(r"\s*(?:poder |ser capaz de |be able to |to )?", tail.folded)
    tail = tail.after(lead.end() if lead else 0)
    cut = values.phrase(tail)
    first = re.match(r"[\w-]+", cut.folded)
    if first is None:
        return
    announced = match["announced"] is not None
    if not announced and first[0] not in _ASPIRATIONS:
        return
    value = " ".join(cut.text.split())[: values.MAX_VALUE].strip(" ,'\"")
    if not announced and not _is_whole(fold(value)):
        return
    if first[0] in ADJECTIVES or first[0] in {"que", "no", "not", "that"} or len(value) < 4:  # noqa: PLR2004
        return
    if values.harmless(value) and not re.search(r"\b(?:you|contigo|te|your|tu)\b", cut.folded):
        yield "goals", f"goal_{slug(value)}", value, 0.85


_INTRANSITIVE = frozenset(
    [
        "adelgazar",
        "casarme",
        "mudarme",
        "graduarme",
        "viajar",
        "emprender",
        "retire",
        "marry",
        "travel",
    ]
)
_SOME_GETTING = re.compile(
    r"(?:get|have|tener) (?!an? |un |una |my own|into |in shape|better|stronger|fit|married"
    r"|promoted|hijos|kids|children)"
)


def _is_whole(folded: str) -> bool:
    """Whether an aspiration says what is aspired to: "places I want to visit" does not."""
    words = folded.split()
    if _SOME_GETTING.match(folded) or words[-1] in {
        "it",
        "them",
        "that",
        "this",
        "lo",
        "eso",
        "esto",
    }:
        return False
    return len(words) > 1 or words[0] in _INTRANSITIVE


_ASPIRATIONS = frozenset(
    [
        "aprender",
        "viajar",
        "ser",
        "comprar",
        "comprarme",
        "estudiar",
        "trabajar",
        "vivir",
        "escribir",
        "correr",
        "perder",
        "dejar",
        "terminar",
        "conseguir",
        "montar",
        "crear",
        "abrir",
        "mejorar",
        "ahorrar",
        "publicar",
        "visitar",
        "conocer",
        "casarme",
        "mudarme",
        "tener",
        "adelgazar",
        "ganar",
        "construir",
        "empezar",
        "graduarme",
        "cambiar",
        "adoptar",
        "emprender",
        "recorrer",
        "superar",
        "lograr",
        "convertirme",
        "irme",
        "formar",
        "learn",
        "travel",
        "become",
        "buy",
        "study",
        "work",
        "live",
        "write",
        "run",
        "lose",
        "quit",
        "finish",
        "get",
        "start",
        "create",
        "open",
        "improve",
        "save",
        "publish",
        "visit",
        "marry",
        "move",
        "have",
        "win",
        "build",
        "graduate",
        "change",
        "adopt",
        "climb",
        "explore",
        "retire",
        "master",
        "achieve",
        "speak",
        "finish",
    ]
)


_CIRCUMSTANCE = re.compile(
    r"\s(?:en|in|con|with|at|desde|every|todos|todas|cada|por las?|los|on|para|for|since)\s"
)


def activity(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    """What someone plays, collects or practises."""
    end = _CIRCUMSTANCE.search(tail.folded)
    for value in values.things(tail.until(end.start()) if end else tail):
        if len(value.split()) > 4 or fold(value) in ADJECTIVES:  # noqa: PLR2004
            return
        yield "hobbies", f"hobby_{slug(value)}", value, 0.85


_NOT_SUBJECTS = word_set(
    "en in at con with para for por mucho hard every poco bien toda todo demasiado abroad here"
    " alone online a until till solo sola desde mejor"
)


def studies(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    """The subject studied; not where, when or how hard."""
    cut = values.phrase(tail)
    place = re.search(r"\s(?:en|at|in|con|with|por|para|for)\s", cut.folded)
    value = values.thing(cut.until(place.start()) if place else cut)
    head = fold(value).split()[0] if value else ""
    if value and head not in _NOT_SUBJECTS:
        yield "work", "studies", value, 0.85


def free(tail: Tail) -> str | None:
    """A value that may hold commas and digits: an address."""
    cut = values.phrase(tail, commas=True)
    value = cut.text.strip(" ,")[: values.MAX_VALUE]
    return value if re.search(r"\d", value) and values.harmless(value) else None


def matching(pattern: str) -> Callable[[Tail], str | None]:
    """A reader of what fits ``pattern`` right after the trigger."""
    compiled = re.compile(rf"\s*(?:es|is|:|el|the|,)*\s*({pattern})")

    def value(tail: Tail) -> str | None:
        match = compiled.match(tail.folded)
        return tail.text[match.start(1) : match.end(1)].strip() if match else None

    return value


def known_place(tail: Tail) -> str | None:
    """A place that is capitalised or known; "soy de letras" names none."""
    return values.place(tail, known=True)


_BEHIND = re.compile(r"\b(?:last|ago|was|were|pasad[oa]|fue|estuvo|hace)\b")
_BEHIND_BEFORE = re.compile(r"\b(?:from|during|after|since|durante|tras|de|desde|remember)\s*$")


def destination(tail: Tail) -> str | None:
    """A place still to be gone to: "my trip to Banff last year" is over."""
    if _BEHIND_BEFORE.search(tail.before.lower()) or _BEHIND.search(tail.folded[:60]):
        return None
    return known_place(tail)


def travel(tail: Tail, _match: re.Match[str]) -> Iterator[Found]:
    """Where someone is going: "voy al Himalaya"."""
    lead = re.match(r"\s*(?:al?|para)\s+", tail.folded)
    value = destination(tail.after(lead.end()) if lead else tail)
    if value:
        yield "travel", "travel_destination", value, 0.9
