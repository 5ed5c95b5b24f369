"""The conformance suite of caches."""

# ruff: noqa: S101 - a test suite asserts

from __future__ import annotations

import asyncio
from time import monotonic

from luminora.providers.base import Status
from luminora.providers.cache import CacheProvider
from luminora.testing.data import new_id
from luminora.testing.kit import Conformance, capability


class CacheConformance(Conformance[CacheProvider]):
    """What every cache has to do; see :mod:`luminora.testing`.

    Capabilities: ``values``, ``namespaces``, ``bulk``, ``ttl``, ``concurrency``, ``lifecycle``.
    """

    @capability("lifecycle")
    async def test_check_and_close(self, provider: CacheProvider) -> None:
        """A usable cache says so; closing twice is harmless."""
        result = await provider.check()
        assert result.status is Status.OK, result.detail
        await provider.aclose()
        await provider.aclose()

    @capability("values")
    async def test_what_was_set_is_there(self, provider: CacheProvider) -> None:
        """Until it is overwritten or deleted."""
        space = new_id("space")
        assert await provider.get(space, "key") is None
        await provider.set(space, "key", b"one")
        assert await provider.get(space, "key") == b"one"
        await provider.set(space, "key", b"two")
        assert await provider.get(space, "key") == b"two"
        await provider.delete(space, "key")
        await provider.delete(space, "key")
        assert await provider.get(space, "key") is None

    @capability("values")
    async def test_bytes_come_back_as_they_were(self, provider: CacheProvider) -> None:
        """None at all, every one there is, and half a million."""
        space = new_id("space")
        for number, value in enumerate((b"", bytes(range(256)), b"\0", b"ab" * 250_000)):
            await provider.set(space, f"key-{number}", value)
            found = await provider.get(space, f"key-{number}")
            assert found == value
            assert type(found) is bytes

    @capability("values")
    async def test_any_text_is_a_key(self, provider: CacheProvider) -> None:
        """Spaces, controls, separators, length, other scripts; no two are confused."""
        space = new_id("space")
        keys = ["a b", "a\nb", "a:b", "a/b", "ñ", "n\u0303", "A", "a", "k" * 1000, "\U0001f600", ""]
        for number, key in enumerate(keys):
            await provider.set(space, key, str(number).encode())
        for number, key in enumerate(keys):
            assert await provider.get(space, key) == str(number).encode(), key

    @capability("namespaces")
    async def test_namespaces_are_apart(self, provider: CacheProvider) -> None:
        """Equal keys do not meet, and clearing one leaves the other."""
        one, two = new_id("space"), new_id("space")
        await provider.set(one, "key", b"1")
        await provider.set(two, "key", b"2")
        await provider.set(f"{one}:key", "", b"3")
        assert await provider.get(one, "key") == b"1"
        await provider.clear(one)
        await provider.clear(one)
        assert await provider.get(one, "key") is None
        assert await provider.get(two, "key") == b"2"
        assert await provider.get(f"{one}:key", "") == b"3"

    @capability("bulk")
    async def test_several_at_once(self, provider: CacheProvider) -> None:
        """In the order of the keys, repetitions and gaps included."""
        space = new_id("space")
        await provider.set_many(space, {f"k{n}": str(n).encode() for n in range(100)})
        found = await provider.get_many(space, ["k7", "absent", "k3", "k7", "k99"])
        assert found == [b"7", None, b"3", b"7", b"99"]
        assert await provider.get_many(space, []) == []
        await provider.set_many(space, {})

    @capability("ttl")
    async def test_values_expire(self, provider: CacheProvider) -> None:
        """Not before their time, and not long after it."""
        space = new_id("space")
        await provider.set(space, "short", b"x", ttl=1)
        await provider.set_many(space, {"long": b"y"}, ttl=3600)
        await provider.set(space, "kept", b"z")
        assert await provider.get(space, "short") == b"x"
        deadline = monotonic() + 5
        while await provider.get(space, "short") is not None:
            assert monotonic() < deadline, "a value of one second outlived five"
            await asyncio.sleep(0.05)
        assert await provider.get_many(space, ["short", "long", "kept"]) == [None, b"y", b"z"]

    @capability("ttl")
    async def test_setting_anew_gives_a_new_life(self, provider: CacheProvider) -> None:
        """The earlier expiry is forgotten."""
        space = new_id("space")
        await provider.set(space, "key", b"x", ttl=1)
        await provider.set(space, "key", b"y", ttl=3600)
        await asyncio.sleep(1.2)
        assert await provider.get(space, "key") == b"y"

    @capability("concurrency")
    async def test_concurrent_use(self, provider: CacheProvider) -> None:
        """A value is one of those set, never a mixture."""
        space = new_id("space")
        values = [bytes([n]) * 1000 for n in range(20)]
        await asyncio.gather(
            *(provider.set(space, "shared", value) for value in values),
            *(provider.set(space, f"own-{n}", value) for n, value in enumerate(values)),
            *(provider.get(space, "shared") for _ in range(20)),
        )
        assert await provider.get(space, "shared") in values
        assert await provider.get_many(space, [f"own-{n}" for n in range(20)]) == values
