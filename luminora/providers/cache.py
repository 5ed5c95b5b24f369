"""The cache contract: bytes in, bytes out, gone is not an error."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping, Sequence

from luminora.providers.base import Provider


class CacheProvider(Provider):
    """A cache.

    Keys are ``namespace`` and ``key``, both text; values are bytes. A backend that is down raises
    :class:`~luminora.errors.ProviderError`, and whoever uses the cache takes that as a miss.
    """

    @abstractmethod
    async def get(self, namespace: str, key: str) -> bytes | None:
        """The value, or None if it is absent or expired."""

    @abstractmethod
    async def set(self, namespace: str, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keep ``value`` for ``ttl`` seconds, or as long as the backend likes."""

    @abstractmethod
    async def delete(self, namespace: str, key: str) -> None:
        """Forget the key; absent is fine."""

    @abstractmethod
    async def clear(self, namespace: str) -> None:
        """Forget all keys of the namespace."""

    async def get_many(self, namespace: str, keys: Sequence[str]) -> list[bytes | None]:
        """The values in the order of ``keys``."""
        return list(await asyncio.gather(*(self.get(namespace, key) for key in keys)))

    async def set_many(
        self, namespace: str, values: Mapping[str, bytes], ttl: float | None = None
    ) -> None:
        """Keep several values."""
        await asyncio.gather(
            *(self.set(namespace, key, value, ttl) for key, value in values.items())
        )
