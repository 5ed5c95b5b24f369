from __future__ import annotations

import asyncio
import random

import pytest

from luminora.errors import Conflict, SchemaPending, StorageError, StorageUnavailable
from luminora.providers import Status, VectorItem
from luminora.testing.vectors import axis
from tests.plugins.mongodb.helpers import migrated, vectors_on
from tests.servers.mongodb import MongoServer, database_on

pytestmark = [
    pytest.mark.backend("mongodb-atlas vector store", against="mongodb"),
    pytest.mark.xdist_group("mongodb"),
]


def item(name, user="ana", place=0, **filed):
    return VectorItem(id=name, user_id=user, vector=axis(place), **filed)


@pytest.fixture
async def store(mongo_database):
    opened = vectors_on(mongo_database, timeout_seconds=5, connect_timeout_seconds=1)
    yield opened
    await opened.aclose()


@pytest.fixture
def db(mongo_database):
    return mongo_database.client[mongo_database.name]


async def test_a_server_without_search_says_what_else_there_is():
    with MongoServer().running() as server, database_on(server.url) as database:
        store = vectors_on(database)
        with pytest.raises(StorageError, match="no vector search") as caught:
            await store.ensure(8)
        for word in ("sqlite-vec", "qdrant"):
            assert word in caught.value.hint
        assert "mongodb-atlas-local" in str(caught.value)
        result = await store.check()
        assert (result.status, "sqlite-vec" in result.detail) == (Status.ERROR, True)
        assert database.client[database.name].list_collection_names() == []
        await store.aclose()


async def test_it_shares_the_storages_connection(mongo_database):
    storage = await migrated(mongo_database)
    store = vectors_on(mongo_database, storage=storage)
    assert store.connection is storage.connection
    await store.ensure(8)
    await store.upsert([item("a")])
    await store.aclose()
    assert await storage.count("messages", "ana") == 0
    await storage.aclose()
    with pytest.raises(StorageUnavailable):
        await store.query(axis(0), 1, {"user_id": "ana"})


async def test_a_place_of_its_own_means_a_connection_of_its_own(mongo_database):
    storage = await migrated(mongo_database)
    store = vectors_on(mongo_database, storage=storage, **mongo_database.config)
    assert store.connection is not storage.connection
    await store.aclose()
    await storage.aclose()


async def test_without_an_index_nothing_is_written(store, db):
    with pytest.raises(SchemaPending):
        await store.upsert([item("a")])
    assert await store.query(axis(0), 3, {"user_id": "ana"}) == []
    assert db.list_collection_names() == []


async def test_a_batch_with_somebody_elses_id_is_not_stored_at_all(store):
    await store.ensure(8)
    await store.upsert([item("a", "bob")])
    for batch in ([item("a")], [item("b"), item("a"), item("c")]):
        with pytest.raises(Conflict, match="another user"):
            await store.upsert(batch)
    assert await store.count({"user_id": "ana"}) == 0
    assert await store.count({"user_id": "bob"}) == 1


async def test_what_was_begun_is_finished(store, mongo_database, db):
    mongo_database.fail("createSearchIndexes", errorCode=8)
    with pytest.raises(StorageError):
        await store.ensure(8, model_id="one")
    assert (await store.describe()).dimension is None
    with pytest.raises(SchemaPending):
        await store.upsert([item("a")])
    await store.ensure(8, model_id="one")
    await store.upsert([item("a")])
    mongo_database.fail("drop", errorCode=8)
    with pytest.raises(StorageError):
        await store.drop()
    assert (await store.describe()).dimension is None
    await store.ensure(3)
    assert (await store.describe()).count == 0
    assert db.message_embeddings.count_documents({}) == 0


async def test_of_two_that_build_with_different_dimensions_one_is_refused(mongo_database, store):
    other = vectors_on(mongo_database)
    answers = await asyncio.gather(store.ensure(8), other.ensure(3), return_exceptions=True)
    assert sorted(type(one).__name__ for one in answers) == ["DimensionMismatch", "NoneType"]
    await other.aclose()


async def test_the_approximate_search_finds_them_too(mongo_database):
    store = vectors_on(mongo_database, exact=False)
    await store.ensure(8)
    await store.upsert([item(str(n), place=n) for n in range(8)])
    (hit,) = await store.query(axis(5), 1, {"user_id": "ana"})
    assert hit.id == "5"
    await store.aclose()


async def test_it_recovers_from_a_restart_by_itself(mongo_server, store):
    await store.ensure(8)
    for number in range(3):
        await store.upsert([item(str(number), place=number), item(f"{number}b", place=number)])
        mongo_server.restart()
    assert await store.count({"user_id": "ana"}) == 6
    (hit, _) = await store.query(axis(2), 2, {"user_id": "ana"})
    assert hit.id in {"2", "2b"}


async def test_what_looks_like_a_query_is_a_value(store):
    await store.ensure(8)
    for word in ("$gt", "$where", "a.b"):
        await store.upsert([item(word, word, session_id=word)])
        (hit,) = await store.query(axis(0), 3, {"user_id": word, "session_id": word})
        assert hit.id == word
        assert await store.delete({"user_id": word, "id": [word]}) == 1


async def test_large_vectors_in_large_batches(mongo_database, store):
    chance = random.Random(5)
    await store.ensure(1_536)
    items = [
        VectorItem(id=str(n), user_id="ana", vector=[chance.gauss(0, 1) for _ in range(1_536)])
        for n in range(200)
    ]
    await store.upsert(items)
    (hit,) = await store.query(items[77].vector, 1, {"user_id": "ana"})
    assert (hit.id, hit.score) == ("77", pytest.approx(1.0, abs=1e-5))


def test_two_runs_of_asyncio_in_a_row(mongo_database):
    store = vectors_on(mongo_database)
    asyncio.run(store.ensure(8))
    asyncio.run(store.upsert([item("a")]))
    assert asyncio.run(store.count({"user_id": "ana"})) == 1
    asyncio.run(store.aclose())
