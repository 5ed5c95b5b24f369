"""The double, driven by the official client alone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property, Tokenization
from weaviate.classes.data import DataObject
from weaviate.classes.init import Auth
from weaviate.classes.query import Filter, MetadataQuery
from weaviate.exceptions import (
    InsufficientPermissionsError,
    UnexpectedStatusCodeError,
    WeaviateBaseError,
    WeaviateInsertManyAllFailedError,
    WeaviateQueryError,
)

from tests.servers.weaviate import NAME, WeaviateDouble

pytestmark = [
    pytest.mark.backend("weaviate vectors", against=NAME),
    pytest.mark.xdist_group(NAME),
]


def client_of(double: WeaviateDouble, key: str | None = None) -> weaviate.WeaviateAsyncClient:
    return weaviate.use_async_with_custom(
        http_host="127.0.0.1",
        http_port=double.port,
        http_secure=False,
        grpc_host="127.0.0.1",
        grpc_port=double.grpc_port,
        grpc_secure=False,
        auth_credentials=Auth.api_key(key) if key else None,
        skip_init_checks=True,
    )


@pytest.fixture
async def client(weaviate_double) -> AsyncIterator[weaviate.WeaviateAsyncClient]:
    async with client_of(weaviate_double) as opened:
        yield opened


async def created(client: weaviate.WeaviateAsyncClient, tokenization=Tokenization.FIELD):
    return await client.collections.create(
        "Things",
        description="things",
        properties=[
            Property(name="owner", data_type=DataType.TEXT, tokenization=tokenization),
        ],
        vector_config=Configure.Vectors.self_provided(),
    )


def thing(owner: str, *vector: float) -> DataObject:
    return DataObject(properties={"owner": owner}, vector=list(vector))


async def test_create_insert_query_delete_drop(client):
    things = await created(client)
    assert await client.is_ready()
    config = await things.config.get()
    assert config.description == "things"
    assert config.vector_config["default"].vector_index_config.flat_search_cutoff == 40_000
    await things.config.update(description="other things")
    assert (await things.config.get(simple=True)).description == "other things"
    await things.data.insert_many([thing("ana", 1, 0), thing("ana", 1, 1), thing("bob", 1, 0)])
    found = await things.query.near_vector(
        [2.0, 0.0],
        limit=5,
        filters=Filter.by_property("owner").equal("ana"),
        return_metadata=MetadataQuery(distance=True),
        include_vector=True,
    )
    assert [o.metadata.distance for o in found.objects] == pytest.approx([0, 0.2929], abs=1e-3)
    assert found.objects[1].vector["default"] == [1, 1]
    assert (await things.aggregate.over_all()).total_count == 3
    ids = [o.uuid for o in found.objects]
    same = await things.query.fetch_objects(filters=Filter.by_id().contains_any(ids))
    assert {o.uuid for o in same.objects} == set(ids)
    gone = await things.data.delete_many(where=Filter.by_property("owner").equal("ana"))
    assert (gone.matches, gone.successful, gone.failed) == (2, 2, 0)
    await client.collections.delete("Things")
    assert not await client.collections.exists("Things")
    with pytest.raises(WeaviateQueryError, match="could not find class"):
        await things.query.fetch_objects()


async def test_pages_by_cursor(client, weaviate_double):
    things = await created(client)
    await things.data.insert_many([thing(f"o{n}", n, 1) for n in range(25)])
    seen = [o.properties["owner"] async for o in things.iterator(cache_size=10)]
    assert sorted(seen) == sorted(f"o{n}" for n in range(25))
    assert weaviate_double.called.count("Search") >= 3


@pytest.mark.parametrize(
    ("tokenization", "text", "matches"),
    [
        (Tokenization.FIELD, "Ana Maria", True),
        (Tokenization.FIELD, " Ana Maria ", True),
        (Tokenization.FIELD, "ana maria", False),
        (Tokenization.FIELD, "Ana", False),
        (Tokenization.WORD, "ana", True),
        (Tokenization.WHITESPACE, "Ana", True),
        (Tokenization.WHITESPACE, "ana", False),
        (Tokenization.LOWERCASE, "ANA", True),
    ],
)
async def test_filters_follow_the_tokenization(client, tokenization, text, matches):
    things = await created(client, tokenization)
    await things.data.insert_many([thing("Ana Maria", 1, 0)])
    where = Filter.by_property("owner").equal(text)
    assert (await things.aggregate.over_all(filters=where)).total_count == matches


async def test_a_batch_fails_object_by_object(client, weaviate_double):
    things = await created(client)
    weaviate_double.refused = lambda p: "no room" if p["owner"] == "bob" else None
    answer = await things.data.insert_many([thing("ana", 1, 0), thing("bob", 1, 0)])
    assert [error.message for error in answer.errors.values()] == ["no room"]
    assert (await things.aggregate.over_all()).total_count == 1
    with pytest.raises(WeaviateInsertManyAllFailedError, match="vector with length 3"):
        await things.data.insert_many([thing("ana", 1, 0, 0)])
    with pytest.raises(WeaviateQueryError, match="vector lengths don't match"):
        await things.query.near_vector([1.0, 0.0, 0.0])


async def test_a_deletion_stops_at_the_limit(client, weaviate_double):
    things = await created(client)
    await things.data.insert_many([thing("ana", n, 1) for n in range(25)])
    weaviate_double.most = 10
    everything = Filter.by_property("owner").equal("ana")
    gone = await things.data.delete_many(where=everything)
    assert (gone.matches, gone.successful) == (25, 10)
    with pytest.raises(WeaviateQueryError, match="maximum"):
        await things.query.fetch_objects(limit=11)


async def test_keys_and_roles(client, weaviate_double):
    await created(client)
    weaviate_double.keys |= {"good", "reader"}
    weaviate_double.readers.add("reader")
    for key in (None, "bad"):
        refused = client_of(weaviate_double, key)
        with pytest.raises(UnexpectedStatusCodeError) as caught:
            await refused.connect()
        assert caught.value.status_code == 401
        await refused.close()
    async with client_of(weaviate_double, "reader") as reader:
        assert (await reader.collections.use("Things").aggregate.over_all()).total_count == 0
        with pytest.raises(InsufficientPermissionsError):
            await reader.collections.delete("Things")
        with pytest.raises(InsufficientPermissionsError):
            await reader.collections.use("Things").data.insert_many([thing("ana", 1, 0)])


async def test_a_name_is_used_once(client):
    await created(client)
    with pytest.raises(WeaviateBaseError, match="already exists"):
        await created(client)
