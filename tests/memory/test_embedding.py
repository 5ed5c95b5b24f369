from __future__ import annotations

import asyncio
import math

import pytest

from luminora.errors import AuthenticationFailed, MalformedResponse, Overloaded, ProviderTimeout
from luminora.memory.embedding import EmbeddingService, namespace
from luminora.providers import CacheProvider, CheckResult, Status
from tests.doubles import ScriptedEmbedding


class DictCache(CacheProvider):
    name = "dict"

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], bytes] = {}
        self.down = False

    def _up(self) -> None:
        if self.down:
            raise ConnectionError("the cache is down")

    async def get(self, namespace, key):
        self._up()
        return self.values.get((namespace, key))

    async def set(self, namespace, key, value, ttl=None):
        self._up()
        self.values[namespace, key] = value

    async def delete(self, namespace, key):
        self.values.pop((namespace, key), None)

    async def clear(self, namespace):
        self.values = {k: v for k, v in self.values.items() if k[0] != namespace}

    async def check(self):
        return CheckResult(Status.OK)


async def test_many_texts_go_in_batches_and_come_back_in_order():
    provider = ScriptedEmbedding(batch=3)
    texts = ["a" * n for n in range(1, 11)]

    vectors = await EmbeddingService(provider).embed(texts, user_id="u")

    assert vectors[6] == [1.0, 7.0, 0.5, 0.25]
    assert sorted((len(call) for call in provider.calls), reverse=True) == [3, 3, 3, 1]


async def test_equal_texts_are_embedded_once_and_blank_ones_never():
    provider = ScriptedEmbedding()

    vectors = await EmbeddingService(provider).embed(["uno", "  ", "uno"], user_id="u")

    assert provider.calls == [["uno"]]
    assert vectors[0] == vectors[2]
    assert vectors[1] is None


async def test_a_zero_vector_means_nothing():
    provider = ScriptedEmbedding()
    provider.vector = lambda _: [0.0] * 4

    assert await EmbeddingService(provider).embed(["🦄"], user_id="u") == [None]


@pytest.mark.parametrize(
    ("vector", "complaint"),
    [
        ([1.0], "1 numbers instead of 4"),
        ([math.nan, 0, 0, 1], "finite"),
        ([math.inf] * 4, "finite"),
    ],
)
async def test_bad_vectors_are_refused(vector, complaint):
    provider = ScriptedEmbedding()
    provider.vector = lambda _: vector

    with pytest.raises(MalformedResponse, match=complaint):
        await EmbeddingService(provider).embed(["x"], user_id="u")


async def test_a_wrong_count_is_refused():
    class Short(ScriptedEmbedding):
        async def create_embeddings_batch(self, texts, *, purpose="document"):
            return (await super().create_embeddings_batch(texts))[:-1]

    with pytest.raises(MalformedResponse, match="2 vectors for 3 texts"):
        await EmbeddingService(Short()).embed(["a", "b", "c"], user_id="u")


async def test_what_is_retryable_is_retried_and_nothing_else(monkeypatch):
    async def no_wait(_):
        return None

    monkeypatch.setattr(asyncio, "sleep", no_wait)
    provider = ScriptedEmbedding()
    provider.failures = [Overloaded("busy"), Overloaded("busy")]
    assert await EmbeddingService(provider).embed(["x"], user_id="u")
    assert len(provider.calls) == 3

    provider.failures = [AuthenticationFailed("bad key")]
    with pytest.raises(AuthenticationFailed):
        await EmbeddingService(provider).embed(["y"], user_id="u")
    assert len(provider.calls) == 4


async def test_a_call_that_hangs_ends_at_the_deadline():
    class Hanging(ScriptedEmbedding):
        async def create_embeddings_batch(self, texts, *, purpose="document"):
            await asyncio.Event().wait()
            raise AssertionError

    with pytest.raises(ProviderTimeout):
        await EmbeddingService(Hanging(), timeout=0.01).embed(["x"], user_id="u")


async def test_the_cache_saves_calls_and_is_kept_apart_by_user():
    provider, cache = ScriptedEmbedding(), DictCache()
    service = EmbeddingService(provider, cache)

    first = await service.embed(["hola"], user_id="ana")
    again = await service.embed(["hola"], user_id="ana")
    other = await service.embed(["hola"], user_id="eva")

    assert len(provider.calls) == 2
    assert first == again == other
    assert {namespace("ana"), namespace("eva")} == {space for space, _ in cache.values}


async def test_a_cache_that_is_down_or_poisoned_never_changes_an_answer():
    provider, cache = ScriptedEmbedding(), DictCache()
    service = EmbeddingService(provider, cache)
    expected = await service.embed(["hola"], user_id="ana")

    cache.values = dict.fromkeys(cache.values, b"not a vector")
    assert expected == await service.embed(["hola"], user_id="ana")
    cache.down = True
    assert expected == await service.embed(["hola"], user_id="ana")


async def test_the_dimension_is_probed_once_where_none_is_declared():
    provider = ScriptedEmbedding(dimension=None)

    assert await provider.get_dimension() == 4
    assert await provider.get_dimension() == 4
    assert len(provider.calls) == 1
