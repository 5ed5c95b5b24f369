"""The double as the official SDK sees it, over the SDK's own HTTP client; and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from mistralai.client import Mistral, errors

from tests.servers.vendors.mistral import MistralDouble

pytestmark = [
    pytest.mark.backend("llm mistral", against=MistralDouble.title),
    pytest.mark.xdist_group("mistral"),
]
TURNS = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def mistral():
    double = MistralDouble()
    with double.running(), Mistral(api_key=double.key, server_url=double.url) as sdk:
        yield double, sdk


def test_the_sdk_reads_answers_streams_vectors_and_models(mistral):
    double, sdk = mistral
    answer = sdk.chat.complete(model="m", messages=TURNS)
    assert answer.choices[0].message.content == double.text
    with sdk.chat.stream(model="m", messages=TURNS) as events:
        chunks = [event.data for event in events]
    said = "".join(choice.delta.content for chunk in chunks for choice in chunk.choices)
    assert said == double.text
    assert chunks[-1].usage.total_tokens == answer.usage.total_tokens
    vectors = sdk.embeddings.create(model="mistral-embed", inputs=["a", "b"]).data
    assert [(one.index, len(one.embedding)) for one in vectors] == [(0, 1024), (1, 1024)]
    assert sdk.models.list().data


@pytest.mark.parametrize("meaning", MistralDouble.refusals)
def test_the_sdk_raises_for_refusals(mistral, meaning):
    double, sdk = mistral
    double.will(double.refusals[meaning])
    with pytest.raises(errors.MistralError) as caught:
        sdk.chat.complete(model="m", messages=TURNS)
    assert caught.value.status_code == double.refusals[meaning].status


def test_building_the_providers_loads_no_sdk():
    program = """
import sys
from tests.plugins.building import built
key = {"MISTRAL_API_KEY": "x" * 20}
built("llm", "mistral", {}, key), built("embedding", "mistral", {}, key)
assert not {"mistralai", "httpx2", "httpx", "aiohttp", "pydantic"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
