"""Digesting an exchange: index it, analyse it, learn from it; now or later, once.

Every exchange is saved together with a job. The process that saved it holds the job's lease while
it digests; if it dies, the lease runs out and another takes over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from uuid import NAMESPACE_URL, uuid5

from luminora.memory.announce import Emit, announce
from luminora.memory.indexes import PENDING
from luminora.memory.jobs import JobQueue
from luminora.memory.learning import Exchange, Learner, Lesson
from luminora.memory.semantic import SemanticIndex
from luminora.memory.voice import Voice
from luminora.providers import Grounding, Row, Write

log = logging.getLogger(__name__)

KIND = "digest"

Resume = Callable[[Row], Awaitable[tuple[Exchange, Grounding, list[Row]] | None]]
"""Rebuilds an exchange from a job's payload: the exchange, its grounding, its message rows."""


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
        voice: Voice,
        learner: Learner,
        resume: Resume,
        emit: Emit,
    ) -> None:
        self._queue = queue
        self._index = index
        self._voice = voice
        self._learner = learner
        self._resume = resume
        self._emit = emit

    def job(self, exchange: Exchange, reply_id: str, *, leased: bool) -> Row:
        """The job of an exchange, ours already if ``leased``."""
        message = exchange.message
        payload = {
            "session_id": message["session_id"],
            "message_id": message["id"],
            "reply_id": reply_id,
        }
        job_id = uuid5(NAMESPACE_URL, f"luminora:digest:{message['id']}").hex
        return self._queue.new(message["user_id"], KIND, payload, job_id=job_id, leased=leased)

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
            analysis, marks = await asyncio.gather(self._voice.analyse(grounding), indexed)
            if analysis.dropped:
                log.info("%d malformed pieces of an analysis were skipped", analysis.dropped)
            return await self._learner.learn(exchange, analysis, [*marks, self._queue.ended(job)])
        except Exception as error:  # noqa: BLE001 - the job says what happened and comes again
            await self._postpone(job, error)
            return None

    async def run_due(self, limit: int = 10) -> int:
        """Digest up to ``limit`` jobs that are due, side by side; how many were taken."""
        jobs = await self._queue.lease(limit, kinds=[KIND])
        await asyncio.gather(*(self._redo(job) for job in jobs))
        return len(jobs)

    async def _redo(self, job: Row) -> None:
        try:
            found = await self._resume(job["payload"])
            if found is None:
                await self._queue.end(job)  # its messages were forgotten
                return
        except Exception as error:  # noqa: BLE001 - see digest
            await self._postpone(job, error)
            return
        exchange, grounding, rows = found
        pending = [row for row in rows if row["embedding_state"] == PENDING]
        indexed = self._index.try_add(job["user_id"], pending) if pending else _nothing()
        lesson = await self.digest(exchange, grounding, job, indexed)
        if lesson is not None:
            await announce(self._emit, exchange, lesson)

    async def _postpone(self, job: Row, error: Exception) -> None:
        log.warning("learning from message %s failed: %s", job["payload"]["message_id"], error)
        await self._queue.postpone(job, error)


async def _nothing() -> list[Write]:
    return []
