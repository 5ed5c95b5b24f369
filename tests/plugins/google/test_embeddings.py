from __future__ import annotations

import math

import pytest

from luminora.errors import ConfigError
from luminora.testing.doubles.vendor import KEY, Reply
from tests.plugins.building import built
from tests.plugins.embedding_behaviour import TEXTS, EmbeddingWireBehaviour
from tests.servers.vendors.google import GoogleDouble

pytestmark = [pytest.mark.backend("embedding google", against=GoogleDouble.title)]


class TestGemini(EmbeddingWireBehaviour):
    double_class = GoogleDouble
    provider = "google"
    key_env = "GOOGLE_API_KEY"
    config = {"model": "tiny-embedding"}  # noqa: RUF012 - as the base class has it
    indexed = False

    def answered(self, vectors):
        return Reply(body={"embeddings": [{"values": vector} for vector in vectors]})

    def texts_in(self, double):
        return [one["content"]["parts"][0]["text"] for one in double.requests[-1].json["requests"]]

    def purpose_in(self, double):
        return double.requests[-1].json["requests"][0].get("taskType")

    async def test_a_request_as_the_vendor_documents_it(self, double):
        config = {"model": "gemini-embedding-001", "dimension": 768}
        async with self.make(double, **config) as embedding:
            await embedding.create_embeddings_batch(TEXTS[:2], purpose="query")
        asked = double.requests[-1]
        assert asked.path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
        assert asked.headers["x-goog-api-key"] == KEY
        assert asked.json == {
            "requests": [
                {
                    "model": "models/gemini-embedding-001",
                    "content": {"parts": [{"text": text}]},
                    "taskType": "RETRIEVAL_QUERY",
                    "outputDimensionality": 768,
                }
                for text in TEXTS[:2]
            ]
        }

    async def test_the_second_model_is_told_in_words_what_a_text_is_for(self, double):
        async with self.make(double, model="gemini-embedding-2") as embedding:
            assert embedding.dimension == 3072
            vectors = await embedding.create_embeddings_batch(TEXTS)
            assert self.texts_in(double) == [f"title: none | text: {text}" for text in TEXTS]
            await embedding.create_embedding(TEXTS[0], purpose="query")
        assert len(vectors) == len(TEXTS), "one content per text, not one content of all"
        assert self.texts_in(double) == [f"task: search result | query: {TEXTS[0]}"]
        assert self.purpose_in(double) is None

    @pytest.mark.parametrize("model", ["gemini-embedding-2", "gemini-embedding-001"])
    async def test_purposes_may_be_left_out(self, double, model):
        async with self.make(double, model=model, use_purpose=False) as embedding:
            assert not embedding.asymmetric
            await embedding.create_embeddings_batch(TEXTS, purpose="query")
        assert self.texts_in(double) == TEXTS
        assert self.purpose_in(double) is None

    @pytest.mark.parametrize("model", ["gemini-embedding-2", "gemini-embedding-001"])
    async def test_shortened_vectors_have_length_one(self, double, model):
        async with self.make(double, model=model, dimension=768) as embedding:
            vectors = await embedding.create_embeddings_batch(TEXTS)
        for vector in vectors:
            assert len(vector) == 768
            assert math.hypot(*vector) == pytest.approx(1.0)

    async def test_the_natural_length_is_not_asked_for(self, double):
        async with self.make(double, model="gemini-embedding-001", dimension=3072) as embedding:
            await embedding.create_embedding(TEXTS[0])
        assert "outputDimensionality" not in double.requests[-1].json["requests"][0]

    async def test_vectors_longer_than_the_model_makes_them(self, double):
        with pytest.raises(ConfigError, match="768"):
            self.make(double, model="text-embedding-004", dimension=1024)
        with pytest.raises(ConfigError):
            self.make(double, dimension=4096)
        with pytest.raises(ConfigError):
            self.make(double, batch_size=101)

    async def test_a_hundred_texts_are_one_call(self, double):
        async with self.make(double) as embedding:
            assert embedding.max_batch_size == 100
            texts = [f"text {n}" for n in range(100)]
            assert len(await embedding.create_embeddings_batch(texts)) == 100
        assert len(double.requests) == 1

    async def test_its_other_name_and_the_model_of_the_language_models_section(self, double):
        config = {"api_base": double.url, "api_key_env": "GEMINI_API_KEY"}
        async with built("embedding", "gemini", config, {"GEMINI_API_KEY": KEY}) as embedding:
            assert embedding.model_id == "gemini-embedding-2"
