from __future__ import annotations

from typing import ClassVar

import pytest

from luminora.testing import EmbeddingConformance, LLMConformance, declared_capabilities
from tests.plugins.building import built
from tests.servers.vendors.ollama import OllamaDouble

pytestmark = pytest.mark.xdist_group("ollama")


@pytest.fixture
def ollama():
    double = OllamaDouble()
    with double.running():
        yield double


@pytest.mark.backend("llm ollama", against=OllamaDouble.title)
class TestLLM(LLMConformance):
    capabilities = declared_capabilities("luminora_ollama", "llm", "ollama")

    async def make_provider(self):
        double = self.request.getfixturevalue("ollama")
        return built("llm", "ollama", {"api_base": double.url}, {})


@pytest.mark.backend("embedding ollama", against=OllamaDouble.title)
class TestEmbeddings(EmbeddingConformance):
    capabilities: ClassVar = {
        **declared_capabilities("luminora_ollama", "embedding", "ollama"),
        "meaning": "unsupported",  # a double's vectors have none
    }

    async def make_provider(self):
        double = self.request.getfixturevalue("ollama")
        return built("embedding", "ollama", {"api_base": double.url, "model": "tiny"}, {})
