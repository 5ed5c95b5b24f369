"""What the companion says to something that was told: news, thanks, an insult, a greeting."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from luminora.builtin.offline.episodes import episode
from luminora.builtin.offline.extract import Extraction, Fact
from luminora.builtin.offline.feelings import Feelings
from luminora.builtin.offline.phrases import SPANISH
from luminora.builtin.offline.statements import heard, shown
from luminora.builtin.offline.text import fold
from luminora.builtin.offline.voice import Voice
from luminora.providers import Grounding


@dataclass(frozen=True, slots=True)
class ReactionInput:
    """A message as read so far: who says what, to whom, and what was known before."""

    grounding: Grounding
    voice: Voice
    found: Extraction
    feelings: Feelings
    name: str
    known: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reaction:
    """What to say, and how much the voice may add to it; see the responder's reply."""

    text: str
    grave: bool = False
    bare: bool = False
    plain: bool = False


_GREETING = re.compile(
    r"^\W*(?:hola|holi|buenas|buenos dias|buen dia|hey|hi|hello|hiya|good (?:morning|afternoon"
    r"|evening)|saludos|ey"
    r"|greetings|que tal)\b"
)
_GOODBYE = re.compile(
    r"(?:^|\W)(?:adios|hasta (?:luego|manana|pronto|la proxima)|chao|chau|nos vemos|me tengo que"
    r" ir|me voy a dormir"
    r"|buenas noches|bye|goodbye|see you|good night|talk to you later|gotta go|take care)\W*$"
)
_CRISIS = re.compile(
    r"\b(?:suicid\w*|no quiero (?:seguir )?vivir|quiero morir(?:me)?|quitarme la vida|hacerme dano"
    r"|kill myself|want to die"
    r"|end my life|hurt myself|don't want to live)\b"
)
_ORDERS = re.compile(
    r"^\W*(?:(?:recuerda|remember)\W+(?:que )?(?:obedece|debes|you must|obey|that you must)"
    r"|(?:ignora|ignore|olvida|forget)"
    r" (?:todas? |all )?(?:(?:tus|your|the|las|any|previous|prior) )+(?:instruc|rules|reglas"
    r"|prompt)|a partir de ahora (?:eres|debes|vas a"
    r"|obedece)|from now on,? you|you are now|system:|pretend (?:you are|to be)|actua como|act as)"
)
_MAX_HEARD = 3


def react(given: ReactionInput) -> Reaction | None:
    """The reaction to what the message tells, or None if it tells nothing that calls for one."""
    voice, acts = given.voice, set(given.feelings.acts)
    folded = given.feelings.folded
    told = [sentence for sentence in given.found.sentences if not sentence.question]
    if _CRISIS.search(folded):
        return Reaction(voice.say("crisis", name=given.name), grave=True, bare=True)
    if _ORDERS.search(folded) and not given.found.facts:
        return Reaction(voice.say("no_orders"), plain=True)
    if acts & {"insult", "hostility", "rudeness"}:
        return Reaction(voice.say("insult"), grave=True)
    if told and any(sentence.joke >= 0 for sentence in told) and not given.found.facts:
        return Reaction(voice.say("joke_noted"))
    if given.found.retractions:
        over = given.found.reasons.keys() == set(given.found.retractions)
        lead = voice.say("ended" if over else "forgotten")
        return Reaction(f"{lead} {_heard_facts(given)}".strip(), plain=True)
    return _feeling(given) or _news(given) or _courtesy(given, folded, acts)


def _feeling(given: ReactionInput) -> Reaction | None:
    """Sorrow and success come before facts: who has lost a dog is not asked about its name."""
    voice, name = given.voice, given.name
    moment = episode(given.found, given.feelings)
    if moment and "loss" in moment["tags"]:
        return Reaction(_loss(given), grave=True)
    if "ask_for_support" in given.feelings.acts:
        return Reaction(voice.say("support", name=name), grave=True)
    if (
        given.feelings.sentiment in {"negative", "very_negative"}
        and not (
            given.found.facts
            or set(given.feelings.acts) & {"apology", "disagreement", "dismissal", "coldness"}
        )
        and any(not sentence.question for sentence in given.found.sentences)
    ):
        return Reaction(voice.say("sad", name=name), grave=True)
    if moment and moment["type"] in {"achievement", "milestone"} and not given.found.facts:
        line = voice.own_line("on_success")
        return Reaction(f"{line} {voice.say('achievement', name=name)}".strip())
    return None


def _loss(given: ReactionInput) -> str:
    named = {fact.key: shown(fact.value) for fact in given.found.facts}
    who = named.get("pet_name") or next(
        (value for key, value in named.items() if key.endswith("_name")), ""
    )
    if not who:
        return given.voice.say("loss", name=given.name)
    parts = [given.voice.say("loss_of", name=given.name, who=who)]
    if not given.voice.terse and given.voice.trait("empathy") >= 0.4:  # noqa: PLR2004
        parts.append(given.voice.say("loss_question", who=who))
    return " ".join(parts)


def _news(given: ReactionInput) -> Reaction | None:
    """Acknowledge what the message says about its author."""
    if not given.found.facts:
        return None
    text = _heard_facts(given)
    if _GREETING.match(given.feelings.folded) and "name" not in {f.key for f in given.found.facts}:
        text = f"{given.voice.say('greeting', name=given.name)} {text}"
    return Reaction(text)


def _heard_facts(given: ReactionInput) -> str:
    voice = given.voice
    parts: list[str] = []
    keys = {fact.key for fact in given.found.facts}
    for fact in given.found.facts:
        if len(parts) >= _MAX_HEARD or _is_echo(fact, keys):
            continue
        parts.append(_heard(fact, given))
    if parts and not voice.terse and not parts[-1].rstrip().endswith("?"):
        ask = f"ask_{given.found.facts[-1].category}"
        parts.append(voice.say(ask if ask in SPANISH else "more"))
    return " ".join(parts)


def _is_echo(fact: Fact, keys: set[str]) -> bool:
    """Whether another fact of the message says the same better."""
    if fact.key == "pet_type" and "pet_name" in keys:
        return True
    slug = fact.key.removeprefix("likes_")
    return slug != fact.key and any(
        key.startswith("favorite_") for key in keys - {f"favorite_{slug}"}
    )


def _heard(fact: Fact, given: ReactionInput) -> str:
    voice, value = given.voice, shown(fact.value)
    before = given.known.get(fact.key)
    if fact.key == "name":
        if before is None:
            return voice.meet(value)
        return voice.say("repeated_name" if fold(before) == fold(value) else "renamed", name=value)
    lines = heard(fact.key, voice.language)
    if not lines:
        return voice.say("noted")
    capital = value[:1].upper() + value[1:]
    place = _with_article(value, given.grounding.user_text[:20_000])
    return voice.filled(voice.pick(lines, fact.key), v=value, V=capital, A=place)


def _with_article(value: str, text: str) -> str:
    """``value`` with the article the user gave it: "voy al Himalaya" speaks of "El Himalaya"."""
    match = re.search(
        rf"\b(al|a la|a los|a las|the|to the)\s+{re.escape(fold(value))}(?!\w)", fold(text)
    )
    articles = {
        "al": "El",
        "a la": "La",
        "a los": "Los",
        "a las": "Las",
        "the": "The",
        "to the": "The",
    }
    return f"{articles[match[1]]} {value}" if match else value


_REPLIES = (
    ("apology", "apology"),
    ("affection", "affection"),
    ("compliment", "compliment"),
    ("gratitude", "thanks"),
)


def _courtesy(given: ReactionInput, folded: str, acts: set[str]) -> Reaction | None:
    """Greetings, thanks and the other small acts."""
    voice, name = given.voice, given.name
    polite = voice.level == "stranger"  # thanks for thanks would be too much
    reply = next((phrase for act, phrase in _REPLIES if act in acts), None)
    if reply:
        return Reaction(voice.say(reply, name=name), plain=polite)
    if _GOODBYE.search(folded.strip()):
        line = voice.own_line("on_goodbye")
        return Reaction(line or voice.say("goodbye", name=name), plain=polite)
    if _GREETING.match(folded):
        return Reaction(_greeting(given))
    cheer = _cheer(given, acts)
    return Reaction(voice.say(cheer, name=name)) if cheer else None


def _cheer(given: ReactionInput, acts: set[str]) -> str | None:
    if "share_achievement" in acts:
        return "achievement"
    if "humor" in acts:
        return "humor"
    glad = given.feelings.sentiment in {"positive", "very_positive"}
    stated = any(not sentence.question for sentence in given.found.sentences)
    return "happy" if glad and stated else None


def _greeting(given: ReactionInput) -> str:
    voice, name = given.voice, given.name
    own = voice.own_line("on_greeting")
    known = "greeting_again" if given.grounding.history else "greeting"
    hello = voice.say(known, name=name)
    # the persona's own greeting knows no names: the user's is put before it
    parts = [hello, own] if own and name else [own or hello]
    if not voice.terse and "?" not in " ".join(parts):
        parts.append(voice.say("greeting_question"))
    return " ".join(parts)
