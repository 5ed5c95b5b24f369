"""Hybrid search: a user's messages by words and by meaning, in one ranking."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from luminora.memory.clock import now
from luminora.memory.indexes import Marks
from luminora.memory.models import MemorySearchResult
from luminora.memory.query import Query
from luminora.memory.ranking import REACH, Candidate, Evidence, rank
from luminora.memory.semantic import SemanticIndex
from luminora.providers import Find, Is, Read, Row, SearchText, StorageProvider, VectorHit

DEPTH: Final = 100
"""Candidates taken from each side, at least."""

SEEDS: Final = 40
"""Of the messages found by words, the best so many are read with the turns around them."""


class HybridSearch:
    """Searches one user's messages through the storage and the semantic index at once."""

    def __init__(self, storage: StorageProvider, index: SemanticIndex) -> None:
        self._storage = storage
        self._index = index

    async def search(
        self,
        query: str,
        top_k: int,
        where: Mapping[str, str],
        *,
        names: Iterable[str] = (),
    ) -> list[MemorySearchResult]:
        """The ``top_k`` messages that answer best to ``query``.

        Args:
            query: A question or a few words, in any language.
            top_k: How many at most.
            where: ``user_id`` and, to narrow it, ``session_id`` or ``personality_name``.
            names: Names of speakers; what those say that the question names counts more.
        """
        asked = Query.of(query, names)
        depth = max(DEPTH, top_k * 2)
        (found,), hits = await asyncio.gather(
            self._storage.read([self.words(asked, where, depth)]),
            self._index.search(asked.meaning, depth, where),
        )
        ranked = await self.rank(asked, where, found, hits)
        return [result(asked, candidate) for candidate in ranked[:top_k]]

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
        *,
        seeds: int = SEEDS,
    ) -> list[Candidate]:
        """Everything that may answer, best first.

        Read here, in one round trip: the rows that only the search by meaning found, and the
        turns around the best of those found by words.
        """
        user_id = where["user_id"]
        known = {row["id"] for row, _ in found}
        missing = [hit.id for hit in hits if hit.id not in known]
        queries: list[Read] = [Find("messages", user_id, {"id": Is("in", missing)})]
        best = [row for row, _ in found[:seeds]]
        for row in best:
            queries += beside(user_id, row)
        rows, *sides = await self._storage.read(queries) if missing or best else [[]]
        runs = [
            [*before[::-1], row, *after]
            for row, before, after in zip(best, sides[::2], sides[1::2], strict=True)
        ]
        indexed = Marks.of(self._index.name).done
        return rank(query, Evidence(found, hits, rows, runs, indexed), at=now())


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
