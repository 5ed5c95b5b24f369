"""Learning from one exchange: an analysis becomes facts, affinity, mood and episodes, at once.

Everything is written in one transaction together with the end of the job that asked for it. The
affinity event carries the message's id, so an exchange that was learned from already cannot be
learned from again, whoever tries and however often.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

from luminora.errors import Conflict
from luminora.memory.affinity import AffinityChange, affinity_change, event_id, moment_of
from luminora.memory.analysis import Analysis
from luminora.memory.classify import classification_writes
from luminora.memory.clock import now
from luminora.memory.earning import recent_query
from luminora.memory.episodes import Episodes, Moment, Nearby, worth_keeping
from luminora.memory.fact_policy import FactPolicy
from luminora.memory.facts import distinct, fact_id, fact_writes
from luminora.memory.models import Session
from luminora.memory.mood import mood_writes
from luminora.memory.recall import Memory, Recall
from luminora.personality import Personality, PersonalityTree
from luminora.providers import (
    Count,
    Find,
    Insert,
    Is,
    Row,
    StorageProvider,
    Update,
    Write,
)

_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Exchange:
    """One message and what is around it.

    Attributes:
        message: The user's stored row.
        recall: What was recalled for it, as the state to change.
    """

    session: Session
    personality: Personality
    tree: PersonalityTree
    message: Row
    recall: Recall


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned: fact rows, the affinity change, the mood row; who analysed it.

    ``affinity`` is None when the exchange had been learned from before.
    """

    facts: Sequence[Row] = ()
    affinity: AffinityChange | None = None
    mood: Row | None = None
    analysis: Mapping[str, Any] = field(default_factory=dict)

    def stored(self, writes: Sequence[Write], counts: Sequence[int]) -> Lesson:
        """The same with the milestones only that were new to the storage."""
        if self.affinity is None or not self.affinity.milestones:
            return self
        new = {
            write.row["id"]
            for write, count in zip(writes, counts, strict=False)
            if isinstance(write, Insert) and count
        }
        reached = [row for row in self.affinity.milestones if row["id"] in new]
        return replace(self, affinity=replace(self.affinity, milestones=reached))


class Learner:
    """Applies analyses.

    Args:
        storage: Where what is learned goes.
        memory: Reads state again when it has changed.
        episodes: Keeps moments.
        episode_every: A moment of less than ``WEIGHTY`` importance becomes an episode only if
            it is the user's message number N, 2N, 3N …, so that small talk fills no memory.
        policy: Which facts may be kept.
    """

    def __init__(
        self,
        storage: StorageProvider,
        memory: Memory,
        episodes: Episodes,
        *,
        episode_every: int = 1,
        policy: FactPolicy | None = None,
    ) -> None:
        self._storage = storage
        self._memory = memory
        self._episodes = episodes
        self._episode_every = episode_every
        self._policy = policy or FactPolicy()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def learn(
        self, exchange: Exchange, analysis: Analysis, closing: Sequence[Write] = ()
    ) -> Lesson:
        """Write what the analysis says, together with ``closing``.

        State that has changed meanwhile is read again and the writes are worked out anew. The
        exchanges of one user take turns, so that only other processes make that necessary.

        Raises:
            Conflict: The state changed under our hands every time, or ``closing`` no longer
                holds; nothing was written.
        """
        analysis = self._policy.applied(analysis)
        lock = self._locks.setdefault(exchange.session.user_id, asyncio.Lock())
        overtaken = lock.locked()
        async with lock:
            if overtaken:
                exchange = replace(exchange, recall=await self._again(exchange, analysis))
            return await self._learn(exchange, analysis, closing)

    async def _learn(
        self, exchange: Exchange, analysis: Analysis, closing: Sequence[Write]
    ) -> Lesson:
        for attempt in range(_ATTEMPTS):
            (exchange, recent), nearby = await asyncio.gather(
                self._latest(exchange, analysis), self._nearby(exchange, analysis)
            )
            lesson, writes = self._work_out(exchange, analysis, recent, nearby, now())
            try:
                counts = await self._storage.transaction([*writes, *closing])
            except Conflict:
                if await self._settled(exchange):
                    await self._storage.transaction(list(closing))
                    return Lesson(mood=exchange.recall.mood_row)
                if attempt + 1 == _ATTEMPTS:
                    raise
                exchange = replace(exchange, recall=await self._again(exchange, analysis))
            else:
                return lesson.stored(writes, counts)
        raise AssertionError("unreachable")

    async def _latest(
        self, exchange: Exchange, analysis: Analysis
    ) -> tuple[Exchange, Sequence[Row]]:
        """The mood, and the events that limits depend on, read after the affinity row.

        Who changes them in between raises that row's revision too, and our write is refused: so
        all three are of one moment, on every storage.
        """
        session = exchange.session
        rules = exchange.personality.affinity
        at = moment_of(exchange.message, exchange.recall.affinity)
        pair = (session.user_id, session.personality_name)
        limits = recent_query(*pair, rules, analysis.event, at)
        moods = Find("session_moods", session.user_id, {"session_id": session.session_id}, limit=1)
        found, *events = await self._storage.read([moods, *([limits] if limits else [])])
        recall = replace(exchange.recall, mood_row=found[0] if found else None)
        return replace(exchange, recall=recall), events[0] if events else ()

    async def _settled(self, exchange: Exchange) -> bool:
        """Whether there is nothing to learn any more: it was learned, or all was forgotten."""
        session = exchange.session
        event = {"id": event_id(exchange.message)}
        own = {"session_id": session.session_id}
        learned, there = await self._storage.read(
            [
                Count("affinity_events", session.user_id, event),
                Count("sessions", session.user_id, own),
            ]
        )
        return bool(learned > 0 or there == 0)

    async def _again(self, exchange: Exchange, analysis: Analysis) -> Recall:
        session = exchange.session
        found = distinct(analysis.facts, exchange.recall.facts)
        ids = [fact_id(session, fact) for fact in found]
        facts, _, affinity, moods, retold = await self._storage.read(
            [
                *self._memory.state(session),
                Find("user_facts", session.user_id, {"id": Is("in", ids)}),
            ]
        )
        return replace(
            exchange.recall,
            facts=list({row["id"]: row for row in (*retold, *facts)}.values()),
            affinity=affinity[0] if affinity else None,
            mood_row=moods[0] if moods else None,
        )

    async def _nearby(self, exchange: Exchange, analysis: Analysis) -> Nearby | None:
        """What a new episode is compared with; None if there will be none."""
        wanted = exchange.personality.memory_preferences
        if analysis.episode is None or not worth_keeping(analysis.episode, wanted, due=True):
            return None
        return await self._episodes.nearby(exchange.session, now())

    def _work_out(
        self,
        exchange: Exchange,
        analysis: Analysis,
        recent: Sequence[Row],
        nearby: Nearby | None,
        at: datetime,
    ) -> tuple[Lesson, list[Write]]:
        session, message, recall = exchange.session, exchange.message, exchange.recall
        affinity = affinity_change(
            session, message, analysis, exchange.tree, recall.affinity, recent
        )
        writes, facts = fact_writes(session, message, analysis, recall.facts, at)
        moods, mood = mood_writes(session, message, analysis, exchange.personality, recall.mood_row)
        own = {"session_id": session.session_id}
        writes = [
            Update("sessions", session.user_id, own, set={"last_activity": at}, expect=1),
            *affinity.writes,
            *writes,
            *moods,
            *classification_writes(session.user_id, message, analysis, at),
        ]
        due = affinity.row["total_messages"] % self._episode_every == 0
        wanted = exchange.personality.memory_preferences
        if nearby and analysis.episode and worth_keeping(analysis.episode, wanted, due=due):
            known = (*facts, *recall.facts)
            moment = Moment(
                session, message, recall.history, analysis.episode, known, learned=len(facts)
            )
            writes += self._episodes.writes(moment, nearby, at)
        return Lesson(facts, affinity, mood), writes
