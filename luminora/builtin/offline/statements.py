"""How a fact is told back: as a clause ("vives en Madrid") and as an answer to hearing it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from luminora.builtin.offline.lexicon import FIELDS, word_set
from luminora.builtin.offline.text import fold

Fact = Mapping[str, Any]
MAX_SHOWN = 120

_CLAUSES_ES = {
    "name": "[te llamas|se llama] {v}",
    "age": "[tienes|tiene] {v} años",
    "location": "[vives|vive] en {v}",
    "origin": "[eres|es] de {v}",
    "nationality": "[tu|su] nacionalidad: {v}",
    "birthday": "[tu|su] cumpleaños: {v}",
    "address": "[tu|su] dirección: {v}",
    "email": "[tu|su] correo: {v}",
    "phone": "[tu|su] teléfono: {v}",
    "company": "[trabajas|trabaja] en {v}",
    "workplace": "[trabajas|trabaja] en este lugar: {v}",
    "work_location": "[trabajas|trabaja] en {v}",
    "studies": "[estudias|estudia] {v}",
    "children": "[tienes|tiene] hijos: {v}",
    "siblings": "[tienes|tiene] hermanos: {v}",
    "hobby": "[tu|su] afición: {v}",
    "languages": "[hablas|habla] {v}",
    "native_language": "[tu|su] lengua materna: {v}",
    "diet": "[tu|su] dieta: {v}",
    "condition": "[tienes|tiene] {v}",
    "relationship_status": "[tu|su] estado civil: {v}",
    "wake_time": "[te levantas|se levanta] a las {v}",
}
_CLAUSES_EN = {
    "name": "your name is {v}",
    "age": "you are {v} years old",
    "location": "you live in {v}",
    "origin": "you are from {v}",
    "nationality": "your nationality: {v}",
    "birthday": "your birthday: {v}",
    "address": "your address: {v}",
    "email": "your email: {v}",
    "phone": "your phone: {v}",
    "company": "you work at {v}",
    "workplace": "you work at this place: {v}",
    "work_location": "you work in {v}",
    "studies": "you study {v}",
    "children": "your children: {v}",
    "siblings": "your siblings: {v}",
    "hobby": "your hobby: {v}",
    "languages": "you speak {v}",
    "native_language": "your first language: {v}",
    "diet": "your diet: {v}",
    "condition": "you have {v}",
    "relationship_status": "your relationship status: {v}",
    "wake_time": "you get up at {v}",
}
_PREFIXED = {
    "es": {
        "goal_": "[quieres|quiere] {v}",
        "allergy_": "[tienes|tiene] alergia a {v}",
        "hobby_": "[tu|su] afición: {v}",
    },
    "en": {
        "goal_": "you want to {v}",
        "allergy_": "you are allergic to {v}",
        "hobby_": "your hobby: {v}",
    },
}
_GROUPS = {
    "es": {"likes_": "[te|le] gusta esto: {v}", "dislikes_": "no [te|le] gusta esto: {v}"},
    "en": {"likes_": "you like {v}", "dislikes_": "you don't like {v}"},
}
_TOPIC_ES = {
    "color": "color",
    "food": "comida",
    "dish": "plato",
    "drink": "bebida",
    "dessert": "postre",
    "fruit": "fruta",
    "movie": "película",
    "book": "libro",
    "song": "canción",
    "series": "serie",
    "anime": "anime",
    "manga": "manga",
    "game": "juego",
    "band": "banda",
    "singer": "cantante",
    "team": "equipo",
    "sport": "deporte",
    "animal": "animal",
    "number": "número",
    "season": "estación",
    "city": "ciudad",
    "country": "país",
    "music": "música",
    "genre": "género",
    "subject": "asignatura",
    "day": "día",
    "flower": "flor",
    "actor": "actor",
    "actress": "actriz",
    "artist": "artista",
    "author": "autor",
    "character": "personaje",
    "ice_cream": "helado",
    "place": "lugar",
}
_FEMININE = word_set(
    "food drink fruit movie song series band season city music subject flower actress"
)
RELATION_ES = {
    "brother": "hermano",
    "sister": "hermana",
    "mother": "madre",
    "father": "padre",
    "son": "hijo",
    "daughter": "hija",
    "grandmother": "abuela",
    "grandfather": "abuelo",
    "aunt": "tía",
    "uncle": "tío",
    "cousin": "primo o prima",
    "nephew": "sobrino",
    "niece": "sobrina",
    "partner": "pareja",
    "friend": "amigo o amiga",
    "boss": "jefe o jefa",
    "coworker": "colega",
    "roommate": "compañía de piso",
    "teacher": "profe",
    "neighbor": "vecino o vecina",
    "mother_in_law": "suegra",
    "father_in_law": "suegro",
    "sister_in_law": "cuñada",
    "brother_in_law": "cuñado",
    "grandson": "nieto",
    "granddaughter": "nieta",
}


def shown(value: Any) -> str:
    """A stored value as one short line of plain text, whatever it holds."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    text = " ".join(text.split())
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN].rstrip() + "…"


_NAMED = re.compile(r"(?P<role>\w+?)_name(?P<number>_\d+)?")
_PET = re.compile(r"pet_type(_\d+)?")
_ONCE = {
    "es": {
        "[te llamas|se llama]": "[te llamabas|se llamaba]",
        "[tienes|tiene]": "[tenías|tenía]",
        "[vives|vive]": "[vivías|vivía]",
        "[eres|es]": "[eras|era]",
        "[trabajas|trabaja]": "[trabajabas|trabajaba]",
        "[estudias|estudia]": "[estudiabas|estudiaba]",
        "[hablas|habla]": "[hablabas|hablaba]",
        "[te levantas|se levanta]": "[te levantabas|se levantaba]",
        "[quieres|quiere]": "[querías|quería]",
        "[vas|va]": "[ibas|iba]",
        "gusta": "gustaba",
        "se llama": "se llamaba",
        " es ": " era ",
    },
    "en": {
        "you live": "you lived",
        "you are": "you were",
        "you have": "you had",
        "you work": "you worked",
        "you study": "you studied",
        "you speak": "you spoke",
        "you get up": "you got up",
        "you want": "you wanted",
        "you like": "you liked",
        "you don't": "you didn't",
        " is ": " was ",
    },
}
"""How a clause of what is becomes one of what was: its first verb decides."""


def once(fact: Fact, language: str) -> str:
    """The fact as a clause of what was: "vivías en Madrid"."""
    text = clause(fact, language)
    head, value, rest = text.rpartition(shown(fact.get("value")))
    for present, past in _ONCE["es" if language == "es" else "en"].items():
        if present in head:
            return f"{head.replace(present, past, 1)}{value}{rest}"
    return text


def clause(fact: Fact, language: str, facts: Sequence[Fact] = ()) -> str:
    """The fact as a clause without capital and full stop."""
    key, value = str(fact.get("key", "")), shown(fact.get("value"))
    spanish = language == "es"
    if key == "travel_destination":
        return _journey(fact, value, spanish=spanish)
    if key == "job":
        return _job(value, spanish=spanish)
    template = (_CLAUSES_ES if spanish else _CLAUSES_EN).get(key)
    for prefix, words in (
        _PREFIXED["es" if spanish else "en"] | _GROUPS["es" if spanish else "en"]
    ).items():
        if template is None and key.startswith(prefix):
            template = words
    if template is None and key.startswith("favorite_"):
        return _favorite(key.removeprefix("favorite_"), value, spanish=spanish)
    if template is None and (named := _NAMED.fullmatch(key)):
        return _someone(named["role"], named["number"] or "", value, facts, spanish=spanish)
    if template is None and (pet := _PET.fullmatch(key)) and not _named_pet(pet[1] or "", facts):
        article = "" if spanish else f"{'an' if value[:1].lower() in 'aeiou' else 'a'} "
        return f"[tienes|tiene] {value}" if spanish else f"you have {article}{value}"
    return template.format(v=value) if template else f"{key.replace('_', ' ')}: {value}"


def _journey(fact: Fact, value: str, *, spanish: bool) -> str:
    words = str(fact.get("context") or fact.get("quote") or "")
    if not spanish:
        article = "the " if f"the {value}".lower() in words.lower() else ""
        return f"you are going to {article}{value}"
    lead = re.search(rf"\b(al|a la|a los|a las) {re.escape(fold(value))}", fold(words))
    return f"[vas|va] {lead[1] if lead else 'a'} {value}"


def _job(value: str, *, spanish: bool) -> str:
    if fold(value) in FIELDS:
        return f"[trabajas|trabaja] en {value}" if spanish else f"you work in {value}"
    if spanish:
        return f"[trabajas|trabaja] de {value}"
    return f"you work as {'an' if value[:1].lower() in 'aeiou' else 'a'} {value}"


def _favorite(topic: str, value: str, *, spanish: bool) -> str:
    if not spanish:
        return f"your favorite {topic.replace('_', ' ')} is {value}"
    noun = _TOPIC_ES.get(topic)
    if noun is None:
        return f"de {topic.replace('_', ' ')}, [tu|su] preferencia es {value}"
    return f"[tu|su] {noun} {'favorita' if topic in _FEMININE else 'favorito'} es {value}"


def _named_pet(number: str, facts: Sequence[Fact]) -> bool:
    return any(fact.get("key") == f"pet_name{number}" for fact in facts)


def _someone(role: str, number: str, value: str, facts: Sequence[Fact], *, spanish: bool) -> str:
    if role == "pet":
        kind = next(
            (shown(fact.get("value")) for fact in facts if fact.get("key") == f"pet_type{number}"),
            "",
        )
        noun = kind or ("mascota" if spanish else "pet")
    else:
        noun = RELATION_ES.get(role, role) if spanish else role.replace("_", "-")
    return (
        f"[tu|su] {noun} se llama {value}" if spanish else f"your {noun.lower()}'s name is {value}"
    )


def summary(facts: Sequence[Fact], language: str, limit: int = 12) -> str:
    """What is known, as clauses in one sentence; likes and dislikes are gathered."""
    groups = _GROUPS["es" if language == "es" else "en"]
    parts: list[str] = []
    gathered: dict[str, list[str]] = {prefix: [] for prefix in groups}
    for fact in facts:
        key = str(fact.get("key", ""))
        prefix = next((prefix for prefix in groups if key.startswith(prefix)), None)
        if prefix:
            gathered[prefix].append(shown(fact.get("value")))
        elif not ((pet := _PET.fullmatch(key)) and _named_pet(pet[1] or "", facts)):
            parts.append(clause(fact, language, facts))
    parts = parts[:limit]
    parts.extend(
        groups[prefix].format(v=", ".join(found[:6])) for prefix, found in gathered.items() if found
    )
    return "; ".join(parts)


HEARD_ES = {
    "age": ("{v} años: tomo nota.",),
    "location": ("Así que {v}. ¿Qué es lo que más [te|le] gusta de vivir ahí?",),
    "origin": ("¡De {v}! Qué bonito.",),
    "job": ("Lo de {v} suena interesante.",),
    "company": ("Así que en {v}.",),
    "studies": ("{V}: eso pide constancia. ¿Qué es lo que más [te|le] atrae?",),
    "birthday": ("{V}: queda apuntado.",),
    "travel_destination": ("¡{A}, qué aventura!",),
    "pet_name": ("{V}: qué buen nombre.",),
    "hobby": ("{V}: buena forma de pasar el tiempo.",),
    "favorite_": ("¡{V}! Buena elección.", "{V}: lo recordaré."),
    "likes_": ("{V}: me gusta saberlo.", "¡{V}! Lo recordaré."),
    "dislikes_": ("Nada de {v}, entendido.",),
    "goal_": ("«{V}»: qué buen plan. ¿Por dónde [empezarás|empezará]?",),
    "hobby_": ("{V}: qué bien. ¿Desde cuándo?",),
    "allergy_": ("Alergia a {v}: lo tendré muy presente.",),
    "condition": ("Gracias por contármelo; lo tendré presente.",),
    "_name": ("{V}: ya me acuerdo de ese nombre.",),
}
HEARD_EN = {
    "age": ("{v}: noted.",),
    "location": ("So you live in {v}. What do you like best about it?",),
    "origin": ("From {v}, how nice!",),
    "job": ("{V}: that sounds interesting.",),
    "company": ("{V}, I see.",),
    "studies": ("{V}: that takes patience. What draws you to it?",),
    "birthday": ("{V}: I've written it down.",),
    "travel_destination": ("{A}, what an adventure!",),
    "pet_name": ("{V}: a fine name.",),
    "hobby": ("{V}: a good way to spend time.",),
    "favorite_": ("{V}! Good choice.", "{V}: I'll remember."),
    "likes_": ("{V}: I like knowing that.", "{V}! I'll remember."),
    "dislikes_": ("No {v}, understood.",),
    "goal_": ("“{V}”: a fine plan. Where will you start?",),
    "hobby_": ("{V}: lovely. Since when?",),
    "allergy_": ("Allergic to {v}: I'll keep that well in mind.",),
    "condition": ("Thank you for telling me; I'll keep it in mind.",),
    "_name": ("{V}: I'll remember that name.",),
}


def heard(key: str, language: str) -> tuple[str, ...]:
    """What can be said on hearing a fact of that key; empty where nothing special is said."""
    table = HEARD_ES if language == "es" else HEARD_EN
    if key in table:
        return table[key]
    for part, lines in table.items():
        begins = part.endswith("_") and key.startswith(part)
        if begins or (part.startswith("_") and key.endswith(part)):
            return lines
    return ()
