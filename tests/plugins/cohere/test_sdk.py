"""The double as the official SDK sees it, over the SDK's own HTTP client; and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cohere import ClientV2
from cohere.core.api_error import ApiError

from tests.servers.vendors.cohere import CohereDouble

pytestmark = [
    pytest.mark.backend("llm cohere", against=CohereDouble.title),
    pytest.mark.xdist_group("cohere"),
]
TURNS = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def cohere():
    double = CohereDouble()
    with double.running(), ClientV2(api_key=double.key, base_url=double.url, max_retries=0) as sdk:
        yield double, sdk


def test_the_sdk_reads_answers_streams_vectors_and_models(cohere):
    double, sdk = cohere
    answer = sdk.chat(model="m", messages=TURNS)
    assert answer.message.content[0].text == double.text
    events = list(sdk.chat_stream(model="m", messages=TURNS))
    said = [one.delta.message.content.text for one in events if one.type == "content-delta"]
    assert "".join(said) == double.text
    assert events[-1].delta.usage == answer.usage
    found = sdk.embed(
        model="embed-v4.0",
        texts=["a", "b"],
        input_type="search_query",
        embedding_types=["float"],
    )
    assert [len(vector) for vector in found.embeddings.float_] == [1536, 1536]
    assert sdk.models.list().models


@pytest.mark.parametrize("meaning", CohereDouble.refusals)
def test_the_sdk_raises_for_refusals(cohere, meaning):
    double, sdk = cohere
    double.will(double.refusals[meaning])
    with pytest.raises(ApiError) as caught:
        sdk.chat(model="m", messages=TURNS)
    assert caught.value.status_code == double.refusals[meaning].status


def test_building_the_providers_loads_no_sdk():
    program = """
import sys
from tests.plugins.building import built
key = {"COHERE_API_KEY": "x" * 20}
built("llm", "cohere", {}, key), built("embedding", "cohere", {}, key)
assert not {"cohere", "httpx", "aiohttp", "pydantic"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
