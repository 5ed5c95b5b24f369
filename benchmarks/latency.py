"""How long a search takes as memory grows, and how many model calls a message costs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from benchmarks.companion import companion, fill, searching, sentences, talking
from benchmarks.table import Figure, percentile

OWN = (1_000, 10_000, 100_000)
OTHERS = 100_000


async def measure(others: int = OTHERS) -> list[Figure]:
    """``search_memories`` over one user's messages, alone and beside many of others."""
    figures = []
    for count in OWN:
        async with companion() as client:
            await fill(client, 1, count)
            figures.append(_p95(f"search p95, {count:,} of the user", await searching(client)))
    async with companion() as client:
        await fill(client, 1, 1_000)
        alone = await searching(client)
        each = 10_000
        for user in range(others // each):
            session = await client.create_session(f"other{user}", session_id=f"other{user}")
            await client.import_messages(session, sentences(each, user))
        beside = await searching(client)
        spoken = await talking(client, 1)
    figures.append(_p95(f"search p95, 1,000 beside {others:,} of others", beside))
    ratio = percentile(beside, 50) / percentile(alone, 50)
    figures.append(Figure("the same beside alone, p50", ratio, "x", 2.0))
    figures.append(Figure("send_message p50, everything on", percentile(spoken, 50), "ms"))
    return [*figures, *await _calls()]


def _p95(name: str, times: list[float]) -> Figure:
    return Figure(name, percentile(times, 95), "ms", 200)


async def _calls() -> list[Figure]:
    """Model calls that one message costs, and the time they leave to everything else."""
    async with companion() as client:
        model, counted = client._stack.llm, 0  # noqa: SLF001 - counts what is really asked
        chat = model.chat

        async def counting(request: Any, *more: Any, **named: Mapping[str, Any]) -> Any:
            nonlocal counted
            counted += 1
            return await chat(request, *more, **named)

        model.chat = counting  # type: ignore[method-assign]
        session = await client.create_session("counted")
        started = time.perf_counter()
        for number in range(50):
            await client.send_message(session, f"I like the lighthouse number {number}")
        seconds = time.perf_counter() - started
    return [
        Figure("model calls a message", counted / 50, "", 2, "one answers, one analyses"),
        Figure("messages one after the other", 50 / seconds, "/s"),
    ]
