from __future__ import annotations

import pytest

from luminora.testing import LLMConformance, declared_capabilities
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built
from tests.servers.vendors.replicate import ReplicateDouble

pytestmark = [
    pytest.mark.backend("llm replicate", against=ReplicateDouble.title),
    pytest.mark.xdist_group("replicate"),
]


@pytest.fixture
def replicate():
    double = ReplicateDouble()
    with double.running():
        yield double


class TestLLM(LLMConformance):
    capabilities = declared_capabilities("luminora_replicate", "llm", "replicate")

    async def make_provider(self):
        double = self.request.getfixturevalue("replicate")
        if "json" in self.request.node.name:
            double.says('{"mood": "happy", "score": 9}')
        return built("llm", "replicate", {"api_base": double.url}, {"REPLICATE_API_TOKEN": KEY})
