from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from luminora_redis.cache import RedisCache

from luminora.client import LuminoraCoreClient
from luminora.errors import AuthenticationFailed, ConnectionFailed, ProviderError
from luminora.providers import Status
from luminora.testing.servers.redis import RedisPlace, RedisServer
from tests.plugins.redis.made import cache_at

pytestmark = [
    pytest.mark.backend("cache redis", against="redis"),
    pytest.mark.xdist_group("redis"),
]

TURNS = ("Hola, soy Diego y me encanta Naruto", "¿Cómo me llamo?", "What anime do I like?")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """One to kill: it is nobody else's."""
    made = RedisServer()
    with made.running():
        yield made


@pytest.fixture
def place(server: RedisServer) -> RedisPlace:
    return RedisPlace(server.url, "cached")


def stored(place: RedisPlace, space: str) -> dict[str, str]:
    flat = place.call("HGETALL", f"{place.prefix}:{space}")
    return dict(zip(flat[::2], flat[1::2], strict=True))


async def test_a_dead_cache_costs_one_moment_and_not_one_for_each_message(
    place: RedisPlace, server: RedisServer
) -> None:
    cache = cache_at(place, pause_seconds=0.3)
    await cache.set("space", "key", b"value")
    server.signal(signal.SIGSTOP)
    started = monotonic()
    with pytest.raises(ProviderError):
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
    server.kill()
    with pytest.raises(ProviderError):
        await cache.set("space", "key", b"other")
    server.start()
    await asyncio.sleep(0.4)
    assert await cache.get("space", "key") == b"value"
    server.restart()
    assert await cache.get("space", "key") == b"value"  # the idle connection was dead
    await cache.aclose()


async def test_clearing_tries_whatever_happened_before_and_says_when_it_failed(
    place: RedisPlace, server: RedisServer
) -> None:
    cache = cache_at(place, pause_seconds=60)
    await cache.set("space", "key", b"value")
    server.kill()
    for ask in (cache.get("space", "key"), cache.clear("space"), cache.get("space", "key")):
        with pytest.raises(ProviderError):
            await ask
    server.start()
    await cache.clear("space")
    assert await cache.get("space", "key") is None
    assert place.names() == []
    await cache.aclose()


async def test_what_was_cut_damaged_or_moved_reads_as_absent(redis_place: RedisPlace) -> None:
    cache = cache_at(redis_place)
    await cache.set("space", "key", b"the value itself")
    await cache.set("space", "other", b"another")
    fields = {name: text.encode("latin-1") for name, text in stored(redis_place, "space").items()}
    good = fields["kkey"]
    name = f"{redis_place.prefix}:space"
    for bad in (
        b"",
        b"x",
        good[:-1],
        good[:20],
        good + b"x",
        good[:-1] + bytes([good[-1] ^ 1]),
        fields["kother"],
        b"0" * 14 + good[14:],
        b"9" * 14 + b"\x02" + good[15:],
        b"\xff" * 200,
        bytes.fromhex("80049503"),
    ):
        redis_place.call("HSET", name, "kkey", bad)
        assert await cache.get("space", "key") is None, bad
    redis_place.call("HSET", name, "kkey", good)
    assert await cache.get("space", "key") == b"the value itself"
    redis_place.call("DEL", name)
    redis_place.call("SET", name, "not a hash")
    with pytest.raises(ProviderError):
        await cache.get("space", "key")
    await cache.aclose()


async def test_every_namespace_ends_and_expired_values_do_not_pile_up(
    redis_place: RedisPlace,
) -> None:
    cache = cache_at(redis_place, ttl_defaults={"embeddings": 100})
    await cache.set("embeddings:ana", "a", b"1")
    await cache.set("other", "a", b"1")
    lives = [
        redis_place.call("TTL", f"{redis_place.prefix}:{one}")
        for one in ("embeddings:ana", "other")
    ]
    assert 90 < lives[0] <= 100 < lives[1] <= 30 * 86_400
    for _ in range(20):
        await cache.set_many("embeddings:ana", {f"k{n}": b"x" for n in range(20)}, ttl=0.001)
        await asyncio.sleep(0.002)
        await cache.set_many("embeddings:ana", {"b": b"2"})
    assert redis_place.call("HLEN", f"{redis_place.prefix}:embeddings:ana") < 40
    assert await cache.get("embeddings:ana", "a") == b"1"
    await cache.aclose()


async def test_wrong_doors(place: RedisPlace, server: RedisServer) -> None:
    server.run("CONFIG", "SET", "requirepass", "right")
    wrong = RedisPlace(place.url.replace("redis://", "redis://:wr0ng-one@"), "cached")
    for there, kind in (
        (place, AuthenticationFailed),
        (wrong, AuthenticationFailed),
        (RedisPlace("redis://127.0.0.1:1/0", "cached"), ConnectionFailed),
    ):
        cache = cache_at(there)
        with pytest.raises(kind) as caught:
            await cache.get("space", "key")
        assert "wr0ng-one" not in str(caught.value)
        result = await cache.check()
        assert result.status is Status.WARNING
        assert "wr0ng-one" not in result.detail
        await cache.aclose()


async def test_a_full_cache_is_no_reason_to_stop(place: RedisPlace, server: RedisServer) -> None:
    cache = cache_at(place, pause_seconds=0)
    server.run("CONFIG", "SET", "maxmemory", "100kb")
    with pytest.raises(ProviderError, match="OOM"):
        await cache.set("space", "key", b"value")
    assert await cache.get("space", "key") is None
    await cache.aclose()


def test_one_cache_on_two_event_loops_in_a_row(redis_place: RedisPlace) -> None:
    cache = cache_at(redis_place)
    asyncio.run(cache.set("space", "key", b"1"))
    assert asyncio.run(cache.get("space", "key")) == b"1"
    asyncio.run(cache.aclose())


async def told(overrides: dict[str, Any], user: str) -> list[str]:
    """What the companion says to a new user, without what differs by chance."""
    async with LuminoraCoreClient.from_config(overrides=overrides) as client:
        here = await client.create_session(user)
        answers = [(await client.send_message(here, turn)).text for turn in TURNS]
        found = await client.search_memories(here, "anime")
    return [*answers, *(one.content for one in found)]


@pytest.mark.parametrize("fault", ["fine", "down", "hanging", "poisoned"])
async def test_no_state_of_the_cache_changes_an_answer(
    place: RedisPlace,
    server: RedisServer,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    monkeypatch.setenv("REDIS_URL", place.url)
    config = {"url_env": "REDIS_URL", "key_prefix": "cached"}
    redis = {"cache_provider.name": "redis", "cache_provider.config": config}
    expected = await told({"cache_provider.name": "memory"}, "ana")
    if fault == "poisoned":
        await told(redis, "bob")  # so that there is something to poison
        for name in place.names():
            for field in place.call("HKEYS", name):
                place.call("HSET", name, field, b"9" * 14 + b"\x01" + b"\x00" * 1032)
    if fault == "down":
        server.kill()
    if fault == "hanging":
        server.signal(signal.SIGSTOP)
    started = monotonic()
    assert await told(redis, "bob" if fault != "poisoned" else "carla") == expected
    if fault == "poisoned":
        cache = cache_at(place)
        assert isinstance(cache, RedisCache)
        fields = [field[1:] for field in place.call("HKEYS", "cached:embeddings:bob")]
        assert await cache.get_many("embeddings:bob", fields) == [None] * len(fields)
        await cache.aclose()
    assert monotonic() - started < 10
