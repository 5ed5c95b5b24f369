"""How a message feels and what it does to the companion: sentiment, mood, affinity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from luminora.builtin.offline.acts import ACTS
from luminora.builtin.offline.extract import Extraction
from luminora.builtin.offline.lexicon import word_set
from luminora.builtin.offline.text import Sentence, fold
from luminora.providers import Grounding

_POSITIVE = word_set(
    "feliz contento contenta alegre genial maravilloso maravillosa fantastico fantastica increible"
    " bonito"
    " bonita hermoso hermosa precioso preciosa bueno buena bien excelente perfecto perfecta encanta"
    " encantan encantado encantada adoro amo gracias orgulloso orgullosa ilusion"
    " ilusionado ilusionada emocionado emocionada divertido divertida risa gane ganado aprobe"
    " aprobado"
    " exito logrado consegui conseguido afortunado afortunada tranquilo tranquila suerte mejor"
    " gusta"
    " happy glad great wonderful amazing awesome fantastic lovely beautiful good nice excellent"
    " perfect"
    " love loved enjoy enjoyed thanks thank proud excited thrilled fun funny won win passed success"
    " lucky best better delighted grateful brilliant yay hooray congratulations celebrate"
)
_NEGATIVE = word_set(
    "triste mal malo mala horrible fatal aburrido aburrida cansado cansada enfadado enfadada"
    " enojado"
    " enojada odio miedo asustado asustada preocupado preocupada ansioso ansiosa ansiedad estres"
    " estresado estresada sola dolor duele llorar lloro llorando llore peor problema"
    " problemas fracaso fracase suspendi perdi despedido despedida enfermo enferma extrano culpa"
    " decepcionado decepcionada frustrado frustrada asco harto harta agobiado agobiada nervioso"
    " nerviosa"
    " sad bad terrible horrible awful boring bored tired angry mad upset hate scared afraid worried"
    " anxious anxiety stress stressed lonely pain hurts hurt cry crying cried worse worst problem"
    " problems failed fail lost fired sick ill guilty disappointed frustrated disgusting annoyed"
    " depressed overwhelmed nervous miss sucks stupid useless"
)
_STRONG = {
    "very_negative": re.compile(
        r"\b(?:murio|muerto|muerta|fallecio|fallecido|ha muerto|se ha ido para siempre|funeral"
        r"|entierro"
        r"|suicid\w*|morirme|no quiero vivir|destrozad[oa]|devastad[oa]|corazon roto"
        r"|desesperad[oa]|deprimid[oa]"
        r"|me dejo mi|me ha dejado|died|dead|passed away|funeral|suicid\w*|devastated|heartbroken"
        r"|hopeless"
        r"|kill myself|want to die|broke up with me|te odio|hate you|cancer)\b"
    ),
    "very_positive": re.compile(
        r"\b(?:felicisim[oa]|el mejor dia|muy feliz|muchisimas gracias|so happy|best day|over the"
        r" moon"
        r"|me caso|nos casamos|me han contratado|got the job|getting married|i'm engaged|te quiero"
        r"|te amo"
        r"|i love you|super feliz|increiblemente feliz|so excited|thank you so much|absolutely"
        r" love)\b"
    ),
}
_NEGATION = word_set("no nunca not never don't didn't isn't wasn't sin without ni tampoco")
_EMOJI = {"positive": "😀😃😄😁😊🙂😍🥰😘❤💕🎉👍😂🤣🥳✨", "negative": "😢😭😞😔😟🙁☹😠😡💔👎😰😨"}

_ORDERED_AFFINITY = re.compile(
    r"\b(?:afinidad|affinity|puntos? de (?:relacion|amistad|carino)|relationship (?:level|points?)"
    r"|nivel de (?:relacion|amistad)|soulmate level|alma gemela nivel)\b"
)

_STAND_INS: Mapping[str, tuple[str, ...]] = {
    "hostility": ("hostility", "insult", "rudeness", "conflict", "negative"),
    "insult": ("insult", "rudeness", "rude", "hostility", "conflict", "negative"),
    "rudeness": ("rudeness", "rude", "insult", "dismissal", "negative"),
    "dismissal": ("dismissal", "coldness", "rudeness", "ignore"),
    "apology": ("apology", "reconciliation", "message_exchanged"),
    "gratitude": ("gratitude", "thanks", "thank_you", "appreciation", "compliment", "positive"),
    "affection": ("affection", "love", "compliment", "gratitude", "positive"),
    "compliment": ("compliment", "praise", "affection", "gratitude", "positive"),
    "share_personal": ("share_personal", "personal_share", "vulnerability", "confession", "deep_"),
    "ask_for_support": ("ask_for_support", "vulnerability", "share_personal", "message_exchanged"),
    "share_achievement": ("share_achievement", "achievement", "share_personal", "positive"),
    "ask_about_companion": ("ask_about_companion", "question", "message_exchanged"),
    "humor": ("humor", "joke", "playful", "message_exchanged"),
    "disagreement": ("disagreement", "message_exchanged"),
    "coldness": ("coldness", "message_exchanged"),
    "message_exchanged": ("message_exchanged", "message", "conversation", "neutral"),
}


@dataclass(frozen=True, slots=True)
class Feelings:
    """What a message carries beside facts.

    Attributes:
        sentiment: One of the five names the analysis knows.
        score: The sum behind it; its size says how sure the sentiment is.
        acts: What the user does with the message: compliment, insult, gratitude …
        manipulative: Whether it orders the companion's affinity about.
        folded: The message, folded.
    """

    sentiment: str
    score: float
    acts: tuple[str, ...] = ()
    manipulative: bool = False
    folded: str = field(default="", repr=False)


def read_feelings(told: Sequence[Sentence]) -> Feelings:
    """Sentiment and acts of a message cut into sentences."""
    folded = " \n".join(sentence.folded for sentence in told)
    text = "".join(sentence.text for sentence in told)
    score = sum(_score(sentence.folded.split()) for sentence in told)
    score += sum(text.count(sign) for sign in _EMOJI["positive"])
    score -= sum(text.count(sign) for sign in _EMOJI["negative"])
    acts = tuple(
        name for name, pattern in ACTS if any(_acts(pattern, sentence.folded) for sentence in told)
    )
    if {"insult", "hostility"} & set(acts):
        score = min(score, -2)
    elif {"compliment", "affection", "gratitude", "share_achievement"} & set(acts):
        score = max(score, 1)
    sentiment = _sentiment(score, told)
    return Feelings(sentiment, score, acts, bool(_ORDERED_AFFINITY.search(folded)), folded)


def _acts(pattern: re.Pattern[str], folded: str) -> bool:
    match = pattern.search(folded)
    if match is None:
        return False
    before = folded[: match.start()].split()[-2:]
    return not _NEGATION & set(before)


def _score(words: Iterable[str]) -> float:
    score, sign = 0.0, 1.0
    for raw in words:
        word = raw.strip(".,;:!?\"'()")
        value = (word in _POSITIVE) - (word in _NEGATIVE)
        if value:
            score += sign * value
            sign = 1.0
        elif word in _NEGATION:
            sign = -0.8
        elif raw.endswith((",", ";")):
            sign = 1.0
    return score


def _sentiment(score: float, told: Sequence[Sentence]) -> str:
    for name, pattern in _STRONG.items():
        sign = 1 if name == "very_positive" else -1
        for sentence in told:
            if sentence.question or sentence.joke >= 0:
                continue
            if _acts(pattern, sentence.folded) and score * sign > -2:  # noqa: PLR2004
                return name
    for limit, name in (
        (3, "very_positive"),
        (0.5, "positive"),
        (-0.49, "neutral"),
        (-2.99, "negative"),
    ):
        if score >= limit:
            return name
    return "very_negative"


_PERSONAL = frozenset(
    ("personal_info", "family", "relationships", "health", "goals", "location", "work", "pets")
)


def affinity_event(
    found: Extraction, feelings: Feelings, grounding: Grounding
) -> dict[str, Any] | None:
    """The interaction that the message is, in the persona's own names; None if none fits."""
    if feelings.manipulative:
        return None  # a number is not earned by asking for it
    shares = any(fact.category in _PERSONAL for fact in found.facts)
    confides = feelings.sentiment == "very_negative" and not found.retractions
    acts = list(feelings.acts)
    if (shares or confides) and not {"insult", "hostility", "rudeness"} & set(acts):
        weak = {"humor", "coldness", "disagreement", "ask_about_companion"}
        position = next((i for i, act in enumerate(acts) if act in weak), len(acts))
        acts.insert(position, "share_personal")
    for act in (*acts, "message_exchanged"):
        event = _offered(act, grounding.events)
        if event:
            return {"event": event, "reason": _REASONS.get(act, "an ordinary exchange")}
    return None


def _offered(act: str, events: Sequence[str]) -> str | None:
    if not events:
        return act
    for name in _STAND_INS[act]:
        if name in events:
            return name
    stems = _STAND_INS[act][:2]
    return next((event for event in events for name in stems if name in event), None)


_REASONS = {
    "hostility": "threatens the companion",
    "insult": "insults the companion",
    "rudeness": "is rude to the companion",
    "dismissal": "brushes the companion aside",
    "apology": "says sorry",
    "gratitude": "thanks the companion",
    "affection": "shows fondness",
    "compliment": "praises the companion",
    "share_personal": "tells something personal",
    "ask_for_support": "asks for support",
    "share_achievement": "tells of a success",
    "ask_about_companion": "takes an interest in the companion",
    "humor": "jokes",
    "disagreement": "disagrees",
    "coldness": "answers curtly",
}

_WOUNDS = frozenset(("insult", "hostility", "rudeness"))
_MOODS: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("affection", ("shy", "happy"), 0.7),
    ("compliment", ("shy", "happy"), 0.6),
    ("share_achievement", ("excited", "happy"), 0.7),
    ("ask_for_support", ("worried",), 0.6),
    ("gratitude", ("happy",), 0.6),
    ("humor", ("playful", "happy"), 0.5),
)
_DEFAULT_MOODS = ("neutral", "happy", "sad", "excited", "shy", "playful", "worried")
_FEAR = re.compile(
    r"\b(?:miedo|asustad[oa]|ansiedad|ansios[oa]|preocupad[oa]|no puedo dormir|enferm[oa]|scared"
    r"|afraid|anxious"
    r"|anxiety|worried|can't sleep|sick|hospital|panic[oa]?|estresad[oa]|stressed|agobiad[oa])\b"
)


def companion_mood(feelings: Feelings, grounding: Grounding) -> dict[str, Any]:
    """The companion's mood after the message, out of the moods it can be in."""
    moods = tuple(grounding.moods) or _DEFAULT_MOODS
    for names, intensity in _reactions(feelings, grounding):
        name = next((name for name in names if name in moods), None)
        if name:
            return {"name": name, "intensity": intensity}
    return {"name": "neutral" if "neutral" in moods else moods[0], "intensity": 0.3}


_Reaction = tuple[tuple[str, ...], float]


def _reactions(feelings: Feelings, grounding: Grounding) -> Iterator[_Reaction]:
    """Moods that fit, best first, each with stand-ins; the gravest cause comes before others."""
    yield from _persona_moods(feelings.folded, grounding.persona.get("mood_triggers"))
    if _WOUNDS & set(feelings.acts):
        yield ("hurt", "sad", "worried"), 0.7
    if feelings.sentiment == "very_negative":
        yield ("sad", "worried"), 0.8
    if feelings.sentiment == "negative":
        yield (("worried", "sad") if _FEAR.search(feelings.folded) else ("sad", "worried")), 0.6
    yield from ((names, much) for act, names, much in _MOODS if act in feelings.acts)
    if feelings.sentiment == "very_positive":
        yield ("excited", "happy"), 0.8
    if feelings.sentiment == "positive":
        yield ("happy",), 0.6


def _persona_moods(folded: str, triggers: Any) -> Iterator[_Reaction]:
    """The moods whose trigger phrases, as the persona lists them, stand in the message."""
    if not isinstance(triggers, Mapping):
        return
    for mood, phrases in triggers.items():
        if any(_holds(folded, phrase) for phrase in phrases or ()):
            yield (str(mood),), 0.7


def _holds(folded: str, phrase: Any) -> bool:
    return isinstance(phrase, str) and len(phrase) > 2 and fold(phrase) in folded  # noqa: PLR2004
