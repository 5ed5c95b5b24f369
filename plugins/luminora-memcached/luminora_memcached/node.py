"""One memcached server: asked before a deadline, and left alone after a failure."""

from __future__ import annotations

import asyncio
import ssl
from asyncio import AbstractEventLoop, IncompleteReadError, LimitOverrunError
from collections.abc import AsyncGenerator, Awaitable, Callable
from time import monotonic
from typing import Final, TypeVar
from weakref import WeakSet

from luminora.errors import (
    ConnectionFailed,
    MalformedResponse,
    ProviderError,
    ProviderTimeout,
    StorageUnavailable,
)
from luminora.providers.pool import Pool
from luminora_memcached.line import Line, Nonsense

T = TypeVar("T")

PROVIDER: Final = "memcached"
PORT: Final = 11211

_HUNG_UP: Final = (IncompleteReadError, ConnectionError)


class Node:
    """A server.

    Args:
        address: ``host``, ``host:port`` or ``[address]:port``.
        seconds: The deadline of one operation.
        pause: How long the server is left alone after a failure.
        most: Connections at the same time.
        tls: How to verify the server, or None for no encryption.
    """

    def __init__(
        self, address: str, *, seconds: float, pause: float, most: int, tls: ssl.SSLContext | None
    ) -> None:
        self.host, self.port = _split(address)
        self.where = address if address.endswith(f":{self.port}") else f"{address}:{self.port}"
        self._seconds, self._pause, self._tls = seconds, pause, tls
        self._until = 0.0
        self._lines: dict[AbstractEventLoop, WeakSet[Line]] = {}
        self._guards: dict[AbstractEventLoop, AsyncGenerator[None, None]] = {}
        self._pool: Pool[Line] = Pool(
            self._open,
            Line.close,
            lambda line: line.usable,
            most=most,
            patience=seconds,
            where=self.where,
        )

    async def ask(self, work: Callable[[Line], Awaitable[T]], *, always: bool = False) -> T:
        """What ``work`` makes of a connection; it may run twice.

        Args:
            work: Talks to the server.
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
        try:
            async with asyncio.timeout(self._seconds):
                return await self._asked(work)
        except (
            *_HUNG_UP,
            OSError,
            LimitOverrunError,
            Nonsense,
            StorageUnavailable,
        ) as error:  # TimeoutError is an OSError
            self._until = monotonic() + self._pause
            raise self._told(error) from error

    def close(self) -> None:
        """Let go of connections; they are opened anew when they are needed."""
        self._pool.close()

    async def _asked(self, work: Callable[[Line], Awaitable[T]]) -> T:
        while True:
            async with self._pool.connection() as line:
                before = line.answered
                try:
                    return await work(line)
                except _HUNG_UP:
                    if before == 0:
                        raise
                    # It was idle, and dead since the server was restarted: the next one may not be.

    async def _open(self) -> Line:
        line = await Line.to(self.host, self.port, self._tls)
        loop = asyncio.get_running_loop()
        if loop not in self._guards:
            for ended in [other for other in self._guards if other.is_closed()]:
                del self._guards[ended]
                self._lines.pop(ended, None)
            self._lines[loop] = WeakSet()
            self._guards[loop] = self._closing(loop)
            await anext(self._guards[loop])
        self._lines[loop].add(line)
        return line

    async def _closing(self, loop: AbstractEventLoop) -> AsyncGenerator[None, None]:
        # asyncio.run() ends asynchronous generators that are still suspended: our bell.
        try:
            yield
        finally:
            for line in self._lines.get(loop, ()):
                line.close()

    def _told(self, error: Exception) -> ProviderError:
        said = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, TimeoutError):
            return ProviderTimeout(
                f"no answer within {self._seconds:g} seconds",
                provider=PROVIDER,
                where=self.where,
                hint="check that the server runs, or raise timeout_seconds",
            )
        if isinstance(error, Nonsense | LimitOverrunError):
            return MalformedResponse(
                f"this is no answer of memcached: {said}",
                provider=PROVIDER,
                where=self.where,
                hint="check host and port: who listens there?",
            )
        if isinstance(error, IncompleteReadError):
            said = "the server hung up"
        return ConnectionFailed(
            said,
            provider=PROVIDER,
            where=self.where,
            hint="check that the server runs, and host and port",
        )


def _split(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        host, port = address, ""
    return host.strip("[]"), int(port or PORT)
