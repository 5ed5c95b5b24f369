from __future__ import annotations

from typing import ClassVar

import pytest

from luminora.testing import EmbeddingConformance, LLMConformance, declared_capabilities
from luminora.testing.doubles.openai import OpenAIDouble
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built

ENV = {"MODEL_SERVER_KEY": KEY}


@pytest.fixture(scope="module")
def double():
    with OpenAIDouble().running() as running:
        yield running


@pytest.mark.backend("llm openai-compatible", against=OpenAIDouble.title)
class TestChat(LLMConformance):
    capabilities: ClassVar = {
        **declared_capabilities("luminora_openai_compatible", "llm", "openai-compatible"),
        "deterministic": "full",  # the double is
    }

    async def make_provider(self):
        double = self.request.getfixturevalue("double")
        config = {
            "api_base": double.url + "/v1",
            "api_key_env": "MODEL_SERVER_KEY",
            "models": {"main": "m"},
        }
        return built("llm", "openai-compatible", config, ENV)


@pytest.mark.backend("embedding openai-compatible", against=OpenAIDouble.title)
class TestEmbeddings(EmbeddingConformance):
    capabilities = declared_capabilities(
        "luminora_openai_compatible", "embedding", "openai-compatible"
    )

    async def make_provider(self):
        double = self.request.getfixturevalue("double")
        config = {
            "api_base": double.url + "/v1",
            "api_key_env": "MODEL_SERVER_KEY",
            "model": "of-sixteen",
        }
        return built("embedding", "openai-compatible", config, ENV)
