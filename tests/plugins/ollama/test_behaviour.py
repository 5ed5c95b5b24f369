from __future__ import annotations

import json
from pathlib import Path

import pytest

from luminora.client import LuminoraCoreClient
from luminora.errors import (
    ConfigError,
    ConnectionFailed,
    InvalidRequest,
    MalformedResponse,
    Overloaded,
    ResourceNotFound,
)
from luminora.providers import ChatRequest, Status
from luminora.testing.doubles.vendor import Reply
from tests.plugins.embedding_behaviour import EmbeddingWireBehaviour
from tests.plugins.llm_behaviour import GOOD, HELLO, SCHEMA, WireBehaviour
from tests.servers.vendors.ollama import OllamaDouble

pytestmark = [
    pytest.mark.backend("llm ollama", against=OllamaDouble.title),
    pytest.mark.xdist_group("ollama"),
]


class TestChat(WireBehaviour):
    double_class = OllamaDouble
    provider = "ollama"
    key_env = "OLLAMA_API_KEY"
    config = {"api_key_env": "OLLAMA_API_KEY"}  # noqa: RUF012 - as in the base

    def parameters_in(self, double):
        return double.requests[-1].json.get("options", {})

    # the wire

    async def test_sampling_stands_inside_options(self, double):
        request = ChatRequest(
            messages=HELLO.messages,
            temperature=0.2,
            max_tokens=7,
            options={"seed": 3, "think": False},
        )
        settings = {"num_ctx": 16384, "keep_alive": "30m", "think": True, "options": {"top_p": 0.5}}
        async with self.make(double, **settings) as llm:
            await llm.chat(request)
        sent = double.requests[-1].json
        assert sent["options"] == {
            "num_ctx": 16384,
            "top_p": 0.5,
            "temperature": 0.2,
            "num_predict": 7,
            "seed": 3,
        }
        assert (sent["keep_alive"], sent["think"]) == ("30m", False)

    async def test_streaming_is_said_explicitly(self, double):
        async with self.make(double) as llm:
            await self.ask(llm, streamed=False)
            assert double.requests[-1].json["stream"] is False
            await self.ask(llm, streamed=True)
            assert double.requests[-1].json["stream"] is True

    async def test_a_schema_is_the_format_and_a_bare_object_is_json(self, double):
        turns = [{"role": "user", "content": "JSON, please"}]
        async with self.make(double) as llm:
            double.says(GOOD, GOOD)
            await llm.generate_json(turns, schema=SCHEMA)
            assert double.requests[-1].json["format"] == SCHEMA
            await llm.generate_json(turns)
            assert double.requests[-1].json["format"] == "json"

    async def test_why_it_stopped(self, double):
        said = {"role": "assistant", "content": "Once"}
        body = {"model": "m", "message": said, "done": True, "done_reason": "length"}
        double.will(Reply(body=body), Reply(body=[json.dumps(body).encode()]))
        async with self.make(double) as llm:
            assert (await llm.chat(HELLO)).finish_reason == "length"
            deltas = [delta async for delta in llm.stream(HELLO)]
        assert (deltas[-1].finish_reason, deltas[-1].text) == ("length", "Once")

    async def test_an_answer_of_blanks_is_none(self, double, streamed):
        double.says(" \n ")
        error = await self.failure(self.make(double), streamed)
        assert isinstance(error, MalformedResponse)

    async def test_a_runner_that_falls_over_is_retryable(self, double):
        double.will(Reply(200, {"error": "model runner has unexpectedly stopped"}))
        error = await self.failure(self.make(double))
        assert isinstance(error, Overloaded)
        assert "unexpectedly stopped" in str(error)

    # what to type next

    async def test_a_model_that_was_not_pulled(self, double, streamed):
        double.models = {"mistral:latest"}
        error = await self.failure(self.make(double, models={"main": "qwen3:8b"}), streamed)
        assert isinstance(error, ResourceNotFound)
        assert error.hint == "fetch the model with: ollama pull qwen3:8b"

    async def test_nobody_listens(self, double, streamed):
        with double.down():
            error = await self.failure(self.make(double), streamed)
        assert isinstance(error, ConnectionFailed)
        assert "ollama serve" in error.hint
        assert error.model == "llama3.1"

    async def test_the_check_lists_the_models(self, double):
        double.models = {"mistral:latest", "qwen3:8b"}
        async with self.make(double, models={"main": "mistral"}) as llm:
            found = await llm.check()
            assert found.status is Status.OK
            assert found.data["models"] == ["mistral:latest", "qwen3:8b"]
        async with self.make(double, models={"main": "mistral", "processing": "phi4"}) as llm:
            found = await llm.check()
            assert found.status is Status.ERROR
            assert "ollama pull phi4" in found.detail
        double.will(Reply(200, {"oops": []}))
        async with self.make(double) as llm:
            assert (await llm.check()).status is Status.ERROR

    # keys

    async def test_no_key_is_needed(self, double):
        async with self.make(double, key=None, api_key_env=None) as llm:
            assert await self.ask(llm, streamed=True) == double.text
        assert "authorization" not in double.requests[-1].headers

    def make(self, double, **settings):
        if settings.get("api_key_env", "") is None:
            del settings["api_key_env"]
            settings.pop("key", None)
            bare = type("Bare", (WireBehaviour,), {"provider": "ollama", "key_env": None})
            return bare().make(double, **settings)
        return super().make(double, **settings)


@pytest.mark.backend("embedding ollama", against=OllamaDouble.title)
class TestEmbeddings(EmbeddingWireBehaviour):
    double_class = OllamaDouble
    provider = "ollama"
    key_env = "OLLAMA_API_KEY"
    config = {"api_key_env": "OLLAMA_API_KEY", "model": "tiny"}  # noqa: RUF012 - as in the base
    indexed = False

    def answered(self, vectors):
        return Reply(body={"model": "tiny", "embeddings": vectors})

    def purpose_in(self, double):
        return double.requests[-1].json["input"][0].partition(": ")[0]

    async def test_a_text_that_is_too_long_is_refused_not_cut(self, double):
        async with self.make(double) as embedding:
            with pytest.raises(InvalidRequest, match="context length"):
                await embedding.create_embedding("word " * 1000)
        assert double.requests[-1].json["truncate"] is False

    async def test_prefixes_tell_documents_from_queries(self, double):
        prefixes = {"document_prefix": "search_document: ", "query_prefix": "search_query: "}
        async with self.make(double, **prefixes) as embedding:
            assert embedding.asymmetric
            await embedding.create_embedding("dog", purpose="query")
            assert self.texts_in(double) == ["search_query: dog"]
            await embedding.create_embedding("dog")
            assert self.texts_in(double) == ["search_document: dog"]

    async def test_known_models_have_their_dimension(self, double):
        known = {
            "nomic-embed-text": 768,
            "nomic-embed-text:v1.5": 768,
            "mxbai-embed-large": 1024,
            "all-minilm": 384,
            "bge-m3": 1024,
        }
        for model, dimension in known.items():
            assert await self.make(double, model=model).get_dimension() == dimension
        assert double.requests == []

    async def test_vectors_may_be_shortened_but_not_lengthened(self, double):
        async with self.make(double, model="nomic-embed-text", dimension=256) as embedding:
            assert len(await embedding.create_embedding("dog")) == 256
        with pytest.raises(ConfigError, match="768"):
            self.make(double, model="nomic-embed-text", dimension=1024)

    async def test_a_model_that_was_not_pulled(self, double):
        double.models = set()
        error = await self.failure(self.make(double, model="bge-m3"))
        assert isinstance(error, ResourceNotFound)
        assert error.hint == "fetch the model with: ollama pull bge-m3"


async def test_the_founding_configuration_works():
    """With only the address changed, and the vectors in SQLite."""
    seed = Path(__file__).parents[2] / "data/seeds/config-3-ollama.jsonc"
    double = OllamaDouble()
    double.dimension = 768
    with double.running():
        overrides = {
            "llm_provider.config.api_base": double.url,
            "vector_store_provider": {"name": "sqlite-vec"},
        }
        async with LuminoraCoreClient.from_config(seed, overrides=overrides) as client:
            session = await client.create_session("diego", "sakura")
            answer = await client.send_message(session, "Hola, soy Diego y me encanta Naruto")
            assert answer.text == double.text
            assert not answer.degraded
    asked = {(asked.path, asked.json["model"]) for asked in double.requests if asked.body}
    assert asked == {("/api/chat", "llama3.1"), ("/api/embed", "nomic-embed-text")}
