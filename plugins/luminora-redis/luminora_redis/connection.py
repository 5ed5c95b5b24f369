"""Connections to one server: lent one at a time, asked in rounds, closed with their event loop.

redis-py's own pool repeats commands whose outcome is unknown and belongs to one event loop; here
only what is harmless to repeat is, and connections are Luminora's :class:`Pool`'s.
"""

from __future__ import annotations

import asyncio
import select
from asyncio import AbstractEventLoop
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakSet

from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as HungUp
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig

from luminora.errors import StorageUnavailable
from luminora.providers.pool import Pool
from luminora_redis.errors import translate
from luminora_redis.scripts import Script
from luminora_redis.settings import Settings

T = TypeVar("T")
Command = tuple[Any, ...]
"""A command's words: text, bytes and numbers; the first may be ``EVALSHA`` with a Script behind."""


class Link:
    """One connection.

    Attributes:
        rounds: How many rounds of commands were answered so far.
    """

    def __init__(self, connection: Any) -> None:
        self.rounds = 0
        self._connection = connection
        self._waiting = False
        self._watching = False

    async def round(self, commands: Sequence[Command]) -> list[Any]:
        """Send the commands together; their answers in order, error replies as exceptions.

        Raises:
            RedisError: The connection broke.
        """
        if self._watching:  # what an earlier transaction that wrote nothing left behind
            commands = [("UNWATCH",), *commands]
        if not self._connection.is_connected:
            raise HungUp("the connection was closed")
        self._waiting = True
        await self._connection.send_packed_command(
            self._connection.pack_commands([_spelled(command) for command in commands]),
            check_health=False,
        )
        answers = [await self._answer() for _ in commands]
        self._waiting = False
        self.rounds += 1
        if self._watching:
            answers = answers[1:]
        self._watching = False
        return answers

    async def evaluated(self, commands: Sequence[Command]) -> list[Any]:
        """A round in which scripts that the server does not know are sent in full and run again."""
        answers = await self.round(commands)
        unknown = [n for n, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:
            full = [("EVAL", commands[n][1].text, *commands[n][2:]) for n in unknown]
            for n, answer in zip(unknown, await self.round(full), strict=True):
                answers[n] = answer
        return answers

    def abandon(self) -> None:
        """Note that keys are watched for nothing; the next round lets go of them first."""
        self._watching = True

    @property
    def usable(self) -> bool:
        """Whether it can be lent: in order, and the server has not hung up."""
        if self._waiting or not self._connection.is_connected:
            return False
        transport = self._connection._writer.transport  # noqa: SLF001 - nothing public tells
        handle = transport.get_extra_info("socket")
        return not transport.is_closing() and not _readable(handle.fileno())

    def close(self) -> None:
        """Hang up at once."""
        with suppress(RuntimeError):  # its event loop has ended
            self._connection._close()  # noqa: SLF001 - the public way has to be awaited

    async def _answer(self) -> Any:
        try:
            return await self._connection.read_response(disable_decoding=True)
        except ResponseError as error:
            return error


class Connections:
    """Connections to the server that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.where = settings.where
        self._links: dict[AbstractEventLoop, WeakSet[Link]] = {}
        self._guards: dict[AbstractEventLoop, AsyncGenerator[None, None]] = {}
        self._pool: Pool[Link] = Pool(
            self._open,
            Link.close,
            lambda link: link.usable,
            least=1,
            most=settings.most,
            patience=settings.connect_seconds,
            where=self.where,
        )

    async def ask(self, commands: Sequence[Command], *, harmless: bool = True) -> list[Any]:
        """The answers to commands sent together.

        Args:
            commands: What to send.
            harmless: Whether they may be sent again when a connection turns out to be dead.

        Raises:
            LuminoraError: The server cannot be reached in time, or one of the answers is an error.
        """
        answers = await self.use(lambda link: link.evaluated(commands), harmless=harmless)
        for answer in answers:
            if isinstance(answer, RedisError):
                raise translate(answer, self.where)
        return answers

    async def use(self, work: Callable[[Link], Awaitable[T]], *, harmless: bool = True) -> T:
        """What ``work`` makes of a connection, before the deadline.

        Args:
            work: Talks to the server.
            harmless: Whether the first round of ``work`` may be sent twice. A connection that
                was idle may have been dead for long; then another one is tried.

        Raises:
            LuminoraError: The server cannot be reached in time, or what redis-py raised.
        """
        while True:
            async with self._pool.connection() as link:
                before = link.rounds
                try:
                    async with asyncio.timeout(self.settings.seconds):
                        return await work(link)
                except TimeoutError as error:
                    raise StorageUnavailable(
                        f"no answer within {self.settings.seconds:g} seconds",
                        where=self.where,
                        hint="try again, or raise timeout_seconds",
                    ) from error
                except HungUp as error:
                    if not (harmless and 0 < before == link.rounds):
                        raise translate(error, self.where) from error
                except (RedisError, OSError) as error:
                    raise translate(error, self.where) from error

    def close(self) -> None:
        """Close what is not in use; connections are opened anew when somebody asks for one."""
        self._pool.close()

    async def _open(self) -> Link:
        settings = self.settings
        connection = settings.kind(
            **settings.parameters,
            protocol=2,
            client_name="luminora",
            driver_info=None,
            socket_timeout=None,
            socket_connect_timeout=settings.connect_seconds,
            retry=Retry(NoBackoff(), 0),
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        try:
            async with asyncio.timeout(settings.connect_seconds):
                await connection.connect()
        except TimeoutError as error:
            raise StorageUnavailable(
                f"no connection within {settings.connect_seconds:g} seconds",
                where=self.where,
                hint="check that the server runs, and host and port"
                + (", and that it speaks TLS" if settings.kind is SSLConnection else ""),
            ) from error
        except (RedisError, OSError) as error:
            raise translate(error, self.where) from error
        link = Link(connection)
        await self._guarded(link)
        return link

    async def _guarded(self, link: Link) -> None:
        """Have the link closed when its event loop ends, while the loop can still do so."""
        loop = asyncio.get_running_loop()
        if loop not in self._guards:
            for ended in [other for other in self._guards if other.is_closed()]:
                del self._guards[ended]
                self._links.pop(ended, None)
            self._links[loop] = WeakSet()
            self._guards[loop] = self._closing(loop)
            await anext(self._guards[loop])
        self._links[loop].add(link)

    async def _closing(self, loop: AbstractEventLoop) -> AsyncGenerator[None, None]:
        # asyncio.run() ends asynchronous generators that are still suspended: our bell.
        try:
            yield
        finally:
            for link in self._links.get(loop, ()):
                link.close()


def _spelled(command: Command) -> Command:
    if isinstance(command[1] if len(command) > 1 else None, Script):
        return (command[0], command[1].digest, *command[2:])
    return command


def _readable(number: int) -> bool:
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(number, select.POLLIN | select.POLLHUP)
        return bool(poll.poll(0))
    return bool(select.select([number], [], [], 0)[0])
