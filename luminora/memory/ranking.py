"""How messages are ranked for a question: words in context, meaning, who spoke, and when.

::

    words    = BM25F over a message and its neighbours, scaled to the best message     [0, 1]
    meaning  = cosine similarity, scaled to the spread of the neighbours found         [0, 1]
    base     = (1 - w) * words + w * meaning
    sitting  = mean base of the best three messages of the same sitting
    score    = ((base + s * sitting) * told + p * asked_of * best)
               * (1 + r * 2^(-age / 30 days)) * boost

BM25F (Robertson, Zaragoza & Taylor, 2004) treats the turns around a message as fields of lower
weight, since "in the mountains, with Ana" means nothing without the question it answers. ``told``
lowers what only asks and raises what says much. ``asked_of`` is 1 for messages of a person that the
question names, 2 for those of whom a pronoun means. ``boost`` is what a classification says
(importance, permanence). The weights were chosen on LoCoMo's conversations, by leaving one out at
a time, and on Spanish conversations of our own; ``benchmarks/recall.py`` measures both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from math import log
from typing import Final

from luminora.memory.query import Query
from luminora.providers import Row, VectorHit
from luminora.providers.lexical import stemmed
from luminora.providers.loading import numpy_lock

REACH: Final = 2
"""Turns before and after a message that give its words their context."""

CONTEXT: Final = {0: 1.0, -1: 0.7, 1: 0.45, -2: 0.35, 2: 0.25}
"""How much a word counts in a message, in the turn before it (-1), in the one after it (1) …"""

SATURATION: Final = 0.8
LENGTH: Final = 0.5
"""BM25's k1 and b."""

MEANING_WEIGHT: Final = 0.45
"""Share of meaning in the base; the rest is words, which carry more with small models."""

MANY: Final = 50
"""So many neighbours show how far apart they lie."""

NEARBY: Final = 0.1
"""How much of its neighbours' meaning a message gets."""

SITTING_WEIGHT: Final = 0.3
SITTING_GAP: Final = timedelta(hours=3)
"""A longer silence ends a sitting."""

QUESTION_LOSS: Final = 0.2
LENGTH_GAIN: Final = 0.2
TYPICAL_WORDS: Final = 20
LEAST_WORDS, MOST_WORDS = 6, 40

MOST_READ: Final = 4_000
"""Characters of a message that are looked at for words."""

SPEAKER_WEIGHT: Final = 0.35
RECENCY_WEIGHT: Final = 0.05
RECENCY_HALF_LIFE_DAYS: Final = 30.0

Boost = Callable[[Row], float]
"""A factor around 1 for a message, from its classification."""


@dataclass(slots=True)
class Candidate:
    """A message that may answer, with what speaks for it.

    Attributes:
        counts: How often it holds each word of the query, by the word's place there.
        context: The same with the turns around it, each weighted by :data:`CONTEXT`.
        size: Its telling words; ``length`` those of its context, weighted alike.
        similarity: Cosine similarity to the query; None if it was not among the neighbours.
    """

    row: Row
    counts: dict[int, float] = field(default_factory=dict)
    context: dict[int, float] = field(default_factory=dict)
    size: int = 0
    length: float = 0.0
    similarity: float | None = None
    lexical: float = 0.0
    vector: float = 0.0
    base: float = 0.0
    sitting: float = 0.0
    speaker: float = 0.0
    recency: float = 0.0
    boost: float = 1.0
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the storage and the index found.

    Attributes:
        found: Messages that share words with the query and their scores.
        hits: Neighbours by meaning; one whose row is nowhere here is left out.
        rows: Rows of the neighbours.
        runs: Messages that follow each other directly, in order: the surroundings of what was
            found.
        indexed: What ``embedding_state`` says of messages that the index holds. Of others nothing
            is known by meaning, so words alone speak for them.
    """

    found: Sequence[tuple[Row, float]] = ()
    hits: Sequence[VectorHit] = ()
    rows: Sequence[Row] = ()
    runs: Sequence[Sequence[Row]] = ()
    indexed: str = "done"


def rank(
    query: Query, evidence: Evidence, *, at: datetime, boost: Boost | None = None
) -> list[Candidate]:
    """Candidates for ``query``, best first; those that nothing speaks for are left out.

    Args:
        query: What is looked for.
        evidence: What was found.
        at: The present, for recency.
        boost: What classifications say.
    """
    everyone = _candidates(query, evidence)
    turns = _turns(evidence.runs)
    for one in everyone.values():
        _see_context(one, everyone, turns)
    _score_words(everyone, _rarity(query, evidence.found, everyone))
    _score_meaning(everyone, evidence.hits, turns)
    for one in everyone.values():
        known = one.similarity is not None or one.row["embedding_state"] == evidence.indexed
        share = MEANING_WEIGHT if known and evidence.hits else 0.0
        one.base = (1 - share) * one.lexical + share * one.vector
    _score_sittings(everyone.values())
    _finish(query, everyone.values(), at, boost)
    # a message that was revoked is empty; it may stand between two that answer
    speaking = [one for one in everyone.values() if one.base > 0 and one.row["content"]]
    return sorted(speaking, key=lambda one: (-one.score, -one.row["seq"], one.row["id"]))


def _candidates(query: Query, evidence: Evidence) -> dict[str, Candidate]:
    places = {stem: place for place, word in enumerate(query.words) for stem in word.stems}
    rows = [row for row, _ in evidence.found]
    rows += [*evidence.rows, *(row for run in evidence.runs for row in run)]
    everyone: dict[str, Candidate] = {}
    for row in rows:
        if row["id"] not in everyone:
            everyone[row["id"]] = _read(row, places)
    return everyone


def _read(row: Row, places: Mapping[str, int]) -> Candidate:
    one = Candidate(row)
    telling = _telling(row["content"][:MOST_READ])
    one.size = len(telling)
    for stems in telling:
        for stem in stems:
            if stem in places:
                place = places[stem]
                one.counts[place] = one.counts.get(place, 0.0) + 1.0
                break
    return one


@lru_cache(maxsize=4_096)
def _telling(text: str) -> tuple[tuple[str, ...], ...]:
    """The stemmed words of a message; a conversation comes back to the same ones."""
    return tuple(stemmed(text))


def _turns(runs: Sequence[Sequence[Row]]) -> dict[int, dict[str, str]]:
    """For each step of :data:`CONTEXT`, whose neighbour each message is; no sitting is left."""
    after = {
        one["id"]: other["id"]
        for run in runs
        for one, other in pairwise(run)
        if other["timestamp"] - one["timestamp"] <= SITTING_GAP
    }
    before = {other: one for one, other in after.items()}
    return {
        step: _stepped(after if step > 0 else before, abs(step)) for step in CONTEXT if step != 0
    }


def _stepped(links: Mapping[str, str], steps: int) -> dict[str, str]:
    reached = {one: one for one in links}
    for _ in range(steps):
        reached = {start: links[end] for start, end in reached.items() if end in links}
    return reached


def _see_context(
    one: Candidate, everyone: Mapping[str, Candidate], turns: Mapping[int, Mapping[str, str]]
) -> None:
    one.context, one.length = dict(one.counts), float(one.size)
    for step, neighbours in turns.items():
        beside = everyone.get(neighbours.get(one.row["id"], ""))
        if beside is not None:
            weight = CONTEXT[step]
            one.length += weight * beside.size
            for place, count in beside.counts.items():
                one.context[place] = one.context.get(place, 0.0) + weight * count


def _rarity(
    query: Query, found: Sequence[tuple[Row, float]], everyone: Mapping[str, Candidate]
) -> list[float]:
    """How rare each word of the query is among the user's messages, times its weight there.

    A storage's score is the sum of its words' rarities (``luminora.providers.rows.ranked``), so
    the rarities are the least-squares solution of the scores it gave.
    """
    if not found:
        return [0.0 for _ in query.words]
    with numpy_lock:
        import numpy as np  # noqa: PLC0415 - only who searches pays for it

    held = np.zeros((len(found), len(query.words)))
    for line, (row, _) in enumerate(found):
        for place in everyone[row["id"]].counts:
            held[line, place] = 1.0
    scores = np.array([score for _, score in found])
    solved, *_ = np.linalg.lstsq(held, scores, rcond=None)
    least = 0.1 * float(scores.max())  # a word that could not be told from others counts a little
    return [
        max(rarity, least) * word.weight
        for rarity, word in zip(solved.tolist(), query.words, strict=True)
    ]


def _score_words(everyone: Mapping[str, Candidate], rarity: Sequence[float]) -> None:
    typical = sum(one.length for one in everyone.values()) / max(len(everyone), 1) or 1.0
    for one in everyone.values():
        slack = SATURATION * (1 - LENGTH + LENGTH * one.length / typical)
        one.lexical = sum(
            rarity[place] * count * (SATURATION + 1) / (count + slack)
            for place, count in one.context.items()
        )
    best = max((one.lexical for one in everyone.values()), default=0.0) or 1.0
    for one in everyone.values():
        one.lexical /= best


def _score_meaning(
    everyone: Mapping[str, Candidate],
    hits: Sequence[VectorHit],
    turns: Mapping[int, Mapping[str, str]],
) -> None:
    # of a few neighbours even the farthest may be near: the scale then begins closer to 0
    low = min((hit.score for hit in hits), default=0.0) * min(len(hits) / MANY, 1.0)
    spread = max((hit.score for hit in hits), default=0.0) - low
    own: dict[str, float] = {}
    for hit in hits:
        if hit.id in everyone:
            everyone[hit.id].similarity = hit.score
            own[hit.id] = (hit.score - low) / spread if spread else 1.0
    for name, one in everyone.items():
        beside = (own.get(turns[step].get(name, ""), 0.0) for step in (-1, 1))
        one.vector = own.get(name, 0.0) + NEARBY * sum(beside)


def _score_sittings(everyone: Iterable[Candidate]) -> None:
    ordered = sorted(everyone, key=lambda one: (one.row["session_id"], one.row["seq"]))
    sitting: list[Candidate] = []
    for one in [*ordered, None]:
        if sitting and (one is None or _apart(sitting[-1].row, one.row)):
            best = sorted((member.base for member in sitting), reverse=True)[:3]
            for member in sitting:
                member.sitting = sum(best) / 3
            sitting = []
        if one is not None:
            sitting.append(one)


def _apart(one: Row, other: Row) -> bool:
    gap = abs(other["timestamp"] - one["timestamp"])
    return bool(one["session_id"] != other["session_id"] or gap > SITTING_GAP)


def _finish(query: Query, everyone: Iterable[Candidate], at: datetime, boost: Boost | None) -> None:
    candidates = list(everyone)
    for one in candidates:
        one.score = (one.base + SITTING_WEIGHT * one.sitting) * _told(one)
        one.speaker = query.meant(one.row)
    best = max((one.score for one in candidates), default=0.0)
    for one in candidates:
        age = max((at - one.row["timestamp"]).total_seconds(), 0.0) / 86_400
        one.recency = float(2.0 ** (-age / RECENCY_HALF_LIFE_DAYS))
        one.boost = boost(one.row) if boost else 1.0
        one.score += SPEAKER_WEIGHT * one.speaker * best
        one.score *= (1 + RECENCY_WEIGHT * one.recency) * one.boost


def _told(one: Candidate) -> float:
    """How much a message tells: one that only asks tells less, a long one more."""
    text = one.row["content"]
    words = min(max(text.count(" ") + 1, LEAST_WORDS), MOST_WORDS)
    asks: bool = text.rstrip().endswith("?")
    return 1 - QUESTION_LOSS * asks + LENGTH_GAIN * log(words / TYPICAL_WORDS)
