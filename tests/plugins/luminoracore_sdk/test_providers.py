"""The vendors' classes, and configurations that name a vendor."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from luminoracore_sdk import LuminoraCoreClientV11, ProviderConfig, providers
from luminoracore_sdk.providers import DeepSeekProvider
from luminoracore_sdk.session.storage_sqlite_v11 import SQLiteStorageV11
from luminoracore_sdk.switchboard import MAX_LINES, Switchboard

from luminora import _index
from luminora.config import load_config
from luminora.errors import ConfigError, CredentialsMissing, ProviderUnknown
from luminora.providers import ChatMessage, ChatRequest
from luminora.testing.doubles.vendor import KEY
from tests.doubles import ScriptedLLM
from tests.servers.vendors.imitators import DeepSeekDouble

CLASSES = [name for name in providers.__all__ if name != "Provider"]


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_is_the_plugin_of_its_vendor(name):
    built = getattr(providers, name)(api_key=KEY, model="a-model")
    assert built.name == built.vendor
    assert KEY not in repr(vars(built))


@pytest.mark.parametrize("name", CLASSES)
def test_a_missing_plugin_is_an_error_with_the_line_that_installs_it(name, monkeypatch):
    whole = _index.Index.load()
    bare = _index.Index([one for one in whole.discoveries if one.distribution.name == "luminora"])
    monkeypatch.setattr(_index.Index, "load", lambda: bare)
    kind = getattr(providers, name)
    with pytest.raises(ProviderUnknown) as missing:
        kind(api_key=KEY)
    assert missing.value.hint == f"pip install luminora-{kind.vendor}"


def test_a_key_comes_from_the_vendors_variable_when_none_is_given(monkeypatch):
    monkeypatch.delenv("DEEPSEEK_API_KEY", raising=False)
    with pytest.raises(CredentialsMissing, match="DEEPSEEK_API_KEY"):
        DeepSeekProvider()
    monkeypatch.setenv("DEEPSEEK_API_KEY", KEY)
    assert DeepSeekProvider().name == "deepseek"


def test_settings_are_the_plugins_and_others_are_refused():
    built = DeepSeekProvider(api_key=KEY, timeout=3, max_retries=2, thinking="enabled")
    assert built.inner.config["timeout_seconds"] == 3
    assert built.inner.config["thinking"] == "enabled"
    with pytest.raises(ConfigError, match="tmeout"):
        DeepSeekProvider(api_key=KEY, tmeout=3)


def test_a_configuration_does_not_show_its_key():
    config = ProviderConfig(name="deepseek", api_key=KEY, extra={"headers": {"x": KEY}})
    assert KEY not in f"{config} {config!r}"
    assert "deepseek" in repr(config)
    assert ProviderConfig.of({"name": "deepseek", "api_key": KEY}).api_key == KEY


@pytest.mark.backend("llm deepseek", against=DeepSeekDouble.title)
async def test_a_provider_answers_by_itself():
    with DeepSeekDouble().running() as double:
        double.says("Hola.")
        async with DeepSeekProvider(api_key=KEY, base_url=f"{double.url}/v1") as provider:
            assert await provider.generate([{"role": "user", "content": "Hola"}]) == "Hola."


@pytest.mark.backend("llm deepseek", against=DeepSeekDouble.title)
async def test_persona_memory_and_model_reach_the_vendor(caplog):
    caplog.set_level(logging.DEBUG)
    with DeepSeekDouble().running() as double:
        config = ProviderConfig(
            name="deepseek", api_key=KEY, model="deepseek-chat", base_url=f"{double.url}/v1"
        )
        storage = SQLiteStorageV11("your_database.db")
        async with LuminoraCoreClientV11(None, storage) as client:
            await client.save_fact("carlos", "personal_info", "name", "Carlos")
            await storage.save_message("s", "user", "Voy al Himalaya", user_id="carlos")
            double.says("Te llamas Carlos.", '{"facts": [], "sentiment": "neutral"}')
            reply = await client.send_message_with_memory(
                "s", "¿Cómo me llamo?", "sakura", config, user_id="carlos"
            )
            again = await client.send_message_with_memory("s", "¿Seguro?", "sakura")
    assert reply.response == "Te llamas Carlos."
    assert (reply.provider, reply.model, reply.degraded) == ("deepseek", "deepseek-chat", False)
    assert again.provider == "deepseek"
    asked = double.requests[0]
    assert asked.key == KEY
    assert asked.json["model"] == "deepseek-chat"
    prompt = "\n".join(turn["content"] for turn in asked.json["messages"])
    assert asked.json["messages"][0]["role"] == "system"
    assert "Sakura" in asked.json["messages"][0]["content"]
    for known in ("Carlos", "Himalaya", "¿Cómo me llamo?"):
        assert known in prompt
    assert KEY not in caplog.text
    assert KEY.encode() not in b"".join(file.read_bytes() for file in Path.cwd().iterdir())


@pytest.mark.backend("llm deepseek", against=DeepSeekDouble.title)
async def test_a_wrong_key_degrades_is_told_and_shown_nowhere(caplog):
    wrong = "sk-wrong-0123456789abcdefghijklmnop"
    with DeepSeekDouble().running() as double:
        config = {"name": "deepseek", "api_key": wrong, "base_url": f"{double.url}/v1"}
        async with LuminoraCoreClientV11() as client:
            reply = await client.send_message_with_memory(
                "s", "Me llamo Carlos", "sakura", provider_config=config
            )
            facts = await client.get_facts("s")
            history = await client.storage_v11.get_history("s")
    assert reply.success
    assert reply.degraded
    assert "AuthenticationFailed" in reply.degraded_reason
    assert [fact.value for fact in facts] == ["Carlos"]
    assert history[-1].metadata["degraded"] == reply.degraded_reason
    assert wrong not in f"{reply} {dict(reply)} {history} {caplog.text}"


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (ProviderConfig(name="deepsek"), "did you mean 'deepseek'"),
        (ProviderConfig(name="deepseek"), "export DEEPSEEK_API_KEY"),
        (ProviderConfig(name="deepseek", api_key=KEY, base_url="http://127.0.0.1:9"), "reached"),
        (ProviderConfig(name="deepseek", api_key="two\nlines"), "line break"),
        (ProviderConfig(name="deepseek", api_key=KEY, extra={"tmeout": 1}), "tmeout"),
        ({"nom": "deepseek"}, "unknown fields: nom"),
        ("deepseek", "not str"),
    ],
)
async def test_a_model_that_cannot_be_had_degrades_and_says_why(config, reason, monkeypatch):
    monkeypatch.delenv("DEEPSEEK_API_KEY", raising=False)
    async with LuminoraCoreClientV11() as client:
        reply = await client.send_message_with_memory("s", "Me llamo Carlos", "sakura", config)
        assert [fact.value for fact in await client.get_facts("s")] == ["Carlos"]
    assert reply.success
    assert "Carlos" in reply.response
    assert reply.degraded
    assert reason in reply.degraded_reason


async def test_calls_side_by_side_speak_through_their_own_models():
    models = {name: ScriptedLLM() for name in "abc"}
    for name, model in models.items():
        model.conversation = f"I am {name}."
    async with LuminoraCoreClientV11() as client:
        replies = await asyncio.gather(
            *(
                client.send_message_with_memory(f"{name}{n}", "Hola", None, models[name])
                for name in models
                for n in range(5)
            )
        )
    assert [reply.response for reply in replies] == [f"I am {n}." for n in "abc" for _ in range(5)]


async def test_idle_models_are_let_go_but_none_that_speaks():
    board = Switchboard(ScriptedLLM(), load_config({}))
    speaking = ProviderConfig(name="deepseek", api_key=KEY, model="first")
    async with board.to(speaking):
        first = board.inner
        for number in range(MAX_LINES + 5):
            async with board.to(ProviderConfig(name="deepseek", api_key=KEY, model=f"m{number}")):
                assert board.inner is not first
        assert len(board._lines) == MAX_LINES
        async with board.to(speaking):
            assert board.inner is first
    assert board.inner.name == "scripted"
    await board.aclose()


async def test_the_parameters_of_a_call_are_those_of_its_answer():
    model = ScriptedLLM()
    board = Switchboard(ScriptedLLM(), load_config({}))
    turns = (ChatMessage("user", "Hola"),)
    async with board.to(model, temperature=0.33, max_tokens=None):
        await board.chat(ChatRequest(messages=turns, max_tokens=7))
        await board.chat(ChatRequest(messages=turns, task="analysis"))
    assert [(one.temperature, one.max_tokens) for one in model.requests] == [
        (0.33, 7),
        (None, None),
    ]
