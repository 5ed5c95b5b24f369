"""Digesting an exchange: index it, analyse it, learn from it; now or later, once.

Every exchange is saved together with a job. The process that saved it holds the job's lease while
it digests; if it dies, the lease runs out and another takes over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from luminora.memory.clock import now
from luminora.memory.learning import Exchange, Learner, Lesson
from luminora.memory.semantic import SemanticIndex
from luminora.memory.voice import Voice
from luminora.providers import Delete, Grounding, Insert, Row, StorageProvider, Update, Write

log = logging.getLogger(__name__)

KIND = "digest"
LEASE_SECONDS = 300.0
MAX_ATTEMPTS = 5
_BACKOFF_SECONDS = 30.0

Resume = Callable[[Row], Awaitable[tuple[Exchange, Grounding, list[Row]] | None]]
"""Rebuilds an exchange from a job's payload: the exchange, its grounding, its message rows."""


class Digester:
    """Turns exchanges into memory.

    Args:
        resume: Rebuilds an exchange that another process began.
    """

    def __init__(
        self,
        storage: StorageProvider,
        index: SemanticIndex,
        voice: Voice,
        learner: Learner,
        resume: Resume,
    ) -> None:
        self._storage = storage
        self._index = index
        self._voice = voice
        self._learner = learner
        self._resume = resume

    def job(self, exchange: Exchange, reply_id: str, *, leased: bool) -> Row:
        """The job of an exchange, ours already if ``leased``."""
        message = exchange.message
        row = self._storage.job_row(
            message["user_id"],
            KIND,
            {
                "session_id": message["session_id"],
                "message_id": message["id"],
                "reply_id": reply_id,
            },
            job_id=uuid5(NAMESPACE_URL, f"luminora:digest:{message['id']}").hex,
        )
        if leased:
            row |= {
                "status": "leased",
                "attempts": 1,
                "lease_token": uuid4().hex,
                "leased_until": now() + timedelta(seconds=LEASE_SECONDS),
            }
        return row

    @staticmethod
    def job_write(job: Row) -> Write:
        """The write that stores a job; a known one is left as it is."""
        return Insert("jobs", job["user_id"], job, ignore_conflict=True)

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
            return await self._learner.learn(exchange, analysis, [*marks, _ended(job)])
        except Exception as error:  # noqa: BLE001 - the job says what happened and comes again
            await self._postpone(job, error)
            return None

    async def run_due(self, limit: int = 10) -> int:
        """Digest jobs that are due; how many were taken."""
        jobs = await self._storage.lease_jobs(limit, LEASE_SECONDS, kinds=[KIND])
        for job in jobs:
            await self._redo(job)
        return len(jobs)

    async def _redo(self, job: Row) -> None:
        try:
            found = await self._resume(job["payload"])
        except Exception as error:  # noqa: BLE001 - see digest
            await self._postpone(job, error)
            return
        if found is None:
            await self._storage.transaction([_ended(job)])  # its messages were forgotten
            return
        exchange, grounding, rows = found
        pending = [row for row in rows if row["embedding_state"] == "pending"]
        indexed = self._index.try_add(job["user_id"], pending) if pending else _nothing()
        await self.digest(exchange, grounding, job, indexed)

    async def _postpone(self, job: Row, error: Exception) -> None:
        log.warning("learning from message %s failed: %s", job["payload"]["message_id"], error)
        dead = job["attempts"] >= MAX_ATTEMPTS
        state: dict[str, Any] = {
            "status": "dead" if dead else "ready",
            "run_at": now() + timedelta(seconds=_BACKOFF_SECONDS * 2 ** job["attempts"]),
            "leased_until": None,
            "lease_token": None,
            "last_error": f"{type(error).__name__}: {error}"[:2_000],
            "updated_at": now(),
        }
        ours = {"id": job["id"], "lease_token": job["lease_token"]}
        try:
            await self._storage.transaction([Update("jobs", job["user_id"], ours, set=state)])
        except Exception:
            log.exception("job %s keeps its lease until it runs out", job["id"])


def _ended(job: Row) -> Write:
    return Delete("jobs", job["user_id"], {"id": job["id"]})


async def _nothing() -> list[Write]:
    return []
