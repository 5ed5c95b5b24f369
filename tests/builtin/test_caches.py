from __future__ import annotations

import asyncio
import logging
import os

import pytest

from luminora.builtin.caches.disk import DiskCache
from luminora.builtin.caches.memory import MemoryCache
from luminora.providers import CacheProvider, ProviderContext, Status


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "disk"])
def cache(request, tmp_path, clock) -> CacheProvider:
    config = {"max_bytes": 20_000, "ttl_defaults": {"context": 60}}
    if request.param == "memory":
        return MemoryCache(config, clock=clock)
    return DiskCache(config, ProviderContext(data_dir=tmp_path), clock=clock)


async def size(cache: CacheProvider) -> int:
    if isinstance(cache, MemoryCache):
        return cache._bytes
    return (await cache.check()).data["bytes"]


async def test_ttl_by_namespace_and_by_call(cache, clock):
    await cache.set("context", "default", b"1")
    await cache.set("context", "longer", b"2", ttl=120)
    await cache.set("other", "kept", b"3")
    clock.now += 59
    assert await cache.get("context", "default") == b"1"
    clock.now += 1
    assert await cache.get("context", "default") is None
    assert await cache.get("context", "longer") == b"2"
    clock.now += 3600
    assert await cache.get("context", "longer") is None
    assert await cache.get("other", "kept") == b"3"
    await cache.aclose()


async def test_it_stays_within_its_bound_and_keeps_what_is_used(cache, clock):
    await cache.set("n", "favourite", b"f" * 500)
    for number in range(200):
        clock.now += 61
        await cache.set("n", f"k{number}", b"x" * 1000)
        assert await cache.get("n", "favourite") is not None, number
        assert await size(cache) <= 20_000
    assert await cache.get("n", "k0") is None
    assert await cache.get("n", "k199") is not None
    await cache.aclose()


async def test_what_is_larger_than_the_cache_is_not_kept(cache):
    await cache.set("n", "small", b"s")
    await cache.set("n", "huge", b"x" * 30_000)
    assert await cache.get("n", "huge") is None
    await cache.aclose()


async def test_the_size_is_exact_after_overwriting_and_deleting(cache):
    for number in range(5):
        await cache.set("n", "key", b"x" * number * 100)
    await cache.set("m", "other", b"x")
    await cache.delete("n", "key")
    await cache.clear("m")
    assert await size(cache) == 0
    await cache.aclose()


async def test_the_disk_cache_outlives_its_process(tmp_path):
    context = ProviderContext(data_dir=tmp_path)
    async with DiskCache({}, context) as cache:
        await cache.set("n", "key", b"value")
    async with DiskCache({"path": str(tmp_path / "cache.db")}, context) as cache:
        assert await cache.get("n", "key") == b"value"


async def test_a_damaged_file_is_put_aside_and_begun_anew(tmp_path, caplog):
    path = tmp_path / "cache.db"
    path.write_bytes(b"no database" * 1000)
    async with DiskCache({}, ProviderContext(data_dir=tmp_path)) as cache:
        with caplog.at_level(logging.WARNING):
            assert await cache.get("n", "key") is None
        assert "damaged" in caplog.text
        await cache.set("n", "key", b"value")
        assert await cache.get("n", "key") == b"value"
    assert (tmp_path / "cache.db.corrupt").read_bytes() == b"no database" * 1000


async def test_a_file_damaged_in_use_is_begun_anew(tmp_path, caplog):
    context = ProviderContext(data_dir=tmp_path)
    async with DiskCache({}, context) as cache:
        await cache.set_many("n", {f"k{n}": os.urandom(2000) for n in range(50)})
    with (tmp_path / "cache.db").open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(60_000))
    async with DiskCache({}, context) as cache:
        with caplog.at_level(logging.WARNING):
            for number in range(50):
                await cache.get("n", f"k{number}")
                await cache.set("n", f"k{number}", b"new")
        assert await cache.get("n", "k7") == b"new"
        assert (await cache.check()).status is Status.OK


async def test_a_place_that_cannot_be_used_is_no_error(tmp_path, caplog):
    (tmp_path / "cache.db").mkdir()
    cache = DiskCache({}, ProviderContext(data_dir=tmp_path))
    with caplog.at_level(logging.WARNING):
        await cache.set("n", "key", b"value")
        await cache.set_many("n", {"a": b"1", "b": b"2"})
        assert await cache.get_many("n", ["key", "a"]) == [None, None]
        await cache.delete("n", "key")
        await cache.clear("n")
    assert len(caplog.records) == 1
    assert (await cache.check()).status is Status.WARNING
    await cache.aclose()


async def test_keys_that_are_no_text_for_a_database_are_misses(tmp_path, caplog):
    async with DiskCache({}, ProviderContext(data_dir=tmp_path)) as cache:
        await cache.set("n", "\ud83d", b"value")
        assert await cache.get("n", "\ud83d") is None
        await cache.set("n", "fine", b"value")
        assert await cache.get("n", "fine") == b"value"


async def test_two_caches_on_one_file(tmp_path):
    context = ProviderContext(data_dir=tmp_path)
    one, two = DiskCache({}, context), DiskCache({}, context)
    await asyncio.gather(
        *(one.set("n", f"a{k}", b"1") for k in range(50)),
        *(two.set("n", f"b{k}", b"2") for k in range(50)),
    )
    assert await two.get_many("n", ["a7", "b7"]) == [b"1", b"2"]
    await one.aclose()
    assert await two.get("n", "a3") == b"1"
    await two.aclose()
