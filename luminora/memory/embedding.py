"""The embedding service: what every embedding provider gets for free.

Splits into batches, keeps order, caches, retries what is retryable, and refuses vectors that are
wrong in count, length or value, so that none of this is a provider's business.
"""

from __future__ import annotations

import asyncio
import logging
import random
from array import array
from collections.abc import Sequence
from hashlib import blake2b
from math import isfinite

from luminora.errors import LuminoraError, MalformedResponse, ProviderTimeout
from luminora.providers import CacheProvider, EmbeddingProvider, Purpose, Vector

log = logging.getLogger(__name__)

_ATTEMPTS = 3
_BACKOFF = 0.2


class EmbeddingService:
    """Embeds any number of texts through one provider.

    Args:
        provider: Yields the vectors.
        cache: Keeps them, by user, model, dimension, purpose and text.
        batch_size: Texts per call, never above the provider's own ``max_batch_size``.
        timeout: Seconds one call may take.
        ttl: Seconds a cached vector is kept.
        concurrency: Calls under way at once.
    """

    def __init__(
        self,
        provider: EmbeddingProvider,
        cache: CacheProvider | None = None,
        *,
        batch_size: int | None = None,
        timeout: float = 30.0,
        ttl: float | None = 86_400,
        concurrency: int = 4,
    ) -> None:
        self.provider = provider
        self._cache = cache
        self._batch = min(batch_size or provider.max_batch_size, provider.max_batch_size)
        self._timeout = timeout
        self._ttl = ttl
        self._concurrency = concurrency

    async def embed(
        self, texts: Sequence[str], *, user_id: str, purpose: Purpose = "document"
    ) -> list[Vector | None]:
        """One vector per text, in order; None for a text that has no meaning to the model.

        Raises:
            ProviderError: The provider failed for good; nothing is returned in part.
        """
        found = await self._cached(texts, user_id, purpose)
        missing = {
            text: None
            for text, vector in zip(texts, found, strict=True)
            if vector is None and text.strip()
        }
        fresh = await self._create(list(missing), purpose)
        await self._keep(fresh, user_id, purpose)
        vectors = [
            fresh.get(text) if vector is None else vector
            for text, vector in zip(texts, found, strict=True)
        ]
        return [vector if vector and any(vector) else None for vector in vectors]

    async def _create(self, texts: list[str], purpose: Purpose) -> dict[str, Vector]:
        gate = asyncio.Semaphore(self._concurrency)

        async def one(batch: list[str]) -> list[Vector]:
            async with gate:
                return await self._call(batch, purpose)

        starts = range(0, len(texts), self._batch)
        batches = [texts[start : start + self._batch] for start in starts]
        if len(batches) == 1:
            answers = [await one(batches[0])]
        else:
            answers = await asyncio.gather(*(one(batch) for batch in batches))
        return dict(zip(texts, (vector for answer in answers for vector in answer), strict=True))

    async def _call(self, batch: list[str], purpose: Purpose) -> list[Vector]:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with asyncio.timeout(self._timeout):
                    vectors = await self.provider.create_embeddings_batch(batch, purpose=purpose)
            except TimeoutError:
                failure: LuminoraError = ProviderTimeout(
                    f"no vectors within {self._timeout:g} s", provider=self.provider.name
                )
            except LuminoraError as error:
                failure = error
            else:
                return self._verified(batch, vectors)
            if not failure.retryable or attempt == _ATTEMPTS:
                raise failure
            wait = getattr(failure, "retry_after", None) or _BACKOFF * 2**attempt
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        raise AssertionError("unreachable")

    def _verified(self, batch: list[str], vectors: list[Vector]) -> list[Vector]:
        provider = self.provider
        problem = None
        if len(vectors) != len(batch):
            problem = f"{len(vectors)} vectors for {len(batch)} texts"
        else:
            expected = provider.dimension or len(vectors[0])
            for index, vector in enumerate(vectors):
                if len(vector) != expected:
                    problem = f"vector {index} has {len(vector)} numbers instead of {expected}"
                elif not isfinite(sum(vector)):
                    problem = f"vector {index} holds a number that is not finite"
        if problem:
            raise MalformedResponse(
                f"the embedding provider answered with {problem}",
                provider=provider.name,
                model=provider.model_id,
            )
        return vectors

    def _keys(self, texts: Sequence[str], purpose: Purpose) -> list[str]:
        side = purpose if self.provider.asymmetric else "text"
        space = f"{self.provider.model_id}/{self.provider.dimension or 0}/{side}/"
        return [
            space + blake2b(text.encode("utf-8", "replace"), digest_size=20).hexdigest()
            for text in texts
        ]

    async def _cached(
        self, texts: Sequence[str], user_id: str, purpose: Purpose
    ) -> list[Vector | None]:
        if self._cache is None:
            return [None] * len(texts)
        try:
            held = await self._cache.get_many(namespace(user_id), self._keys(texts, purpose))
        except Exception as error:  # noqa: BLE001 - a cache that is down is a slower answer
            log.warning("the cache cannot be read: %s", error)
            return [None] * len(texts)
        return [_unpack(value, self.provider.dimension) for value in held]

    async def _keep(self, fresh: dict[str, Vector], user_id: str, purpose: Purpose) -> None:
        if self._cache is None or not fresh:
            return
        keys = self._keys(list(fresh), purpose)
        packed = (array("f", vector).tobytes() for vector in fresh.values())
        try:
            await self._cache.set_many(
                namespace(user_id), dict(zip(keys, packed, strict=True)), self._ttl
            )
        except Exception as error:  # noqa: BLE001 - see above
            log.warning("the cache cannot be written: %s", error)


def namespace(user_id: str) -> str:
    """The cache namespace of a user's vectors; clearing it forgets them."""
    return f"embeddings:{user_id}"


def _unpack(value: bytes | None, dimension: int | None) -> Vector | None:
    """A cached vector, or None if it is absent or has been tampered with."""
    if not value or len(value) % 4 or (dimension and len(value) != 4 * dimension):
        return None
    vector = array("f")
    vector.frombytes(value)
    return vector.tolist() if isfinite(sum(vector)) else None
