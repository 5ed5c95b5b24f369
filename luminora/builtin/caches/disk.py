"""A bounded cache in a file, shared by the processes of one machine."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter, time
from typing import Any, Final, TypeVar

import apsw

from luminora.builtin.sqlite.database import Database, open_database
from luminora.errors import LuminoraError, StorageCorrupt
from luminora.providers.base import CheckResult, ProviderContext, Status
from luminora.providers.cache import CacheProvider

logger = logging.getLogger(__name__)
T = TypeVar("T")

MAX_BYTES: Final = 256 << 20
_FILLED: Final = 0.9
"""How full it is left by an eviction, so that not every write evicts."""
_TOUCH_SECONDS: Final = 60
"""How stale an entry's time of last use may be: reading should not mean writing."""
_MAX_TOUCHED: Final = 256

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS luminora_cache(
    namespace TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
    expires REAL, used INTEGER NOT NULL, UNIQUE (namespace, key)) STRICT;
CREATE INDEX IF NOT EXISTS luminora_cache_used ON luminora_cache(used);
CREATE TABLE IF NOT EXISTS luminora_cache_size(bytes INTEGER NOT NULL) STRICT;
INSERT INTO luminora_cache_size SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM luminora_cache_size);
CREATE TRIGGER IF NOT EXISTS luminora_cache_added AFTER INSERT ON luminora_cache BEGIN
    UPDATE luminora_cache_size SET bytes = bytes + length(new.value) + 200; END;
CREATE TRIGGER IF NOT EXISTS luminora_cache_changed AFTER UPDATE OF value ON luminora_cache BEGIN
    UPDATE luminora_cache_size SET bytes = bytes + length(new.value) - length(old.value); END;
CREATE TRIGGER IF NOT EXISTS luminora_cache_gone AFTER DELETE ON luminora_cache BEGIN
    UPDATE luminora_cache_size SET bytes = bytes - length(old.value) - 200; END;
"""
_PUT: Final = (
    "INSERT INTO luminora_cache(namespace, key, value, expires, used) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (namespace, key) DO UPDATE "
    "SET value = excluded.value, expires = excluded.expires, used = excluded.used"
)
_GET: Final = (
    "SELECT key, value, used FROM luminora_cache WHERE namespace = ? "
    "AND key IN (SELECT value FROM json_each(?)) AND (expires IS NULL OR expires > ?)"
)
_TOUCH: Final = "UPDATE luminora_cache SET used = ? WHERE namespace = ? AND key = ?"
_OLDEST: Final = (
    "DELETE FROM luminora_cache WHERE rowid IN "
    "(SELECT rowid FROM luminora_cache ORDER BY used, rowid "
    "LIMIT (SELECT 1 + count(*) / 64 FROM luminora_cache))"
)


class DiskCache(CacheProvider):
    """A cache that outlives the process. It is never in anybody's way.

    A damaged file is put aside (``….corrupt``) and begun anew; if the file cannot be opened or
    written, reads find nothing and writes do nothing. Either is logged as a warning, once.

    Args:
        config: ``path``; ``max_bytes`` of the values together, the least recently used go first;
            ``ttl_defaults``: seconds to keep values of a namespace when ``set`` does not say.
        context: Where relative paths begin, and where the file is when no path is given.
        clock: Seconds since the epoch; another one for tests.
    """

    name = "disk"

    def __init__(
        self,
        config: Mapping[str, Any],
        context: ProviderContext,
        *,
        clock: Callable[[], float] = time,
    ) -> None:
        self.path = context.path(config.get("path"), "cache.db").resolve()
        self._max_bytes = int(config.get("max_bytes", MAX_BYTES))
        self._ttls: dict[str, float] = dict(config.get("ttl_defaults", {}))
        self._clock = clock
        self._opened: Database | None = None
        self._touched: dict[tuple[str, str], int] = {}
        self._warned = False

    async def get(self, namespace: str, key: str) -> bytes | None:
        """The value, or None if it is absent, expired or out of reach."""
        return (await self.get_many(namespace, [key]))[0]

    async def set(self, namespace: str, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keep ``value`` for ``ttl`` seconds, or for the namespace's default."""
        await self.set_many(namespace, {key: value}, ttl)

    async def get_many(self, namespace: str, keys: Sequence[str]) -> list[bytes | None]:
        """The values in the order of ``keys``."""
        now = self._clock()
        wanted = json.dumps(list(keys))

        def read(connection: apsw.Connection) -> list[Any]:
            return connection.execute(_GET, (namespace, wanted, now)).fetchall()

        nothing: list[Any] = []
        rows = await self._try(lambda database: database.read(read), nothing)
        for key, _, used in rows:
            if now - used > _TOUCH_SECONDS:
                self._touched[namespace, key] = int(now)
        if len(self._touched) > _MAX_TOUCHED:
            await self.set_many(namespace, {})
        found = {key: value for key, value, _ in rows}
        return [found.get(key) for key in keys]

    async def set_many(
        self, namespace: str, values: Mapping[str, bytes], ttl: float | None = None
    ) -> None:
        """Keep several values."""
        now = self._clock()
        ttl = self._ttls.get(namespace) if ttl is None else ttl
        expires = None if ttl is None else now + ttl
        touched, self._touched = self._touched, {}
        rows = [
            (namespace, key, bytes(value), expires, int(now))
            for key, value in values.items()
            if len(value) <= self._max_bytes
        ]

        def write(connection: apsw.Connection) -> None:
            connection.executemany(_TOUCH, [(used, *place) for place, used in touched.items()])
            connection.executemany(_PUT, rows)
            self._evict(connection, now)

        await self._try(lambda database: database.write(write), None)

    async def delete(self, namespace: str, key: str) -> None:
        """Forget the key; absent is fine."""
        await self._delete("namespace = ? AND key = ?", (namespace, key))

    async def clear(self, namespace: str) -> None:
        """Forget all keys of the namespace."""
        await self._delete("namespace = ?", (namespace,))

    async def check(self) -> CheckResult:
        """How full it is, or why it cannot be used (which costs speed, not answers)."""
        started = perf_counter()

        def facts(connection: apsw.Connection) -> tuple[Any, ...]:
            return next(
                connection.execute(
                    "SELECT (SELECT count(*) FROM luminora_cache), bytes FROM luminora_cache_size"
                )
            )

        data: dict[str, Any] = {"path": str(self.path), "max_bytes": self._max_bytes}
        try:
            entries, size = await (await self._database()).read(facts)
        except LuminoraError as error:
            return CheckResult(Status.WARNING, str(error), data=data)
        latency = (perf_counter() - started) * 1000
        data |= {"entries": entries, "bytes": size}
        return CheckResult(Status.OK, f"{entries} entries in {self.path}", latency, data)

    async def aclose(self) -> None:
        """Let go of the file."""
        database, self._opened = self._opened, None
        if database is not None:
            await asyncio.to_thread(database.close)

    async def _delete(self, condition: str, params: tuple[str, ...]) -> None:
        text = f"DELETE FROM luminora_cache WHERE {condition}"  # noqa: S608 - two of ours

        def delete(connection: apsw.Connection) -> None:
            connection.execute(text, params)

        await self._try(lambda database: database.write(delete), None)

    async def _try(self, action: Callable[[Database], Awaitable[T]], otherwise: T) -> T:
        """Do ``action``; anew with an empty file if it is damaged; else settle for nothing."""
        try:
            try:
                return await action(await self._database())
            except StorageCorrupt as error:
                await self._put_aside(error)
                return await action(await self._database())
        except (LuminoraError, OSError, UnicodeError) as error:
            if not self._warned:
                self._warned = True
                logger.warning("the cache %s cannot be used: %s", self.path, error)
            return otherwise

    async def _put_aside(self, error: StorageCorrupt) -> None:
        logger.warning("the cache %s is damaged and begun anew: %s", self.path, error.message)
        await self.aclose()
        await asyncio.to_thread(_move_away, self.path)

    async def _database(self) -> Database:
        if self._opened is None:
            opened = await asyncio.to_thread(open_database, self.path, durable=False)
            try:
                await opened.write(_create)
            except LuminoraError:
                await asyncio.to_thread(opened.close)
                raise
            if self._opened is None:
                self._opened = opened
            else:  # another coroutine was quicker
                await asyncio.to_thread(opened.close)
        return self._opened

    def _evict(self, connection: apsw.Connection, now: float) -> None:
        size = "SELECT bytes FROM luminora_cache_size"
        if next(connection.execute(size))[0] <= self._max_bytes:
            return
        connection.execute("DELETE FROM luminora_cache WHERE expires <= ?", (now,))
        while next(connection.execute(size))[0] > self._max_bytes * _FILLED:
            connection.execute(_OLDEST)


def _move_away(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    if path.exists():
        path.replace(f"{path}.corrupt")


def _create(connection: apsw.Connection) -> None:
    connection.execute(_SCHEMA)
