"""What ails an installation is found, said with its cure, and nothing that is broken crashes it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import textwrap
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from luminora.checks import CHECKS
from luminora.config import load_config
from luminora.doctor import Check, Finding, Mend, Patient, examine, mend, worst
from luminora.memory.clock import now
from luminora.memory.jobs import JobQueue
from luminora.providers import EVERY_USER, Insert, Status, Update
from luminora.sync import LuminoraCoreClient
from tests.fakeplugins import CACHE_CODE, index_of, make, site

__all__ = ["site"]


async def _findings(patient, names, checks=CHECKS):
    try:
        return [one async for _, found in examine(patient, checks, names) for one in found]
    finally:
        await patient.aclose()


def look(*names, sections=None, within=10.0, **options):
    patient = Patient.of(lambda: load_config(sections, **options), within)
    return asyncio.run(_findings(patient, names))


def only(found, status=Status.ERROR):
    (one,) = [finding for finding in found if finding.status is status]
    return one


def used():
    with LuminoraCoreClient.from_config() as client:
        client.send_message(client.create_session("ana"), "hola")


async def in_storage(act):
    """Do something in the embedded default's database."""
    from luminora.stack import Stack

    stack = Stack.build(load_config())
    try:
        await stack.storage.connect()
        await act(stack.storage)
    finally:
        await stack.aclose()


def postgresql(port, **more):
    config = {"host": "127.0.0.1", "port": port, "database": "d", "user": "u", **more}
    return {"storage_provider": {"name": "postgresql", "config": config}}


def test_a_fresh_installation_is_well_and_stays_as_it_is(private_world):
    found = look()
    assert worst(found) is Status.OK
    assert {one.check for one in found} >= {"config", "plugins", "database", "connections"}
    assert list((private_world / "data").iterdir()) == []


def test_a_stack_in_use_is_well():
    used()
    found = look()
    assert worst(found) is Status.OK
    assert {one.check for one in found} >= {"schema", "dimension", "clocks", "jobs", "index"}


def test_every_check_has_a_name_a_group_and_a_line():
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.about and check.group for check in CHECKS)
    assert CHECKS[-1].name == "connections"


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"llm_provider": {"api_key": "sk-abcdefabcdefabcdef"}}']
)
def test_a_configuration_that_cannot_be_read_is_a_finding_and_the_rest_is_looked_at(text):
    Path("luminora.json").write_text(text)
    found = look()
    one = only(found)
    assert one.check == "config"
    assert one.fix
    assert {"plugins", "clock"} <= {one.check for one in found}


def test_an_invalid_section_and_a_missing_secret_are_findings():
    Path("luminora.json").write_text(
        '{"cache_provider": {"name": "memmory"}, "embedding_provider": "static",'
        ' "llm_provider": {"name": "groq", "config": {"api_key_env": "UNSET_KEY"}}}'
    )
    found = look("config", "credentials")
    assert ["memmory" in found[0].what, "UNSET_KEY" in found[1].what] == [True, True]
    assert found[1].fix.startswith("export UNSET_KEY=")


def test_a_loader_that_fails_in_any_way_is_a_finding():
    def load():
        raise FileNotFoundError("the current folder is gone")

    found = asyncio.run(_findings(Patient.of(load), ()))
    assert "the current folder is gone" in only(found).what


def test_a_home_that_is_a_file_is_a_finding(private_world, monkeypatch):
    (private_world / "flat").write_text("")
    monkeypatch.setenv("LUMINORA_DATA_DIR", str(private_world / "flat" / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(private_world / "flat"))
    found = [one for one in look("permissions", "plugins") if one.status is not Status.OK]
    assert [one.status for one in found] == [Status.WARNING, Status.ERROR]
    assert "is no folder" in found[1].cause


def test_a_damaged_list_of_disabled_plugins_is_a_finding(private_world):
    folder = private_world / "home" / ".config" / "luminora"
    folder.mkdir(parents=True)
    (folder / "plugins.json").write_text("{")
    found = look()
    assert {one.check for one in found if one.status is Status.ERROR} == {"config", "plugins"}


def test_a_damaged_cache_is_removed(private_world):
    folder = private_world / "home" / ".cache" / "luminora"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plugins-00000000.json").write_text("{")
    one = only(look("plugins"), Status.WARNING)
    assert asyncio.run(mend(one)).fixed
    assert not (folder / "plugins-00000000.json").exists()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_secrets_that_others_can_read_are_closed():
    Path(".env").write_text("KEY=value\n")
    Path(".env").chmod(0o644)
    one = only(look("permissions"), Status.WARNING)
    assert "0644" in one.what
    assert one.fix == f"chmod 600 {Path('.env').absolute()}"
    assert asyncio.run(mend(one)).fixed
    assert Path(".env").stat().st_mode & 0o777 == 0o600
    assert worst(look("permissions")) is Status.OK


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_secrets_that_git_would_commit_are_found():
    import subprocess

    subprocess.run(["git", "init", "-q"], check=True)
    Path(".env").write_text("KEY=value\n")
    Path(".env").chmod(0o600)
    assert "git does not ignore" in only(look("permissions"), Status.WARNING).what
    Path(".gitignore").write_text(".env\n")
    assert worst(look("permissions")) is Status.OK


@pytest.mark.parametrize(("free", "status"), [(50 << 20, "error"), (500 << 20, "warning")])
def test_a_full_disk_is_found(free, status, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert [one.status.value for one in look("disk")] == [status]


def test_a_clock_of_the_last_century_is_found(monkeypatch):
    monkeypatch.setattr("luminora.checks.time.time", lambda: 0.0)
    assert "1970" not in only(look("clock")).cause
    assert only(look("clock")).fix == "set the clock"


def test_an_encoding_without_accents_is_found(monkeypatch):
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(encoding="ascii"))
    assert "ascii" in only(look("terminal"), Status.WARNING).what


def test_a_database_that_is_down_is_one_finding_and_nothing_in_it_is_looked_at():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found = look("database", "schema", "jobs", "index", sections=postgresql(port))
    assert [one.check for one in found] == ["database"]
    assert found[0].status is Status.ERROR


def test_a_database_that_hangs_is_not_waited_for():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = look("database", sections=postgresql(port), within=0.3)
    assert found[0].what == "the database did not answer within 0.3 seconds"


@pytest.mark.xdist_group("postgresql")
def test_pending_migrations_are_applied_after_a_question(postgres_database):
    sections = {
        "storage_provider": {"name": "postgresql", "config": postgres_database.config},
        "vector_store_provider": {"name": "pgvector"},
    }

    async def cure():
        patient = Patient.of(lambda: load_config(sections))
        try:
            _, (one, *_rest) = await anext(examine(patient, CHECKS, ["schema"]))
            assert one.fix == "luminora migrate"
            assert one.mend.confirm.endswith("to the database?")
            return one, await mend(one)
        finally:
            await patient.aclose()

    before, after = asyncio.run(cure())
    assert before.status is Status.WARNING
    assert after.fixed, after
    found = look("schema", "clocks", "jobs", "index", sections=sections)
    assert worst(found) is Status.OK
    assert "clock agrees" in next(one.what for one in found if one.check == "clocks")


@pytest.mark.xdist_group("redis")
def test_redis_tells_its_time(redis_place, monkeypatch):
    monkeypatch.setenv("REDIS_URL", redis_place.url)
    sections = {"storage_provider": {"name": "redis", "config": redis_place.config}}
    assert "clock agrees" in look("clocks", sections=sections)[0].what


@pytest.mark.xdist_group("mariadb")
def test_mariadb_tells_its_time(mariadb_database, monkeypatch):
    from tests.stacks import _mysql

    request = SimpleNamespace(getfixturevalue=lambda _name: mariadb_database)
    sections, env = _mysql(request)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with LuminoraCoreClient.from_config(sections) as client:
        client.create_session("ana")
    assert "clock agrees" in look("clocks", sections=sections)[0].what


@pytest.mark.parametrize(("ahead", "status"), [(60, "warning"), (-600, "error"), (1, "ok")])
def test_a_server_whose_clock_differs_is_found(ahead, status, monkeypatch):
    from luminora.builtin.sqlite.storage import SqliteStorage

    used()

    async def theirs(self):
        return now() + timedelta(seconds=ahead)

    monkeypatch.setattr(SqliteStorage, "server_time", theirs)
    (one,) = look("clocks")
    assert one.status.value == status
    if status != "ok":
        assert ("ahead" if ahead > 0 else "behind") in one.what


def test_a_half_finished_migration_and_messages_of_the_future_are_found():
    used()

    async def spoil(storage):
        ledger = await storage.migrations().ledger()
        from dataclasses import replace

        driver = storage.migrations()
        async with driver.lock(5):
            await driver.record(replace(ledger[0], finished_at=None, error="power cut"))
        where = {"speaker": "user"}
        later = {"timestamp": now() + timedelta(days=2)}
        await storage.transaction([Update("messages", EVERY_USER, where, set=later)])

    asyncio.run(in_storage(spoil))
    found = look("schema", "clocks")
    assert found[0].status is Status.ERROR
    assert found[0].cause == "power cut"
    assert "--resolve" in found[0].fix
    assert "1 message dated in the future" in found[1].what


def test_jobs_that_were_given_up_come_again_and_late_ones_are_named():
    used()

    async def spoil(storage):
        queue = JobQueue(storage)
        dead = queue.new("ana", "analyse", {}, job_id="d") | {
            "status": "dead",
            "last_error": "Boom: it broke\nat length",
        }
        late = queue.new("ana", "analyse", {}, job_id="l") | {"run_at": now() - timedelta(hours=2)}
        await storage.transaction([Insert("jobs", "ana", dead), Insert("jobs", "ana", late)])

    asyncio.run(in_storage(spoil))
    found = look("jobs")
    assert found[0].cause == "Boom: it broke"
    assert found[0].mend.confirm
    assert found[1].fix == "luminora worker"

    async def cure():
        patient = Patient.of(load_config)
        try:
            found = [f async for _, fs in examine(patient, CHECKS, ["jobs"]) for f in fs]
            return await mend(found[0])
        finally:
            await patient.aclose()

    assert asyncio.run(cure()).what == "1 job will be tried again"
    assert not [one for one in look("jobs") if "given up" in one.what]


def test_messages_without_vectors_are_indexed():
    used()

    async def spoil(storage):
        state = {"embedding_state": "pending"}
        await storage.transaction([Update("messages", EVERY_USER, {}, set=state)])

    asyncio.run(in_storage(spoil))
    one = only(look("index"), Status.WARNING)
    assert one.fix == "luminora reindex"
    assert "indexed" in asyncio.run(mend(one)).what
    assert worst(look("index")) is Status.OK


def test_another_embedding_model_is_found():
    used()
    other = {"embedding_provider": {"name": "static", "config": {"dimension": 128}}}
    one = only(look("dimension", sections=other))
    assert "256" in one.what
    assert "luminora reembed" in one.fix


# --- plugins -------------------------------------------------------------------------------------

SPEAKS = """
from luminora.doctor import Finding, Mend, Status

@hookimpl
{how} luminora_doctor(config, context):
    {body}
"""


def plugin(site, body, how="def"):
    code = CACHE_CODE + textwrap.dedent(SPEAKS).format(how=how, body=body)
    return index_of(make(site, "lp_speaks", code=code))


def said(index):
    return look("plugin-findings", sections={"cache_provider": "made-up"}, index=index)


@pytest.mark.parametrize("how", ["def", "async def"])
def test_a_plugin_says_what_ails_it(site, how):
    body = (
        "return [Finding(Status.WARNING, config['cache_provider']['name'] + ' is dusty',"
        " fix='dust it')]"
    )
    (one,) = said(plugin(site, body, how))
    assert (one.what, one.fix) == ("luminora-speaks: made-up is dusty", "dust it")
    assert one.check == "plugin-findings"


def test_a_plugin_may_yield_and_offer_a_cure(site):
    body = (
        "yield Finding(Status.WARNING, 'dust', mend=Mend(clean))\n\n"
        "async def clean():\n    return 'dusted'"
    )
    (one,) = said(plugin(site, body))
    assert asyncio.run(mend(one)).what == "dusted"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("raise ZeroDivisionError('by zero')", "ZeroDivisionError: by zero"),
        ("yield 1 / 0", "ZeroDivisionError"),
        ("return ['fine']", "answers findings, not str"),
        ("return 3", "TypeError"),
    ],
)
def test_a_plugin_that_fails_to_is_a_finding(site, body, what):
    one = only(said(plugin(site, body)))
    assert "luminora-speaks" in one.what
    assert what in one.what


def test_a_broken_plugin_is_a_finding(site):
    index = index_of(make(site, "lp_broken", code="raise RuntimeError('no')"))
    found = look("plugins", sections={"cache_provider": "made-up"}, index=index)
    assert any("luminora-broken" in one.what and "no" in one.what for one in found)


# --- the runner ----------------------------------------------------------------------------------


def test_a_check_that_fails_is_a_finding_and_the_next_is_run():
    async def fails(_patient):
        raise ZeroDivisionError("by zero")

    async def works(_patient):
        return [Finding(Status.OK, "fine")]

    checks = (Check("a", "g", "a", fails), Check("b", "g", "b", works))
    found = asyncio.run(_findings(Patient.of(load_config), (), checks))
    assert [one.status.value for one in found] == ["error", "ok"]
    assert "'a' could not be looked at: ZeroDivisionError: by zero" in found[0].what


def test_a_cure_that_fails_leaves_the_finding():
    async def act():
        raise PermissionError("not yours")

    after = asyncio.run(mend(Finding(Status.WARNING, "dust", mend=Mend(act))))
    assert (after.fixed, after.status) == (False, Status.WARNING)
    assert "not yours" in after.cause


def test_what_was_said_of_a_part_is_not_said_again():
    sections = {"cache_provider": {"name": "memmory"}}
    everything, alone = look(sections=sections), look("connections", sections=sections)
    assert [one.check for one in everything if one.status is Status.ERROR] == ["config"]
    assert [one.check for one in alone if one.status is Status.ERROR] == ["connections"]
