"""Hybrid search: messages by words and by meaning, in one ranking."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from luminora.memory.clock import now
from luminora.memory.models import MemorySearchResult
from luminora.memory.semantic import SemanticIndex
from luminora.providers import Is, Row, StorageProvider, VectorHit

LEXICAL_WEIGHT = 0.6
"""Share of the words in the blended score; the rest is meaning. From the measurements on LoCoMo
with small static embeddings, where words carry more."""

RECENCY_WEIGHT = 0.05
RECENCY_HALF_LIFE_DAYS = 30.0
DEPTH = 100
"""Candidates taken from each side before blending."""


@dataclass(slots=True)
class Candidate:
    """A message that one side or both found, with what each side thinks of it."""

    row: Row
    lexical: float = 0.0
    similarity: float | None = None
    vector: float = 0.0
    score: float = 0.0
    recency: float = 0.0

    def result(self) -> MemorySearchResult:
        """As it is handed out."""
        reasons = {"lexical": self.lexical, "vector": self.vector, "recency": self.recency}
        if self.similarity is not None:
            reasons["similarity"] = self.similarity
        return MemorySearchResult(
            id=self.row["external_id"] or self.row["id"],
            content=self.row["content"],
            role=self.row["speaker"],
            speaker=self.row["speaker_name"],
            session_id=self.row["session_id"],
            timestamp=self.row["timestamp"],
            score=self.score,
            reasons={name: round(value, 4) for name, value in reasons.items()},
        )


def blend(
    lexical: Sequence[tuple[Row, float]],
    hits: Sequence[VectorHit],
    rows: Mapping[str, Row],
    *,
    at: datetime,
) -> list[Candidate]:
    """Rank what both sides found, best first.

    ``score = (w · lexical/max + (1-w) · minmax(similarity)) · (1 + r · 2^(-age/half-life))``,
    where a side that did not find a message contributes 0. Scores of each side are scaled within
    the query because BM25 and cosine have no common unit.

    Args:
        lexical: Rows with their text scores.
        hits: Neighbours.
        rows: The rows of the neighbours, by id; a neighbour without a row is left out.
        at: The present, for recency.
    """
    found: dict[str, Candidate] = {}
    top = max((score for _, score in lexical), default=0.0) or 1.0
    for row, score in lexical:
        found[row["id"]] = Candidate(row, lexical=score / top)
    low = min((hit.score for hit in hits), default=0.0)
    high = max((hit.score for hit in hits), default=0.0)
    spread = (high - low) or 1.0
    for hit in hits:
        if hit.id in found or hit.id in rows:
            candidate = found.setdefault(hit.id, Candidate(rows.get(hit.id) or {}))
            candidate.similarity = hit.score
            candidate.vector = (hit.score - low) / spread if high > low else 1.0
    for candidate in found.values():
        age = max((at - candidate.row["timestamp"]).total_seconds(), 0.0) / 86_400
        candidate.recency = 2.0 ** (-age / RECENCY_HALF_LIFE_DAYS)
        base = LEXICAL_WEIGHT * candidate.lexical + (1 - LEXICAL_WEIGHT) * candidate.vector
        candidate.score = base * (1 + RECENCY_WEIGHT * candidate.recency)
    return sorted(found.values(), key=lambda one: (-one.score, -one.row["seq"], one.row["id"]))


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
            names: Names of speakers; they are left out of the search by meaning, where they
                would only find messages that address those people.
        """
        user_id = where["user_id"]
        narrow = {name: value for name, value in where.items() if name != "user_id"}
        depth = max(DEPTH, top_k * 2)
        lexical, hits = await asyncio.gather(
            self._storage.search_text("messages", user_id, query, where=narrow, limit=depth),
            self._index.search(without_names(query, names), depth, where),
        )
        return await self.rank(user_id, lexical, hits, top_k)

    async def rank(
        self,
        user_id: str,
        lexical: Sequence[tuple[Row, float]],
        hits: Sequence[VectorHit],
        top_k: int,
        *,
        exclude: frozenset[str] = frozenset(),
    ) -> list[MemorySearchResult]:
        """Blend what both sides found, leaving out the ids in ``exclude``.

        Rows that only the search by meaning found are read here.
        """
        known = {row["id"] for row, _ in lexical}
        missing = [hit.id for hit in hits if hit.id not in known]
        rows: dict[str, Row] = {}
        if missing:
            read = await self._storage.find("messages", user_id, {"id": Is("in", missing)})
            rows = {row["id"]: row for row in read}
        ranked = blend(lexical, hits, rows, at=now())
        chosen = [one for one in ranked if one.row["id"] not in exclude][:top_k]
        return [candidate.result() for candidate in chosen]


def without_names(query: str, names: Iterable[str]) -> str:
    """``query`` without the names and their possessives; unchanged if nothing would be left."""
    words = [re.escape(part) for name in names for part in name.split() if len(part) > 1]
    if not words:
        return query
    pattern = rf"\b(?:{'|'.join(words)})\b(?:['\u2019]s)?"
    rest = " ".join(re.sub(pattern, " ", query, flags=re.IGNORECASE).split())
    return rest if re.search(r"\w{2}", rest) else query
