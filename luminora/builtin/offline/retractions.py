"""What the user takes back: "olvida mi dirección", "I no longer live in Paris"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from luminora.builtin.offline.lexicon import ANY_PET, JOBS_ES, PETS, RELATIONS
from luminora.builtin.offline.text import Sentence, fold
from luminora.builtin.offline.values import Tail, slug, things
from luminora.providers.vocabulary import TOPIC_OF, kind_of_animal

Known = Sequence[Mapping[str, Any]]
_JOBS = "|".join(sorted(JOBS_ES, key=len, reverse=True))
_PETS = "|".join(sorted(PETS, key=len, reverse=True))

_FORGET = re.compile(
    r"(?<![\w'])(?:olvida(?:te)?(?: de)?|olvidate|borra|elimina|suprime|no guardes|no recuerdes"
    r"|forget(?: about)?|delete|erase|remove|don't (?:remember|store|save|keep)|stop"
    r" remembering)(?=\s)"
)
_NOT_FORGET = re.compile(
    r"(?:\b(?:no|nunca|never|don't|do not|not|i|i'll|i always)\s+(?:me |te )?)$"
)
_EVERYTHING = re.compile(
    r"\s+(?:todo lo que (?:sabes|recuerdas|has guardado) (?:de|sobre) mi|todos mis datos|mis datos"
    r"|everything (?:you know |you remember |you have )?(?:about me|on me)|all my (?:data|facts))\b"
)
_MAX_REQUESTS = 20
_CLAUSE = re.compile(r"[,;:.]|\s(?:y|and|pero|but)\s")

_KEYS: tuple[tuple[str, str], ...] = (
    ("favorite_", r"(?:mi|mis|my) (?P<noun>[\w ]{2,30}?) (?:favorit|preferid)"),
    ("favorite_", r"my favou?rite (?P<noun>[\w-]+(?: [\w-]+)?)"),
    ("name", r"mi nombre|como me llamo|que me llamo|my name|what i'm called|that i'm called"),
    ("address", r"mi direccion|my (?:home )?address"),
    (
        "location",
        (
            r"donde vivo|mi ciudad|mi ubicacion|que vivo en|where i live|my (?:location|city)"
            r"|(?:that )?i live in"
        ),
    ),
    ("origin", r"de donde soy|que soy de|where i'm from|where i come from|my hometown"),
    ("age", r"mi edad|cuantos anos tengo|que tengo \w+ anos|my age|how old i am"),
    ("birthday", r"mi cumple|mi fecha de nacimiento|my (?:birthday|bday|birth date|date of birth)"),
    (
        "job",
        (
            r"mi (?:trabajo|profesion|oficio|empleo)|a que me dedico|my (?:job|occupation"
            r"|profession)"
            r"|what i do for"
        ),
    ),
    ("company", r"mi empresa|donde trabajo|que trabajo en|my (?:company|employer)|where i work"),
    ("phone", r"mi (?:numero|telefono|movil|celular)|my (?:phone|number|cell|mobile)"),
    ("email", r"mi (?:email|correo|e-mail)|my e-?mail"),
    (
        "travel_destination",
        r"mi viaje|que voy a|adonde voy|a donde voy|my (?:trip|travel)|where i'm going",
    ),
    ("studies", r"mis estudios|que estudio|my studies|what i study"),
    ("languages", r"(?:mis|los) idiomas|(?:my|the) languages"),
    ("hobby", r"mis? (?:hobb|aficion|pasatiempo)|my hobb"),
    ("likes", r"mis gustos|(?:lo )?que me gusta\b(?! \w)|my likes|what i like"),
    ("allergy", r"mis? alergia|my allerg"),
    ("goal", r"mis? (?:metas?|objetivo|sueno)|my (?:goal|dream)"),
    ("relationship_status", r"mi estado civil|que estoy casad|my (?:marital|relationship) status"),
)
_KEY = tuple((key, re.compile(rf"\s+(?:de )?(?:{pattern})")) for key, pattern in _KEYS)
_LIKED = re.compile(
    r"\s+(?:(?:que )?(?:(?P<no>no) )?me (?:gust|encant)\w*|(?:that )?i (?:(?P<hate>hate|don't"
    r" like)|like|love))"
    r"(?=\s)"
)
_MINE = re.compile(
    r"\s+(?:de )?(?:como se llaman? |el nombre de |the name of )?(?:mi|my)"
    r" (?:best |mejor )?(?P<noun>[a-z]+(?:-in-law)?)"
)


def forgotten(sentence: Sentence, known: Known) -> tuple[list[tuple[int, int]], list[str]]:
    """What the user asks to be forgotten.

    Returns:
        The spans of the sentence that say so, where no fact is to be read, and the keys.
    """
    spans: list[tuple[int, int]] = []
    keys: list[str] = []
    for match in islice(_FORGET.finditer(sentence.folded), _MAX_REQUESTS):
        if _NOT_FORGET.search(sentence.folded[max(0, match.start() - 40) : match.start()]):
            continue  # "no olvides mi nombre", "I forget my address all the time"
        rest = sentence.folded[match.end() : match.end() + 300]
        end = _CLAUSE.search(rest)
        span = (match.end(), match.end() + (end.start() if end else len(rest)))
        spans.append(span)
        tail = Tail(sentence.text[span[0] : span[1]], sentence.folded[span[0] : span[1]])
        keys.extend(_asked_keys(tail, known))
    return spans, keys


def _asked_keys(tail: Tail, known: Known) -> Iterator[str]:
    if _EVERYTHING.match(tail.folded):
        yield from (str(fact.get("key")) for fact in known if fact.get("key"))
        return
    for key, pattern in _KEY:
        match = pattern.match(tail.folded)
        if match:
            noun = match.groupdict().get("noun")
            yield f"favorite_{TOPIC_OF.get(noun) or slug(noun)}" if noun else key
            return
    liked = _LIKED.match(tail.folded)
    if liked:
        prefix = "dislikes" if liked["no"] or liked["hate"] else "likes"
        yield from (f"{prefix}_{slug(value)}" for value in things(tail.after(liked.end())))
        return
    mine = _MINE.match(tail.folded)
    if mine and mine["noun"] in PETS:
        yield from _pets(mine["noun"], known)
    elif mine and mine["noun"] in RELATIONS:
        yield f"{RELATIONS[mine['noun']]}_name"


def _pets(noun: str, known: Known) -> list[str]:
    """The keys of the pets of that kind; of the first pet if none is known."""
    kind = kind_of_animal(noun)
    numbers = [
        str(fact["key"]).removeprefix("pet_type")
        for fact in known
        if str(fact.get("key", "")).startswith("pet_type")
        and (noun in ANY_PET or kind_of_animal(fact.get("value")) == kind)
    ]
    return [f"{part}{number}" for number in numbers or [""] for part in ("pet_name", "pet_type")]


_NO_LONGER = tuple(
    (
        key,
        re.compile(
            rf"(?<![\w'])(?:ya no (?:{spanish})|i (?:no longer (?:{english})"
            rf"|don't (?:{english})(?=[^.]*\b(?:anymore|any more)\b)))"
        ),
    )
    for key, spanish, english in (
        ("location", "vivo en", "live in"),
        ("company", "trabajo (?:en|para)", "work (?:at|for|in)"),
        ("job", rf"trabajo (?:como|de)|soy (?:un |una )?(?:{_JOBS})\b", "work as"),
        ("studies", "estudio", "study"),
        ("travel_destination", "voy a|viajo a", "travel to"),
        ("pet_name", rf"tengo (?:un |una |mi )?(?:{_PETS})\b", rf"have (?:a|my) (?:{_PETS})\b"),
    )
)
_NO_LONGER_LIKED = re.compile(
    r"(?<![\w'])(?:ya no me (?:gustan?|encantan?)|i no longer (?:like|love)|i don't (?:like|love)"
    r"(?=[^.]*\b(?:anymore|any more)\b))"
)
_NOT_MY = re.compile(
    r"(?<![\w'])(?:no me llamo|no soy|my name(?: is not| isn't|'s not)|i(?:'m| am)"
    r" not)\s+(?P<value>\w+)"
    r"|(?<![\w'])(?:no vivo en|i don't live in)\s+(?P<place>\w+(?: \w+)?)"
)


_NOT_ALLERGIC = re.compile(
    r"(?<![\w'])(?:(?:ya )?no (?:soy alergic[oa]|tengo alergia)|i(?:'m| am) (?:not|no longer)"
    r" allergic) (?:al?|to)\b"
)


def outdated(sentence: Sentence, known: Known) -> Iterator[tuple[str, str]]:
    """The keys of what has ``ended``, or was ``wrong``: denied although it is on record."""
    if sentence.joke >= 0:
        return
    for key, pattern in _NO_LONGER:
        if match := pattern.search(sentence.folded):
            noun = match[0].rsplit(maxsplit=1)[-1]
            for gone in _pets(noun, known) if key == "pet_name" else [key]:
                yield gone, "ended"
    for match in islice(_NO_LONGER_LIKED.finditer(sentence.folded), _MAX_REQUESTS):
        end = match.end()
        tail = Tail(sentence.text[end : end + 600], sentence.folded[end : end + 600])
        yield from ((f"likes_{slug(value)}", "ended") for value in things(tail))
    keys = {fact.get("key") for fact in known}
    for match in islice(_NOT_ALLERGIC.finditer(sentence.folded), _MAX_REQUESTS):
        end = match.end()
        tail = Tail(sentence.text[end : end + 600], sentence.folded[end : end + 600])
        over = "ended" if re.search(r"\b(?:ya|longer)\b", match[0]) else "wrong"
        denied = (f"allergy_{slug(value)}" for value in things(tail))
        yield from ((key, over) for key in denied if key in keys)
    recorded = {str(fact.get("key")): fold(str(fact.get("value"))) for fact in known}
    for match in islice(_NOT_MY.finditer(sentence.folded), _MAX_REQUESTS):
        if match["value"] and recorded.get("name", "").split(" ")[0] == match["value"]:
            yield "name", "wrong"
        if match["place"] and match["place"].startswith(recorded.get("location", "\0")):
            yield "location", "wrong"
