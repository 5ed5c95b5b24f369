from __future__ import annotations

from typing import ClassVar

import pytest

from luminora.testing import EmbeddingConformance, LLMConformance, declared_capabilities
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built
from tests.servers.vendors.cohere import CohereDouble

pytestmark = pytest.mark.xdist_group("cohere")


@pytest.fixture
def cohere():
    double = CohereDouble()
    with double.running():
        yield double


@pytest.mark.backend("llm cohere", against=CohereDouble.title)
class TestLLM(LLMConformance):
    capabilities = declared_capabilities("luminora_cohere", "llm", "cohere")

    async def make_provider(self):
        double = self.request.getfixturevalue("cohere")
        return built("llm", "cohere", {"api_base": double.url}, {"COHERE_API_KEY": KEY})


@pytest.mark.backend("embedding cohere", against=CohereDouble.title)
class TestEmbeddings(EmbeddingConformance):
    capabilities: ClassVar = {
        **declared_capabilities("luminora_cohere", "embedding", "cohere"),
        "meaning": "unsupported",  # a double's vectors have none
    }

    async def make_provider(self):
        double = self.request.getfixturevalue("cohere")
        return built("embedding", "cohere", {"api_base": double.url}, {"COHERE_API_KEY": KEY})
