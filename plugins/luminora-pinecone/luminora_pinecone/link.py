"""The connection: one SDK client per event loop, a deadline on every request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from luminora_pinecone.errors import translated
from luminora_pinecone.settings import Settings, is_local

if TYPE_CHECKING:
    from pinecone import AsyncIndex, AsyncPinecone

T = TypeVar("T")

PARALLEL: Final = 4
"""Requests of one call that are under way at once."""
_ATTEMPT: Final = 10.0
"""Seconds one attempt may take; the SDK makes up to four, with pauses, before the deadline."""


class Link:
    """Requests to the control plane and to indexes.

    An SDK client belongs to the event loop it was first used on. On another loop a new one is made;
    the old one's connections went with their loop.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._control: AsyncPinecone | None = None
        self._indexes: dict[str, AsyncIndex] = {}

    async def control(self, call: Callable[[AsyncPinecone], Awaitable[T]]) -> T:
        """Ask the control plane.

        Raises:
            LuminoraError: It refused, failed, or gave no answer in time.
        """
        return await self._asked(lambda: call(self._client()), self.settings.host)

    async def data(self, host: str, call: Callable[[AsyncIndex], Awaitable[T]]) -> T:
        """Ask an index.

        Raises:
            LuminoraError: It refused, failed, or gave no answer in time.
        """
        return await self._asked(lambda: call(self._index(host)), host)

    async def each(
        self, host: str, calls: list[Callable[[AsyncIndex], Awaitable[T]]]
    ) -> list[T | BaseException]:
        """Ask an index several things, a few at once; every answer or error, in order."""
        gate = asyncio.Semaphore(PARALLEL)

        async def one(call: Callable[[AsyncIndex], Awaitable[T]]) -> T:
            async with gate:
                return await self.data(host, call)

        return await asyncio.gather(*(one(call) for call in calls), return_exceptions=True)

    async def aclose(self) -> None:
        """Close the connections; a later request opens new ones."""
        self._of_this_loop()
        clients: list[Any] = [*self._indexes.values()]
        if self._control is not None:
            clients.append(self._control)
        self._control, self._indexes = None, {}
        for client in clients:
            with suppress(OSError, RuntimeError):
                await client.close()

    async def _asked(self, call: Callable[[], Awaitable[T]], host: str) -> T:
        from pinecone.errors import PineconeError

        try:
            async with asyncio.timeout(self.settings.timeout):
                return await call()
        except (PineconeError, TimeoutError) as error:
            raise translated(
                error,
                where=urlsplit(host).netloc or host,
                key=self.settings.api_key,
                variable=self.settings.key_variable,
            ) from error

    def _of_this_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._control, self._indexes = loop, None, {}

    def _client(self) -> AsyncPinecone:
        self._of_this_loop()
        if self._control is None:
            from pinecone import AsyncPinecone, RetryConfig

            self._control = AsyncPinecone(
                api_key=self.settings.api_key,
                host=self.settings.host,
                timeout=min(_ATTEMPT, self.settings.timeout),
                retry_config=RetryConfig(max_retries=2, max_wait=2.0),
            )
        return self._control

    def _index(self, host: str) -> AsyncIndex:
        self._of_this_loop()
        if host not in self._indexes:
            from pinecone import AsyncIndex

            self._indexes[host] = AsyncIndex(
                host=host,
                api_key=self.settings.api_key,
                timeout=min(_ATTEMPT, self.settings.timeout),
            )
        return self._indexes[host]

    def reachable(self, host: str) -> str:
        """An index's host as it can be asked: an emulator beside us speaks http only."""
        parts = urlsplit(host if "://" in host else f"https://{host}")
        emulated = self.settings.host.startswith("http://") and is_local(parts.hostname or "")
        return parts._replace(scheme="http").geturl() if emulated else parts.geturl()
