from __future__ import annotations

from dataclasses import replace

import pytest

from luminora.config import load_config
from luminora.errors import RateLimited, ResourceNotFound
from luminora.testing.doubles.openai import refusal
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built
from tests.plugins.llm_behaviour import HELLO, SCHEMA
from tests.servers.vendors.imitators import GroqDouble

pytestmark = pytest.mark.backend("llm groq", against=GroqDouble.title)

ENV = {"GROQ_API_KEY": KEY}


@pytest.fixture
def double():
    with GroqDouble().running() as running:
        yield running


def llm(double, **config):
    return built("llm", "groq", {"api_base": f"{double.url}/openai/v1", **config}, ENV)


def test_its_address():
    groq = built("llm", "groq", {}, ENV)
    assert groq.http.base_url == "https://api.groq.com/openai/v1"


async def test_the_limit_has_its_new_name(double):
    async with llm(double) as groq:
        await groq.chat(replace(HELLO, max_tokens=9))
    assert double.requests[-1].json["max_completion_tokens"] == 9


async def test_how_long_to_wait_is_taken_from_the_header_that_groq_sends(double):
    double.will(double.refusals["rate_limit"].having(retry_after="2"))
    async with llm(double) as groq:
        with pytest.raises(RateLimited) as caught:
            await groq.chat(HELLO)
    assert caught.value.retry_after == 2.0


async def test_a_model_that_was_switched_off_is_not_there(double):
    double.will(
        refusal(
            400,
            "The model `llama-3.3-70b-versatile` has been decommissioned",
            "invalid_request_error",
            "model_decommissioned",
        )
    )
    async with llm(double) as groq:
        with pytest.raises(ResourceNotFound, match="decommissioned"):
            await groq.chat(HELLO)


@pytest.mark.parametrize(
    ("model", "form"),
    [("openai/gpt-oss-120b", "json_schema"), ("llama-3.1-8b-instant", "json_object")],
)
async def test_models_differ_in_what_holds_them_to_json(double, model, form):
    async with llm(double, models={"main": model}) as groq:
        await groq.chat_json(replace(HELLO, schema=SCHEMA))
    assert double.requests[-1].json["response_format"]["type"] == form


def test_beside_it_memory_uses_the_vectors_of_this_machine():
    loaded = load_config({"llm_provider": "groq"}, env=ENV)
    assert loaded.document["embedding_provider"]["name"] == "static"
