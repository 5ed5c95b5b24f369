from __future__ import annotations

from typing import ClassVar

import pytest

from luminora.testing import EmbeddingConformance, LLMConformance, declared_capabilities
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built
from tests.servers.vendors.imitators import HuggingFaceDouble

ENV = {"HF_TOKEN": KEY}


@pytest.fixture(scope="module")
def double():
    with HuggingFaceDouble().running() as running:
        yield running


@pytest.mark.backend("llm huggingface", against=HuggingFaceDouble.title)
class TestChat(LLMConformance):
    capabilities: ClassVar = {
        **declared_capabilities("luminora_huggingface", "llm", "huggingface"),
        "deterministic": "full",  # the double is
    }

    async def make_provider(self):
        double = self.request.getfixturevalue("double")
        config = {"api_base": double.url + "/v1"}
        return built("llm", "huggingface", config, ENV)


@pytest.mark.backend("embedding huggingface", against=HuggingFaceDouble.title)
class TestEmbeddings(EmbeddingConformance):
    capabilities = declared_capabilities("luminora_huggingface", "embedding", "huggingface")

    async def make_provider(self):
        double = self.request.getfixturevalue("double")
        config = {"api_base": double.url + "/v1", "model": "thenlper/gte-large"}
        return built("embedding", "huggingface", config, ENV)
