"""The conformance suite of embedding providers."""

# ruff: noqa: S101, PLR2004 - a test suite asserts, and its expected values are literal

from __future__ import annotations

import asyncio
import math

import pytest

from luminora.providers.base import Status
from luminora.providers.embedding import EmbeddingProvider
from luminora.testing.kit import Conformance, capability
from luminora.testing.vectors import cosine

TEXTS = (
    "My dog is called Canela",
    "The weather is awful today",
    "Mañana voy al médico",
    "I work as a nurse in Bilbao",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 family",
)


class EmbeddingConformance(Conformance[EmbeddingProvider]):
    """What every embedding provider has to do; see :mod:`luminora.testing`.

    Capabilities: ``batch``, ``deterministic``, ``meaning``, ``concurrency``, ``lifecycle``.
    """

    @capability("lifecycle")
    async def test_check_and_close(self, provider: EmbeddingProvider) -> None:
        """A usable provider says so and has a model; closing twice is harmless."""
        result = await provider.check()
        assert result.status is Status.OK, result.detail
        assert provider.model_id
        assert provider.max_batch_size >= 1
        await provider.aclose()
        await provider.aclose()

    @capability("batch")
    async def test_one_vector_per_text(self, provider: EmbeddingProvider) -> None:
        """All of the declared dimension, finite, and not zero."""
        dimension = await provider.get_dimension()
        assert dimension >= 1
        vectors = await provider.create_embeddings_batch(TEXTS[: provider.max_batch_size])
        assert len(vectors) == min(len(TEXTS), provider.max_batch_size)
        for vector in vectors:
            assert len(vector) == dimension
            assert all(isinstance(number, float) for number in vector)
            assert math.isfinite(math.hypot(*vector))
            assert math.hypot(*vector) > 0

    @capability("batch")
    async def test_vectors_stand_in_the_order_of_their_texts(
        self, provider: EmbeddingProvider
    ) -> None:
        """Each is nearest to the one its text yields alone."""
        vectors = await provider.create_embeddings_batch(TEXTS[: provider.max_batch_size])
        for number, text in enumerate(TEXTS[: provider.max_batch_size]):
            alone = await provider.create_embedding(text)
            nearest = max(range(len(vectors)), key=lambda n: cosine(alone, vectors[n]))
            assert nearest == number

    @capability("batch")
    async def test_batches_of_every_allowed_size(self, provider: EmbeddingProvider) -> None:
        """None, one, and as many as the provider says."""
        assert await provider.create_embeddings_batch([]) == []
        size = min(provider.max_batch_size, 256)
        vectors = await provider.create_embeddings_batch([f"text number {n}" for n in range(size)])
        assert len(vectors) == size

    @capability("batch")
    async def test_both_purposes(self, provider: EmbeddingProvider) -> None:
        """Documents and queries have vectors of one and the same space."""
        document = await provider.create_embedding(TEXTS[0], purpose="document")
        query = await provider.create_embedding(TEXTS[0], purpose="query")
        assert len(document) == len(query) == await provider.get_dimension()
        assert cosine(document, query) > 0.5

    @capability("deterministic")
    async def test_equal_texts_have_equal_vectors(self, provider: EmbeddingProvider) -> None:
        """Alone, repeated, and in company."""
        alone = await provider.create_embedding(TEXTS[0])
        first, *_, last = await provider.create_embeddings_batch(
            [TEXTS[0], TEXTS[1], TEXTS[0]][: max(2, provider.max_batch_size)]
        )
        assert cosine(alone, first) == pytest.approx(1.0, abs=1e-4)
        assert await provider.create_embedding(TEXTS[0]) == pytest.approx(alone, abs=1e-5)
        assert len(last) == len(first)

    @capability("meaning")
    async def test_related_texts_are_nearer_than_unrelated_ones(
        self, provider: EmbeddingProvider
    ) -> None:
        """In English, with words in common."""
        dog = await provider.create_embedding("the dog barks at the cat")
        puppy = await provider.create_embedding("a barking dog chases a cat")
        stocks = await provider.create_embedding("quarterly revenue of the company fell")
        assert cosine(dog, puppy) > cosine(dog, stocks)

    @capability("concurrency")
    async def test_concurrent_calls(self, provider: EmbeddingProvider) -> None:
        """Each gets its own answer."""
        together = await asyncio.gather(*(provider.create_embedding(text) for text in TEXTS))
        for text, vector in zip(TEXTS, together, strict=True):
            assert cosine(vector, await provider.create_embedding(text)) > 0.999

    @capability("concurrency")
    async def test_a_cancelled_call_leaves_the_provider_usable(
        self, provider: EmbeddingProvider
    ) -> None:
        """For the next one."""
        task = asyncio.create_task(provider.create_embedding(TEXTS[1]))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert len(await provider.create_embedding(TEXTS[0])) == await provider.get_dimension()
