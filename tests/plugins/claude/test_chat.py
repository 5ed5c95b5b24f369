from __future__ import annotations

import json

import pytest
from luminora_claude.schemas import held

from luminora.errors import (
    ConfigError,
    ContentFiltered,
    InvalidRequest,
    MalformedResponse,
    Overloaded,
    ProviderTimeout,
    QuotaExceeded,
    RateLimited,
)
from luminora.memory.analysis import _ASKED
from luminora.providers import Capability, ChatMessage, ChatRequest, Status
from luminora.providers.jsontext import violations
from luminora.testing.doubles.vendor import KEY, Reply, example
from tests.plugins.building import built
from tests.plugins.llm_behaviour import HELLO, SCHEMA, WireBehaviour
from tests.servers.vendors.anthropic import AnthropicDouble, event, refusal

pytestmark = [pytest.mark.backend("llm claude", against=AnthropicDouble.title)]


class TestClaude(WireBehaviour):
    double_class = AnthropicDouble
    provider = "claude"
    key_env = "ANTHROPIC_API_KEY"
    refused = ("claude-sonnet-5-5", "temperature")

    # what is sent

    async def test_a_request_as_the_vendor_documents_it(self, double):
        messages = (
            ChatMessage("system", "You are Victoria."),
            ChatMessage("user", "Hi"),
            ChatMessage("assistant", "Hello!"),
            ChatMessage("user", "Who am I?"),
        )
        async with self.make(double) as llm:
            await llm.chat(ChatRequest(messages=messages, max_tokens=77))
        asked = double.requests[-1]
        assert asked.path == "/v1/messages"
        assert asked.headers["anthropic-version"] == "2026-10-21"
        assert asked.headers["x-api-key"] == KEY
        assert "authorization" not in asked.headers
        assert asked.json == {
            "model": "claude-sonnet-5-5",
            "max_tokens": 77,
            "system": "You are Victoria.",
            "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello!"},
                {"role": "user", "content": "Who am I?"},
            ],
            "thinking": {"type": "between_tools"},
        }

    async def test_the_key_as_a_bearer_token(self, double):
        async with self.make(double, auth="bearer") as llm:
            await llm.chat(HELLO)
            await llm.check()
        for asked in double.requests:
            assert asked.headers["authorization"] == f"Bearer {KEY}"
            assert "x-api-key" not in asked.headers

    @pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
    async def test_the_base_with_and_without_its_version(self, double, end):
        async with self.make(double, api_base=double.url + end) as llm:
            await llm.chat(HELLO)
        assert double.requests[-1].path == "/v1/messages"

    async def test_an_older_version_takes_a_temperature_from_older_models(self, double):
        request = ChatRequest(messages=HELLO.messages, temperature=0.2, options={"top_k": 5})
        models = {"main": "claude-sonnet-4-6"}
        async with self.make(double, models=models, anthropic_version="2023-06-01") as llm:
            await llm.chat(request)
        assert double.requests[-1].headers["anthropic-version"] == "2023-06-01"
        assert double.requests[-1].json["temperature"] == 0.2
        assert double.requests[-1].json["top_k"] == 5

    @pytest.mark.parametrize("parameter", ["temperature", "top_p", "top_k"])
    async def test_the_newer_version_takes_no_sampling_from_any_model(self, double, parameter):
        direct = {"temperature": 0.0} if parameter == "temperature" else {}
        options = {} if direct else {parameter: 1}
        for model in ("claude-sonnet-4-6", "claude-3-5-haiku-20241022", "somebody-elses"):
            request = ChatRequest(messages=HELLO.messages, model=model, options=options, **direct)
            async with self.make(double) as llm:
                assert not llm.accepts(parameter, request)
                with pytest.raises(InvalidRequest, match=parameter):
                    await llm.chat(request)
        assert double.requests == []

    async def test_newer_models_take_no_sampling_from_any_version(self, double):
        request = ChatRequest(messages=HELLO.messages, temperature=0.2)
        async with self.make(double, anthropic_version="2023-06-01") as llm:
            with pytest.raises(InvalidRequest, match="temperature"):
                await llm.chat(request)

    async def test_generate_leaves_its_own_temperature_out(self, double):
        async with self.make(double) as llm:
            await llm.generate([{"role": "user", "content": "Hello"}])
        assert "temperature" not in double.requests[-1].json

    async def test_blank_turns_are_left_out_and_a_user_speaks_first(self, double):
        messages = (
            ChatMessage("assistant", "As I said."),
            ChatMessage("user", "  \n"),
            ChatMessage("user", "Yes?"),
        )
        async with self.make(double) as llm:
            await llm.chat(ChatRequest(messages=messages))
        turns = double.requests[-1].json["messages"]
        assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
        assert turns[1:] == [
            {"role": "assistant", "content": "As I said."},
            {"role": "user", "content": "Yes?"},
        ]
        assert "system" not in double.requests[-1].json

    async def test_a_system_alone_is_nothing_to_answer(self, double):
        async with self.make(double) as llm:
            with pytest.raises(InvalidRequest, match="nothing to answer"):
                await llm.chat(ChatRequest(messages=(ChatMessage("system", "Be nice."),)))
        assert double.requests == []

    async def test_options_and_headers_travel(self, double):
        options = {"metadata": {"user_id": "7"}, "output_config": {"effort": "medium"}}
        request = ChatRequest(
            messages=HELLO.messages, schema=SCHEMA, options={"stop_sequences": ["END"]}
        )
        async with self.make(double, options=options, headers={"anthropic-beta": "x"}) as llm:
            await llm.chat(request)
        asked = double.requests[-1]
        assert asked.json["metadata"] == {"user_id": "7"}
        assert asked.json["stop_sequences"] == ["END"]
        assert asked.json["output_config"]["effort"] == "medium"
        assert asked.json["output_config"]["format"]["type"] == "json_schema"
        assert asked.headers["anthropic-beta"] == "x"

    # room for answers and thoughts

    @pytest.mark.parametrize(
        ("model", "config", "room"),
        [
            ("claude-sonnet-5-5", {}, 4096),
            ("claude-3-haiku-20240307", {"max_tokens": 20_000}, 4096),
            ("claude-opus-5-5", {}, 8192),
            ("claude-opus-5-5", {"thinking_max_tokens": 100}, 4196),
            ("claude-haiku-5-5", {"thinking": "auto"}, 8192),
            ("claude-sonnet-4-6", {"thinking": "auto"}, 4096),
            ("somebody-elses", {"max_tokens": 9}, 9),
        ],
    )
    async def test_how_much_a_model_may_write(self, double, model, config, room):
        async with self.make(double, models={"main": model}, **config) as llm:
            await llm.chat(HELLO)
        assert double.requests[-1].json["max_tokens"] == room

    @pytest.mark.parametrize(
        ("model", "quiet"),
        [
            ("claude-haiku-5-5", {"thinking": {"type": "disabled"}}),
            ("claude-sonnet-5-5", {"thinking": {"type": "between_tools"}}),
            ("claude-opus-5-5", {"output_config": {"effort": "low"}}),
            ("claude-opus-5", {"thinking": {"type": "disabled"}}),
            ("claude-sonnet-4-5", {}),
        ],
    )
    async def test_a_model_is_kept_from_thinking_in_its_own_words(self, double, model, quiet):
        async with self.make(double, models={"main": model}) as llm:
            await llm.chat(HELLO)
        async with self.make(double, models={"main": model}, thinking="auto") as llm:
            await llm.chat(HELLO)
        off, auto = (asked.json for asked in double.requests)
        assert {k: v for k, v in off.items() if k in {"thinking", "output_config"}} == quiet
        assert not {"thinking", "output_config"} & auto.keys()

    async def test_thoughts_are_no_part_of_the_answer(self, double, streamed):
        double.thoughts = True
        async with self.make(double) as llm:
            assert await self.ask(llm, streamed) == double.text

    # what comes back

    async def test_cached_tokens_are_counted_and_priced(self, double):
        async with self.make(double) as llm:
            result = await llm.chat(HELLO)
        counts = result.raw["usage"]
        assert result.usage.prompt_tokens == counts["input_tokens"] + 2
        expected = (2 * result.usage.prompt_tokens + 10 * counts["output_tokens"]) / 1_000_000
        assert result.usage.cost == pytest.approx(expected)
        assert result.model == "claude-sonnet-5-5"
        assert result.finish_reason == "end_turn"

    async def test_a_refusal_of_the_model_is_filtered_content(self, double, streamed):
        double.stop_reason = "refusal"
        error = await self.failure(self.make(double), streamed)
        assert isinstance(error, ContentFiltered)
        assert error.code == "refusal"

    async def test_an_answer_without_a_text_says_why(self, double, streamed):
        double.stop_reason = "max_tokens"
        double.says(" ")
        error = await self.failure(self.make(double), streamed)
        assert isinstance(error, MalformedResponse)
        assert "max_tokens" in str(error.hint)

    async def test_a_stream_of_other_events_is_passed_over(self, double):
        pieces = double.message({"model": "m", "messages": [], "stream": True}).body
        double.will(Reply(body=[*pieces[:2], event({"type": "news"}), *pieces[2:]]))
        async with self.make(double) as llm:
            assert await self.ask(llm, streamed=True) == double.text

    # money

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            (refusal(429, "rate_limit_error", "x", "contract_spend_limit_reached"), QuotaExceeded),
            (refusal(429, "rate_limit_error", "x", "ramp_limit_exceeded"), RateLimited),
            (refusal(402, "billing_error", "Check your payment"), QuotaExceeded),
            (
                refusal(
                    400,
                    "invalid_request_error",
                    "You have reached your specified workspace API usage limits. You will regain "
                    "access on 2026-12-01 at 00:00 UTC.",
                ),
                QuotaExceeded,
            ),
            (
                refusal(400, "invalid_request_error", "Your credit balance is too low to access"),
                QuotaExceeded,
            ),
            (refusal(504, "timeout_error", "Request timed out"), ProviderTimeout),
            (refusal(413, "request_too_large", "Too large"), InvalidRequest),
            (refusal(409, "conflict_error", "Busy"), Overloaded),
        ],
    )
    async def test_what_else_it_refuses(self, double, streamed, reply, kind):
        double.will(reply)
        error = await self.failure(self.make(double), streamed)
        assert type(error) is kind
        assert error.code == reply.code

    async def test_the_bodys_request_id_stands_in_for_the_headers(self, double):
        double.will(double.refusals["overloaded"])
        error = await self.failure(self.make(double))
        assert error.request_id == "req_011CSHoEeqs5C35K2UUqR7Fy"

    async def test_an_error_in_a_stream_has_code_and_id(self, double):
        double.will(Reply(body=[double.mid_stream, b""], content_type="text/event-stream"))
        error = await self.failure(self.make(double), streamed=True)
        assert isinstance(error, Overloaded)
        assert (error.code, error.request_id) == ("overloaded_error", "req_mid")

    # JSON

    async def test_the_schema_goes_where_the_model_is_held_to_it(self, double):
        request = ChatRequest(messages=HELLO.messages, schema=SCHEMA)
        async with self.make(double) as llm:
            assert llm.json_mode is Capability.FULL
            await llm.chat(request)
        wanted = double.requests[-1].json
        assert wanted["output_config"]["format"] == {"type": "json_schema", "schema": held(SCHEMA)}
        assert "system" not in wanted

    @pytest.mark.parametrize(
        ("config", "schema"),
        [
            ({"models": {"main": "claude-3-5-haiku-20241022"}}, SCHEMA),
            ({"structured_outputs": False}, SCHEMA),
            ({}, {"type": "object"}),
        ],
        ids=["older model", "switched off", "any object"],
    )
    async def test_elsewhere_the_model_is_told_the_schema(self, double, config, schema):
        double.says('{"mood": "happy", "score": 9}')
        async with self.make(double, **config) as llm:
            found = await llm.generate_json([{"role": "user", "content": "Hi"}], schema=schema)
        assert found["score"] == 9
        wanted = double.requests[-1].json
        assert json.dumps(schema) in wanted["system"]
        assert "format" not in wanted.get("output_config", {})

    # configuration

    @pytest.mark.parametrize(
        "config",
        [
            {"anthropic_version": "latest"},
            {"auth": "cookie"},
            {"max_tokens": 0},
            {"thinking": True},
            {"modles": {}},
        ],
        ids=str,
    )
    async def test_settings_of_the_wrong_kind(self, double, config):
        with pytest.raises(ConfigError):
            self.make(double, **config)

    async def test_its_other_name(self, double):
        config = {"api_base": double.url}
        async with built("llm", "anthropic", config, self.env()) as llm:
            assert (await llm.chat(HELLO)).text == double.text

    async def test_a_model_that_was_retired_is_found_out_by_a_check(self, double):
        double.retired = {"claude-3-5-haiku-20241022"}
        models = {"main": "claude-3-5-haiku-20241022"}
        async with self.make(double, models=models) as llm:
            found = await llm.check()
        assert found.status is Status.ERROR
        assert "claude-3-5-haiku-20241022" in found.detail

    async def test_a_check_tells_of_a_temperature_that_the_model_refuses(self, double):
        configs = {"mood_detection": {"temperature": 0.3}}
        async with self.make(double, task_configs=configs) as llm:
            found = await llm.check()
        assert found.status is Status.WARNING
        assert "temperature" in found.detail
        assert "drop_unsupported" in found.detail
        async with self.make(double, task_configs=configs, drop_unsupported=True) as llm:
            assert (await llm.check()).status is Status.OK


@pytest.mark.parametrize("schema", [SCHEMA, _ASKED], ids=["small", "analysis"])
def test_what_fits_the_form_fits_the_schema(schema):
    form = held(schema)
    assert form is not None
    assert not violations(example(form), schema)
    assert not violations(example({**form, "required": list(form["properties"])}), schema)


def test_every_object_of_a_form_is_closed_and_no_bound_is_lost():
    form = held(_ASKED)

    def objects(node):
        if isinstance(node, dict):
            if "properties" in node:
                yield node
            for one in node.values():
                yield from objects(one)

    assert all(node["additionalProperties"] is False for node in objects(form))
    fact = form["properties"]["facts"]["items"]["properties"]
    assert fact["confidence"] == {
        "type": "number",
        "description": '{"minimum": 0, "maximum": 1}',
    }
    assert fact["value"]["type"] == ["string", "number", "boolean"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "array", "items": {"type": "string"}},
        {"properties": {"a": {"type": "object"}}},
        {"properties": {"a": {}}},
        {"properties": {"a": {"type": "string"}}, "patternProperties": {"b": {}}},
        {"properties": {"a": {"not": {"type": "string"}}}},
    ],
    ids=str,
)
def test_what_claude_cannot_be_held_to(schema):
    assert held(schema) is None


def test_combinations_references_and_formats():
    form = held(
        {
            "$defs": {"day": {"type": "string", "format": "date"}},
            "properties": {
                "day": {"$ref": "#/$defs/day"},
                "either": {"oneOf": [{"type": "integer"}, {"type": "null"}]},
                "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                "code": {"type": "string", "format": "isbn", "description": "A book."},
            },
        }
    )
    assert form == {
        "type": "object",
        "$defs": {"day": {"type": "string", "format": "date"}},
        "properties": {
            "day": {"$ref": "#/$defs/day"},
            "either": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "code": {"type": "string", "description": 'A book. {"format": "isbn"}'},
        },
        "required": [],
        "additionalProperties": False,
    }
