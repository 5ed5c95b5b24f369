"""Hybrid search: a user's messages by words and by meaning, in one ranking."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from luminora.memory.classify import FADE_AFTER_DAYS, classification_boost
from luminora.memory.clock import now
from luminora.memory.indexes import Marks
from luminora.memory.models import MemorySearchResult
from luminora.memory.query import Query
from luminora.memory.ranking import REACH, Boost, Candidate, Evidence, rank
from luminora.memory.rewriting import Rewriter, fact_words
from luminora.memory.semantic import SemanticIndex
from luminora.providers import Find, Is, Read, Row, SearchText, StorageProvider, VectorHit

MAX_FACTS: Final = 200
DEPTH: Final = 150
"""Candidates taken from each side, at least."""

SEEDS: Final = 40
"""Of the messages found by words, the best so many are read with the turns around them."""


class HybridSearch:
    """Searches one user's messages through the storage and the semantic index at once.

    Args:
        by_facts: Widen a question by what is known of the user.
        rewriter: Widens it before anything is read; None asks nobody.
        fade_after_days: When messages of no lasting worth begin to count less; 0 for never.
    """

    def __init__(
        self,
        storage: StorageProvider,
        index: SemanticIndex,
        *,
        by_facts: bool = True,
        rewriter: Rewriter | None = None,
        fade_after_days: float = FADE_AFTER_DAYS,
    ) -> None:
        self._storage = storage
        self._index = index
        self._by_facts = by_facts
        self._rewriter = rewriter
        self._fade_after_days = fade_after_days

    async def understand(self, text: str, names: Iterable[str]) -> Query:
        """What to look for, before anything has been read."""
        query = Query.of(text, names)
        return query.widened(await self._rewriter.words(text)) if self._rewriter else query

    async def search(
        self,
        text: str,
        top_k: int,
        where: Mapping[str, str],
        *,
        names: Iterable[str] = (),
    ) -> list[MemorySearchResult]:
        """The ``top_k`` messages that answer best to ``text``.

        Args:
            text: A question or a few words, in any language.
            top_k: How many at most.
            where: ``user_id`` and, to narrow it, ``session_id`` or ``personality_name``.
            names: Names of speakers; what those say that the question names counts more.
        """
        query = await self.understand(text, names)
        depth = max(DEPTH, top_k * 2)
        found, hits, facts = await self.look(query, where, depth)
        query, ranked = await self.rank(query, where, found, hits, facts, depth=depth)
        return [result(query, candidate) for candidate in ranked[:top_k]]

    async def look(
        self, query: Query, where: Mapping[str, str], depth: int = DEPTH
    ) -> tuple[list[tuple[Row, float]], list[VectorHit], list[Row]]:
        """Messages by words, neighbours by meaning, and the facts to go by, read at once."""
        reads = [self.words(query, where, depth), facts_of(where)]
        (found, facts), hits = await asyncio.gather(
            self._storage.read(reads),
            self._index.search(query.meaning, depth, where),
        )
        return found, hits, facts

    async def rows(self, user_id: str, ids: Sequence[str]) -> dict[str, Row]:
        """A user's messages by their ids."""
        found = await self._storage.find("messages", user_id, {"id": Is("in", list(ids))})
        return {row["id"]: row for row in found}

    @staticmethod
    def words(query: Query, where: Mapping[str, str], depth: int) -> Read:
        """The read that finds messages by words."""
        narrow = {name: value for name, value in where.items() if name != "user_id"}
        return SearchText("messages", where["user_id"], query.lexical, where=narrow, limit=depth)

    async def rank(
        self,
        query: Query,
        where: Mapping[str, str],
        found: Sequence[tuple[Row, float]],
        hits: Sequence[VectorHit],
        facts: Sequence[Row],
        *,
        recent: Sequence[Row] = (),
        depth: int = DEPTH,
        seeds: int = SEEDS,
    ) -> tuple[Query, list[Candidate]]:
        """The question as the facts make it, and everything that may answer, best first.

        Read here, in one round trip: the rows that only the search by meaning found, the turns
        around the best of those found by words, and what the facts' words find. The ``recent``
        turns, in their order, are known already.
        """
        user_id = where["user_id"]
        wider = query.widened(fact_words(query, facts)) if self._by_facts else query
        near = {row["id"] for row in recent}
        known = near | {row["id"] for row, _ in found}
        missing = [hit.id for hit in hits if hit.id not in known]
        best = [row for row, _ in found[:seeds] if row["id"] not in near]
        reads: list[Read] = [Find("messages", user_id, {"id": Is("in", missing)})]
        for row in best:
            reads += beside(user_id, row)
        weighed = [row["id"] for row in best] + [hit.id for hit in hits[:seeds]]
        if weighed:
            about = {"message_id": Is("in", list(dict.fromkeys(weighed)))}
            reads.append(Find("memory_classifications", user_id, about))
        if wider is not query:
            reads.append(self.words(wider, where, depth))
        rows, *sides = await self._storage.read(reads) if missing or len(reads) > 1 else [[]]
        if wider is not query:
            found = sides.pop()
        boost = self._boost(sides.pop() if weighed else [])
        runs = [
            [*before[::-1], row, *after]
            for row, before, after in zip(best, sides[::2], sides[1::2], strict=True)
        ]
        runs.append(list(recent))
        evidence = Evidence(found, hits, rows, runs, Marks.of(self._index.name).done)
        return wider, rank(wider, evidence, at=now(), boost=boost)

    def _boost(self, classified: Sequence[Row]) -> Boost:
        """What the classifications of messages say of them."""
        known, at = {row["message_id"]: row for row in classified}, now()
        fade = self._fade_after_days
        return lambda row: classification_boost(
            known.get(row["id"]), at, row["timestamp"], fade_after_days=fade
        )


def facts_of(where: Mapping[str, str]) -> Read:
    """The read of the facts that a search may go by."""
    visible = {name: value for name, value in where.items() if name == "personality_name"}
    return Find(
        "user_facts",
        where["user_id"],
        {**visible, "is_active": True},
        order=("-last_updated",),
        limit=MAX_FACTS,
    )


def beside(user_id: str, row: Row) -> list[Read]:
    """The reads of the turns before a message, latest first, and of those after it."""
    session, seq = row["session_id"], row["seq"]

    def side(op: Any, order: str) -> Read:
        where = {"session_id": session, "seq": Is(op, seq)}
        return Find("messages", user_id, where, order=(order,), limit=REACH)

    return [side("<", "-seq"), side(">", "seq")]


def result(query: Query, one: Candidate) -> MemorySearchResult:
    """A candidate as it is handed out."""
    reasons = {
        "lexical": one.lexical,
        "vector": one.vector,
        "sitting": one.sitting,
        "speaker": one.speaker,
        "recency": one.recency,
        "boost": one.boost,
    }
    if one.similarity is not None:
        reasons["similarity"] = one.similarity
    return MemorySearchResult(
        id=one.row["external_id"] or one.row["id"],
        content=one.row["content"],
        role=one.row["speaker"],
        speaker=one.row["speaker_name"],
        session_id=one.row["session_id"],
        timestamp=one.row["timestamp"],
        score=round(one.score, 6),
        reasons={name: round(value, 4) for name, value in reasons.items()},
        words=[query.words[place].text for place in sorted(one.context)],
    )
