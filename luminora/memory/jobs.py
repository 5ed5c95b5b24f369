"""The job queue: work for later, leased by one worker at a time, retried, put aside when hopeless.

A job is *ready* until a worker leases it. A lease that runs out is taken over by the next worker.
A job that fails comes back after a pause that doubles each time; after the last attempt it is
*dead*, keeps the reason, and waits for somebody to look (``luminora jobs``).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from luminora.memory.clock import now
from luminora.providers import (
    EVERY_USER,
    Count,
    Delete,
    Insert,
    Is,
    Row,
    StorageProvider,
    Update,
    Write,
)

log = logging.getLogger(__name__)

READY: Final = "ready"
LEASED: Final = "leased"
DEAD: Final = "dead"
STATUSES: Final = (READY, LEASED, DEAD)

LEASE_SECONDS: Final = 300.0
MAX_ATTEMPTS: Final = 5
_BACKOFF_SECONDS: Final = 30.0
_MAX_ERROR: Final = 2_000


class JobQueue:
    """The jobs of all users in one storage."""

    def __init__(self, storage: StorageProvider) -> None:
        self._storage = storage

    def new(
        self, user_id: str, kind: str, payload: Row, *, job_id: str, leased: bool = False
    ) -> Row:
        """A job that is due at once; ours already if ``leased``."""
        row = self._storage.job_row(user_id, kind, payload, job_id=job_id)
        if leased:
            row |= {
                "status": LEASED,
                "attempts": 1,
                "lease_token": uuid4().hex,
                "leased_until": now() + timedelta(seconds=LEASE_SECONDS),
            }
        return row

    @staticmethod
    def put(job: Row) -> Write:
        """The write that stores a job; a known one is left as it is."""
        return Insert("jobs", job["user_id"], job, ignore_conflict=True)

    @staticmethod
    def ended(job: Row) -> Write:
        """The write that ends a job."""
        return Delete("jobs", job["user_id"], {"id": job["id"]})

    async def lease(self, limit: int, *, kinds: Sequence[str] | None = None) -> list[Row]:
        """Up to ``limit`` jobs that are due, ours for ``LEASE_SECONDS``."""
        return await self._storage.lease_jobs(limit, LEASE_SECONDS, kinds=kinds)

    async def end(self, job: Row) -> None:
        """Remove a job that is done."""
        await self._storage.transaction([self.ended(job)])

    async def postpone(self, job: Row, error: Exception) -> None:
        """Let a job that failed come again later, or put it aside after its last attempt.

        Never raises: if the storage is down too, the lease runs out by itself.
        """
        dead = job["attempts"] >= MAX_ATTEMPTS
        pause = _BACKOFF_SECONDS * 2 ** job["attempts"] * random.uniform(0.8, 1.2)  # noqa: S311
        state: dict[str, Any] = {
            "status": DEAD if dead else READY,
            "run_at": now() + timedelta(seconds=pause),
            "leased_until": None,
            "lease_token": None,
            "last_error": f"{type(error).__name__}: {error}"[:_MAX_ERROR],
            "updated_at": now(),
        }
        ours = {"id": job["id"], "lease_token": job["lease_token"]}
        try:
            await self._storage.transaction([Update("jobs", job["user_id"], ours, set=state)])
        except Exception:
            log.exception("job %s keeps its lease until it runs out", job["id"])

    async def again(self, job: Row, payload: Row) -> None:
        """Let a job come again at once, with another payload, or put it aside as hopeless."""
        dead = job["attempts"] >= MAX_ATTEMPTS
        state: dict[str, Any] = {
            "payload": payload,
            "status": DEAD if dead else READY,
            "run_at": now(),
            "leased_until": None,
            "lease_token": None,
            "updated_at": now(),
        }
        ours = {"id": job["id"], "lease_token": job["lease_token"]}
        await self._storage.transaction([Update("jobs", job["user_id"], ours, set=state)])

    async def look(self, status: str | None = None, limit: int = 50) -> list[Row]:
        """Jobs of all users, those that are due first come first."""
        where = {} if status is None else {"status": status}
        return await self._storage.find("jobs", EVERY_USER, where, order=("run_at",), limit=limit)

    async def counts(self) -> dict[str, int]:
        """How many jobs there are, by status."""
        queries = [Count("jobs", EVERY_USER, {"status": status}) for status in STATUSES]
        return dict(zip(STATUSES, await self._storage.read(queries), strict=True))

    async def revive(self, ids: Sequence[str] | None = None) -> int:
        """Make dead jobs ready again, all of them if none is named; how many were dead."""
        where: dict[str, Any] = {"status": DEAD}
        if ids is not None:
            where["id"] = Is("in", list(ids))
        moment = now()
        state = {"status": READY, "attempts": 0, "run_at": moment, "updated_at": moment}
        return await self._storage.update(Update("jobs", EVERY_USER, where, set=state))

    async def discard(self, ids: Sequence[str]) -> int:
        """Delete jobs without doing them, unless a worker is at it; how many there were."""
        where = {"id": Is("in", list(ids)), "status": Is("in", [READY, DEAD])}
        return await self._storage.delete("jobs", EVERY_USER, where)
