"""``luminora reembed`` killed in the middle, again and again, while others search."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from luminora.client import LuminoraCoreClient
from luminora.providers import EVERY_USER
from tests.stacks import StackFile, every_stack, stack

__all__ = ["stack"]

MESSAGES = 4_000
ENV = {"PYTHONPATH": str(Path(__file__).parents[1])}


def luminora(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "luminora", *arguments]
    return subprocess.Popen(
        command,
        env={**os.environ, **ENV},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(*arguments: str) -> dict[str, Any]:
    process = luminora(*arguments, "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.mark.parametrize("stack", every_stack("sqlite", "postgresql"), indirect=True)
async def test_it_goes_on_where_it_stopped_and_search_answers_throughout(stack: StackFile):
    other = str(stack.changed(embedding_provider={"name": "static", "config": {"dimension": 128}}))
    killed = 0
    async with LuminoraCoreClient.from_config(stack.path) as old:
        session = await old.create_session("u")
        turns = [{"role": "user", "content": f"turn {n} of many"} for n in range(MESSAGES)]
        await old.import_messages(session, turns)

        async def done() -> int:
            return await old.storage.count("messages", "u", {"embedding_state": "done@messages_2"})

        for _ in range(3):
            process = luminora("reembed", "--config", other)
            before = await done()
            while process.poll() is None:
                found = await old.search_memories(session, "words nobody used", 3)
                assert found, "the old index answers"
                if await done() > before + 500:
                    process.send_signal(signal.SIGKILL)
                    killed += 1
                    break
            process.communicate()
            seen = answer("search", "--config", other, "--user", "u", "turn 77 of many")
            assert seen["results"][0]["content"] == "turn 77 of many"
        assert killed >= 2
        left = MESSAGES - await done()
        report = answer("reembed", "--config", other)
        assert report["indexed"] == left < MESSAGES
        rows = await old.storage.find("embedding_state", EVERY_USER)
        assert {row["index_name"]: row["status"] for row in rows} == {
            "messages": "retired",
            "messages_2": "active",
        }
        new = old._stack.vector_store.at("messages_2")
        assert await new.count({"user_id": "u"}) == MESSAGES
