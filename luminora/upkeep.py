"""What keeps a companion running: its index, its background work, its health.

The half of :class:`luminora.client.LuminoraCoreClient` that operators use; it lives here so that
each half is one room.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from luminora.errors import LuminoraError
from luminora.memory.budget import DailyBudget
from luminora.memory.conversation import Conversation
from luminora.memory.indexes import in_use, misfit
from luminora.memory.jobs import JobQueue
from luminora.memory.models import Job
from luminora.memory.semantic import SemanticIndex
from luminora.memory.worker import Doer, Worked, Worker
from luminora.providers import CheckResult, Kind, Status, StorageProvider
from luminora.stack import Stack


class Upkeep:
    """Index, jobs and health of one stack."""

    _stack: Stack
    _storage: StorageProvider
    _index: SemanticIndex
    _queue: JobQueue
    _budget: DailyBudget
    _conversation: Conversation
    _duties: Doer

    @abstractmethod
    async def _ready(self, *, adapt: bool = False) -> None:
        """Open the stack if it is not open yet."""

    async def reindex(self) -> int:
        """Index the messages of all users that are pending; how many were.

        Raises:
            ProviderError, StorageError: The provider or store is down; done work stays done.
        """
        await self._ready()
        return await self._index.catch_up()

    async def reembed(
        self,
        on_progress: Callable[[int, int], None] | None = None,
        *,
        drop_old: bool = False,
    ) -> int:
        """Build a vector index with the configured model; how many messages it took in.

        For when the embedding model has changed. The new index is built beside the old one, which
        goes on answering whoever still runs with the old model; then the new one takes its place
        in one step. An interrupted run is continued by the next.

        Args:
            on_progress: Called with the messages dealt with and the messages there are.
            drop_old: Delete the indexes of earlier models afterwards. Kept, they make going back
                cheap.

        Raises:
            ProviderError, StorageError: The provider or store is down; what was done stays done.
        """
        from luminora.memory.rebuild import Rebuild  # noqa: PLC0415 - rarely asked

        await self._ready(adapt=True)
        rebuild = Rebuild(self._index, self._stack.vector_store, self._storage)
        return await rebuild.run(on_progress, drop_old=drop_old)

    async def run_jobs(self, limit: int = 100) -> int:
        """Do the background work that is due, up to ``limit`` jobs; how many were taken."""
        await self._ready()
        return await self._duties.run_due(limit)

    async def work(self, stop: asyncio.Event | None = None, *, concurrency: int = 10) -> Worked:
        """Be a worker: do what is due, again and again, beside any number of others.

        Args:
            stop: Ends the work when it is set, after what is under way. Left out, everything that
                is due now is done.
            concurrency: Jobs under way at once.
        """
        await self._ready()
        worker = self._worker_with(concurrency)
        return await (worker.drain() if stop is None else worker.run(stop))

    def _worker_with(self, concurrency: int) -> Worker:
        return Worker(self._duties, self._index, concurrency=concurrency)

    async def get_jobs(self, status: str | None = None, limit: int = 50) -> list[Job]:
        """Background work of all users that is not done yet, what is due first.

        Args:
            status: ``"ready"``, ``"leased"`` or ``"dead"``; left out, any.
            limit: How many at most.
        """
        await self._ready()
        return [Job.from_row(row) for row in await self._queue.look(status, limit)]

    async def count_jobs(self) -> dict[str, int]:
        """How much background work there is, by status."""
        await self._ready()
        return await self._queue.counts()

    async def retry_jobs(self, ids: Iterable[str] | None = None) -> int:
        """Let jobs that were given up come again, all of them if none is named; how many."""
        await self._ready()
        return await self._queue.revive(None if ids is None else list(ids))

    async def discard_jobs(self, ids: Iterable[str]) -> int:
        """Delete jobs without doing them, except those a worker is at; how many there were."""
        await self._ready()
        return await self._queue.discard(list(ids))

    async def health_check(self) -> dict[str, Any]:
        """Whether every provider works: ``status``, ``checks`` by kind and ``errors``.

        Never raises for a provider: one that cannot be opened is one that does not work.
        """
        from luminora.health import check_all, summary  # noqa: PLC0415 - rarely asked

        providers, unfit, spent = dict(self._stack.providers()), None, None
        with contextlib.suppress(LuminoraError):  # its own check says what is wrong
            await self._ready()
            store = self._stack.vector_store
            providers[Kind.VECTOR_STORE.value] = await in_use(self._storage, store)
            unfit = await misfit(self._storage, self._stack.embedding)
            spent = await self._budget.check()
        checks = await check_all(providers)
        if unfit is not None:
            checks[Kind.EMBEDDING.value] = CheckResult(Status.ERROR, unfit)
        if spent is not None:
            checks["analysis"] = spent
        return summary(checks)
