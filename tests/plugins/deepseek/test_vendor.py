from __future__ import annotations

from dataclasses import replace

import pytest

from luminora.errors import MalformedResponse, QuotaExceeded, ResourceNotFound
from luminora.providers import ChatMessage, ChatRequest, Status
from luminora.testing.doubles.vendor import KEY, Behaviour
from tests.plugins.building import built
from tests.plugins.llm_behaviour import HELLO, SCHEMA
from tests.servers.vendors.imitators import DeepSeekDouble, DeepSeekWithEmbeddings

pytestmark = pytest.mark.backend("llm deepseek", against=DeepSeekDouble.title)

ENV = {"DEEPSEEK_API_KEY": KEY}
JSON = replace(HELLO, schema=SCHEMA)


@pytest.fixture
def double():
    with DeepSeekDouble().running() as running:
        yield running


@pytest.fixture
def serving():
    with DeepSeekWithEmbeddings().running() as running:
        yield running


def llm(double, **config):
    return built("llm", "deepseek", {"api_base": f"{double.url}/v1", **config}, ENV)


def embedding(double, **config):
    return built("embedding", "deepseek", {"api_base": f"{double.url}/v1", **config}, ENV)


async def test_the_default_model_is_one_that_exists(double):
    async with llm(double) as deepseek:
        await deepseek.chat(HELLO)
    assert double.requests[-1].json["model"] == "deepseek-flash"


async def test_the_model_of_the_founding_documents_is_sent_as_it_was_written(double):
    async with llm(double, models={"main": "deepseek-chat"}) as deepseek:
        await deepseek.chat(HELLO)
    assert double.requests[-1].json["model"] == "deepseek-chat"


async def test_that_it_exists_no_more_is_said_with_what_exists(double):
    double.will(double.refusals["no_model"])
    async with llm(double, models={"main": "deepseek-chat"}) as deepseek:
        with pytest.raises(ResourceNotFound, match="deepseek-flash"):
            await deepseek.chat(HELLO)


@pytest.mark.parametrize(
    ("setting", "sent"),
    [({}, "disabled"), ({"thinking": "enabled"}, "enabled"), ({"thinking": "vendor"}, None)],
)
async def test_thinking(double, setting, sent):
    async with llm(double, **setting) as deepseek:
        assert (await deepseek.chat(HELLO)).text == double.text
        streamed = "".join([delta.text async for delta in deepseek.stream(HELLO)])
    assert streamed == double.text, "thoughts are no part of the answer"
    assert double.requests[0].json.get("thinking", {}).get("type") == sent


async def test_thinking_can_be_decided_for_one_call(double):
    request = replace(HELLO, options={"thinking": {"type": "enabled"}})
    async with llm(double) as deepseek:
        await deepseek.chat(request)
    assert double.requests[-1].json["thinking"] == {"type": "enabled"}


async def test_json_is_an_object_and_the_prompt_says_so(double):
    async with llm(double) as deepseek:
        found, _ = await deepseek.chat_json(JSON)
    asked = double.requests[-1].json
    assert asked["response_format"] == {"type": "json_object"}
    assert asked["messages"][0]["role"] == "system"
    assert "JSON Schema" in asked["messages"][0]["content"]
    assert found == {"mood": "calm", "score": 1}


async def test_a_prompt_that_holds_the_schema_is_left_alone(double):
    turn = ChatMessage("user", "Answer in JSON that fits this schema: {}")
    async with llm(double) as deepseek:
        await deepseek.chat(replace(JSON, messages=(turn,)))
    assert double.requests[-1].json["messages"] == [{"role": "user", "content": turn.content}]


@pytest.mark.parametrize("streamed", [False, True])
async def test_blanks_instead_of_json_are_malformed(double, streamed):
    double.says(" \n" * 500)
    async with llm(double) as deepseek:
        with pytest.raises(MalformedResponse, match="blanks"):
            if streamed:
                _ = [delta async for delta in deepseek.stream(JSON)]
            else:
                await deepseek.chat(JSON)


async def test_empty_lines_before_the_answer_are_passed_over(double):
    double.will(Behaviour(before=b"\n\n\n"), Behaviour(before=b"\n: keep-alive\n\n\n"))
    async with llm(double) as deepseek:
        assert (await deepseek.chat(HELLO)).text == double.text
        assert "".join([delta.text async for delta in deepseek.stream(HELLO)]) == double.text


async def test_ten_minutes_are_waited(double):
    async with llm(double) as deepseek:
        assert deepseek.whole.idle == deepseek.whole.total == 600


async def test_an_empty_balance_is_never_retried(double):
    double.will(double.refusals["quota"])
    async with llm(double) as deepseek:
        with pytest.raises(QuotaExceeded, match="Insufficient Balance") as caught:
            await deepseek.chat(HELLO)
    assert not caught.value.retryable


async def test_the_price_is_that_of_peak_hours(double):
    async with llm(double) as deepseek:
        usage = (await deepseek.chat(HELLO)).usage
    expected = (usage.prompt_tokens * 0.3 + usage.completion_tokens * 1.2) / 1_000_000
    assert usage.cost == pytest.approx(expected)


@pytest.mark.parametrize("status", [404, 418])
async def test_the_public_api_has_no_embeddings_and_the_ways_out_are_named(double, status):
    double.will(replace(double.refusals["invalid"], status=status))
    async with embedding(double) as vectors:
        with pytest.raises(ResourceNotFound) as caught:
            await vectors.create_embedding("hello")
    said = str(caught.value)
    assert "no such endpoint" in said
    assert '{"name": "jina"}' in said
    assert "local model" in said
    assert caught.value.status == status


async def test_a_check_of_the_embeddings_says_so_too(double):
    async with embedding(double) as vectors:
        found = await vectors.check()
    assert found.status is Status.ERROR
    assert "jina" in found.detail


async def test_where_embeddings_are_served_they_are_as_the_founding_documents_say(serving):
    async with embedding(serving) as vectors:
        assert await vectors.get_dimension() == 1024
        found = await vectors.create_embeddings_batch(["uno", "dos"])
    assert [len(vector) for vector in found] == [1024, 1024]
    asked = serving.requests[-1]
    assert asked.path == "/v1/embeddings"
    assert asked.json["model"] == "deepseek-jina-embeddings-v3"
    assert asked.json["input"] == ["uno", "dos"]


async def test_a_request_may_name_its_model(double):
    async with llm(double) as deepseek:
        own = ChatRequest(messages=HELLO.messages, model="deepseek-v4-pro")
        assert (await deepseek.chat(own)).model == "deepseek-v4-pro"
