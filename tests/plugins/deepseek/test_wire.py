from __future__ import annotations

from typing import ClassVar

import pytest

from tests.plugins.embedding_behaviour import EmbeddingWireBehaviour
from tests.plugins.llm_behaviour import WireBehaviour
from tests.servers.vendors.imitators import DeepSeekDouble, DeepSeekWithEmbeddings


@pytest.mark.backend("llm deepseek", against=DeepSeekDouble.title)
class TestChat(WireBehaviour):
    double_class = DeepSeekDouble
    provider = "deepseek"
    key_env = "DEEPSEEK_API_KEY"
    base = "/v1"


@pytest.mark.backend("embedding deepseek", against=DeepSeekWithEmbeddings.title)
class TestEmbeddingsWhereTheyAreServed(EmbeddingWireBehaviour):
    double_class = DeepSeekWithEmbeddings
    provider = "deepseek"
    key_env = "DEEPSEEK_API_KEY"
    base = "/v1"
    config: ClassVar = {"model": "of-sixteen"}
