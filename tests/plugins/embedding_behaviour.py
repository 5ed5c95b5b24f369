"""What every embedding model behind HTTP has to do when its vendor, or its caller, misbehaves.

Subclass :class:`EmbeddingWireBehaviour` in ``tests/plugins/<vendor>/``, as
:class:`tests.plugins.llm_behaviour.WireBehaviour` is.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from luminora.errors import (
    AuthenticationFailed,
    ConfigError,
    ConnectionFailed,
    CredentialsMissing,
    InputError,
    InvalidRequest,
    LuminoraError,
    MalformedResponse,
    Overloaded,
    ProviderError,
    ProviderTimeout,
)
from luminora.memory.embedding import EmbeddingService
from luminora.providers import EmbeddingProvider, Status
from luminora.testing.doubles.vendor import HTML, KEY, Behaviour, Reply, VendorDouble, vector_of
from tests.plugins.building import built
from tests.plugins.llm_behaviour import MEANINGS

TEXTS = ["My dog is called Canela", "Mañana voy al médico", "\U0001f468\u200d\U0001f469 family"]


class EmbeddingWireBehaviour:
    """The tests; see the module.

    Attributes:
        double_class: The vendor's double.
        provider: As a configuration spells it.
        key_env: The variable of its key; None for a vendor without keys.
        key_needed: Whether the provider insists on a key.
        base: What follows the double's address in ``api_base``.
        config: Further settings; a model of the double's dimension.
        indexed: Whether each vector of an answer says which text it belongs to.
    """

    double_class: ClassVar[type[VendorDouble]]
    provider: ClassVar[str]
    key_env: ClassVar[str | None]
    key_needed: ClassVar[bool] = True
    base: ClassVar[str] = ""
    config: ClassVar[Mapping[str, Any]] = {}
    indexed: ClassVar[bool] = True

    # what a vendor may say differently

    def answered(self, vectors: list[list[float]]) -> Reply:
        """The vendor's answer with these vectors; order and number as given."""
        data = [{"object": "embedding", "index": n, "embedding": v} for n, v in enumerate(vectors)]
        return Reply(body={"object": "list", "data": data, "usage": {"total_tokens": 1}})

    def texts_in(self, double: VendorDouble) -> list[str]:
        """The texts of the last request."""
        return list(double.requests[-1].json["input"])

    def purpose_in(self, double: VendorDouble) -> str | None:  # the wire may have none
        """What the last request said its texts are for, in the vendor's word; None for nothing."""
        return None

    def seen(self, text: str) -> str:
        """A document's text as the vendor sees it."""
        return text

    # means

    @pytest.fixture
    def double(self) -> Iterator[VendorDouble]:
        double = self.double_class()
        with double.running():
            yield double

    def env(self, key: str | None = KEY) -> dict[str, str]:
        return {} if key is None or self.key_env is None else {self.key_env: key}

    def make(
        self, double: VendorDouble, *, key: str | None = KEY, **config: Any
    ) -> EmbeddingProvider:
        settings = {"api_base": double.url + self.base, **self.config, **config}
        made: EmbeddingProvider = built("embedding", self.provider, settings, self.env(key))
        return made

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "meaning" in metafunc.fixturenames:
            known = metafunc.cls.double_class.refusals
            metafunc.parametrize("meaning", [name for name in known if name != "content_filter"])

    async def failure(self, embedding: EmbeddingProvider) -> ProviderError:
        async with embedding:
            with pytest.raises(ProviderError) as caught:
                await embedding.create_embeddings_batch(TEXTS)
        error = caught.value
        assert KEY not in f"{error} {vars(error)!r}", "an error quotes the key"
        assert error.provider == self.provider
        return error

    # vectors

    async def test_vectors_belong_to_their_texts(self, double):
        async with self.make(double) as embedding:
            vectors = await embedding.create_embeddings_batch(TEXTS)
        assert self.texts_in(double) == TEXTS
        for text, vector in zip(TEXTS, vectors, strict=True):
            assert _direction(vector) == pytest.approx(
                vector_of(self.seen(text), len(vector)), abs=1e-3
            )

    async def test_vectors_are_put_in_the_order_of_their_index(self, double):
        if not self.indexed:
            return
        proper = self.answered([[float(n + 1)] * double.dimension for n in range(3)])
        shuffled = {**proper.body, "data": proper.body["data"][::-1]}
        double.will(Reply(body=shuffled))
        async with self.make(double) as embedding:
            vectors = await embedding.create_embeddings_batch(TEXTS)
        assert [vector[0] / vectors[0][0] for vector in vectors] == pytest.approx([1, 2, 3])

    async def test_a_doubled_or_missing_index_is_malformed(self, double):
        if not self.indexed:
            return
        for index in (1, 3, -1, "0", None):
            proper = self.answered([[1.0] * double.dimension] * 3)
            proper.body["data"][0]["index"] = index
            double.will(proper)
            assert isinstance(await self.failure(self.make(double)), MalformedResponse)

    @pytest.mark.parametrize("count", [0, 2, 4])
    async def test_another_number_of_vectors_is_refused(self, double, count):
        double.will(self.answered([vector_of(str(n), double.dimension) for n in range(count)]))
        await self._service_refuses(double)

    @pytest.mark.parametrize("broken", [math.nan, math.inf, None, "0.5"])
    async def test_numbers_that_are_none_are_refused(self, double, broken):
        vectors = [vector_of(text, double.dimension) for text in TEXTS]
        vectors[1][0] = broken
        double.will(self.answered(vectors))
        await self._service_refuses(double)

    async def test_a_vector_of_zeros_is_refused(self, double):
        vectors = [vector_of(text, double.dimension) for text in TEXTS]
        vectors[1] = [0.0] * double.dimension
        double.will(self.answered(vectors))
        await self._service_refuses(double)

    async def test_a_vector_of_another_length_is_refused(self, double):
        sizes = (double.dimension, double.dimension, double.dimension + 1)
        vectors = [vector_of(text, n) for text, n in zip(TEXTS, sizes, strict=True)]
        double.will(self.answered(vectors))
        await self._service_refuses(double)

    async def _service_refuses(self, double: VendorDouble) -> None:
        """Whoever looks: the provider, or the service that everybody embeds through."""
        async with self.make(double) as embedding:
            with pytest.raises(LuminoraError) as caught:
                await EmbeddingService(embedding).embed(TEXTS, user_id="diego")
        assert isinstance(caught.value, MalformedResponse)
        assert not caught.value.retryable

    async def test_the_dimension_is_asked_for_once(self, double):
        async with self.make(double) as embedding:
            embedding.dimension = None
            assert await embedding.get_dimension() == double.dimension
            assert await embedding.get_dimension() == double.dimension
        assert len(double.requests) == 1

    async def test_no_texts_ask_nobody(self, double):
        async with self.make(double) as embedding:
            assert await embedding.create_embeddings_batch([]) == []
        assert double.requests == []

    async def test_too_many_texts_are_sent_in_batches(self, double):
        async with self.make(double, batch_size=4) as embedding:
            texts = [f"text number {n}" for n in range(10)]
            service = EmbeddingService(embedding, batch_size=4)
            vectors = await service.embed(texts, user_id="diego")
        for text, vector in zip(texts, vectors, strict=True):
            assert _direction(vector) == pytest.approx(
                vector_of(self.seen(text), len(vector)), abs=1e-3
            )
        assert len(double.requests) == 3

    async def test_documents_and_queries(self, double):
        async with self.make(double) as embedding:
            await embedding.create_embeddings_batch(TEXTS, purpose="document")
            document = self.purpose_in(double)
            await embedding.create_embeddings_batch(TEXTS, purpose="query")
            query = self.purpose_in(double)
            assert (document != query) is embedding.asymmetric

    # the vendor misbehaves

    async def test_a_refusal_is_the_error_it_means(self, double, meaning):
        refusal = double.refusals[meaning].having(x_request_id="req-17", retry_after="7")
        double.will(refusal)
        embedding = self.make(double)
        error = await self.failure(embedding)
        assert type(error) is MEANINGS[meaning]
        assert (error.status, error.code) == (refusal.status, refusal.code)
        assert (error.request_id, error.retry_after) == ("req-17", 7.0)
        assert error.model == embedding.model_id
        assert len(double.requests) == 1

    async def test_another_key_is_refused_without_being_quoted(self, double):
        if self.key_env is None:
            double.will(double.refusals["bad_key"])
        wrong = "sk-wrong-9876543210zyxwvutsrqponm"
        async with self.make(double, key=wrong) as embedding:
            with pytest.raises(AuthenticationFailed) as caught:
                await embedding.create_embedding("hello")
        shown = f"{caught.value} {vars(caught.value)!r}"
        assert not any(part in shown for part in (wrong, wrong[:12], wrong[-8:]))

    async def test_a_page_of_a_proxy_is_no_answer(self, double):
        double.will(HTML)
        error = await self.failure(self.make(double))
        assert type(error) is Overloaded
        assert "<html>" not in str(error)

    @pytest.mark.parametrize(
        "body",
        ['{"oops', "", "{}", "null", '"text"', "7", "<html>"],
        ids=["cut", "empty", "object", "null", "text", "number", "page"],
    )
    async def test_an_answer_of_another_form_is_malformed(self, double, body):
        double.will(Reply(200, body))
        assert isinstance(await self.failure(self.make(double)), MalformedResponse)

    async def test_a_redirect_is_not_followed(self, double):
        other = self.double_class()
        with other.running():
            double.will(Reply(308, headers={"location": f"{other.url}/v1/elsewhere"}))
            assert isinstance(await self.failure(self.make(double)), MalformedResponse)
            assert other.requests == []

    async def test_a_cut_answer_is_a_failed_connection(self, double):
        double.will(Behaviour(cut=30))
        assert isinstance(await self.failure(self.make(double)), ConnectionFailed)

    @pytest.mark.parametrize("how", [Behaviour(hang=True), Behaviour(split=1, pause=0.1)])
    async def test_a_vendor_that_hangs_or_drips_is_given_up(self, double, how):
        double.will(how)
        started = time.monotonic()
        error = await self.failure(self.make(double, timeout_seconds=0.3))
        assert isinstance(error, ProviderTimeout)
        assert time.monotonic() - started < 2

    # connections

    async def test_a_hundred_calls_open_one_connection(self, double):
        async with self.make(double) as embedding:
            for n in range(100):
                await embedding.create_embedding(f"text {n}")
        assert len(double.requests) == 100
        assert double.connections == 1

    def test_two_loops_in_a_row(self, double):
        embedding = self.make(double)

        async def once() -> list[float]:
            try:
                return await embedding.create_embedding("hello")
            finally:
                await embedding.aclose()

        assert asyncio.run(once()) == asyncio.run(once())

    async def test_it_recovers_when_the_vendor_does(self, double):
        async with self.make(double) as embedding:
            before = await embedding.create_embedding("hello")
            with double.down(), pytest.raises(ConnectionFailed):
                await embedding.create_embedding("hello")
            assert await embedding.create_embedding("hello") == before

    # bad input

    async def test_a_text_that_cannot_be_sent(self, double):
        async with self.make(double) as embedding:
            with pytest.raises((InvalidRequest, InputError)):
                await embedding.create_embedding("half a \ud83d smile")
        assert double.requests == []

    @pytest.mark.parametrize("key", [None, "", "   ", "sk-line\nbreak-0123456789"])
    async def test_a_key_that_cannot_be_used(self, double, key):
        if self.key_env is None or not (self.key_needed or (key or "").strip()):
            return
        with pytest.raises(CredentialsMissing, match=self.key_env) as caught:
            self.make(double, key=key)
        assert caught.value.exit_code == 4
        assert "0123456789" not in str(caught.value)

    @pytest.mark.parametrize("url", ["http://models.example.com", "ftp://x.example.com", "x"])
    async def test_an_address_that_cannot_be_used(self, double, url):
        with pytest.raises(ConfigError):
            self.make(double, api_base=url)

    async def test_the_key_travels_in_a_header_only(self, double):
        async with self.make(double) as embedding:
            await embedding.create_embedding("hello")
        for asked in double.requests:
            assert KEY not in f"{asked.path}?{asked.query}"
            assert KEY.encode() not in asked.body
            if self.key_env is not None:
                assert KEY in str(asked.headers)

    # health

    async def test_a_check_says_what_is_wrong(self, double):
        async with self.make(double) as embedding:
            found = await embedding.check()
            assert found.status is Status.OK, found.detail
            assert found.data["dimension"] == double.dimension
            with double.down():
                found = await embedding.check()
            assert found.status is Status.ERROR
            assert str(double.port) in found.detail

    async def test_closing_twice_is_harmless(self, double):
        embedding = self.make(double)
        await embedding.aclose()
        await embedding.create_embedding("hello")
        await embedding.aclose()
        await embedding.aclose()


def _direction(vector: list[float]) -> list[float]:
    length = math.hypot(*vector)
    return [number / length for number in vector]


__all__ = ["TEXTS", "EmbeddingWireBehaviour"]
