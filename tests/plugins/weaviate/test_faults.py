from __future__ import annotations

import asyncio
import gc
import time
import warnings

import grpc
import pytest

from luminora.errors import (
    AuthenticationFailed,
    InvalidRequest,
    LuminoraError,
    MalformedResponse,
    PermissionRefused,
    ProviderError,
    RateLimited,
    StorageReadOnly,
    StorageUnavailable,
)
from luminora.providers import Status, VectorItem
from luminora.testing.doubles.http import Reply
from luminora.testing.servers.base import free_port
from tests.plugins.weaviate.conftest import store_on, store_with
from tests.servers.weaviate import NAME

pytestmark = [
    pytest.mark.backend("weaviate vectors", against=NAME),
    pytest.mark.xdist_group(NAME),
]
ANA = {"user_id": "ana"}


def items(count: int = 1) -> list[VectorItem]:
    return [VectorItem(id=f"m{n}", user_id="ana", vector=[1.0, n, 0.0]) for n in range(count)]


@pytest.fixture
def filled(make):
    """Builds stores with three vectors in them."""
    return lambda **config: fill(make(**config))


async def fill(store):
    await store.ensure(3, model_id="test/one")
    await store.upsert(items(3))
    return store


async def test_nobody_listens():
    port = free_port()
    store = store_with(url=f"http://127.0.0.1:{port}")
    with pytest.raises(StorageUnavailable) as caught:
        await store.ensure(3)
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert "running" in str(caught.value)
    result = await store.check()
    assert result.status is Status.ERROR


async def test_grpc_is_elsewhere(make):
    port = free_port()
    store = make(grpc_port=port)
    with pytest.raises(StorageUnavailable, match="gRPC") as caught:
        await store.ensure(3)
    assert f"127.0.0.1:{port}" in str(caught.value)


async def test_killed_and_restarted_in_the_middle(weaviate_double, filled):
    store = await filled()
    with weaviate_double.down():
        for ask in (
            lambda: store.count(ANA),
            lambda: store.query([1.0, 0.0, 0.0], 3, ANA),
            lambda: store.upsert(items()),
            lambda: store.delete(ANA),
        ):
            started = time.monotonic()
            with pytest.raises(StorageUnavailable):
                await ask()
            assert time.monotonic() - started < 4
    started = time.monotonic()
    assert await store.count(ANA) == 3
    assert len(await store.query([1.0, 0.0, 0.0], 5, ANA)) == 3
    assert time.monotonic() - started < 4


async def test_a_server_that_hangs_meets_the_deadline(weaviate_double, filled):
    store = await filled(timeout_seconds=1, write_timeout_seconds=1)
    started = time.monotonic()
    with weaviate_double.grpc_failing(None), pytest.raises(StorageUnavailable, match="in time"):
        await store.query([1.0, 0.0, 0.0], 3, ANA)
    with weaviate_double.failing(None), pytest.raises(StorageUnavailable, match="in time"):
        await store.describe()
    with weaviate_double.grpc_failing(None), pytest.raises(StorageUnavailable):
        await store.upsert(items(2))
    assert time.monotonic() - started < 8
    assert await store.count(ANA) == 3


async def test_grpc_alone_hangs_while_connecting(weaviate_double, make):
    weaviate_double.kill_grpc()
    try:
        store = make(connect_timeout_seconds=1)
        with pytest.raises(StorageUnavailable):
            await store.describe()
    finally:
        weaviate_double.start_grpc()
    assert (await store.describe()).dimension is None


async def test_a_wrong_or_missing_key_names_the_variable(weaviate_double, make):
    weaviate_double.keys.add("right")
    wrong = keyed(make, "a-secret-that-is-wrong")
    with pytest.raises(AuthenticationFailed) as caught:
        await wrong.describe()
    assert "WEAVIATE_KEY" in str(caught.value)
    assert "a-secret-that-is-wrong" not in repr(caught.value) + str(caught.value)
    assert caught.value.exit_code == 4
    without = make()
    with pytest.raises(AuthenticationFailed, match="api_key_env"):
        await without.describe()
    right = keyed(make, "right")
    await right.ensure(3)
    with pytest.raises(AuthenticationFailed):  # revoked while connected
        weaviate_double.keys = {"other"}
        await right.count(ANA)


def keyed(make, key):
    return make({"WEAVIATE_KEY": key}, api_key_env="WEAVIATE_KEY")


async def test_a_key_without_rights(weaviate_double, make, filled):
    await filled()
    weaviate_double.keys.add("reader")
    weaviate_double.readers.add("reader")
    store = keyed(make, "reader")
    assert await store.count(ANA) == 3
    for refused in (
        store.upsert(items(2)),
        store.delete(ANA),
        store.drop(),
        store.at("b").ensure(3),
    ):
        with pytest.raises(PermissionRefused, match="WEAVIATE_KEY"):
            await refused
    assert await store.count(ANA) == 3


async def test_too_many_requests_are_tried_again(weaviate_double, filled):
    store = await filled()
    busy = (grpc.StatusCode.RESOURCE_EXHAUSTED, "too many requests")
    with weaviate_double.grpc_failing(*busy, times=2):
        assert await store.count(ANA) == 3
    with weaviate_double.grpc_failing(*busy), pytest.raises(RateLimited) as caught:
        await store.count(ANA)
    assert caught.value.retryable
    with weaviate_double.failing(Reply(429, {"error": []}), times=1):
        assert (await store.describe()).count == 3


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_broken_server_is_unavailable(weaviate_double, status, filled):
    store = await filled()
    with weaviate_double.failing(Reply(status, b"oops")), pytest.raises(StorageUnavailable):
        await store.describe()
    internal = (grpc.StatusCode.INTERNAL, "panic")
    with weaviate_double.grpc_failing(*internal), pytest.raises(StorageUnavailable, match="panic"):
        await store.count(ANA)


@pytest.mark.parametrize("body", [b"<html>hello", b"[]", b"{}", b"\xff", b""])
async def test_an_answer_that_is_no_weaviates(weaviate_double, body, make, filled):
    store = make()
    with weaviate_double.failing(Reply(200, body)), pytest.raises(LuminoraError) as caught:
        await store.describe()
    assert isinstance(caught.value, MalformedResponse), caught.value
    opened = await filled()
    with weaviate_double.failing(Reply(200, body)), pytest.raises(LuminoraError):
        await opened.describe()


async def test_an_old_server_is_named(weaviate_double, make):
    for version in ("1.28.4", "1.24.0"):
        weaviate_double.version = version
        store = make()
        with pytest.raises(ProviderError, match=r"1\.29"):
            await store.describe()


async def test_a_full_disk_says_so(weaviate_double, filled):
    store = await filled()
    weaviate_double.refused = lambda _: "put object: store is read-only due to shard being READONLY"
    with pytest.raises(StorageReadOnly, match="disk"):
        await store.upsert(items())


async def test_a_partly_refused_batch_leaves_nothing(weaviate_double, filled):
    store = await filled()
    weaviate_double.refused = lambda p: "no room" if p["item_id"] == "[m1100]" else None
    with pytest.raises(InvalidRequest, match="no room") as caught:
        await store.upsert(items(1200))
    assert "none of its vectors is stored" in str(caught.value)
    assert await store.count(ANA) == 0
    weaviate_double.refused = lambda _: None
    await store.upsert(items(1200))
    assert await store.count(ANA) == 1200


async def test_what_cannot_be_undone_is_said(weaviate_double, filled):
    store = await filled()
    weaviate_double.refused = lambda p: "no room" if p["item_id"] == "[m5]" else None
    broken = (grpc.StatusCode.INTERNAL, "panic", "BatchDelete")
    with weaviate_double.grpc_failing(*broken), pytest.raises(InvalidRequest) as caught:
        await store.upsert(items(6))
    assert "may be stored" in str(caught.value)
    weaviate_double.refused = lambda _: None
    await store.upsert(items(6))
    assert await store.count(ANA) == 6


async def test_nothing_is_deleted_from_a_server_that_stopped_answering(filled, weaviate_double):
    store = await filled()
    broken = (grpc.StatusCode.INTERNAL, "panic", "BatchObjects")
    with (
        weaviate_double.grpc_failing(*broken, skip=1),
        pytest.raises(StorageUnavailable, match="may be stored"),
    ):
        await store.upsert(items(1200))
    assert "BatchDelete" not in weaviate_double.called
    assert await store.count(ANA) == 500
    await store.upsert(items(1200))
    assert await store.count(ANA) == 1200


async def test_cancelling_leaves_no_request_behind(weaviate_double, filled):
    store = await filled()
    with weaviate_double.grpc_failing(None):
        task = asyncio.ensure_future(store.count(ANA))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await store.count(ANA) == 3


def test_two_loops_in_a_row(weaviate_double):
    store = store_on(weaviate_double)

    async def first():
        await store.ensure(3)
        await store.upsert(items(3))

    async def second():
        assert await store.count(ANA) == 3
        assert len(await store.query([1.0, 0.0, 0.0], 5, ANA)) == 3
        await store.aclose()
        await store.aclose()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.run(first())
        asyncio.run(second())
        asyncio.run(second())
        gc.collect()
