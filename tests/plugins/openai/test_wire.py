from __future__ import annotations

from typing import ClassVar

import pytest

from luminora.testing.doubles.openai import OpenAIDouble
from tests.plugins.embedding_behaviour import EmbeddingWireBehaviour
from tests.plugins.llm_behaviour import WireBehaviour


@pytest.mark.backend("llm openai", against=OpenAIDouble.title)
class TestChat(WireBehaviour):
    double_class = OpenAIDouble
    provider = "openai"
    key_env = "OPENAI_API_KEY"
    base = "/v1"
    refused = ("gpt-5-mini", "temperature")


@pytest.mark.backend("embedding openai", against=OpenAIDouble.title)
class TestEmbeddings(EmbeddingWireBehaviour):
    double_class = OpenAIDouble
    provider = "openai"
    key_env = "OPENAI_API_KEY"
    base = "/v1"
    config: ClassVar = {"model": "of-sixteen"}
