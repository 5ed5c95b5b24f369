"""SDKs on our HTTP client: what reaches them, and what their failures become."""

from __future__ import annotations

import httpx
import pytest

from luminora.errors import InvalidRequest, MalformedResponse, Overloaded
from luminora.providers.carried import Carried, client
from luminora.providers.http import HttpClient
from luminora.testing.doubles.openai import OpenAIDouble
from luminora.testing.doubles.vendor import Behaviour, Reply


class Sdk(Carried):
    name, secrets, config, made = "sdk", (), {}, 0

    def __init__(self, url):
        self.http = HttpClient(url, provider="sdk")

    def connected(self):
        self.made += 1
        return client(self.http, httpx, self.trouble)


@pytest.fixture
def double():
    double = OpenAIDouble()
    with double.running():
        yield double


@pytest.fixture
async def sdk(double):
    sdk = Sdk(double.url)
    yield sdk
    await sdk.http.aclose()


def events(*datas):
    pieces = [f"data: {data}\n\n".encode() for data in datas]
    return Reply(body=pieces, content_type="text/event-stream; charset=utf-8")


async def lines(sdk, url):
    http = await sdk.sdk()
    async with http.stream("POST", url, json={"stream": True}) as response:
        return [line async for line in response.aiter_lines() if line]


async def test_events_arrive_whole_and_in_ascii(double, sdk):
    double.will(Behaviour(reply=events('{"text": "¡\u2028!"}', "[DONE]"), split=1))
    found = await lines(sdk, f"{double.url}/v1/x#fragment")
    assert found == ['data: {"text":"\\u00a1\\u2028!"}', "data: [DONE]"]
    assert (double.requests[-1].path, double.requests[-1].json) == ("/v1/x", {"stream": True})


async def test_an_event_that_is_no_json_is_an_error_not_a_gap(double, sdk):
    double.will(events('{"text": 1}', '{"tex'))
    with pytest.raises(MalformedResponse), sdk.asking("m"):
        await lines(sdk, double.url)


@pytest.mark.parametrize("data", ['{"error": {"message": "busy"}}', '{"object": "error"}'])
async def test_an_event_that_reports_a_failure(double, sdk, data):
    double.will(events(data))
    with pytest.raises(Overloaded) as caught, sdk.asking("m"):
        await lines(sdk, double.url)
    assert (caught.value.provider, caught.value.model) == ("sdk", "m")


async def test_a_request_that_is_cut_short_hangs_up(double, sdk):
    http = await sdk.sdk()
    double.will(Behaviour(reply=events(*["{}"] * 100), pause=0.05))
    async with http.stream("POST", double.url, json={"stream": True}) as response:
        async for _ in response.aiter_lines():
            break
    await sdk.http.aclose()
    assert len(double.requests) == 1


async def test_what_an_sdk_raises_is_about_the_request_until_an_answer_came(double, sdk):
    http = await sdk.sdk()
    with pytest.raises(InvalidRequest), sdk.asking("m"):
        raise ValueError("odd parameter")
    double.will(Reply(body={}))
    with pytest.raises(MalformedResponse), sdk.asking("m"):
        await http.post(double.url, json={})
        raise ValueError("odd answer")


async def test_the_sdk_is_made_once(sdk):
    assert await sdk.sdk() is await sdk.sdk()
    assert sdk.made == 1
