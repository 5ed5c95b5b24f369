"""A folder of indexes, shared by everything in the process that uses it.

One thread writes. Vectors that wait at the same time are one commit, so that they share one wait
for the disk. Queries run on threads of their own, and wait for the writer only while it changes the
very user they ask about.
"""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock, Thread
from time import monotonic
from typing import Any, Final, TypeVar

from luminora.errors import StorageUnavailable
from luminora.providers.folders import lock_folder
from luminora_faiss.disk import TEMPORARY
from luminora_faiss.errors import SETTING, translated
from luminora_faiss.jobs import Inbox, Job, PutJob, Task
from luminora_faiss.shelves import Shelves

T = TypeVar("T")

_MOST: Final = 512
"""Jobs per commit: bounds how long the first waits for the last."""
_READERS: Final = 2
_IDLE_SECONDS: Final = 1.0
"""How long what was removed may stay in the file, if rewriting is quick."""
_SHARE: Final = 20.0
"""Rewriting takes at most one part in so many of the time."""

_open: dict[Path, Folder] = {}
_registry = Lock()
_inherited: list[Folder] = []
"""Folders of the parent process, kept alive in a child."""


def open_folder(path: Path, wait: float) -> Folder:
    """The folder, opened if this process has it not open yet; each call wants one ``close``.

    Blocks for the disk and for another process.

    Args:
        path: Made if it is absent.
        wait: Seconds to wait for another process that has it open.

    Raises:
        StorageError: It cannot be used, or another process uses it.
    """
    with translated(path):
        real = path.resolve()
    with _registry:
        folder = _open.get(real)
        if folder is None:
            folder = _open[real] = Folder(real, wait)
        folder.uses += 1
        return folder


class Folder:
    """An open folder; made by :func:`open_folder`.

    Attributes:
        path: The folder.
        uses: How many have it open.
        forked: Whether it belongs to the parent process.
    """

    def __init__(self, path: Path, wait: float) -> None:
        self.path = path
        self.uses = 0
        self.forked = False
        self._lock = lock_folder(
            path,
            wait,
            setting=SETTING,
            why="FAISS lives inside one process",
            instead="use a vector store that several processes can share, such as sqlite-vec, "
            "pgvector or qdrant",
        )
        try:
            with translated(path):
                for left in path.glob(f"*{TEMPORARY}"):  # by a process that was killed
                    left.unlink(missing_ok=True)
        except BaseException:
            self._lock.release()
            raise
        self.shelves = Shelves(path)
        self._inbox = Inbox()
        self._tidy_at: float | None = None
        self._not_before = 0.0
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="luminora-faiss-read")
        self._thread = Thread(target=self._work, name="luminora-faiss-write", daemon=True)
        self._thread.start()

    async def put(self, job: PutJob) -> None:
        """Store vectors; they are on the disk when this returns.

        Raises:
            StorageError: None of them was stored.
        """
        await self._submitted(job)

    async def do(self, run: Callable[[], T]) -> T:
        """Run something on the writer thread, after what was asked for before it."""
        done: T = await self._submitted(Task(run))
        return done

    async def read(self, run: Callable[[], T]) -> T:
        """Run something that only looks, on another thread."""
        self._usable()
        return await asyncio.wrap_future(self._readers.submit(run))

    def close(self) -> None:
        """Give up one use; the last one waits for queued work and closes everything. Blocks."""
        with _registry:
            if self.uses == 0:
                return
            self.uses -= 1
            if self.uses or self.forked:
                return
            self._inbox.close()
            self._thread.join()
            self._readers.shutdown()
            self._lock.release()
            _open.pop(self.path, None)

    async def _submitted(self, job: Job) -> Any:
        self._usable()
        if not self._inbox.put(job):
            raise StorageUnavailable("the vectors' folder is closed", where=str(self.path))
        return await asyncio.wrap_future(job.future)

    def _usable(self) -> None:
        if self.forked:
            raise StorageUnavailable(
                "the vectors were opened before this process forked",
                where=str(self.path),
                hint="open them in one process only; several need another vector store",
            )
        if self.uses == 0:
            raise StorageUnavailable("the vectors' folder is closed", where=str(self.path))

    def _work(self) -> None:
        running = True
        while running:
            wait = None if self._tidy_at is None else max(0.0, self._tidy_at - monotonic())
            jobs = self._inbox.take(_MOST, wait)
            running = None not in jobs
            puts: list[PutJob] = []
            for job in jobs:
                if job is None or not job.future.set_running_or_notify_cancel():
                    continue
                if isinstance(job, PutJob):
                    puts.append(job)
                    continue
                self.shelves.store(puts)
                puts = []
                _run(job)
            self.shelves.store(puts)
            self._tidy()
        self.shelves.close()

    def _tidy(self) -> None:
        """Rewrite files that hold what nobody wants, not at once and not too often."""
        now = monotonic()
        if self._tidy_at is None:
            if self.shelves.untidy:
                self._tidy_at = max(now + _IDLE_SECONDS, self._not_before)
        elif now >= self._tidy_at:
            self.shelves.tidy()
            self._tidy_at = None
            self._not_before = monotonic() + _SHARE * (monotonic() - now)


def _run(task: Task) -> None:
    future: Future[Any] = task.future
    try:
        future.set_result(task.run())
    except Exception as error:  # noqa: BLE001 - the waiting coroutine's to handle
        future.set_exception(error)


def _close_all() -> None:
    """Finish queued writes of what nobody closed."""
    for folder in list(_open.values()):
        folder.uses = 1
        folder.close()


def _after_fork() -> None:
    global _registry  # noqa: PLW0603 - another thread of the parent may have held it
    _registry = Lock()
    for folder in _open.values():
        folder.forked = True
        _inherited.append(folder)
    _open.clear()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_after_fork)
