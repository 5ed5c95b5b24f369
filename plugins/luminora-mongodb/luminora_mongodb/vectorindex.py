"""An index of vectors: its documents, its search index, and the note that says what it holds.

The note is a document of the collection ``vector_indexes``. It is written first, so that of two who
build an index with different dimensions one is refused, and says how far things are: ``building``,
``ready`` or ``dropping``. Whoever meets something unfinished finishes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import OperationFailure

from luminora.errors import SchemaPending, StorageError, StorageUnavailable
from luminora.providers.vector_store import FILTER_FIELDS
from luminora.providers.vectors import check_model, mismatch, placed
from luminora_mongodb.connection import Database
from luminora_mongodb.errors import NAMESPACE_EXISTS, NO_SEARCH

VECTOR: Final = "embedding"
SEARCH_INDEX: Final = "vectors"
_NOTES: Final = "vector_indexes"
_POLL: Final = 0.5
_INDEX_EXISTS: Final = 68

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """What an index holds."""

    dimension: int
    model_id: str | None
    state: str


class VectorIndexes:
    """One index of a database.

    Args:
        database: The database.
        prefix: Put before every collection's name.
        index: Which index.
        where: The database, for errors.
    """

    def __init__(self, database: Database, prefix: str, index: str, where: str) -> None:
        self.name = placed(f"{prefix}message_embeddings", index)
        self.items: AsyncCollection[Document] = database[self.name]
        self._database, self._where = database, where
        self._notes: AsyncCollection[Document] = database[f"{prefix}{_NOTES}"]

    async def note(self, session: AsyncClientSession | None = None) -> Note | None:
        """What the index holds; None if there is none that can be used."""
        found = await self._notes.find_one({"_id": self.name, "state": "ready"}, session=session)
        return _note(found) if found else None

    async def fitting(self, dimension: int, session: AsyncClientSession | None = None) -> None:
        """Make sure that there is an index of that dimension.

        Raises:
            SchemaPending: There is none.
            DimensionMismatch: It has another.
        """
        note = await self.note(session)
        if note is None:
            raise SchemaPending(
                "the vector index does not exist yet", where=self._place, hint="luminora migrate"
            )
        if note.dimension != dimension:
            raise mismatch(note.dimension, dimension, self._place)

    async def ensure(self, dimension: int, model_id: str | None, timeout: float) -> None:  # noqa: ASYNC109
        """Build the index, or make sure that the one there fits.

        Raises:
            DimensionMismatch: It has another dimension or comes from another model.
            StorageError: The server cannot search vectors.
            StorageUnavailable: The index is still being built after ``timeout`` seconds.
        """
        await self.searchable()
        stale = await self._notes.find_one({"_id": self.name, "state": "dropping"})
        if stale is not None:
            await self.drop()
        fresh = {"dimension": dimension, "metric": "cosine", "model_id": model_id}
        found = await self._notes.find_one_and_update(
            {"_id": self.name},
            {"$setOnInsert": {**fresh, "state": "building"}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        note = _note(found or {})  # an upsert always finds something
        if note.dimension != dimension:
            raise mismatch(note.dimension, dimension, self._place)
        check_model(note.model_id, model_id, dimension, self._place)
        if model_id is not None and note.model_id is None:
            await self._notes.update_one(
                {"_id": self.name, "model_id": None}, {"$set": {"model_id": model_id}}
            )
        if note.state != "ready":
            await self._build(dimension, timeout)
            await self._notes.update_one(
                {"_id": self.name, "state": "building"}, {"$set": {"state": "ready"}}
            )

    async def drop(self) -> None:
        """Remove the index with all its vectors."""
        await self._notes.update_one({"_id": self.name}, {"$set": {"state": "dropping"}})
        await self.items.drop()
        await self._notes.delete_one({"_id": self.name})

    async def searchable(self) -> None:
        """See whether the server searches vectors.

        Raises:
            StorageError: It does not; says which ones do, and what else can be used.
        """
        try:
            await (await self.items.aggregate([{"$listSearchIndexes": {}}])).to_list()
        except OperationFailure as error:
            if error.code in NO_SEARCH:
                raise self._unable() from error
            raise

    async def _build(self, dimension: int, timeout: float) -> None:  # noqa: ASYNC109
        try:
            await self._database.create_collection(self.name, check_exists=False)
        except OperationFailure as error:
            if error.code != NAMESPACE_EXISTS:
                raise
        await self.items.create_index([("user_id", 1), ("session_id", 1)], name="idx_user")
        fields: list[Document] = [
            {"type": "vector", "path": VECTOR, "numDimensions": dimension, "similarity": "cosine"},
            *({"type": "filter", "path": name} for name in FILTER_FIELDS),
        ]
        index = {
            "name": SEARCH_INDEX,
            "type": "vectorSearch",
            "definition": {"fields": fields},
        }
        try:
            await self._database.command({"createSearchIndexes": self.name, "indexes": [index]})
        except OperationFailure as error:
            if error.code in NO_SEARCH:
                raise self._unable() from error
            if error.code != _INDEX_EXISTS:
                raise
        await self._built(timeout)

    async def _built(self, timeout: float) -> None:  # noqa: ASYNC109
        """Wait until the index answers queries: Atlas builds it in the background."""
        deadline = monotonic() + timeout
        while True:
            stages = [{"$listSearchIndexes": {"name": SEARCH_INDEX}}]
            found = await (await self.items.aggregate(stages)).to_list()
            if found and found[0].get("queryable"):
                return
            if found and found[0].get("status") == "FAILED":
                raise StorageError("the search index could not be built", where=self._place)
            if monotonic() >= deadline:
                raise StorageUnavailable(
                    f"the search index is still being built after {timeout:g} seconds",
                    where=self._place,
                    hint="try again later, or raise index_timeout_seconds",
                )
            await asyncio.sleep(_POLL)

    @property
    def _place(self) -> str:
        return f"{self._where}, {self.name}"

    def _unable(self) -> StorageError:
        return StorageError(
            "this server has no vector search: MongoDB Atlas has it, and the container image "
            "mongodb/mongodb-atlas-local, and MongoDB 8.2 with its search process mongot",
            where=self._where,
            hint="use one of them, or another vector store beside this database: set "
            "vector_store_provider to sqlite-vec (a file, no server), faiss, qdrant or chromadb",
        )


def _note(found: Mapping[str, Any]) -> Note:
    return Note(int(found["dimension"]), found.get("model_id"), found["state"])
