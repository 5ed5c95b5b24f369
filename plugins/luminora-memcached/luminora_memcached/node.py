"""One memcached server: asked from threads, before a deadline, and left alone after a failure."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, Final, TypeVar

from pymemcache.client.base import PooledClient  # type: ignore[import-untyped]
from pymemcache.exceptions import (  # type: ignore[import-untyped]
    MemcacheError,
    MemcacheServerError,
    MemcacheUnexpectedCloseError,
)

from luminora.errors import (
    ConnectionFailed,
    MalformedResponse,
    Overloaded,
    ProviderError,
    ProviderTimeout,
)

T = TypeVar("T")

PROVIDER: Final = "memcached"
PORT: Final = 11211


class Node:
    """A server.

    Args:
        address: ``host``, ``host:port`` or ``[address]:port``.
        seconds: The deadline of one operation, connecting included.
        pause: How long the server is left alone after a failure.
        most: Connections at the same time.
        tls: How to verify the server, or None for no encryption.
    """

    def __init__(
        self, address: str, *, seconds: float, pause: float, most: int, tls: ssl.SSLContext | None
    ) -> None:
        self.host, self.port = _split(address)
        self.where = address if address.endswith(f":{self.port}") else f"{address}:{self.port}"
        self._seconds, self._pause, self._most, self._tls = seconds, pause, most, tls
        self._until = 0.0
        self._client: Any = None
        self._threads: ThreadPoolExecutor | None = None

    async def ask(self, work: Callable[[Any], T], *, always: bool = False) -> T:
        """What ``work`` makes of a client; it runs in a thread and may run twice.

        Args:
            work: Talks to the server through :class:`pymemcache.client.base.PooledClient`.
            always: Try even if the server failed a moment ago.

        Raises:
            ProviderError: It cannot be reached, does not answer in time or talks nonsense.
        """
        rest = self._until - monotonic()
        if rest > 0 and not always:
            raise ConnectionFailed(
                f"the cache failed a moment ago and is left alone for {rest:.1f} seconds",
                provider=PROVIDER,
                where=self.where,
            )
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._most, thread_name_prefix="luminora-memcached")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds * 2):  # connecting and asking together
                return await loop.run_in_executor(self._threads, self._run, work)
        except Exception as error:
            self._until = monotonic() + self._pause
            raise self._told(error) from error

    def close(self) -> None:
        """Let go of connections and threads; both come back when they are needed."""
        client, self._client = self._client, None
        threads, self._threads = self._threads, None
        if client is not None:
            client.close()
        if threads is not None:
            threads.shutdown(wait=False)

    def _run(self, work: Callable[[Any], T]) -> T:
        client = self._client
        if client is None:
            client = self._client = PooledClient(
                (self.host, self.port),
                connect_timeout=self._seconds,
                timeout=self._seconds,
                no_delay=True,
                max_pool_size=self._most,
                default_noreply=False,
                tls_context=self._tls,
            )
        try:
            return work(client)
        except (MemcacheUnexpectedCloseError, ConnectionError):
            # The server may have been restarted since: what is idle is dead, a new one may not be.
            client.close()
            return work(client)

    def _told(self, error: Exception) -> ProviderError:
        said = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, ProviderError):
            return error
        kind: type[ProviderError] = MalformedResponse
        hint = "is that a memcached? Check host and port"
        if isinstance(error, TimeoutError):
            kind, said = ProviderTimeout, f"no answer within {self._seconds:g} seconds"
            hint = "check that the server runs, or raise timeout_seconds"
        elif isinstance(error, MemcacheUnexpectedCloseError | OSError):
            kind, hint = ConnectionFailed, "check that the server runs, and host and port"
        elif isinstance(error, MemcacheServerError):
            kind, hint = Overloaded, "give memcached more memory (-m)"
        elif not isinstance(error, MemcacheError | ValueError | IndexError):
            kind, hint = ProviderError, "look at the error that caused this"
        return kind(said, provider=PROVIDER, where=self.where, hint=hint)


def _split(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        host, port = address, ""
    return host.strip("[]"), int(port or PORT)
