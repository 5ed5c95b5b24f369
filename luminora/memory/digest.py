"""Digesting an exchange: index it, analyse it, learn from it; now or later, once.

Every exchange is saved together with a job. The process that saved it holds the job's lease while
it digests; if it dies, the lease runs out and another takes over. Who takes jobs that waited has
those of one session analysed together; each is learned from in a transaction of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zlib import crc32

from luminora._steps import step
from luminora.memory.analysis import Analysis
from luminora.memory.analyst import Analyst
from luminora.memory.announce import Emit, announce
from luminora.memory.clock import now
from luminora.memory.indexes import PENDING
from luminora.memory.jobs import JobQueue
from luminora.memory.learning import Exchange, Learner, Lesson
from luminora.memory.provenance import bounded
from luminora.memory.semantic import SemanticIndex
from luminora.providers import Grounding, Row, Update, Write

log = logging.getLogger(__name__)

KIND = "digest"

Resume = Callable[[Row], Awaitable[tuple[Exchange, Grounding, list[Row]] | None]]
"""Rebuilds an exchange from a job's payload: the exchange, its grounding, its message rows."""


_MAX_CHARS = 20_000  # of the messages that share a call
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Batch:
    """How messages of one session share a call: ``size`` at most, jobs waiting ``wait`` seconds.

    With a wait, time is cut into windows of that length, at another phase for every session, and
    a job is due at the end of its window, together with the others of its session.
    """

    size: int = 1
    wait: float = 0.0

    def due(self, session_id: str, at: datetime) -> datetime:
        """When a job that is made now is due."""
        if self.wait <= 0:
            return at
        phase = crc32(session_id.encode()) % _DAY % self.wait
        window = (at.timestamp() - phase) // self.wait + 1
        return datetime.fromtimestamp(window * self.wait + phase, UTC)


@dataclass(frozen=True, slots=True)
class _Resumed:
    """A job with everything needed to digest it."""

    job: Row
    exchange: Exchange
    grounding: Grounding
    rows: Sequence[Row]


class Digester:
    """Turns exchanges into memory.

    Args:
        queue: Where the jobs are.
        resume: Rebuilds an exchange that another process began.
        emit: Calls the listeners of what is learned later.
    """

    def __init__(
        self,
        queue: JobQueue,
        index: SemanticIndex,
        analyst: Analyst,
        learner: Learner,
        resume: Resume,
        emit: Emit,
        batch: Batch | None = None,
    ) -> None:
        self._queue = queue
        self._index = index
        self._analyst = analyst
        self._learner = learner
        self._resume = resume
        self._emit = emit
        self._batch = batch or Batch()

    def job(self, exchange: Exchange, reply_id: str, *, leased: bool) -> Row:
        """The job of an exchange, ours already if ``leased``."""
        message = exchange.message
        payload = {
            "session_id": message["session_id"],
            "message_id": message["id"],
            "reply_id": reply_id,
        }
        job = self._queue.new(
            message["user_id"], KIND, payload, job_id=job_id(message["id"]), leased=leased
        )
        return job if leased else {**job, "run_at": self._batch.due(message["session_id"], now())}

    async def digest(
        self,
        exchange: Exchange,
        grounding: Grounding,
        job: Row,
        indexed: Awaitable[Sequence[Write]],
    ) -> Lesson | None:
        """Learn from an exchange and end its job; None if that has to be tried again later.

        Args:
            exchange: What was said, and the state as it was recalled.
            grounding: The same as data, for the analysis.
            job: Ends together with what is learned.
            indexed: Puts the exchange's messages into the index; yields the writes that say so.
        """
        try:
            analysis, marks = await asyncio.gather(self._analysed(exchange, grounding), indexed)
            return await self._learn(exchange, analysis, marks, job)
        except Exception as error:  # noqa: BLE001 - the job says what happened and comes again
            await self._postpone(job, error)
            return None

    async def _analysed(self, exchange: Exchange, grounding: Grounding) -> Analysis:
        with step("analyse"):
            return await self._analyst.analyse((exchange.message, grounding))

    async def run_due(self, limit: int = 10) -> int:
        """Digest up to ``limit`` jobs that are due, sessions side by side; how many were taken."""
        jobs = await self._queue.lease(limit, kinds=[KIND])
        found = await asyncio.gather(*(self._resumed(job) for job in jobs))
        sessions: dict[str, list[list[_Resumed]]] = {}
        for group in self._groups([one for one in found if one is not None]):
            sessions.setdefault(group[0].exchange.session.session_id, []).append(group)
        await asyncio.gather(*(self._in_turn(groups) for groups in sessions.values()))
        return len(jobs)

    async def _in_turn(self, groups: Sequence[Sequence[_Resumed]]) -> None:
        """What was said first is learned first: later messages correct earlier ones."""
        for group in groups:
            await self._digest_all(group)

    def _groups(self, resumed: Sequence[_Resumed]) -> Iterator[list[_Resumed]]:
        """What is analysed in one call each: messages of one session, in their order."""
        open_groups: dict[str, list[_Resumed]] = {}
        room: dict[str, int] = {}
        for one in sorted(resumed, key=lambda one: one.exchange.message["seq"]):
            message, payload = one.exchange.message, one.job["payload"]
            session, length = message["session_id"], len(message["content"])
            if payload.get("alone"):
                yield [one]
                continue
            group = open_groups.get(session, [])
            if group and (len(group) >= self._batch.size or length > room[session]):
                yield open_groups.pop(session)
            if session not in open_groups:
                room[session] = _MAX_CHARS
            open_groups.setdefault(session, []).append(one)
            room[session] -= length
        yield from open_groups.values()

    async def _digest_all(self, group: Sequence[_Resumed]) -> None:
        if len(group) == 1:
            one = group[0]
            lesson = await self.digest(one.exchange, one.grounding, one.job, self._indexed(one))
            if lesson is not None:
                await announce(self._emit, one.exchange, lesson)
            return
        cases = [(one.exchange.message, one.grounding) for one in group]
        try:
            found = await self._analyst.analyse_all(cases)
        except Exception as error:  # noqa: BLE001 - see digest
            await asyncio.gather(*(self._postpone(one.job, error) for one in group))
            return
        indexed = await asyncio.gather(*(self._indexed(one) for one in group))
        for one, marks in zip(group, indexed, strict=True):
            await self._digested(one, found.get(one.exchange.message["id"]), marks)

    async def _digested(
        self, one: _Resumed, analysis: Analysis | None, marks: Sequence[Write]
    ) -> None:
        """Learn what a shared call said of a message, or have it analysed alone next time."""
        if analysis is None:
            await self._queue.again(one.job, {**one.job["payload"], "alone": True})
            return
        try:
            lesson = await self._learn(one.exchange, analysis, marks, one.job)
        except Exception as error:  # noqa: BLE001 - see digest
            await self._postpone(one.job, error)
            return
        await announce(self._emit, one.exchange, lesson)

    async def _learn(
        self, exchange: Exchange, analysis: Analysis, marks: Sequence[Write], job: Row
    ) -> Lesson:
        message = exchange.message
        if analysis.dropped:
            log.info("%d malformed pieces of an analysis were skipped", analysis.dropped)
        analysis, flags = bounded(analysis, message["content"], exchange.personality.affinity)
        notes: dict[str, Any] = {"analysis": dict(analysis.bill), **flags}
        closing = [*marks, _noted(message, notes), self._queue.ended(job)]
        with step("learn"):
            lesson = await self._learner.learn(exchange, analysis, closing)
        return replace(lesson, analysis=notes["analysis"])

    async def _resumed(self, job: Row) -> _Resumed | None:
        """The job's exchange; None if there is nothing to do, or not now."""
        try:
            found = await self._resume(job["payload"])
            if found is None:
                await self._queue.end(job)  # its messages were forgotten
                return None
        except Exception as error:  # noqa: BLE001 - see digest
            await self._postpone(job, error)
            return None
        return _Resumed(job, *found)

    async def _indexed(self, one: _Resumed) -> Sequence[Write]:
        pending = [row for row in one.rows if row["embedding_state"] == PENDING]
        return await self._index.try_add(one.job["user_id"], pending) if pending else []

    async def _postpone(self, job: Row, error: Exception) -> None:
        log.warning("learning from message %s failed: %s", job["payload"]["message_id"], error)
        await self._queue.postpone(job, error)


def job_id(message_id: str) -> str:
    """The id of the job that digests a message."""
    return uuid5(NAMESPACE_URL, f"luminora:digest:{message_id}").hex


def _noted(message: Row, notes: Mapping[str, Any]) -> Write:
    """The write that keeps with a message what its analysis was and cost."""
    metadata = {**(message["metadata"] or {}), **notes}
    own = {"id": message["id"], "speaker": "user"}  # one that was revoked meanwhile stays so
    return Update("messages", message["user_id"], own, set={"metadata": metadata})
