# ruff: noqa: S608 - conditions of our own

import asyncio
import json
import os
import re
import signal
import subprocess
import sys

import pytest
from luminora_mysql.migrations import MySqlMigrationDriver

from luminora.errors import (
    MigrationError,
    MigrationLockTimeout,
    PermissionRefused,
    SchemaDirty,
    SchemaDrift,
    StorageUnavailable,
)
from luminora.migrations import MigrationRunner, Parameters, State, load_all, render
from luminora.providers import COLLECTIONS, FieldType
from tests.migrations.helpers import write_set
from tests.plugins.mysql import databases

pytestmark = [
    pytest.mark.backend("mysql migrations", against="mariadb"),
    pytest.mark.xdist_group("mariadb"),
]

FIVE = {"001_shop.sql": "".join(f"CREATE TABLE shop{n} (id INT);\n" for n in range(1, 6))}


def driver(place, prefix="", **changes):
    return MySqlMigrationDriver(databases.settings(place, **changes), table_prefix=prefix)


def runner(database, prefix="", sets=(), **more):
    return MigrationRunner(driver(database, prefix), sets, **more)


def described(database):
    """Every column, index and option of the schema, but the ledger's."""
    where = "table_schema = DATABASE() AND table_name <> 'schema_migrations'"
    return (
        database.run(
            "SELECT table_name, column_name, ordinal_position, column_type, is_nullable, "
            "collation_name, generation_expression, extra FROM information_schema.columns "
            f"WHERE {where} ORDER BY 1, 3"
        ),
        database.run(
            "SELECT table_name, index_name, seq_in_index, column_name, non_unique "
            f"FROM information_schema.statistics WHERE {where} ORDER BY 1, 2, 3"
        ),
        database.run(
            "SELECT table_name, engine, table_collation FROM information_schema.tables "
            f"WHERE {where} ORDER BY 1"
        ),
    )


TYPES = {
    FieldType.STRING: "varchar(255)",
    FieldType.TEXT: "longtext",
    FieldType.INTEGER: "bigint",
    FieldType.FLOAT: "double",
    FieldType.BOOLEAN: "tinyint(1)",
    FieldType.TIMESTAMP: "datetime(6)",
    FieldType.JSON: "longtext",
    FieldType.STRINGS: "longtext",
}
INTERNAL = {("messages", "num"), ("user_facts", "fact_hash")}


async def test_migrated_tables_are_the_declared_ones(mariadb_database):
    await runner(mariadb_database).migrate()
    columns, indexes, tables = described(mariadb_database)
    assert {name for name, *_ in tables} == {*COLLECTIONS, "message_terms"} - {"schema_migrations"}
    assert {engine for _, engine, _ in tables} == {"InnoDB"}
    assert {collation for *_, collation in tables} <= {"utf8mb4_nopad_bin", "utf8mb4_0900_bin"}
    found = {
        (table, name): (re.sub(r"^bigint.*", "bigint", kind), null == "YES")
        for table, name, _, kind, null, *_ in columns
        if table in COLLECTIONS and (table, name) not in INTERNAL
    }
    ledger = COLLECTIONS.keys() - {"schema_migrations"}
    assert found == {
        (name, field): (TYPES[one.type], one.nullable)
        for name in ledger
        for field, one in COLLECTIONS[name].fields.items()
    }
    groups = {}
    for table, index, _, column, free in indexes:
        groups.setdefault((table, index, bool(free)), []).append(column)
    for name in ledger:
        unique = {tuple(g) for (table, _, free), g in groups.items() if table == name and not free}
        plain = {tuple(g) for (table, _, free), g in groups.items() if table == name and free}
        expected = {COLLECTIONS[name].key, *COLLECTIONS[name].unique}
        if name == "user_facts":
            expected = {COLLECTIONS[name].key, ("fact_hash",)}
        assert unique == expected
        assert plain - {("num",)} == set(COLLECTIONS[name].indexes)


async def test_the_ledger_is_the_declared_one(mariadb_database):
    await runner(mariadb_database).migrate()
    rows = mariadb_database.run(
        "SELECT column_name, column_type, is_nullable FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name = 'schema_migrations' "
        "ORDER BY ordinal_position"
    )
    assert [
        (name, re.sub(r"^bigint.*", "bigint", kind), null == "YES") for name, kind, null in rows
    ] == [
        (name, TYPES[field.type], field.nullable)
        for name, field in COLLECTIONS["schema_migrations"].fields.items()
    ]


async def test_up_down_up_leaves_the_same_schema(mariadb_database):
    run = runner(mariadb_database, "app_")
    await run.migrate()
    first = described(mariadb_database)
    assert len((await run.rollback("000")).done) == 4
    assert await driver(mariadb_database, "app_").tables() == {"app_schema_migrations": 0}
    await run.migrate()
    assert described(mariadb_database) == first


async def test_nothing_to_do_is_nothing_done(mariadb_database):
    run = runner(mariadb_database)
    assert len((await run.migrate()).done) == 4
    assert (await run.migrate()).done == ()
    (*_, last) = await driver(mariadb_database).ledger()
    assert (last.version, last.statements_done, last.error) == ("004", last.statements_total, None)
    assert last.started_at < last.finished_at


async def test_ten_migrators_at_once_apply_each_migration_once(mariadb_database):
    outcomes = await asyncio.gather(*(runner(mariadb_database).migrate() for _ in range(10)))
    assert sorted(len(outcome.done) for outcome in outcomes) == [0] * 9 + [4]


async def test_the_lock_is_given_up_in_time_and_is_the_databases_own(mariadb_database):
    async with driver(mariadb_database).lock(1):
        with pytest.raises(MigrationLockTimeout, match=r"0\.2 seconds"):
            await runner(mariadb_database, timeout=0.2).migrate()
        await runner(mariadb_database, "app_", timeout=0.2).migrate()
    await runner(mariadb_database, timeout=0.2).migrate()


def test_the_name_of_the_lock_fits(mariadb_database):
    names = {
        driver(mariadb_database, prefix, database=name)._lock_name
        for prefix in ("", "p" * 31, "q" * 31)
        for name in ("d" * 64, "e" * 64, "short")
    }
    assert len(names) == 9
    assert max(len(name) for name in names) <= 64


async def test_a_syntax_error_is_found_before_anything_is_done(mariadb_database, tmp_path):
    files = {"001_shop.sql": FIVE["001_shop.sql"].replace("TABLE shop3", "TABEL shop3")}
    sets = [("shop", write_set(tmp_path, "mysql", files))]
    with pytest.raises(MigrationError) as failure:
        await runner(mariadb_database, sets=sets).migrate()
    assert "statement 3 of 5 failed" in str(failure.value)
    assert "CREATE TABEL shop3 (id INT)" in str(failure.value)
    assert "nothing of this migration remains" in str(failure.value)
    assert not [name for name in await driver(mariadb_database).tables() if "shop" in name]
    write_set(tmp_path, "mysql", FIVE)
    assert (await runner(mariadb_database, sets=sets).migrate()).done == ("shop/001_shop.sql",)


async def test_a_failure_half_way_is_dirty_names_the_statement_and_can_be_resolved(
    mariadb_database, tmp_path
):
    files = {
        "001_shop.sql": FIVE["001_shop.sql"].replace("shop3 (id INT)", "shop3 (id INT, id INT)")
    }
    sets = [("shop", write_set(tmp_path, "mysql", files))]
    run = runner(mariadb_database, sets=sets)
    with pytest.raises(
        MigrationError, match="statement 3 of 5 failed: Duplicate column"
    ) as failure:
        await run.migrate()
    assert "luminora migrate --resolve rolled-back" in str(failure.value)
    (dirty,) = (await run.status()).having(State.DIRTY)
    assert dirty.entry.statements_done == 2
    assert "shop3" in dirty.entry.error
    with pytest.raises(SchemaDirty):
        await run.migrate()
    mariadb_database.run("DROP TABLE shop1", "DROP TABLE shop2")
    assert (await run.resolve("rolled-back")).done == ("shop/001_shop.sql",)
    write_set(tmp_path, "mysql", FIVE)
    assert (await runner(mariadb_database, sets=sets).migrate()).done == ("shop/001_shop.sql",)


async def test_the_first_statement_fails_without_a_trace(mariadb_database, tmp_path):
    files = {"001_shop.sql": "ALTER TABLE nowhere ADD COLUMN x INT;\nCREATE TABLE shop2 (id INT);"}
    run = runner(mariadb_database, sets=[("shop", write_set(tmp_path, "mysql", files))])
    with pytest.raises(MigrationError, match="nothing of this migration remains"):
        await run.migrate()
    assert not (await run.status()).having(State.DIRTY)


async def test_tables_of_somebody_else_are_refused_before_anything_is_done(mariadb_database):
    mariadb_database.run("CREATE TABLE jobs (id INT)")
    with pytest.raises(MigrationError, match="a table 'jobs' already") as failure:
        await runner(mariadb_database).migrate()
    assert "table_prefix" in str(failure.value)
    tables = await driver(mariadb_database).tables()
    assert tables.keys() <= {"jobs", "schema_migrations"}
    await runner(mariadb_database, "app_").migrate()


async def test_a_ledger_of_somebody_else_is_refused(mariadb_database):
    mariadb_database.run("CREATE TABLE schema_migrations (version BIGINT PRIMARY KEY)")
    with pytest.raises(MigrationError, match="another program's"):
        await runner(mariadb_database).migrate()


async def test_an_edited_and_a_missing_file_are_errors(mariadb_database, tmp_path):
    root = write_set(tmp_path, "mysql", FIVE)
    await runner(mariadb_database, sets=[("shop", root)]).migrate()
    (root / "mysql" / "001_shop.sql").write_text("CREATE TABLE other (id INT)")
    with pytest.raises(SchemaDrift, match="001_shop"):
        await runner(mariadb_database, sets=[("shop", root)]).migrate()
    (root / "mysql" / "001_shop.sql").rename(root / "mysql" / "002_shop.sql")
    with pytest.raises(SchemaDrift):
        await runner(mariadb_database, sets=[("shop", root)]).migrate()


async def test_transactions_are_not_a_migrations_to_end(mariadb_database, tmp_path):
    files = {"001_shop.sql": "CREATE TABLE shop1 (id INT);\nCOMMIT;"}
    run = runner(mariadb_database, sets=[("shop", write_set(tmp_path, "mysql", files))])
    with pytest.raises(MigrationError, match="cannot begin or end a transaction"):
        await run.migrate()
    assert "shop1" not in await driver(mariadb_database).tables()


async def test_who_may_not_create_tables_is_told(mariadb_database, mariadb_server):
    user = f"reader_{mariadb_database.name[-12:]}"
    mariadb_server.root.run(
        f"CREATE USER '{user}'@'%' IDENTIFIED BY 'Reading-1'",
        f"GRANT SELECT ON `{mariadb_database.name}`.* TO '{user}'@'%'",
    )
    try:
        with pytest.raises(PermissionRefused, match="CREATE command denied"):
            await MigrationRunner(
                MySqlMigrationDriver(
                    databases.settings(mariadb_database, user=user, password="Reading-1")
                )
            ).migrate()
    finally:
        mariadb_server.root.run(f"DROP USER '{user}'@'%'")


async def test_a_dead_server_is_a_clear_error(mariadb_database, private_mariadb):
    run = runner(mariadb_database)
    await run.migrate()
    private_mariadb.kill()
    with pytest.raises(StorageUnavailable, match=str(private_mariadb.port)):
        await run.migrate()
    private_mariadb.start()
    assert (await run.migrate()).done == ()


KILLED = """
import asyncio, json, os, signal, sys
from pathlib import Path
from luminora.migrations import MigrationRunner
from luminora.providers import ProviderContext
from luminora_mysql.wire import Connection
from luminora_mysql.migrations import MySqlMigrationDriver
from luminora_mysql.settings import Settings

config, at, behind = json.loads(sys.argv[1])
settings = Settings.of(config, ProviderContext(data_dir=Path("data")))
original, count = Connection.run, 0

async def run(self, text, params=()):
    global count
    ours = text.startswith("CREATE TABLE `")
    count += ours
    if ours and count == at and not behind:
        os.kill(os.getpid(), signal.SIGKILL)
    answer = await original(self, text, params)
    if ours and count == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

Connection.run = run
asyncio.run(MigrationRunner(MySqlMigrationDriver(settings)).migrate("001"))
"""


def killed(database, at, behind):
    config = {**database.config(), "password_env": "PW"}
    return subprocess.Popen(
        [sys.executable, "-c", KILLED, json.dumps([config, at, behind])],
        env={**os.environ, "PW": database.password},
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("at", range(1, 6))
async def test_whoever_is_killed_leaves_the_statement_in_the_ledger(mariadb_server, at):
    """Before and behind each statement of the first migration; resolved one way or the other."""
    from luminora.testing.servers.mariadb import new_database

    made = [new_database(mariadb_server) for _ in range(2)]
    places = [next(one) for one in made]
    try:
        # The ledger's own CREATE TABLE says IF NOT EXISTS, so the first counted one is sessions.
        children = [killed(place, at, bool(n)) for n, place in enumerate(places)]
        for behind, (place, child) in enumerate(zip(places, children, strict=True)):
            _, said = child.communicate(timeout=30)
            assert child.returncode == -signal.SIGKILL, said
            await _mended(place, at, behind=bool(behind))
    finally:
        for one in made:
            next(one, None)


async def _mended(place, at, *, behind):
    run = runner(place)
    (dirty,) = (await run.status()).having(State.DIRTY)
    assert dirty.entry.statements_done == at - 1
    names = ["sessions", "messages", "message_terms", "embedding_state", "jobs"]
    assert f"statement {at} of 5: CREATE TABLE `{names[at - 1]}`" in dirty.entry.error
    with pytest.raises(SchemaDirty):
        await run.migrate()
    there = (await driver(place).tables()).keys() - {"schema_migrations"}
    assert there == set(names[: at - 1 + behind])
    if behind:
        place.run(*first_statements()[at:])
        await run.resolve("applied")
    else:
        for name in there:
            place.run(f"DROP TABLE {name}")
        await run.resolve("rolled-back")
    await run.migrate()
    assert not (await run.status()).having(State.DIRTY)
    assert {*COLLECTIONS, "message_terms"} == (await driver(place).tables()).keys()


def first_statements():
    return render(load_all("mysql")[0], Parameters().values()).statements
