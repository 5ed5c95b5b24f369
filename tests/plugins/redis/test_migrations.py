from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from luminora.errors import MigrationError, MigrationLockTimeout, SchemaDirty
from luminora.migrations.runner import MigrationRunner
from luminora.providers import LedgerEntry
from luminora.testing import migrate
from luminora.testing.data import START, session
from luminora.testing.servers.redis import RedisPlace
from tests.plugins.redis.made import storage_at

pytestmark = [
    pytest.mark.backend("storage redis", against="redis"),
    pytest.mark.xdist_group("redis"),
]


@pytest.fixture
async def storage(redis_place: RedisPlace) -> Any:
    made = storage_at(redis_place)
    yield made
    await made.aclose()


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A plugin's own templates."""
    folder = tmp_path / "templates" / "redis"
    folder.mkdir(parents=True)
    (folder / "001_shelf.json").write_text(
        json.dumps([{"command": ["SADD", "{{TABLE_PREFIX}}test-shelf", "a", "b"]}])
    )
    (folder / "001_shelf.down.json").write_text(
        json.dumps([{"command": ["DEL", "{{TABLE_PREFIX}}test-shelf"]}])
    )
    return folder.parent


def entry(**changes: Any) -> LedgerEntry:
    given: dict[str, Any] = {
        "component": "shelf",
        "version": "001",
        "name": "shelf",
        "checksum": "c",
        "started_at": START,
    }
    return LedgerEntry(**{**given, **changes})


async def test_nothing_is_to_be_done_and_nothing_is_written(
    storage: Any, redis_place: RedisPlace
) -> None:
    await migrate(storage)
    runner = MigrationRunner(storage.migrations())
    assert (await runner.status()).lines == ()
    assert (await runner.migrate()).done == ()
    assert redis_place.names() == []


async def test_a_plugins_commands_run_once_with_their_entry(
    storage: Any, redis_place: RedisPlace, shelf: Path
) -> None:
    runner = MigrationRunner(storage.migrations(), sets=[("shelf", shelf)])
    assert (await runner.migrate()).done == ("shelf/001_shelf.json",)
    assert sorted(redis_place.call("SMEMBERS", "test-shelf")) == ["a", "b"]
    assert (await runner.migrate()).done == ()
    (line,) = (await runner.status()).lines
    assert line.state == "applied"
    await runner.rollback("shelf@000")
    assert redis_place.call("EXISTS", "test-shelf") == 0
    assert await storage.migrations().ledger() == []
    assert storage.layout.lock_key not in redis_place.names()


async def test_what_is_no_command_is_refused_before_anything_runs(
    storage: Any, redis_place: RedisPlace
) -> None:
    driver = storage.migrations()
    async with driver.lock(1):
        for bad in ({"command": []}, {"create": "x"}, "SET a b", {"command": ["SET", {"a": 1}]}):
            with pytest.raises(MigrationError, match="statement 2 is no command"):
                await driver.apply(entry(), [{"command": ["SET", "test-x", "1"]}, bad])
        with pytest.raises(MigrationError, match="unknown command"):
            await driver.apply(entry(), [{"command": ["NOSUCHCOMMAND"]}])
    assert await driver.ledger() == []
    assert redis_place.call("EXISTS", "test-x") == 0


async def test_the_lock_is_held_by_one_and_outlives_nobody_for_long(
    storage: Any, redis_place: RedisPlace
) -> None:
    one, two = storage.migrations(), storage.migrations()
    async with one.lock(1):
        with pytest.raises(MigrationLockTimeout):
            async with two.lock(0.2):
                pass
        assert 0 < redis_place.call("PTTL", storage.layout.lock_key) <= 30_000
    async with two.lock(1):
        pass


async def test_who_lost_the_lease_writes_nothing(storage: Any, redis_place: RedisPlace) -> None:
    driver = storage.migrations()
    with pytest.raises(MigrationError, match="not held"):
        await driver.record(entry())
    async with driver.lock(1):
        redis_place.call("SET", storage.layout.lock_key, "somebody else's")
        with pytest.raises(MigrationError, match="not held"):
            await driver.record(entry())
    assert redis_place.call("GET", storage.layout.lock_key) == "somebody else's"
    assert await driver.ledger() == []


async def test_a_dirty_entry_can_be_resolved(storage: Any, shelf: Path) -> None:
    driver = storage.migrations()
    async with driver.lock(1):
        await driver.record(entry(statements_total=2, statements_done=1))
    runner = MigrationRunner(driver, sets=[("shelf", shelf)])
    with pytest.raises(SchemaDirty):
        await runner.migrate()
    await runner.resolve("rolled-back")
    assert (await runner.migrate()).done == ("shelf/001_shelf.json",)
    await runner.rollback("shelf@000")


async def test_the_commands_say_that_nothing_is_needed(redis_place: RedisPlace) -> None:
    config = {"storage_provider": {"name": "redis", "config": redis_place.config}}
    Path("luminora.json").write_text(json.dumps(config))
    env = {**os.environ, **redis_place.env}
    for arguments, said in (
        (["--status"], "Redis needs no migrations"),
        (["--dry-run"], "Redis is already up to date"),
        (["--sql"], "Redis needs no migrations"),
        ([], "Redis is already up to date"),
    ):
        command = [sys.executable, "-m", "luminora", "migrate", *arguments]
        done = await asyncio.to_thread(
            subprocess.run, command, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert said in done.stdout + done.stderr


async def test_tables_are_collections_with_rows(storage: Any) -> None:
    await storage.insert("sessions", "ana", session("ana"))
    await storage.insert("sessions", "bob", session("bob"))
    assert await storage.migrations().tables() == {"sessions": 2}
