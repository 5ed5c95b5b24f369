from __future__ import annotations

from typing import ClassVar

import pytest

from luminora.errors import ConfigError, InvalidRequest, QuotaExceeded, RateLimited
from luminora.testing.doubles.vendor import KEY, Reply
from tests.plugins.embedding_behaviour import TEXTS, EmbeddingWireBehaviour
from tests.servers.vendors.jina import JinaDouble, refusal

pytestmark = [pytest.mark.backend("embedding jina", against=JinaDouble.title)]


class TestJina(EmbeddingWireBehaviour):
    double_class = JinaDouble
    provider = "jina"
    key_env = "JINA_API_KEY"
    base = "/v1"
    config: ClassVar = {"model": "tiny-embedding"}

    def purpose_in(self, double):
        return double.requests[-1].json.get("task")

    async def test_a_request_as_the_vendor_documents_it(self, double):
        async with self.make(double, model="jina-embeddings-v3", dimension=256) as embedding:
            await embedding.create_embeddings_batch(TEXTS, purpose="query")
        asked = double.requests[-1]
        assert asked.path == "/v1/embeddings"
        assert asked.headers["authorization"] == f"Bearer {KEY}"
        assert asked.json == {
            "model": "jina-embeddings-v3",
            "input": TEXTS,
            "task": "retrieval.query",
            "dimensions": 256,
            "truncate": True,
        }

    @pytest.mark.parametrize(
        ("config", "document", "query"),
        [
            ({"model": "jina-embeddings-v3"}, "retrieval.passage", "retrieval.query"),
            ({"model": "jina-embeddings-v4"}, "retrieval.passage", "retrieval.query"),
            ({"model": "jina-code-embeddings-0.5b"}, "nl2code.passage", "nl2code.query"),
            ({"model": "jina-embeddings-v2-base-es"}, None, None),
            ({"model": "jina-embeddings-v3", "use_purpose": False}, None, None),
            ({"model": "new", "tasks": {"document": "d", "query": "q"}}, "d", "q"),
        ],
        ids=str,
    )
    async def test_what_a_text_is_for(self, double, config, document, query):
        async with self.make(double, **config) as embedding:
            assert embedding.asymmetric is (document != query)
            await embedding.create_embedding("hello")
            assert self.purpose_in(double) == document
            await embedding.create_embedding("hello", purpose="query")
            assert self.purpose_in(double) == query

    @pytest.mark.parametrize(
        ("model", "dimension"),
        [("jina-embeddings-v3", 1024), ("jina-embeddings-v4", 2048), ("jina-9", None)],
    )
    async def test_how_long_vectors_are(self, double, model, dimension):
        async with self.make(double, model=model) as embedding:
            assert embedding.dimension == dimension

    @pytest.mark.parametrize(
        "config",
        [
            {"model": "jina-embeddings-v3", "dimension": 2048},
            {"model": "jina-embeddings-v2-base-en", "dimension": 256},
            {"batch_size": 513},
            {"tasks": {"other": "x"}},
        ],
        ids=str,
    )
    async def test_settings_that_cannot_be(self, double, config):
        with pytest.raises(ConfigError):
            self.make(double, **config)

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            (refusal(403, "AUTHZ_RESOURCE_LIMIT_EXCEEDED", "Plan"), QuotaExceeded),
            (refusal(402, None, "Payment required"), QuotaExceeded),
            (refusal(429, None, "Per IP rate limit exceeded"), RateLimited),
            (Reply(422, {"detail": [{"loc": ["body"], "msg": "Field required"}]}), InvalidRequest),
        ],
    )
    async def test_what_else_it_refuses(self, double, reply, kind):
        double.will(reply)
        assert type(await self.failure(self.make(double))) is kind
