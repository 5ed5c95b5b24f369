from __future__ import annotations

import asyncio
import gc
import time
import warnings

import pytest

from luminora.errors import (
    AuthenticationFailed,
    ConfigError,
    InvalidRequest,
    LuminoraError,
    MalformedResponse,
    PermissionRefused,
    QuotaExceeded,
    RateLimited,
    StorageUnavailable,
)
from luminora.providers import Status, VectorItem
from luminora.testing.doubles.http import Reply
from luminora.testing.servers.base import free_port
from tests.plugins.pinecone.conftest import store_on
from tests.servers.pinecone import NAME

pytestmark = [
    pytest.mark.backend("pinecone vectors", against=NAME),
    pytest.mark.xdist_group(NAME),
]
ANA = {"user_id": "ana"}
BUSY = {"error": {"code": "RESOURCE_EXHAUSTED", "message": "Too many requests"}}


def items(count: int = 1) -> list[VectorItem]:
    return [VectorItem(id=f"m{n}", user_id="ana", vector=[1.0, n, 0.0]) for n in range(count)]


@pytest.fixture
def filled(make):
    """Builds stores with three vectors in them."""

    async def fill(**config):
        store = make(**config)
        await store.ensure(3, model_id="test/one")
        await store.upsert(items(3))
        return store

    return fill


async def test_nobody_listens():
    port = free_port()
    store = store_on(f"http://127.0.0.1:{port}", timeout_seconds=1)
    with pytest.raises(StorageUnavailable) as caught:
        await store.ensure(3)
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert (await store.check()).status is Status.ERROR
    await store.aclose()


async def test_killed_and_restarted_in_the_middle(filled, pinecone_double):
    store = await filled(timeout_seconds=0.5)
    with pinecone_double.down():
        for ask in (
            lambda: store.count(ANA),
            lambda: store.query([1.0, 0.0, 0.0], 3, ANA),
            lambda: store.upsert(items()),
            lambda: store.delete(ANA),
            store.describe,
        ):
            started = time.monotonic()
            with pytest.raises(StorageUnavailable):
                await ask()
            assert time.monotonic() - started < 3
    assert await store.count(ANA) == 3
    assert len(await store.query([1.0, 0.0, 0.0], 5, ANA)) == 3


async def test_a_short_outage_is_not_noticed(filled, pinecone_double):
    store = await filled()
    with pinecone_double.failing(Reply(503), times=1):
        assert await store.count(ANA) == 3


async def test_a_server_that_hangs_meets_the_deadline(filled, pinecone_double):
    store = await filled(timeout_seconds=0.5)
    started = time.monotonic()
    for path, ask in (
        ("/query", lambda: store.query([1.0, 0.0, 0.0], 3, ANA)),
        ("/indexes", store.describe),
        ("/upsert", lambda: store.upsert(items(2))),
    ):
        with pinecone_double.failing(None, path), pytest.raises(StorageUnavailable, match="time"):
            await ask()
    assert time.monotonic() - started < 5
    assert await store.count(ANA) == 3


async def test_a_wrong_key_names_the_variable(pinecone_double):
    store = store_on(pinecone_double.url, key="a-secret-that-is-wrong")
    with pytest.raises(AuthenticationFailed) as caught:
        await store.ensure(3)
    assert caught.value.exit_code == 4
    text = str(caught.value) + repr(caught.value) + repr(store.settings)
    assert "PINECONE_API_KEY" in text
    assert "a-secret-that-is-wrong" not in text
    await store.aclose()


async def test_a_key_that_is_echoed_is_cut_out(make, pinecone_double):
    store = make()
    echo = Reply(401, {"error": {"code": "X", "message": "no such key: pc-double-key"}})
    with pinecone_double.failing(echo), pytest.raises(AuthenticationFailed) as caught:
        await store.ensure(3)
    assert "pc-double-key" not in str(caught.value)


async def test_a_key_that_may_not_create(make, pinecone_double):
    pinecone_double.read_only = True
    with pytest.raises(PermissionRefused, match="PINECONE_API_KEY"):
        await make().ensure(3)


async def test_a_key_that_may_not_label_still_works(filled, pinecone_double):
    store = await filled()
    pinecone_double.indexes["luminora-messages"].tags = None
    pinecone_double.read_only = True
    await store.ensure(3, model_id="test/one")
    assert (await store.describe()).model_id is None


async def test_a_protected_index_stays(filled, pinecone_double):
    store = await filled()
    pinecone_double.indexes["luminora-messages"].protected = True
    with pytest.raises(PermissionRefused, match="protection"):
        await store.drop()
    assert await store.count(ANA) == 3


async def test_too_many_requests_are_tried_again(filled, pinecone_double):
    store = await filled()
    busy = Reply(429, BUSY, {"Retry-After": "0.1"})
    with pinecone_double.failing(busy, times=2):
        assert await store.count(ANA) == 3
    with pinecone_double.failing(busy), pytest.raises(RateLimited) as caught:
        await store.count(ANA)
    assert caught.value.retry_after == 0.1
    assert caught.value.retryable


async def test_more_namespaces_than_the_plan_has(filled, pinecone_double):
    store = await filled()
    pinecone_double.namespaces = 1
    with pytest.raises(QuotaExceeded, match="namespace_per_user"):
        await store.upsert([VectorItem(id="b", user_id="bob", vector=[1.0, 0.0, 0.0])])


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_broken_service_is_unavailable(filled, pinecone_double, status):
    store = await filled(timeout_seconds=1)
    with pinecone_double.failing(Reply(status, b"oops")), pytest.raises(StorageUnavailable):
        await store.describe()


@pytest.mark.parametrize("body", [b"<html>hello", b"[]", b"{}", b"\xff", b""])
async def test_an_answer_that_is_no_pinecones(make, pinecone_double, body):
    store = make()
    with pinecone_double.failing(Reply(200, body)), pytest.raises(MalformedResponse):
        await store.ensure(3)
    await store.ensure(3)
    with pinecone_double.failing(Reply(200, body), "/query"):
        if body == b"{}":  # a query without matches
            assert await store.query([1.0, 0.0, 0.0], 3, ANA) == []
        else:
            with pytest.raises(LuminoraError):
                await store.query([1.0, 0.0, 0.0], 3, ANA)


async def test_a_broken_upsert_says_how_much_was_taken(filled, pinecone_double):
    store = await filled(timeout_seconds=1)
    refusal = Reply(400, {"error": {"code": "INVALID_ARGUMENT", "message": "no"}})
    with (
        pinecone_double.failing(refusal, "/upsert", skip=1),
        pytest.raises(InvalidRequest, match="of 2500 vectors had been taken") as caught,
    ):
        await store.upsert(items(2500))
    assert "sending all again is safe" in str(caught.value)
    await store.upsert(items(2500))
    assert await store.count(ANA) == 2500


async def test_an_index_that_is_never_ready(make, pinecone_double):
    pinecone_double.build_seconds = 60
    store = make(create_timeout_seconds=0.4)
    with pytest.raises(StorageUnavailable, match="create_timeout_seconds"):
        await store.ensure(3)


async def test_ensure_waits_for_an_index_and_for_the_end_of_one(make, pinecone_double):
    pinecone_double.build_seconds = 0.3
    store = make()
    await store.ensure(3)
    await store.upsert(items())
    await store.drop()
    assert (await store.describe()).dimension is None
    await store.ensure(4)
    pinecone_double.indexes["luminora-messages"].gone_at = time.monotonic() + 0.3
    assert (await store.describe()).dimension is None
    assert await store.count(ANA) == 0
    await store.ensure(3)
    assert (await store.describe()).dimension == 3


async def test_cancelling_leaves_no_request_behind(filled, pinecone_double):
    store = await filled()
    with pinecone_double.failing(None, "/namespaces"):
        task = asyncio.ensure_future(store.count(ANA))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await store.count(ANA) == 3


def test_two_loops_in_a_row(pinecone_double):
    store = store_on(pinecone_double.url)

    async def first():
        await store.ensure(3)
        await store.upsert(items(3))

    async def second():
        assert await store.count(ANA) == 3
        assert len(await store.query([1.0, 0.0, 0.0], 5, ANA)) == 3
        await store.aclose()
        await store.aclose()

    with warnings.catch_warnings():  # sockets of a loop that has ended
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.run(first())
        asyncio.run(second())
        asyncio.run(second())
        gc.collect()


async def test_an_index_made_otherwise_is_refused(filled, pinecone_double):
    store = await filled()
    field = pinecone_double.indexes["luminora-messages"].schema["fields"]["_values"]
    field["metric"] = "euclidean"
    with pytest.raises(ConfigError, match="euclidean"):
        await store.ensure(3)
    pinecone_double.indexes["luminora-messages"].schema["fields"] = {"text": {"type": "string"}}
    with pytest.raises(InvalidRequest, match="index_name"):
        await store.ensure(3)
