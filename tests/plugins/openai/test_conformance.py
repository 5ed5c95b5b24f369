from __future__ import annotations

from typing import ClassVar

import pytest

from luminora.testing import EmbeddingConformance, LLMConformance, declared_capabilities
from luminora.testing.doubles.openai import OpenAIDouble
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built

ENV = {"OPENAI_API_KEY": KEY}


@pytest.fixture(scope="module")
def double():
    with OpenAIDouble().running() as running:
        yield running


@pytest.mark.backend("llm openai", against=OpenAIDouble.title)
class TestChat(LLMConformance):
    capabilities: ClassVar = {
        **declared_capabilities("luminora_openai", "llm", "openai"),
        "deterministic": "full",  # the double is
    }

    async def make_provider(self):
        double = self.request.getfixturevalue("double")
        config = {"api_base": double.url + "/v1"}
        return built("llm", "openai", config, ENV)


@pytest.mark.backend("embedding openai", against=OpenAIDouble.title)
class TestEmbeddings(EmbeddingConformance):
    capabilities = declared_capabilities("luminora_openai", "embedding", "openai")

    async def make_provider(self):
        double = self.request.getfixturevalue("double")
        config = {"api_base": double.url + "/v1", "dimension": 64}
        return built("embedding", "openai", config, ENV)
