from __future__ import annotations

import asyncio
import math

import pytest

from luminora.client import LuminoraCoreClient
from luminora.errors import (
    AuthenticationFailed,
    CredentialsMissing,
    InvalidRequest,
    MalformedResponse,
    Overloaded,
    ProviderError,
    ProviderTimeout,
    RateLimited,
)
from luminora.memory.embedding import EmbeddingService, namespace
from luminora.providers import CacheProvider, CheckResult, Status
from tests.doubles import ScriptedEmbedding, stack_with


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


async def test_a_zero_vector_means_nothing_where_the_model_has_such():
    provider = ScriptedEmbedding()
    provider.vector = lambda _: [0.0] * 4
    provider.may_be_zero = True

    assert await EmbeddingService(provider).embed(["🦄"], user_id="u") == [None]


@pytest.mark.parametrize(
    ("vector", "complaint"),
    [
        ([1.0], "1 numbers instead of 4"),
        ([math.nan, 0, 0, 1], "finite"),
        ([math.inf] * 4, "finite"),
        ([None, 1.0, 1.0, 1.0], "finite"),
        ([0.0] * 4, "all zeros"),
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

    with pytest.raises(MalformedResponse, match=r"3 of 3 texts .* 2 vectors for 3 texts"):
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


# --- what fails, by its place --------------------------------------------------------------------


async def fails(service: EmbeddingService, texts: list[str], kind=ProviderError) -> ProviderError:
    with pytest.raises(kind) as caught:
        await service.embed(texts, user_id="u")
    return caught.value


async def test_a_bad_vector_is_told_by_the_place_of_its_text_beside_the_good_ones():
    provider, cache = ScriptedEmbedding(batch=2), DictCache()
    provider.vector = lambda text: [math.nan if text == "d" else 1.0, 2.0, 3.0, 4.0]
    service = EmbeddingService(provider, cache)

    error = await fails(service, ["a", " ", "b", "d", "c", "d"], MalformedResponse)

    assert sorted(error.failed) == [3, 5]
    assert isinstance(error.failed[3], MalformedResponse)
    good = [1.0, 2.0, 3.0, 4.0]
    assert error.vectors == [good, None, good, None, good, None]
    assert "2 of 6 texts have no vector, the first of them is number 3" in error.message
    provider.vector = lambda text: good
    assert await service.embed(["a", "b", "c", "d"], user_id="u") == [good] * 4
    assert provider.calls[-1] == ["d"]  # the others were kept


async def test_a_refused_text_is_found_among_many():
    class Picky(ScriptedEmbedding):
        async def create_embeddings_batch(self, texts, *, purpose="document"):
            vectors = await super().create_embeddings_batch(texts)
            if "bad" in texts:
                raise InvalidRequest("no", provider="picky", status=400)
            return vectors

    provider = Picky(batch=64)
    texts = [f"t{n}" for n in range(64)]
    texts[41] = "bad"

    error = await fails(EmbeddingService(provider), texts, InvalidRequest)

    assert list(error.failed) == [41]
    assert error.status == 400
    assert sum(vector is not None for vector in error.vectors) == 63
    assert len(provider.calls) <= 13


async def test_a_setting_that_refuses_everything_does_not_cost_a_call_per_text():
    provider = ScriptedEmbedding(batch=64)
    provider.failures = [InvalidRequest("no such parameter")] * 999
    error = await fails(EmbeddingService(provider), [f"t{n}" for n in range(64)], InvalidRequest)
    assert len(error.failed) == 64
    assert len(provider.calls) <= 30


async def test_a_provider_that_is_down_is_left_alone_after_the_first_batch():
    provider = ScriptedEmbedding(batch=1)
    provider.failures = [AuthenticationFailed("bad key", provider="x", request_id="r1")] * 99
    texts = [f"t{n}" for n in range(20)]
    error = await fails(EmbeddingService(provider, concurrency=2), texts, AuthenticationFailed)
    assert error.request_id == "r1"
    assert len(error.failed) == 20
    assert len(provider.calls) <= 2


async def test_what_is_none_of_the_providers_errors_is_told_as_one_or_as_it_is():
    provider = ScriptedEmbedding()
    provider.failures = [KeyError("a plugin's mistake")]
    assert "KeyError" in (await fails(EmbeddingService(provider), ["x"])).message
    provider.failures = [CredentialsMissing("no key")]
    with pytest.raises(CredentialsMissing):
        await EmbeddingService(provider).embed(["x"], user_id="u")


async def test_batches_of_different_lengths_are_refused_even_where_none_is_declared():
    provider = ScriptedEmbedding(dimension=None, batch=1)
    provider.vector = lambda text: [1.0] * len(text)
    error = await fails(EmbeddingService(provider, concurrency=1), ["aaa", "bb"], MalformedResponse)
    assert list(error.failed) == [1]
    assert "2 numbers instead of 3" in error.message


# --- limits --------------------------------------------------------------------------------------


async def test_a_batch_holds_no_more_tokens_than_the_vendor_says():
    provider = ScriptedEmbedding(batch=100)
    provider.max_batch_tokens = 50
    texts = [f"{n:02} " + "palabra " * 7 for n in range(10)]

    await EmbeddingService(provider).embed([*texts, "x" * 900], user_id="u")

    assert [text for call in provider.calls for text in call] == [*texts, "x" * 900]
    assert {len(call) for call in provider.calls[:-1]} == {2}
    assert provider.calls[-1] == ["x" * 900]  # alone: whether it fits, the vendor says


async def test_a_text_that_cannot_fit_is_refused_before_the_network_and_by_its_place():
    provider = ScriptedEmbedding()
    provider.max_text_tokens = 10
    service = EmbeddingService(provider)

    error = await fails(service, ["uno", "muy " * 11, "dos"], InvalidRequest)

    assert list(error.failed) == [1]
    assert "44 characters is longer than the 10 tokens" in error.message
    assert provider.calls == [["uno", "dos"]]
    assert len(await service.embed(["casi " * 9], user_id="u")) == 1


@pytest.mark.parametrize("text", ["palabra " * 50, "日本語" * 90, "👩‍👧" * 40, "é" * 300])
def test_a_text_is_cut_to_what_the_model_takes(text):
    provider = ScriptedEmbedding()
    provider.max_text_tokens = 20
    service = EmbeddingService(provider)
    cut = service.cut(text)
    assert text.startswith(cut)
    assert 5 <= len(cut) <= 60
    assert service.cut("corto") == "corto"


async def test_no_more_calls_at_once_than_allowed():
    class Slow(ScriptedEmbedding):
        busy = most = 0

        async def create_embeddings_batch(self, texts, *, purpose="document"):
            self.busy += 1
            self.most = max(self.most, self.busy)
            await asyncio.sleep(0.001)
            self.busy -= 1
            return await super().create_embeddings_batch(texts)

    provider = Slow(batch=1)
    await EmbeddingService(provider, concurrency=3).embed([f"t{n}" for n in range(12)], user_id="u")
    assert provider.most == 3


# --- time ----------------------------------------------------------------------------------------


async def test_a_wait_the_provider_asks_for_is_kept_unless_it_is_too_long(monkeypatch):
    waits = []

    async def noted(seconds):
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", noted)
    provider = ScriptedEmbedding()
    provider.failures = [RateLimited("slow down", retry_after=7.0)]
    assert await EmbeddingService(provider).embed(["x"], user_id="u")
    assert 7.0 <= waits[0] <= 7.7
    provider.failures = [RateLimited("slow down", retry_after=300.0)]
    assert (await fails(EmbeddingService(provider), ["y"], RateLimited)).retry_after == 300.0
    assert len(waits) == 1


async def test_all_attempts_of_a_query_share_its_deadline():
    class Hanging(ScriptedEmbedding):
        async def create_embeddings_batch(self, texts, *, purpose="document"):
            self.calls.append(list(texts))
            await asyncio.Event().wait()
            raise AssertionError

    provider = Hanging()
    with pytest.raises(ProviderTimeout):
        await EmbeddingService(provider, timeout=0.02).embed(["x"], user_id="u", purpose="query")
    assert len(provider.calls) == 1


# --- the cache -----------------------------------------------------------------------------------


async def test_vectors_are_kept_by_provider_model_dimension_and_purpose():
    cache = DictCache()

    async def calls(**changes):
        provider = ScriptedEmbedding()
        for name, value in changes.items():
            setattr(provider, name, value)
        service = EmbeddingService(provider, cache)
        await service.embed(["hola"], user_id="u", purpose="document")
        await service.embed(["hola"], user_id="u", purpose="query")
        return len(provider.calls)

    assert await calls() == 1
    assert await calls() == 0
    assert await calls(name="other") == 1
    assert await calls(model_id="other") == 1
    assert await calls(dimension=3, vector=lambda _: [1.0, 2.0, 3.0]) == 1
    assert await calls(model_id="sides", asymmetric=True) == 2


async def test_vectors_are_kept_for_the_configured_time():
    class Timed(DictCache):
        async def set(self, namespace, key, value, ttl=None):
            self.ttl = ttl
            await super().set(namespace, key, value)

    cache = Timed()
    await EmbeddingService(ScriptedEmbedding(), cache, ttl=60).embed(["x"], user_id="u")
    assert cache.ttl == 60


# --- in the memory -------------------------------------------------------------------------------


async def test_a_message_whose_text_is_refused_does_not_keep_the_others_waiting(caplog):
    class Picky(ScriptedEmbedding):
        async def create_embeddings_batch(self, texts, *, purpose="document"):
            if any("bad" in text for text in texts):
                raise InvalidRequest("no", provider="picky")
            return await super().create_embeddings_batch(texts)

    turns = [{"role": "user", "content": text} for text in ("uno", "bad", "tres")]
    async with LuminoraCoreClient(stack_with(embedding=Picky(batch=8))) as client:
        session = await client.create_session("ana", "sakura")
        report = await client.import_messages(session, turns)
        assert report.imported == 3
        assert report.pending == 0
        assert await client.reindex() == 0
    assert "will not be found by meaning" in caplog.text
