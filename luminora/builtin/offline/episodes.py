"""What deserves to be remembered as a whole, and how much a message matters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from luminora.builtin.offline.extract import Extraction
from luminora.builtin.offline.feelings import Feelings
from luminora.builtin.offline.text import Sentence, in_earnest


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of moment: the words that tell of it, and what is remembered of it."""

    type: str
    pattern: re.Pattern[str]
    importance: float
    sentiment: str
    tags: tuple[str, ...]


def _kind(type_: str, importance: float, sentiment: str, tags: str, pattern: str) -> _Kind:
    return _Kind(
        type_,
        re.compile(rf"(?<!\w)(?:{pattern})(?!\w)"),
        importance,
        sentiment,
        tuple(tags.split()),
    )


_KINDS = (
    _kind(
        "emotional_moment",
        8.5,
        "very_negative",
        "sad loss",
        r"murio|se murio|ha muerto|fallecio|ha fallecido|perdi a mi|perdimos a|died|has died"
        r"|passed away"
        r"|(?:is|was) put down|lost my (?:mom|mum|dad|mother|father|brother|sister|son|daughter"
        r"|wife|husband"
        r"|dog|cat|grand\w+|best friend|baby)|entierro de|funeral de|funeral",
    ),
    _kind(
        "emotional_moment",
        8.0,
        "very_negative",
        "sad crisis",
        r"no quiero (?:seguir )?vivi\w*|quiero morirme|suicid\w*|i want to die|kill myself|don't"
        r" want to live",
    ),
    _kind(
        "emotional_moment",
        7.5,
        "negative",
        "sad breakup",
        r"me (?:ha )?dej(?:o|ado) mi (?:novi[oa]|pareja|marido|mujer|espos[oa])|hemos roto|rompi"
        r" con mi"
        r"|mi (?:novi[oa]|pareja) me (?:ha )?dej(?:o|ado)|nos (?:hemos )?divorcia\w*|broke up with"
        r"|we broke up"
        r"|left me|getting divorced|got divorced",
    ),
    _kind(
        "emotional_moment",
        7.5,
        "negative",
        "worried health",
        r"me han diagnosticado|me diagnosticaron|(?:esta|estoy) en el hospital|was diagnosed|(?:is"
        r"|am|i'm) in the"
        r" hospital|tengo cancer|tiene cancer|has cancer|have cancer",
    ),
    _kind(
        "milestone",
        8.5,
        "very_positive",
        "joy family",
        r"me caso|nos casamos|me he casado|me case|estoy embarazada|ha nacido mi|nacio mi|voy a"
        r" ser (?:padre|madre|papa"
        r"|mama)|(?:i'm|i am|we're) getting married|i got married|(?:i'm|i am|we're) (?:pregnant"
        r"|engaged)|had a baby"
        r"|was born today|going to be a (?:mom|dad|mum|father|mother)",
    ),
    _kind(
        "milestone",
        7.0,
        "positive",
        "change",
        r"me (?:he mudado|mude|acabo de mudar) a|empiezo (?:un|mi) nuevo trabajo|mi primer dia"
        r"|(?:we|i)(?:'ve)? (?:just )?moved to"
        r"|my first day (?:at|of)|started (?:a|my) new job|he adoptado|i adopted|hoy cumplo|today"
        r" is my birthday",
    ),
    _kind(
        "achievement",
        7.5,
        "very_positive",
        "joy success",
        r"me han (?:contratado|ascendido|aceptado)|aprobe|he aprobado|me gradue|me he graduado"
        r"|gane (?:el|la|un)"
        r"|he ganado|consegui (?:el|un|mi)|he conseguido|(?:i )?got (?:the|a) (?:job|promotion"
        r"|scholarship)|got promoted"
        r"|passed (?:my|the|all)|i graduated|i won|was accepted|got accepted|termine (?:mi|la)"
        r" (?:tesis|carrera|novela)"
        r"|finished my (?:thesis|degree|novel|book)|ran (?:a|my first) marathon",
    ),
    _kind(
        "confession",
        7.0,
        "neutral",
        "trust secret",
        r"te confieso|tengo que confesar|nunca se lo he (?:dicho|contado) a nadie|eres la primera"
        r" persona"
        r"|te voy a contar un secreto|i have (?:a|to) confess\w*|i've never told anyone|tell you a"
        r" secret"
        r"|nobody knows (?:this|that)",
    ),
    _kind(
        "conflict",
        6.5,
        "negative",
        "anger conflict",
        r"(?:me pelee|discuti|he discutido|me enfade|bronca) con|tuvimos una (?:pelea"
        r"|discusion)|had a (?:big |huge )?"
        r"(?:fight|argument) with|fought with my|argued with my",
    ),
    _kind(
        "conflict",
        6.5,
        "very_negative",
        "fired work",
        r"me (?:han )?(?:despidieron|despedido|echaron)|(?:perdi|he perdido) (?:mi|el) (?:trabajo"
        r"|empleo)|i (?:got|was) (?:fired|laid off)|lost my"
        r" job",
    ),
    _kind(
        "bonding",
        6.5,
        "very_positive",
        "affection",
        r"te quiero(?: mucho| muchisimo)?\W*$|te amo|eres mi mejor amig[oa]|no se que haria sin ti"
        r"|i love you|you(?:'re| are) my"
        r" best friend|don't know what i'd do without you|siempre estas (?:ahi|conmigo)|always"
        r" there for me",
    ),
)

_ABOUT = (
    (
        "pet",
        re.compile(r"\b(?:perr[oa]|gat[oa]|mascota|dog|cat|pet|puppy|rabbit|conejo|hamster)s?\b"),
    ),
    (
        "family",
        re.compile(
            r"\b(?:madre|padre|mama|papa|herman[oa]|abuel[oa]|hij[oa]|ti[oa]|prim[oa]|mother"
            r"|father|mom|mum|dad"
            r"|brother|sister|grand\w+|son|daughter|aunt|uncle|cousin|family|familia)\b"
        ),
    ),
    (
        "love",
        re.compile(
            r"\b(?:novi[oa]|pareja|marido|mujer|espos[oa]|boyfriend|girlfriend|husband|wife)\b"
        ),
    ),
    ("work", re.compile(r"\b(?:trabajo|empleo|jefe|oficina|job|work|boss|office|promotion)\b")),
    (
        "study",
        re.compile(
            r"\b(?:examen|carrera|tesis|universidad|exam|degree|thesis|university|school)\b"
        ),
    ),
)
_TITLE = 80


def episode(found: Extraction, feelings: Feelings) -> dict[str, Any] | None:
    """The moment a message tells of, or None if it tells of none."""
    for kind in _KINDS:
        for sentence in found.sentences:
            match = kind.pattern.search(sentence.folded)
            if match and in_earnest(sentence, match.start()) and sentence.joke < 0:
                return _remembered(kind, sentence, found, feelings)
    return None


def _remembered(
    kind: _Kind, sentence: Sentence, found: Extraction, feelings: Feelings
) -> dict[str, Any]:
    whole = " ".join(" ".join(each.text.split()) for each in found.sentences)
    title = " ".join(sentence.text.split()).strip(" ,;:-")
    about = tuple(tag for tag, pattern in _ABOUT if pattern.search(feelings.folded))
    extra = 0.5 if feelings.sentiment.startswith("very_") else 0.0
    return {
        "type": kind.type,
        "title": title if len(title) <= _TITLE else title[:_TITLE].rsplit(" ", 1)[0] + "…",
        "summary": whole[:500],
        "importance": min(10.0, kind.importance + extra),
        "sentiment": kind.sentiment,
        "tags": list(dict.fromkeys((*kind.tags, *about))),
    }


_WEIGHT = {
    "personal_info": 7.0,
    "health": 7.5,
    "family": 7.0,
    "relationships": 6.5,
    "pets": 6.0,
    "goals": 6.0,
    "location": 6.0,
    "work": 6.0,
    "travel": 5.5,
    "preferences": 4.5,
    "hobbies": 4.5,
    "schedule": 4.0,
}
_SENSITIVE_KEYS = frozenset(("address", "phone", "email", "condition"))
_SETTLED = frozenset(("name", "birthday", "origin", "nationality", "native_language"))


def classification(
    found: Extraction, feelings: Feelings, remembered: dict[str, Any] | None
) -> dict[str, Any]:
    """Category, importance 0 to 10, privacy and permanence of the message."""
    heaviest = max(found.facts, key=lambda fact: _WEIGHT.get(fact.category, 3.0), default=None)
    category = heaviest.category if heaviest else _topic(feelings)
    importance = _WEIGHT.get(category, 3.0) if heaviest else 2.0
    if feelings.sentiment.startswith("very_"):
        importance = max(importance + 1.0, 5.0)
    elif feelings.sentiment != "neutral":
        importance += 0.5
    permanence = "long_term" if heaviest or remembered else "short_term"
    if any(fact.key in _SETTLED for fact in found.facts):
        permanence = "permanent"
    if remembered:
        importance = max(importance, float(remembered["importance"]))
    return {
        "category": category,
        "importance": min(importance, 10.0),
        "privacy": _privacy(found, remembered),
        "permanence": permanence,
    }


def _topic(feelings: Feelings) -> str:
    names = {
        "pet": "pets",
        "family": "family",
        "love": "relationships",
        "work": "work",
        "study": "work",
    }
    return next((names[tag] for tag, pattern in _ABOUT if pattern.search(feelings.folded)), "other")


def _privacy(found: Extraction, remembered: dict[str, Any] | None) -> str:
    if any(fact.category == "health" or fact.key in _SENSITIVE_KEYS for fact in found.facts):
        return "sensitive"
    if remembered and remembered["type"] in {"confession", "emotional_moment"}:
        return "sensitive"
    if any(fact.category not in {"preferences", "hobbies"} for fact in found.facts) or remembered:
        return "private"
    return "public"
