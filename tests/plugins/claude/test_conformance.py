from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from luminora.testing import LLMConformance, declared_capabilities
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built
from tests.servers.vendors.anthropic import AnthropicDouble

pytestmark = [pytest.mark.backend("llm claude", against=AnthropicDouble.title)]


class TestClaude(LLMConformance):
    capabilities: ClassVar = {
        **declared_capabilities("luminora_claude", "llm", "claude"),
        "deterministic": "full",  # the double says what it is told to
    }
    models: ClassVar = {}

    @pytest.fixture(autouse=True)
    def double(self) -> Iterator[None]:
        self.vendor = AnthropicDouble()
        with self.vendor.running():
            yield

    async def make_provider(self):
        config = {
            "api_base": self.vendor.url,
            "models": self.models,
            "drop_unsupported": True,  # the suite asks for a temperature
        }
        return built("llm", "claude", config, {"ANTHROPIC_API_KEY": KEY})


class TestWithoutStructuredOutputs(TestClaude):
    models: ClassVar = {"main": "claude-3-5-haiku-20241022"}
