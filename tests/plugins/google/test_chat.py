from __future__ import annotations

import json

import pytest
from luminora_google.schemas import shaped

from luminora.errors import (
    AuthenticationFailed,
    ConfigError,
    ContentFiltered,
    InvalidRequest,
    MalformedResponse,
    Overloaded,
    PermissionRefused,
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
from tests.servers.vendors.google import GoogleDouble, error_info, event, refusal, used_up

pytestmark = [pytest.mark.backend("llm google", against=GoogleDouble.title)]

RETRY = {"@type": "RetryInfo", "retryDelay": "34.5s"}


class TestGemini(WireBehaviour):
    double_class = GoogleDouble
    provider = "google"
    key_env = "GOOGLE_API_KEY"

    def model_in(self, double):
        return double.requests[-1].path.partition("/models/")[2].partition(":")[0]

    def parameters_in(self, double):
        return double.requests[-1].json["generationConfig"]

    # what is sent

    async def test_a_request_as_the_vendor_documents_it(self, double, streamed):
        messages = (
            ChatMessage("system", "You are Victoria."),
            ChatMessage("user", "Hi"),
            ChatMessage("assistant", "Hello!"),
            ChatMessage("user", "Who am I?"),
        )
        request = ChatRequest(messages=messages, max_tokens=77, temperature=0.5)
        async with self.make(double) as llm:
            await self.ask(llm, streamed, request)
        asked = double.requests[-1]
        method = "streamGenerateContent" if streamed else "generateContent"
        assert asked.path == f"/v1beta/models/gemini-3.8-flash:{method}"
        assert asked.query == ("alt=sse" if streamed else "")
        assert asked.headers["x-goog-api-key"] == KEY
        assert "authorization" not in asked.headers
        assert asked.json == {
            "systemInstruction": {"parts": [{"text": "You are Victoria."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "Hi"}]},
                {"role": "model", "parts": [{"text": "Hello!"}]},
                {"role": "user", "parts": [{"text": "Who am I?"}]},
            ],
            "generationConfig": {
                "temperature": 0.5,
                "maxOutputTokens": 77 + 4096,
                "thinkingConfig": {"thinkingLevel": "low"},
            },
        }

    @pytest.mark.parametrize("end", ["", "/", "/v1", "/v1beta", "/v1beta/"])
    async def test_the_base_with_and_without_its_version(self, double, end):
        async with self.make(double, api_base=double.url + end, api_version="v1") as llm:
            await llm.chat(HELLO)
        assert double.requests[-1].path == "/v1/models/gemini-3.8-flash:generateContent"

    async def test_a_model_by_its_full_name_and_one_with_odd_characters(self, double):
        for model, path in (
            ("models/gemini-2.5-pro", "/v1beta/models/gemini-2.5-pro:generateContent"),
            ("tunedModels/mine-7", "/v1beta/tunedModels/mine-7:generateContent"),
            ("a?b#c", "/v1beta/models/a?b#c:generateContent"),
        ):
            double.will(Reply(body=double.spoken({"contents": [_turn("x")]}, "m").body))
            async with self.make(double, models={"main": model}) as llm:
                await llm.chat(HELLO)
            assert double.requests[-1].path == path
            assert double.requests[-1].query == ""

    async def test_options_go_where_google_wants_them(self, double):
        safety = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
        request = ChatRequest(messages=HELLO.messages, options={"top_p": 0.9, "seed": 7})
        config = {"options": {"safety_settings": safety}, "headers": {"x-goog-user-project": "p"}}
        async with self.make(double, **config) as llm:
            await llm.chat(request)
        asked = double.requests[-1]
        assert asked.json["safetySettings"] == safety
        assert asked.json["generationConfig"]["topP"] == 0.9
        assert asked.json["generationConfig"]["seed"] == 7
        assert asked.headers["x-goog-user-project"] == "p"

    async def test_a_system_alone_is_nothing_to_answer(self, double):
        async with self.make(double) as llm:
            with pytest.raises(InvalidRequest, match="nothing to answer"):
                await llm.chat(ChatRequest(messages=(ChatMessage("system", "Be nice."),)))
        assert double.requests == []

    async def test_blank_turns_are_left_out(self, double):
        messages = (ChatMessage("system", " "), ChatMessage("user", "\n"), HELLO.messages[0])
        async with self.make(double) as llm:
            await llm.chat(ChatRequest(messages=messages))
        assert double.requests[-1].json["contents"] == [_turn("Hello, I am Diego.")]
        assert "systemInstruction" not in double.requests[-1].json

    async def test_a_model_without_a_system_hears_it_from_the_user(self, double):
        messages = (ChatMessage("system", "Be nice."), HELLO.messages[0])
        async with self.make(double, models={"main": "gemma-3-27b-it"}) as llm:
            await llm.chat(ChatRequest(messages=messages))
        asked = double.requests[-1].json
        assert asked["contents"] == [_turn("Be nice."), _turn("Hello, I am Diego.")]
        assert "systemInstruction" not in asked

    # room for answers and thoughts

    @pytest.mark.parametrize(
        ("model", "config", "room", "thinking"),
        [
            ("gemini-3.8-flash", {}, 4196, {"thinkingLevel": "low"}),
            ("gemini-3.8-flash", {"thinking": "auto"}, 4196, None),
            ("gemini-3.8-flash", {"thinking_max_tokens": 0}, 100, {"thinkingLevel": "low"}),
            ("gemini-2.5-flash", {}, 100, {"thinkingBudget": 0}),
            ("gemini-2.5-flash", {"thinking": "auto"}, 4196, None),
            ("gemini-2.0-flash-exp", {}, 100, None),
            ("gemini-9-flash", {}, 4196, None),
        ],
    )
    async def test_how_much_a_model_may_write(self, double, model, config, room, thinking):
        request = ChatRequest(messages=HELLO.messages, max_tokens=100)
        async with self.make(double, models={"main": model}, **config) as llm:
            await llm.chat(request)
        settings = double.requests[-1].json["generationConfig"]
        assert settings["maxOutputTokens"] == room
        assert settings.get("thinkingConfig") == thinking

    async def test_thoughts_cost_and_are_no_part_of_the_answer(self, double, streamed):
        double.thoughts = True
        async with self.make(double) as llm:
            assert await self.ask(llm, streamed) == double.text
            result = await llm.chat(HELLO)
        counts = result.raw["usageMetadata"]
        spoken = counts["candidatesTokenCount"] + 40
        assert result.usage.completion_tokens == spoken
        expected = (0.75 * counts["promptTokenCount"] + 3.75 * spoken) / 1_000_000
        assert result.usage.cost == pytest.approx(expected)

    # refusals of contents

    @pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "SPII"])
    async def test_a_filtered_answer(self, double, streamed, reason):
        double.finish_reason = reason
        error = await self.failure(self.make(double), streamed)
        assert isinstance(error, ContentFiltered)
        assert error.code == reason

    async def test_a_blocked_prompt(self, double, streamed):
        blocked = {"promptFeedback": {"blockReason": "SAFETY", "safetyRatings": []}}
        body = [event(blocked), b""] if streamed else blocked
        double.will(Reply(body=body, content_type="text/event-stream"))
        error = await self.failure(self.make(double), streamed)
        assert isinstance(error, ContentFiltered)
        assert error.code == "SAFETY"

    async def test_an_answer_without_a_text_says_why(self, double, streamed):
        double.finish_reason = "MAX_TOKENS"
        double.says(" ")
        error = await self.failure(self.make(double), streamed)
        assert isinstance(error, MalformedResponse)
        assert "max_tokens" in str(error.hint)

    async def test_a_candidate_without_contents(self, double, streamed):
        body = {"candidates": [{"finishReason": "OTHER", "finishMessage": "No idea."}]}
        double.will(Reply(body=[event(body), b""] if streamed else body))
        error = await self.failure(self.make(double), streamed)
        assert isinstance(error, MalformedResponse)
        assert "No idea." in str(error)

    # other refusals

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            (refusal(400, "INVALID_ARGUMENT", "API key not valid."), AuthenticationFailed),
            (refusal(400, "INVALID_ARGUMENT", "API key expired. Renew."), AuthenticationFailed),
            (refusal(401, "UNAUTHENTICATED", "Request had no credentials"), AuthenticationFailed),
            (refusal(400, "FAILED_PRECONDITION", "Location not supported"), PermissionRefused),
            (
                refusal(403, "PERMISSION_DENIED", "x", error_info("SERVICE_DISABLED"), code="S"),
                PermissionRefused,
            ),
            (refusal(429, "RESOURCE_EXHAUSTED", "Your spending cap is reached"), QuotaExceeded),
            (
                refusal(429, "RESOURCE_EXHAUSTED", "x", used_up("RequestsPerMinute", "0")),
                QuotaExceeded,
            ),
            (
                refusal(429, "RESOURCE_EXHAUSTED", "x", used_up("RequestsPerMinute"), RETRY),
                RateLimited,
            ),
            (refusal(504, "DEADLINE_EXCEEDED", "Too late"), ProviderTimeout),
            (Reply(429, [{"error": {"status": "RESOURCE_EXHAUSTED"}}]), RateLimited),
            (Reply(429, {"error": {"details": "odd", "message": None}}), RateLimited),
            (Reply(429, {"error": {"details": [{"@type": 7}, 8]}}), RateLimited),
        ],
    )
    async def test_what_else_it_refuses(self, double, streamed, reply, kind):
        double.will(reply)
        error = await self.failure(self.make(double), streamed)
        assert type(error) is kind

    @pytest.mark.parametrize(
        ("delay", "header", "seconds"),
        [("34.5s", None, 34.5), ("7s", None, 7.0), ("7s", "3", 3.0), ("soon", None, None)],
    )
    async def test_how_long_to_wait_stands_in_the_details(self, double, delay, header, seconds):
        reply = refusal(429, "RESOURCE_EXHAUSTED", "x", {**RETRY, "retryDelay": delay})
        double.will(reply.having(retry_after=header) if header else reply)
        assert (await self.failure(self.make(double))).retry_after == seconds

    async def test_what_is_used_up_for_the_day_need_not_be_waited_for(self, double):
        quota = used_up("GenerateContentInputTokensPerModelPerDay-FreeTier")
        double.will(refusal(429, "RESOURCE_EXHAUSTED", "x", quota, RETRY))
        error = await self.failure(self.make(double))
        assert isinstance(error, QuotaExceeded)
        assert error.retry_after is None

    async def test_an_error_in_a_stream_has_a_code_and_a_wait(self, double):
        error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "x"}
        wait = {**RETRY, "@type": "type.googleapis.com/google.rpc.RetryInfo"}
        double.will(Reply(body=[event({"error": {**error, "details": [wait]}}), b""]))
        found = await self.failure(self.make(double), streamed=True)
        assert isinstance(found, RateLimited)
        assert (found.code, found.status, found.retry_after) == ("RESOURCE_EXHAUSTED", 429, 34.5)

    async def test_an_overload_in_a_stream(self, double):
        double.will(Reply(body=[double.mid_stream, b""]))
        assert isinstance(await self.failure(self.make(double), streamed=True), Overloaded)

    # JSON

    async def test_the_schema_goes_where_the_model_is_held_to_it(self, double):
        async with self.make(double) as llm:
            assert llm.json_mode is Capability.FULL
            await llm.chat(ChatRequest(messages=HELLO.messages, schema=SCHEMA))
        settings = double.requests[-1].json["generationConfig"]
        assert settings["responseMimeType"] == "application/json"
        assert settings["responseJsonSchema"] == SCHEMA
        assert "systemInstruction" not in double.requests[-1].json

    @pytest.mark.parametrize(
        ("model", "schema", "mime"),
        [
            ("gemini-3.8-flash", {"type": "object"}, "application/json"),
            ("gemini-1.5-pro", SCHEMA, "application/json"),
            ("gemma-4-31b-it", SCHEMA, None),
        ],
    )
    async def test_elsewhere_the_model_is_told_the_schema(self, double, model, schema, mime):
        double.says('{"mood": "happy", "score": 9}')
        async with self.make(double, models={"main": model}) as llm:
            found = await llm.generate_json([{"role": "user", "content": "Hi"}], schema=schema)
        assert found["score"] == 9
        asked = double.requests[-1].json
        assert json.dumps(schema) in asked["systemInstruction"]["parts"][0]["text"]
        assert asked.get("generationConfig", {}).get("responseMimeType") == mime
        assert "responseJsonSchema" not in asked.get("generationConfig", {})

    # configuration

    @pytest.mark.parametrize(
        "config",
        [{"api_version": "../v1"}, {"thinking": "hard"}, {"thinking_max_tokens": -1}, {"modle": 1}],
        ids=str,
    )
    async def test_settings_of_the_wrong_kind(self, double, config):
        with pytest.raises(ConfigError):
            self.make(double, **config)

    async def test_its_other_name_and_the_keys_other_name(self, double):
        config = {"api_base": double.url, "api_key_env": "GEMINI_API_KEY"}
        async with built("llm", "gemini", config, {"GEMINI_API_KEY": KEY}) as llm:
            assert (await llm.chat(HELLO)).text == double.text

    async def test_a_model_that_is_gone_is_found_out_by_a_check(self, double):
        double.will(double.refusals["no_model"])
        async with self.make(double, models={"main": "gemini-2.0-flash-exp"}) as llm:
            found = await llm.check()
        assert found.status is Status.ERROR
        assert double.requests[-1].path == "/v1beta/models/gemini-2.0-flash-exp"


def _turn(text: str) -> dict[str, object]:
    return {"role": "user", "parts": [{"text": text}]}


@pytest.mark.parametrize("schema", [SCHEMA, _ASKED], ids=["small", "analysis"])
def test_what_fits_the_form_fits_the_schema(schema):
    form = shaped(schema)
    assert form is not None
    assert not violations(example({**form, "required": list(form["properties"])}), schema)


def test_keywords_that_gemini_does_not_know_are_left_out():
    form = shaped(
        {
            "type": "object",
            "$defs": {"kind": {"const": "cat"}},
            "properties": {
                "kind": {"$ref": "#/$defs/kind", "description": "gone: a reference stands alone"},
                "age": {"type": "integer", "exclusiveMinimum": 0, "maximum": 30},
                "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True},
                "either": {"oneOf": [{"type": "string", "minLength": 3}, {"type": "null"}]},
                "mixed": {"enum": ["a", None]},
            },
            "patternProperties": {"^x": {}},
            "additionalProperties": {"type": "string", "pattern": "x"},
        }
    )
    assert form == {
        "type": "object",
        "$defs": {"kind": {"enum": ["cat"], "type": "string"}},
        "properties": {
            "kind": {"$ref": "#/$defs/kind"},
            "age": {"type": "integer", "maximum": 30},
            "tags": {"type": "array", "items": {"enum": ["a", "b"], "type": "string"}},
            "either": {"oneOf": [{"type": "string"}, {"type": "null"}]},
            "mixed": {},
        },
        "additionalProperties": {"type": "string"},
    }


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"type": "object", "title": "Any"}])
def test_any_object_is_no_form(schema):
    assert shaped(schema) is None
