"""Stopped and hanging servers, collisions, hostile names, event loops that end."""

from __future__ import annotations

import asyncio
import random
import signal
import time

import pytest
from luminora_postgresql import vectorsearch
from luminora_postgresql.vectorwire import vector_of

from luminora.errors import Conflict, InputError, StorageUnavailable
from luminora.providers import Status, VectorItem
from tests.plugins.pgvector.stores import beside, items, migrate, vector

pytestmark = [
    pytest.mark.backend("pgvector vector store", against="postgresql"),
    pytest.mark.xdist_group("postgresql"),
]


async def test_a_server_that_was_killed_and_restarted_is_used_again(make, postgres_server):
    store = make()
    await store.ensure(4)
    await store.upsert(items("ana", 5, 4))
    postgres_server.kill()
    with pytest.raises(StorageUnavailable):
        await store.query([1, 2, 3, 4], 3, {"user_id": "ana"})
    with pytest.raises(StorageUnavailable):
        await store.upsert(items("ana", 5, 4, seed=1))
    result = await store.check()
    assert result.status is Status.ERROR
    assert str(postgres_server.port) in result.detail
    postgres_server.start()
    assert len(await store.query([1, 2, 3, 4], 10, {"user_id": "ana"})) == 5
    await store.upsert(items("ana", 5, 4, seed=1))
    assert await store.count({"user_id": "ana"}) == 10


async def test_a_kill_in_the_middle_of_writing_leaves_whole_batches(make, postgres_server):
    store = make()
    await store.ensure(32)
    stored: list[int] = []

    async def write() -> None:
        for number in range(10_000):
            await store.upsert(items("ana", 40, 32, seed=number))
            stored.append(number)

    writer = asyncio.create_task(write())
    while len(stored) < 3:
        await asyncio.sleep(0.01)
    postgres_server.kill()
    with pytest.raises(StorageUnavailable):
        await writer
    postgres_server.start()
    assert await store.count({"user_id": "ana"}) in {40 * len(stored), 40 * len(stored) + 40}


async def test_a_server_that_hangs_is_given_up(make, postgres_server):
    store, waiting = (make(statement_timeout_seconds=0.5) for _ in range(2))
    await store.ensure(4)
    await waiting.ensure(4)
    postgres_server.signal(signal.SIGSTOP)
    started = time.monotonic()
    try:
        for asked in (store.query([1, 2, 3, 4], 3, {"user_id": "ana"}), waiting.ensure(4)):
            with pytest.raises(StorageUnavailable, match="no answer within"):
                await asked
    finally:
        postgres_server.signal(signal.SIGCONT)
    assert time.monotonic() - started < 8
    assert await store.query([1, 2, 3, 4], 3, {"user_id": "ana"}) == []


async def test_one_taken_id_refuses_the_whole_batch(make):
    store = make()
    await store.ensure(4)
    await store.upsert([VectorItem(id="taken", user_id="bob", vector=[1, 0, 0, 0])])
    batch = [*items("ana", 3, 4), VectorItem(id="taken", user_id="ana", vector=[0, 1, 0, 0])]
    with pytest.raises(Conflict) as caught:
        await store.upsert(batch)
    assert "bob" not in str(caught.value)
    assert await store.count({"user_id": "ana"}) == 0
    (held,) = await store.fetch("bob", ["taken"])
    assert list(held.vector) == [1, 0, 0, 0]


async def test_overlapping_batches_do_not_wait_in_a_circle(make):
    store = make()
    await store.ensure(8)
    batch = items("ana", 60, 8)
    orders = [random.Random(number).sample(batch, len(batch)) for number in range(12)]
    await asyncio.gather(*(store.upsert(order) for order in orders))
    assert await store.count({"user_id": "ana"}) == 60


async def test_queries_while_others_write(make, monkeypatch):
    monkeypatch.setattr(vectorsearch, "COMPARED", 30)
    store = make(max_connections=4)
    await store.ensure(8)
    await store.upsert(items("ana", 100, 8))

    async def ask(number: int) -> int:
        query = vector(random.Random(number), 8)
        hits = await store.query(query, 10, {"user_id": "ana"})
        assert all(hit.id.startswith("ana-") for hit in hits)
        return len(hits)

    writes = [store.upsert(items("bob", 10, 8, seed=number)) for number in range(20)]
    *_, counts = await asyncio.gather(*writes, asyncio.gather(*(ask(n) for n in range(60))))
    assert set(counts) == {10}


@pytest.mark.parametrize(
    "name", ["it's", '"; DROP TABLE x; --', "ñandú 東京 🦊", "\\", "$1", "%s", " ", "{}", "{a,b}"]
)
async def test_names_are_only_values(make, name):
    store = make()
    await store.ensure(3)
    mine = VectorItem(id=name, user_id=name, vector=[1, 2, 2], session_id=name, kind=name)
    await store.upsert([mine, VectorItem(id="b", user_id="bob", vector=[1, 2, 2])])
    where = {"user_id": name, "session_id": name, "kind": name}
    (hit,) = await store.query([1, 2, 2], 5, where)
    assert hit.id == name
    (held,) = await store.fetch(name, [name, "b"])
    assert (held.id, held.session_id, held.kind) == (name, name, name)
    assert await store.delete({"user_id": name, "id": [name, "b"]}) == 1
    assert await store.count({"user_id": "bob"}) == 1


@pytest.mark.parametrize("name", ["\0", "a\ud800", "x" * 256])
async def test_names_that_cannot_be_kept_are_refused(make, name):
    store = make()
    await store.ensure(3)
    with pytest.raises(InputError):
        await store.upsert([VectorItem(id=name, user_id="ana", vector=[1, 2, 3])])
    with pytest.raises(InputError):
        await store.count({"user_id": name})


async def test_vectors_are_kept_bit_for_bit(make):
    """At length 1, as they were sent."""
    store = make()
    await store.ensure(64)
    (mine,) = items("ana", 1, 64)
    await store.upsert([mine])
    (first,) = await store.fetch("ana", [mine.id])
    await store.upsert([VectorItem(id="copy", user_id="ana", vector=first.vector)])
    (second,) = await store.fetch("ana", ["copy"])
    assert list(second.vector) == pytest.approx(list(first.vector), abs=1e-7)
    assert sum(x * x for x in first.vector) == pytest.approx(1.0, abs=1e-6)


def test_the_wire_form_is_pgvectors():
    """Two numbers, 1.0 and -2.0, as ``vector_send`` writes them."""
    data = bytes.fromhex("0002 0000 3f800000 c0000000")
    assert list(vector_of(data)) == [1.0, -2.0]


def test_one_store_serves_one_event_loop_after_the_other(make):
    store = make()
    asyncio.run(store.ensure(4))
    asyncio.run(store.upsert(items("ana", 3, 4)))
    assert asyncio.run(store.count({"user_id": "ana"})) == 3
    asyncio.run(store.aclose())
    assert asyncio.run(store.count({"user_id": "ana"})) == 3
    asyncio.run(store.aclose())
    asyncio.run(store.aclose())


async def test_closing_the_store_leaves_the_storages_connections(storage):
    await migrate(storage, 4)
    store = beside(storage)
    await store.ensure(4)
    await store.aclose()
    await storage.connect()
    assert await store.count({"user_id": "ana"}) == 0


@pytest.mark.parametrize(
    "wrong",
    [{"port": 1}, {"database": "nowhere"}, {"user": "nobody_at_all"}, {"host": "no.invalid"}],
)
async def test_wrong_addresses_are_reported(make, wrong):
    store = make(**wrong)
    result = await store.check()
    assert result.status is Status.ERROR
    assert str(next(iter(wrong.values()))) in result.detail
