"""Work for the writer thread, and the thread's queue."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any

from luminora_faiss.records import Put


@dataclass(slots=True, eq=False)
class PutJob:
    """Vectors for an index. Those that wait at the same time share a commit.

    Attributes:
        index: Name of the index.
        put: The vectors, of one length.
        future: Who waits for them to be on the disk.
    """

    index: str
    put: Put
    future: Future[Any] = field(default_factory=Future)


@dataclass(slots=True, eq=False)
class Task:
    """Anything else; done alone, after what was asked for before it.

    Attributes:
        run: The work.
        future: Who waits for its result.
    """

    run: Callable[[], Any]
    future: Future[Any] = field(default_factory=Future)


Job = PutJob | Task


class Inbox:
    """A queue that can be closed; what was put before is still done."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = Lock()
        self._closed = False

    def put(self, job: Job) -> bool:
        """Add a job; False if the inbox is closed."""
        with self._lock:
            if not self._closed:
                self._queue.put(job)
            return not self._closed

    def close(self) -> None:
        """Refuse further jobs and tell the thread to stop once the queue is empty."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)

    def take(self, most: int, wait: float | None) -> list[Job | None]:
        """The jobs that are waiting, up to ``most``; empty after ``wait`` idle seconds.

        None among them means stop.
        """
        jobs: list[Job | None] = []
        try:
            jobs.append(self._queue.get(timeout=wait))
            while len(jobs) < most and jobs[-1] is not None:
                jobs.append(self._queue.get_nowait())
        except Empty:
            pass
        return jobs
