"""Background work: leased, retried, put aside, mended; any number of workers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from luminora.cli import main
from luminora.client import LuminoraCoreClient
from luminora.config import load_config
from luminora.errors import ConnectionFailed, StorageUnavailable
from luminora.memory.worker import Worker
from luminora.providers import EVERY_USER, Update
from luminora.stack import Stack

BACKGROUND = {"memory.analysis": "background"}


async def talk(users: int, each: int) -> list[str]:
    """Conversations in a process that ends before anything is learned from them."""
    stack = Stack.build(load_config(overrides=BACKGROUND))
    client = LuminoraCoreClient(stack)
    await stack.open()
    client._state = "open"
    sessions = [await client.create_session(f"user {n}") for n in range(users)]
    for session in sessions:
        for number in range(each):
            await client.send_message(session, f"Me gusta el número {number}")
    await stack.aclose()
    return sessions


async def overdue(client: LuminoraCoreClient) -> None:
    """As if time had passed for every job."""
    now = datetime.now(UTC)
    state = {"run_at": now - timedelta(days=1)}
    await client._storage.update(Update("jobs", EVERY_USER, {}, set=state))


async def test_a_worker_does_what_another_process_left_behind():
    sessions = await talk(users=3, each=4)
    async with LuminoraCoreClient.from_config() as client:
        assert await client.count_jobs() == {"ready": 12, "leased": 0, "dead": 0}
        worked = await client.work()
        assert (worked.jobs, worked.failures) == (12, 0)
        assert await client.count_jobs() == {"ready": 0, "leased": 0, "dead": 0}
        for session in sessions:
            assert (await client.get_affinity(session)).total_messages == 4


async def test_workers_in_several_processes_share_the_work_and_do_everything_once():
    sessions = await talk(users=6, each=10)
    command = [sys.executable, "-m", "luminora", "worker", "--once", "--json", "--concurrency", "3"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    workers = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE) for _ in range(3)]
    done = [json.loads(worker.communicate(timeout=60)[0])["jobs"] for worker in workers]
    assert sum(done) == 60
    async with LuminoraCoreClient.from_config() as client:
        assert await client.count_jobs() == {"ready": 0, "leased": 0, "dead": 0}
        for session in sessions:
            assert (await client.get_affinity(session)).total_messages == 10


async def test_a_worker_that_is_told_to_stop_finishes_and_says_what_it_did():
    await talk(users=1, each=2)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "luminora", "worker"]
    worker = subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert "waiting for jobs" in worker.stderr.readline()
    async with LuminoraCoreClient.from_config() as client:
        async with asyncio.timeout(20):
            while (await client.count_jobs())["ready"]:
                await asyncio.sleep(0.02)
    worker.send_signal(signal.SIGTERM)
    out, err = worker.communicate(timeout=20)
    assert (worker.returncode, out) == (0, "2 jobs done, 0 messages indexed\n"), err


async def test_a_lease_that_ran_out_is_taken_over(client):
    await talk(users=1, each=1)
    (job,) = await client._queue.lease(5)
    assert await client._queue.lease(5) == []
    past = {"leased_until": datetime.now(UTC) - timedelta(seconds=1)}
    await client._storage.update(Update("jobs", job["user_id"], {"id": job["id"]}, set=past))
    (again,) = await client._queue.lease(5)
    assert (again["id"], again["attempts"]) == (job["id"], 2)
    assert again["lease_token"] != job["lease_token"]
    await client._queue.postpone(job, ConnectionFailed("overslept"))
    (row,) = await client._queue.look()
    assert row["lease_token"] == again["lease_token"], "only who holds the lease may let it go"


async def test_what_keeps_failing_is_dead_until_somebody_retries_or_discards_it(scripted, llm):
    llm.analysis = ConnectionFailed("analysis is down")
    session = await scripted.create_session("ana")
    scripted._conversation._voice._fallback = None
    await scripted.send_message(session, "Me llamo Ana")
    for _ in range(4):
        await overdue(scripted)
        assert await scripted.run_jobs() == 1
    (job,) = await scripted.get_jobs("dead")
    assert (job.attempts, job.user_id) == (5, "ana")
    assert "analysis is down" in job.last_error
    assert await scripted.run_jobs() == 0
    assert await scripted.retry_jobs(["another"]) == 0
    assert await scripted.retry_jobs() == 1
    llm.analysis = {"facts": [], "sentiment": "neutral"}
    assert await scripted.run_jobs() == 1
    assert await scripted.get_jobs() == []
    assert await scripted.discard_jobs([job.id]) == 0


async def test_a_worker_outlives_a_database_that_is_away(client, monkeypatch):
    calls = []

    async def run_due(limit):
        calls.append(limit)
        if len(calls) == 1:
            raise StorageUnavailable("stopped")
        stop.set()
        return 0

    stop = asyncio.Event()
    monkeypatch.setattr(client._conversation.digester, "run_due", run_due)
    worker = Worker(client._conversation.digester, client._index, poll_seconds=0.01)
    worked = await worker.run(stop)
    assert (len(calls), worked.failures) == (2, 1)


async def test_messages_that_waited_for_the_index_are_taken_in(client):
    session = await client.create_session("u")
    await client.import_messages(session, [{"role": "user", "content": "a kite"}])
    pending = Update("messages", "u", {}, set={"embedding_state": "pending"})
    await client._storage.update(pending)
    assert (await client.work()).indexed == 1


def test_the_command_shows_and_mends(capsys):
    asyncio.run(talk(users=1, each=2))
    assert main(["jobs"]) == 0
    written = capsys.readouterr()
    assert written.out.count("digest") == 2
    assert "2 ready, 0 leased, 0 dead" in written.err
    assert main(["jobs", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["counts"] == {"ready": 2, "leased": 0, "dead": 0}
    assert {job["status"] for job in found["jobs"]} == {"ready"}
    job = found["jobs"][0]["id"]
    assert main(["jobs", "--discard", job]) == 2
    assert "confirm it with --yes" in capsys.readouterr().err
    assert main(["jobs", "--discard", job, "--dry-run"]) == 0
    assert f"would delete: {job}, digest of" in capsys.readouterr().out
    assert main(["jobs", "--discard", job, "--yes"]) == 0
    assert capsys.readouterr().out == "1 job deleted\n"
    assert main(["jobs", "--retry", "nothing"]) == 0
    assert capsys.readouterr().out == "no such job\n"
    assert main(["jobs", "--retry-all", "--discard", "x"]) == 2
    assert main(["jobs", "--status", "lost"]) == 2
