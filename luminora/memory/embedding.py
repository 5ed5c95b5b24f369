"""The embedding service: what every embedding provider gets for free.

Splits into batches, keeps order, caches, retries what is retryable, and refuses vectors that are
wrong in count, length or value, so that none of this is a provider's business. What fails is told
by its place among the texts, beside the vectors that did come.
"""

from __future__ import annotations

import asyncio
import logging
import random
from array import array
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from math import isfinite
from time import monotonic

from luminora.errors import (
    ContentFiltered,
    InvalidRequest,
    LuminoraError,
    MalformedResponse,
    ProviderError,
    ProviderTimeout,
    retold,
)
from luminora.providers import CacheProvider, EmbeddingProvider, Purpose, Vector

log = logging.getLogger(__name__)

_ATTEMPTS = 3
_BACKOFF = 0.2
_LONGEST_WAIT = 20.0
_FEW_CHARS = 3
_MANY_CHARS = 8
"""Characters that a token stands for at least and at most, in ordinary text."""
_SPLITS = 24
"""Calls made to find out which texts of a batch a vendor refuses."""
_TEXTS_FAULT = (InvalidRequest, ContentFiltered, MalformedResponse)
"""Failures after which other texts may still be embedded."""

_Outcome = Vector | LuminoraError


class EmbeddingService:
    """Embeds any number of texts through one provider.

    Args:
        provider: Yields the vectors.
        cache: Keeps them, by user, provider, model, dimension, purpose and text.
        batch_size: Texts per call, never above the provider's own ``max_batch_size``.
        timeout: Seconds one call may take; for a query, all attempts together.
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
        self._length = provider.dimension

    async def embed(
        self, texts: Sequence[str], *, user_id: str, purpose: Purpose = "document"
    ) -> list[Vector | None]:
        """One vector per text, in order; None for a text that has no meaning to the model.

        Raises:
            ProviderError: The provider failed for good, for all texts or for some: ``failed``
                holds the failures by the text's place, ``vectors`` those that did come.
        """
        keys = self._keys(texts, purpose)
        found = await self._cached(keys, user_id)
        missing = list(
            dict.fromkeys(
                text
                for text, vector in zip(texts, found, strict=True)
                if vector is None and text.strip()
            )
        )
        fresh: dict[str, Vector] = {}
        failures: dict[str, LuminoraError] = {}
        if missing:
            outcomes = await self._create(missing, purpose)
            for text, outcome in zip(missing, outcomes, strict=True):
                if isinstance(outcome, LuminoraError):
                    failures[text] = outcome
                else:
                    fresh[text] = outcome
            await self._keep(fresh, dict(zip(texts, keys, strict=True)), user_id)
        vectors = [
            fresh.get(text) if vector is None else vector
            for text, vector in zip(texts, found, strict=True)
        ]
        if self.provider.may_be_zero:
            vectors = [vector if vector and any(vector) else None for vector in vectors]
        if failures:
            failed = {n: failures[text] for n, text in enumerate(texts) if text in failures}
            raise _told(vectors, failed)
        return vectors

    def cut(self, text: str) -> str:
        """As much of the beginning of a text as the model takes, by a cautious estimate."""
        most = self.provider.max_text_tokens
        while most is not None and (tokens := _tokens(text)) > most:
            text = text[: min(int(len(text) * most / tokens), len(text) - 1)]
        return text

    async def _create(self, texts: list[str], purpose: Purpose) -> list[_Outcome]:
        """For each text its vector or what went wrong; a provider that is down is left alone."""
        gate = asyncio.Semaphore(self._concurrency)
        down: list[LuminoraError] = []

        async def one(batch: list[str]) -> list[_Outcome]:
            async with gate:
                if down:
                    return [down[0]] * len(batch)
                try:
                    return await self._split(batch, purpose, [_SPLITS])
                except LuminoraError as error:
                    down.append(error)
                    return [error] * len(batch)

        batches = list(self._batches(texts))
        if len(batches) == 1:
            return await one(batches[0])
        answers = await asyncio.gather(*(one(batch) for batch in batches))
        return [outcome for answer in answers for outcome in answer]

    def _batches(self, texts: list[str]) -> Iterator[list[str]]:
        """The texts in portions that one call may hold."""
        most = self.provider.max_batch_tokens
        if most is None:
            for start in range(0, len(texts), self._batch):
                yield texts[start : start + self._batch]
            return
        batch: list[str] = []
        tokens = 0
        for text in texts:
            size = _tokens(text)
            if batch and (len(batch) == self._batch or tokens + size > most):
                yield batch
                batch, tokens = [], 0
            batch.append(text)
            tokens += size
        if batch:
            yield batch

    async def _split(self, batch: list[str], purpose: Purpose, calls: list[int]) -> list[_Outcome]:
        """The outcomes of a batch; if it is refused, of its halves, down to who is to blame."""
        long = self._too_long(batch)
        if long:
            rest = iter(await self._split([t for t in batch if t not in long], purpose, calls))
            return [long[text] if text in long else next(rest) for text in batch]
        if not batch:
            return []
        try:
            return self._verified(batch, await self._call(batch, purpose))
        except _TEXTS_FAULT as error:
            calls[0] -= 2
            if len(batch) == 1 or calls[0] < 0 or isinstance(error, MalformedResponse):
                return [error] * len(batch)
        middle = len(batch) // 2
        first = await self._split(batch[:middle], purpose, calls)
        return first + await self._split(batch[middle:], purpose, calls)

    def _too_long(self, batch: list[str]) -> dict[str, LuminoraError]:
        """The texts that cannot fit the model, however it counts."""
        most = self.provider.max_text_tokens
        if most is None:
            return {}
        return {
            text: InvalidRequest(
                f"a text of {len(text)} characters is longer than the {most} tokens that "
                f"{self.provider.model_id} takes",
                provider=self.provider.name,
                model=self.provider.model_id,
                hint="cut it, or split it into several",
            )
            for text in batch
            if len(text) > most and max(len(text) // _MANY_CHARS, len(text.split())) > most
        }

    async def _call(self, batch: list[str], purpose: Purpose) -> list[Vector]:
        """The provider's answer, after retries: nobody else repeats an embedding call."""
        until = monotonic() + self._timeout
        for attempt in range(1, _ATTEMPTS + 1):
            limit = until - monotonic() if purpose == "query" else self._timeout
            try:
                async with asyncio.timeout(max(limit, 0)):
                    return await self.provider.create_embeddings_batch(batch, purpose=purpose)
            except TimeoutError:
                failure: LuminoraError = ProviderTimeout(
                    f"no vectors within {self._timeout:g} s",
                    provider=self.provider.name,
                    model=self.provider.model_id,
                )
            except LuminoraError as error:
                failure = error
            except Exception as error:
                raise ProviderError(
                    f"the embedding provider failed with {type(error).__name__}: {error}",
                    provider=self.provider.name,
                    model=self.provider.model_id,
                ) from error
            asked = getattr(failure, "retry_after", None)
            wait = _BACKOFF * 2**attempt if asked is None else asked
            wait *= random.uniform(1.0, 1.1)  # noqa: S311 - jitter, never earlier than asked
            late = purpose == "query" and monotonic() + wait >= until
            if not failure.retryable or attempt == _ATTEMPTS or wait > _LONGEST_WAIT or late:
                raise failure
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    def _verified(self, batch: list[str], vectors: list[Vector]) -> list[_Outcome]:
        """The vectors, and an error in the place of each that cannot be one.

        Raises:
            MalformedResponse: There are not as many as there are texts.
        """
        if len(vectors) != len(batch):
            raise self._strange(f"{len(vectors)} vectors for {len(batch)} texts")
        provider = self.provider
        expected = provider.dimension or self._length or len(vectors[0])
        zero = provider.may_be_zero
        self._length = expected
        outcomes: list[_Outcome] = list(vectors)
        for index, vector in enumerate(vectors):
            if len(vector) != expected:
                problem = f"vector {index} has {len(vector)} numbers instead of {expected}"
            elif not _finite(vector):
                problem = f"vector {index} holds something that is not a finite number"
            elif not (zero or any(vector)):
                problem = f"vector {index} is all zeros"
            else:
                continue
            outcomes[index] = self._strange(problem)
        return outcomes

    def _strange(self, problem: str) -> MalformedResponse:
        return MalformedResponse(
            f"the embedding provider answered with {problem}",
            provider=self.provider.name,
            model=self.provider.model_id,
        )

    def _keys(self, texts: Sequence[str], purpose: Purpose) -> list[str]:
        """What the texts' vectors are kept under."""
        if self._cache is None:
            return [""] * len(texts)
        provider = self.provider
        side = purpose if provider.asymmetric else "text"
        space = f"{provider.name}/{provider.model_id}/{provider.dimension or 0}/{side}/"
        return [
            space + blake2b(text.encode("utf-8", "replace"), digest_size=20).hexdigest()
            for text in texts
        ]

    async def _cached(self, keys: list[str], user_id: str) -> list[Vector | None]:
        if self._cache is None:
            return [None] * len(keys)
        try:
            held = await self._cache.get_many(namespace(user_id), keys)
        except Exception as error:  # noqa: BLE001 - a cache that is down is a slower answer
            log.warning("the cache cannot be read: %s", error)
            return [None] * len(keys)
        return [_unpack(value, self.provider.dimension) for value in held]

    async def _keep(self, fresh: dict[str, Vector], keys: dict[str, str], user_id: str) -> None:
        if self._cache is None or not fresh:
            return
        packed = {keys[text]: array("f", vector).tobytes() for text, vector in fresh.items()}
        try:
            await self._cache.set_many(namespace(user_id), packed, self._ttl)
        except Exception as error:  # noqa: BLE001 - see above
            log.warning("the cache cannot be written: %s", error)


def namespace(user_id: str) -> str:
    """The cache namespace of a user's vectors; clearing it forgets them."""
    return f"embeddings:{user_id}"


def _tokens(text: str) -> int:
    """Tokens that a text has at most, to our knowledge: a sign beyond ASCII counts for more."""
    beyond = len(text.encode("utf-8", "replace")) - len(text)
    return (len(text) + 2 * beyond) // _FEW_CHARS + 1


def _finite(vector: Vector) -> bool:
    try:
        return isfinite(sum(vector))
    except TypeError:
        return False


def _told(vectors: list[Vector | None], failed: dict[int, LuminoraError]) -> LuminoraError:
    """The first failure, and with it the others and what did come."""
    place, first = next(iter(failed.items()))
    if not isinstance(first, ProviderError):
        return first
    message = first.message
    if len(vectors) > 1:
        count = f"{len(failed)} of {len(vectors)} texts have no vector"
        message = f"{count}, the first of them is number {place}: {message}"
    told = retold(first, message)
    told.__cause__ = first
    told.failed = failed
    told.vectors = vectors
    return told


def _unpack(value: bytes | None, dimension: int | None) -> Vector | None:
    """A cached vector, or None if it is absent or has been tampered with."""
    if not value or len(value) % 4 or (dimension and len(value) != 4 * dimension):
        return None
    vector = array("f")
    vector.frombytes(value)
    return vector.tolist() if isfinite(sum(vector)) else None
