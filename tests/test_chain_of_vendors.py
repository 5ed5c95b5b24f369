"""A chain of two vendors and the embedded responder, over real sockets."""

from __future__ import annotations

import asyncio
import time

import pytest

from luminora.client import LuminoraCoreClient
from luminora.config import load_config
from luminora.errors import ConnectionFailed
from luminora.providers import ChatMessage, ChatRequest
from luminora.stack import Stack
from luminora.testing.doubles.vendor import KEY, Behaviour, Reply
from tests.plugins.building import built
from tests.servers.vendors.anthropic import AnthropicDouble
from tests.servers.vendors.imitators import DeepSeekDouble

pytestmark = [
    pytest.mark.backend("llm gateway", against="our doubles of DeepSeek and of Anthropic"),
    pytest.mark.xdist_group("chain"),
]
ENV = {"DEEPSEEK_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
HELLO = ChatRequest(messages=(ChatMessage("user", "¿Qué tal?"),))
SECONDS = 2.0
TROUBLES = {
    "500": Reply(500, {"error": {"message": "oops"}}),
    "quota": DeepSeekDouble.refusals["quota"],
    "rate limit for long": DeepSeekDouble.refusals["rate_limit"].having(retry_after="60"),
    "hangs": Behaviour(hang=True),
    "cut": Behaviour(cut=0),
    "HTML": Reply(503, "<html>busy</html>", content_type="text/html"),
}


@pytest.fixture(scope="module")
def vendors():
    with DeepSeekDouble().running() as a, AnthropicDouble().running() as b:
        asyncio.run(warmed(a, b))
        yield a, b


async def warmed(a, b):
    """The HTTP client is imported with the first request, which may take longer than an attempt."""
    async with gateway(a, b) as chain:
        await chain.health()


@pytest.fixture
def a(vendors):
    vendors[0].reset()
    return vendors[0]


@pytest.fixture
def b(vendors):
    vendors[1].reset()
    vendors[1].says("Hola desde B")
    return vendors[1]


def settings(a, b, **more):
    """The gateway's settings; a retry would only repeat what the script says once."""
    chain = [
        {"name": "deepseek", "config": {"api_base": f"{a.url}/v1"}},
        {"name": "claude", "config": {"api_base": b.url}},
        "offline",
    ]
    return {"chain": chain, "retries": 0, "total_seconds": SECONDS, "attempt_seconds": 0.2, **more}


def gateway(a, b, **more):
    return built("llm", "gateway", settings(a, b, **more), ENV)


def outcomes(attempts):
    return [(one.provider, one.outcome) for one in attempts]


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
async def test_when_the_first_fails_the_second_answers_within_the_deadline(
    a, b, trouble, streaming
):
    a.will(trouble)
    began = time.monotonic()
    async with gateway(a, b) as chain:
        if streaming:
            deltas = [delta async for delta in chain.stream(HELLO)]
            text, attempts = "".join(delta.text for delta in deltas), deltas[-1].attempts
        else:
            result = await chain.chat(HELLO)
            text, attempts = result.text, result.attempts
    assert text == "Hola desde B"
    assert outcomes(attempts) == [("deepseek", "failed"), ("claude", "ok")]
    assert time.monotonic() - began < SECONDS
    assert len(a.requests) == len(b.requests) == 1


async def test_with_both_down_the_embedded_responder_answers_and_says_so(a, b):
    overrides = {"llm_provider": {"name": "gateway", "config": settings(a, b)}}
    config = load_config({**overrides, "embedding_provider": "static"}, env=ENV)
    with a.down(), b.down():
        async with LuminoraCoreClient(Stack.build(config)) as client:
            session = await client.create_session("diego", "sakura")
            said = await client.send_message(session, "Hola, soy Diego")
    assert said.text
    assert said.degraded
    assert "deepseek: ConnectionFailed" in said.degraded_reason
    assert "claude: ConnectionFailed" in said.degraded_reason
    assert outcomes(said.attempts)[-1] == ("offline", "ok")


async def test_a_stream_that_is_cut_later_carries_what_had_come(a, b):
    a.text = "una respuesta bastante larga " * 20
    a.will(Behaviour(split=64, cut=1500))
    async with gateway(a, b) as chain:
        with pytest.raises(ConnectionFailed) as caught:
            [delta async for delta in chain.stream(HELLO)]
    assert caught.value.partial_text
    assert a.text.startswith(caught.value.partial_text)
    assert not b.requests


async def test_cancelling_closes_the_connection(a, b):
    a.will(Behaviour(hang=True))
    async with gateway(a, b, attempt_seconds=30, total_seconds=60) as chain:
        task = asyncio.create_task(chain.chat(HELLO))
        while not a.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while not a.abandoned:
            await asyncio.sleep(0.01)
    assert not b.requests


async def test_health_asks_them_all(a, b):
    async with gateway(a, b) as chain:
        health = await chain.health()
        assert {label: one.status.value for label, one in health.items()} == {
            "deepseek": "ok",
            "claude": "ok",
            "offline": "ok",
        }
        with a.down():
            assert (await chain.check()).status == "warning"
