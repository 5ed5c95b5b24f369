from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

import luminora
from luminora import _sync_gateway
from luminora.config import load_config
from luminora.errors import CredentialsMissing, InputError
from luminora.gateway import get_gateway
from tests.fakeplugins import make, manifest, site

__all__ = ["site"]

PARROT = """
from luminora import hookimpl
from luminora.errors import ConnectionFailed
from luminora.providers import ChatResult, CheckResult, LLMProvider, Status

class Parrot(LLMProvider):
    closed = 0

    def __init__(self, name):
        self.name = name

    async def chat(self, request):
        if self.name.startswith("dead"):
            raise ConnectionFailed("gone")
        said = " / ".join(turn.content for turn in request.messages)
        given = (request.max_tokens, request.temperature)
        return ChatResult(text=f"{self.name}: {said} {given}", model=self.name)

    async def check(self):
        return CheckResult(Status.OK)

    async def aclose(self):
        Parrot.closed += 1

@hookimpl
def luminora_llm(name, config, context):
    return Parrot(name)
"""


@pytest.fixture(autouse=True)
def one_gateway_per_test(monkeypatch):
    for name in list(os.environ):
        if name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(_sync_gateway, "_only", None)
    yield
    if _sync_gateway._only is not None:
        _sync_gateway._only.close()


def parrot(site, name: str, *, required: tuple[str, ...] = ()) -> None:
    """A plugin whose provider is asked for a key in <NAME>_API_KEY."""
    package = f"lp_{name}"
    data = manifest(package, name, kind="llm")
    variable = f"{name.upper()}_API_KEY"
    about = {
        "description": "Key.",
        "type": "string",
        "default": variable,
        "x-luminora-secret": True,
    }
    data["providers"]["llm"][name]["config_schema"] = {
        "type": "object",
        "required": list(required),
        "properties": {
            "api_key_env": about,
            "api_base": {"type": "string", "description": "Where."},
        },
    }
    make(site, package, code=PARROT, data=data)


def configure(**document) -> None:
    Path("luminora.json").write_text(json.dumps(document))


def test_with_nothing_configured_the_embedded_responder_answers():
    gateway = luminora.get_gateway()
    assert gateway.get_status()["available_providers"] == ["offline"]
    assert gateway.generate_simple("Hola, ¿qué tal?", max_tokens=100)
    assert gateway.health()["offline"].status == "ok"


def test_with_nothing_configured_whoever_has_a_key_is_asked_in_order(site, monkeypatch):
    for name in ("zebra", "ara", "mute"):
        parrot(site, name)
    parrot(site, "needy", required=("api_base",))
    monkeypatch.setattr(_sync_gateway, "_FIRST", ("zebra",))
    monkeypatch.setenv("ARA_API_KEY", "k")
    monkeypatch.setenv("MUTE_API_KEY", " ")
    monkeypatch.setenv("NEEDY_API_KEY", "k")
    Path(".env").write_text("ZEBRA_API_KEY=k")

    gateway = get_gateway()

    assert gateway.get_status()["available_providers"] == ["zebra", "ara", "offline"]
    assert gateway.generate("hola", "Sé breve.", 64, 0.2) == "zebra: Sé breve. / hola (64, 0.2)"
    assert gateway.generate_simple("hola") == "zebra: hola (512, None)"


def test_a_configured_model_is_put_before_its_fallback(site, monkeypatch):
    parrot(site, "dead")
    monkeypatch.setenv("DEAD_API_KEY", "k")
    configure(llm_provider="dead")
    gateway = get_gateway()
    assert gateway.get_status()["available_providers"] == ["dead", "offline"]
    assert gateway.generate_simple("Hello there")
    status = gateway.get_status()["providers"]["dead"]
    assert status["failures"] == 3
    assert status["last_error"] == "ConnectionFailed: gone"


def test_a_configured_gateway_is_used_as_it_is(site, monkeypatch):
    parrot(site, "ara")
    monkeypatch.setenv("ARA_API_KEY", "k")
    chain = {"chain": ["ara", "offline"], "retries": 0}
    configure(llm_provider={"name": "gateway", "config": chain})
    gateway = get_gateway()
    assert list(gateway.get_status()["providers"]) == ["ara", "offline"]
    assert gateway._gateway._retries == 0

    alone = load_config({"llm_provider": {"name": "gateway", "config": {"chain": ["ara"]}}})
    assert [link.label for link in _sync_gateway.gateway_of(alone).links] == ["ara", "offline"]


def test_a_configured_model_without_its_key_is_told(site):
    parrot(site, "ara")
    configure(llm_provider="ara")
    with pytest.raises(CredentialsMissing, match="ARA_API_KEY"):
        get_gateway()


@pytest.mark.parametrize("prompt", ["", "  \n", None])
def test_an_empty_prompt_is_refused(prompt):
    with pytest.raises(InputError, match="empty"):
        get_gateway().generate_simple(prompt)


def test_there_is_one_and_a_closed_one_is_replaced():
    first = get_gateway()
    assert get_gateway() is first
    first.close()
    first.close()
    with pytest.raises(RuntimeError, match="this gateway is closed"):
        first.generate_simple("hola")
    assert get_gateway() is not first


def test_several_threads_get_and_use_the_same_one():
    got, said = [], []

    def work():
        got.append(get_gateway())
        said.append(got[-1].generate_simple("hola"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, got))) == 1
    assert len(said) == 8


def test_a_forked_process_makes_its_own(monkeypatch):
    first = get_gateway()
    monkeypatch.setattr(_sync_gateway.os, "getpid", lambda: -1)
    second = get_gateway()
    assert second is not first
    assert second.generate_simple("hola")
    second.close()
    monkeypatch.undo()
    first.close()
