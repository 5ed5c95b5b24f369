from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from luminora.cli import main
from luminora.client import LuminoraCoreClient
from tests.cli.test_stats import counted, talked, told
from tests.fakeplugins import make, site
from tests.stacks import StackFile, every_stack, stack

__all__ = ["site", "stack"]

PREFIXES = {"dynamodb": "luminora_"}


async def shown(capsys, *arguments, code=0):
    said = await asyncio.to_thread(told, capsys, "info", *arguments, "--json", code=code)
    return json.loads(said.out)


async def test_the_first_message_locks_model_and_dimension(capsys):
    found = await shown(capsys, "embeddings")
    assert (found["dimension"], found["locked"], found["indexes"]) == (256, False, [])
    await talked("ana")
    found = await shown(capsys, "embeddings")
    assert (found["provider"], found["source"]) == ("static", "declared by the model")
    (index,) = found["indexes"]
    assert (index["name"], index["status"], index["vectors"]) == ("messages", "active", 2)
    assert (index["model"], index["dimension"]) == (found["model"], 256)
    said = await asyncio.to_thread(told, capsys, "info", "embeddings")
    assert f"locked     to {found['model']}, 256 dimensions" in said.out


async def test_a_model_that_does_not_fit_the_index_is_told(capsys):
    await talked("ana")
    Path("luminora.json").write_text(
        '{\n"embedding_provider": {"name": "static", "config": {"dimension": 128}}}'
    )
    found = await shown(capsys, "embeddings", code=5)
    assert (found["dimension"], found["source"]) == (128, "luminora.json:2")
    assert "luminora reembed" in found["problem"]
    assert found["indexes"][0]["dimension"] == 256


async def test_a_retired_index_is_listed_beside_the_one_in_use(capsys):
    await talked("ana")
    Path("luminora.json").write_text(
        '{"embedding_provider": {"name": "static", "config": {"dimension": 128}}}'
    )
    async with await LuminoraCoreClient.from_config() as client:
        await client.reembed()
    found = await shown(capsys, "embeddings")
    assert [(one["name"], one["status"], one["vectors"]) for one in found["indexes"]] == [
        ("messages", "retired", 2),
        ("messages_2", "active", 2),
    ]
    assert (await counted())["vector_store"]["index"] == "messages_2"


def test_a_provider_that_cannot_be_asked_does_not_hide_the_rest(capsys):
    Path("luminora.json").write_text(
        '{"embedding_provider": {"name": "deepseek", "config": {"api_key_env": "NO_SUCH_KEY"}}}'
    )
    said = told(capsys, "info", "embeddings")
    assert "deepseek" in said.out
    assert "dimension  1024" in said.out


async def test_tables_and_migrations(capsys):
    assert (await shown(capsys, "tables"))["tables"] == {}
    await talked("ana")
    found = await shown(capsys, "tables")
    assert (found["tables"]["messages"], found["tables"]["sessions"]) == (2, 1)
    assert found["migrations"][0]["version"] == "001"
    assert found["dirty"] is False
    said = await asyncio.to_thread(told, capsys, "info", "tables")
    assert ["messages", "2"] in [line.split() for line in said.out.splitlines()]
    assert "migrations, the last" in said.err


@pytest.mark.parametrize("stack", every_stack(), indirect=True)
async def test_tables_of_every_storage(capsys, stack: StackFile):
    await talked("ana", config=stack.path)
    found = await shown(capsys, "tables", "--config", str(stack.path))
    rows = {
        name.removeprefix(PREFIXES.get(stack.name, "")): n for name, n in found["tables"].items()
    }
    assert (rows["messages"], rows["sessions"]) == (2, 1)


def test_the_configuration_at_a_glance(capsys, site, monkeypatch):
    make(site, "lp_store")
    monkeypatch.setenv("LUMINORA_LLM_PROVIDER", "offline")
    Path("luminora.json").write_text(
        '{\n"cache_provider": {"name": "made-up", "config": {"url_env": "NO_SUCH_URL"}}}'
    )
    assert main(["info", "config", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["parts"]["cache_provider"] == {
        "provider": "made-up",
        "plugin": "luminora-store 1.2.3",
        "source": "luminora.json:2",
    }
    assert found["parts"]["llm_provider"]["source"] == "env LUMINORA_LLM_PROVIDER"
    assert found["secrets"] == {"NO_SUCH_URL": False}
    said = told(capsys, "info", "config")
    assert "not set: NO_SUCH_URL" in said.err
    assert "luminora-store 1.2.3" in said.out
