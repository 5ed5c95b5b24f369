from __future__ import annotations

from typing import ClassVar

import pytest
from luminora_voyage.embeddings import MONGODB, VOYAGE

from luminora.errors import ConfigError, InvalidRequest, ProviderTimeout, QuotaExceeded
from luminora.memory.embedding import EmbeddingService
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built
from tests.plugins.embedding_behaviour import TEXTS, EmbeddingWireBehaviour
from tests.servers.vendors.voyage import VoyageDouble, refusal

pytestmark = [pytest.mark.backend("embedding voyage", against=VoyageDouble.title)]


class TestVoyage(EmbeddingWireBehaviour):
    double_class = VoyageDouble
    provider = "voyage"
    key_env = "VOYAGE_API_KEY"
    base = "/v1"
    config: ClassVar = {"model": "tiny-embedding"}

    def purpose_in(self, double):
        return double.requests[-1].json.get("input_type")

    async def test_a_request_as_the_vendor_documents_it(self, double):
        async with self.make(double, model="voyage-4", dimension=512) as embedding:
            await embedding.create_embeddings_batch(TEXTS, purpose="query")
        asked = double.requests[-1]
        assert asked.path == "/v1/embeddings"
        assert asked.headers["authorization"] == f"Bearer {KEY}"
        assert asked.json == {
            "model": "voyage-4",
            "input": TEXTS,
            "input_type": "query",
            "truncation": True,
            "encoding_format": "base64",
            "output_dimension": 512,
        }

    async def test_what_may_be_left_out(self, double):
        config = {"encoding": "float", "use_purpose": False, "truncation": False}
        async with self.make(double, model="voyage-4", dimension=1024, **config) as embedding:
            assert not embedding.asymmetric
            await embedding.create_embeddings_batch(TEXTS)
        assert double.requests[-1].json == {
            "model": "voyage-4",
            "input": TEXTS,
            "truncation": False,
        }

    @pytest.mark.parametrize(
        ("key", "base"),
        [("pa-0123456789", VOYAGE), ("al-0123456789", MONGODB), ("  al-0123456789 ", MONGODB)],
    )
    async def test_mongodbs_keys_go_to_mongodb(self, key, base):
        async with built("embedding", "voyage", {}, {"VOYAGE_API_KEY": key}) as embedding:
            assert embedding.http.base_url == base

    async def test_a_configured_address_is_for_every_key(self, double):
        double.key = "al-0123456789"
        async with self.make(double, key="al-0123456789") as embedding:
            await embedding.create_embedding("hello")
        assert len(double.requests) == 1

    @pytest.mark.parametrize(
        ("model", "tokens", "dimension"),
        [
            ("voyage-4-large", 120_000, 1024),
            ("voyage-4", 320_000, 1024),
            ("voyage-4-lite", 1_000_000, 1024),
            ("voyage-code-2", 120_000, 1536),
            ("voyage-9", 120_000, None),
        ],
    )
    async def test_what_a_call_may_hold(self, double, model, tokens, dimension):
        async with self.make(double, model=model) as embedding:
            assert embedding.max_batch_size == 1000
            assert embedding.max_batch_tokens == tokens
            assert embedding.dimension == dimension

    async def test_a_thousand_texts_are_one_call(self, double):
        async with self.make(double, batch_size=1000) as embedding:
            texts = [f"text {n}" for n in range(1001)]
            service = EmbeddingService(embedding, batch_size=1000)
            assert len(await service.embed(texts, user_id="diego")) == 1001
        assert sorted(len(asked.json["input"]) for asked in double.requests) == [1, 1000]

    @pytest.mark.parametrize(
        "config",
        [
            {"model": "voyage-law-2", "dimension": 512},
            {"model": "voyage-4", "dimension": 768},
            {"model": "voyage-4", "dimension": 4096},
            {"batch_size": 1001},
            {"encoding": "int8"},
        ],
        ids=str,
    )
    async def test_settings_that_cannot_be(self, double, config):
        with pytest.raises(ConfigError):
            self.make(double, **config)

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            (refusal(402, "Out of free tokens; add a payment method."), QuotaExceeded),
            (refusal(422, "Malformed request"), InvalidRequest),
            (refusal(504, "Gateway timeout"), ProviderTimeout),
        ],
    )
    async def test_what_else_it_refuses(self, double, reply, kind):
        double.will(reply)
        error = await self.failure(self.make(double))
        assert type(error) is kind
        assert reply.body["detail"] in str(error)
