"""People and animals of the user's: "mi hermano Luis", "our rabbit, Clover", "I have two kids"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from luminora.builtin.offline import values
from luminora.builtin.offline.lexicon import ANY_PET, PETS, RELATIONS, RELATIVES, word_set
from luminora.builtin.offline.text import fold
from luminora.builtin.offline.values import Tail
from luminora.providers.vocabulary import kind_of_animal

_NOUN = re.compile(
    r"\s+(?:mejor |best |mayor |older |younger |little |big |elder |twin |otr[oa] |other "
    r"|querid[oa] "
    r"|dear |viej[oa] |old |precios[oa] |new |nuev[oa] )?(?P<noun>guinea pig|[a-z]+(?:-in-law)?)"
)
_NAMED = re.compile(
    r"(?:,? (?:(?:mayor|menor|pequen[oa]|mellizo|melliza|gemel[oa]) )?(?:que )?(?:se llama(?:ba)?"
    r"|llamad[oa])| (?:is|was) (?:called|named)|'s name (?:is|was)|,? (?:named|called))(?= )"
)
_IS = re.compile(r" (?:es|is)(?= )")
_OLDER = re.compile(r" (?:mayor|menor|pequen[oa]|gemel[oa])(?= )")


def my_relation(tail: Tail, _match: re.Match[str]) -> Iterator[values.Found]:
    """After "mi" or "my": a relative, partner, friend or pet, and the name if one is given."""
    noun = _NOUN.match(tail.folded)
    if noun is None or noun["noun"] not in PETS | RELATIONS.keys():
        return
    if re.search(r"(?<!nombre)(?<!name) (?:de|of)\s*$", tail.before.lower()):
        return  # "el perro de mi vecino": someone else's
    rest = tail.after(noun.end())
    if rest.folded.startswith("'s") and not rest.folded.startswith("'s name"):
        return
    yield from _related(tail.text[noun.start("noun") : noun.end("noun")], _name_in(rest))


def _name_in(rest: Tail) -> str | None:
    named = _NAMED.match(rest.folded)
    if named:
        return values.full_name(rest.after(named.end()))
    if rest.folded.startswith(","):
        return _between_commas(rest)
    older = _OLDER.match(rest.folded)
    rest = rest.after(older.end()) if older else rest
    is_ = _IS.match(rest.folded)
    if is_ is None:
        return values.name_beside(rest) if rest.folded.startswith(" ") else None
    name = values.bare_name(rest.after(is_.end()))
    # in lower case only a known first name is one, and only right beside the noun
    return name if name and rest.folded.startswith(" ") else None


def _between_commas(rest: Tail) -> str | None:
    """The name in "our rabbit, Clover, escaped"."""
    match = re.match(r", (\w+(?: \w+)?)(?:,|\W*$)", rest.text)
    return values.bare_name(Tail(match[1], fold(match[1]))) if match else None


def _related(noun: str, name: str | None) -> Iterator[values.Found]:
    folded = fold(noun)
    if folded in PETS:
        if folded not in ANY_PET:
            yield "pets", "pet_type", noun, 0.9 if name else 0.75
        if name:
            yield "pets", "pet_name", name, 0.9
    elif name:
        category = "family" if folded in RELATIVES else "relationships"
        yield category, f"{RELATIONS[folded]}_name", name, 0.9


def owned_pet(tail: Tail, _match: re.Match[str]) -> Iterator[values.Found]:
    """After "tengo" or "I have": a pet or a relative, with the name if one is given."""
    article = re.match(r"\s+(?:un|una|an?)(?=\s)", tail.folded)
    rest = tail.after(article.end() if article else 0)
    noun = _NOUN.match(rest.folded)
    if noun is None or noun["noun"] not in PETS | RELATIONS.keys():
        return
    after = rest.after(noun.end())
    named = _NAMED.match(after.folded)
    name = values.full_name(after.after(named.end())) if named else _name_in(after)
    yield from _related(rest.text[noun.start("noun") : noun.end("noun")], name)


_CHILDREN = word_set("hijos hijas ninos children kids sons daughters")
_SIBLINGS = word_set("hermanos hermanas siblings brothers sisters")


def counted_relatives(tail: Tail, _match: re.Match[str]) -> Iterator[values.Found]:
    """After "tengo" or "I have": how many children or siblings."""
    found = values.number(tail.folded)
    if found is None:
        return
    count, end = found
    noun = re.match(r"\s+(\w+)", tail.folded[end:])
    if noun and noun[1] in _CHILDREN:
        yield "family", "children", count, 0.9
    elif noun and noun[1] in _SIBLINGS:
        yield "family", "siblings", count, 0.9


_NAMES = re.compile(
    r"\s+\w+ (?P<noun>[a-z]{2,20}s)(?:,| que se llaman| llamad[oa]s| called| named|:)\s"
)


def named_pets(tail: Tail, _match: re.Match[str]) -> Iterator[values.Found]:
    """After "tengo" or "I have": several pets with their names, "dos perros, Lua y Tango"."""
    if values.number(tail.folded) is None:
        return
    noun = _NAMES.match(tail.folded)
    if noun is None or kind_of_animal(noun["noun"]) == noun["noun"]:
        return
    yield "pets", "pet_type", tail.text[noun.start("noun") : noun.end("noun")], 0.9
    for found in values.things(tail.after(noun.end() - 1)):
        name = values.bare_name(Tail(found, fold(found)))
        if name is None:
            return
        yield "pets", "pet_name", name, 0.9


def called_relation(tail: Tail, _match: re.Match[str]) -> Iterator[values.Found]:
    """After "el nombre de mi" or "the name of my": who, and their name."""
    match = re.match(r"\s+([a-z-]+) (?:es|is)(?= )", tail.folded)
    if match and match[1] in PETS | RELATIONS.keys():
        noun = tail.text[match.start(1) : match.end(1)]
        yield from _related(noun, values.full_name(tail.after(match.end())))


def is_my_relation(tail: Tail, _match: re.Match[str]) -> Iterator[values.Found]:
    """After "es mi" or "is my": who someone named before is."""
    noun, name = _NOUN.match(tail.folded), values.subject(tail)
    if noun is None or name is None or noun["noun"] not in PETS | RELATIONS.keys():
        return
    if values.bare_name(Tail(name, fold(name))):
        yield from _related(tail.text[noun.start("noun") : noun.end("noun")], name)
