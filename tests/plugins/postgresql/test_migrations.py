import asyncio
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic

import psycopg
import pytest
from luminora_postgresql.migrations import PostgresMigrationDriver

from luminora.errors import (
    ConfigError,
    MigrationError,
    MigrationLockTimeout,
    SchemaDirty,
    SchemaDrift,
    StorageUnavailable,
)
from luminora.migrations import MigrationRunner, Parameters, State
from luminora.providers import COLLECTIONS, FieldType
from luminora.testing import migrate
from luminora.testing.servers.postgresql import drop_database, run_sql
from luminora.testing.servers.proxy import Proxy
from tests.migrations.helpers import write_set
from tests.plugins.postgresql import databases

pytestmark = [
    pytest.mark.backend("postgresql storage", against="postgresql"),
    pytest.mark.xdist_group("postgresql"),
]

ROOT = Path(__file__).parents[3]
TYPES = {
    FieldType.STRING: "character varying(255)",
    FieldType.TEXT: "text",
    FieldType.INTEGER: "bigint",
    FieldType.FLOAT: "double precision",
    FieldType.BOOLEAN: "boolean",
    FieldType.TIMESTAMP: "timestamp with time zone",
    FieldType.JSON: "jsonb",
    FieldType.STRINGS: "text[]",
}
OBJECTS = """
SELECT relkind::text, relname::text,
    (SELECT string_agg(format('%s %s %s %s', attname, format_type(atttypid, atttypmod), attnotnull,
        (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef
         WHERE adrelid = attrelid AND adnum = attnum)), ', ' ORDER BY attnum)
     FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped),
    CASE WHEN relkind = 'i' THEN pg_get_indexdef(oid) END,
    (SELECT string_agg(pg_get_constraintdef(oid), ', ' ORDER BY conname) FROM pg_constraint
     WHERE conrelid = pg_class.oid)
FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1, 2
"""

COLUMNS = """
SELECT attname::text, format_type(atttypid, atttypmod), NOT attnotnull FROM pg_attribute
WHERE attrelid = '{table}'::regclass AND attnum > 0 ORDER BY attnum
"""
KEYS = """
SELECT contype::text, ARRAY(
    SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS k(num, pos)
    JOIN pg_attribute ON attrelid = conrelid AND attnum = num ORDER BY pos)
FROM pg_constraint WHERE conrelid = '{table}'::regclass AND contype IN ('p', 'u')
"""


@pytest.fixture
def driver(postgres_database):
    return PostgresMigrationDriver(databases.settings(postgres_database))


@pytest.fixture
def runner(driver):
    return MigrationRunner(driver, parameters=Parameters(dimension=8))


def shelf(tmp_path, **files):
    return [
        (
            "shelf",
            write_set(
                tmp_path, "postgresql", {f"{name}.sql": text for name, text in files.items()}
            ),
        )
    ]


def test_killed_at_any_statement_a_migration_is_there_or_not(postgres_admin):
    command = [sys.executable, "-m", "tests.plugins.postgresql.killed", postgres_admin]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout)
    assert len(runs) > 30
    assert [run["died"] for run in runs] == [True] * (len(runs) - 1) + [False]
    tables_after: dict[str, list[str]] = {}
    for run in runs:
        seen = tables_after.setdefault(",".join(run["versions"]), run["tables"])
        assert seen == run["tables"], "the old schema or the new one, nothing between"
    assert list(tables_after) == [
        ",".join(f"{version:03}" for version in range(1, last + 1)) for last in range(6)
    ]


async def test_of_ten_migrators_one_migrates(postgres_database):
    runners = [
        MigrationRunner(
            PostgresMigrationDriver(databases.settings(postgres_database)),
            parameters=Parameters(dimension=8),
        )
        for _ in range(10)
    ]
    outcomes = await asyncio.gather(*(runner.migrate() for runner in runners))
    assert sorted(len(outcome.done) for outcome in outcomes) == [0] * 9 + [5]


async def test_the_lock_is_given_up_in_time_and_belongs_to_a_prefix(postgres_database, driver):
    async with driver.lock(1):
        other = PostgresMigrationDriver(databases.settings(postgres_database))
        with pytest.raises(MigrationLockTimeout, match=r"migrating for 0\.2 seconds"):
            async with other.lock(0.2):
                pass
        prefixed = PostgresMigrationDriver(
            databases.settings(postgres_database), table_prefix="app_"
        )
        async with prefixed.lock(0):
            pass
    async with driver.lock(0):
        pass


async def test_who_waits_does_not_hold_up_a_concurrent_index(postgres_database, driver, tmp_path):
    sets = shelf(
        tmp_path,
        **{
            "001_box": "CREATE TABLE box (x BIGINT);",
            "002_index": "CREATE INDEX CONCURRENTLY idx_box ON box (x); SELECT 1;",
        },
    )
    await MigrationRunner(driver, sets).migrate("shelf@001")
    with psycopg.connect(postgres_database.url) as writer:
        writer.execute("INSERT INTO box VALUES (1)")
        first = asyncio.create_task(MigrationRunner(driver, sets).migrate())
        await asyncio.sleep(0.3)
        other = PostgresMigrationDriver(databases.settings(postgres_database))
        second = asyncio.create_task(MigrationRunner(other, sets).migrate())
        await asyncio.sleep(0.5)
        assert not first.done(), "the index waits for the writer"
        writer.commit()
        outcomes = await asyncio.wait_for(asyncio.gather(first, second), 10)
    assert outcomes[0].done[-1].endswith("002_index.sql")
    assert outcomes[1].done == ()
    (entry,) = [
        one for one in await driver.ledger() if one.component == "shelf" and one.version == "002"
    ]
    assert (entry.statements_done, entry.statements_total, entry.dirty) == (2, 2, False)


async def test_a_migration_that_goes_step_by_step_says_where_it_stopped(
    driver, tmp_path, postgres_database
):
    sets = shelf(
        tmp_path,
        **{
            "001_box": "CREATE TABLE box (x BIGINT); CREATE INDEX CONCURRENTLY idx_box ON box (y); "
            "SELECT 1;",
            "001_box.down": "DROP INDEX CONCURRENTLY idx_box; DROP TABLE box;",
        },
    )
    runner = MigrationRunner(driver, sets)
    with pytest.raises(MigrationError, match=r"statement 2 of 3 failed: column \"y\"") as failure:
        await runner.migrate()
    assert "luminora migrate --resolve" in str(failure.value)
    with pytest.raises(SchemaDirty):
        await runner.migrate()
    (entry,) = [one for one in await driver.ledger() if one.component == "shelf"]
    assert (entry.statements_done, entry.dirty) == (1, True)
    assert 'column "y"' in entry.error
    postgres_database.sql("ALTER TABLE box ADD COLUMN y BIGINT")
    postgres_database.sql("CREATE INDEX idx_box ON box (y)")
    await runner.resolve("applied")
    await runner.rollback("shelf@000")
    assert "box" not in await driver.tables()


async def test_a_syntax_error_is_quoted_and_leaves_nothing(driver, tmp_path):
    text = (
        "CREATE TABLE g_a (x BIGINT); CREATE TABLE g_b (x BIGINT); "
        "CREATE TABEL g_c (x BIGINT); SELECT 1; SELECT 2;"
    )
    runner = MigrationRunner(driver, shelf(tmp_path, **{"001_a": text}))
    with pytest.raises(MigrationError) as failure:
        await runner.migrate()
    assert "statement 3 of 5 failed: syntax error" in str(failure.value)
    assert "CREATE TABEL g_c" in str(failure.value)
    assert "shelf 001_a" in str(failure.value)
    assert not {"g_a", "g_b"} & (await driver.tables()).keys()
    assert "shelf" not in {one.component for one in await driver.ledger()}


async def test_a_migration_cannot_end_its_transaction(driver, tmp_path):
    text = "CREATE TABLE g_a (x BIGINT); -- now\n COMMIT; SELECT 1;"
    with pytest.raises(MigrationError, match="cannot end it"):
        await MigrationRunner(driver, shelf(tmp_path, **{"001_a": text})).migrate()
    assert "g_a" not in await driver.tables()


async def test_edited_missing_and_overtaken_files_are_drift(driver, tmp_path):
    files = {"001_a": "CREATE TABLE g_a (x BIGINT);", "003_c": "CREATE TABLE g_c (x BIGINT);"}
    await MigrationRunner(driver, shelf(tmp_path / "1", **files)).migrate()
    for number, changed in enumerate(
        (
            {**files, "001_a": "CREATE TABLE g_a (x BIGINT, y BIGINT);"},
            {"003_c": files["003_c"]},
            {**files, "002_b": "CREATE TABLE g_b (x BIGINT);"},
        )
    ):
        with pytest.raises(SchemaDrift):
            await MigrationRunner(driver, shelf(tmp_path / f"c{number}", **changed)).migrate()
    assert "g_b" not in await driver.tables()


async def test_up_down_up_leaves_the_same_schema(runner, driver, postgres_database):
    await runner.migrate()
    first = postgres_database.sql(OBJECTS)
    postgres_database.sql("CREATE TABLE message_embeddings_2 (embedding vector(4))")
    await runner.rollback("000")
    assert await driver.tables() == {"schema_migrations": 0}
    await runner.migrate()
    assert postgres_database.sql(OBJECTS) == first


@pytest.mark.parametrize("prefix", ["", "app_"])
async def test_tables_match_their_declaration(postgres_database, prefix):
    await migrate(databases.storage(postgres_database, prefix))
    for name, collection in COLLECTIONS.items():
        table = f"{prefix}{name}"
        columns = {
            column: (kind, nullable)
            for column, kind, nullable in postgres_database.sql(COLUMNS.format(table=table))
        }
        if name == "messages":
            assert columns.pop("terms") == ("tsvector", False)
        assert list(columns) == list(collection.fields)
        assert columns == {
            field: (TYPES[one.type], one.nullable) for field, one in collection.fields.items()
        }
        keys = postgres_database.sql(KEYS.format(table=table))
        assert [tuple(fields) for kind, fields in keys if kind == "p"] == [collection.key]
        assert {tuple(fields) for kind, fields in keys if kind == "u"} == set(collection.unique)


async def test_nothing_to_do_costs_three_round_trips(
    postgres_database, driver, runner, monkeypatch
):
    await runner.migrate()
    trips = []
    execute, pipeline = psycopg.AsyncConnection.execute, psycopg.AsyncConnection.pipeline

    async def counted(self, *arguments, **options):
        if self._pipeline is None:
            trips.append(arguments[0])
        return await execute(self, *arguments, **options)

    def counted_pipeline(self):
        trips.append("pipeline")
        return pipeline(self)

    monkeypatch.setattr(psycopg.AsyncConnection, "execute", counted)
    monkeypatch.setattr(psycopg.AsyncConnection, "pipeline", counted_pipeline)
    assert (await runner.migrate()).done == ()
    assert 1 <= len(trips) <= 3


async def test_the_dimension_is_that_of_the_active_index(postgres_database, driver, runner):
    assert await driver.vector_dimension() is None
    await runner.migrate()
    assert await driver.vector_dimension() == 8
    postgres_database.sql("CREATE TABLE message_embeddings_2 (embedding halfvec(12))")
    row = "'static', 'm', {}, 'cosine', '{}', NULL, now(), now()"
    insert = "INSERT INTO embedding_state VALUES ('{}', {})"
    postgres_database.sql(insert.format("messages", row.format(8, "active")))
    postgres_database.sql(insert.format("messages_2", row.format(12, "building")))
    assert await driver.vector_dimension() == 8
    postgres_database.sql("UPDATE embedding_state SET status = 'retired' WHERE dimension = 8")
    postgres_database.sql("UPDATE embedding_state SET status = 'active' WHERE dimension = 12")
    assert await driver.vector_dimension() == 12
    postgres_database.sql("DROP TABLE message_embeddings_2")
    assert await driver.vector_dimension() == 8


async def test_another_programs_ledger_is_left_alone(postgres_database, runner):
    postgres_database.sql("CREATE TABLE schema_migrations (version TEXT)")
    with pytest.raises(MigrationError, match="another program's"):
        await runner.migrate()
    assert postgres_database.sql("SELECT * FROM pg_tables WHERE tablename = 'sessions'") == []


async def test_another_programs_table_is_left_alone(postgres_database, runner, driver):
    postgres_database.sql("CREATE TABLE messages (x BIGINT)")
    with pytest.raises(MigrationError, match='"messages" already exists') as failure:
        await runner.migrate()
    assert "table_prefix" in str(failure.value)
    assert await driver.tables() == {"messages": 0}


async def test_without_pgvector_the_command_is_given(postgres_database, runner, driver):
    with suppress(psycopg.Error):  # older servers have no such setting, and pgvector
        name = postgres_database.name
        postgres_database.sql(f"ALTER DATABASE {name} SET extension_control_path = '/nowhere'")
        with pytest.raises(MigrationError) as failure:
            await runner.migrate()
        assert f'psql -U postgres -d {name} -c "CREATE EXTENSION vector;"' in str(failure.value)
        assert "install pgvector" in str(failure.value)
        assert "message_embeddings" not in await driver.tables()
        assert (await runner.status()).having(State.DIRTY) == ()


async def test_who_may_not_create_the_extension_is_told_who_may(postgres_database, postgres_admin):
    name = postgres_database.name
    role = f"writer_{name[-8:]}"
    postgres_database.sql(f"CREATE ROLE {role} LOGIN")
    postgres_database.sql(f"GRANT ALL ON SCHEMA public TO {role}")
    settings = databases.settings(postgres_database, user=role)
    runner = MigrationRunner(PostgresMigrationDriver(settings), parameters=Parameters(dimension=8))
    with pytest.raises(MigrationError, match="permission denied to create extension") as failure:
        await runner.migrate()
    assert f'psql -U postgres -d {name} -c "CREATE EXTENSION vector;"' in str(failure.value)
    postgres_database.sql("CREATE EXTENSION vector")
    assert len((await runner.migrate()).done) == 2
    drop_database(postgres_admin, name)
    run_sql(postgres_admin, f"DROP ROLE {role}")


async def test_behind_pgbouncer_a_direct_url_is_asked_for(postgres_database, monkeypatch):
    pooled = databases.settings(postgres_database, pgbouncer=True)
    with pytest.raises(ConfigError, match="PgBouncer") as failure:
        await PostgresMigrationDriver(pooled).ledger()
    assert "migration_url_env" in str(failure.value)
    direct = databases.settings(
        postgres_database,
        env_={"DIRECT": postgres_database.url},
        pgbouncer=True,
        migration_url_env="DIRECT",
        port=1,
    )
    assert await PostgresMigrationDriver(direct).ledger() == []


async def test_a_server_that_dies_during_a_migration_leaves_nothing(postgres_database, tmp_path):
    with Proxy(postgres_database.config["port"]) as proxy:
        settings = databases.settings(postgres_database, port=proxy.port)
        driver = PostgresMigrationDriver(settings)
        sets = shelf(tmp_path, **{"001_a": "CREATE TABLE g_a (x BIGINT); SELECT pg_sleep(20);"})
        started = monotonic()
        migrating = asyncio.create_task(MigrationRunner(driver, sets).migrate())
        await asyncio.sleep(0.7)
        proxy.hang_up()
        with pytest.raises(StorageUnavailable):
            await migrating
        assert monotonic() - started < 10
    assert (
        "g_a" not in await PostgresMigrationDriver(databases.settings(postgres_database)).tables()
    )
