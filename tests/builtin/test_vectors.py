from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from luminora.builtin.sqlite import mirror, vectors
from luminora.builtin.sqlite.vectors import SqliteVecStore
from luminora.errors import InputError, SchemaPending, StorageUnavailable
from luminora.providers import Status, VectorItem
from luminora.testing.data import message
from tests.providers.sqlite_files import migrated

DIMENSION = 16


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteVecStore]:
    opened = SqliteVecStore(tmp_path / "vectors.db")
    await opened.ensure(DIMENSION)
    yield opened
    await opened.aclose()


def items(user: str, numbers: range, chance: random.Random) -> list[VectorItem]:
    return [
        VectorItem(
            id=f"{user}-{number}",
            user_id=user,
            vector=[chance.gauss(0, 1) for _ in range(DIMENSION)],
            session_id=f"s{number % 4}",
            personality_name=f"p{number % 3}",
            kind="episode" if number % 5 == 0 else "message",
        )
        for number in numbers
    ]


async def both_ways(store: SqliteVecStore, monkeypatch, user: str, chance: random.Random) -> None:
    """vec0 and the copy in memory answer alike, with every mixture of filters."""
    for where in (
        {},
        {"session_id": "s1"},
        {"kind": "episode"},
        {"personality_name": "p2", "session_id": "s3"},
        {"personality_name": "p0", "session_id": "s0", "kind": "message"},
        {"session_id": "never"},
    ):
        query = [chance.gauss(0, 1) for _ in range(DIMENSION)]
        monkeypatch.setattr(vectors, "MIRRORED", 10**9)
        plain = await store.query(query, 15, {"user_id": user, **where})
        monkeypatch.setattr(vectors, "MIRRORED", 0)
        mirrored = await store.query(query, 15, {"user_id": user, **where})
        assert [hit.id for hit in mirrored] == [hit.id for hit in plain]
        assert [hit.score for hit in mirrored] == pytest.approx(
            [hit.score for hit in plain], abs=1e-5
        )
        assert all(hit.id.startswith(f"{user}-") for hit in plain)


async def test_the_copy_in_memory_follows_every_change(store, monkeypatch):
    chance = random.Random(1)
    for user in ("ana", "bob"):
        await store.upsert(items(user, range(300), chance))
    await both_ways(store, monkeypatch, "ana", chance)
    changes = [
        lambda: store.upsert(items("ana", range(300, 420), chance)),
        lambda: store.upsert(items("ana", range(290, 310), chance)),
        lambda: store.delete({"user_id": "ana", "id": ["ana-3", "ana-419", "ana-0"]}),
        lambda: store.delete({"user_id": "ana", "session_id": "s2"}),
        lambda: store.upsert(items("ana", range(5), chance)),
        lambda: store.upsert(items("bob", range(5), chance)),
        lambda: store.delete({"user_id": "bob"}),
    ]
    for change in changes:
        await change()
        await both_ways(store, monkeypatch, "ana", chance)
    await store.delete({"user_id": "ana"})
    assert await store.query([1.0] * DIMENSION, 3, {"user_id": "ana"}) == []
    await store.upsert(items("ana", range(3), chance))
    await both_ways(store, monkeypatch, "ana", chance)


async def test_the_copy_follows_changes_of_another_store(store, tmp_path, monkeypatch):
    chance = random.Random(2)
    other = SqliteVecStore(tmp_path / "vectors.db")
    await store.upsert(items("ana", range(50), chance))
    await both_ways(store, monkeypatch, "ana", chance)
    await other.delete({"user_id": "ana", "id": "ana-7"})
    await other.upsert(items("ana", range(50, 60), chance))
    await both_ways(store, monkeypatch, "ana", chance)
    await other.drop()
    await other.ensure(DIMENSION)
    await other.upsert(items("ana", range(60), chance))
    await both_ways(store, monkeypatch, "ana", chance)
    await other.aclose()


async def test_random_changes_and_concurrent_queries(store, monkeypatch):
    chance = random.Random(3)
    monkeypatch.setattr(vectors, "MIRRORED", 0)
    alive: set[str] = set()
    for _ in range(25):
        numbers = chance.sample(range(60), 8)
        batch = [item for n in numbers for item in items("ana", range(n, n + 1), chance)]
        gone = [f"ana-{n}" for n in chance.sample(range(60), 4)]
        query = [chance.gauss(0, 1) for _ in range(DIMENSION)]
        await asyncio.gather(
            store.upsert(batch), *(store.query(query, 5, {"user_id": "ana"}) for _ in range(4))
        )
        alive |= {item.id for item in batch}
        removed = await store.delete({"user_id": "ana", "id": gone})
        assert removed == len(alive & set(gone))
        alive -= set(gone)
        hits = await store.query(query, 100, {"user_id": "ana"})
        assert {hit.id for hit in hits} == alive
        assert await store.count({"user_id": "ana"}) == len(alive)
    await both_ways(store, monkeypatch, "ana", chance)
    assert (await store.describe()).count == len(alive)


async def test_copies_are_bounded_together(tmp_path, monkeypatch):
    monkeypatch.setattr(vectors, "MIRRORED", 0)
    row = DIMENSION * 4
    store = SqliteVecStore(tmp_path / "vectors.db", mirror_bytes=250 * row)
    await store.ensure(DIMENSION)
    chance = random.Random(4)
    for user, count in (("ana", 100), ("bob", 100), ("eve", 100), ("big", 300)):
        await store.upsert(items(user, range(count), chance))
    for user in ("ana", "bob", "eve", "big"):
        await both_ways(store, monkeypatch, user, chance)
    kept = store._mirrors._mirrors
    assert "big" not in kept
    assert list(kept)[-1] == "eve"
    assert sum(copy.nbytes for copy in kept.values()) <= 250 * row
    await store.aclose()


async def test_without_numpy_vec0_answers(store, monkeypatch):
    chance = random.Random(5)
    await store.upsert(items("ana", range(30), chance))
    monkeypatch.setattr(vectors, "MIRRORED", 0)
    monkeypatch.setattr(mirror, "numpy", lambda: None)
    hits = await store.query([1.0] * DIMENSION, 10, {"user_id": "ana"})
    assert len(hits) == 10
    assert not store._mirrors._mirrors


async def test_vectors_and_messages_share_commits(tmp_path):
    storage = await migrated(tmp_path / "luminora.db")
    store = SqliteVecStore(storage)
    await store.ensure(DIMENSION)
    before = storage.database.commits
    chance = random.Random(6)
    await asyncio.gather(
        *(storage.insert("messages", "ana", message("ana", seq)) for seq in range(50)),
        *(store.upsert([item]) for item in items("ana", range(50), chance)),
    )
    assert storage.database.commits - before < 50
    assert await store.count({"user_id": "ana"}) == await storage.count("messages", "ana") == 50
    await store.aclose()
    assert await storage.count("messages", "ana") == 50
    await storage.aclose()
    with pytest.raises(StorageUnavailable, match="connect"):
        await store.count({"user_id": "ana"})


async def test_a_refused_batch_leaves_nothing_and_breaks_nothing(store):
    chance = random.Random(7)
    await store.upsert(items("ana", range(10), chance))
    stolen = [
        *items("bob", range(5), chance),
        VectorItem(id="ana-3", user_id="bob", vector=[1.0] * 16),
    ]
    outcomes = await asyncio.gather(
        store.upsert(items("ana", range(10, 20), chance)),
        store.upsert(stolen),
        store.upsert(items("ana", range(20, 30), chance)),
        return_exceptions=True,
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["NoneType", "Conflict", "NoneType"]
    assert await store.count({"user_id": "bob"}) == 0
    assert await store.count({"user_id": "ana"}) == 30
    hits = await store.query([1.0] * DIMENSION, 100, {"user_id": "ana"})
    assert len(hits) == 30


async def test_deleting_many_takes_no_quadratic_time(store):
    chance = random.Random(8)
    await store.upsert(items("ana", range(6000), chance))
    assert await asyncio.wait_for(store.delete({"user_id": "ana"}), 20) == 6000


async def test_vectors_need_an_index(tmp_path):
    store = SqliteVecStore(tmp_path / "vectors.db")
    assert (await store.check()).status is Status.WARNING
    assert not (tmp_path / "vectors.db").exists()
    item = VectorItem(id="a", user_id="ana", vector=[1.0])
    with pytest.raises(SchemaPending):
        await store.upsert([item])
    assert await store.query([1.0], 3, {"user_id": "ana"}) == []
    assert await store.count({"user_id": "ana"}) == 0
    assert await store.delete({"user_id": "ana"}) == 0
    assert (await store.check()).data["dimension"] is None
    for dimension in (0, -1, 10_000, "8"):
        with pytest.raises(InputError):
            await store.ensure(dimension)
    with pytest.raises(InputError):
        await store.ensure(8, "euclid")
    await store.aclose()


async def test_check_tells_the_facts_and_never_raises(store, tmp_path):
    await store.ensure(DIMENSION, model_id="test/one")
    result = await store.check()
    assert result.status is Status.OK
    assert result.data["dimension"] == DIMENSION
    assert result.data["model_id"] == "test/one"
    (tmp_path / "bad.db").write_bytes(b"no database" * 1000)
    result = await SqliteVecStore(tmp_path / "bad.db").check()
    assert result.status is Status.ERROR


@pytest.mark.parametrize("vector", [["a"] * 16, [None] * 16, [1e39] * 16, [10**400] * 16])
async def test_what_is_no_vector_is_refused_or_normalised(store, vector):
    item = VectorItem(id="a", user_id="ana", vector=vector)
    if vector == [1e39] * 16:
        await store.upsert([item])  # too large for float32 as it is, but not at length 1
        (hit,) = await store.query([1.0] * 16, 1, {"user_id": "ana"})
        assert hit.score == pytest.approx(1.0, abs=1e-5)
    else:
        with pytest.raises(InputError):
            await store.upsert([item])
