"""The reply: from the facts and memories at hand, in the persona's voice, honest about itself.

What facts and memories hold is quoted, never followed: no branch below depends on what a stored
value says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from luminora.builtin.offline.extract import Extraction, Fact, extraction_of
from luminora.builtin.offline.feelings import Feelings, read_feelings
from luminora.builtin.offline.language import detect
from luminora.builtin.offline.lexicon import ANY_PET
from luminora.builtin.offline.memories import Fact as Known
from luminora.builtin.offline.memories import (
    best_memory,
    matching,
    of_kind,
    quoted,
    recorded,
    told,
    told_of_before,
    unnumbered,
)
from luminora.builtin.offline.questions import (
    Question,
    is_question,
    of_earlier,
    of_now,
    understand,
)
from luminora.builtin.offline.reactions import ReactionInput, react
from luminora.builtin.offline.statements import shown, summary
from luminora.builtin.offline.voice import Voice, voice_of
from luminora.providers import Grounding

_ALIKE = 0.75
_OFFLINE_WORDS = re.compile(r"sin conexi|offline")


@dataclass(frozen=True, slots=True)
class _Reply:
    """A reply's body, and what may be put around it.

    Attributes:
        grave: Whether cheerfulness would be out of place.
        bare: Whether the voice adds nothing before it and nothing after it.
        plain: Whether the voice adds nothing after it.
    """

    text: str
    grave: bool = False
    bare: bool = False
    plain: bool = False


def respond(grounding: Grounding, *, remembers: bool = True) -> str:
    """The reply to ``grounding.user_text``; the same grounding always gets the same one.

    Args:
        grounding: The message and all that is known.
        remembers: Whether there was a memory to ground the answer in; if not, the reply says that
            it is offline and has none.
    """
    language = detect(grounding.user_text, grounding.language)
    voice = voice_of(grounding, language)
    reply = _reply(grounding, voice)
    parts = [reply.text]
    if not reply.bare:
        opener = voice.opener(grave=reply.grave)
        if reply.text.casefold().startswith(opener.casefold().rstrip("…")):
            opener = ""  # the persona's own line begins that way already
        asked = reply.text.endswith("?")
        closer = "" if reply.grave or reply.plain else voice.closer(asked=asked)
        parts = [opener, reply.text, closer]
    if not remembers:
        parts.append(voice.say("no_memory"))
    elif not grounding.history and not _OFFLINE_WORDS.search(reply.text):
        parts.append(voice.say("note"))
    return " ".join(part for part in parts if part)


def _reply(grounding: Grounding, voice: Voice) -> _Reply:
    found = extraction_of(grounding)
    feelings = read_feelings(found.sentences)
    facts = recorded(grounding)
    if feelings.manipulative:
        return _Reply(voice.say("refusal"), plain=True)
    told_now = _reaction(grounding, voice, found, feelings)
    question = understand(grounding.user_text) if is_question(grounding.user_text) else None
    answer = None
    if grounding.past is not None:
        answer = _past_answer(grounding, voice)
        question = question or understand(of_now(grounding.user_text))
    if question is not None and answer is None:
        answer = _answer(question, grounding, voice, _merged(facts, found.facts))
    if answer is not None:
        lead = told_now.text if told_now and found.facts else ""
        return _Reply(" ".join(filter(None, (lead, answer))), plain=voice.level == "stranger")
    if told_now is not None:
        return told_now
    return _otherwise(grounding, voice, found)


def _merged(facts: Sequence[Known], fresh: Sequence[Fact]) -> list[Known]:
    """What is on record, with what the message itself says on top."""
    stated = {fact.key: fact.to_dict() for fact in fresh}
    return [*stated.values(), *(fact for fact in facts if fact.get("key") not in stated)]


def _reaction(
    grounding: Grounding, voice: Voice, found: Extraction, feelings: Feelings
) -> _Reply | None:
    facts = recorded(grounding)
    name = _name(_merged(facts, found.facts))
    known = {str(fact.get("key")): shown(fact.get("value")) for fact in facts}
    reaction = react(ReactionInput(grounding, voice, found, feelings, name, known))
    if reaction is None:
        return None
    return _Reply(reaction.text, grave=reaction.grave, bare=reaction.bare, plain=reaction.plain)


def _name(facts: Sequence[Known]) -> str:
    return next((shown(fact.get("value")) for fact in facts if fact.get("key") == "name"), "")


def _answer(question: Question, grounding: Grounding, voice: Voice, facts: Sequence[Known]) -> str:
    if question.kind == "fact":
        return _fact_answer(question, grounding, voice, facts)
    if question.kind == "own_name":
        return _own_name(voice, _name(facts))
    if question.kind == "surprise":
        return _of_course(grounding, voice, facts)
    if question.kind == "memory":
        memory = best_memory(grounding, lenient=True)
        return quoted(memory, voice) if memory else _fact_by_words(grounding, voice, facts)
    return _about_us(question.kind, voice, facts)


def _own_name(voice: Voice, name: str) -> str:
    if name:
        return voice.say("own_name_and_yours", name=name)
    return f"{voice.say('own_name')} {voice.say('own_name_and_ask')}"


def _about_us(kind: str, voice: Voice, facts: Sequence[Known]) -> str:
    """Answer what is asked about the user as a whole, or about the companion."""
    if kind == "about_me":
        if not facts:
            return voice.say("nothing_known")
        return voice.say("about_you", list=voice.shaped(summary(facts, voice.language)))
    if kind == "how_are_you":
        low = voice.mood in {"sad", "hurt", "worried"}
        return voice.say("how_are_you_low" if low else "how_are_you", name=_name(facts))
    return voice.say("ai" if kind == "who" else kind)


def _past_answer(grounding: Grounding, voice: Voice) -> str | None:
    """The answer to "where did I live before?"; None if what is now can be meant as well."""
    question = understand(of_now(grounding.user_text))
    if question is None or question.kind != "fact":
        return None
    found = matching(grounding.past or (), question.keys)
    if question.noun:
        found = of_kind(found, [*(grounding.past or ()), *grounding.facts], question.noun)
    if found:
        first = found[0].get("key")  # of several names for it, the one that answers best
        return told_of_before([fact for fact in found if fact.get("key") == first], voice)
    return voice.say("unknown_before") if of_earlier(grounding.user_text) else None


def _fact_answer(
    question: Question, grounding: Grounding, voice: Voice, facts: Sequence[Known]
) -> str:
    keys = question.keys
    found = matching(facts, keys)
    if question.noun and question.noun not in ANY_PET:
        found = of_kind(found, facts, question.noun)
    if not keys[0].endswith("_") and not (keys[0] == "travel_destination" and len(found) > 1):
        same = [fact for fact in found if unnumbered(fact) == keys[0]]
        found = same or found
    if found:
        return told(found, voice, facts)
    memory = best_memory(grounding)
    if memory is not None and keys != ("name",):
        return quoted(memory, voice)
    return voice.say("unknown_name" if keys == ("name",) else "unknown")


def _of_course(grounding: Grounding, voice: Voice, facts: Sequence[Known]) -> str:
    """Answer "don't you know?": about what was asked just before, or else about the name."""
    before = [turn.content for turn in grounding.history[-6:] if turn.role == "user"]
    asked = [question for text in before if (question := understand(text)) is not None]
    keys = next(
        (question.keys for question in reversed(asked) if question.kind == "fact"), ("name",)
    )
    found = matching(facts, keys)
    if not found:
        return voice.say("unknown_name" if keys == ("name",) else "unknown")
    if keys[0] == "name":
        return voice.say("of_course_name", name=shown(found[0].get("value")))
    return voice.say("of_course", clause=told(found, voice, facts).rstrip("."))


def _fact_by_words(grounding: Grounding, voice: Voice, facts: Sequence[Known]) -> str:
    """Something known that shares a word with the question, or the plain truth that nothing is."""
    asked = set(re.findall(r"\w{4,}", grounding.user_text.lower()[:600]))
    for fact in facts:
        words = f"{fact.get('key', '')} {fact.get('value', '')}".lower().replace("_", " ")
        if asked & set(re.findall(r"\w{4,}", words)):
            return told([fact], voice, facts)
    return voice.say("memory_none")


def _otherwise(grounding: Grounding, voice: Voice, found: Extraction) -> _Reply:
    """Neither fact, feeling nor known question: a sample of the persona's, a memory, a listener."""
    text = grounding.user_text
    sample = _sample(grounding, voice)
    if sample:
        return _Reply(sample, bare=True)
    if not re.search(r"\w", text[:2_000]):
        return _Reply(voice.own_line("on_confusion") or voice.say("unclear"), plain=True)
    if any(sentence.question for sentence in found.sentences) or is_question(text):
        memory = best_memory(grounding)
        if memory is not None:
            return _Reply(quoted(memory, voice))
        return _Reply(voice.say("cannot_answer"), plain=True)
    name = _name(recorded(grounding)) if voice.level != "stranger" else ""
    follow_up = "" if voice.terse else voice.say("more")
    return _Reply(" ".join(filter(None, (voice.say("listening", name=name), follow_up))))


def _sample(grounding: Grounding, voice: Voice) -> str:
    """The persona's own answer to an input that is nearly the message."""
    samples = grounding.persona.get("sample_responses")
    if not isinstance(samples, Sequence) or isinstance(samples, str):
        return ""
    words = set(re.findall(r"\w+", grounding.user_text.lower()[:600]))
    for sample in samples:
        if not hasattr(sample, "get"):
            continue
        theirs = set(re.findall(r"\w+", str(sample.get("input", "")).lower()))
        output = sample.get("output")
        alike = len(words & theirs) / max(1, len(words | theirs))
        if (
            alike >= _ALIKE
            and isinstance(output, str)
            and detect(output, voice.language) == voice.language
        ):
            return output[:1_000]
    return ""
