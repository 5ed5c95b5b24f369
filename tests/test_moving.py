"""Moving house: everything arrives, equal, whatever interrupts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from luminora.cli import main
from luminora.client import LuminoraCoreClient
from luminora.config import load_config
from luminora.errors import Conflict
from luminora.moving import MOVED, CopyDiffers, Move
from luminora.providers import EVERY_USER, Update
from luminora.stack import Stack
from tests.doubles import ScriptedEmbedding


def client_at(name: str, embedding: ScriptedEmbedding | None = None) -> LuminoraCoreClient:
    path = {"storage_provider.config.database_path": f"{name}.db"}
    stack = Stack.build(load_config(overrides=path))
    return LuminoraCoreClient(replace(stack, embedding=embedding) if embedding else stack)


async def lived(client: LuminoraCoreClient) -> str:
    """A session with everything in it, and two more users."""
    session = await client.create_session("diego", metadata={"a": [1, {"b": None}], "ñ": 1.5})
    await client.send_message(session, "Hola, soy Diego y me encanta Naruto 👩‍👩‍👧‍👦")
    await client.send_message(session, "Ayer murió mi perro Max, estoy muy triste")
    await client.send_message(session, "😀")
    for user in ("ana", "ana "):
        other = await client.create_session(user)
        turns = [{"role": "user", "content": f"turn {n} of {user}"} for n in range(450)]
        await client.import_messages(other, turns)
    return session


async def everything(client: LuminoraCoreClient) -> dict[str, list[dict]]:
    return {name: await client.storage.find(name, EVERY_USER) for name in MOVED}


async def test_there_and_back_again_everything_is_the_same():
    async with client_at("a") as one, client_at("b") as two, client_at("c") as three:
        session = await lived(one)
        report = await Move(one, two).run()
        assert report.vectors == (await one.index.vectors.describe()).count
        assert report.embedded == 0
        assert report.collections["messages"].rows == 906
        assert {name: tally.rows for name, tally in report.collections.items()} == {
            name: len(rows) for name, rows in (await everything(one)).items()
        }
        await Move(two, three).run()
        assert await everything(one) == await everything(two) == await everything(three)
        found = [
            [one.id for one in await client.search_memories(session, "perro")]
            for client in (one, three)
        ]
        assert found[0] == found[1] != []
        again = await Move(one, two).run()
        assert all(tally.written == 0 for tally in again.collections.values())
        assert again.vectors == 0


async def test_another_model_embeds_anew():
    embedding = ScriptedEmbedding(dimension=4, batch=1_000)
    async with client_at("a") as one, client_at("b", embedding) as two:
        await lived(one)
        report = await Move(one, two).run()
        assert report.vectors == 0
        assert report.embedded == 906
        index = await two.index.vectors.describe()
        assert (index.dimension, index.count) == (4, 906)
        assert all(
            tally.written == 0 for tally in (await Move(one, two).run()).collections.values()
        )


async def test_only_what_changed_is_copied_again():
    async with client_at("a") as one, client_at("b") as two:
        session = await lived(one)
        await Move(one, two).run()
        await one.send_message(session, "Me mudé a Sevilla")
        report = await Move(one, two).run()
        assert report.collections["messages"].written == 2
        assert report.vectors == 2
        assert await everything(one) == await everything(two)


async def test_a_source_that_changes_while_it_is_copied_is_noticed():
    async with client_at("a") as one, client_at("b") as two:
        await lived(one)
        move = Move(one, two)
        verify = move._verify

        async def late(report, progress):
            await one.storage.update(
                Update("user_affinity", "diego", {}, increment={"affinity_points": 1})
            )
            await verify(report, progress)

        move._verify = late
        with pytest.raises(CopyDiffers, match="1 of user_affinity differ"):
            await move.run()
        assert (await Move(one, two).run()).collections["user_affinity"].written == 1


async def test_a_row_in_the_way_is_named_and_nothing_of_its_page_is_written():
    async with client_at("a") as one, client_at("b") as two:
        await one.create_session("diego", session_id="s")
        await two.create_session("eve", session_id="s")
        with pytest.raises(Conflict, match=r"(?s)'sessions' stands in the way.*empty database"):
            await Move(one, two).run()
        assert await two.storage.count("sessions", "diego") == 0


def test_a_copy_that_is_killed_goes_on(tmp_path):
    import asyncio

    async def prepare() -> None:
        async with client_at("a") as one:
            session = await one.create_session("u")
            turns = [{"role": "user", "content": f"turn {n}"} for n in range(6_000)]
            await one.import_messages(session, turns)

    asyncio.run(prepare())
    for name in "ab":
        path = {"storage_provider": {"name": "sqlite", "config": {"database_path": f"{name}.db"}}}
        Path(f"{name}.json").write_text(json.dumps(path))
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "luminora", "copy", "--from", "a.json", "--to", "b.json"]
    process = subprocess.Popen(command, env=env)

    async def half_way() -> None:
        async with client_at("b") as two:
            while await two.storage.count("messages", "u") < 1_000 and process.poll() is None:
                await asyncio.sleep(0.005)

    asyncio.run(half_way())
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = subprocess.run([*command, "--json"], env=env, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    messages = report["collections"]["messages"]
    assert messages["rows"] == 6_000
    assert 0 < messages["written"] <= 5_000

    async def compared() -> None:
        async with client_at("a") as one, client_at("b") as two:
            assert await everything(one) == await everything(two)
            assert await two.index.vectors.count({"user_id": "u"}) == 6_000

    asyncio.run(compared())


def test_the_command_says_what_it_did(capsys):
    Path("a.json").write_text(
        '{"storage_provider": {"name": "sqlite", "config": {"database_path": "a.db"}}}'
    )
    Path("b.json").write_text(
        '{"storage_provider": {"name": "sqlite", "config": {"database_path": "b.db"}}}'
    )
    assert main(["copy", "--from", "a.json", "--to", "b.json"]) == 0
    written = capsys.readouterr()
    assert written.out.endswith("✓ Both sides are equal\n")
    assert "vectors copied" in written.err
    assert main(["copy", "--from", "a.json", "--to", "nowhere.json"]) == 3
    assert main(["copy", "--from", "a.json"]) == 2
