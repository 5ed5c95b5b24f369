from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from luminora_faiss import folder as folders
from luminora_faiss.store import FaissStore

from luminora.errors import DimensionMismatch, StorageUnavailable
from luminora.providers import VectorItem
from luminora.testing.vectors import cosine

pytestmark = pytest.mark.backend("faiss vectors", against="faiss-cpu, in the process")

DIMENSION = 12


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FaissStore]:
    opened = FaissStore(tmp_path / "v")
    await opened.ensure(DIMENSION)
    yield opened
    await opened.aclose()


def made(user: str, number: int, chance: random.Random) -> VectorItem:
    return VectorItem(
        id=f"{user}-{number}",
        user_id=user,
        vector=[chance.gauss(0, 1) for _ in range(DIMENSION)],
        session_id=f"s{chance.randrange(4)}",
        personality_name=f"p{chance.randrange(3)}",
        kind=chance.choice(["message", "episode"]),
    )


def expected(model: dict[str, VectorItem], query, where, top_k: int) -> list[str]:
    fitting = [
        item
        for item in model.values()
        if all(getattr(item, name) == value for name, value in where.items())
    ]
    return [i.id for i in sorted(fitting, key=lambda item: -cosine(query, item.vector))[:top_k]]


async def alike(store: FaissStore, model: dict[str, VectorItem], chance: random.Random) -> None:
    for user in ("ana", "bob"):
        for more in ({}, {"session_id": "s1"}, {"kind": "episode", "personality_name": "p2"}):
            where = {"user_id": user, **more}
            query = [chance.gauss(0, 1) for _ in range(DIMENSION)]
            hits = await store.query(query, 15, where)
            assert [hit.id for hit in hits] == expected(model, query, where, 15)
            assert await store.count(where) == len(expected(model, query, where, 10**6))
    assert (await store.describe()).count == len(model)


@pytest.mark.parametrize("seed", range(3))
async def test_random_changes_rewrites_and_reopenings(tmp_path, monkeypatch, seed):
    chance = random.Random(seed)
    model: dict[str, VectorItem] = {}
    store = FaissStore(tmp_path / "v")
    await store.ensure(DIMENSION)
    for _ in range(40):
        user = chance.choice(["ana", "bob"])
        action = chance.randrange(10)
        if action < 6:
            batch = [made(user, n, chance) for n in chance.sample(range(80), 12)]
            await store.upsert(batch)
            model |= {item.id: item for item in batch}
        elif action == 6:
            gone = [f"{user}-{n}" for n in chance.sample(range(80), 9)]
            there = {i for i in gone if i in model}
            assert await store.delete({"user_id": user, "id": gone}) == len(there)
            model = {i: item for i, item in model.items() if i not in there}
        elif action == 7:
            where = {"user_id": user, "session_id": "s2"}
            there = set(expected(model, [1.0] * DIMENSION, where, 10**6))
            assert await store.delete(where) == len(there)
            model = {i: item for i, item in model.items() if i not in there}
        elif action == 8:
            folder = await store.opened()
            await folder.do(folder.shelves.tidy)
        else:
            await store.aclose()
            store = FaissStore(tmp_path / "v")
        await alike(store, model, chance)
    ids = [*list(model)[:5], "absent"]
    for user in ("ana", "bob"):
        for found in await store.fetch(user, ids):
            assert cosine(found.vector, model[found.id].vector) == pytest.approx(1.0, abs=1e-5)
            assert found.session_id == model[found.id].session_id
    await store.aclose()


async def test_what_was_forgotten_leaves_the_file_soon(store, tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_IDLE_SECONDS", 0.05)
    chance = random.Random(1)
    await store.upsert([made("ana", n, chance) for n in range(50)])
    await store.upsert([made("bob", n, chance) for n in range(50)])
    file = tmp_path / "v" / "messages.vectors"
    before = file.stat().st_size
    assert b"ana-17" in file.read_bytes()
    assert await store.delete({"user_id": "ana"}) == 50
    for _ in range(100):
        if b"ana" not in file.read_bytes():
            break
        await asyncio.sleep(0.02)
    assert b"ana" not in file.read_bytes()
    assert file.stat().st_size < before * 0.6
    assert await store.count({"user_id": "bob"}) == 50


async def test_what_was_forgotten_leaves_the_file_at_the_latest_when_closed(tmp_path):
    chance = random.Random(1)
    for close in (False, True):
        folder = tmp_path / str(close)
        store = FaissStore(folder)
        await store.ensure(DIMENSION)
        await store.upsert([made(user, n, chance) for n in range(5) for user in ("ana", "bob")])
        await store.delete({"user_id": "ana"})
        copy = (folder / "messages.vectors").read_bytes()
        await store.aclose()
        if not close:  # as if the process had been killed
            (folder / "messages.vectors").write_bytes(copy)
            store = FaissStore(folder)
            assert await store.count({"user_id": "ana"}) == 0
            await store.aclose()
        assert b"ana" not in (folder / "messages.vectors").read_bytes()


async def test_a_file_of_replaced_vectors_does_not_grow_for_ever(store, tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_IDLE_SECONDS", 0.0)
    monkeypatch.setattr(folders, "_SHARE", 0.0)
    monkeypatch.setattr("luminora_faiss.shelf._FEW", 100)
    chance = random.Random(1)
    file = tmp_path / "v" / "messages.vectors"
    sizes = []
    for _ in range(60):
        await store.upsert([made("ana", n, chance) for n in range(50)])
        sizes.append(file.stat().st_size)
    assert max(sizes) < 6 * sizes[0]
    assert await store.count({"user_id": "ana"}) == 50


async def test_waiting_writes_share_a_commit(store, monkeypatch):
    chance = random.Random(1)
    commits = []
    from luminora_faiss.log import Log

    real = Log.append
    monkeypatch.setattr(Log, "append", lambda log, data: (commits.append(1), real(log, data)))
    await asyncio.gather(*(store.upsert([made("ana", n, chance)]) for n in range(200)))
    assert await store.count({"user_id": "ana"}) == 200
    assert len(commits) < 50


async def test_an_unsuitable_vector_fails_alone(store):
    chance = random.Random(1)
    bad = VectorItem(id="bad", user_id="ana", vector=[1.0] * 5)
    outcomes = await asyncio.gather(
        *(store.upsert([bad if n == 7 else made("ana", n, chance)]) for n in range(20)),
        return_exceptions=True,
    )
    assert [type(o) for o in outcomes if o is not None] == [DimensionMismatch]
    assert await store.count({"user_id": "ana"}) == 19


async def test_an_index_dropped_while_writes_wait(store):
    chance = random.Random(1)
    await store.upsert([made("ana", 0, chance)])
    outcomes = await asyncio.gather(
        *(store.upsert([made("ana", n, chance)]) for n in range(5)),
        store.drop(),
        *(store.upsert([made("ana", n, chance)]) for n in range(5)),
        return_exceptions=True,
    )
    kinds = {type(o).__name__ for o in outcomes}
    assert kinds <= {"NoneType", "SchemaPending"}
    assert (await store.describe()).dimension is None


async def test_queries_run_while_the_user_grows(store):
    chance = random.Random(1)

    async def grow():
        for n in range(0, 3000, 30):
            await store.upsert([made("ana", k, chance) for k in range(n, n + 30)])

    async def ask():
        for _ in range(150):
            hits = await store.query([1.0] * DIMENSION, 50, {"user_id": "ana", "kind": "message"})
            assert all(-1 <= hit.score <= 1 for hit in hits)
            assert len({hit.id for hit in hits}) == len(hits)

    await asyncio.gather(grow(), *(ask() for _ in range(3)))
    assert await store.count({"user_id": "ana"}) == 3000


async def test_a_cancelled_write_happens_whole_or_not_at_all(store):
    chance = random.Random(1)
    tasks = [
        asyncio.create_task(
            store.upsert([made("ana", 2 * n, chance), made("ana", 2 * n + 1, chance)])
        )
        for n in range(30)
    ]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    hits = await store.query([1.0] * DIMENSION, 100, {"user_id": "ana"})
    there = {int(hit.id.split("-")[1]) for hit in hits}
    assert {n ^ 1 for n in there} == there
    assert {2 * n for n in range(1, 30, 2)} <= there


async def test_a_model_becomes_known_later_and_is_remembered(store, tmp_path):
    assert (await store.describe()).model_id is None
    await store.ensure(DIMENSION, model_id="test/one")
    await store.aclose()
    again = FaissStore(tmp_path / "v")
    assert (await again.describe()).model_id == "test/one"
    with pytest.raises(DimensionMismatch):
        await again.ensure(DIMENSION, model_id="test/two")
    await again.aclose()


async def test_names_that_look_like_something_else(store):
    odd = ["' OR 1=1", "../../x", "a\nb", "naïve 🦊", '"', "{}", "x" * 255]
    for n, name in enumerate(odd):
        await store.upsert(
            [VectorItem(id=name, user_id=name, vector=[1.0 + n] + [0.5] * 11, session_id=name)]
        )
    await store.aclose()
    for name in odd:
        (hit,) = await store.query([1.0] * DIMENSION, 5, {"user_id": name, "session_id": name})
        assert hit.id == name


def test_two_loops_in_a_row(tmp_path):
    store = FaissStore(tmp_path / "v")
    asyncio.run(store.ensure(DIMENSION))
    asyncio.run(store.upsert([made("ana", 1, random.Random(1))]))
    assert asyncio.run(store.count({"user_id": "ana"})) == 1
    asyncio.run(store.aclose())


async def test_a_closed_store_opens_again_and_its_old_folder_does_not(store):
    folder = await store.opened()
    await store.aclose()
    with pytest.raises(StorageUnavailable, match="closed"):
        await folder.do(lambda: None)
    assert await store.count({"user_id": "ana"}) == 0


def test_listing_plugins_imports_nothing_of_it():
    code = (
        "import atexit, sys;"
        "atexit.register(lambda: print([m for m in sys.modules if 'faiss' in m]));"
        "from luminora.cli import main; main(['plugins', 'list'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "vector_store:faiss" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
