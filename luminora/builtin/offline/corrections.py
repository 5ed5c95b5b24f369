"""When the user says that something was wrong: "no, me llamo Carla", "actually it's Carla"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from luminora.builtin.offline import values
from luminora.builtin.offline.lexicon import PLACES
from luminora.builtin.offline.text import Sentence, fold
from luminora.builtin.offline.values import Tail

Known = Sequence[Mapping[str, Any]]

_WRONG = re.compile(
    r"\b(?:me equivoque|me he equivocado|quise decir|queria decir|correccion|rectifico|mejor dicho"
    r"|lo (?:escribi|dije|puse) mal|en realidad|i meant|i was wrong|i got (?:it|that) wrong"
    r"|i made a mistake|my mistake|correction|typo|scratch that|misspoke|mistyped|actually"
    r"|that's (?:wrong|not right)|eso (?:esta mal|no es asi))\b"
)
"""Says so wherever it stands before the statement."""
_RIGHT_BEFORE = re.compile(
    r"(?:^|[.!,;]\s*)(?:no(?: no)?|nope|perdon|perdona|disculpa|sorry|wait|espera|oops|uy|ups)"
    r"[\s,.:!]+(?:que )?(?:i mean(?:t)?,? )?$"
)
"""Says so right before the statement."""
_DENIES = re.compile(r"\b(?:no|not|sino|isn't|wasn't|don't|doesn't)\b")
_CHANGED = re.compile(
    r"\b(?:ya no|ahora|desde (?:ayer|hoy|hace)|mud[eoa]\w*|cambi[eoa]\w*|actualmente|antes|now"
    r"|no longer|any ?more|moved?|changed?|switched|since|these days|currently|used to)\b"
)
"""What has changed was true before: no correction."""

_ELLIPSIS = re.compile(
    r"^\W*(?:(?:no|nope|perdon|perdona|sorry|wait|espera|oops|uy|ups|actually|en realidad"
    r"|correccion|correction|me equivoque|i was wrong)[\s,.:!]+)*"
    r"(?:(?P<said>quise decir|queria decir|i meant?|mejor dicho)|it's|it is|es|era|is)?"
    r"(?:\s+que)?[\s:,]*(?P<value>\S+(?: \S+){0,3}?)\W*$"
)
_LEADS = re.compile(
    r"^\W*(?:no|nope|perdon|perdona|sorry|wait|espera|oops|uy|ups|actually|en realidad|correccion"
    r"|correction|me equivoque|i was wrong|quise decir|queria decir|i meant?|mejor dicho)\b"
)


def corrects(told: Sequence[Sentence], index: int, start: int, before: Any) -> bool:
    """Whether the statement at ``start`` of a sentence says that the value before was wrong.

    Args:
        told: The sentences of the message.
        index: The sentence that the statement is in.
        start: Where in it the statement begins.
        before: The value on record, or None.
    """
    sentence = told[index]
    if _CHANGED.search(sentence.folded):
        return False
    if _WRONG.search(sentence.folded[:start]) or (
        any(_WRONG.search(one.folded) for one in told[:index])
    ):
        return True
    if _RIGHT_BEFORE.search(sentence.folded[max(0, start - 60) : start]):
        return True
    if index and re.fullmatch(r"\W*(?:no|nope)\W*", told[index - 1].folded):
        return True
    denied = before is not None and fold(str(before)) in sentence.folded
    return denied and bool(_DENIES.search(sentence.folded))


def amended(
    sentence: Sentence, known: Known, said: Sequence[str]
) -> tuple[Mapping[str, Any], str | int] | None:
    """The fact on record that "actually it's Carla" mends, and its right value.

    Only what was spoken of just now can be meant so briefly.

    Args:
        sentence: The sentence.
        known: The facts on record.
        said: The turns just before.
    """
    if sentence.question or not _LEADS.match(sentence.folded):
        return None
    match = _ELLIPSIS.match(sentence.folded)
    if match is None:
        return None
    raw = sentence.text[match.start("value") : match.end("value")]
    spoken = [fold(turn) for turn in said]
    meant = [
        (fact, value)
        for fact in known
        if _spoken_of(fact.get("value"), spoken)
        and (value := _fitting(raw, fact, surely=match["said"] is not None)) is not None
    ]
    return max(meant, key=lambda one: _likeness(*one), default=None)


def _spoken_of(value: Any, spoken: Sequence[str]) -> bool:
    folded = fold(str(value)).strip()
    pattern = re.compile(rf"(?<!\w){re.escape(folded)}(?!\w)")
    return bool(folded) and any(pattern.search(turn) for turn in spoken)


def _fitting(raw: str, fact: Mapping[str, Any], *, surely: bool) -> str | int | None:
    """``raw`` as a value of the fact's kind, other than the one it has; None if it is none."""
    before, tail = fact.get("value"), Tail(raw, fold(raw))
    if isinstance(before, int) and not isinstance(before, bool):
        found = values.number(tail.folded)
        number = found[0] if found and not tail.folded[found[1] :].strip(" .") else None
        return number if number != before else None
    if not isinstance(before, str) or fold(raw) == fold(before):
        return None
    if str(fact.get("key", "")).endswith("name"):
        return values.full_name(tail) if values.is_proper(raw) or surely else None
    proper = before[:1].isupper()
    if not (surely or (proper and values.is_proper(raw))):
        return None
    return values.thing(tail)


def _likeness(fact: Mapping[str, Any], value: str | int) -> float:
    """How alike the two are: a slip is near the truth, and a place is mended by a place."""
    right, wrong = fold(str(value)), fold(str(fact.get("value")))
    return SequenceMatcher(None, wrong, right).ratio() + ((right in PLACES) == (wrong in PLACES))
