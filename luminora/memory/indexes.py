"""The register of vector indexes: which one is in use, which is being built, which was retired.

Each index is a row of ``embedding_state``. The first one ever built is ``messages``; those that a
change of model builds beside it are ``messages_2``, ``messages_3`` and so on. One row is *active*.
Another may be *building*; it becomes active, and the active one *retired*, in one transaction.
*Dropped* ones stay in the register, so that no name is used twice.

A message says itself which index holds it: its ``embedding_state`` is ``pending``, or the mark of
an index (``done``, or ``skipped`` when its text has no meaning to the model; ``done@messages_2``
for any but the first). So an interrupted rebuild knows what is left to do, and processes that still
run with the old model and those that already run with the new one may share a database: what one
of them files under the old index is taken over by the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from luminora.errors import Conflict, DimensionMismatch
from luminora.memory.clock import now
from luminora.providers import (
    DEFAULT_INDEX,
    EVERY_USER,
    EmbeddingProvider,
    Insert,
    Is,
    Row,
    StorageProvider,
    Update,
    VectorIndex,
    VectorStoreProvider,
)

ACTIVE: Final = "active"
BUILDING: Final = "building"
RETIRED: Final = "retired"
DROPPED: Final = "dropped"
PENDING: Final = "pending"


@dataclass(frozen=True, slots=True)
class Marks:
    """What messages carry in ``embedding_state`` once an index has dealt with them."""

    done: str
    skipped: str

    @classmethod
    def of(cls, index: str) -> Marks:
        """The marks of an index."""
        where = "" if index == DEFAULT_INDEX else f"@{index}"
        return cls(f"done{where}", f"skipped{where}")


class IndexRegister:
    """The rows of ``embedding_state``, and what follows from them for one embedding provider.

    Args:
        storage: Keeps them.
        provider: The configured embedding provider.
    """

    def __init__(self, storage: StorageProvider, provider: EmbeddingProvider) -> None:
        self._storage = storage
        self._provider = provider

    async def rows(self) -> list[Row]:
        """All indexes, the oldest first."""
        return await self._storage.find("embedding_state", EVERY_USER, order=("created_at",))

    def fits(self, row: Row, dimension: int | None) -> bool:
        """Whether the index holds vectors of the configured model; None leaves the length open."""
        same = bool(row["model"] == self._provider.model_id)
        return same and dimension in {None, row["dimension"]}

    def usable(self, rows: Sequence[Row], dimension: int | None) -> Row | None:
        """The index to work on: that of the configured model; None if there is none at all.

        Raises:
            DimensionMismatch: The index in use was made by another model.
        """
        in_use = [row for row in rows if row["status"] in {ACTIVE, BUILDING}]
        for row in in_use:
            if self.fits(row, dimension):
                return row
        for row in in_use:
            if row["status"] == ACTIVE:
                raise self.mismatch(row, dimension)
        return None

    async def claim(self, dimension: int) -> Row:
        """The first index, locked to the configured model unless somebody was quicker.

        Raises:
            DimensionMismatch: Somebody was, with another model.
        """
        row = self.row(DEFAULT_INDEX, dimension, ACTIVE)
        first = Insert("embedding_state", EVERY_USER, row, ignore_conflict=True)
        (written,) = await self._storage.transaction([first])
        return row if written else self.usable(await self.rows(), dimension) or row

    async def add(self, row: Row) -> bool:
        """Register an index; False if one of that name is there already."""
        try:
            await self._storage.insert("embedding_state", EVERY_USER, row)
        except Conflict:
            return False
        return True

    async def mark(self, names: Iterable[str], status: str) -> None:
        """Give indexes another status."""
        wanted = list(names)
        if wanted:
            state = {"status": status, "progress": None, "updated_at": now()}
            which = {"index_name": Is("in", wanted)}
            await self._storage.update(Update("embedding_state", EVERY_USER, which, set=state))

    async def switch(self, name: str) -> None:
        """Make the index that was being built the active one, and retire the active one.

        Raises:
            Conflict: It is not being built any more; nothing was changed.
        """
        moment = now()
        building = {"index_name": name, "status": BUILDING}
        others = {"index_name": Is("!=", name), "status": ACTIVE}
        table = "embedding_state"
        active = {"status": ACTIVE, "progress": None, "updated_at": moment}
        retired = {"status": RETIRED, "updated_at": moment}
        await self._storage.transaction(
            [
                Update(table, EVERY_USER, building, set=active, expect=1),
                Update(table, EVERY_USER, others, set=retired),
            ]
        )

    def row(self, name: str, dimension: int, status: str, *, model: str | None = None) -> Row:
        """A row of the register, of the configured model unless another is named."""
        moment = now()
        return {
            "index_name": name,
            "provider": self._provider.name if model is None else "unknown",
            "model": self._provider.model_id if model is None else model,
            "dimension": dimension,
            "metric": "cosine",
            "status": status,
            "progress": None,
            "created_at": moment,
            "updated_at": moment,
        }

    def found(self, held: VectorIndex, dimension: int) -> Row:
        """A row for an index that a store holds and the register knows nothing of."""
        return self.row(DEFAULT_INDEX, dimension, ACTIVE, model=held.model_id or "unknown")

    def mismatch(self, row: Row, dimension: int | None) -> DimensionMismatch:
        """The error of an index that another model made, naming both and both ways out."""
        found = dimension or self._provider.dimension
        return DimensionMismatch(
            f"the index holds vectors of {row['dimension']} dimensions from model "
            f"'{row['model']}' ({row['provider']}), but the embedding provider "
            f"'{self._provider.name}' yields {f'{found} dimensions' if found else 'others'} from "
            f"model '{self._provider.model_id}'",
            expected=row["dimension"],
            found=found,
            hint=f"change embedding_provider back to '{row['provider']}', or build an index with "
            "the new model: luminora reembed",
        )


async def in_use(storage: StorageProvider, store: VectorStoreProvider) -> VectorStoreProvider:
    """The store at the active index; as it is where none is registered.

    Raises:
        StorageError, MigrationError: The register cannot be read.
    """
    for row in await storage.find("embedding_state", EVERY_USER, {"status": ACTIVE}):
        if row["index_name"] != store.index:
            return store.at(row["index_name"])
    return store


async def misfit(storage: StorageProvider, embedding: EmbeddingProvider) -> str | None:
    """Why the configured model cannot use the index there is; None if it can, or there is none.

    Raises:
        StorageError, MigrationError: The register cannot be read.
    """
    register = IndexRegister(storage, embedding)
    try:
        register.usable(await register.rows(), embedding.dimension)
    except DimensionMismatch as error:
        return str(error)
    return None


def unfinished(rows: Sequence[Row], name: str) -> list[str]:
    """The marks of messages that the index ``name`` has yet to take in.

    The newest index takes over what the others hold. The older ones leave that alone: else two
    indexes would take the messages from each other for ever.
    """
    newest = {row["index_name"] for row in rows if row["status"] == BUILDING}
    newest = newest or {row["index_name"] for row in rows if row["status"] == ACTIVE}
    if name not in newest:
        return [PENDING]
    others = {DEFAULT_INDEX, *(row["index_name"] for row in rows)} - {name}
    held = [
        mark for other in sorted(others) for mark in (Marks.of(other).done, Marks.of(other).skipped)
    ]
    return [PENDING, *held]


def next_name(rows: Sequence[Row]) -> str:
    """A name that no index ever had."""
    known = {row["index_name"] for row in rows} | {DEFAULT_INDEX}
    number = 2
    while f"{DEFAULT_INDEX}_{number}" in known:
        number += 1
    return f"{DEFAULT_INDEX}_{number}"
