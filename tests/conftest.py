"""Fixtures for all tests: nothing of the developer's own configuration reaches them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from luminora.client import LuminoraCoreClient
from tests.doubles import ScriptedLLM, stack_with

pytest_plugins = [
    "luminora.testing.servers.mariadb",
    "luminora.testing.servers.memcached",
    "tests.servers.mongodb",
    "luminora.testing.servers.postgresql",
    "luminora.testing.servers.redis",
    "tests.servers.pinecone",
    "tests.servers.dynamodb",
    "tests.servers.llama",
    "tests.servers.table",
]

# These machines are noisy: how long an example takes says nothing about the code.
settings.register_profile("luminora", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("luminora")


@pytest.fixture(autouse=True)
def private_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, a data folder and a current folder of the test's own."""
    for variable, name in {
        "HOME": "home",
        "XDG_CONFIG_HOME": "home/.config",
        "XDG_CACHE_HOME": "home/.cache",
        "XDG_DATA_HOME": "home/.local/share",
        "LUMINORA_DATA_DIR": "data",
    }.items():
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv(variable, str(folder))
    monkeypatch.delenv("LUMINORA_CONFIG", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return tmp_path


@pytest.fixture
async def client() -> AsyncIterator[LuminoraCoreClient]:
    """A client on the embedded default."""
    async with await LuminoraCoreClient.from_config() as opened:
        yield opened


@pytest.fixture
def llm() -> ScriptedLLM:
    """A language model whose answers the test decides."""
    return ScriptedLLM()


@pytest.fixture
async def scripted(llm: ScriptedLLM) -> AsyncIterator[LuminoraCoreClient]:
    """A client on the embedded default, but with the scripted model."""
    async with await LuminoraCoreClient(stack_with(llm=llm)) as opened:
        yield opened
