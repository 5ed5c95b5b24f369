"""Work handed from event loops to a thread, and its outcomes handed back.

An inbox serves any number of event loops at once, also of several ``asyncio.run`` one after the
other: each job remembers the loop that waits for it. Outcomes go back in bulk, one wake-up per
loop, because waking a loop costs more than most jobs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any

import apsw

Unit = Callable[[apsw.Connection], Any]
"""Work on a connection. It may be called twice: a batch that fails is done again one by one."""


@dataclass(slots=True, eq=False)
class Job:
    """A unit and who waits for it."""

    unit: Unit
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop

    @property
    def abandoned(self) -> bool:
        """Whether the waiting coroutine was cancelled, so that the unit need not begin."""
        return self.future.cancelled()


@dataclass(slots=True)
class Outcome:
    """What became of a job."""

    job: Job
    value: Any = None
    error: BaseException | None = None


class Inbox:
    """A queue of jobs that can be closed; what was put before is still done."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = Lock()
        self._closed = False

    def put(self, job: Job) -> bool:
        """Add a job; False if the inbox is closed."""
        with self._lock:
            if self._closed:
                return False
            self._queue.put(job)
            return True

    def close(self, threads: int) -> None:
        """Refuse further jobs and tell that many threads to stop once the queue is empty."""
        with self._lock:
            if not self._closed:
                self._closed = True
                for _ in range(threads):
                    self._queue.put(None)

    def take(self) -> Job | None:
        """Wait for the next job; None means stop."""
        return self._queue.get()

    def more(self) -> Job | None:
        """The next job if one is waiting already."""
        try:
            job = self._queue.get_nowait()
        except Empty:
            return None
        if job is None:
            self._queue.put(None)  # for the next take()
        return job


def deliver(outcomes: Iterable[Outcome]) -> None:
    """Hand outcomes to the loops that wait for them; a loop that is gone waits for nothing."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome.job.loop, []).append(outcome)
    for loop, settled in by_loop.items():
        if not loop.is_closed():
            try:
                loop.call_soon_threadsafe(_settle, settled)
            except RuntimeError:  # closed since we looked
                continue


def _settle(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        future = outcome.job.future
        if future.done():
            continue  # cancelled meanwhile
        if outcome.error is not None:
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome.value)
