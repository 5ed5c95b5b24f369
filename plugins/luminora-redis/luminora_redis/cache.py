"""A cache in Redis: a hash per namespace, so that clearing one is one command and leaves nothing.

A value is kept with the time it ends (on the server's clock), the version of this format and a
checksum over namespace, key and value. Whatever does not fit reads as absent: bytes that were cut
or damaged, that somebody else wrote, or that were moved under another key. That is no protection
from somebody who can write to the server and knows this format.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from time import monotonic, perf_counter
from typing import Any, Final

from luminora.errors import ConnectionFailed, LuminoraError, ProviderError
from luminora.providers.base import CheckResult, ProviderContext, Status
from luminora.providers.cache import CacheProvider
from luminora_redis.connection import Command, Connections
from luminora_redis.durability import OLDEST, QUESTIONS, Facts
from luminora_redis.errors import for_cache
from luminora_redis.scripts import KEEP
from luminora_redis.settings import PROVIDER, Settings

DEFAULT_TTL: Final = 30 * 86_400.0
"""Seconds a value is kept when nobody says how long: nothing stays for ever."""

_VERSION: Final = b"\x01"
_TIME, _SUM = 14, 8
_HEAD: Final = _TIME + 1 + _SUM


class RedisCache(CacheProvider):
    """A cache in one Redis server.

    It is never in anybody's way: every operation has a short deadline, and after a failure the
    server is left alone for a moment, in which operations fail at once. Only :meth:`clear` always
    tries, as somebody may rely on it.

    Args:
        config: As the manifest describes it.
        context: Holds the environment that secrets are read from.
    """

    name = "redis"

    def __init__(self, config: Mapping[str, Any], context: ProviderContext) -> None:
        seconds = config.get("timeout_seconds", 0.25)
        settings = replace(Settings.of(config, context), seconds=seconds, connect_seconds=seconds)
        self._connections = Connections(settings)
        self._where = settings.where
        self._prefix = config.get("key_prefix", "luminora-cache")
        self._ttls: dict[str, float] = dict(config.get("ttl_defaults", {}))
        self._pause = config.get("pause_seconds", 2.0)
        self._seconds = seconds
        self._until = 0.0

    async def get(self, namespace: str, key: str) -> bytes | None:
        """The value, or None if it is absent, expired or not as it was kept."""
        return (await self.get_many(namespace, [key]))[0]

    async def set(self, namespace: str, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keep ``value`` for ``ttl`` seconds, or for the namespace's default."""
        await self.set_many(namespace, {key: value}, ttl)

    async def get_many(self, namespace: str, keys: Sequence[str]) -> list[bytes | None]:
        """The values in the order of ``keys``, in one round trip."""
        if not keys:
            return []
        read: Command = ("HMGET", self._space(namespace), *map(_field, keys))
        clock, values = await self._ask([("TIME",), read])
        now = int(clock[0]) * 1000 + int(clock[1]) // 1000
        return [
            _opened(namespace, key, value, now) for key, value in zip(keys, values, strict=True)
        ]

    async def set_many(
        self, namespace: str, values: Mapping[str, bytes], ttl: float | None = None
    ) -> None:
        """Keep several values, in one round trip."""
        if not values:
            return
        kept = self._ttl(namespace) if ttl is None else ttl
        if kept <= 0:
            for key in values:
                await self.delete(namespace, key)
            return
        words: list[Any] = []
        for key, value in values.items():
            words += (_field(key), _VERSION + _checksum(namespace, key, value) + bytes(value))
        until = max(1, round(kept * 1000))
        await self._ask([("EVALSHA", KEEP, 1, self._space(namespace), until, *words)])

    async def delete(self, namespace: str, key: str) -> None:
        """Forget the key; absent is fine."""
        await self._ask([("HDEL", self._space(namespace), _field(key))])

    async def clear(self, namespace: str) -> None:
        """Forget all keys of the namespace, on the server too."""
        self._until = 0.0
        await self._ask([("UNLINK", self._space(namespace))])

    async def check(self) -> CheckResult:
        """Whether it answers; a cache that does not costs speed, not answers: a warning."""
        data: dict[str, Any] = {"server": self._where}
        started = perf_counter()
        self._until = 0.0
        try:
            answers = await self._told()
            latency = (perf_counter() - started) * 1000
            await self._ask([("TIME",), ("EVALSHA", KEEP, 1, self._space("check"), 1, "-", "-")])
        except ProviderError as error:
            return CheckResult(Status.WARNING, str(error), data=data)
        facts = Facts.of(answers)
        data |= {"version": facts.shown, "maxmemory_policy": facts.policy}
        detail = f"Redis {facts.shown} at {self._where}"
        if facts.version and facts.version < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            return CheckResult(Status.WARNING, f"{detail}: {oldest} is needed", latency, data)
        if facts.replica:
            detail += " is a replica, which cannot be written to: connect to its primary"
            return CheckResult(Status.WARNING, detail, latency, data)
        return CheckResult(Status.OK, detail, latency, data)

    async def aclose(self) -> None:
        """Close the connections; they are opened anew when they are needed."""
        self._connections.close()

    def _ttl(self, namespace: str) -> float:
        """The default of ``namespace``; of ``embeddings`` for ``embeddings:ana``."""
        exact = self._ttls.get(namespace)
        return self._ttls.get(namespace.partition(":")[0], DEFAULT_TTL) if exact is None else exact

    def _space(self, namespace: str) -> str:
        return f"{self._prefix}:{namespace}"

    async def _told(self) -> list[Any]:
        try:
            return await self._connections.use(lambda link: link.round(QUESTIONS))
        except LuminoraError as error:
            raise for_cache(error) from error

    async def _ask(self, commands: Sequence[Command]) -> list[Any]:
        rest = self._until - monotonic()
        if rest > 0:
            raise ConnectionFailed(
                f"the cache failed a moment ago and is left alone for {rest:.1f} seconds",
                provider=PROVIDER,
                where=self._where,
            )
        try:
            async with asyncio.timeout(self._seconds * 2):  # connecting and asking together
                return await self._connections.ask(commands)
        except TimeoutError as error:
            self._until = monotonic() + self._pause
            raise ConnectionFailed(
                "the cache does not answer in time", provider=PROVIDER, where=self._where
            ) from error
        except LuminoraError as error:
            self._until = monotonic() + self._pause
            raise for_cache(error) from error


def _field(key: str) -> bytes:
    """A key as a field's name: as it is, or its digest if it is long; the first letter says."""
    text = key.encode("utf-8", "surrogatepass")
    return b"k" + text if len(text) <= 64 else b"h" + blake2b(text, digest_size=24).digest()  # noqa: PLR2004


def _checksum(namespace: str, key: str, value: bytes) -> bytes:
    place = f"{len(namespace)}:{namespace}{key}".encode("utf-8", "surrogatepass")
    tie = blake2b(place, digest_size=16).digest()
    return blake2b(value, digest_size=_SUM, key=tie).digest()


def _opened(namespace: str, key: str, stored: bytes | None, now: int) -> bytes | None:
    """The value in what is stored, unless it has ended or is not what was kept."""
    if stored is None or len(stored) < _HEAD or stored[_TIME : _TIME + 1] != _VERSION:
        return None
    ends = stored[:_TIME]
    if not ends.isdigit() or int(ends) <= now:
        return None
    value = stored[_HEAD:]
    if stored[_TIME + 1 : _HEAD] != _checksum(namespace, key, value):
        return None
    return value
