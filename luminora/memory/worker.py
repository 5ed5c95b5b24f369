"""Doing what is due, again and again, until told to stop.

Any number of workers, in any number of processes on any number of machines, may share a database:
each job is leased by one of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from luminora.memory.semantic import SemanticIndex

log = logging.getLogger(__name__)

_MAX_PAUSE_SECONDS = 60.0


@dataclass(slots=True)
class Worked:
    """What a worker has done so far.

    Attributes:
        jobs: Jobs that were taken, those that failed and will come again included.
        indexed: Messages that were waiting for the index.
        failures: Times that nothing could be done, the database being down for example.
    """

    jobs: int = 0
    indexed: int = 0
    failures: int = 0


class Doer(Protocol):
    """Does jobs of one kind or several."""

    async def run_due(self, limit: int) -> int:
        """Do up to ``limit`` jobs that are due; how many were taken."""


class Duties:
    """Several doers as one; those named first come first."""

    def __init__(self, *doers: Doer) -> None:
        self._doers = doers

    async def run_due(self, limit: int) -> int:
        """Let each take jobs until ``limit`` are taken; how many were."""
        taken = 0
        for doer in self._doers:
            if taken < limit:
                taken += await doer.run_due(limit - taken)
        return taken


class Worker:
    """Does jobs and indexes what was left behind.

    Args:
        doer: Does the jobs.
        index: Takes in messages that wait because a provider was down as they were said.
        concurrency: Jobs under way at once.
        poll_seconds: Pause after there was nothing to do.
        index_seconds: How often to look for messages that wait for the index.
    """

    def __init__(
        self,
        doer: Doer,
        index: SemanticIndex,
        *,
        concurrency: int = 10,
        poll_seconds: float = 2.0,
        index_seconds: float = 60.0,
    ) -> None:
        self._doer = doer
        self._index = index
        self._concurrency = concurrency
        self._poll = poll_seconds
        self._index_seconds = index_seconds
        self._index_at = monotonic() + index_seconds * random.random()  # noqa: S311 - not all at once
        self.worked = Worked()

    async def run(self, stop: asyncio.Event) -> Worked:
        """Work until ``stop`` is set; what is under way then is finished."""
        pause = self._poll
        while not stop.is_set():
            try:
                taken = await self.step()
                pause = self._poll
            except Exception:
                log.exception("background work is interrupted")
                self.worked.failures += 1
                taken, pause = 0, min(pause * 2, _MAX_PAUSE_SECONDS)
            if not taken:
                await _wait(stop, pause * random.uniform(0.8, 1.2))  # noqa: S311 - see above
        return self.worked

    async def drain(self) -> Worked:
        """Do everything that is due now, and index everything that waits."""
        while await self.step():
            pass
        self.worked.indexed += await self._index.catch_up()
        return self.worked

    async def step(self) -> int:
        """Do some of what is due; how many jobs were taken."""
        taken = await self._doer.run_due(self._concurrency)
        self.worked.jobs += taken
        if not taken and monotonic() >= self._index_at:
            self._index_at = monotonic() + self._index_seconds
            self.worked.indexed += await self._index.catch_up()
        return taken


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
