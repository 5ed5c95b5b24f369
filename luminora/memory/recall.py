"""What comes to mind: everything an answer may rely on, read in as few round trips as possible."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from luminora.memory.affinity import points_at
from luminora.memory.clock import now
from luminora.memory.episodes import for_message
from luminora.memory.models import Episode, MemorySearchResult, MoodInfo, Session
from luminora.memory.mood import mood_at
from luminora.memory.past import asks_for_past, past_reads, tellable
from luminora.memory.query import Query
from luminora.memory.search import HybridSearch, facts_of, result
from luminora.memory.semantic import SemanticIndex
from luminora.personality import Personality
from luminora.providers import Find, Read, Row, StorageProvider

MAX_EPISODES = 60
"""Episodes that are looked at, the weightiest ever; ``SHOWN_EPISODES`` of them are recalled."""
SHOWN_EPISODES = 10
MAX_PASSED = 10
_DEPTH_FACTOR = 3
"""Candidates per recalled message; those that are part of the recent history come on top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """What was recalled for one message, mostly as it is stored: a prompt needs little of it.

    Attributes:
        history: The rows of the turns before the message, oldest first.
        facts: The rows of the active facts, latest first.
        past: The rows of earlier values, latest first, if the message asks for them, else None.
        affinity: The affinity row, or None before the first exchange.
        mood_row: The mood row, or None while the mood is neutral.
        points: Affinity now, what silence has taken taken off; see :meth:`at`.
        mood: The mood now, as far as it has not faded.
        memories: Earlier messages that answer to this one, best first, none of them in history.
        passed: The next best, which there was no room for.
        present: Messages that answer to it and stand in the history.
        query: What was looked for.
    """

    history: Sequence[Row] = ()
    facts: Sequence[Row] = ()
    past: Sequence[Row] | None = None
    episodes: Sequence[Episode] = ()
    affinity: Row | None = None
    mood_row: Row | None = None
    points: int = 0
    mood: MoodInfo = field(default_factory=MoodInfo)
    memories: Sequence[MemorySearchResult] = ()
    passed: Sequence[MemorySearchResult] = ()
    present: Sequence[MemorySearchResult] = ()
    query: Query | None = None

    def at(self, moment: datetime, personality: Personality) -> Self:
        """The same with affinity and mood as they are at a moment, by the persona's rules."""
        points = points_at(self.affinity, personality.affinity.decay, moment)
        return replace(self, points=points, mood=mood_at(self.mood_row, personality, moment))


class Memory:
    """Reads what is remembered of a user, within the scope the configuration allows.

    Args:
        storage: Where it is.
        index: Messages by meaning.
        search: Searches them.
        scope: ``"user"`` lets every personality recall what one has heard; ``"personality"``
            keeps each to its own.
        history_limit: Recent turns to recall.
        recall_limit: Earlier messages to recall.
    """

    def __init__(
        self,
        storage: StorageProvider,
        index: SemanticIndex,
        search: HybridSearch,
        *,
        scope: str = "user",
        history_limit: int = 20,
        recall_limit: int = 8,
    ) -> None:
        self._storage = storage
        self._index = index
        self._scope = scope
        self._history_limit = history_limit
        self._recall_limit = recall_limit
        self._depth = recall_limit * _DEPTH_FACTOR + history_limit
        self.search = search

    def visible(self, session: Session) -> dict[str, Any]:
        """The filter for what this session's personality may recall, beyond its user."""
        if self._scope == "personality":
            return {"personality_name": session.personality_name}
        return {}

    async def recall(
        self, session: Session, text: str, *, before: Row, names: Sequence[str]
    ) -> Recall:
        """Everything for answering ``text``, whose stored row is ``before``."""
        query = await self.search.understand(text, names)
        where = {"user_id": session.user_id, **self.visible(session)}
        answers, hits = await asyncio.gather(
            self._storage.read(self._queries(session, query, where)),
            self._index.search(query.meaning, self._depth, where),
        )
        history, facts, episodes, affinity, moods, lexical, *past = answers
        earlier = [row for row in history[::-1] if row["seq"] < before["seq"]]
        shown = frozenset(row["id"] for row in history) | {before["id"]}
        query, ranked = await self.search.rank(
            query,
            where,
            [(row, score) for row, score in lexical if row["id"] != before["id"]],
            [hit for hit in hits if hit.id != before["id"]],
            facts,
            recent=earlier,
            depth=self._depth,
            seeds=self._recall_limit,
        )
        fresh = [one for one in ranked if one.row["id"] not in shown]
        told = [result(query, one) for one in fresh[: self._recall_limit + MAX_PASSED]]
        return Recall(
            history=earlier[-self._history_limit :],
            facts=facts,
            past=tellable(*past) if past else None,
            episodes=for_message(episodes, text, now(), SHOWN_EPISODES),
            affinity=affinity[0] if affinity else None,
            mood_row=moods[0] if moods else None,
            memories=told[: self._recall_limit],
            passed=told[self._recall_limit :],
            present=[result(query, one) for one in ranked[:MAX_PASSED] if one.row["id"] in shown],
            query=query,
        )

    def _queries(self, session: Session, query: Query, where: dict[str, str]) -> list[Read]:
        user_id = session.user_id
        own = {"session_id": session.session_id}
        return [
            # one more than asked for, since the message itself is stored already
            Find("messages", user_id, own, order=("-seq",), limit=self._history_limit + 1),
            *self.state(session),
            self.search.words(query, where, self._depth),
            *self._past(session, query),
        ]

    def _past(self, session: Session, query: Query) -> list[Read]:
        if not asks_for_past(query.text):
            return []
        return past_reads(session.user_id, self.visible(session))

    def state(self, session: Session) -> list[Read]:
        """The reads for facts, episodes, affinity and mood, in this order."""
        user_id, visible = session.user_id, self.visible(session)
        pair = {"personality_name": session.personality_name}
        return [
            facts_of({"user_id": user_id, **visible}),
            Find("episodes", user_id, visible, order=("-importance",), limit=MAX_EPISODES),
            Find("user_affinity", user_id, pair, limit=1),
            Find("session_moods", user_id, {"session_id": session.session_id}, limit=1),
        ]
