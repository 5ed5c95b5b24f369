from __future__ import annotations

import json
from dataclasses import replace

import pytest
from luminora_openai_compatible.chat import strict

from luminora.errors import (
    ConfigError,
    ConnectionFailed,
    ContentFiltered,
    MalformedResponse,
    Overloaded,
    RateLimited,
)
from luminora.providers import Capability, ChatMessage, Status
from luminora.testing.doubles.openai import OpenAIDouble
from luminora.testing.doubles.vendor import Behaviour, Reply
from tests.plugins.building import built
from tests.plugins.llm_behaviour import HELLO, SCHEMA

pytestmark = pytest.mark.backend("llm openai-compatible", against=OpenAIDouble.title)


class OpenDouble(OpenAIDouble):
    """A server without keys, as people run them at home."""

    def admits(self, asked):
        return "authorization" not in asked.headers


@pytest.fixture
def double():
    with OpenDouble().running() as running:
        yield running


def llm(double, **config):
    settings = {"api_base": f"{double.url}/v1", "models": {"main": "m"}, **config}
    return built("llm", "openai-compatible", settings, {})


def embedding(double, **config):
    settings = {"api_base": f"{double.url}/v1", "model": "of-sixteen", **config}
    return built("embedding", "openai-compatible", settings, {})


def stream(*chunks):
    lines = [f"data: {one if isinstance(one, str) else json.dumps(one)}\n\n" for one in chunks]
    return Reply(body=[line.encode() for line in lines], content_type="text/event-stream")


def piece(text, reason=None):
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}]}


async def say(model, request=HELLO):
    return "".join([delta.text async for delta in model.stream(request)])


async def test_a_server_without_keys_is_sent_none(double):
    async with llm(double) as model:
        assert (await model.chat(HELLO)).text == double.text
    async with embedding(double) as vectors:
        assert len(await vectors.create_embedding("hello")) == 16
    assert not any("authorization" in asked.headers for asked in double.requests)


@pytest.mark.parametrize("missing", ["api_base", "models"])
def test_what_has_to_be_said(double, missing):
    settings = {"api_base": f"{double.url}/v1", "models": {"main": "m"}}
    del settings[missing]
    with pytest.raises(ConfigError, match=missing):
        built("llm", "openai-compatible", settings, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [("timeout_seconds", "long"), ("models", "m"), ("options", []), ("json_mode", "xml")],
)
def test_settings_of_the_wrong_type(double, name, value):
    with pytest.raises(ConfigError, match=name):
        llm(double, **{name: value})


# JSON


@pytest.mark.parametrize(
    ("mode", "form"), [("schema", "json_schema"), ("object", "json_object"), ("none", None)]
)
async def test_the_json_mode_is_the_configured_one(double, mode, form):
    async with llm(double, json_mode=mode) as model:
        assert model.json_mode is (Capability.UNSUPPORTED if mode == "none" else Capability.FULL)
        if mode == "none":
            double.says('{"mood": "calm", "score": 1}')
        found, _ = await model.chat_json(replace(HELLO, schema=SCHEMA))
    assert found == {"mood": "calm", "score": 1}
    asked = double.requests[-1].json
    assert asked.get("response_format", {}).get("type") == form
    assert ("JSON Schema" in asked["messages"][0]["content"]) is (mode != "schema")


async def test_the_schema_stands_behind_the_system_message(double):
    turns = (ChatMessage("system", "Be kind."), *HELLO.messages)
    async with llm(double, json_mode="object") as model:
        await model.chat(replace(HELLO, messages=turns, schema=SCHEMA))
    first, *rest = double.requests[-1].json["messages"]
    assert first["role"] == "system"
    assert first["content"].startswith("Be kind.\n\n")
    assert [turn["role"] for turn in rest] == ["user"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (SCHEMA, True),
        ({"type": "object"}, False),
        ({**SCHEMA, "required": ["mood"]}, False),
        ({**SCHEMA, "additionalProperties": True}, False),
        ({**SCHEMA, "properties": {"mood": {"oneOf": []}, "score": {}}}, False),
        ({**SCHEMA, "properties": {"mood": {"type": "object"}, "score": {}}}, False),
        ({**SCHEMA, "properties": {"mood": {"items": SCHEMA}, "score": {}}}, True),
    ],
)
def test_a_schema_is_strict_where_openai_allows_it(schema, expected):
    assert strict(schema) is expected


# parameters


async def test_options_and_headers_go_with_every_call(double):
    settings = {"options": {"seed": 7, "top_p": 0.5}, "headers": {"x-title": "Luminora"}}
    async with llm(double, **settings) as model:
        await model.chat(replace(HELLO, options={"top_p": 0.9}))
    asked = double.requests[-1]
    assert (asked.json["seed"], asked.json["top_p"]) == (7, 0.9)
    assert asked.headers["x-title"] == "Luminora"


async def test_usage_of_streams_need_not_be_asked_for(double):
    async with llm(double, stream_usage=False) as model:
        last = [delta async for delta in model.stream(HELLO)][-1]
    assert "stream_options" not in double.requests[-1].json
    assert last.usage.total_tokens == 0


# what imitators do otherwise


async def test_an_error_with_the_status_of_a_success(double):
    error = {"message": "Rate limited upstream", "code": 429}
    double.will(Reply(200, {"error": error}), stream({"error": error}))
    async with llm(double) as model:
        for call in (model.chat(HELLO), say(model)):
            with pytest.raises(RateLimited, match="upstream") as caught:
                await call
            assert caught.value.status == 429
            assert caught.value.model == "m"


async def test_an_error_without_any_code_is_the_servers_fault(double):
    double.will(stream(piece("Hel"), {"error": "out of memory"}))
    async with llm(double) as model:
        with pytest.raises(Overloaded, match="out of memory"):
            await say(model)


async def test_a_stream_that_ends_without_done(double):
    double.will(stream(piece("Hello"), piece(" you", "stop")))
    async with llm(double) as model:
        assert await say(model) == "Hello you"


async def test_a_stream_of_done_without_a_reason(double):
    double.will(stream(piece("Hello"), "[DONE]"))
    async with llm(double) as model:
        last = [delta async for delta in model.stream(HELLO)][-1]
    assert last.finish_reason == "stop"


async def test_a_stream_that_just_ends_is_cut(double):
    double.will(stream(piece("Hello")))
    async with llm(double) as model:
        with pytest.raises(ConnectionFailed, match="in the middle"):
            await say(model)


async def test_an_answer_that_is_no_stream_is_malformed(double):
    double.will(Reply(200, {"choices": [{"message": {"content": "Hello"}}]}))
    async with llm(double) as model:
        with pytest.raises(MalformedResponse, match="without a single event"):
            await say(model)


async def test_a_content_in_parts(double):
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    message = {"role": "assistant", "content": parts}
    double.will(Reply(200, {"choices": [{"message": message, "finish_reason": "stop"}]}))
    async with llm(double) as model:
        assert (await model.chat(HELLO)).text == "Hello"


@pytest.mark.parametrize("content", [7, {"text": "x"}, True])
async def test_a_content_that_is_no_text_is_malformed(double, content):
    message = {"role": "assistant", "content": content}
    double.will(Reply(200, {"choices": [{"message": message}]}), stream(piece(content, "stop")))
    async with llm(double) as model:
        for call in (model.chat(HELLO), say(model)):
            with pytest.raises(MalformedResponse):
                await call


# refusals and nothing


async def test_the_vendors_filter(double):
    message = {"role": "assistant", "content": ""}
    choice = {"message": message, "finish_reason": "content_filter"}
    double.will(
        Reply(200, {"choices": [choice]}), stream(piece("Well, "), piece("", "content_filter"))
    )
    async with llm(double) as model:
        for call in (model.chat(HELLO), say(model)):
            with pytest.raises(ContentFiltered) as caught:
                await call
            assert caught.value.code == "content_filter"


async def test_the_models_own_refusal(double):
    message = {"role": "assistant", "content": None, "refusal": "I'm sorry, I cannot."}
    refused = {"choices": [{"index": 0, "delta": {"refusal": "I cannot."}}]}
    double.will(
        Reply(200, {"choices": [{"message": message, "finish_reason": "stop"}]}),
        stream(refused, piece(None, "stop"), "[DONE]"),
    )
    async with llm(double) as model:
        for call in (model.chat(HELLO), say(model)):
            with pytest.raises(ContentFiltered, match="cannot"):
                await call


async def test_a_model_that_thought_until_its_tokens_were_spent(double):
    message = {"role": "assistant", "content": "", "reasoning_content": "Hm, hm"}
    double.will(Reply(200, {"choices": [{"message": message, "finish_reason": "length"}]}))
    async with llm(double) as model:
        with pytest.raises(MalformedResponse, match="max_tokens"):
            await model.chat(HELLO)


async def test_an_answer_that_calls_a_tool_has_no_text(double):
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    double.will(Reply(200, {"choices": [{"message": message, "finish_reason": "tool_calls"}]}))
    async with llm(double) as model:
        result = await model.chat(HELLO)
    assert result.text == ""
    assert result.raw["choices"][0]["message"]["tool_calls"] == [call]


async def test_health_of_a_server_without_a_list_of_models(double):
    double.will(Reply(404, {"detail": "Not Found"}))
    async with llm(double) as model:
        found = await model.check()
    assert found.status is Status.WARNING
    assert "no list of models" in found.detail


# embeddings


async def test_base64_and_lengths_are_asked_for_where_configured(double):
    async with embedding(double, encoding="base64", dimension=8, send_dimensions=True) as vectors:
        assert len(await vectors.create_embedding("hello")) == 8
    asked = double.requests[-1].json
    assert (asked["encoding_format"], asked["dimensions"]) == ("base64", 8)


async def test_a_stated_length_is_not_asked_for(double):
    async with embedding(double, dimension=16) as vectors:
        assert len(await vectors.create_embedding("hello")) == 16
    assert "dimensions" not in double.requests[-1].json


async def test_a_wrong_stated_length_shows_in_the_check(double):
    async with embedding(double, dimension=8) as vectors:
        found = await vectors.check()
    assert found.status is Status.ERROR
    assert "16" in found.detail


async def test_bad_base64_is_malformed(double):
    for text in ("AAAA=", "!!!!", "AAA="):
        double.will(Reply(body={"data": [{"index": 0, "embedding": text}]}))
        async with embedding(double) as vectors:
            with pytest.raises(MalformedResponse):
                await vectors.create_embedding("hello")


async def test_an_answer_without_indices_is_in_order(double):
    data = [{"embedding": [1.0, 0.0]}, {"embedding": [0.0, 1.0]}]
    double.will(Reply(body={"data": data}), Behaviour())
    async with embedding(double) as vectors:
        found = await vectors.create_embeddings_batch(["a", "b"])
    assert found == [[1.0, 0.0], [0.0, 1.0]]
