"""What goes wrong on the way to a server, and what is said about it."""

from __future__ import annotations

import asyncio
import gc
import time
from uuid import uuid4

import grpc
import pytest
from luminora_qdrant import points
from luminora_qdrant.errors import translate
from luminora_qdrant.links import Remote
from luminora_qdrant.store import QdrantStore

from luminora.errors import (
    AuthenticationFailed,
    DimensionMismatch,
    InputError,
    InvalidRequest,
    LuminoraError,
    MalformedResponse,
    PermissionRefused,
    RateLimited,
    SchemaPending,
    StorageError,
    StorageFull,
    StorageUnavailable,
)
from luminora.providers import Status, VectorItem
from luminora.testing.doubles.http import Reply
from luminora.testing.servers.base import free_port
from tests.servers.qdrant import failed

pytestmark = [
    pytest.mark.backend("qdrant vectors", against="qdrant double"),
    pytest.mark.xdist_group("qdrant double"),
]

ANA = {"user_id": "ana"}
AXIS = [1.0, 0.0, 0.0, 0.0]


def item(number: int) -> VectorItem:
    return VectorItem(id=f"m{number}", user_id="ana", vector=[1.0, 0.1 * number, 0.0, 0.5])


def store_of(server, **options) -> QdrantStore:
    return QdrantStore(Remote(server.url, **options), collection=f"c{uuid4().hex}")


@pytest.fixture
async def store(qdrant):
    opened = store_of(qdrant, timeout=0.5)
    await opened.ensure(4, model_id="test/one")
    await opened.upsert([item(number) for number in range(5)])
    yield opened
    await opened.aclose()


def page() -> Reply:
    return Reply(200, b"<html>Welcome to nginx!</html>")


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (Reply(401, b"Must provide an API key"), AuthenticationFailed, "api_key_env"),
        (Reply(403, b"Invalid api-key"), AuthenticationFailed, "Invalid api-key"),
        (failed(403, "Forbidden: Write access is required"), PermissionRefused, "Write access"),
        (Reply(404, b"<html>no such page</html>"), MalformedResponse, "check url"),
        (failed(413, "Payload too large"), InputError, "too large"),
        (failed(400, "Bad request: filter"), InvalidRequest, "filter"),
        (failed(429, "Too many requests"), RateLimited, "asks to wait"),
        (failed(500, "Service internal error: disk on fire"), StorageUnavailable, "on fire"),
        (failed(500, "No space left on device: WAL"), StorageFull, "free some space"),
        (Reply(503, b""), StorageUnavailable, "503"),
        (page(), MalformedResponse, "6333"),
        (Reply(200, {"result": 3}), MalformedResponse, "not Qdrant's"),
        (Reply(200, b'{"result": '), MalformedResponse, "not Qdrant's"),
    ],
)
async def test_a_bad_answer_is_told_in_our_words(qdrant, store, reply, kind, says):
    await store.query(AXIS, 3, ANA)
    with qdrant.failing(reply):
        for call in (
            store.query(AXIS, 3, ANA),
            store.count(ANA),
            store.upsert([item(9)]),
            store.delete(ANA),
            store.fetch("ana", ["m1"]),
            store.ensure(4),
            store.drop(),
        ):
            with pytest.raises(kind) as caught:
                await call
            assert says in str(caught.value)
            assert qdrant.url in str(caught.value)
        result = await store.check()
        assert result.status is Status.ERROR
    assert await store.count(ANA) == 5


async def test_how_long_to_wait_is_passed_on(qdrant, store):
    reply = Reply(429, {"status": {"error": "Rate limit"}}, {"Retry-After": "7"})
    with qdrant.failing(reply), pytest.raises(RateLimited) as caught:
        await store.count(ANA)
    assert caught.value.retry_after == 7
    assert caught.value.retryable


async def test_a_server_that_hangs(qdrant, store):
    started = time.monotonic()
    with qdrant.failing(None), pytest.raises(StorageUnavailable) as caught:
        await store.query(AXIS, 3, ANA)
    assert time.monotonic() - started < 3
    assert "timeout_seconds" in str(caught.value)
    assert len(await store.query(AXIS, 3, ANA)) == 3


async def test_nobody_listens():
    port = free_port()
    for url in (f"http://127.0.0.1:{port}", f"http://no-such-host.invalid:{port}"):
        store = QdrantStore(Remote(url, timeout=2))
        with pytest.raises(StorageUnavailable) as caught:
            await store.describe()
        assert str(port) in str(caught.value)
        assert "luminora.json" in str(caught.value)
        assert (await store.check()).status is Status.ERROR
        await store.aclose()


async def test_killed_and_started_again(qdrant, store):
    assert await store.count(ANA) == 5
    with qdrant.down():
        for _ in range(2):
            with pytest.raises(StorageUnavailable):
                await store.query(AXIS, 3, ANA)
    assert len(await store.query(AXIS, 3, ANA)) == 3


async def test_a_kept_connection_that_was_closed_is_not_noticed(qdrant, store):
    assert await store.count(ANA) == 5
    qdrant.kill()
    qdrant.start()
    assert await store.count(ANA) == 5


async def test_keys(qdrant):
    qdrant.key = "right"
    for key in (None, "wrong"):
        store = store_of(qdrant, key=key)
        with pytest.raises(AuthenticationFailed) as caught:
            await store.ensure(4)
        assert "wrong" not in str(caught.value)
        assert "wrong" not in (await store.check()).detail
        await store.aclose()
    store = store_of(qdrant, key="right")
    await store.ensure(4)
    await store.aclose()


async def test_a_key_that_may_not_make_collections(qdrant):
    qdrant.forbidden = {"PUT"}
    store = store_of(qdrant)
    with pytest.raises(PermissionRefused, match="manage"):
        await store.ensure(4)
    assert (await store.describe()).dimension is None
    await store.aclose()


async def test_a_failure_between_two_requests_is_completed_by_the_same_call(
    qdrant, store, monkeypatch
):
    monkeypatch.setattr("luminora_qdrant.store.REQUEST_BYTES", 16 * 2)
    items = [item(number) for number in range(10, 17)]
    with (
        qdrant.failing(failed(500, "broken"), "/points", skip=2, times=1),
        pytest.raises(StorageUnavailable),
    ):
        await store.upsert(items)
    assert await store.count(ANA) == 9
    await store.upsert(items)
    assert await store.count(ANA) == 12


async def test_two_processes_make_the_collection_at_once(qdrant):
    one = store_of(qdrant)
    two = QdrantStore(Remote(qdrant.url), collection=one.collection)
    await asyncio.gather(*(store.ensure(4, model_id="m") for store in (one, two) * 3))
    with qdrant.failing(failed(404, "Not found: Collection `x` doesn't exist!"), times=1):
        await two.ensure(4, model_id="m")  # it looks absent, and creating it meets the other's
    with pytest.raises(DimensionMismatch):
        await two.ensure(5)
    for store in (one, two):
        await store.aclose()


async def test_what_an_interrupted_creation_left_out_is_added(qdrant):
    store = store_of(qdrant)
    with qdrant.failing(failed(500, "broken"), "/index", skip=1), pytest.raises(StorageError):
        await store.ensure(4)
    assert set(qdrant.indexes[store.collection]) == {"user_id"}
    await store.ensure(4)
    assert set(qdrant.indexes[store.collection]) == {
        "user_id",
        "session_id",
        "personality_name",
        "kind",
    }
    await store.aclose()


async def test_the_collection_vanishes_while_it_is_used(qdrant, store):
    qdrant.client.delete_collection(store.collection)
    assert await store.query(AXIS, 3, ANA) == []
    assert await store.count(ANA) == 0
    assert await store.delete(ANA) == 0
    assert await store.fetch("ana", ["m1"]) == []
    assert (await store.describe()).dimension is None
    with pytest.raises(SchemaPending, match="luminora migrate"):
        await store.upsert([item(1)])


async def test_another_process_made_it_anew_with_another_dimension(qdrant, store):
    other = QdrantStore(Remote(qdrant.url), collection=store.collection)
    await other.drop()
    await other.ensure(7)
    with pytest.raises(DimensionMismatch) as caught:
        await store.upsert([item(1)])
    assert (caught.value.expected, caught.value.found) == (7, 4)
    await other.drop()
    await other.ensure(6)
    store._shape = None
    await store.describe()
    await other.drop()
    await other.ensure(4)
    with pytest.raises(DimensionMismatch):
        await store.query(AXIS, 3, ANA)
    store._shape = None
    assert await store.query(AXIS, 3, ANA) == []
    await other.aclose()


async def test_somebody_elses_collection_is_left_alone(qdrant):
    from qdrant_client import models

    store = store_of(qdrant)
    for vectors in (
        models.VectorParams(size=4, distance=models.Distance.EUCLID),
        {"image": models.VectorParams(size=4, distance=models.Distance.COSINE)},
    ):
        qdrant.client.create_collection(store.collection, vectors_config=vectors)
        qdrant.indexes[store.collection] = {}
        with pytest.raises(StorageError, match="not Luminora's"):
            await store.ensure(4)
        with pytest.raises(StorageError, match="collection_name"):
            await store.upsert([item(1)])
        qdrant.client.delete_collection(store.collection)
    await store.aclose()


async def test_an_old_server_forgets_the_model_and_health_says_so(qdrant):
    qdrant.version = "1.12.4"
    store = store_of(qdrant)
    await store.ensure(4, model_id="test/one")
    assert (await store.describe()).model_id is None
    result = await store.check()
    assert result.status is Status.WARNING
    assert "1.16" in result.detail
    await store.aclose()


async def test_what_is_asked_of_the_server(qdrant, store):
    made = next(r for r in qdrant.seen if r.method == "PUT" and len(r.parts) == 2)
    assert made.body["vectors"] == {"size": 4, "distance": "Cosine"}
    assert made.body["metadata"] == {points.MODEL: "test/one"}
    tenant = next(r for r in qdrant.seen if r.path.endswith("/index"))
    assert tenant.body == {
        "field_name": "user_id",
        "field_schema": {"type": "keyword", "is_tenant": True},
    }
    qdrant.seen.clear()
    await store.query(AXIS, 3, {"user_id": "ana", "kind": "message"})
    assert sorted(r.path.rpartition("/")[2] for r in qdrant.seen) == ["count", "query"]
    query = next(r for r in qdrant.seen if r.path.endswith("/query"))
    assert query.body["params"] == {"exact": True}
    assert query.body["with_payload"] == ["id"]
    assert {c["key"] for c in query.body["filter"]["must"]} == {"user_id", "kind"}
    qdrant.seen.clear()
    await store.query(AXIS, 3, ANA)
    assert [r.path.rpartition("/")[2] for r in qdrant.seen] == ["query"]


async def test_large_users_are_searched_through_the_graph(qdrant, store):
    large = QdrantStore(Remote(qdrant.url), collection=store.collection, exact_below=4)
    await large.query(AXIS, 3, ANA)
    qdrant.seen.clear()
    await large.query(AXIS, 3, ANA)
    (query,) = qdrant.seen
    assert query.body["params"]["exact"] is False
    await large.aclose()


def test_two_loops_in_a_row(qdrant):
    store = store_of(qdrant)

    async def once():
        await store.ensure(4)
        await store.upsert([item(1)])
        assert await store.count(ANA) == 1
        await store.aclose()

    asyncio.run(once())
    asyncio.run(once())


@pytest.mark.filterwarnings("ignore:unclosed (transport|<socket):ResourceWarning")
def test_a_loop_that_ended_without_closing_is_no_obstacle(qdrant):
    store = store_of(qdrant)
    asyncio.run(store.ensure(4))
    assert asyncio.run(store.count(ANA)) == 0
    asyncio.run(store.aclose())
    asyncio.run(store.aclose())
    gc.collect()  # the first loop's connections, which nobody could close any more


async def test_grpc_statuses_mean_what_rest_statuses_do():
    said: list[tuple[grpc.StatusCode, str, type[Exception]]] = [
        (grpc.StatusCode.UNAUTHENTICATED, "no key", AuthenticationFailed),
        (grpc.StatusCode.PERMISSION_DENIED, "not yours", PermissionRefused),
        (grpc.StatusCode.INVALID_ARGUMENT, "bad filter", InvalidRequest),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "slow down", RateLimited),
        (grpc.StatusCode.INTERNAL, "broken", StorageUnavailable),
        (grpc.StatusCode.INTERNAL, "No space left on device", StorageFull),
        (grpc.StatusCode.UNAVAILABLE, "going away", StorageUnavailable),
        (grpc.StatusCode.UNIMPLEMENTED, "what?", MalformedResponse),
    ]

    class Always(grpc.GenericRpcHandler):
        def service(self, details):
            async def refuse(request, context):
                await context.abort(*said[0][:2])

            return grpc.unary_unary_rpc_method_handler(refuse)

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Always(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    link = Remote(f"http://127.0.0.1:{free_port()}", grpc_port=port, timeout=2)
    store = QdrantStore(link)
    while said:
        with pytest.raises(said[0][2]) as caught:
            await store.count(ANA)
        assert said[0][1] in str(caught.value)
        said.pop(0)
    await server.stop(None)
    with pytest.raises(StorageUnavailable):
        await store.count(ANA)
    await store.aclose()


def test_what_nobody_foresaw_is_a_storage_error():
    error = translate(ZeroDivisionError("?"), "http://somewhere")
    assert isinstance(error, StorageError)
    assert isinstance(error, LuminoraError)
    assert "ZeroDivisionError" in str(error)
