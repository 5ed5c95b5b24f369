"""Which memories enter a prompt: the most telling ones that fit a budget of tokens, and why.

Facts, episodes and earlier messages compete for one budget. Each has a worth from 0 to 1 and a
cost in tokens; they are taken by worth, and one that does not fit any more is passed over for the
next that does. What was left out is kept with the reason, for ``client.explain``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Literal

from luminora.memory.models import Episode, MemorySearchResult
from luminora.memory.query import Query
from luminora.providers import Row
from luminora.providers.lexical import stem_set
from luminora.providers.tokens import count_tokens

Kind = Literal["fact", "episode", "message"]

MAX_QUOTE: Final = 600
"""Characters of one memory that are quoted."""

LEAST_TOKENS: Final = 8
"""Less than any memory costs: with so little left, none is counted any more."""

OPENING: Final = "<memory>\n["
CLOSING: Final = "]\n</memory>"

_BREAKING: Final = "<\u2028\u2029\x85"
"""What could close a tag, or break a line for whoever splits at every kind of break."""

_CORE: Final = frozenset({"name", "nickname"})
"""Facts without which nobody talks like an acquaintance."""


@dataclass(frozen=True, slots=True)
class Memento:
    """One memory that could enter the prompt.

    Attributes:
        record: What the prompt would hold, as JSON.
        worth: How much it is worth to the answer, 0 to 1.
        tokens: What it costs, its line break included.
        reasons: Why it is worth that, in words.
        left_out: Why it is not in the prompt; empty if it is.
    """

    kind: Kind
    id: str
    record: Mapping[str, Any]
    worth: float
    reasons: tuple[str, ...] = ()
    tokens: int = 0
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The memories of a prompt.

    Attributes:
        chosen: In the order in which they stand in the prompt.
        passed: Those that are not in it.
        tokens: What the whole block costs, never more than ``budget``.
        block: The block itself.
    """

    chosen: Sequence[Memento]
    passed: Sequence[Memento]
    budget: int
    tokens: int
    block: str


def select(mementos: Sequence[Memento], state: Mapping[str, Any], budget: int) -> Selection:
    """Take the most telling memories that fit.

    Args:
        mementos: What could enter.
        state: A record that always enters if anything does: affinity and mood.
        budget: Most tokens of the block; one too small for the state leaves it empty.
    """
    frame = count_tokens(f"{OPENING}\n{line(state)}\n{CLOSING}")
    if frame > budget:
        reason = f"the budget of {budget} tokens holds nothing"
        return Selection([], [replace(one, left_out=reason) for one in mementos], budget, 0, "")
    used, chosen, passed = frame, [], []
    for one in sorted(mementos, key=lambda one: (-one.worth, one.id)):
        if budget - used < LEAST_TOKENS:
            passed.append(replace(one, left_out="the budget was spent"))
            continue
        costed = replace(one, tokens=_price(line(one.record)))
        if used + costed.tokens <= budget:
            used += costed.tokens
            chosen.append(costed)
        else:
            reason = f"{costed.tokens} tokens, and {budget - used} of the budget were left"
            passed.append(replace(costed, left_out=reason))
    places = {id(one): place for place, one in enumerate(mementos)}
    order = {(one.kind, one.id): places[id(one)] for one in mementos}
    chosen.sort(key=lambda one: order[one.kind, one.id])
    lines = ",\n".join(line(record) for record in (*(one.record for one in chosen), state))
    block = f"{OPENING}\n{lines}\n{CLOSING}"
    return Selection(chosen, passed, budget, used, block)


@lru_cache(maxsize=4_096)
def _price(text: str) -> int:
    """Tokens of a line and its end; most lines come back with the next message."""
    return count_tokens(f"{text},\n")


def line(record: Mapping[str, Any]) -> str:
    """A record as one line of JSON in which no tag can be closed."""
    text = json.dumps(record, ensure_ascii=False, default=str)
    for mark in _BREAKING:
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def of_facts(query: Query, facts: Sequence[Row]) -> list[Memento]:
    """Facts, those that the question touches first, then the newest."""
    found = []
    for place, row in enumerate(facts):
        reasons = [f"confidence {row['confidence']:.2f}", _times(row["mention_count"])]
        worth = 0.45 * 0.98**place * row["confidence"]
        if row["key"] in _CORE:
            worth, reasons = 0.99, ["who the user is", *reasons]
        elif shared := _shared(query, row["key"].replace("_", " "), row["category"], row["value"]):
            worth, reasons = 0.75 + 0.2 * shared, ["the message touches it", *reasons]
        record = {"fact": row["key"], "value": row["value"], "said": cut(row["context"])}
        found.append(Memento("fact", row["id"], record, worth, tuple(reasons)))
    return found


def of_episodes(query: Query, episodes: Sequence[Episode]) -> list[Memento]:
    """Episodes by importance, those that the question touches above the others."""
    found = []
    for one in episodes:
        shared = _shared(query, one.title, one.summary, " ".join(one.tags))
        reasons = [f"importance {one.importance:.1f}"]
        if shared:
            reasons.append("the message touches it")
        record = {"episode": one.title, "date": f"{one.timestamp:%Y-%m-%d}", "summary": one.summary}
        worth = min(0.05 * one.importance + 0.5 * shared, 1.0)
        found.append(Memento("episode", one.id, record, worth, tuple(reasons)))
    return found


def of_messages(memories: Sequence[MemorySearchResult]) -> list[Memento]:
    """Earlier messages by their score in the search."""
    best = max((one.score for one in memories), default=0.0) or 1.0
    found = []
    for one in memories:
        who = one.speaker or one.role
        record = {
            "speaker": who,
            "date": f"{one.timestamp:%Y-%m-%d}",
            "said": cut(one.content),
        }
        worth = 0.9 * max(one.score, 0.0) / best
        found.append(Memento("message", one.id, record, worth, tuple(told(one))))
    return found


def told(one: MemorySearchResult) -> list[str]:
    """Why a message was found, in words."""
    reasons = one.reasons
    said = [f"score {one.score:.2f}"]
    if one.words:
        said.append(f"words {', '.join(one.words)} ({reasons.get('lexical', 0.0):.2f})")
    if "similarity" in reasons:
        said.append(f"meaning {reasons['similarity']:.2f}")
    if reasons.get("speaker"):
        said.append("said by whom it is about")
    if reasons.get("recency", 0.0) > 0.5:  # noqa: PLR2004 - within the half-life
        said.append("recent")
    if (boost := reasons.get("boost", 1.0)) != 1.0:
        said.append(f"classified {boost:+.2f}")
    return said


def cut(text: str | None) -> str | None:
    """A quotation of at most ``MAX_QUOTE`` characters."""
    return text if text is None or len(text) <= MAX_QUOTE else f"{text[:MAX_QUOTE]}…"


def _shared(query: Query, *texts: Any) -> float:
    """Share of the question's words that the texts hold, 0 to 1."""
    held = frozenset().union(*(stem_set(str(text)) for text in texts))
    asked = query.stems
    return min(len(asked & held) / max(len(asked), 1) * 2, 1.0)


def _times(count: int) -> str:
    return f"mentioned {count} times" if count > 1 else "mentioned once"
