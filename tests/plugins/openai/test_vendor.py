from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from luminora.errors import ConfigError, InvalidRequest, QuotaExceeded
from luminora.providers import ChatRequest
from luminora.testing.doubles.openai import OpenAIDouble
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built
from tests.plugins.llm_behaviour import HELLO, SCHEMA

pytestmark = pytest.mark.backend("llm openai", against=OpenAIDouble.title)

ENV = {"OPENAI_API_KEY": KEY}


@pytest.fixture
def double():
    with OpenAIDouble().running() as running:
        yield running


def llm(double, **config):
    return built("llm", "openai", {"api_base": f"{double.url}/v1", **config}, ENV)


def embedding(double, **config):
    return built("embedding", "openai", {"api_base": f"{double.url}/v1", **config}, ENV)


async def test_the_limit_has_its_new_name(double):
    async with llm(double) as openai:
        await openai.chat(replace(HELLO, max_tokens=50, temperature=0.5))
    asked = double.requests[-1].json
    assert asked["max_completion_tokens"] == 50
    assert asked["temperature"] == 0.5
    assert "max_tokens" not in asked


@pytest.mark.parametrize(
    ("model", "accepted"),
    [
        ("gpt-5.4-mini", True),
        ("gpt-5.4-mini-2026-03-17", True),
        ("gpt-5.1", True),
        ("gpt-4o-mini", True),
        ("of-my-own", True),
        ("gpt-5", False),
        ("gpt-5-mini", False),
        ("gpt-5-nano-2025-08-07", False),
        ("gpt-5.5", False),
        ("gpt-5.6-luna", False),
        ("gpt-5.1-codex", False),
        ("o1", False),
        ("o3-mini", False),
        ("o4-mini-2025-04-16", False),
    ],
)
async def test_which_models_accept_a_temperature(double, model, accepted):
    request = ChatRequest(messages=HELLO.messages, model=model, temperature=0.5)
    async with llm(double) as openai:
        assert openai.accepts("temperature", request) is accepted
        if accepted:
            await openai.chat(request)
        else:
            with pytest.raises(InvalidRequest, match="temperature"):
                await openai.chat(request)
        assert await openai.generate([{"role": "user", "content": "Hi"}], model=model)
    assert ("temperature" in double.requests[-1].json) is accepted


async def test_a_schema_is_held_to_strictly(double):
    async with llm(double) as openai:
        found, _ = await openai.chat_json(replace(HELLO, schema=SCHEMA))
    form = double.requests[-1].json["response_format"]
    assert form["json_schema"]["strict"] is True
    assert form["json_schema"]["schema"] == SCHEMA
    assert found == {"mood": "calm", "score": 1}


async def test_an_old_model_without_json_gets_the_schema_in_words(double):
    double.says('{"mood": "calm", "score": 1}')
    async with llm(double, models={"main": "gpt-4"}) as openai:
        await openai.chat_json(replace(HELLO, schema=SCHEMA))
    asked = double.requests[-1].json
    assert "response_format" not in asked
    assert "JSON Schema" in asked["messages"][0]["content"]


async def test_a_used_up_quota_is_no_rate_limit(double):
    double.will(double.refusals["quota"])
    async with llm(double) as openai:
        with pytest.raises(QuotaExceeded) as caught:
            await openai.chat(HELLO)
    assert caught.value.status == 429
    assert not caught.value.retryable


async def test_half_a_key_in_the_vendors_words_is_not_repeated(double):
    masked = "Incorrect API key provided: sk-doubl********************mnop. Find it at https://x"
    refusal = double.refusals["bad_key"]
    double.will(replace(refusal, body={"error": {**refusal.body["error"], "message": masked}}))
    async with llm(double) as openai:
        with pytest.raises(Exception, match="redacted") as caught:
            await openai.chat(HELLO)
    assert "mnop" not in str(caught.value)
    assert "sk-doubl" not in str(caught.value)


async def test_the_price_of_a_call(double):
    async with llm(double) as openai:
        usage = (await openai.chat(HELLO)).usage
        streamed = [delta async for delta in openai.stream(HELLO)][-1].usage
        unknown = await openai.chat(replace(HELLO, model="of-my-own"))
    cost = (usage.prompt_tokens * 0.75 + usage.completion_tokens * 4.5) / 1_000_000
    assert usage.cost == streamed.cost == pytest.approx(cost)
    assert unknown.usage.cost is None


@pytest.mark.parametrize(
    ("model", "dimension"),
    [
        ("text-embedding-3-small", 1536),
        ("text-embedding-3-large", 3072),
        ("text-embedding-ada-002", 1536),
    ],
)
async def test_lengths_of_vectors_are_known_beforehand(double, model, dimension):
    async with embedding(double, model=model) as vectors:
        assert await vectors.get_dimension() == dimension
        assert double.requests == []
        assert len(await vectors.create_embedding("hola")) == dimension
    asked = double.requests[-1].json
    assert asked["encoding_format"] == "base64"
    assert "dimensions" not in asked


async def test_shorter_vectors_are_asked_for(double):
    async with embedding(double, dimension=512) as vectors:
        assert len(await vectors.create_embedding("hola")) == 512
    assert double.requests[-1].json["dimensions"] == 512


@pytest.mark.parametrize(
    ("model", "dimension"), [("text-embedding-ada-002", 512), ("text-embedding-3-small", 3072)]
)
def test_lengths_that_a_model_does_not_have(double, model, dimension):
    with pytest.raises(ConfigError, match=str(dimension)):
        embedding(double, model=model, dimension=dimension)


def test_as_many_texts_as_openai_takes(double):
    vectors = embedding(double)
    assert vectors.max_batch_size == 2048
    assert vectors.max_batch_tokens == 300_000
    assert vectors.max_text_tokens == 8192


def test_building_loads_no_sdk_and_no_http_library():
    code = (
        "import sys; from tests.plugins.building import built\n"
        "for name in ('openai', 'deepseek', 'groq', 'huggingface'):\n"
        "    env = dict.fromkeys(('OPENAI_API_KEY', 'DEEPSEEK_API_KEY', 'GROQ_API_KEY', "
        "'HF_TOKEN'), 'sk-0123456789')\n"
        "    built('llm', name, {}, env)\n"
        "heavy = {'openai', 'groq', 'huggingface_hub', 'httpx', 'httpx2', 'aiohttp', 'torch'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    root = __file__.partition("/tests/")[0]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
