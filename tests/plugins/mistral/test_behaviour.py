from __future__ import annotations

import json
import math

import pytest
from mistralai.client import Mistral

from luminora.errors import ConfigError, InvalidRequest, Overloaded
from luminora.providers import ChatRequest
from luminora.testing.doubles.vendor import Reply
from tests.plugins.embedding_behaviour import EmbeddingWireBehaviour
from tests.plugins.llm_behaviour import GOOD, HELLO, SCHEMA, WireBehaviour
from tests.servers.vendors.mistral import MistralDouble

assert Mistral  # importing it takes its time, which is not to count in a test of a deadline
pytestmark = [
    pytest.mark.backend("llm mistral", against=MistralDouble.title),
    pytest.mark.xdist_group("mistral"),
]


class TestChat(WireBehaviour):
    double_class = MistralDouble
    provider = "mistral"
    key_env = "MISTRAL_API_KEY"

    async def test_parameters_have_the_sdks_names(self, double):
        request = ChatRequest(
            messages=HELLO.messages,
            temperature=0.2,
            max_tokens=7,
            options={"random_seed": 3, "safe_prompt": True},
        )
        async with self.make(double, options={"top_p": 0.5}) as llm:
            await llm.chat(request)
        sent = double.requests[-1].json
        expected = {
            "temperature": 0.2,
            "max_tokens": 7,
            "top_p": 0.5,
            "random_seed": 3,
            "safe_prompt": True,
        }
        assert expected.items() <= sent.items()

    @pytest.mark.parametrize("options", [{"seed": 3}, {"top_p": "high"}, {"n": []}])
    async def test_options_that_the_sdk_does_not_take(self, double, streamed, options):
        async with self.make(double) as llm:
            with pytest.raises(InvalidRequest, match=next(iter(options))):
                request = ChatRequest(messages=HELLO.messages, options=options)
                await self.ask(llm, streamed, request)
        assert double.requests == []

    async def test_a_schema_is_asked_for_strictly_if_it_is_closed(self, double):
        turns = [{"role": "user", "content": "JSON, please"}]
        async with self.make(double) as llm:
            for schema, form in (
                (SCHEMA, {"name": "answer", "schema": SCHEMA, "strict": True}),
                ({**SCHEMA, "additionalProperties": True}, None),
            ):
                double.says(GOOD)
                await llm.generate_json(turns, schema=schema)
                sent = double.requests[-1].json["response_format"]
                assert sent["type"] == "json_schema"
                assert sent["json_schema"] == form or not sent["json_schema"]["strict"]
            double.says(GOOD)
            await llm.generate_json(turns)
            assert double.requests[-1].json["response_format"] == {"type": "json_object"}

    async def test_an_answer_that_broke_off(self, double, streamed):
        message = {"role": "assistant", "content": "Once"}
        head = {"id": "1", "object": "x", "created": 1, "model": "m", "usage": {}}
        choice = {"index": 0, "finish_reason": "error", "message": message, "delta": message}
        body = {**head, "choices": [choice]}
        pieces = [f"data: {json.dumps(body)}\n\n".encode(), b"data: [DONE]\n\n"]
        double.will(
            Reply(body=pieces, content_type="text/event-stream") if streamed else Reply(body=body)
        )
        error = await self.failure(self.make(double), streamed)
        assert isinstance(error, Overloaded)
        assert error.code == "error"

    async def test_the_base_url_may_end_in_v1(self, double):
        async with self.make(double, api_base=f"{double.url}/v1/") as llm:
            assert await self.ask(llm, streamed=True) == double.text
            assert (await llm.check()).status == "ok"

    async def test_thoughts_are_not_the_answer(self, double):
        thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
        content = [thinking, {"type": "text", "text": "So."}]
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        head = {"id": "1", "object": "x", "created": 1, "model": "m", "usage": {}}
        double.will(Reply(body={**head, "choices": [choice]}))
        async with self.make(double) as llm:
            assert (await llm.chat(HELLO)).text == "So."


@pytest.mark.backend("embedding mistral", against=MistralDouble.title)
class TestEmbeddings(EmbeddingWireBehaviour):
    double_class = MistralDouble
    provider = "mistral"
    key_env = "MISTRAL_API_KEY"
    config = {"model": "tiny"}  # noqa: RUF012 - as in the base

    def answered(self, vectors):
        data = [{"object": "embedding", "index": n, "embedding": v} for n, v in enumerate(vectors)]
        return Reply(body={"id": "1", "object": "list", "model": "m", "data": data, "usage": {}})

    async def test_a_doubled_or_missing_index_is_malformed(self, double):
        for index in (1, 3, -1, None):  # "0" the SDK takes for 0
            proper = self.answered([[1.0] * double.dimension] * 3)
            proper.body["data"][0]["index"] = index
            double.will(proper)
            await self.failure(self.make(double))

    @pytest.mark.parametrize("broken", [math.nan, math.inf, None, "many"])  # the SDK reads "0.5"
    async def test_numbers_that_are_none_are_refused(self, double, broken):
        await super().test_numbers_that_are_none_are_refused(double, broken)

    async def test_known_models_have_their_dimension(self, double):
        for model, dimension in {"mistral-embed": 1024, "codestral-embed": 1536}.items():
            assert await self.make(double, model=model).get_dimension() == dimension
        assert double.requests == []

    async def test_another_dimension_is_asked_for_where_the_model_has_it(self, double):
        async with self.make(double, model="codestral-embed", dimension=256) as embedding:
            assert len(await embedding.create_embedding("dog")) == 256
        for model in ("codestral-embed", "mistral-embed"):
            with pytest.raises(ConfigError, match="not 300"):
                self.make(double, model=model, dimension=300)
