from __future__ import annotations

from typing import ClassVar

import pytest

from luminora.testing import EmbeddingConformance, LLMConformance, declared_capabilities
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built
from tests.servers.vendors.mistral import MistralDouble

pytestmark = pytest.mark.xdist_group("mistral")


@pytest.fixture
def mistral():
    double = MistralDouble()
    with double.running():
        yield double


@pytest.mark.backend("llm mistral", against=MistralDouble.title)
class TestLLM(LLMConformance):
    capabilities = declared_capabilities("luminora_mistral", "llm", "mistral")

    async def make_provider(self):
        double = self.request.getfixturevalue("mistral")
        return built("llm", "mistral", {"api_base": double.url}, {"MISTRAL_API_KEY": KEY})


@pytest.mark.backend("embedding mistral", against=MistralDouble.title)
class TestEmbeddings(EmbeddingConformance):
    capabilities: ClassVar = {
        **declared_capabilities("luminora_mistral", "embedding", "mistral"),
        "meaning": "unsupported",  # a double's vectors have none
    }

    async def make_provider(self):
        double = self.request.getfixturevalue("mistral")
        return built("embedding", "mistral", {"api_base": double.url}, {"MISTRAL_API_KEY": KEY})
