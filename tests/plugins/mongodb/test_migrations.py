from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from luminora_mongodb.documents import stored

from luminora.errors import MigrationError, MigrationLockTimeout, SchemaDirty, StorageUnavailable
from luminora.migrations import MigrationRunner, load_all
from luminora.providers import COLLECTIONS, EVERY_USER, LedgerEntry
from luminora.testing.data import session
from tests.plugins.mongodb.helpers import migrated, storage_on

pytestmark = [
    pytest.mark.backend("mongodb migrations", against="mongodb"),
    pytest.mark.xdist_group("mongodb"),
]

CORE = load_all("mongodb")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def driver(mongo_database):
    return storage_on(mongo_database).migrations()


@pytest.fixture
def runner(driver):
    return MigrationRunner(driver)


@pytest.fixture
def db(mongo_database):
    return mongo_database.client[mongo_database.name]


def entry(version="001", **changes):
    return replace(
        LedgerEntry(
            component="shelf",
            version=version,
            name="a",
            checksum="c" * 64,
            parameters={"TABLE_PREFIX": "", "$odd.key": {"": 1}},
            started_at=datetime(2026, 11, 20, 13, 35, 25, 123456, tzinfo=UTC),
            statements_total=2,
        ),
        **changes,
    )


# --- what is made ---------------------------------------------------------------------------------


async def test_collections_keys_and_indexes_are_the_declared_ones(runner, db):
    await runner.migrate()
    made = {one["name"]: one for one in db.list_collections()}
    assert made.keys() - {"schema_migrations_lock"} == COLLECTIONS.keys()
    for name, collection in COLLECTIONS.items():
        if name == "schema_migrations":
            continue
        schema = made[name]["options"]["validator"]["$jsonSchema"]
        assert list(schema["properties"]) == [stored(collection, one) for one in collection.fields]
        unique, plain = set(), set()
        for index in db[name].list_indexes():
            (unique if index.get("unique") else plain).add(tuple(index["key"]))
        assert unique == set(collection.unique)
        assert plain - {("_id",), ("user_id", "terms")} == set(collection.indexes)


async def test_a_validator_refuses_what_is_no_row(runner, db):
    from pymongo.errors import WriteError

    await runner.migrate()
    with pytest.raises(WriteError):
        db.jobs.insert_one({"_id": "a"})


async def test_the_prefix_stands_before_every_name(mongo_database, db):
    driver = storage_on(mongo_database, prefix="app_").migrations()
    await MigrationRunner(driver).migrate()
    assert all(name.startswith("app_") for name in db.list_collection_names())
    assert (await driver.tables()).keys() == {f"app_{name}" for name in COLLECTIONS}


async def test_reading_makes_nothing(driver, runner, db):
    assert await driver.ledger() == []
    assert await driver.tables() == {}
    assert len((await runner.status()).pending) == len(CORE)
    assert mongo_is_empty(db)


def mongo_is_empty(db):
    return db.list_collection_names() == []


async def test_up_down_and_up_again_leave_the_same_schema(runner, driver, db):
    await runner.migrate()
    before = shape(db)
    await runner.rollback("000")
    assert await driver.tables() == {"schema_migrations": 0}
    assert await driver.ledger() == []
    await runner.migrate()
    assert shape(db) == before
    assert (await runner.migrate()).done == ()


async def test_each_step_down_and_up_is_the_way_it_came(runner, db):
    shapes = []
    for template in CORE:
        await runner.migrate(template.version)
        shapes.append(shape(db))
    for template, expected in zip(CORE[-2::-1], shapes[-2::-1], strict=True):
        await runner.rollback(template.version)
        assert shape(db) == expected


def shape(db):
    return {
        one["name"]: (
            one["options"],
            {i["name"]: dict(i["key"]) for i in db[one["name"]].list_indexes()},
        )
        for one in db.list_collections()
        if not one["name"].startswith("schema_migrations")
    }


async def test_a_rollback_says_which_rows_it_costs(mongo_database):
    storage = await migrated(mongo_database)
    for _ in range(3):
        await storage.insert("sessions", "ana", session("ana"))
    await storage.aclose()
    plan = await MigrationRunner(storage.migrations()).rollback_plan("000")
    assert plan.rows["sessions"] == 3


# --- the ledger -----------------------------------------------------------------------------------


async def test_entries_come_back_as_they_were(driver, mongo_database):
    finished = entry("002", finished_at=datetime(2026, 11, 20, tzinfo=UTC), statements_done=2)
    async with driver.lock(5):
        for one in (entry(), finished, replace(entry(), error="no", statements_done=1)):
            await driver.record(one)
    assert await driver.ledger() == [replace(entry(), error="no", statements_done=1), finished]
    storage = storage_on(mongo_database)
    await storage.connect()
    rows = await storage.find("schema_migrations", EVERY_USER, {"component": "shelf"})
    assert [row["version"] for row in rows] == ["001", "002"]
    await storage.aclose()
    async with driver.lock(5):
        await driver.erase(finished)
    assert len(await driver.ledger()) == 1


async def test_nothing_is_written_without_the_lock(driver):
    for attempt in (driver.record, driver.erase):
        with pytest.raises(MigrationError, match="lock is not held"):
            await attempt(entry())


async def test_another_programs_ledger_is_left_alone(runner, db):
    db.schema_migrations.insert_one({"version": "2024_01_01"})
    with pytest.raises(MigrationError, match="another program's"):
        await runner.migrate()
    assert db.list_collection_names() == ["schema_migrations"]


# --- failures -------------------------------------------------------------------------------------


async def test_a_failed_command_is_quoted_and_the_ledger_says_where_it_stopped(driver, db):
    commands = [{"create": "a"}, {"noSuchCommand": 1}, {"create": "b"}]
    async with driver.lock(5):
        with pytest.raises(MigrationError, match=r"command 2 of 3 .*noSuchCommand") as caught:
            await driver.apply(entry(), commands)
    assert "--resolve rolled-back" in caught.value.hint
    (left,) = await driver.ledger()
    assert (left.dirty, left.statements_done) == (True, 1)
    assert "noSuchCommand" in left.error
    assert "b" not in db.list_collection_names()


@pytest.mark.parametrize("verb", ["create", "createIndexes", "update"])
@pytest.mark.parametrize("after", [1, 3])
async def test_what_was_cut_short_is_dirty_and_can_be_finished(
    runner, mongo_database, db, verb, after
):
    mongo_database.fail(verb, times=after, closeAfter=True)  # as often as the driver tries again
    try:
        await runner.migrate()
    except (StorageUnavailable, MigrationError):
        with pytest.raises(SchemaDirty):
            await runner.migrate()
        mongo_database.fail(times=0)
        await runner.resolve("rolled-back")
        await runner.migrate()
    assert (await runner.status()).sound
    assert (await runner.status()).pending == ()
    assert len(db.list_collection_names()) == len(COLLECTIONS) + 1


async def test_every_prefix_of_every_migration_can_be_given_again(mongo_database, runner, db):
    from luminora.migrations import Parameters, render

    values = Parameters().values()
    for template in CORE:
        for undo in (False, True, False):
            commands = render(template, values, undo=undo).statements
            driver = storage_on(mongo_database).migrations()
            async with driver.lock(5):
                for number in range(1, len(commands) + 1):
                    await driver.apply(entry(), commands[:number])
                await driver.erase(entry())
    before = shape(db)
    await runner.migrate()
    assert shape(db) == before


async def test_a_collection_of_somebody_else_is_not_adopted(runner, db):
    db.sessions.insert_one({"mine": 1})
    with pytest.raises(MigrationError, match="there already, with documents in it"):
        await runner.migrate()
    assert db.sessions.find_one()["mine"] == 1


async def test_an_empty_collection_gets_its_rules(runner, db):
    db.create_collection("sessions")
    await runner.migrate()
    (made,) = db.list_collections(filter={"name": "sessions"})
    assert made["options"]["validator"]


async def test_an_interrupted_rollback_is_dirty(runner, mongo_database):
    await runner.migrate()
    mongo_database.fail("dropIndexes", times=2, errorCode=8)
    with pytest.raises(MigrationError, match="dropIndexes"):
        await runner.rollback("003")
    with pytest.raises(SchemaDirty):
        await runner.migrate()


# --- the lock -------------------------------------------------------------------------------------


async def test_who_waits_too_long_is_told(driver, mongo_database):
    other = storage_on(mongo_database).migrations()
    async with driver.lock(5):
        began = time.monotonic()
        with pytest.raises(MigrationLockTimeout, match=r"0.3 seconds"):
            async with other.lock(0.3):
                pytest.fail("two held it")
        assert 0.25 < time.monotonic() - began < 3
    async with other.lock(0.3):
        pass


async def test_a_lease_is_renewed_as_long_as_it_is_held(driver, mongo_database):
    driver.lease_seconds = 0.4
    other = storage_on(mongo_database).migrations()
    async with driver.lock(5):
        with pytest.raises(MigrationLockTimeout):
            async with other.lock(1.2):
                pytest.fail("two held it")
        await driver.record(entry())


async def test_a_killed_holders_lease_runs_out(mongo_database, driver):
    code = """
        import asyncio, os, signal, sys
        from tests.plugins.mongodb.helpers import storage_on
        from tests.servers.mongodb import MongoDatabase
        async def main():
            driver = storage_on(MongoDatabase(sys.argv[1], sys.argv[2])).migrations()
            driver.lease_seconds = 1
            async with driver.lock(5):
                os.kill(os.getpid(), signal.SIGKILL)
        asyncio.run(main())
    """
    ended = in_process(code, mongo_database)
    assert ended.returncode == -9, ended.stderr
    with pytest.raises(MigrationLockTimeout):
        async with driver.lock(0.1):
            pytest.fail("its lease had not run out")
    async with driver.lock(5):
        await driver.record(entry())


async def test_a_holder_that_overslept_writes_nothing_more(mongo_database, driver, db):
    late = storage_on(mongo_database).migrations()
    late.lease_seconds = 0.2
    async with late.lock(5):
        for task in asyncio.all_tasks():
            if "keep" in str(task.get_coro()):
                task.cancel()  # as if the process had been suspended
        await asyncio.sleep(0.3)
        async with driver.lock(5):
            await driver.record(entry(error="mine"))
        for attempt in (
            late.record(entry()),
            late.erase(entry()),
            late.apply(entry("002"), [{"create": "a"}]),
        ):
            with pytest.raises(MigrationError, match="lock was lost"):
                await attempt
    assert await driver.ledger() == [entry(error="mine")]
    assert "a" not in db.list_collection_names()


async def test_a_smaller_token_never_overwrites_a_larger(mongo_database, driver, db):
    async with driver.lock(5):
        await driver.record(entry())
        db.schema_migrations.update_one({"version": "001"}, {"$set": {"fence": 99}})
        with pytest.raises(MigrationError, match="lock was lost"):
            await driver.record(entry(error="late"))
        with pytest.raises(MigrationError, match="lock was lost"):
            await driver.erase(entry())


async def test_a_command_is_given_up_when_the_lease_is_lost_meanwhile(
    mongo_server, mongo_database, driver
):
    import signal

    driver.lease_seconds = 0.5
    async with driver.lock(5):
        await driver.record(entry())
        mongo_server.signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises((MigrationError, StorageUnavailable)):
            await driver.apply(entry(), [{"create": "a"}])
        assert time.monotonic() - began < 5
        mongo_server.signal(signal.SIGCONT)


def test_of_ten_processes_one_applies_and_nine_find_nothing_to_do(mongo_database):
    code = """
        import asyncio, json, multiprocessing, sys
        from luminora.migrations import MigrationRunner
        from tests.plugins.mongodb.helpers import storage_on
        from tests.servers.mongodb import MongoDatabase
        def one(_):
            driver = storage_on(MongoDatabase(sys.argv[1], sys.argv[2])).migrations()
            return len(asyncio.run(MigrationRunner(driver).migrate()).done)
        with multiprocessing.get_context("fork").Pool(10) as pool:
            print(json.dumps(sorted(pool.map(one, range(10), chunksize=1))))
    """
    ended = in_process(code, mongo_database)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == [0] * 9 + [len(CORE)]


async def test_ten_tasks_take_turns_too(mongo_database):
    runners = [MigrationRunner(storage_on(mongo_database).migrations()) for _ in range(10)]
    outcomes = await asyncio.gather(*(runner.migrate() for runner in runners))
    assert sorted(len(outcome.done) for outcome in outcomes) == [0] * 9 + [len(CORE)]


def in_process(code, database):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), database.url, database.name],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )
