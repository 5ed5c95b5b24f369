"""What goes wrong on the way to a server, and what is said about it."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from uuid import uuid4

import pytest
from luminora_chromadb.remote import Remote
from luminora_chromadb.store import ChromaStore

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
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)
from luminora.providers import Status, VectorItem
from luminora.testing.doubles.http import HttpDouble, Reply, Request
from luminora.testing.servers.base import free_port

pytestmark = [
    pytest.mark.backend("chromadb vectors", against="chroma"),
    pytest.mark.xdist_group("chroma"),
]

ANA = {"user_id": "ana"}
AXIS = [1.0, 0.0, 0.0, 0.0]


def item(number: int) -> VectorItem:
    return VectorItem(id=f"m{number}", user_id="ana", vector=[1.0, 0.1 * number, 0.0, 0.5])


def store_of(server, **options) -> ChromaStore:
    return ChromaStore(Remote("127.0.0.1", server.port, **options), collection=f"c{uuid4().hex}")


@pytest.fixture
async def store(chroma):
    opened = store_of(chroma, timeout=2)
    await opened.ensure(4, model_id="test/one")
    await opened.upsert([item(number) for number in range(5)])
    yield opened
    await opened.aclose()


class Refusing(HttpDouble):
    """Gives every request the same answer."""

    reply = Reply()

    def answer(self, request: Request) -> Reply:
        return self.reply


def error(status: int, message: str, kind: str = "ChromaError") -> Reply:
    return Reply(status, {"error": kind, "message": message})


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (error(401, "Unauthorized", "AuthError"), AuthenticationFailed, "token_env"),
        (error(403, "Forbidden", "AuthError"), PermissionRefused, "rights"),
        (Reply(404, b""), MalformedResponse, "tenant"),
        (error(400, "InvalidArgumentError", "bad where"), InvalidRequest, "refused the request"),
        (error(413, "too big"), InputError, "too big"),
        (error(429, "slow down"), RateLimited, "slow down"),
        (error(500, "database or disk is full"), StorageFull, "free some space"),
        (error(500, "attempt to write a readonly database"), StorageReadOnly, "permissions"),
        (error(500, "database disk image is malformed"), StorageCorrupt, "reembed"),
        (error(500, "something"), StorageUnavailable, "look at its log"),
        (Reply(503, b"<html>"), StorageUnavailable, "503"),
        (Reply(200, b"<html>Welcome to nginx!"), MalformedResponse, "not Chroma's"),
        (Reply(200, {"hello": 1}), MalformedResponse, "not Chroma's"),
        (Reply(200, [1]), MalformedResponse, "not Chroma's"),
    ],
)
async def test_a_bad_answer_is_told_in_our_words(reply, kind, says):
    double = Refusing()
    double.reply = reply
    double.start()
    store = store_of(double, token="secret-token")
    for call in (
        lambda: store.ensure(4),
        lambda: store.query(AXIS, 3, ANA),
        lambda: store.count(ANA),
        lambda: store.upsert([item(1)]),
        lambda: store.delete(ANA),
        lambda: store.fetch("ana", ["m1"]),
        store.describe,
    ):
        with pytest.raises(kind) as caught:
            await call()
        assert says in str(caught.value)
        assert str(double.port) in str(caught.value)
        assert "secret-token" not in str(caught.value)
    result = await store.check()
    assert result.status is Status.ERROR
    assert all(seen.headers["authorization"] == "Bearer secret-token" for seen in double.seen)
    await store.aclose()
    double.kill()


async def test_nonsense_from_a_collection_that_exists(store):
    known = store._handle
    double = Refusing()
    double.reply = Reply(200, {"ids": [], "count": "many"})
    double.start()
    other = store_of(double)
    other._handle, other._until = known, time.monotonic() + 60
    for call in (other.query(AXIS, 3, ANA), other.fetch("ana", ["m1"]), other._link.count(known)):
        with pytest.raises(MalformedResponse):
            await call
    await other.aclose()
    double.kill()


async def test_the_token_as_chroma_cloud_wants_it():
    double = Refusing()
    double.reply = error(401, "no")
    double.start()
    store = store_of(double, token="secret", token_header="X-Chroma-Token")
    with pytest.raises(AuthenticationFailed):
        await store.count(ANA)
    assert double.seen[0].headers["x-chroma-token"] == "secret"
    assert "authorization" not in double.seen[0].headers
    await store.aclose()
    double.kill()


async def test_nobody_listens():
    port = free_port()
    for host in ("127.0.0.1", "no-such-host.invalid"):
        store = ChromaStore(Remote(host, port, timeout=2))
        with pytest.raises(StorageUnavailable) as caught:
            await store.describe()
        assert str(port) in str(caught.value)
        assert (await store.check()).status is Status.ERROR
        await store.aclose()


async def test_killed_and_started_again(chroma, store):
    assert await store.count(ANA) == 5
    chroma.kill()
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await store.query(AXIS, 3, ANA)
    chroma.start()
    assert len(await store.query(AXIS, 3, ANA)) == 3
    chroma.restart()
    await store.upsert([item(9)])
    assert await store.count(ANA) == 6


async def test_a_server_that_hangs(chroma):
    store = store_of(chroma, timeout=0.4)
    await store.ensure(4)
    chroma.signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        with pytest.raises(StorageUnavailable, match="timeout_seconds"):
            await store.count(ANA)
        assert time.monotonic() - started < 3
    finally:
        chroma.signal(signal.SIGCONT)
    assert await store.count(ANA) == 0
    await store.aclose()


async def test_a_tenant_that_does_not_exist(chroma):
    store = store_of(chroma, tenant="nobody", database="nothing")
    with pytest.raises(LuminoraError, match="nothing") as caught:
        await store.ensure(4)
    assert str(chroma.port) in str(caught.value)
    await store.aclose()


async def test_two_processes_make_the_collection_at_once(chroma):
    one = store_of(chroma)
    two = ChromaStore(Remote("127.0.0.1", chroma.port), collection=one.collection)
    await asyncio.gather(*(store.ensure(4, model_id="m") for store in (one, two) * 3))
    with pytest.raises(DimensionMismatch):
        await two.ensure(5)
    for store in (one, two):
        await store.aclose()


async def test_another_process_made_it_anew(chroma, store):
    other = ChromaStore(Remote("127.0.0.1", chroma.port), collection=store.collection)
    await other.drop()
    assert await store.count(ANA) == 0
    assert await store.query(AXIS, 3, ANA) == []
    with pytest.raises(SchemaPending, match="luminora migrate"):
        await store.upsert([item(1)])
    await other.ensure(4)
    await store.upsert([item(1)])
    await other.drop()
    await other.ensure(7)
    for call in (store.upsert([item(1)]), store.query(AXIS, 3, ANA)):
        with pytest.raises(DimensionMismatch) as caught:
            await call
        assert (caught.value.expected, caught.value.found) == (7, 4)
    await other.aclose()


async def test_somebody_elses_collection_is_left_alone(chroma):
    store = store_of(chroma)
    await store._link.create(store.collection, {"theirs": 1})
    for call in (store.ensure(4), store.upsert([item(1)]), store.query(AXIS, 3, ANA)):
        with pytest.raises(StorageError, match="not Luminora's"):
            await call
    await store.aclose()


def test_two_loops_in_a_row(chroma):
    store = store_of(chroma)

    async def once():
        await store.ensure(4)
        await store.upsert([item(1)])
        assert await store.count(ANA) == 1
        await store.aclose()

    asyncio.run(once())
    asyncio.run(once())


@pytest.mark.filterwarnings("ignore:unclosed (transport|<socket):ResourceWarning")
def test_a_loop_that_ended_without_closing_is_no_obstacle(chroma):
    store = store_of(chroma)
    asyncio.run(store.ensure(4))
    assert asyncio.run(store.count(ANA)) == 0
    asyncio.run(store.aclose())
    asyncio.run(store.aclose())
    gc.collect()  # the first loop's connections, which nobody could close any more
