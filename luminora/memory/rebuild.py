"""Another embedding model: its index is built beside the old one, which answers meanwhile.

Every message says which index holds it, so a rebuild that is killed goes on where it stopped, and
what is said meanwhile is not lost. When nothing is left to take in, one transaction makes the new
index the active one. The old one stays until somebody asks for it to be dropped: going back to the
old model then costs no more than the messages that came since.
"""

from __future__ import annotations

from collections.abc import Callable

from luminora.memory.indexes import (
    ACTIVE,
    BUILDING,
    DROPPED,
    PENDING,
    RETIRED,
    Marks,
    next_name,
    unfinished,
)
from luminora.memory.semantic import SemanticIndex
from luminora.providers import (
    EVERY_USER,
    Is,
    Row,
    StorageProvider,
    Update,
    VectorStoreProvider,
)

Progress = Callable[[int, int], None]
"""Called with the messages dealt with so far and the messages there are to deal with."""


class Rebuild:
    """Brings the index of the configured model about.

    Args:
        index: Knows the model; works on the new index afterwards.
        store: The vector store, at its default index.
        storage: Keeps the messages and the register.
    """

    def __init__(
        self, index: SemanticIndex, store: VectorStoreProvider, storage: StorageProvider
    ) -> None:
        self._index = index
        self._register = index.register
        self._store = store
        self._storage = storage

    async def run(self, on_progress: Progress | None = None, *, drop_old: bool = False) -> int:
        """Build, switch, and if asked drop the old ones; the number of messages dealt with.

        Raises:
            ProviderError, StorageError: The provider or store is down. What was done stays done;
                the next run goes on there.
            Conflict: Somebody began to build an index of yet another model meanwhile.
        """
        dimension = await self._index.embedding.provider.get_dimension()
        row = await self._target(dimension)
        await self._index.use(row)
        finished = await self._fill(row, on_progress)
        if row["status"] == BUILDING:
            await self._register.switch(row["index_name"])
            # who still runs with the old model may have filed something under it in between
            finished += await self._index.catch_up()
        if drop_old:
            await self._drop_old(row["index_name"])
        return finished

    async def _target(self, dimension: int) -> Row:
        """The index to complete: the one of this model, or a new one beside the active one."""
        rows = await self._register.rows() or await self._first(dimension)
        await self._give_up_others(rows, dimension)
        for status in (ACTIVE, BUILDING, RETIRED):
            for row in rows:
                if row["status"] == status and self._register.fits(row, dimension):
                    return await self._resumed(row)
        row = self._register.row(next_name(rows), dimension, BUILDING)
        if not await self._register.add(row):
            return await self._target(dimension)  # somebody begins the same at this moment
        await self._store.at(row["index_name"]).drop()  # what an earlier life may have left there
        return row

    async def _first(self, dimension: int) -> list[Row]:
        """The register of a database in which nothing was indexed yet.

        Its migrations may have made a table for the vectors of another model.
        """
        held = await self._store.describe()
        if held.dimension is None or held.dimension == dimension:
            return [await self._register.claim(dimension)]
        if held.count == 0:
            await self._store.drop()
            return [await self._register.claim(dimension)]
        await self._register.add(self._register.found(held, held.dimension))
        return await self._register.rows()

    async def _give_up_others(self, rows: list[Row], dimension: int) -> None:
        await self._register.mark(
            [
                row["index_name"]
                for row in rows
                if row["status"] == BUILDING and not self._register.fits(row, dimension)
            ],
            RETIRED,
        )

    async def _resumed(self, row: Row) -> Row:
        """A known index, made ready to be completed."""
        name = row["index_name"]
        if row["status"] == RETIRED:
            await self._register.mark([name], BUILDING)
            row = {**row, "status": BUILDING}
        if (await self._store.at(name).describe()).dimension is None:
            # the vectors are gone, or the configuration names another store: all over again
            marks = Marks.of(name)
            held = {"embedding_state": Is("in", [marks.done, marks.skipped])}
            await self._storage.update(
                Update("messages", EVERY_USER, held, set={"embedding_state": PENDING})
            )
        return row

    async def _fill(self, row: Row, on_progress: Progress | None) -> int:
        rows = await self._register.rows()
        left = {"embedding_state": Is("in", unfinished(rows, row["index_name"]))}
        total = await self._storage.count("messages", EVERY_USER, left)
        finished = 0

        def tell(count: int) -> None:
            nonlocal finished
            finished += count
            if on_progress is not None:
                on_progress(finished, max(total, finished))

        if on_progress is not None:
            on_progress(0, total)
        await self._index.catch_up(on_progress=tell)
        return finished

    async def _drop_old(self, name: str) -> None:
        old = [
            row["index_name"]
            for row in await self._register.rows()
            if row["status"] == RETIRED and row["index_name"] != name
        ]
        await self._register.mark(old, DROPPED)
        for each in old:
            await self._store.at(each).drop()
