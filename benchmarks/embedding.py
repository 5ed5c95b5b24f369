"""The embedding service against the provider's bare calls, side by side."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

from benchmarks.companion import sentences
from benchmarks.table import Figure
from luminora.config import load_config
from luminora.memory.embedding import EmbeddingService
from luminora.plugins import activate
from luminora.providers import Kind

TEXTS = 10_000
ROUNDS = 7
TARGET = 1.2


async def cpu(work: Callable[[], Awaitable[Any]]) -> float:
    """CPU seconds that the work takes, all threads together."""
    started = time.process_time()
    await work()
    return time.process_time() - started


async def service() -> list[Figure]:
    """Short texts through the service, and in batches of the same size without it."""
    active = activate(load_config({}))
    provider = active.build(Kind.EMBEDDING)
    texts = [turn["content"] for turn in sentences(TEXTS, 3)]
    size = provider.max_batch_size

    async def bare() -> None:
        vectors: list[Any] = []
        for start in range(0, TEXTS, size):
            vectors += await provider.create_embeddings_batch(texts[start : start + size])

    async def plain() -> None:
        await EmbeddingService(provider).embed(texts, user_id="u")

    async def cached() -> None:
        await EmbeddingService(provider, active.build(Kind.CACHE)).embed(texts, user_id="u")

    works = {"bare": bare, "plain": plain, "cached": cached}
    spent: dict[str, list[float]] = {name: [] for name in works}
    await bare()
    for _ in range(ROUNDS):
        for name, work in random.sample(list(works.items()), len(works)):
            spent[name].append(await cpu(work))
    base = median(spent["bare"])
    note = f"{TEXTS:,} texts of ten words, CPU"
    return [
        Figure("bare calls of the static model", 1e6 * base / TEXTS, "µs", note=f"a text; {note}"),
        Figure("through the service", median(spent["plain"]) / base, "x", TARGET, note),
        Figure("and into a cache", median(spent["cached"]) / base, "x", TARGET, note),
    ]


def measure() -> list[Figure]:
    """All of it."""
    return asyncio.run(service())
