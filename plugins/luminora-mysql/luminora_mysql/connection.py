"""Connections to one database: lent one at a time, and given up in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncmy

from luminora.errors import LuminoraError, StorageUnavailable
from luminora.providers.pool import Pool
from luminora_mysql.errors import translate
from luminora_mysql.settings import Settings
from luminora_mysql.wire import Connection, connect

_GRACE_SECONDS: Final = 2.0
"""How much later than the server itself the client gives a statement up."""
_STOP_SECONDS: Final = 1.0
_MINE: Final = (
    "SELECT 1 FROM information_schema.processlist "
    "WHERE id = %s AND (host LIKE %s OR host = 'localhost')"
)


class Connections:
    """Connections to one database, shared by the storage and by who keeps vectors beside it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.where = settings.login.where
        self._login = settings.login
        self._pool: Pool[Connection] = Pool(
            self._open,
            Connection.close,
            lambda connection: connection.usable,
            least=settings.least,
            most=settings.most,
            patience=settings.connect_seconds,
            where=self.where,
        )

    @asynccontextmanager
    async def connection(self, seconds: float | None = None) -> AsyncIterator[Connection]:
        """A connection for the time being, with a deadline on what is done with it.

        The driver's errors leave as ours. Whatever transaction is open at the end is undone, by
        closing the connection.

        Args:
            seconds: The deadline; the statement timeout of the settings unless given.

        Raises:
            StorageUnavailable: The server cannot be reached, hung up, or did not answer in time.
            LuminoraError: As :func:`luminora_mysql.errors.translate` says.
        """
        allowed = (self.settings.statement_seconds if seconds is None else seconds) + _GRACE_SECONDS
        async with self._pool.connection() as connection:
            try:
                async with asyncio.timeout(allowed):
                    try:
                        yield connection
                    except asyncio.CancelledError:
                        await self._stop(connection)
                        raise
            except TimeoutError as error:
                unknown = ": nobody knows whether it was written" if connection.committing else ""
                raise StorageUnavailable(
                    f"no answer within {allowed:g} seconds{unknown}",
                    where=self.where,
                    hint="try again, or raise statement_timeout_seconds",
                ) from error
            except asyncmy.Error as error:
                raise translate(error, self.where) from error

    async def _stop(self, connection: Connection) -> None:
        """Make the server stop what nobody waits for any more.

        It would not notice before it is done, COMMIT included, and hold its locks until then.
        """
        if connection.raw.connected:
            return  # nothing was under way
        login = self.settings.login
        try:
            other = await connect(login, _STOP_SECONDS)
        except LuminoraError:
            return  # nobody can be told
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                # Behind a proxy the same number may be another connection's: its port tells.
                if await other.rows(_MINE, [connection.thread, f"%:{connection.port}"]):
                    await other.run(f"KILL CONNECTION {connection.thread:d}")
        except (asyncmy.Error, TimeoutError):
            return
        finally:
            other.close()

    async def direct(self) -> Connection:
        """A connection of the caller's own, for migrations, without a limit on statements."""
        return await connect(self.settings.migrator, self.settings.connect_seconds)

    def close(self) -> None:
        """Close what is not in use; connections are opened anew when somebody asks for one."""
        self._pool.close()

    async def _open(self) -> Connection:
        settings = self.settings
        login, self._login = self._login, settings.login
        connection = await connect(
            login, settings.connect_seconds, limit=settings.statement_seconds
        )
        # Not to ask for encryption each time: servers count greetings that come to nothing.
        self._login = connection.login
        return connection
