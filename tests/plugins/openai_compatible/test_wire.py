from __future__ import annotations

from typing import ClassVar

import pytest

from luminora.testing.doubles.openai import OpenAIDouble
from tests.plugins.embedding_behaviour import EmbeddingWireBehaviour
from tests.plugins.llm_behaviour import WireBehaviour


@pytest.mark.backend("llm openai-compatible", against=OpenAIDouble.title)
class TestChat(WireBehaviour):
    double_class = OpenAIDouble
    provider = "openai-compatible"
    key_env = "MODEL_SERVER_KEY"
    base = "/v1"
    config: ClassVar = {"api_key_env": "MODEL_SERVER_KEY", "models": {"main": "m"}}


@pytest.mark.backend("embedding openai-compatible", against=OpenAIDouble.title)
class TestEmbeddings(EmbeddingWireBehaviour):
    double_class = OpenAIDouble
    provider = "openai-compatible"
    key_env = "MODEL_SERVER_KEY"
    base = "/v1"
    config: ClassVar = {"api_key_env": "MODEL_SERVER_KEY", "model": "of-sixteen"}
