"""An import that does not end leaves nothing, whatever ended it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from luminora.errors import Conflict, SnapshotInvalid, StorageUnavailable
from luminora.providers import EVERY_USER, Update
from luminora.snapshots import writing
from luminora.snapshots.journal import KIND
from tests.snapshots.helpers import client_at, everything, lived

EXPIRED = {"leased_until": datetime(2020, 1, 1, tzinfo=UTC)}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(writing, "PAGE", 3)


async def exported(user: str = "diego") -> str:
    async with client_at("a") as one:
        await lived(one, user)
        await one.export_snapshot_to("s.jsonl", user_id=user)
    return "s.jsonl"


def failing(storage, number, error):
    """Let transaction ``number`` of an import fail, after or before it is done."""
    real, made = storage.transaction, 0

    async def transaction(operations):
        nonlocal made
        made += 1
        if made == number:
            raise error
        return await real(operations)

    storage.transaction = transaction
    return real


async def test_whichever_batch_fails_nothing_is_left():
    await exported()
    async with client_at("b") as two:
        await lived(two, "eva")  # whose own memories must not be touched
        before = await everything(two)
        number = 0
        while True:
            number += 1
            real = failing(two.storage, number, StorageUnavailable("gone"))
            try:
                await two.import_snapshot("s.jsonl", "eva")
                break
            except StorageUnavailable:
                two.storage.transaction = real
                assert await everything(two) == before
        assert number > 10
        two.storage.transaction = real
        assert await two.storage.count("jobs", EVERY_USER) == 0
        assert await two.storage.count("sessions", "eva") == 4


async def test_whoever_cancels_it_finds_nothing():
    await exported()
    cancelled = 0
    async with client_at("b") as two:
        for steps in range(1, 40, 4):
            running: list[asyncio.Task] = []

            def tell(done, _total, what, steps=steps, running=running):
                if what == "Importing" and done >= steps:
                    running[0].cancel()

            loading = asyncio.create_task(two.restore_snapshot("s.jsonl", "eva", on_progress=tell))
            running.append(loading)
            with pytest.raises(asyncio.CancelledError):
                await loading
            cancelled += 1
            assert not any((await everything(two)).values())
    assert cancelled == 10


async def test_a_failing_undo_is_made_up_for_by_the_next_client():
    await exported()
    async with client_at("b") as two:
        real = two.storage.transaction
        made = 0

        async def transaction(operations):
            nonlocal made
            made += 1
            if made > 5:
                raise StorageUnavailable("gone")
            return await real(operations)

        two.storage.transaction = transaction
        with pytest.raises(StorageUnavailable):
            await two.import_snapshot("s.jsonl", "eva")
        two.storage.transaction = real
        assert await two.storage.count("messages", "eva") > 0
        assert await two.storage.count("sessions", "eva") == 0
        (job,) = await two.get_jobs()
        assert (job.kind, job.status) == (KIND, "leased")
        await two.storage.update(Update("jobs", "eva", {"id": job.id}, set=EXPIRED))
    async with client_at("b") as later:
        assert not any((await everything(later)).values())


async def test_the_same_command_goes_on_at_once():
    await exported()
    async with client_at("b") as two:
        failing_undo = writing.Journal.undo

        async def dead(_journal):
            return None  # as if the process had been killed

        writing.Journal.undo = dead
        try:
            failing(two.storage, 6, StorageUnavailable("gone"))
            with pytest.raises(StorageUnavailable):
                await two.import_snapshot("s.jsonl", "eva")
        finally:
            writing.Journal.undo = failing_undo
        assert await two.storage.count("messages", "eva") > 0
        done = await two.restore_snapshot("s.jsonl", "eva")
        assert not done.known
        assert await two.storage.count("messages", "eva") == done.info.counts["messages"]
        assert await two.storage.count("jobs", EVERY_USER) == 0


async def test_two_at_once_make_one():
    await exported()
    async with client_at("b") as two, client_at("b") as three:
        results = await asyncio.gather(
            *(client.restore_snapshot("s.jsonl", "eva") for client in (two, three)),
            return_exceptions=True,
        )
        wins = [one for one in results if not isinstance(one, BaseException)]
        assert wins
        assert all(isinstance(one, Conflict) for one in results if isinstance(one, BaseException))
        counts = wins[0].info.counts
        assert await two.storage.count("messages", "eva") == counts["messages"]
        assert await two.storage.count("sessions", "eva") == counts["sessions"]
        assert await two.storage.count("jobs", EVERY_USER) == 0


async def test_who_is_forgotten_meanwhile_does_not_come_back():
    await exported()
    async with client_at("b") as two:
        real, made = two.storage.transaction, 0

        async def transaction(operations):
            nonlocal made
            made += 1
            if made == 6:
                two.storage.transaction = real
                await two.forget("eva")
            return await real(operations)

        two.storage.transaction = transaction
        with pytest.raises(Conflict, match="forgotten"):
            await two.import_snapshot("s.jsonl", "eva")
        assert not any((await everything(two)).values())


async def test_a_file_that_changes_meanwhile_is_noticed():
    await exported()
    first = Path("s.jsonl").read_bytes()
    async with client_at("a") as one:
        await one.export_snapshot_to("s.jsonl", user_id="diego")
    other = Path("s.jsonl").read_bytes()
    assert other != first
    async with client_at("b") as two:

        def swap(_done, _total, what):
            if what == "Importing":
                Path("s.jsonl").write_bytes(first)

        real, began = two.storage.transaction, False

        async def transaction(operations):
            nonlocal began
            if not began:
                began = True
                Path("s.jsonl").write_bytes(first)
            return await real(operations)

        two.storage.transaction = transaction
        with pytest.raises(SnapshotInvalid, match="changed while"):
            await two.restore_snapshot("s.jsonl", "eva", on_progress=swap)
        assert not any((await everything(two)).values())


def test_killed_it_leaves_nothing_once_somebody_comes(tmp_path):
    async def prepare() -> None:
        async with client_at("a") as one:
            session = await one.create_session("diego")
            turns = [{"role": "user", "content": f"turn {n}"} for n in range(3_000)]
            await one.import_messages(session, turns)
            await one.export_snapshot_to("big.jsonl", user_id="diego")

    asyncio.run(prepare())
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    place = ["--set", "storage_provider.config.database_path=b.db"]
    command = [sys.executable, "-m", "luminora", "snapshot", "import", "big.jsonl", "--user", "eva"]
    process = subprocess.Popen([*command, *place], env=env)

    async def half_way() -> None:
        async with client_at("b") as two:
            while await two.storage.count("messages", "eva") < 500 and process.poll() is None:
                await asyncio.sleep(0.002)
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert 0 < await two.storage.count("messages", "eva") < 3_000
            assert await two.storage.count("sessions", "eva") == 0
            await two.storage.update(Update("jobs", "eva", {}, set=EXPIRED))
        async with client_at("b") as later:
            assert not any((await everything(later)).values())
            assert (await later.restore_snapshot("big.jsonl", "eva")).written["messages"] == 3_000

    asyncio.run(half_way())
