"""What deserves to be remembered as a whole: moments, told in one message or over several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from luminora.builtin.offline.extract import Extraction
from luminora.builtin.offline.feelings import Feelings
from luminora.builtin.offline.text import Sentence, clean, in_earnest, sentences
from luminora.providers import ChatMessage


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
_SUMMARY = 500
_WINDOW = 6
"""Turns before a message in which the moment it goes on telling of may have begun."""

_EARLIER = 1_000
"""Characters of an earlier turn that are read again."""

_REFERS = re.compile(
    r"\b(?:era|eran|fue|fueron|estaba|tenia|habia|lo|le|les|ella|ellos|ellas|eso|ese|esa|aquello"
    r"|todavia|desde entonces|por eso"
    r"|was|were|had|he|she|they|him|her|them|his|that|still|since then)\b"
)
"""Words that point back at what was told before."""


def episode(
    found: Extraction, feelings: Feelings, history: Sequence[ChatMessage] = ()
) -> dict[str, Any] | None:
    """The moment that a message and the turns before it tell of, or None if they tell of none.

    A message that tells of none itself may go on telling of one that began in the last six turns:
    "Mi perro murió ayer", "Lo siento mucho", "Era mi mejor amigo". ``turns`` says how many of the
    turns right before the message belong to the moment.
    """
    window = history[-_WINDOW:]
    moment = _moment(found.sentences)
    if moment is not None:
        kind, sentence = moment
        turns = _led_up_to(found.sentences, window)
        return _remembered(kind, sentence, found.sentences, feelings) | {"turns": turns}
    if all(sentence.question for sentence in found.sentences):
        return None
    for back, turn in enumerate(reversed(window), 1):
        told = _told(turn)
        moment = _moment(told)
        if moment is not None:
            if not _goes_on(moment[0], feelings):
                return None
            whole = (*told, *found.sentences)
            return _remembered(*moment, whole, feelings) | {"turns": back}
    return None


def _moment(told: Sequence[Sentence]) -> tuple[_Kind, Sentence] | None:
    """The kind of moment that some sentences tell of, and the one that does."""
    for kind in _KINDS:
        for sentence in told:
            match = kind.pattern.search(sentence.folded)
            if match and in_earnest(sentence, match.start()) and sentence.joke < 0:
                return kind, sentence
    return None


def _told(turn: ChatMessage) -> tuple[Sentence, ...]:
    """What the user said in a turn; the companion's words are no moment of the user's."""
    return tuple(sentences(clean(turn.content[:_EARLIER]))) if turn.role == "user" else ()


def _goes_on(kind: _Kind, feelings: Feelings) -> bool:
    """Whether a message can belong to a moment told before it: it feels alike or points back."""
    alike = feelings.sentiment.removeprefix("very_") == kind.sentiment.removeprefix("very_")
    return (alike and feelings.sentiment != "neutral") or bool(_REFERS.search(feelings.folded))


def _led_up_to(told: Sequence[Sentence], window: Sequence[ChatMessage]) -> int:
    """How many turns before a moment are of the same subject; one that is a moment ends them."""
    about = _about(told)
    belong = 0
    for back, turn in enumerate(reversed(window), 1):
        before = _told(turn)
        if _moment(before) is not None:
            break
        if about & _about(before):
            belong = back
    return belong


def _about(told: Sequence[Sentence]) -> set[str]:
    return set(subjects(" ".join(sentence.folded for sentence in told)))


def subjects(folded: str) -> list[str]:
    """What a folded text is about: ``pet``, ``family``, ``love``, ``work``, ``study``."""
    return [tag for tag, pattern in _ABOUT if pattern.search(folded)]


def _remembered(
    kind: _Kind, sentence: Sentence, told: Sequence[Sentence], feelings: Feelings
) -> dict[str, Any]:
    whole = ". ".join(" ".join(each.text.split()) for each in told)
    title = " ".join(sentence.text.split()).strip(" ,;:-")
    about = subjects(" ".join(each.folded for each in told))
    extra = 0.5 if feelings.sentiment.startswith("very_") else 0.0
    return {
        "type": kind.type,
        "title": title if len(title) <= _TITLE else title[:_TITLE].rsplit(" ", 1)[0] + "…",
        "summary": whole[:_SUMMARY],
        "importance": min(10.0, kind.importance + extra),
        "sentiment": kind.sentiment,
        "tags": list(dict.fromkeys((*kind.tags, *about))),
    }
