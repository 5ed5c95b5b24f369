from __future__ import annotations

import asyncio
import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from luminora.cli import main
from luminora.cli.stats import _bytes
from luminora.client import LuminoraCoreClient
from luminora.config import load_config
from luminora.inventory import inventory
from luminora.providers import EVERY_USER, Update
from tests.stacks import StackFile, every_stack, stack

__all__ = ["stack"]


def told(capsys, *arguments, code=0):
    assert main([*arguments]) == code
    return capsys.readouterr()


def files(folder):
    return {
        path: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "plugins-" not in path.name and not path.name.endswith("-shm")
    }


async def talked(*users, config=None):
    async with await LuminoraCoreClient.from_config(config) as client:
        for user in users:
            session = await client.create_session(user)
            await client.send_message(session, f"Me llamo {user.title()} y vivo en Madrid")


@pytest.mark.parametrize(
    "arguments",
    [
        ["stats"],
        ["stats", "--user", "ana"],
        ["info", "embeddings"],
        ["info", "tables"],
        ["info", "config"],
    ],
)
def test_looking_creates_nothing(capsys, private_world, arguments):
    Path("luminora.json").write_text(
        '{"vector_store_provider": {"name": "sqlite-vec", '
        '"config": {"use_storage_connection": false}}}'
    )
    before = files(private_world)
    said = told(capsys, *arguments)
    assert "nothing yet" in said.out or "not yet" in said.out or arguments[1:] == ["config"]
    told(capsys, *arguments, "--json")
    assert files(private_world) == before


async def test_everything_is_counted_and_one_user_alone(capsys, private_world):
    await talked("ana", "ben", "ana")
    before = files(private_world)
    found = await counted()
    assert found.pop("size_bytes") > 1000
    assert found == {
        "version": 1,
        "user": None,
        "storage": "sqlite",
        "empty": False,
        "users": 2,
        "sessions": 3,
        "messages": 6,
        "facts": 4,
        "episodes": 0,
        "unindexed": 0,
        "jobs": {"ready": 0, "leased": 0, "dead": 0},
        "vector_store": {"provider": "sqlite-vec", "index": "messages", "vectors": 6},
        "errors": [],
    }
    found = await counted("--user", "ben")
    assert (found["sessions"], found["messages"], found["facts"]) == (1, 2, 2)
    assert found["vector_store"]["vectors"] == 2
    assert "users" not in found
    assert files(private_world) == before
    capsys.readouterr()


async def counted(*arguments, config=None):
    """What ``stats --json`` prints, from a loop of its own."""
    named = ["--config", str(config)] if config else []

    def run():
        with redirect_stdout(io.StringIO()) as out:
            assert main(["stats", "--json", *arguments, *named]) == 0
        return json.loads(out.getvalue())

    return await asyncio.to_thread(run)


async def test_a_table_for_people(capsys):
    await talked("ana")
    async with inventory(load_config()) as held:
        waits = Update("messages", EVERY_USER, {}, set={"embedding_state": "pending"})
        assert await held.storage.update(waits) == 2
    said = await asyncio.to_thread(told, capsys, "stats")
    rows = {line.rsplit(maxsplit=1)[0]: line.split()[-1] for line in said.out.splitlines()}
    assert (rows["users"], rows["messages"], rows["vectors"]) == ("1", "2", "2")
    assert rows["messages not indexed yet"] == "2"
    assert "→ luminora reindex" in said.err


def test_who_never_spoke(capsys):
    assert "nothing yet" in told(capsys, "stats", "--user", "nobody").out


async def test_one_who_never_spoke_where_others_did(capsys):
    await talked("ana")
    said = await asyncio.to_thread(told, capsys, "stats", "--user", "nobody")
    assert "nothing is remembered about 'nobody'" in said.err


def test_a_configuration_that_is_not_valid(capsys):
    Path("luminora.json").write_text('{"storage_provider": "sqlit"}')
    said = told(capsys, "stats", code=3)
    assert "did you mean 'sqlite'?" in said.err


@pytest.mark.parametrize("stack", every_stack(), indirect=True)
async def test_on_every_stack(stack: StackFile):
    assert (await counted(config=stack.path))["messages"] == 0
    await talked("ana", config=stack.path)
    found = await counted(config=stack.path)
    assert (found["users"], found["messages"], found["empty"]) == (1, 2, False)
    if stack.alone and found["errors"]:
        return
    assert found["errors"] == []
    assert found["vector_store"]["vectors"] == 2


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 40, "3.0 TiB")]
)
def test_sizes_are_readable(size, text):
    assert _bytes(size) == text
