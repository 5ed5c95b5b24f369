from __future__ import annotations

from typing import ClassVar

import pytest

from luminora.testing import LLMConformance, declared_capabilities
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built
from tests.servers.vendors.imitators import GroqDouble

ENV = {"GROQ_API_KEY": KEY}


@pytest.fixture(scope="module")
def double():
    with GroqDouble().running() as running:
        yield running


@pytest.mark.backend("llm groq", against=GroqDouble.title)
class TestChat(LLMConformance):
    capabilities: ClassVar = {
        **declared_capabilities("luminora_groq", "llm", "groq"),
        "deterministic": "full",  # the double is
    }

    async def make_provider(self):
        double = self.request.getfixturevalue("double")
        config = {"api_base": double.url + "/openai/v1"}
        return built("llm", "groq", config, ENV)
