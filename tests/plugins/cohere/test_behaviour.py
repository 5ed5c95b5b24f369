from __future__ import annotations

import json

import pytest
from cohere import AsyncClientV2

from luminora.errors import (
    ConfigError,
    ContentFiltered,
    InvalidRequest,
    MalformedResponse,
    Overloaded,
    ProviderTimeout,
    QuotaExceeded,
)
from luminora.providers import ChatRequest
from luminora.testing.doubles.vendor import Reply
from tests.plugins.embedding_behaviour import EmbeddingWireBehaviour
from tests.plugins.llm_behaviour import GOOD, HELLO, SCHEMA, WireBehaviour
from tests.servers.vendors.cohere import CohereDouble, refusal

assert AsyncClientV2  # importing it takes its time, which is not to count in a test of a deadline
pytestmark = [
    pytest.mark.backend("llm cohere", against=CohereDouble.title),
    pytest.mark.xdist_group("cohere"),
]


class TestChat(WireBehaviour):
    double_class = CohereDouble
    provider = "cohere"
    key_env = "COHERE_API_KEY"

    async def test_parameters_and_options(self, double, streamed):
        request = ChatRequest(
            messages=HELLO.messages, temperature=0.2, max_tokens=7, options={"seed": 3, "new": [1]}
        )
        async with self.make(double, options={"safety_mode": "STRICT"}) as llm:
            await self.ask(llm, streamed, request)
        sent = double.requests[-1].json
        expected = {
            "temperature": 0.2,
            "max_tokens": 7,
            "seed": 3,
            "new": [1],
            "safety_mode": "STRICT",
            "stream": streamed,
        }
        assert expected.items() <= sent.items()

    async def test_a_schema_goes_along_where_the_model_can_be_held_to_it(self, double):
        turns = [{"role": "user", "content": "How am I?"}]
        async with self.make(double) as llm:
            double.says(GOOD, GOOD, GOOD)
            await llm.generate_json(turns, schema=SCHEMA)
            sent = double.requests[-1].json
            assert sent["response_format"] == {"type": "json_object", "json_schema": SCHEMA}
            assert "JSON" in sent["messages"][0]["content"]
            await llm.generate_json(turns)
            assert double.requests[-1].json["response_format"] == {"type": "json_object"}
            await llm.generate_json(turns, schema=SCHEMA, model="command-r7b-12-2024")
            sent = double.requests[-1].json
            assert "response_format" not in sent
            assert json.dumps(SCHEMA) in sent["messages"][0]["content"]

    @pytest.mark.parametrize(
        ("reason", "kind"),
        [("ERROR", Overloaded), ("ERROR_TOXIC", ContentFiltered), ("TIMEOUT", ProviderTimeout)],
    )
    async def test_an_answer_that_broke_off(self, double, reason, kind):
        message = {"role": "assistant", "content": [{"type": "text", "text": "On"}]}
        double.will(Reply(body={"id": "1", "message": message, "finish_reason": reason}))
        error = await self.failure(self.make(double))
        assert type(error) is kind
        assert error.code == reason

    async def test_thoughts_are_not_the_answer(self, double):
        content = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "So."}]
        message = {"role": "assistant", "content": content}
        double.will(Reply(body={"id": "1", "message": message, "finish_reason": "COMPLETE"}))
        async with self.make(double) as llm:
            assert (await llm.chat(HELLO)).text == "So."

    async def test_an_answer_of_blanks_is_none(self, double, streamed):
        double.says(" \n ")
        assert isinstance(await self.failure(self.make(double), streamed), MalformedResponse)

    async def test_what_is_billed_is_counted(self, double):
        async with self.make(double) as llm:
            assert (await llm.chat(HELLO)).usage.prompt_tokens == 4

    async def test_a_trial_key_that_is_used_up_is_no_rate_limit(self, double):
        double.will(refusal(429, "You are using a Trial key, limited to 1000 API calls / month."))
        error = await self.failure(self.make(double))
        assert isinstance(error, QuotaExceeded)
        assert error.status == 429


@pytest.mark.backend("embedding cohere", against=CohereDouble.title)
class TestEmbeddings(EmbeddingWireBehaviour):
    double_class = CohereDouble
    provider = "cohere"
    key_env = "COHERE_API_KEY"
    config = {"model": "tiny"}  # noqa: RUF012 - as in the base
    indexed = False

    def answered(self, vectors):
        return Reply(body={"id": "1", "embeddings": {"float": vectors}, "texts": []})

    def texts_in(self, double):
        return double.requests[-1].json["texts"]

    def purpose_in(self, double):
        return double.requests[-1].json["input_type"]

    async def test_a_text_that_is_too_long_is_refused_not_cut(self, double):
        async with self.make(double) as embedding:
            with pytest.raises(InvalidRequest, match="too long"):
                await embedding.create_embedding("word " * 1000)

    async def test_known_models_have_their_dimension(self, double):
        for model, dimension in {"embed-v4.0": 1536, "embed-multilingual-v3.0": 1024}.items():
            assert await self.make(double, model=model).get_dimension() == dimension
        assert double.requests == []

    async def test_another_dimension_is_asked_for_where_the_model_has_it(self, double):
        async with self.make(double, model="embed-v4.0", dimension=512) as embedding:
            assert len(await embedding.create_embedding("dog")) == 512
        for model in ("embed-v4.0", "embed-english-v3.0"):
            with pytest.raises(ConfigError, match="not 300"):
                self.make(double, model=model, dimension=300)
