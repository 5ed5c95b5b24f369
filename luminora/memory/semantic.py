"""Messages by meaning: the vector index, and the lock on its dimension.

A message is stored as *pending* and becomes *done* once its vector is in the index (or *skipped*
when it has no meaning to the model, such as a lone emoji). When the embedding provider or the
vector store is down, messages stay pending, search goes by words alone, and :meth:`catch_up`
finishes them later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from luminora.errors import DimensionMismatch, LuminoraError
from luminora.memory.clock import now
from luminora.memory.embedding import EmbeddingService
from luminora.providers import (
    EVERY_USER,
    Is,
    Row,
    Scope,
    StorageProvider,
    Update,
    Upsert,
    Vector,
    VectorHit,
    VectorItem,
    VectorStoreProvider,
    Write,
)

log = logging.getLogger(__name__)

INDEX = "messages"
_BATCH = 512
_MAX_CHARS = 8_000  # beyond this a message's vector says nothing about any one part of it


class SemanticIndex:
    """The vectors of all messages.

    Args:
        embedding: Turns texts into vectors.
        vectors: Keeps them.
        storage: Keeps the lock (``embedding_state``) and what is pending.
    """

    def __init__(
        self, embedding: EmbeddingService, vectors: VectorStoreProvider, storage: StorageProvider
    ) -> None:
        self.embedding = embedding
        self.vectors = vectors
        self._storage = storage
        self._ready = False
        self._verified = False
        self._opening = asyncio.Lock()

    async def verify(self) -> None:
        """Refuse an index of another model as far as that is known without asking the provider.

        Called before anything is written; asks the storage once.

        Raises:
            DimensionMismatch: The index was built by another model or with another dimension.
        """
        if self._verified or self._ready:
            return
        lock = await self._lock()
        if lock is not None:
            self._compare(lock, self.embedding.provider.dimension or lock["dimension"])
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
            provider = self.embedding.provider
            dimension = await provider.get_dimension()
            lock = await self._lock()
            if lock is None:
                await self._storage.upsert("embedding_state", EVERY_USER, self._locked(dimension))
            else:
                self._compare(lock, dimension)
            await self.vectors.ensure(dimension, model_id=provider.model_id)
            self._ready = True

    async def _lock(self) -> Row | None:
        """The row that says whose vectors the index holds; None before the first."""
        return await self._storage.get("embedding_state", EVERY_USER, index_name=INDEX)

    def _fits(self, lock: Row, dimension: int) -> bool:
        model = self.embedding.provider.model_id
        return bool((lock["dimension"], lock["model"]) == (dimension, model))

    def _compare(self, lock: Row, dimension: int) -> None:
        if not self._fits(lock, dimension):
            provider = self.embedding.provider
            raise _mismatch(lock, provider.name, provider.model_id, dimension)

    def _locked(self, dimension: int) -> Row:
        return {
            "index_name": INDEX,
            "provider": self.embedding.provider.name,
            "model": self.embedding.provider.model_id,
            "dimension": dimension,
            "metric": "cosine",
            "status": "active",
            "progress": None,
            "created_at": now(),
            "updated_at": now(),
        }

    async def add(self, user_id: str, rows: Sequence[Row]) -> list[Write]:
        """Put messages of one user into the index; the writes that mark them as being in it.

        Raises:
            ProviderError, StorageError: Nothing was marked; the messages stay pending.
        """
        await self.ensure()
        texts = [row["content"][:_MAX_CHARS] for row in rows]
        vectors = await self.embedding.embed(texts, user_id=user_id)
        items = [_item(row, vector) for row, vector in zip(rows, vectors, strict=True) if vector]
        if items:
            await self.vectors.upsert(items)
        outcome: dict[str, list[str]] = {"done": [], "skipped": []}
        for row, vector in zip(rows, vectors, strict=True):
            outcome["done" if vector else "skipped"].append(row["id"])
        return [
            Update("messages", user_id, {"id": Is("in", ids)}, set={"embedding_state": state})
            for state, ids in outcome.items()
            if ids
        ]

    async def try_add(self, user_id: str, rows: Sequence[Row]) -> list[Write]:
        """Like :meth:`add`, but a failure is logged and marks nothing."""
        try:
            return await self.add(user_id, rows)
        except DimensionMismatch:
            raise
        except Exception as error:  # noqa: BLE001 - pending is the documented outcome
            log.warning("%d messages stay unindexed for now: %s", len(rows), error)
            return []

    async def vector(self, text: str, user_id: str) -> Vector | None:
        """The query vector of a text, or None when it has no meaning to the model."""
        return (await self.embedding.embed([text[:_MAX_CHARS]], user_id=user_id, purpose="query"))[
            0
        ]

    async def search(self, text: str, top_k: int, where: Mapping[str, str]) -> list[VectorHit]:
        """The nearest messages, or nothing while the index cannot be reached."""
        try:
            await self.ensure()
            vector = await self.vector(text, where["user_id"])
            return [] if vector is None else await self.vectors.query(vector, top_k, where)
        except DimensionMismatch:
            raise
        except Exception as error:  # noqa: BLE001 - words alone still answer
            log.warning("searching by words alone: %s", error)
            return []

    async def catch_up(self, user_id: Scope = EVERY_USER) -> int:
        """Index everything pending; the number of messages dealt with.

        Raises:
            LuminoraError: The provider or store is still down; what was finished stays finished.
        """
        finished = 0
        pending = {"embedding_state": "pending"}
        while rows := await self._storage.find(
            "messages", user_id, pending, order=("seq",), limit=_BATCH
        ):
            by_user: dict[str, list[Row]] = {}
            for row in rows:
                by_user.setdefault(row["user_id"], []).append(row)
            for owner, own in by_user.items():
                await self._storage.transaction(await self.add(owner, own))
            finished += len(rows)
        return finished

    async def rebuild(self) -> int:
        """Give all messages vectors of the configured model; the number of messages dealt with.

        The old vectors go first, so until it has finished a search finds the rest by words. If it
        is interrupted, calling it again goes on where it stopped.

        Raises:
            ProviderError, StorageError: The provider or store is down. If the provider does not
                even tell its dimension, nothing was changed.
        """
        dimension = await self.embedding.provider.get_dimension()
        lock = await self._lock()
        if lock is None or not self._fits(lock, dimension):
            await self.vectors.drop()
            await self._storage.transaction(
                [
                    Update("messages", EVERY_USER, {}, set={"embedding_state": "pending"}),
                    Upsert("embedding_state", EVERY_USER, self._locked(dimension)),
                ]
            )
            self._ready = False
        return await self.catch_up()

    async def forget(self, user_id: str) -> int:
        """Delete a user's vectors, whichever model made them; how many there were."""
        return await self.vectors.delete({"user_id": user_id})


def _item(row: Row, vector: Vector) -> VectorItem:
    return VectorItem(
        id=row["id"],
        user_id=row["user_id"],
        vector=vector,
        session_id=row["session_id"],
        personality_name=row["personality_name"],
    )


def _mismatch(lock: Row, provider: str, model: str, dimension: int) -> LuminoraError:
    return DimensionMismatch(
        f"the index holds vectors of {lock['dimension']} dimensions from model "
        f"'{lock['model']}' ({lock['provider']}), but the embedding provider '{provider}' yields "
        f"{dimension} dimensions from model '{model}'",
        expected=lock["dimension"],
        found=dimension,
        hint=f"change embedding_provider back to '{lock['provider']}', or rebuild the index: "
        "luminora reembed",
    )
