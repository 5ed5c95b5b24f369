"""The storage contract: a dozen primitives over declared collections."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from luminora.providers.collections import COLLECTIONS
from luminora.providers.operations import (
    Count,
    Delete,
    Find,
    Insert,
    Read,
    Row,
    Scope,
    SearchText,
    Update,
    Upsert,
    Where,
    Write,
)
from luminora.providers.verbs import StorageVerbs

if TYPE_CHECKING:
    from luminora.providers.migration import MigrationDriver


class StorageProvider(StorageVerbs):
    """A database.

    A plugin implements ``connect``, ``transaction``, ``find``, ``count``, ``search_text``,
    ``migrations``, ``check`` and ``aclose``; the rest is written here, once, over those. It may
    override :meth:`read` to send several reads in one round trip.

    ``user_id`` is an argument of every operation and confines it: a row of another user is not
    found, not changed and not overwritten (an insert or upsert that would touch one is a
    Conflict). Only maintenance passes :data:`~luminora.providers.operations.EVERY_USER`.

    Text is kept byte for byte. NUL characters and lone surrogates are refused with an
    :class:`~luminora.errors.InputError` before anything is written, on every database alike.

    Attributes:
        dialect: Folder of migration templates: ``sqlite``, ``postgresql``, ``mysql`` …
    """

    dialect: ClassVar[str]

    @abstractmethod
    async def connect(self) -> None:
        """Open the database; calling it again is harmless.

        Raises:
            StorageError: Classified as :mod:`luminora.errors` draws it.
        """

    @abstractmethod
    async def transaction(self, operations: Sequence[Write]) -> list[int]:
        """Do all the writes or none, durably; the answer is the number of rows each one touched.

        Raises:
            Conflict: A key exists, or an ``expect`` was not met. Nothing was written.
            StorageError: Anything else. Nothing was written.
        """

    @abstractmethod
    async def find(
        self,
        collection: str,
        user_id: Scope,
        where: Where | None = None,
        *,
        order: Sequence[str] = (),
        limit: int | None = None,
        after: Row | None = None,
    ) -> list[Row]:
        """The rows that match; see :class:`~luminora.providers.operations.Find`."""

    @abstractmethod
    async def count(self, collection: str, user_id: Scope, where: Where | None = None) -> int:
        """How many rows match."""

    @abstractmethod
    async def search_text(
        self,
        collection: str,
        user_id: Scope,
        text: str,
        *,
        where: Where | None = None,
        limit: int = 50,
    ) -> list[tuple[Row, float]]:
        """Rows that share words with ``text``, scored; see ``operations.SearchText``."""

    @abstractmethod
    def migrations(self) -> MigrationDriver:
        """The driver that the migration runner works through."""

    async def server_time(self) -> datetime | None:
        """What time it is for the server, in UTC; None if it has no clock of its own."""
        return None

    async def get(self, collection: str, user_id: Scope, **key: Any) -> Row | None:
        """The row of that key, or None; ``key`` are the collection's key fields."""
        missing = set(COLLECTIONS[collection].key) - key.keys()
        if missing:
            raise TypeError(f"get() of {collection} needs {', '.join(sorted(missing))}")
        rows = await self.find(collection, user_id, key, limit=1)
        return rows[0] if rows else None

    async def insert(self, collection: str, user_id: Scope, row: Row) -> None:
        """Add one row.

        Raises:
            Conflict: The key exists.
        """
        await self.transaction([Insert(collection, user_id, row)])

    async def upsert(self, collection: str, user_id: Scope, row: Row) -> None:
        """Add one row, or overwrite the given fields of the one with its key."""
        await self.transaction([Upsert(collection, user_id, row)])

    async def update(self, operation: Update) -> int:
        """Change rows and say how many."""
        return (await self.transaction([operation]))[0]

    async def delete(self, collection: str, user_id: Scope, where: Where | None = None) -> int:
        """Remove rows and say how many."""
        return (await self.transaction([Delete(collection, user_id, where or {})]))[0]

    async def read(self, queries: Sequence[Read]) -> list[Any]:
        """Several reads at once, answered in order: rows, a number, or ``(row, score)`` pairs."""
        return list(await asyncio.gather(*(self._answer(query) for query in queries)))

    async def _answer(self, query: Read) -> Any:
        match query:
            case Find():
                return await self.find(
                    query.collection,
                    query.user_id,
                    query.where,
                    order=query.order,
                    limit=query.limit,
                    after=query.after,
                )
            case Count():
                return await self.count(query.collection, query.user_id, query.where)
            case SearchText():
                return await self.search_text(
                    query.collection,
                    query.user_id,
                    query.text,
                    where=query.where,
                    limit=query.limit,
                )

    async def pages(
        self, collection: str, user_id: Scope, where: Where | None = None, *, size: int = 500
    ) -> AsyncIterator[list[Row]]:
        """All matching rows by key, page by page, holding no more than one page."""
        after: Row | None = None
        while page := await self.find(collection, user_id, where, limit=size, after=after):
            yield page
            if len(page) < size:
                return
            after = page[-1]
