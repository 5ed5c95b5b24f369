"""Messages by meaning: the vectors of all messages, in the index the register names.

A message is stored as *pending* and gets the index's mark once its vector is there (see
:mod:`luminora.memory.indexes`). When the embedding provider or the
vector store is down, messages stay pending, search goes by words alone, and :meth:`catch_up`
finishes them later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from luminora._steps import step
from luminora.errors import ContentFiltered, DimensionMismatch, InvalidRequest, ProviderError
from luminora.memory.embedding import EmbeddingService
from luminora.memory.indexes import ACTIVE, DROPPED, IndexRegister, Marks, unfinished
from luminora.providers import (
    DEFAULT_INDEX,
    EVERY_USER,
    Find,
    Is,
    Row,
    Scope,
    StorageProvider,
    Update,
    Vector,
    VectorHit,
    VectorItem,
    VectorStoreProvider,
    Write,
)

log = logging.getLogger(__name__)

_BATCH = 512
_MAX_CHARS = 8_000  # beyond this a message's vector says nothing about any one part of it


class SemanticIndex:
    """The vectors of all messages.

    Args:
        embedding: Turns texts into vectors.
        vectors: Keeps them.
        storage: Keeps the register of indexes, and says which messages are in which.

    Attributes:
        vectors: The store, at the index in use.
        register: The indexes there are.
    """

    def __init__(
        self, embedding: EmbeddingService, vectors: VectorStoreProvider, storage: StorageProvider
    ) -> None:
        self.embedding = embedding
        self.vectors = vectors
        self.register = IndexRegister(storage, embedding.provider)
        self._store = vectors
        self._storage = storage
        self._ready = False
        self._verified = False
        self._row: Row | None = None
        self._opening = asyncio.Lock()

    @property
    def name(self) -> str:
        """The index in use, as the register calls it."""
        return self.vectors.index

    async def verify(self) -> None:
        """Refuse an index of another model as far as that is known without asking the provider.

        Called before anything is written; asks the storage once.

        Raises:
            DimensionMismatch: The index was built by another model or with another dimension.
        """
        if not (self._verified or self._ready):
            known = self.embedding.provider.dimension
            self._row = self.register.usable(await self.register.rows(), known)
            self._verified = True

    async def ensure(self) -> None:
        """Lock the dimension on first use and compare with the lock ever after.

        Raises:
            DimensionMismatch: The index was built by another model or with another dimension;
                nothing was written.
            ProviderError: The dimension has to be probed and the provider does not answer.
        """
        if self._ready:
            return
        async with self._opening:
            if self._ready:
                return
            await self.verify()
            dimension = await self.embedding.provider.get_dimension()
            if self._row is None:
                await self._refuse_foreign(dimension)
                self._row = await self.register.claim(dimension)
            elif not self.register.fits(self._row, dimension):
                raise self.register.mismatch(self._row, dimension)
            await self.use(self._row)

    async def use(self, row: Row) -> None:
        """Work on this index of the register from now on; it is created if it is absent."""
        name = row["index_name"]
        self.vectors = self._store if name == DEFAULT_INDEX else self._store.at(name)
        await self.vectors.ensure(row["dimension"], model_id=row["model"])
        self._ready = True

    async def _refuse_foreign(self, dimension: int) -> None:
        """Before the lock is written: a store may hold an index that the register knows not."""
        held = await self._store.describe()
        if held.dimension is not None and held.dimension != dimension:
            raise self.register.mismatch(self.register.found(held, held.dimension), dimension)

    async def add(self, user_id: str, rows: Sequence[Row]) -> list[Write]:
        """Put messages of one user into the index; the writes that mark them as being in it.

        Raises:
            ProviderError, StorageError: Nothing was marked; the messages stay pending.
        """
        await self.ensure()
        texts = [self.embedding.cut(row["content"][:_MAX_CHARS]) for row in rows]
        vectors: Sequence[Vector | None]
        try:
            with step("embed messages"):
                vectors = await self.embedding.embed(texts, user_id=user_id)
        except ProviderError as error:
            vectors = _without_refused(error, rows)
        items = [_item(row, vector) for row, vector in zip(rows, vectors, strict=True) if vector]
        if items:
            await self.vectors.upsert(items)
        marks = Marks.of(self.name)
        outcome: dict[str, list[str]] = {marks.done: [], marks.skipped: []}
        for row, vector in zip(rows, vectors, strict=True):
            outcome[marks.done if vector else marks.skipped].append(row["id"])
        return [
            Update("messages", user_id, {"id": Is("in", ids)}, set={"embedding_state": state})
            for state, ids in outcome.items()
            if ids
        ]

    async def try_add(self, user_id: str, rows: Sequence[Row]) -> list[Write]:
        """Like :meth:`add`, but a failure is logged and marks nothing."""
        try:
            with step("index"):
                return await self.add(user_id, rows)
        except DimensionMismatch:
            raise
        except Exception as error:  # noqa: BLE001 - pending is the documented outcome
            log.warning("%d messages stay unindexed for now: %s", len(rows), error)
            return []

    async def vector(self, text: str, user_id: str) -> Vector | None:
        """The query vector of a text, or None when it has no meaning to the model."""
        asked = [self.embedding.cut(text[:_MAX_CHARS])]
        with step("embed"):
            return (await self.embedding.embed(asked, user_id=user_id, purpose="query"))[0]

    async def search(self, text: str, top_k: int, where: Mapping[str, str]) -> list[VectorHit]:
        """The nearest messages, or nothing while the index cannot be reached."""
        try:
            await self.ensure()
            vector = await self.vector(text, where["user_id"])
            if vector is None:
                return []
            with step("search"):
                return await self.vectors.query(vector, top_k, where)
        except DimensionMismatch:
            raise
        except Exception as error:  # noqa: BLE001 - words alone still answer
            log.warning("searching by words alone: %s", error)
            return []

    async def catch_up(
        self, user_id: Scope = EVERY_USER, on_progress: Callable[[int], None] | None = None
    ) -> int:
        """Index everything that this index has yet to take in; the number of messages dealt with.

        Args:
            user_id: Whose messages.
            on_progress: Called with the number of messages that each step dealt with.

        Raises:
            LuminoraError: The provider or store is still down; what was finished stays finished.
        """
        await self.ensure()
        finished = 0
        for mark in unfinished(await self.register.rows(), self.name):
            while rows := await self._waiting(user_id, mark):
                await self._take_in(rows)
                finished += len(rows)
                if on_progress is not None:
                    on_progress(len(rows))
        return finished

    async def _waiting(self, user_id: Scope, mark: str) -> list[Row]:
        """Some messages with that mark, while it is still ours to take them in."""
        rows, register = await self._storage.read(
            [
                Find("messages", user_id, {"embedding_state": mark}, order=("seq",), limit=_BATCH),
                Find("embedding_state", EVERY_USER),
            ]
        )
        return rows if mark in unfinished(register, self.name) else []

    async def _take_in(self, rows: Sequence[Row]) -> None:
        by_user: dict[str, list[Row]] = {}
        for row in rows:
            by_user.setdefault(row["user_id"], []).append(row)
        marks = await asyncio.gather(*(self.add(owner, own) for owner, own in by_user.items()))
        await self._storage.transaction([write for writes in marks for write in writes])

    async def forget(self, user_id: str) -> int:
        """Delete a user's vectors from every index; how many there were in the active one."""
        return await self._delete({"user_id": user_id})

    async def forget_session(self, user_id: str, session_id: str) -> int:
        """The same for one of the user's sessions."""
        return await self._delete({"user_id": user_id, "session_id": session_id})

    async def discard(self, user_id: str, ids: Sequence[str]) -> int:
        """The same for some of a user's messages."""
        return await self._delete({"user_id": user_id, "id": list(ids)}) if ids else 0

    async def _delete(self, where: Mapping[str, str | Sequence[str]]) -> int:
        deleted = 0
        for row in await self.register.rows() or [{"index_name": DEFAULT_INDEX, "status": ACTIVE}]:
            if row["status"] != DROPPED:
                count = await self._store.at(row["index_name"]).delete(where)
                deleted = count if row["status"] == ACTIVE else deleted
        return deleted


def _without_refused(error: ProviderError, rows: Sequence[Row]) -> Sequence[Vector | None]:
    """The vectors that came, if the others' texts themselves were refused; else the error.

    Such a text would be refused for ever, and keep those behind it waiting. Where all are refused
    it is not the texts but a setting, so they wait for that.
    """
    final = (InvalidRequest, ContentFiltered)
    if not 0 < len(error.failed) < len(rows) or not all(
        isinstance(one, final) for one in error.failed.values()
    ):
        raise error
    for place, one in error.failed.items():
        log.warning("the message %s will not be found by meaning: %s", rows[place]["id"], one)
    return error.vectors


def _item(row: Row, vector: Vector) -> VectorItem:
    return VectorItem(
        id=row["id"],
        user_id=row["user_id"],
        vector=vector,
        session_id=row["session_id"],
        personality_name=row["personality_name"],
    )
