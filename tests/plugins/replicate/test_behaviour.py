from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from luminora.errors import (
    ContentFiltered,
    InvalidRequest,
    Overloaded,
    ProviderTimeout,
    QuotaExceeded,
    RateLimited,
)
from luminora.providers import ChatMessage, ChatRequest
from luminora.testing.doubles.vendor import KEY, Behaviour, Reply
from tests.plugins.llm_behaviour import HELLO, SCHEMA, WireBehaviour, _until
from tests.servers.vendors.replicate import ReplicateDouble, refusal

pytestmark = [
    pytest.mark.backend("llm replicate", against=ReplicateDouble.title),
    pytest.mark.xdist_group("replicate"),
]

VERSION = "5c7d5dc6dd8bf75c1acaa8565735e7986bc5b66206b55cca93cb72c9bf15ccaa"


class TestChat(WireBehaviour):
    double_class = ReplicateDouble
    provider = "replicate"
    key_env = "REPLICATE_API_TOKEN"
    config = {"poll_seconds": 0.01}  # noqa: RUF012 - as in the base

    def make(self, double, **settings):
        """Models are called owner/name here."""
        for name in ("models", "prices"):
            if name in settings:
                settings[name] = {
                    _named(key) if name == "prices" else key: _named(value)
                    for key, value in settings[name].items()
                }
        return super().make(double, **settings)

    def parameters_in(self, double):
        return double.requests[-1].json["input"]

    async def _streamed_bytes(self, double):
        await super()._streamed_bytes(double)
        return double.stream_bytes

    async def test_each_task_has_its_model(self, double):
        models = {"main": "acme/talk", "processing": "acme/work"}
        analysis = ChatRequest(messages=HELLO.messages, task="analysis")
        own = ChatRequest(messages=HELLO.messages, model="acme/own")
        async with self.make(double, models=models) as llm:
            for request, name in ((HELLO, "talk"), (analysis, "work"), (own, "own")):
                await llm.chat(request)
                assert double.requests[-1].path == f"/v1/models/acme/{name}/predictions"

    async def test_a_stream_that_is_left_hangs_up(self, double):
        double.says("word " * 100)
        double.will(Behaviour(pause=0.05))
        async with self.make(double) as llm:
            async with aclosing(llm.stream(HELLO)) as deltas:
                async for delta in deltas:
                    if delta.text:
                        break
            await _until(lambda: double.cancelled == ["p0"])
            await _until(lambda: double.abandoned == 1)
            assert await self.ask(llm, streamed=True) == double.text

    # the wire

    async def test_one_version_of_a_model(self, double):
        request = ChatRequest(messages=HELLO.messages, model=f"acme/parrot:{VERSION}")
        async with self.make(double) as llm:
            await llm.chat(request)
        assert double.requests[-1].path == "/v1/predictions"
        assert double.requests[-1].json["version"] == VERSION

    @pytest.mark.parametrize(
        "model", ["parrot", "a/b/c", "../../v1/account", "a/b?x=1", "a/b:latest"]
    )
    async def test_a_name_that_is_no_model(self, double, model):
        async with self.make(double) as llm:
            with pytest.raises(InvalidRequest, match="owner/name"):
                await llm.chat(ChatRequest(messages=HELLO.messages, model=model))
        assert double.requests == []

    async def test_the_inputs_are_called_as_configured(self, double):
        request = ChatRequest(
            messages=(ChatMessage("system", "Be kind."), *HELLO.messages),
            temperature=0.2,
            max_tokens=7,
            options={"top_k": 3},
        )
        async with self.make(double, options={"seed": 1}) as llm:
            await llm.chat(request)
        assert self.parameters_in(double) == {
            "seed": 1,
            "system_prompt": "Be kind.",
            "prompt": "Hello, I am Diego.",
            "max_tokens": 7,
            "temperature": 0.2,
            "top_k": 3,
        }
        names = {"system_input": "", "max_tokens_input": "max_new_tokens", "temperature_input": ""}
        async with self.make(double, **names) as llm:
            await llm.chat(request)
        assert self.parameters_in(double) == {
            "prompt": "Be kind.\n\nHello, I am Diego.",
            "max_new_tokens": 7,
            "top_k": 3,
        }

    async def test_a_conversation_is_a_transcript(self, double):
        turns = (
            ChatMessage("user", "Hi"),
            ChatMessage("assistant", "Hello!"),
            ChatMessage("user", "Who am I?"),
        )
        async with self.make(double) as llm:
            await llm.chat(ChatRequest(messages=turns))
        expected = "User: Hi\n\nAssistant: Hello!\n\nUser: Who am I?\n\nAssistant:"
        assert self.parameters_in(double)["prompt"] == expected

    async def test_a_schema_is_said_in_words(self, double):
        double.says('{"mood": "calm", "score": 1}')
        async with self.make(double) as llm:
            await llm.generate_json([{"role": "user", "content": "How am I?"}], schema=SCHEMA)
        assert '"mood"' in self.parameters_in(double)["system_prompt"]

    # waiting

    async def test_replicate_is_asked_to_hold_the_answer_back(self, double):
        for settings, wait in (
            ({}, 30),
            ({"wait_seconds": 60, "idle_timeout_seconds": 120}, 60),
            ({"wait_seconds": 60, "idle_timeout_seconds": 20}, 15),
            ({"timeout_seconds": 4}, 1),
        ):
            async with self.make(double, **settings) as llm:
                await llm.chat(HELLO)
            assert double.requests[-1].headers["prefer"] == f"wait={wait}"

    async def test_what_takes_longer_is_asked_for_again_and_again(self, double):
        double.pending = 3
        async with self.make(double) as llm:
            assert (await llm.chat(HELLO)).text == double.text
        assert [asked.method for asked in double.requests] == ["POST", "GET", "GET", "GET"]
        assert double.cancelled == []

    async def test_what_takes_too_long_is_cancelled(self, double):
        double.pending = 1000
        error = await self.failure(self.make(double, timeout_seconds=0.2))
        assert isinstance(error, ProviderTimeout)
        assert double.cancelled == ["p0"]

    async def test_what_nobody_waits_for_is_cancelled(self, double):
        double.pending = 1000
        async with self.make(double) as llm:
            task = asyncio.create_task(llm.chat(HELLO))
            await _until(lambda: len(double.requests) > 2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert double.cancelled == ["p0"]

    async def test_a_failed_question_ends_the_waiting(self, double):
        double.pending = 1000
        double.will(Behaviour(reply=Reply(500, {"detail": "oops"}), path="/v1/predictions/"))
        assert isinstance(await self.failure(self.make(double)), Overloaded)

    # how it ends

    @pytest.mark.parametrize(
        ("reason", "kind", "code"),
        [
            ("The input or output was flagged as sensitive (E005)", ContentFiltered, "E005"),
            ("Prediction interrupted; please retry (code: PA)", Overloaded, "PA"),
            ("CUDA out of memory", Overloaded, "failed"),
        ],
    )
    async def test_a_prediction_that_fails(self, double, streamed, reason, kind, code):
        double.failing = reason
        error = await self.failure(self.make(double), streamed)
        assert type(error) is kind
        assert error.code == code
        assert reason in str(error)

    @pytest.mark.parametrize("status", ["canceled", "aborted"])
    async def test_a_prediction_that_somebody_cancels(self, double, status):
        double.will(Reply(201, {"status": status, "output": None, "urls": {}}))
        assert isinstance(await self.failure(self.make(double)), Overloaded)

    @pytest.mark.parametrize("output", [None, {"text": "x"}, 7, [1, 2], ["  ", "\n"], ""])
    async def test_an_output_that_is_no_text(self, double, output):
        double.will(Reply(201, {"status": "succeeded", "output": output, "urls": {}}))
        error = await self.failure(self.make(double))
        assert not error.retryable

    async def test_an_output_of_one_text(self, double):
        double.will(Reply(201, {"status": "succeeded", "output": "whole", "urls": {}}))
        async with self.make(double) as llm:
            assert (await llm.chat(HELLO)).text == "whole"

    async def test_a_model_that_does_not_stream_answers_in_one_piece(self, double):
        double.streaming, double.pending = False, 2
        async with self.make(double) as llm:
            deltas = [delta async for delta in llm.stream(HELLO)]
        assert [delta.text for delta in deltas] == [double.text]
        assert deltas[0].usage.completion_tokens > 0

    async def test_tokens_that_nobody_counts_do_not_cost_the_answer(self, double):
        double.will(Behaviour(reply=Reply(500, {}), path="/v1/predictions/"))
        async with self.make(double) as llm:
            deltas = [delta async for delta in llm.stream(HELLO)]
        assert "".join(delta.text for delta in deltas) == double.text
        assert deltas[-1].usage.completion_tokens == 0

    # refusals

    async def test_how_long_to_wait_may_stand_in_the_body(self, double):
        double.will(refusal(429, "Too many requests", "Request was throttled.", retry_after=9))
        error = await self.failure(self.make(double))
        assert isinstance(error, RateLimited)
        assert error.retry_after == 9

    async def test_without_credit_it_says_where_to_add_some(self, double):
        double.will(double.refusals["quota"])
        error = await self.failure(self.make(double))
        assert isinstance(error, QuotaExceeded)
        assert "billing" in error.hint

    # the token

    async def test_the_token_goes_to_no_host_that_is_not_replicates(self, double):
        other = ReplicateDouble()
        other.key = KEY
        with other.running():
            double.elsewhere = f"{other.url}/stream/p0"
            async with self.make(double) as llm:
                with pytest.raises(Exception, match="401"):
                    await self.ask(llm, streamed=True)
            assert other.requests
            assert all("authorization" not in asked.headers for asked in other.requests)

    async def test_the_token_goes_to_replicates_other_hosts(self, double):
        llm = self.make(double, api_base="https://api.replicate.com")
        for url, sent in (
            ("https://stream.replicate.com/v1/files/x", True),
            ("https://stream-b.svc.replicate.com/x", True),
            ("http://stream.replicate.com/x", False),
            ("https://replicate.com.example.org/x", False),
            ("https://notreplicate.com/x", False),
        ):
            assert bool(llm._key_for(url)) is sent, url
        await llm.aclose()


def _named(value):
    return f"acme/{value}" if isinstance(value, str) and "/" not in value else value
