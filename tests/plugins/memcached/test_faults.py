from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic
from typing import Any

import pytest
from luminora_memcached.cache import MemcachedCache

from luminora.client import LuminoraCoreClient
from luminora.errors import ConnectionFailed, MalformedResponse, ProviderError, ProviderTimeout
from luminora.providers import Status
from luminora.testing.servers.memcached import MemcachedPlace, MemcachedServer
from tests.plugins.memcached.made import cache_at

pytestmark = [
    pytest.mark.backend("cache memcached", against="memcached"),
    pytest.mark.xdist_group("memcached"),
]

TURNS = ("Hola, soy Diego y me encanta Naruto", "¿Cómo me llamo?", "What anime do I like?")


@pytest.fixture
def server() -> Iterator[MemcachedServer]:
    """One to kill: it is nobody else's."""
    made = MemcachedServer()
    with made.running():
        yield made


@pytest.fixture
def place(server: MemcachedServer) -> MemcachedPlace:
    return MemcachedPlace("127.0.0.1", server.port, "cached")


def name_of(cache: MemcachedCache, space: str, key: str) -> bytes:
    """What memcached knows a key as."""
    (names,) = cache._shares(space, [key]).values()
    return next(iter(names)).encode()


def raw(place: MemcachedPlace, name: bytes) -> bytes:
    answer = place.say(b"get " + name + b"\r\n", b"END\r\n")
    head, _, rest = answer.partition(b"\r\n")
    return rest[: int(head.split()[3])]


def put(place: MemcachedPlace, name: bytes, value: bytes) -> None:
    assert place.say(b"set %s 0 0 %d\r\n%s\r\n" % (name, len(value), value)) == b"STORED\r\n"


async def test_a_dead_cache_costs_one_moment_and_not_one_for_each_message(
    place: MemcachedPlace, server: MemcachedServer
) -> None:
    cache = cache_at(place.config, pause_seconds=0.3)
    await cache.set("space", "key", b"value")
    server.signal(signal.SIGSTOP)
    await asyncio.sleep(0.05)  # each of its threads stops when the system gets round to it
    started = monotonic()
    with pytest.raises(ProviderTimeout):
        await cache.get("space", "key")
    assert monotonic() - started < 1
    started = monotonic()
    for _ in range(100):
        with pytest.raises(ConnectionFailed, match="left alone"):
            await cache.get("space", "key")
    assert monotonic() - started < 0.1
    server.signal(signal.SIGCONT)
    await asyncio.sleep(0.4)
    assert await cache.get("space", "key") == b"value"
    server.restart()
    assert await cache.get("space", "key") is None  # the idle connection was dead, the memory is
    await cache.set("space", "key", b"again")
    assert await cache.get("space", "key") == b"again"
    await cache.aclose()


async def test_clearing_says_when_it_failed(place: MemcachedPlace, server: MemcachedServer) -> None:
    cache = cache_at(place.config, pause_seconds=60)
    await cache.set("space", "key", b"value")
    server.signal(signal.SIGSTOP)
    with pytest.raises(ConnectionFailed, match="can still be read"):
        await cache.clear("space")
    server.signal(signal.SIGCONT)
    await cache.clear("space")
    other = cache_at(place.config)
    assert await other.get("space", "key") is None
    await cache.aclose()
    await other.aclose()


async def test_clearing_reaches_other_processes(memcached_place: MemcachedPlace) -> None:
    one, two = (cache_at(memcached_place.config) for _ in range(2))
    await one.set("space", "key", b"1")
    assert await two.get("space", "key") == b"1"
    await two.clear("space")
    assert await one.get("space", "key") is None
    await one.set("space", "key", b"2")
    assert await two.get("space", "key") == b"2"
    await one.aclose()
    await two.aclose()


async def test_what_was_cut_damaged_or_moved_reads_as_absent(place: MemcachedPlace) -> None:
    cache = cache_at(place.config)
    await cache.set("space", "other", b"another")
    await cache.set("space", "key", b"the value itself")
    name, other = (name_of(cache, "space", key) for key in ("key", "other"))
    good = raw(place, name)
    for bad in (
        b"",
        b"x",
        good[:-1],
        good[:10],
        good + b"x",
        good[:-1] + bytes([good[-1] ^ 1]),
        raw(place, other),
        b"\x02" + good[1:],
        b"\xff" * 200,
    ):
        put(place, name, bad)
        assert await cache.get("space", "key") is None, bad
    put(place, name, good)
    assert await cache.get("space", "key") == b"the value itself"
    put(place, cache._head("space").encode(), b"garbage")
    assert await cache.get("space", "key") is None
    await cache.set("space", "key", b"new")
    assert await cache.get("space", "key") == b"new"
    await cache.aclose()


async def test_what_is_too_large_is_not_kept_and_leaves_nothing_older(
    memcached_place: MemcachedPlace,
) -> None:
    for largest in (1_000_000, 10_000_000):  # refused here, refused there
        cache = cache_at(memcached_place.config, max_item_bytes=largest, timeout_seconds=5)
        await cache.set("space", "key", b"small")
        await cache.set_many("space", {"a": b"1", "key": b"x" * 2_000_000, "b": b"2"})
        assert await cache.get_many("space", ["a", "key", "b"]) == [b"1", None, b"2"]
        await cache.aclose()


async def test_with_several_servers_each_has_its_share_and_may_fail(
    server: MemcachedServer,
) -> None:
    with ExitStack() as stack:
        more = [MemcachedServer() for _ in range(2)]
        for one in more:
            stack.enter_context(one.running())
        servers = [f"127.0.0.1:{one.port}" for one in (server, *more)]
        cache = cache_at({"servers": servers}, pause_seconds=0.1)
        values = {f"k{n}": b"%d" % n for n in range(60)}
        await cache.set_many("space", values)
        assert await cache.get_many("space", list(values)) == list(values.values())
        server.kill()
        found = await cache.get_many("space", list(values))
        assert 20 < sum(one is not None for one in found) < 60
        assert (await cache.check()).status is Status.WARNING
        with pytest.raises(ConnectionFailed, match=servers[0]):
            await cache.clear("space")
        assert await cache.get_many("space", list(values)) == [None] * 60
        for one in more:
            one.kill()
        with pytest.raises(ProviderError):
            await cache.get_many("space", list(values))
        assert (await cache.check()).status is Status.WARNING
        await cache.aclose()


async def test_somebody_else_on_the_port_is_no_answer() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    double = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = double.sockets[0].getsockname()[1]
    cache = cache_at({"host": "127.0.0.1", "port": port})
    with pytest.raises(MalformedResponse, match=f"127.0.0.1:{port}"):
        await cache.get("space", "key")
    await cache.aclose()
    double.close()


async def test_a_server_that_hangs_up_in_mid_answer_stops_nobody() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"VALUE cached:")
        await writer.drain()
        writer.close()

    double = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = double.sockets[0].getsockname()[1]
    cache = cache_at({"host": "127.0.0.1", "port": port}, pause_seconds=0)
    for ask in (cache.get("space", "key"), cache.set("space", "key", b"1"), cache.clear("space")):
        with pytest.raises(ProviderError):
            await ask
    await cache.aclose()
    double.close()


async def test_wrong_doors() -> None:
    for config in ({"host": "127.0.0.1", "port": 1}, {"host": "no-such-host.invalid"}):
        cache = cache_at(config)
        with pytest.raises(ConnectionFailed, match="host and port"):
            await cache.get("space", "key")
        assert (await cache.check()).status is Status.WARNING
        await cache.aclose()


def test_one_cache_on_two_event_loops_in_a_row(memcached_place: MemcachedPlace) -> None:
    cache = cache_at(memcached_place.config)
    asyncio.run(cache.set("space", "key", b"1"))
    assert asyncio.run(cache.get("space", "key")) == b"1"
    asyncio.run(cache.aclose())


async def told(overrides: dict[str, Any]) -> list[str]:
    async with LuminoraCoreClient.from_config(overrides=overrides) as client:
        here = await client.create_session("ana" if len(overrides) == 1 else "bob")
        answers = [(await client.send_message(here, turn)).text for turn in TURNS]
        found = await client.search_memories(here, "anime")
    return [*answers, *(one.content for one in found)]


@pytest.mark.parametrize("fault", ["fine", "down", "hanging"])
async def test_no_state_of_the_cache_changes_an_answer(
    place: MemcachedPlace, server: MemcachedServer, fault: str
) -> None:
    expected = await told({"cache_provider.name": "memory"})
    if fault == "down":
        server.kill()
    if fault == "hanging":
        server.signal(signal.SIGSTOP)
    started = monotonic()
    memcached = {"cache_provider.name": "memcached", "cache_provider.config": place.config}
    assert await told(memcached) == expected
    assert monotonic() - started < 10
