"""What every language model behind HTTP has to do when its vendor, or its caller, misbehaves.

Subclass :class:`WireBehaviour` in ``tests/plugins/<vendor>/``, naming double and provider::

    class TestParrot(WireBehaviour):
        double_class = ParrotDouble
        provider = "parrot"
        key_env = "PARROT_API_KEY"
        base = "/v1"
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, ClassVar

import pytest

from luminora.errors import (
    AuthenticationFailed,
    ConfigError,
    ConnectionFailed,
    ContentFiltered,
    CredentialsMissing,
    InputError,
    InvalidRequest,
    LuminoraError,
    MalformedResponse,
    Overloaded,
    PermissionRefused,
    ProviderError,
    ProviderTimeout,
    QuotaExceeded,
    RateLimited,
    ResourceNotFound,
)
from luminora.providers import ChatMessage, ChatRequest, LLMProvider, Status
from luminora.testing.doubles.vendor import HTML, KEY, Behaviour, Reply, VendorDouble
from tests.plugins.building import built

MEANINGS: Mapping[str, type[ProviderError]] = {
    "bad_key": AuthenticationFailed,
    "forbidden": PermissionRefused,
    "no_model": ResourceNotFound,
    "invalid": InvalidRequest,
    "rate_limit": RateLimited,
    "quota": QuotaExceeded,
    "content_filter": ContentFiltered,
    "server_error": Overloaded,
    "overloaded": Overloaded,
}
"""What a double's refusals mean."""

HELLO = ChatRequest(messages=(ChatMessage("user", "Hello, I am Diego."),))
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"mood": {"type": "string"}, "score": {"type": "integer"}},
    "required": ["mood", "score"],
    "additionalProperties": False,
}
GOOD = '{"mood": "happy", "score": 9}'


class WireBehaviour:
    """The tests; see the module.

    Attributes:
        double_class: The vendor's double.
        provider: As a configuration spells it.
        key_env: The variable of its key; None for a vendor without keys.
        key_needed: Whether the provider insists on a key.
        base: What follows the double's address in ``api_base``.
        config: Further settings.
        refused: A model and a parameter that it does not accept, if the table knows one.
        streams: Whether the vendor streams.
    """

    double_class: ClassVar[type[VendorDouble]]
    provider: ClassVar[str]
    key_env: ClassVar[str | None]
    key_needed: ClassVar[bool] = True
    base: ClassVar[str] = ""
    config: ClassVar[Mapping[str, Any]] = {}
    refused: ClassVar[tuple[str, str] | None] = None
    streams: ClassVar[bool] = True

    # what a vendor may say differently

    def model_in(self, double: VendorDouble) -> str:
        """The model that the last request asked for."""
        return str(double.requests[-1].json["model"])

    def parameters_in(self, double: VendorDouble) -> Mapping[str, Any]:
        """Where the last request's parameters stand."""
        found: Mapping[str, Any] = double.requests[-1].json
        return found

    # means

    @pytest.fixture
    def double(self) -> Iterator[VendorDouble]:
        double = self.double_class()
        with double.running():
            yield double

    def env(self, key: str | None = KEY) -> dict[str, str]:
        return {} if key is None or self.key_env is None else {self.key_env: key}

    def make(self, double: VendorDouble, *, key: str | None = KEY, **config: Any) -> LLMProvider:
        settings = {"api_base": double.url + self.base, **self.config, **config}
        provider: LLMProvider = built("llm", self.provider, settings, self.env(key))
        return provider

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "meaning" in metafunc.fixturenames:
            metafunc.parametrize("meaning", list(metafunc.cls.double_class.refusals))
        if "streamed" in metafunc.fixturenames:
            ways = [False, True] if metafunc.cls.streams else [False]
            metafunc.parametrize("streamed", ways, ids=lambda way: "stream" if way else "chat")

    @staticmethod
    async def ask(llm: LLMProvider, streamed: bool, request: ChatRequest = HELLO) -> str:
        if not streamed:
            return (await llm.chat(request)).text
        async with aclosing(llm.stream(request)) as deltas:  # type: ignore[type-var]
            return "".join([delta.text async for delta in deltas])

    async def failure(
        self, llm: LLMProvider, streamed: bool = False, request: ChatRequest = HELLO
    ) -> ProviderError:
        async with llm:
            with pytest.raises(ProviderError) as caught:
                await self.ask(llm, streamed, request)
        error = caught.value
        assert KEY not in f"{error} {vars(error)!r}", "an error quotes the key"
        assert error.provider == self.provider
        return error

    # the vendor refuses

    async def test_a_refusal_is_the_error_it_means(self, double, meaning, streamed):
        refusal = double.refusals[meaning].having(x_request_id="req-17")
        double.will(refusal)
        llm = self.make(double)
        error = await self.failure(llm, streamed)
        assert type(error) is MEANINGS[meaning]
        assert error.status == refusal.status
        assert error.code == refusal.code
        assert error.request_id == "req-17"
        assert error.model == llm.model_for(HELLO)  # type: ignore[attr-defined]
        assert error.retryable is (MEANINGS[meaning] in {RateLimited, Overloaded})
        assert len(double.requests) == 1, "a provider does not retry: its caller does"

    async def test_another_key_is_refused_without_being_quoted(self, double, streamed):
        if self.key_env is None:
            double.will(double.refusals["bad_key"])
        wrong = "sk-wrong-9876543210zyxwvutsrqponm"
        llm = self.make(double, key=wrong)
        async with llm:
            with pytest.raises(AuthenticationFailed) as caught:
                await self.ask(llm, streamed)
        shown = f"{caught.value} {vars(caught.value)!r}"
        assert not any(part in shown for part in (wrong, wrong[:12], wrong[-8:]))
        assert caught.value.exit_code == 4
        if self.key_env is not None:
            assert self.key_env in str(caught.value), "the hint names the variable"

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, None),
            ({"retry_after": "7"}, 7.0),
            ({"retry_after": "0.25"}, 0.25),
            ({"retry_after_ms": "1500", "retry_after": "2"}, 1.5),
            ({"retry_after": "soon"}, None),
        ],
    )
    async def test_how_long_to_wait(self, double, headers, seconds):
        double.will(double.refusals["rate_limit"].having(**headers))
        assert (await self.failure(self.make(double))).retry_after == seconds

    async def test_until_when_to_wait(self, double):
        moment = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
        double.will(double.refusals["rate_limit"].having(retry_after=moment))
        wait = (await self.failure(self.make(double))).retry_after
        assert wait == pytest.approx(60, abs=5)

    @pytest.mark.parametrize("status", [500, 502, 503, 529])
    async def test_a_page_of_a_proxy_is_no_answer(self, double, streamed, status):
        double.will(Reply(status, HTML.body, content_type="text/html"))
        error = await self.failure(self.make(double), streamed)
        assert type(error) is Overloaded
        assert error.status == status
        assert "<html>" not in str(error)

    async def test_a_huge_refusal_is_quoted_briefly(self, double):
        double.will(Reply(500, {"error": {"message": "x" * 10_000_000}}))
        assert len(str(await self.failure(self.make(double)))) < 2000

    async def test_a_redirect_is_not_followed(self, double, streamed):
        other = self.double_class()
        with other.running():
            double.will(Reply(307, headers={"location": f"{other.url}/v1/elsewhere"}))
            error = await self.failure(self.make(double), streamed)
            assert isinstance(error, MalformedResponse)
            assert "redirect" in str(error)
            assert other.requests == []

    # the answer is broken

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(200, '{"oops'),
            Reply(200, ""),
            Reply(200, "<html>welcome</html>", content_type="text/html"),
            Reply(200, {}),
            Reply(200, "[]"),
            Reply(200, "null"),
            Reply(200, '"text"'),
        ],
        ids=["cut", "empty", "page", "object", "list", "null", "text"],
    )
    async def test_an_answer_of_another_form_is_malformed(self, double, streamed, reply):
        double.will(reply)
        error = await self.failure(self.make(double), streamed)
        assert isinstance(error, MalformedResponse | ConnectionFailed)

    async def test_a_cut_answer_is_a_failed_connection(self, double):
        double.will(Behaviour(cut=30))
        assert isinstance(await self.failure(self.make(double)), ConnectionFailed)

    async def test_an_answer_of_ten_megabytes_arrives(self, double):
        text = "¡Mucho! " * 1_250_000
        double.says(text)
        async with self.make(double) as llm:
            assert (await llm.chat(HELLO)).text == text

    # streams

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
    async def test_a_stream_may_be_split_anywhere(self, double, size):
        async with self.make(double) as llm:
            double.will(Behaviour(split=size))
            assert await self.ask(llm, self.streams) == double.text

    async def test_the_pieces_are_the_whole(self, double):
        async with self.make(double) as llm:
            whole = await llm.chat(HELLO)
            pieces = [delta async for delta in llm.stream(HELLO)]
        assert "".join(piece.text for piece in pieces) == whole.text == double.text
        assert pieces[-1].finish_reason == whole.finish_reason
        assert pieces[-1].usage == whole.usage
        if self.streams:
            assert sum(bool(piece.text) for piece in pieces) > 3

    async def test_usage_is_counted(self, double):
        async with self.make(double) as llm:
            usage = (await llm.chat(HELLO)).usage
        assert usage.prompt_tokens > 0
        assert usage.completion_tokens > 0

    async def test_keep_alives_are_passed_over(self, double):
        if not self.streams:
            return
        async with self.make(double) as llm:
            for after in (0, 1, 400, 100_000):
                double.will(Behaviour(insert=double.keep_alive, after=after))
                assert await self.ask(llm, streamed=True) == double.text

    async def test_a_cut_stream_fails_after_what_it_said(self, double):
        if not self.streams:
            return
        whole = await self._streamed_bytes(double)
        said, error = await self._broken(double, Behaviour(cut=whole * 2 // 3))
        assert isinstance(error, ConnectionFailed)
        assert said
        assert double.text.startswith(said)

    async def test_a_stream_without_its_end_is_not_taken_for_whole(self, double):
        if not self.streams:
            return
        said, error = await self._broken(double, Behaviour(drop=double.ending))
        assert isinstance(error, ConnectionFailed | MalformedResponse)
        assert said == double.text

    async def test_a_malformed_line_breaks_the_stream(self, double):
        if not self.streams:
            return
        whole = await self._streamed_bytes(double)
        said, error = await self._broken(
            double, Behaviour(insert=double.malformed, after=whole // 2)
        )
        assert isinstance(error, MalformedResponse)
        assert double.text.startswith(said)

    async def test_an_error_in_the_middle_of_a_stream(self, double):
        if not self.streams or double.mid_stream is None:
            return
        whole = await self._streamed_bytes(double)
        said, error = await self._broken(
            double, Behaviour(insert=double.mid_stream, after=whole // 2)
        )
        assert not isinstance(error, MalformedResponse)
        assert error.code or error.status
        assert double.text.startswith(said)

    async def _streamed_bytes(self, double: VendorDouble) -> int:
        """Bytes of a whole stream, as the double sends it."""
        async with self.make(double) as llm:
            await self.ask(llm, streamed=True)
        return double.sent

    async def _broken(self, double: VendorDouble, how: Behaviour) -> tuple[str, ProviderError]:
        double.will(how)
        said = ""
        async with self.make(double) as llm:
            with pytest.raises(ProviderError) as caught:
                async for delta in llm.stream(HELLO):
                    said += delta.text
        assert caught.value.provider == self.provider
        return said, caught.value

    # deadlines

    async def test_a_vendor_that_hangs_is_given_up(self, double, streamed):
        double.will(Behaviour(hang=True))
        started = time.monotonic()
        error = await self.failure(self.make(double, timeout_seconds=0.3), streamed)
        assert isinstance(error, ProviderTimeout)
        assert error.retryable
        assert time.monotonic() - started < 2

    async def test_a_vendor_that_drips_is_given_up(self, double, streamed):
        double.will(Behaviour(split=1, pause=0.1))
        started = time.monotonic()
        llm = self.make(double, timeout_seconds=0.4, idle_timeout_seconds=5)
        assert isinstance(await self.failure(llm, streamed), ProviderTimeout)
        assert time.monotonic() - started < 2

    async def test_silence_between_two_pieces_is_given_up(self, double):
        double.will(Behaviour(pause=5.0))
        llm = self.make(double, timeout_seconds=30, idle_timeout_seconds=0.3)
        started = time.monotonic()
        if self.streams:
            assert isinstance(await self.failure(llm, streamed=True), ProviderTimeout)
        assert time.monotonic() - started < 2

    # connections

    async def test_a_hundred_calls_open_one_connection(self, double):
        async with self.make(double) as llm:
            for _ in range(50):
                await llm.chat(HELLO)
                await self.ask(llm, self.streams)
        assert len(double.requests) >= 100
        assert double.connections == 1

    async def test_a_cancelled_call_hangs_up(self, double, streamed):
        double.will(Behaviour(hang=True))
        async with self.make(double) as llm:
            task = asyncio.create_task(self.ask(llm, streamed))
            await _until(lambda: double.requests)
            task.cancel()
            await asyncio.wait([task])
            await _until(lambda: double.open == 0)
        assert double.abandoned == 1

    async def test_a_stream_that_is_left_hangs_up(self, double):
        if not self.streams:
            return
        double.says("word " * 100)
        double.will(Behaviour(pause=0.05))
        async with self.make(double) as llm:
            async with aclosing(llm.stream(HELLO)) as deltas:
                async for delta in deltas:
                    if delta.text:
                        break
            await _until(lambda: double.open == 0)
            assert await self.ask(llm, streamed=True) == double.text

    def test_two_loops_in_a_row(self, double):
        llm = self.make(double)

        async def once() -> str:
            try:
                return await self.ask(llm, self.streams)
            finally:
                await llm.aclose()

        assert asyncio.run(once()) == asyncio.run(once()) == double.text

    async def test_it_recovers_when_the_vendor_does(self, double, streamed):
        async with self.make(double) as llm:
            assert await self.ask(llm, streamed) == double.text
            with double.down():
                with pytest.raises(ConnectionFailed) as caught:
                    await self.ask(llm, streamed)
                assert caught.value.retryable
                assert str(double.port) in str(caught.value)
            assert await self.ask(llm, streamed) == double.text

    async def test_many_at_once(self, double):
        async with self.make(double) as llm:
            texts = await asyncio.gather(*(self.ask(llm, n % 2 == 0) for n in range(30)))
        assert set(texts) == {double.text}

    # JSON

    @pytest.mark.parametrize(
        "text",
        [GOOD, f"```json\n{GOOD}\n```", f"Sure! Here it is:\n{GOOD}\nAnything else?"],
        ids=["bare", "fenced", "in prose"],
    )
    async def test_json_is_found(self, double, text):
        double.says(text)
        async with self.make(double) as llm:
            assert await self._json(llm) == json.loads(GOOD)
        assert len(double.requests) == 1

    async def test_cut_json_is_asked_for_again(self, double):
        double.says(GOOD[:17], GOOD)
        async with self.make(double) as llm:
            assert await self._json(llm) == json.loads(GOOD)

    async def test_json_that_stays_cut_is_malformed(self, double):
        double.says(GOOD[:17], GOOD[:18])
        async with self.make(double) as llm:
            with pytest.raises(MalformedResponse):
                await self._json(llm)

    async def _json(self, llm: LLMProvider) -> Mapping[str, Any]:
        messages = [{"role": "user", "content": "I am happy. Answer in JSON."}]
        return await llm.generate_json(messages, schema=SCHEMA)

    # models and parameters

    async def test_each_task_has_its_model(self, double):
        models = {"main": "for-talk", "processing": "for-work"}
        analysis = ChatRequest(messages=HELLO.messages, task="analysis")
        own = ChatRequest(messages=HELLO.messages, model="of-my-own")
        async with self.make(double, models=models) as llm:
            for request, model in ((HELLO, "for-talk"), (analysis, "for-work"), (own, "of-my-own")):
                await llm.chat(request)
                assert self.model_in(double) == model

    async def test_a_parameter_that_the_model_refuses(self, double):
        if self.refused is None:
            return
        model, parameter = self.refused
        options = {} if parameter in {"temperature", "max_tokens"} else {parameter: 1}
        direct = {} if options else {parameter: 1}
        request = ChatRequest(messages=HELLO.messages, model=model, options=options, **direct)
        async with self.make(double) as llm:
            with pytest.raises(InvalidRequest, match=parameter):
                await llm.chat(request)
        assert double.requests == []
        async with self.make(double, drop_unsupported=True) as llm:
            await llm.chat(request)
        assert parameter not in self.parameters_in(double)

    async def test_the_price_is_the_configured_one(self, double):
        prices = {"gold": {"input": 1.0, "output": 2.0}}
        async with self.make(double, models={"main": "gold"}, prices=prices) as llm:
            usage = (await llm.chat(HELLO)).usage
        expected = (usage.prompt_tokens + 2 * usage.completion_tokens) / 1_000_000
        assert usage.cost == pytest.approx(expected)

    # bad input

    @pytest.mark.parametrize(
        "messages",
        [
            (),
            (ChatMessage("user", ""),),
            (ChatMessage("wizard", "Hello"),),  # type: ignore[arg-type]
            (ChatMessage("user", "half a \ud83d smile"),),
        ],
        ids=["none", "empty", "role", "surrogate"],
    )
    async def test_messages_that_cannot_be_sent(self, double, streamed, messages):
        async with self.make(double) as llm:
            with pytest.raises((InvalidRequest, InputError)):
                await self.ask(llm, streamed, ChatRequest(messages=messages))
        assert double.requests == []

    @pytest.mark.parametrize(
        "value", [float("nan"), object(), "\ud83d"], ids=["nan", "object", "surrogate"]
    )
    async def test_options_that_cannot_be_sent(self, double, value):
        request = ChatRequest(messages=HELLO.messages, options={"luminora_odd": value})
        async with self.make(double) as llm:
            with pytest.raises((InvalidRequest, InputError)):
                await llm.chat(request)
        assert double.requests == []

    @pytest.mark.parametrize("key", [None, "", "   ", "sk-line\nbreak-0123456789"])
    async def test_a_key_that_cannot_be_used(self, double, key):
        if self.key_env is None or not (self.key_needed or (key or "").strip()):
            return
        with pytest.raises(CredentialsMissing, match=self.key_env) as caught:
            self.make(double, key=key)
        assert caught.value.exit_code == 4
        assert "0123456789" not in str(caught.value)

    async def test_plain_http_to_another_machine_is_refused(self, double):
        with pytest.raises(ConfigError, match="http://"):
            self.make(double, api_base="http://models.example.com/v1")
        await self.make(double, api_base="http://models.example.com", allow_insecure=True).aclose()

    @pytest.mark.parametrize("url", ["models.example.com", "ftp://x.example.com", "https://", "x"])
    async def test_an_address_that_is_none(self, double, url):
        with pytest.raises(ConfigError):
            self.make(double, api_base=url)

    async def test_the_key_travels_in_a_header_only(self, double):
        async with self.make(double) as llm:
            await self.ask(llm, streamed=False)
            await self.ask(llm, self.streams)
            await llm.check()
        for asked in double.requests:
            assert KEY not in f"{asked.path}?{asked.query}"
            assert KEY.encode() not in asked.body
            if self.key_env is not None:
                assert KEY in str(asked.headers)

    # health

    async def test_a_check_says_what_is_wrong(self, double):
        async with self.make(double) as llm:
            found = await llm.check()
            assert found.status is Status.OK
            assert found.data["model"]
            if double.requests:
                with double.down():
                    found = await llm.check()
                assert found.status is Status.ERROR
                assert str(double.port) in found.detail
                double.will(double.refusals["bad_key"])
                found = await llm.check()
                assert found.status is Status.ERROR
                assert KEY not in found.detail

    async def test_closing_twice_is_harmless(self, double):
        llm = self.make(double)
        await llm.aclose()
        await self.ask(llm, streamed=False)
        await llm.aclose()
        await llm.aclose()


async def _until(condition: Any, seconds: float = 3.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.005)


__all__ = ["GOOD", "HELLO", "MEANINGS", "SCHEMA", "LuminoraError", "WireBehaviour"]
