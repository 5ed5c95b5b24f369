"""Connections to a server, opened when they are needed and lent one at a time.

Drivers' own pools connect in the background, so that a wrong password or a stopped server is a
waiting time rather than an error, and they belong for ever to the event loop they were made on.
Here whoever needs a connection opens it himself: the failure is his, at once and with its reason;
and connections of an event loop that has ended are let go.
"""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, Semaphore
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Generic, TypeVar

from luminora.errors import StorageUnavailable

C = TypeVar("C")

_IDLE_SECONDS: Final = 300.0
"""How long a connection beyond the least number is kept without use."""


@dataclass(slots=True, eq=False)
class _Home(Generic[C]):
    """What belongs to one event loop."""

    free: Semaphore
    idle: list[tuple[C, float]] = field(default_factory=list)
    """Connections nobody uses and since when, the latest used last."""


class Pool(Generic[C]):
    """Up to ``most`` connections per event loop.

    Args:
        connect: Opens one; what it raises reaches whoever wanted a connection.
        close: Lets one go at once, without waiting and without raising.
        usable: Whether a connection may be lent: in order, in no transaction, and not hung up on
            by the server, as far as can be told without asking it.
        least: How many unused connections are kept for good.
        most: How many are open at the same time.
        patience: Seconds to wait for one while all are in use.
        where: The server, for errors.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[C]],
        close: Callable[[C], None],
        usable: Callable[[C], bool],
        *,
        least: int = 1,
        most: int = 10,
        patience: float = 30.0,
        where: str = "",
    ) -> None:
        self._connect, self._close, self._usable = connect, close, usable
        self._least, self._most = least, most
        self._patience, self._where = patience, where
        self._homes: dict[AbstractEventLoop, _Home[C]] = {}

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[C]:
        """A connection for the time being; one that is not in order afterwards is closed.

        Raises:
            StorageUnavailable: All were in use for the whole of ``patience``.
        """
        home = self._home()
        await self._admitted(home)
        try:
            connection = self._taken(home) or await self._connect()
            try:
                yield connection
            finally:
                if self._usable(connection) and home in self._homes.values():
                    home.idle.append((connection, monotonic()))
                    self._trim(home)
                else:
                    self._close(connection)
        finally:
            home.free.release()

    def close(self) -> None:
        """Close what is not in use; what is in use is closed when it is given back."""
        homes, self._homes = list(self._homes.values()), {}
        for home in homes:
            for connection, _ in home.idle:
                self._close(connection)

    def _home(self) -> _Home[C]:
        loop = asyncio.get_running_loop()
        home = self._homes.get(loop)
        if home is None:
            for ended in [other for other in self._homes if other.is_closed()]:
                for connection, _ in self._homes.pop(ended).idle:
                    self._close(connection)
            home = self._homes[loop] = _Home(Semaphore(self._most))
        return home

    async def _admitted(self, home: _Home[C]) -> None:
        if not home.free.locked():
            await home.free.acquire()  # at once: nobody is waiting
            return
        try:
            async with asyncio.timeout(self._patience):
                await home.free.acquire()
        except TimeoutError:
            raise StorageUnavailable(
                f"all {self._most} connections were in use for {self._patience:g} seconds",
                where=self._where,
                hint="try again, or raise max_connections",
            ) from None

    def _taken(self, home: _Home[C]) -> C | None:
        while home.idle:
            connection, _ = home.idle.pop()
            if self._usable(connection):
                return connection
            self._close(connection)
        return None

    def _trim(self, home: _Home[C]) -> None:
        while len(home.idle) > self._least and monotonic() - home.idle[0][1] > _IDLE_SECONDS:
            self._close(home.idle.pop(0)[0])
