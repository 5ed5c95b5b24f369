"""A bounded cache inside the process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from time import monotonic
from typing import Any

from luminora.providers import CacheProvider, CheckResult, ProviderContext, Status

MAX_BYTES = 64 << 20
_OVERHEAD = 200
"""What an entry costs besides its key and value, roughly, in bytes."""

_Key = tuple[str, str]


class MemoryCache(CacheProvider):
    """Keeps what was used last, within ``max_bytes``; gone when the process ends.

    Safe to use from several threads and event loops.

    Args:
        config: ``max_bytes``, and ``ttl_defaults``: seconds to keep values of a namespace when
            ``set`` does not say.
        context: Not needed.
        clock: Seconds that only grow; another one for tests.
    """

    name = "memory"

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        context: ProviderContext | None = None,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        del context
        config = config or {}
        self._max_bytes = int(config.get("max_bytes", MAX_BYTES))
        self._ttls: dict[str, float] = dict(config.get("ttl_defaults", {}))
        self._clock = clock
        self._entries: OrderedDict[_Key, tuple[bytes, float | None]] = OrderedDict()
        self._spaces: dict[str, set[str]] = {}
        self._bytes = 0
        self._lock = Lock()

    async def get(self, namespace: str, key: str) -> bytes | None:
        """The value, or None if it is absent or expired."""
        with self._lock:
            return self._get((namespace, key))

    async def get_many(self, namespace: str, keys: Sequence[str]) -> list[bytes | None]:
        """The values in the order of ``keys``."""
        with self._lock:
            return [self._get((namespace, key)) for key in keys]

    async def set(self, namespace: str, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keep ``value``; one larger than the whole cache is not kept."""
        await self.set_many(namespace, {key: value}, ttl)

    async def set_many(
        self, namespace: str, values: Mapping[str, bytes], ttl: float | None = None
    ) -> None:
        """Keep several values."""
        ttl = self._ttls.get(namespace) if ttl is None else ttl
        until = None if ttl is None else self._clock() + ttl
        with self._lock:
            for key, value in values.items():
                self._drop((namespace, key))
                self._entries[namespace, key] = (bytes(value), until)
                self._spaces.setdefault(namespace, set()).add(key)
                self._bytes += _size((namespace, key), value)
            while self._bytes > self._max_bytes:
                self._drop(next(iter(self._entries)))

    async def delete(self, namespace: str, key: str) -> None:
        """Forget the key; absent is fine."""
        with self._lock:
            self._drop((namespace, key))

    async def clear(self, namespace: str) -> None:
        """Forget all keys of the namespace."""
        with self._lock:
            for key in list(self._spaces.get(namespace, ())):
                self._drop((namespace, key))

    async def check(self) -> CheckResult:
        """How much it holds."""
        held = f"{len(self._entries)} values, {self._bytes:,} of {self._max_bytes:,} bytes"
        return CheckResult(Status.OK, held, 0.0, {"entries": len(self._entries)})

    async def aclose(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._spaces.clear()
            self._bytes = 0

    def _get(self, key: _Key) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, until = entry
        if until is not None and self._clock() >= until:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return value

    def _drop(self, key: _Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._bytes -= _size(key, entry[0])
        namespace, name = key
        self._spaces[namespace].discard(name)
        if not self._spaces[namespace]:
            del self._spaces[namespace]


def _size(key: _Key, value: bytes) -> int:
    return len(key[0]) + len(key[1]) + len(value) + _OVERHEAD
