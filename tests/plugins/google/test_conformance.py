from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from luminora.testing import EmbeddingConformance, LLMConformance, declared_capabilities
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built
from tests.servers.vendors.google import GoogleDouble

ENV = {"GOOGLE_API_KEY": KEY}


class OnDouble:
    @pytest.fixture(autouse=True)
    def double(self) -> Iterator[None]:
        self.vendor = GoogleDouble()
        with self.vendor.running():
            yield


@pytest.mark.backend("llm google", against=GoogleDouble.title)
class TestGemini(OnDouble, LLMConformance):
    capabilities: ClassVar = {
        **declared_capabilities("luminora_google", "llm", "google"),
        "deterministic": "full",  # the double says what it is told to
    }
    models: ClassVar = {}

    async def make_provider(self):
        config = {"api_base": self.vendor.url, "models": self.models}
        return built("llm", "google", config, ENV)


class TestModelOfTheSeeds(TestGemini):
    models: ClassVar = {"main": "gemini-2.0-flash-exp"}


class TestModelWithoutJson(TestGemini):
    models: ClassVar = {"main": "gemma-4-31b-it"}


@pytest.mark.backend("embedding google", against=GoogleDouble.title)
class TestEmbeddings(OnDouble, EmbeddingConformance):
    capabilities: ClassVar = declared_capabilities("luminora_google", "embedding", "google")
    config: ClassVar = {}

    async def make_provider(self):
        return built("embedding", "google", {"api_base": self.vendor.url, **self.config}, ENV)


class TestShortVectors(TestEmbeddings):
    config: ClassVar = {"model": "gemini-embedding-001", "dimension": 768}
