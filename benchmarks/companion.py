"""Talking and searching on the embedded default, with durable commits."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.table import Figure, percentile
from luminora.client import LuminoraCoreClient
from luminora.providers import EVERY_USER

TOPICS = """
    mountain river guitar bread garden winter novel bicycle painting lighthouse kitchen harbour
    teacher museum festival blanket engine pepper shadow window thunder ticket valley whisper
    montaña guitarra jardín invierno novela bicicleta pintura faro cocina puerto maestra museo
""".split()  # noqa: SIM905 - a word list reads as prose
TURNS = 200


@asynccontextmanager
async def companion() -> AsyncIterator[LuminoraCoreClient]:
    """A client on the embedded default in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "luminora.db")
        overrides = {"storage_provider.config.database_path": path}
        async with await LuminoraCoreClient.from_config(overrides=overrides) as client:
            yield client


def sentences(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Messages of ten words, three of them about something."""
    chance = random.Random(seed)
    for number in range(count):
        first, second, third = chance.sample(TOPICS, 3)
        text = f"yesterday we saw the {first} near a {second} and talked about {third} {number}"
        yield {"role": "user" if number % 2 else "assistant", "content": text}


async def fill(client: LuminoraCoreClient, users: int, each: int) -> float:
    """Import ``each`` messages for each of the users; messages per second."""
    started = time.perf_counter()
    for user in range(users):
        session = await client.create_session(f"user{user}", session_id=f"session{user}")
        await client.import_messages(session, sentences(each, user))
    return users * each / (time.perf_counter() - started)


async def talking(client: LuminoraCoreClient, users: int) -> list[float]:
    """Milliseconds of each of some messages, one after the other, over the users in turn."""
    chance = random.Random(7)
    times = []
    for turn in range(TURNS + 20):
        text = f"I like the {chance.choice(TOPICS)} and the {chance.choice(TOPICS)}"
        started = time.perf_counter()
        await client.send_message(f"session{turn % users}", text)
        times.append((time.perf_counter() - started) * 1000)
    return times[20:]


async def searching(client: LuminoraCoreClient) -> list[float]:
    """Milliseconds of each of some searches in one user's messages."""
    chance = random.Random(11)
    times = []
    for _ in range(TURNS + 20):
        query = f"when did we talk about the {' '.join(chance.sample(TOPICS, 2))}?"
        started = time.perf_counter()
        found = await client.search_memories("session0", query)
        times.append((time.perf_counter() - started) * 1000)
        if not found:
            raise RuntimeError(f"nothing found for {query}")
    return times[20:]


async def conversation() -> list[Figure]:
    """``send_message`` at 10,000 messages of ten users, and at 100,000 of a thousand."""
    async with companion() as client:
        speed = await fill(client, 10, 1_000)
        small = await talking(client, 10)
    async with companion() as client:
        await fill(client, 1_000, 100)
        large = await talking(client, 1_000)
    return [
        Figure("send_message p50, 10k stored", percentile(small, 50), "ms", 15),
        Figure("send_message p95, 10k stored", percentile(small, 95), "ms", 40),
        Figure("send_message p50, 100k over 1k users", percentile(large, 50), "ms", 15),
        Figure("send_message p95, 100k over 1k users", percentile(large, 95), "ms", 40),
        Figure(
            "100k against 10k, p50",
            percentile(large, 50) / percentile(small, 50),
            "x",
            note="no slower when others have more",
        ),
        Figure("import_messages", speed, "/s"),
    ]


async def search() -> list[Figure]:
    """``search_memories`` over 1,000 and 100,000 messages of one user."""
    figures = []
    for count, target in ((1_000, 20), (100_000, 60)):
        async with companion() as client:
            await fill(client, 1, count)
            times = await searching(client)
        figures.append(Figure(f"search p50, {count:,} messages", percentile(times, 50), "ms"))
        figures.append(
            Figure(f"search p95, {count:,} messages", percentile(times, 95), "ms", target)
        )
    return figures


async def crowd() -> list[Figure]:
    """A thousand messages at once over fifty users: what was lost, doubled or miscounted."""
    async with companion() as client:
        sessions = [await client.create_session(f"user{n}", session_id=f"s{n}") for n in range(50)]
        started = time.perf_counter()
        await asyncio.gather(
            *(client.send_message(sessions[n % 50], f"message number {n}") for n in range(1_000))
        )
        seconds = time.perf_counter() - started
        storage = client._stack.storage  # noqa: SLF001 - counts what is really there
        said = await storage.count("messages", EVERY_USER, {"speaker": "user"})
        answered = await storage.count("messages", EVERY_USER, {"speaker": "assistant"})
        infos = [await client.get_affinity(session) for session in sessions]
        events = await storage.find("affinity_events", EVERY_USER)
    wrong = sum(info.total_messages != 20 for info in infos)
    wrong += sum(event["points"] for event in events) != sum(info.points for info in infos)
    return [
        Figure("lost or doubled messages", abs(1_000 - said) + abs(1_000 - answered), "", 0),
        Figure("wrong affinity totals", wrong, "", 0, "50 users"),
        Figure("messages answered", 1_000 / seconds, "/s"),
    ]
