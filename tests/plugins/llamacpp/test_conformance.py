from __future__ import annotations

import pytest

from luminora.testing import LLMConformance, declared_capabilities

pytestmark = pytest.mark.backend("llm llamacpp", against="llama.cpp, a tiny random GGUF")


class TestLlamaCpp(LLMConformance):
    capabilities = declared_capabilities("luminora_llamacpp", "llm", "llamacpp")

    async def make_provider(self):
        return self.request.getfixturevalue("make")()


class TestTwoAtOnce(LLMConformance):
    capabilities = declared_capabilities("luminora_llamacpp", "llm", "llamacpp")

    async def make_provider(self):
        return self.request.getfixturevalue("make")(parallel=2)
