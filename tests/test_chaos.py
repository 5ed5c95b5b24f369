"""A process killed in mid-conversation, again and again: nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from luminora.client import LuminoraCoreClient
from luminora.providers import EVERY_USER, Update

TALK = """
import asyncio, sys
from luminora import LuminoraCoreClient

async def main(begin):
    async with LuminoraCoreClient.from_config() as client:
        if not await client.list_sessions("ana"):
            await client.create_session("ana", session_id="s")
        for number in range(begin, begin + 10_000):
            await client.send_message("s", f"message {number}", f"key {number}")
            print(number, flush=True)

asyncio.run(main(int(sys.argv[1])))
"""


def talk_until_killed(begin: int, seconds: float) -> list[int]:
    """Send messages in another process, kill it, and say which were acknowledged."""
    with subprocess.Popen(
        [sys.executable, "-c", TALK, str(begin)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    ) as process:
        first = process.stdout.readline()  # it is under way
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    return [int(line) for line in (first + rest).split()]


@pytest.mark.heavy
async def test_kill_after_kill_loses_nothing_and_doubles_nothing():
    chance = random.Random(5)
    acknowledged: list[int] = []
    for _ in range(8):
        # the last message of the process before is sent again, as a careful caller would
        begin = max(acknowledged[-1:], default=0)
        acknowledged += talk_until_killed(begin, chance.uniform(0.05, 0.6))

    async with LuminoraCoreClient.from_config() as client:
        storage = client._stack.storage
        for job in await storage.find("jobs", EVERY_USER):
            past = {"leased_until": datetime.now(UTC) - timedelta(seconds=1)}
            await storage.transaction([Update("jobs", "ana", {"id": job["id"]}, set=past)])
        while await client.run_jobs():
            pass
        history = await client.get_history("s", limit=None)
        said = [int(one.content.split()[1]) for one in history if one.role == "user"]
        answered = sum(one.role == "assistant" for one in history)
        affinity = await client.get_affinity("s")

        assert len(said) == len(set(said)), "a message was stored twice"
        assert set(acknowledged) <= set(said), "an acknowledged message is gone"
        assert answered >= len(set(acknowledged))
        assert affinity.total_messages == answered, "an exchange was learned twice, or never"
        assert await storage.count("jobs", EVERY_USER) == 0
        await client.reindex()
        assert await storage.count("messages", EVERY_USER, {"embedding_state": "pending"}) == 0
