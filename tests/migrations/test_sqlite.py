"""The SQLite driver against real files: killed, raced, filled up, damaged."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest

from luminora.builtin.sqlite.migrations import SqliteMigrationDriver
from luminora.errors import (
    MigrationError,
    MigrationLockTimeout,
    SchemaDrift,
    StorageCorrupt,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)
from luminora.migrations import MigrationRunner, Parameters, State, load_all, render

from .helpers import dump, entry, write_set

CORE = load_all("sqlite")
FILES = {
    "001_a.sql": "CREATE TABLE g_a (x);",
    "001_a.down.sql": "DROP TABLE g_a;",
    "002_b.sql": "CREATE TABLE g_b (x); CREATE TABLE g_c (x); CREATE TABEL g_d (x); "
    "SELECT 1; SELECT 2;",
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "luminora.db"


@pytest.fixture
def driver(path):
    return SqliteMigrationDriver(path)


@pytest.fixture
def runner(driver):
    return MigrationRunner(driver)


def connect(path):
    return apsw.Connection(str(path))


async def test_up_down_up_leaves_the_same_schema_at_every_version(path, runner):
    dumps = {}
    for file in CORE:
        await runner.migrate(file.version)
        dumps[file.version] = dump(path)
    for file in reversed(CORE[:-1]):
        await runner.rollback(file.version)
        assert dump(path) == dumps[file.version]
    await runner.rollback("000")
    assert dump(path) == []
    await runner.migrate()
    assert dump(path) == dumps[CORE[-1].version]


async def test_a_prefix_keeps_two_libraries_in_one_file_apart(path):
    for prefix in ("", "lum_"):
        driver = SqliteMigrationDriver(path, table_prefix=prefix)
        await MigrationRunner(driver).migrate()
    assert "lum_messages" in await SqliteMigrationDriver(path, table_prefix="lum_").tables()
    await MigrationRunner(SqliteMigrationDriver(path, table_prefix="lum_")).rollback("000")
    assert (await MigrationRunner(SqliteMigrationDriver(path)).status()).pending == ()
    assert "messages" in await SqliteMigrationDriver(path).tables()


async def test_looking_makes_no_file(path, driver, runner):
    assert len((await runner.status()).pending) == len(CORE)
    assert len(await runner.plan()) == len(CORE)
    assert await driver.tables() == {}
    assert (await runner.rollback_plan()).steps == ()
    assert not path.exists()


async def test_looking_makes_no_ledger_and_leaves_no_files_behind(path, driver, runner):
    connection = connect(path)
    connection.pragma("journal_mode", "wal")
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    await runner.status()
    await runner.plan()
    assert await driver.tables() == {"mine": 0}
    assert [one.name for one in path.parent.glob("luminora.db*")] == ["luminora.db"]
    assert [row[1] for row in dump(path)] == ["mine"]


async def test_a_folder_is_made_when_needed(tmp_path):
    path = tmp_path / "deep" / "down" / "luminora.db"
    await MigrationRunner(SqliteMigrationDriver(path)).migrate()
    assert path.exists()


async def test_the_ledger_survives_the_round_trip(path, driver):
    moment = datetime(2026, 11, 20, 13, 35, 25, 6, tzinfo=UTC)
    written = entry("001", parameters={"A": "ñ", "B": 2}, started_at=moment, error="¡no!")
    halted = entry("002", finished_at=None, component="graph")
    async with driver.lock(1):
        await driver.record(written)
        await driver.record(halted)
    assert await driver.ledger() == [written, halted]
    async with driver.lock(1):
        await driver.record(entry("001"))
        await driver.erase(halted)
        assert await driver.ledger() == [entry("001")]
    assert await driver.ledger() == [entry("001")]


async def test_writing_wants_the_lock(driver):
    with pytest.raises(MigrationError, match="lock is not held"):
        await driver.record(entry("001"))


async def test_rows_at_risk_are_counted(path, runner):
    await runner.migrate()
    with connect(path) as connection:
        connection.execute(
            "INSERT INTO sessions VALUES ('s', 'u', 'p', NULL, NULL, 't', 't'), "
            "('s2', 'u', 'p', NULL, NULL, 't', 't')"
        )
    connection.close()
    assert (await runner.rollback_plan()).rows == {}
    assert (await runner.rollback_plan("000")).rows["sessions"] == 2
    assert "messages_fts_data" not in (await runner.rollback_plan("000")).rows


async def test_a_syntax_error_in_statement_three_of_five_leaves_nothing(tmp_path, path):
    graph = write_set(tmp_path / "graph", "sqlite", FILES)
    runner = MigrationRunner(SqliteMigrationDriver(path), [("graph", graph)])
    with pytest.raises(MigrationError, match=r"statement 3 of 5.*TABEL") as caught:
        await runner.migrate()
    assert "CREATE TABEL g_d" in caught.value.message
    assert "002_b" in caught.value.where
    names = {row[1] for row in dump(path)}
    assert "g_a" in names
    assert not names & {"g_b", "g_c", "g_d"}
    standing = await runner.status()
    assert [line.label for line in standing.pending] == ["graph/002_b.sql"]
    assert standing.sound
    (graph / "sqlite" / "002_b.sql").write_text("CREATE TABLE g_b (x);")
    repaired = MigrationRunner(SqliteMigrationDriver(path), [("graph", graph)])
    assert (await repaired.migrate()).done == ("graph/002_b.sql",)


async def test_a_template_cannot_end_the_transaction(tmp_path, path):
    graph = write_set(tmp_path / "graph", "sqlite", {"001_a.sql": "CREATE TABLE g (x); COMMIT;"})
    with pytest.raises(MigrationError, match="cannot end it"):
        await MigrationRunner(SqliteMigrationDriver(path), [("graph", graph)]).migrate()


@pytest.mark.parametrize("state", [State.EDITED, State.MISSING, State.OUT_OF_ORDER])
async def test_drift_leaves_the_file_untouched(tmp_path, path, state):
    files = {
        f"00{n}_{x}.sql": f"CREATE TABLE g_{x} (x);" for n, x in ((1, "a"), (2, "b"), (4, "d"))
    }
    graph = write_set(tmp_path / "graph", "sqlite", files)
    await MigrationRunner(SqliteMigrationDriver(path), [("graph", graph)]).migrate()
    folder = graph / "sqlite"
    match state:
        case State.EDITED:
            (folder / "002_b.sql").write_text("CREATE TABLE g_other (x);")
        case State.MISSING:
            (folder / "002_b.sql").unlink()
        case State.OUT_OF_ORDER:
            (folder / "003_c.sql").write_text("CREATE TABLE g_c (x);")
    (folder / "005_e.sql").write_text("CREATE TABLE g_e (x);")
    before = path.read_bytes()
    runner = MigrationRunner(SqliteMigrationDriver(path), [("graph", graph)])
    with pytest.raises(SchemaDrift, match=r"graph/00[23]_[bc]"):
        await runner.migrate()
    assert path.read_bytes() == before


async def test_a_table_of_another_program_is_not_adopted(path, runner):
    with connect(path) as connection:
        connection.execute("CREATE TABLE messages (id)")
    connection.close()
    with pytest.raises(MigrationError, match=r"messages.*already exists"):
        await runner.migrate()
    assert [row[1] for row in dump(path)] == ["messages"]


async def test_another_programs_ledger_is_not_ours(path, runner):
    with connect(path) as connection:
        connection.execute("CREATE TABLE schema_migrations (version TEXT)")
    connection.close()
    for refused in (runner.status, runner.migrate):
        with pytest.raises(MigrationError, match="another program"):
            await refused()


# --- killed ---------------------------------------------------------------------------------------

VICTIMS = textwrap.dedent("""
    # Migrates the file in one process after the other; each kills itself one statement later.
    # Prints how each ended (a signal, or 0) and the schema it left behind.
    import asyncio, json, os, signal, sys, jinja2.sandbox, sqlparse
    from pathlib import Path
    import apsw
    from luminora.builtin.sqlite.migrations import SqliteMigrationDriver
    from luminora.migrations import MigrationRunner
    from tests.migrations.helpers import dump

    path, numbers = Path(sys.argv[1]), json.loads(sys.argv[2])

    def die_at(number):
        seen = 0
        def trace(cursor, sql, bindings):
            nonlocal seen
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return True
        def hook(connection):
            connection.exec_trace = trace
        return hook

    for number in numbers:
        child = os.fork()
        if child == 0:
            apsw.connection_hooks.append(die_at(number))
            asyncio.run(MigrationRunner(SqliteMigrationDriver(path)).migrate())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(json.dumps([os.WTERMSIG(status), dump(path) if path.exists() else []]))
""")

RACERS = textwrap.dedent("""
    import asyncio, os, sys, time
    from luminora.builtin.sqlite.migrations import SqliteMigrationDriver
    from luminora.migrations import MigrationRunner, render

    start = time.time() + 0.2
    children = []
    for _ in range(10):
        child = os.fork()
        if child == 0:
            runner = MigrationRunner(SqliteMigrationDriver(sys.argv[1]))
            time.sleep(max(0, start - time.time()))
            os._exit(len(asyncio.run(runner.migrate()).done))
        children.append(child)
    print(sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
""")


def in_processes(code: str, *arguments: str) -> list[object]:
    """What a script prints, line by line; it forks, which a test's own process should not."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def as_json(value: object) -> object:
    return json.loads(json.dumps(value))


async def test_killed_at_any_statement_the_file_has_the_old_schema_or_the_new(tmp_path, path):
    ((signal, whole),) = in_processes(VICTIMS, str(tmp_path / "reference.db"), "[0]")
    assert (signal, len(whole) > 40) == (0, True)
    # Each victim starts from what the one before left, as on a machine that keeps crashing.
    ends = in_processes(VICTIMS, str(path), json.dumps([*range(1, 80), 0]))
    assert {signal for signal, _ in ends} == {0, 9}
    assert [signal for signal, _ in ends[:40]] == [9] * 40
    assert all(schema in ([], whole) for _, schema in ends)
    assert ends[-1] == [0, whole]


async def test_killed_in_the_middle_of_an_upgrade_the_old_data_is_there(path):
    runner = MigrationRunner(SqliteMigrationDriver(path))
    await runner.migrate("001")
    with connect(path) as connection:
        connection.execute("INSERT INTO sessions VALUES ('s', 'u', 'p', NULL, NULL, 't', 't')")
    connection.close()
    before = as_json(dump(path))
    ends = in_processes(VICTIMS, str(path), json.dumps([8, 14, 30]))
    assert ends == [[9, before]] * 3
    await runner.migrate()
    with connect(path) as connection:
        assert connection.execute("SELECT session_id FROM sessions").get == "s"
    connection.close()


# --- raced ----------------------------------------------------------------------------------------


def test_of_ten_processes_one_applies_and_nine_find_nothing_to_do(path):
    (answers,) = in_processes(RACERS, str(path))
    assert answers == [0] * 9 + [len(CORE)]


async def test_ten_tasks_of_one_process_take_turns_too(path):
    runners = [MigrationRunner(SqliteMigrationDriver(path)) for _ in range(10)]
    outcomes = await asyncio.gather(*(runner.migrate() for runner in runners))
    assert sorted(len(outcome.done) for outcome in outcomes) == [0] * 9 + [len(CORE)]


async def test_who_waits_too_long_is_told(path, runner):
    connection = connect(path)
    connection.execute("BEGIN IMMEDIATE")
    runner.timeout = 0.3
    began = time.monotonic()
    with pytest.raises(MigrationLockTimeout, match=r"0.3 seconds") as caught:
        await runner.migrate()
    assert 0.25 < time.monotonic() - began < 3
    assert caught.value.exit_code == 6
    connection.execute("ROLLBACK")
    connection.close()
    assert (await runner.migrate()).done


async def test_cancelling_frees_the_lock_and_keeps_the_schema_whole(path, runner, driver):
    task = asyncio.create_task(runner.migrate())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    other = MigrationRunner(SqliteMigrationDriver(path), timeout=5)
    await other.migrate()
    assert (await other.status()).sound
    assert (await other.status()).pending == ()


async def test_reading_while_another_writes_does_not_fail(path, runner):
    await runner.migrate()
    connection = connect(path)
    connection.pragma("journal_mode", "wal")
    connection.execute("BEGIN IMMEDIATE")
    assert (await runner.migrate()).done == ()
    connection.close()


# --- what disks and files do ----------------------------------------------------------------------


def limit_pages(pages):
    def hook(connection):
        connection.pragma("max_page_count", pages)

    return hook


async def test_a_full_disk_leaves_the_old_schema(path, runner, monkeypatch):
    monkeypatch.setattr(apsw, "connection_hooks", [limit_pages(12)])
    with pytest.raises(StorageFull):
        await runner.migrate()
    monkeypatch.setattr(apsw, "connection_hooks", [])
    assert dump(path) == []
    assert len((await runner.migrate()).done) == len(CORE)


async def test_a_file_that_is_no_database_is_left_alone(path, runner):
    path.write_bytes(b"my shopping list" * 100)
    for refused in (runner.status, runner.migrate):
        with pytest.raises(StorageCorrupt) as caught:
            await refused()
        assert str(path) in str(caught.value)
    assert path.read_bytes() == b"my shopping list" * 100


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_read_only_file_says_so(path, runner):
    path.touch()
    path.chmod(stat.S_IRUSR)
    with pytest.raises(StorageReadOnly):
        await runner.migrate()


async def test_a_folder_in_the_place_of_the_file_says_so(path, runner):
    path.mkdir()
    for refused in (runner.status, runner.migrate):
        with pytest.raises(StorageUnavailable):
            await refused()


async def test_a_file_in_the_place_of_the_folder_says_so(tmp_path):
    (tmp_path / "file").write_text("x")
    runner = MigrationRunner(SqliteMigrationDriver(tmp_path / "file" / "luminora.db"))
    with pytest.raises(StorageUnavailable, match="folder cannot be made"):
        await runner.migrate()


async def test_an_empty_file_is_an_empty_database(path, runner):
    path.touch()
    assert len((await runner.migrate()).done) == len(CORE)


async def test_a_baseline_of_what_was_run_by_hand(path, runner):
    text = await runner.sql()
    with connect(path) as connection:
        for statement in text.split(";\n"):
            connection.execute(statement)
    connection.close()
    assert len((await runner.baseline()).done) == len(CORE)
    assert (await runner.migrate()).done == ()


def test_the_ledger_has_a_row_for_each_placeholder_used():
    rendered = render(CORE[0], Parameters(table_prefix="l_").values())
    assert rendered.parameters == {"TABLE_PREFIX": "l_"}


async def test_a_schema_that_is_up_to_date_costs_no_template_engine(path, runner):
    await runner.migrate()
    code = textwrap.dedent("""
        import asyncio, json, sys
        from luminora.builtin.sqlite.migrations import SqliteMigrationDriver
        from luminora.migrations import MigrationRunner
        asyncio.run(MigrationRunner(SqliteMigrationDriver(sys.argv[1])).migrate())
        print(json.dumps([name for name in ("jinja2", "sqlparse") if name in sys.modules]))
    """)
    assert in_processes(code, str(path)) == [[]]
