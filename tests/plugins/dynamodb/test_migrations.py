from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from luminora_dynamodb.client import Client
from luminora_dynamodb.commands import Tables
from luminora_dynamodb.migrations import DynamoDBMigrationDriver
from luminora_dynamodb.storage import DynamoDBStorage

from luminora.errors import (
    MigrationError,
    MigrationLockTimeout,
    SchemaDirty,
    SchemaPending,
    StorageUnavailable,
)
from luminora.migrations import MigrationRunner
from luminora.providers import Status
from luminora.testing import migrate
from luminora.testing.data import message, session
from tests.migrations.helpers import entry, write_set

pytestmark = [
    pytest.mark.backend("dynamodb migrations", against="dynalite"),
    pytest.mark.xdist_group("dynalite"),
]


class Crash(BaseException):
    """The process is killed."""


@pytest.fixture
def settings(dynalite):
    return dynalite.settings()


def runner(settings, **changes):
    return MigrationRunner(DynamoDBMigrationDriver(settings, **changes))


async def test_ten_at_once_migrate_once(settings):
    outcomes = await asyncio.gather(*(runner(settings).migrate() for _ in range(10)))
    assert sorted(len(one.done) for one in outcomes) == [0] * 9 + [3]
    assert not (await runner(settings).status()).pending
    check = await DynamoDBStorage(settings).check()
    assert check.status is Status.OK, check


async def test_up_down_up(settings):
    before = await DynamoDBMigrationDriver(settings).tables()
    await runner(settings).migrate()
    tables = await DynamoDBMigrationDriver(settings).tables()
    assert len(tables) == 14
    await runner(settings).rollback("000")
    left = await DynamoDBMigrationDriver(settings).tables()
    ledger = f"{settings.table_prefix}schema_migrations"
    assert (before, left.keys()) == ({}, {ledger})
    assert (await runner(settings).migrate()).done
    assert await DynamoDBMigrationDriver(settings).tables() == tables
    assert (await DynamoDBStorage(settings).check()).status is Status.OK


async def test_nothing_is_written_by_looking(settings):
    driver = DynamoDBMigrationDriver(settings)
    assert await driver.ledger() == []
    assert await driver.tables() == {}
    assert len(await runner(settings).plan()) == 3
    assert await driver.tables() == {}


async def test_a_crash_leaves_a_dirty_entry_that_names_the_command(settings, monkeypatch):
    real, count = Tables.run, [0]

    async def run(self, command):
        count[0] += 1
        if count[0] == 3:
            raise Crash
        await real(self, command)

    with monkeypatch.context() as patch:
        patch.setattr(Tables, "run", run)
        with pytest.raises(Crash):
            await runner(settings).migrate()
    with pytest.raises(SchemaDirty, match="stopped at statement 3 of 6"):
        await runner(settings).migrate()
    await runner(settings).resolve("rolled-back")
    # the two tables that are there are empty and of the right form: they count as created
    assert len((await runner(settings).migrate()).done) == 3
    assert (await DynamoDBStorage(settings).check()).status is Status.OK


async def test_a_table_of_somebody_else_is_not_adopted(settings):
    client = Client(settings)
    await Tables(client).create(
        {
            "TableName": f"{settings.table_prefix}messages",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        }
    )
    await client.close()
    with pytest.raises(MigrationError, match="already, and it is not an empty one") as caught:
        await runner(settings).migrate()
    assert "command 2 of 6" in str(caught.value)
    (line,) = await DynamoDBMigrationDriver(settings).ledger()
    assert line.dirty
    assert line.statements_done == 1
    assert "messages" in (line.error or "")


async def test_a_table_of_ours_with_rows_is_not_adopted_either(settings):
    await runner(settings).migrate()
    storage = DynamoDBStorage(settings)
    await storage.connect()
    table = f"{settings.table_prefix}embedding_state"
    await storage._client.call("put_item", TableName=table, Item={"index_name": {"S": "messages"}})
    await storage.aclose()
    driver = DynamoDBMigrationDriver(settings)
    async with driver.lock(5):
        for one in await driver.ledger():
            await driver.erase(one)
    with pytest.raises(MigrationError, match="is not an empty one"):
        await runner(settings).migrate()


async def test_a_table_that_another_process_creates_at_this_moment_is_as_good(
    settings, monkeypatch
):
    await runner(settings).migrate()
    real, asked = Tables._describe, []

    async def describe(self, name):
        asked.append(name)
        return None if len(asked) == 1 else await real(self, name)

    monkeypatch.setattr(Tables, "_describe", describe)
    async with asyncio.timeout(10), DynamoDBMigrationDriver(settings).lock(1):
        assert len(asked) > 1


async def test_the_lock_is_waited_for_and_then_given_up(settings):
    holder, other = (DynamoDBMigrationDriver(settings) for _ in range(2))
    async with holder.lock(1):
        with pytest.raises(MigrationLockTimeout, match=r"has been migrating for 0\.5 seconds"):
            async with other.lock(0.5):
                pytest.fail("both hold it")
    async with other.lock(0.5):
        pass


async def test_the_lock_is_kept_while_its_owner_works(settings):
    holder, other = (DynamoDBMigrationDriver(settings, lease_seconds=0.6) for _ in range(2))
    async with holder.lock(1):
        with pytest.raises(MigrationLockTimeout):
            async with other.lock(2):
                pytest.fail("both hold it")
        await holder.record(entry("001"))


async def test_a_dead_owners_lock_is_taken_over_and_it_can_write_no_more(settings):
    slept, other = (DynamoDBMigrationDriver(settings, lease_seconds=0.4) for _ in range(2))
    async with slept.lock(1):
        await slept.record(entry("001"))
        lease = slept._held
        slept._held = None
        lease.prolong_always = None
        # its heart stops: the task that prolongs is stopped from outside
        for task in asyncio.all_tasks():
            if "prolong_always" in repr(task.get_coro()):
                task.cancel()
        async with other.lock(5):
            await other.record(replace(entry("001"), error="by the second"))
            slept._held = lease
            for work in (
                slept.record(entry("001")),
                slept.record(entry("002")),
                slept.erase(entry("001")),
                slept.apply(entry("003"), [{"delete_table": {"TableName": "x_nobody"}}]),
            ):
                with pytest.raises(MigrationError, match="another one migrates now"):
                    await work
            # even where the look at the lock came too early, the number it carries is too low
            with pytest.raises(MigrationError, match="another one migrates now"):
                await lease.write(entry("001"))
            (kept,) = await other.ledger()
            assert kept.error == "by the second"


async def test_entries_come_back_as_they_were(settings):
    driver = DynamoDBMigrationDriver(settings)
    whole = replace(
        entry("001"),
        parameters={"TABLE_PREFIX": "x_", "N": 5},
        finished_at=None,
        error="ñ ' \" \\",
        started_at=datetime(2026, 11, 20, 1, 2, 3, 4, tzinfo=UTC),
    )
    async with driver.lock(1):
        await driver.record(whole)
        assert await driver.ledger() == [whole]
        await driver.erase(whole)
        assert await driver.ledger() == []
    with pytest.raises(MigrationError, match="not held"):
        await driver.record(whole)


async def test_a_plugins_commands_run_and_unknown_ones_do_not(moto, tmp_path):
    settings = moto.settings()
    table = """{"create_table": {"TableName": "{{TABLE_PREFIX}}notes",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}}"""
    expire = """{"update_time_to_live": {"TableName": "{{TABLE_PREFIX}}notes",
        "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "expires_at"}}}"""
    files = {"001_notes.json": f"[{table}, {expire}, {expire}]", "002_odd.json": '[{"dance": 1}]'}
    root = write_set(tmp_path / "set", "dynamodb", files)
    one = MigrationRunner(DynamoDBMigrationDriver(settings), [("notes", root)])
    with pytest.raises(MigrationError, match="command 1 of 1 failed: no such command: dance"):
        await one.migrate()
    client = Client(settings)
    told = await client.call("describe_time_to_live", TableName=f"{settings.table_prefix}notes")
    await client.close()
    assert told["TimeToLiveDescription"]["AttributeName"] == "expires_at"


async def test_tables_are_counted(moto):
    storage = await moto.storage()
    here = session("ana")
    await storage.insert("sessions", "ana", here)
    for seq in range(3):
        await storage.insert("messages", "ana", message("ana", seq))
    counts = await storage.migrations().tables()
    prefix = storage.settings.table_prefix
    assert (counts[f"{prefix}messages"], counts[f"{prefix}sessions"]) == (3, 1)
    plan = await MigrationRunner(storage.migrations()).rollback_plan("000")
    assert plan.rows[f"{prefix}messages"] == 3
    await storage.aclose()


async def test_before_the_migration_a_table_is_missing(settings):
    storage = DynamoDBStorage(settings)
    await storage.connect()
    with pytest.raises(SchemaPending, match=r"a table is missing[\s\S]*luminora migrate"):
        await storage.find("messages", "ana")
    check = await storage.check()
    assert check.status is Status.ERROR
    assert "luminora migrate" in check.detail
    await storage.aclose()
    await migrate(storage)


async def test_a_server_that_is_gone_is_told_as_such(dynalite):
    settings = dynalite.settings(endpoint_url="http://127.0.0.1:9", max_attempts=1)
    with pytest.raises(StorageUnavailable, match=r"127\.0\.0\.1:9"):
        await runner(settings).migrate()
