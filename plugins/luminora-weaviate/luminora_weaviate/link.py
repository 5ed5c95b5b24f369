"""The connection: one client per event loop, a deadline on everything, a watch on the server.

The client answers an unreachable gRPC port with retries for more than a minute, while whoever talks
to the companion waits. So a request that takes long is watched: if the REST interface refuses
connections meanwhile, the server is down and the request is given up.

The client's own checks at the start are skipped, because one of them asks the package index for the
client's latest version. Whether gRPC answers is asked here instead.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

from luminora.errors import LuminoraError, ProviderError, RateLimited
from luminora_weaviate.errors import translated, unavailable
from luminora_weaviate.settings import Settings

if TYPE_CHECKING:
    from weaviate import WeaviateAsyncClient

T = TypeVar("T")
Call = Callable[["WeaviateAsyncClient"], Coroutine[Any, Any, T]]

OLDEST: Final = (1, 29)
"""The oldest server that counts over gRPC."""
_WATCH: Final = 0.5
"""Seconds until a request is watched; each look doubles them."""
_ATTEMPTS: Final = 4
_RECONNECT: Final = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
]
"""A server that is back is found at once, not after the two minutes gRPC may wait."""


class Link:
    """Requests to one server."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.version = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: WeaviateAsyncClient | None = None
        self._opening = asyncio.Lock()

    async def run(self, call: Call[T], *, write: bool = False) -> T:
        """Ask the server, again after a pause if it has too much to do.

        Args:
            call: What to ask; it may be called more than once.
            write: Whether it writes, which may take longer.

        Raises:
            LuminoraError: It refused, failed, or gave no answer in time.
        """
        seconds = self.settings.write_timeout if write else self.settings.timeout
        deadline = monotonic() + seconds
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                client = await self._connected()
                return await self._translating(
                    self._watched(call(client), client, deadline - monotonic())
                )
            except RateLimited:
                pause = random.uniform(0.1, 0.3) * 2**attempt  # noqa: S311 - jitter
                if attempt == _ATTEMPTS or monotonic() + pause > deadline:
                    raise
                await asyncio.sleep(pause)
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    async def aclose(self) -> None:
        """Close the connections; a later request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await _closed(client, foreign=self._loop is not asyncio.get_running_loop())

    async def _translating(self, doing: Awaitable[T]) -> T:
        from grpc import RpcError  # type: ignore[import-untyped]
        from httpx import HTTPError
        from weaviate.exceptions import WeaviateBaseError

        try:
            return await doing
        except LuminoraError:
            raise
        except (
            WeaviateBaseError,
            HTTPError,
            RpcError,
            OSError,
            KeyError,
            ValueError,
            TypeError,
            AttributeError,
            AssertionError,
        ) as error:
            raise translated(error, self.settings) from error

    async def _watched(
        self, doing: Coroutine[Any, Any, T], client: WeaviateAsyncClient, seconds: float
    ) -> T:
        """The answer, unless time runs out or the server turns out to be down."""
        task = asyncio.ensure_future(doing)
        deadline, pause = monotonic() + seconds, _WATCH
        try:
            while True:
                left = deadline - monotonic()
                done, _ = await asyncio.wait({task}, timeout=max(0.0, min(pause, left)))
                if done:
                    return task.result()
                if left <= pause:
                    raise TimeoutError
                pause *= 2
                with suppress(TimeoutError):
                    async with asyncio.timeout(deadline - monotonic()):
                        await client.get_meta()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _connected(self) -> WeaviateAsyncClient:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            old, self._client = self._client, None
            self._loop, self._opening = loop, asyncio.Lock()
            if old is not None:
                await _closed(old, foreign=True)
        if self._client is None:
            async with self._opening:
                if self._client is None:
                    self._client = await self._translating(self._open())
        return self._client

    async def _open(self) -> WeaviateAsyncClient:
        client = _new(self.settings)
        try:
            async with asyncio.timeout(self.settings.connect_timeout):
                await client.connect()
                self.version = str((await client.get_meta())["version"])
                self._check_version()
                if not self.settings.skip_init_checks:
                    await self._ping()
        except BaseException:
            await _closed(client, foreign=False)
            raise
        return client

    def _check_version(self) -> None:
        major, minor = (int(part) for part in self.version.split(".")[:2])
        if (major, minor) < OLDEST:
            raise ProviderError(
                f"Weaviate {self.version} is too old: {OLDEST[0]}.{OLDEST[1]} is needed",
                provider="weaviate",
                where=self.settings.address,
                hint="upgrade the server",
            )

    async def _ping(self) -> None:
        """Ask the gRPC interface for its health (grpc.health.v1; the request has no fields)."""
        import grpc

        address = self.settings.grpc_address
        channel = (
            grpc.aio.secure_channel(address, grpc.ssl_channel_credentials())
            if self.settings.secure
            else grpc.aio.insecure_channel(address)
        )
        try:
            ask = channel.unary_unary("/grpc.health.v1.Health/Check")
            await ask(b"", timeout=self.settings.connect_timeout)
        except grpc.aio.AioRpcError as error:
            raise unavailable(
                f"Weaviate's gRPC interface does not answer: {error.details()}",
                self.settings,
                address,
            ) from error
        finally:
            await channel.close()


def _new(settings: Settings) -> WeaviateAsyncClient:
    """A client that is not connected yet."""
    import weaviate
    from weaviate.classes.init import AdditionalConfig, Auth, Timeout
    from weaviate.config import GrpcConfig

    times = Timeout(
        query=settings.timeout, insert=settings.write_timeout, init=settings.connect_timeout
    )
    return weaviate.use_async_with_custom(
        http_host=settings.host,
        http_port=settings.port,
        http_secure=settings.secure,
        grpc_host=settings.grpc_host,
        grpc_port=settings.grpc_port,
        grpc_secure=settings.secure,
        auth_credentials=Auth.api_key(settings.api_key) if settings.api_key else None,
        additional_config=AdditionalConfig(
            timeout=times, grpc_config=GrpcConfig(channel_options=_RECONNECT)
        ),
        skip_init_checks=True,
    )


async def _closed(client: WeaviateAsyncClient, *, foreign: bool) -> None:
    """Close a client; one of a loop that has ended is closed as far as that goes.

    Its REST half fails once, because its sockets went with their loop, and is closed then.
    """
    for _ in range(2 if foreign else 1):
        with suppress(RuntimeError, OSError):
            await client.close()
