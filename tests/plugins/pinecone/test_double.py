"""The double, driven by the official SDK alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from pinecone import AsyncIndex, AsyncPinecone, RetryConfig
from pinecone.errors import (
    ApiError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    PayloadTooLargeError,
    RateLimitError,
    ServiceError,
    UnauthorizedError,
)

from luminora.testing.doubles.http import Reply
from tests.servers.pinecone import KEY, NAME

pytestmark = [
    pytest.mark.backend("pinecone vectors", against=NAME),
    pytest.mark.xdist_group(NAME),
]
SCHEMA = {"fields": {"_values": {"type": "dense_vector", "dimension": 2, "metric": "cosine"}}}


@pytest.fixture
async def client(pinecone_double) -> AsyncIterator[AsyncPinecone]:
    retry = RetryConfig(max_retries=1, max_wait=0.3)
    async with AsyncPinecone(api_key=KEY, host=pinecone_double.url, retry_config=retry) as opened:
        yield opened


@pytest.fixture
async def index(client) -> AsyncIterator[AsyncIndex]:
    await client.indexes.create(name="things", schema=SCHEMA, tags={"made": "here"}, timeout=5)
    async with await client.index(name="things") as opened:
        yield opened


def vector(key: str, *values: float, **metadata: str) -> dict[str, object]:
    return {"id": key, "values": list(values), "metadata": metadata}


async def test_the_control_plane(client, pinecone_double):
    made = await client.indexes.create(name="things", schema=SCHEMA, timeout=5)
    assert made.status.ready
    assert made.schema.fields["_values"].dimension == 2
    tagged = await client.indexes.configure("things", tags={"model": "one"})
    assert tagged.tags == {"model": "one"}
    assert [found.name async for found in client.indexes.list()] == ["things"]
    with pytest.raises(ConflictError):
        await client.indexes.create(name="things", schema=SCHEMA, timeout=-1)
    pinecone_double.indexes["things"].protected = True
    with pytest.raises(ForbiddenError, match="protection"):
        await client.indexes.delete("things")
    pinecone_double.indexes["things"].protected = False
    await client.indexes.delete("things", timeout=5)
    assert not await client.indexes.exists("things")


async def test_an_index_takes_a_while(client, pinecone_double):
    pinecone_double.build_seconds = 0.2
    made = await client.indexes.create(name="things", schema=SCHEMA, timeout=-1)
    assert (made.status.ready, made.status.state) == (False, "Initializing")
    await asyncio.sleep(0.25)
    assert (await client.indexes.describe("things")).status.ready
    await client.indexes.delete("things", timeout=-1)
    assert (await client.indexes.describe("things")).status.state == "Terminating"


async def test_upsert_query_fetch_delete(index):
    answer = await index.upsert(
        vectors=[vector("a", 1, 0, owner="ana"), vector("b", 1, 1, owner="bob")], namespace="n"
    )
    assert answer.upserted_count == 2
    found = await index.query(vector=[2.0, 0.0], top_k=5, namespace="n", include_metadata=True)
    assert [match.id for match in found.matches] == ["a", "b"]
    assert found.matches[1].score == pytest.approx(0.7071, abs=1e-3)
    assert found.matches[0].metadata == {"owner": "ana"}
    for condition, ids in (
        ({"owner": {"$eq": "bob"}}, ["b"]),
        ({"owner": "bob"}, ["b"]),
        ({"owner": {"$in": ["ana", "bob"]}}, ["a", "b"]),
        ({"$and": [{"owner": "ana"}, {"owner": "bob"}]}, []),
    ):
        found = await index.query(vector=[1.0, 0.0], top_k=5, namespace="n", filter=condition)
        assert [match.id for match in found.matches] == ids
    fetched = await index.fetch(ids=["a", "absent"], namespace="n")
    assert fetched.vectors["a"].values == [1, 0]
    assert fetched.vectors.keys() == {"a"}
    assert (await index.fetch(ids=["a"])).vectors == {}
    await index.delete(filter={"owner": {"$eq": "ana"}}, namespace="n")
    await index.delete(ids=["absent"], namespace="n")
    assert (await index.describe_namespace(name="n")).record_count == 1
    stats = await index.describe_index_stats()
    assert (stats.dimension, stats.total_vector_count) == (2, 1)
    await index.delete_namespace(name="n")
    with pytest.raises(NotFoundError):
        await index.describe_namespace(name="n")


async def test_pages(index):
    vectors = [vector(f"v{n:03}", n, 1, owner="ana") for n in range(250)]
    await index.upsert(vectors=vectors, namespace="n")
    listed = [item.id async for page in index.list(namespace="n") for item in page.vectors]
    assert listed == [f"v{n:03}" for n in range(250)]
    counted, token = 0, None
    while True:
        page = await index.fetch_by_metadata(
            filter={"owner": "ana"}, namespace="n", limit=100, pagination_token=token
        )
        counted += len(page.vectors)
        if not page.pagination or not (token := page.pagination.next):
            break
    assert counted == 250


async def test_what_is_too_much_is_refused(index, pinecone_double):
    with pytest.raises(ApiError, match="1000 vectors"):
        await index.upsert(vectors=[vector(f"v{n}", 1, 1) for n in range(1001)])
    with pytest.raises(PayloadTooLargeError):
        await index.upsert(vectors=[vector(f"v{n}", 1, 1, t="x" * 30_000) for n in range(80)])
    with pytest.raises(ApiError, match="40960"):
        await index.upsert(vectors=[vector("v", 1, 1, t="x" * 41_000)])
    with pytest.raises(ApiError, match="does not match the dimension"):
        await index.upsert(vectors=[vector("v", 1, 1, 1)])
    with pytest.raises(ApiError, match="does not match the dimension"):
        await index.query(vector=[1.0], top_k=1)
    pinecone_double.namespaces = 0
    with pytest.raises(ForbiddenError, match="namespaces"):
        await index.upsert(vectors=[vector("v", 1, 1)], namespace="one-more")


async def test_refusals_by_status(client, pinecone_double):
    async with AsyncPinecone(api_key="other", host=pinecone_double.url) as stranger:
        with pytest.raises(UnauthorizedError):
            await stranger.indexes.describe("things")
    with pytest.raises(NotFoundError):
        await client.indexes.describe("things")
    busy = Reply(429, {"error": {"code": "X", "message": "slow"}}, {"Retry-After": "0.1"})
    with pinecone_double.failing(busy, times=1):
        assert not await client.indexes.exists("things")
    with pinecone_double.failing(busy), pytest.raises(RateLimitError) as caught:
        await client.indexes.describe("things")
    assert caught.value.retry_after == 0.1
    with pinecone_double.failing(Reply(503)), pytest.raises(ServiceError):
        await client.indexes.describe("things")


async def test_writes_are_seen_late(index, pinecone_double):
    pinecone_double.lag = 60
    await index.upsert(vectors=[vector("a", 1, 0)])
    assert (await index.fetch(ids=["a"])).vectors == {}
