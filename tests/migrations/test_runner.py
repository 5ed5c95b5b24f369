from __future__ import annotations

from dataclasses import replace

import pytest

from luminora.errors import (
    DimensionMismatch,
    InputError,
    MigrationError,
    SchemaDirty,
    SchemaDrift,
)
from luminora.migrations import MigrationRunner, Parameters, State

from .helpers import FakeDriver, write_set

FILES = {
    "001_a.sql": "CREATE TABLE {{TABLE_PREFIX}}a (x);",
    "001_a.down.sql": "DROP TABLE a;",
    "002_b.sql": "one; two; three; four; five;",
    "002_b.down.sql": "DROP TABLE IF EXISTS b; DROP INDEX i; DELETE FROM a;",
    "003_c.sql": "CREATE TABLE c (v {{VECTOR_TYPE}});",
    "003_c.down.sql": "ALTER TABLE c DROP COLUMN v; -- was {{VECTOR_TYPE}}",
}


@pytest.fixture
def root(tmp_path):
    return write_set(tmp_path / "set", "fake", FILES)


@pytest.fixture
def driver():
    return FakeDriver()


@pytest.fixture
def runner(root, driver):
    return MigrationRunner(driver, [("core", root)], Parameters(dimension=8))


async def test_everything_pending_is_applied_in_order_and_told(runner, driver):
    seen = []
    outcome = await runner.migrate(on_progress=lambda step: seen.append(step.template.label))
    assert list(outcome.done) == seen == ["001_a.sql", "002_b.sql", "003_c.sql"]
    assert driver.executed == [
        "CREATE TABLE a (x)",
        *("one", "two", "three", "four", "five"),
        "CREATE TABLE c (v vector(8))",
    ]
    assert [line.state for line in (await runner.status()).lines] == [State.APPLIED] * 3


async def test_the_ledger_remembers_how(runner, driver):
    await runner.migrate()
    entry = driver.entries["core", "003"]
    assert entry.parameters == {"VECTOR_TYPE": "vector(8)"}
    assert entry.name == "c"
    assert entry.tool_version
    assert len(entry.checksum) == 64
    assert (entry.statements_done, entry.statements_total) == (1, 1)


async def test_nothing_to_do_takes_at_most_three_round_trips_and_no_lock(runner, driver):
    await runner.migrate()
    driver.trips = 0
    outcome = await runner.migrate()
    assert outcome.done == ()
    assert driver.trips <= 3
    assert not driver.locked


async def test_a_target_stops_there_and_later_runs_go_on(runner, driver):
    assert (await runner.migrate("002")).done == ("001_a.sql", "002_b.sql")
    assert (await runner.migrate("001")).done == ()
    assert (await runner.migrate()).done == ("003_c.sql",)


async def test_a_plan_writes_nothing(runner, driver):
    steps = await runner.plan()
    assert steps[0].rendered.statements[0] == "CREATE TABLE a (x)"
    assert driver.executed == []
    assert driver.entries == {}


async def test_an_error_in_statement_three_leaves_a_dirty_entry_that_names_it(root):
    driver = FakeDriver(fail_at=3)
    runner = MigrationRunner(driver, [("core", root)], Parameters(dimension=8))
    with pytest.raises(MigrationError, match="statement 3 of 5: three"):
        await runner.migrate()
    driver.fail_at = None
    for refused in (runner.migrate, runner.plan, lambda: runner.rollback("000")):
        with pytest.raises(SchemaDirty, match=r"002_b.*statement 3 of 5.*no"):
            await refused()
    assert driver.executed == ["CREATE TABLE a (x)", "one", "two"]


@pytest.mark.parametrize("die_at", [1, 2, 5])
async def test_a_killed_run_is_dirty_at_its_statement(root, die_at):
    driver = FakeDriver(die_at=die_at)
    driver.entries = {}
    runner = MigrationRunner(driver, [("core", root)], Parameters(dimension=8))
    with pytest.raises(KeyboardInterrupt):
        await runner.migrate()
    driver.die_at = None
    with pytest.raises(SchemaDirty, match=f"statement {1 if die_at == 1 else die_at} of"):
        await runner.migrate()


async def test_resolving_as_applied_goes_on_behind_it(root):
    driver = FakeDriver(fail_at=3)
    runner = MigrationRunner(driver, [("core", root)], Parameters(dimension=8))
    with pytest.raises(MigrationError):
        await runner.migrate()
    driver.fail_at = None
    assert (await runner.resolve("applied")).done == ("002_b.sql",)
    assert driver.entries["core", "002"].error is None
    assert (await runner.migrate()).done == ("003_c.sql",)


async def test_resolving_as_rolled_back_applies_it_again(root):
    driver = FakeDriver(fail_at=3)
    runner = MigrationRunner(driver, [("core", root)], Parameters(dimension=8))
    with pytest.raises(MigrationError):
        await runner.migrate()
    driver.fail_at = None
    await runner.resolve("rolled-back")
    assert (await runner.migrate()).done == ("002_b.sql", "003_c.sql")


async def test_resolving_without_need_is_refused(runner):
    with pytest.raises(InputError, match="no migration is dirty"):
        await runner.resolve("applied")


async def test_a_dirty_entry_seen_without_the_lock_may_be_somebody_at_work(runner, driver):
    """Between the first look and the lock, the other process finishes."""
    await runner.migrate()
    finished = driver.entries["core", "003"]
    driver.entries["core", "003"] = replace(finished, finished_at=None)
    looks = 0
    look = driver.ledger

    async def ledger():
        nonlocal looks
        looks += 1
        if looks == 2:
            driver.entries["core", "003"] = finished
        return await look()

    driver.ledger = ledger
    assert (await runner.migrate()).done == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: (root / "fake/001_a.sql").write_text("edited"), "001_a.sql was edited"),
        (lambda root: (root / "fake/003_c.sql").rename(root / "fake/004_c.sql"), "003_c was appl"),
        (lambda root: (root / "fake/000_z.sql").write_text("late"), "000_z.sql comes before"),
    ],
)
async def test_drift_stops_before_anything_is_done(root, driver, change, message):
    await MigrationRunner(driver, [("core", root)], Parameters(dimension=8)).migrate()
    if "003" in message:
        (root / "fake/003_c.down.sql").unlink()
    change(root)
    (root / "fake" / "009_new.sql").write_text("new")
    executed = list(driver.executed)
    runner = MigrationRunner(driver, [("core", root)], Parameters(dimension=8))
    with pytest.raises(SchemaDrift, match=message) as caught:
        await runner.migrate()
    assert caught.value.exit_code == 5
    assert driver.executed == executed


async def test_a_newer_schema_is_left_alone_with_a_warning(root, driver, runner):
    (root / "fake" / "004_d.sql").write_text("new")
    await runner.migrate()
    (root / "fake" / "004_d.sql").unlink()
    older = MigrationRunner(driver, [("core", root)], Parameters(dimension=8))
    outcome = await older.migrate()
    assert outcome.done == ()
    assert "004_d was applied by a newer Luminora" in outcome.warnings[0]


# --- rollback -------------------------------------------------------------------------------------


async def test_a_rollback_plan_tells_the_rows_it_costs_and_writes_nothing(runner, driver):
    await runner.migrate()
    driver.existing = {"a": 7, "b": 3, "c": 5, "i": 1}
    executed = list(driver.executed)
    assert (await runner.rollback_plan()).rows == {"c": 5}
    plan = await runner.rollback_plan("001")
    assert [step.template.label for step in plan.steps] == ["003_c.sql", "002_b.sql"]
    assert plan.rows == {"a": 7, "b": 3, "c": 5}
    assert driver.executed == executed


async def test_without_a_target_the_latest_is_undone_once(runner, driver):
    await runner.migrate()
    plan = await runner.rollback_plan()
    assert plan.target == "002"
    assert (await runner.rollback(plan.target)).done == ("003_c.sql",)
    assert (await runner.rollback(plan.target)).done == ()
    assert sorted(driver.entries) == [("core", "001"), ("core", "002")]


async def test_everything_can_be_undone_and_done_again(runner, driver):
    await runner.migrate()
    assert (await runner.rollback("000")).done == ("003_c.sql", "002_b.sql", "001_a.sql")
    assert driver.entries == {}
    assert len((await runner.migrate()).done) == 3


async def test_undoing_uses_the_parameters_it_was_done_with(root, driver, runner):
    await runner.migrate()
    wider = MigrationRunner(driver, [("core", root)], Parameters(dimension=3000))
    (step,) = (await wider.rollback_plan()).steps
    assert "vector(8)" in step.rendered.text


async def test_what_has_no_undo_is_refused_before_anything_is_undone(root, driver, runner):
    (root / "fake" / "002_b.down.sql").unlink()
    await runner.migrate()
    executed = list(driver.executed)
    with pytest.raises(MigrationError, match=r"002_b.sql cannot be undone"):
        await runner.rollback("000")
    assert driver.executed == executed


# --- baseline -------------------------------------------------------------------------------------


async def test_a_baseline_records_without_running(runner, driver):
    driver.existing = {"a": 1, "c": 0}
    assert (await runner.baseline()).done == ("001_a.sql", "002_b.sql", "003_c.sql")
    assert driver.executed == []
    assert (await runner.migrate()).done == ()


async def test_a_baseline_up_to_a_version(runner, driver):
    driver.existing = {"a": 1}
    assert (await runner.baseline("002")).done == ("001_a.sql", "002_b.sql")
    assert (await runner.migrate()).done == ("003_c.sql",)


async def test_a_baseline_wants_the_tables_to_be_there(runner, driver):
    driver.existing = {"a": 1}
    with pytest.raises(MigrationError, match="c is absent"):
        await runner.baseline()
    assert driver.entries == {}


async def test_a_baseline_is_for_a_database_without_a_ledger(runner, driver):
    await runner.migrate("001")
    with pytest.raises(MigrationError, match="ledger already"):
        await runner.baseline()


# --- dimension ------------------------------------------------------------------------------------


async def test_another_dimension_is_refused_before_any_write(root, driver, runner):
    await runner.migrate("002")
    driver.held_dimension = 1024
    executed = list(driver.executed)
    with pytest.raises(DimensionMismatch, match=r"1024 dimensions.*yields 8") as caught:
        await runner.migrate()
    assert (caught.value.expected, caught.value.found) == (1024, 8)
    assert "reembed" in caught.value.hint
    assert "back" in caught.value.hint
    assert driver.executed == executed


async def test_the_dimension_is_probed_once_and_only_when_a_template_wants_it(root, driver):
    probes = 0

    async def probe():
        nonlocal probes
        probes += 1
        return 1024

    runner = MigrationRunner(driver, [("core", root)], probe=probe)
    await runner.migrate("002")
    assert probes == 0
    await runner.migrate()
    await runner.migrate()
    assert probes == 1
    assert driver.executed[-1] == "CREATE TABLE c (v vector(1024))"


async def test_sql_is_all_of_it_for_people(runner, driver):
    text = await runner.sql()
    assert text.index("-- 001_a.sql") < text.index("-- 003_c.sql")
    assert "CREATE TABLE c (v vector(8));" in text
    assert driver.trips == 0


async def test_a_plugins_set_runs_after_the_core_and_has_a_ledger_of_its_own(
    tmp_path, root, driver
):
    graph = write_set(tmp_path / "graph", "fake", {"001_g.sql": "CREATE TABLE g (x);"})
    runner = MigrationRunner(driver, [("graph", graph), ("core", root)], Parameters(dimension=8))
    assert (await runner.migrate()).done[-1] == "graph/001_g.sql"
    assert ("graph", "001") in driver.entries
    assert (await runner.rollback_plan()).target == "002"


async def test_a_database_nobody_has_templates_for_needs_none(driver):
    assert (await MigrationRunner(driver).migrate()).done == ()
