from __future__ import annotations

from typing import ClassVar

import pytest

from luminora.testing import EmbeddingConformance, LLMConformance, declared_capabilities
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built
from tests.servers.vendors.imitators import DeepSeekDouble, DeepSeekWithEmbeddings

ENV = {"DEEPSEEK_API_KEY": KEY}


@pytest.fixture(scope="module")
def double():
    with DeepSeekWithEmbeddings().running() as running:
        yield running


@pytest.mark.backend("llm deepseek", against=DeepSeekDouble.title)
class TestChat(LLMConformance):
    capabilities: ClassVar = {
        **declared_capabilities("luminora_deepseek", "llm", "deepseek"),
        "deterministic": "full",  # the double is
    }

    async def make_provider(self):
        double = self.request.getfixturevalue("double")
        config = {"api_base": double.url + "/v1"}
        return built("llm", "deepseek", config, ENV)


@pytest.mark.backend("embedding deepseek", against=DeepSeekDouble.title)
class TestEmbeddingsWhereTheyAreServed(EmbeddingConformance):
    capabilities = declared_capabilities("luminora_deepseek", "embedding", "deepseek")

    async def make_provider(self):
        double = self.request.getfixturevalue("double")
        config = {"api_base": double.url + "/v1", "model": "of-sixteen"}
        return built("embedding", "deepseek", config, ENV)
