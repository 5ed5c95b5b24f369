"""Two ways to Qdrant with one face: a server, and the client's local mode in a thread."""

from __future__ import annotations

import asyncio
import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from qdrant_client import AsyncQdrantClient, QdrantClient

from luminora.errors import (
    LuminoraError,
    StorageCorrupt,
    StorageError,
    StorageReadOnly,
    StorageUnavailable,
)
from luminora_qdrant.errors import Absent, Exists, stale, translate, unreachable

MEMORY: Final = ":memory:"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Link(ABC):
    """A way to Qdrant.

    Attributes:
        where: The server's address or the local folder, for people.
        local: Whether it is the local mode, which has no indexes and compares everything.
    """

    where: str
    local: bool

    @abstractmethod
    async def call(self, method: str, /, *arguments: Any, **named: Any) -> Any:
        """Call one of the client's methods.

        Raises:
            Absent: There is no such collection.
            Exists: There is one already.
            LuminoraError: Anything else that went wrong.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections and files; twice is harmless."""


def address_of(
    url: str | None, *, host: str, port: int, https: bool | None, key: str | None
) -> str:
    """The server's URL, with a scheme and a port.

    Args:
        url: The configured one, which wins.
        host: The server's name.
        port: Its REST port.
        https: Whether it speaks TLS; None to let the key decide, which should not be sent in
            clear to another machine.
        key: The API key, if any.
    """
    if url is None:
        secure = https if https is not None else key is not None and host not in _LOOPBACK
        named = f"[{host}]" if ":" in host else host
        return f"{'https' if secure else 'http'}://{named}:{port}"
    parts = urlsplit(url)
    if parts.port is not None:
        return url.rstrip("/")
    return parts._replace(netloc=f"{parts.netloc}:{port}").geturl().rstrip("/")


class Remote(Link):
    """A server. Connections belong to an event loop: another loop gets its own.

    Args:
        url: With scheme and port.
        key: The API key, if any.
        grpc_port: Where to send points and queries by gRPC; None for REST.
        timeout: Seconds one request may take.
        connections: How many to keep.
    """

    local = False

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        grpc_port: int | None = None,
        timeout: float = 10.0,
        connections: int = 10,
    ) -> None:
        self.where = url
        self.timeout = timeout
        self._key = key
        self._grpc_port = grpc_port
        self._connections = connections
        self._client: AsyncQdrantClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def in_clear(self) -> bool:
        """Whether the API key goes to another machine without encryption."""
        parts = urlsplit(self.where)
        return bool(self._key) and parts.scheme == "http" and parts.hostname not in _LOOPBACK

    async def call(self, method: str, /, *arguments: Any, **named: Any) -> Any:
        """Ask the server, once more if a kept connection turns out to be closed.

        Every request may be repeated: it states an outcome, not a change.
        """
        try:
            try:
                return await self._once(method, arguments, named)
            except Exception as error:
                if not stale(error):
                    raise
                return await self._once(method, arguments, named)
        except TimeoutError as error:
            late = f"no answer within {self.timeout:g} seconds (timeout_seconds)"
            raise unreachable(late, self.where) from error
        except Exception as error:
            raise translate(error, self.where) from error

    async def close(self) -> None:
        """Close the connections of the running loop."""
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.close()

    async def _once(self, method: str, arguments: Any, named: Any) -> Any:
        async with asyncio.timeout(self.timeout):
            return await getattr(self._connected(), method)(*arguments, **named)

    def _connected(self) -> AsyncQdrantClient:
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            with warnings.catch_warnings():
                # about keys that are sent in clear: the health check says so
                warnings.simplefilter("ignore", UserWarning)
                self._client = AsyncQdrantClient(
                    url=self.where,
                    api_key=self._key,
                    prefer_grpc=self._grpc_port is not None,
                    grpc_port=self._grpc_port or 0,
                    timeout=math.ceil(self.timeout),
                    check_compatibility=False,
                    limits=httpx.Limits(max_keepalive_connections=self._connections),
                )
            self._loop = loop
        return self._client


class Local(Link):
    """The client's local mode: Python and NumPy, one process, everything in memory.

    It blocks for as long as it works, so a thread of its own does.

    Args:
        place: A folder, or ``":memory:"``.
    """

    local = True

    def __init__(self, place: str) -> None:
        self.where = place
        self._client: QdrantClient | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def call(self, method: str, /, *arguments: Any, **named: Any) -> Any:
        """Do it in the thread."""

        def run() -> Any:
            client = self._opened()
            try:
                return getattr(client, method)(*arguments, **named)
            except Exception as error:
                raise _local(error, self.where) from error

        return await self._threaded(run)

    async def close(self) -> None:
        """Close the folder. What was in ``":memory:"`` is lost."""
        if self._thread is None:
            return
        await self._threaded(self._shut)
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=False)

    async def _threaded(self, run: Callable[[], Any]) -> Any:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="luminora-qdrant")
        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    def _opened(self) -> QdrantClient:
        if self._client is None:
            try:
                if self.where == MEMORY:
                    self._client = QdrantClient(MEMORY)
                else:
                    self._client = QdrantClient(path=self.where)
            except Exception as error:
                raise _unopened(error, self.where) from error
        return self._client

    def _shut(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _unopened(error: Exception, where: str) -> LuminoraError:
    """Why the local folder cannot be opened."""
    if "already accessed" in str(error):
        return StorageUnavailable(
            "another process or client has this folder open, and Qdrant's local mode takes one",
            where=where,
            hint="stop the other one, or run a Qdrant server and set url instead of path",
        )
    if isinstance(error, PermissionError):
        return StorageReadOnly(
            f"the folder cannot be written: {error.strerror}",
            where=where,
            hint="set path in luminora.json to a place this user may write to",
        )
    if isinstance(error, OSError):
        return StorageUnavailable(
            f"the folder cannot be used: {error.strerror}",
            where=where,
            hint="set path in luminora.json to a folder",
        )
    return StorageCorrupt(
        f"the folder cannot be read as one of Qdrant's local mode ({type(error).__name__}: "
        f"{error})",
        where=where,
        hint="restore it from a backup; or move it away and run `luminora reembed`",
    )


def _local(error: Exception, where: str) -> Exception:
    """What the local mode's exceptions mean; it has no types of its own."""
    said = str(error)
    if isinstance(error, ValueError) and "not found" in said:
        return Absent(said)
    if isinstance(error, ValueError) and "already exists" in said:
        return Exists(said)
    if "readonly database" in said:
        return StorageReadOnly(f"the folder cannot be written: {said}", where=where)
    return StorageError(f"{type(error).__name__}: {said}", where=where)
