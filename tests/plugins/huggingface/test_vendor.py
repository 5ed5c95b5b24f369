from __future__ import annotations

import pytest

from luminora.config import load_config
from luminora.errors import ConfigError, MalformedResponse
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built
from tests.plugins.llm_behaviour import HELLO
from tests.servers.vendors.imitators import HuggingFaceDouble

pytestmark = pytest.mark.backend("llm huggingface", against=HuggingFaceDouble.title)

ENV = {"HF_TOKEN": KEY}


class Endpoint(HuggingFaceDouble):
    """An inference endpoint of one's own: the texts go to its root."""

    def answer(self, asked):
        if asked.path in {"", "/"}:
            moved = asked.__class__(
                asked.method,
                "/hf-inference/models/x/y/pipeline/feature-extraction",
                asked.query,
                asked.headers,
                asked.body,
            )
            return super().answer(moved)
        return super().answer(asked)


@pytest.fixture
def double():
    with HuggingFaceDouble().running() as running:
        yield running


def llm(double, **config):
    return built("llm", "huggingface", {"api_base": f"{double.url}/v1", **config}, ENV)


def embedding(double, base="/hf-inference", **config):
    return built("embedding", "huggingface", {"api_base": double.url + base, **config}, ENV)


async def test_who_runs_the_model_may_be_chosen(double):
    async with llm(double, models={"main": "deepseek-ai/DeepSeek-V4:groq"}) as hub:
        await hub.chat(HELLO)
    assert double.requests[-1].json["model"] == "deepseek-ai/DeepSeek-V4:groq"


async def test_the_default_model_is_asked_as_its_card_says(double):
    async with embedding(double) as vectors:
        assert await vectors.get_dimension() == 1024
        await vectors.create_embedding("hola", purpose="query")
        await vectors.create_embedding("hola", purpose="document")
        assert vectors.asymmetric
    query, document = double.requests
    assert query.path == (
        "/hf-inference/models/intfloat/multilingual-e5-large/pipeline/feature-extraction"
    )
    assert query.json["inputs"] == ["query: hola"]
    assert document.json["inputs"] == ["passage: hola"]
    assert document.json["parameters"] == {"normalize": True, "truncate": True}


async def test_prefixes_may_be_configured(double):
    settings = {"model": "org/of-sixteen", "query_prefix": "Q: ", "document_prefix": ""}
    async with embedding(double, **settings) as vectors:
        await vectors.create_embedding("hola", purpose="query")
    assert double.requests[-1].json["inputs"] == ["Q: hola"]


async def test_a_model_that_is_no_sentence_model(double):
    async with embedding(double, model="google-bert/bert-base-uncased") as vectors:
        with pytest.raises(MalformedResponse, match="each token"):
            await vectors.create_embedding("hola")


def test_a_length_that_the_model_does_not_have(double):
    with pytest.raises(ConfigError, match="1024"):
        embedding(double, dimension=512)


async def test_an_endpoint_of_ones_own():
    with Endpoint().running() as double:
        async with embedding(double, base="", model="org/of-sixteen") as vectors:
            assert len(await vectors.create_embedding("hola")) == 16


def test_one_section_configures_both():
    document = {"llm_provider": {"name": "hf", "config": {"models": {"embeddings": "BAAI/bge-m3"}}}}
    document["llm_provider"]["config"] |= {"allow_insecure": True}
    loaded = load_config(document, env=ENV)
    section = loaded.document["embedding_provider"]
    assert section["config"]["model"] == "BAAI/bge-m3"
    assert section["config"]["allow_insecure"] is True
    vectors = built("embedding", section["name"], section["config"], ENV)
    assert vectors.http.base_url == "https://router.huggingface.co/hf-inference"
