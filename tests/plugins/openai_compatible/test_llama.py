"""llama.cpp's own server, a real peer: the format is the one that others speak, not only ours."""

from __future__ import annotations

from typing import ClassVar

import pytest

from luminora.errors import AuthenticationFailed
from luminora.testing import EmbeddingConformance, LLMConformance, declared_capabilities
from tests.plugins.building import built
from tests.plugins.llm_behaviour import HELLO

pytestmark = [pytest.mark.xdist_group("llama.cpp")]


def section(server):
    return {"api_base": server.base_url, "api_key_env": "LLAMA_API_KEY"}


def llm(server, key=None, **config):
    settings = {**section(server), "models": {"main": server.model}, **config}
    return built("llm", "openai-compatible", settings, {"LLAMA_API_KEY": key or server.key})


@pytest.mark.backend("llm openai-compatible", against="llama.cpp")
class TestChat(LLMConformance):
    capabilities: ClassVar = {
        **declared_capabilities("luminora_openai_compatible", "llm", "openai-compatible"),
    }

    async def make_provider(self):
        return llm(self.request.getfixturevalue("llama_server"), options={"seed": 1})


@pytest.mark.backend("embedding openai-compatible", against="llama.cpp")
class TestEmbeddings(EmbeddingConformance):
    capabilities: ClassVar = {
        **declared_capabilities("luminora_openai_compatible", "embedding", "openai-compatible"),
        "meaning": "unsupported",  # the model's weights are chance
    }
    config: ClassVar = {}

    async def make_provider(self):
        server = self.request.getfixturevalue("llama_embedder")
        settings = {**section(server), "model": server.model, "batch_size": 4, **self.config}
        env = {"LLAMA_API_KEY": server.key}
        return built("embedding", "openai-compatible", settings, env)


class TestEmbeddingsAsBase64(TestEmbeddings):
    config: ClassVar = {"encoding": "base64"}


@pytest.mark.backend("llm openai-compatible", against="llama.cpp")
async def test_a_wrong_key_is_refused(llama_server):
    async with llm(llama_server, key="sk-not-the-servers-own") as wrong:
        with pytest.raises(AuthenticationFailed) as caught:
            await wrong.chat(HELLO)
    assert caught.value.status == 401
    assert "sk-not" not in str(caught.value)


@pytest.mark.backend("llm openai-compatible", against="llama.cpp")
async def test_usage_of_a_stream_is_that_of_the_whole(llama_server):
    async with llm(llama_server, options={"seed": 1, "temperature": 0, "max_tokens": 20}) as llama:
        whole = await llama.chat(HELLO)
        pieces = [delta async for delta in llama.stream(HELLO)]
    assert "".join(piece.text for piece in pieces) == whole.text
    assert pieces[-1].usage == whole.usage
    assert whole.usage.prompt_tokens > 0
    assert pieces[-1].finish_reason == whole.finish_reason
