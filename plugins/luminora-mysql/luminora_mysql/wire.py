"""One connection to a server, opened with the session that Luminora needs."""

from __future__ import annotations

import asyncio
import re
import select
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import asyncmy
from asyncmy.constants import CLIENT
from asyncmy.cursors import Cursor

from luminora.errors import InputError, StorageError, StorageUnavailable
from luminora_mysql.errors import lost, translate
from luminora_mysql.settings import Login

Rows = list[tuple[Any, ...]]
Result = tuple[int, Rows]
"""How many rows a statement touched, and those it answered with."""

OLDEST: Final = {"MySQL": (8, 0, 17), "MariaDB": (10, 6, 0)}
"""The oldest versions that have what the tables and statements need."""

_STATEMENTS: Final = 100
"""Prepared statements that a connection keeps; there are fewer texts than that in daily use."""
_ROW_SECONDS: Final = 5
"""How long a transaction waits for rows that another one holds before it is run again."""
_TABLE_SECONDS: Final = "60"
"""How long a statement waits for a table that is being altered, or is in use while it alters it."""
_IN_TRANSACTION: Final = 1
"""The bit of the server's status that says so."""
_QUIT: Final = b"\x01\x00\x00\x00\x01"
_MODE: Final = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO"
"""Values that do not fit are errors. Whether a backslash escapes does not matter to parameters."""


@dataclass(frozen=True, slots=True)
class Version:
    """Which server it is, and its version."""

    product: str
    number: tuple[int, ...]

    @classmethod
    def of(cls, said: str) -> Version:
        """From what a server says in its greeting: ``5.5.5-10.11.19-MariaDB-…``, ``8.4.2``."""
        product = "MariaDB" if "mariadb" in said.lower() else "MySQL"
        said = said.removeprefix("5.5.5-") if product == "MariaDB" else said
        return cls(product, tuple(int(part) for part in re.findall(r"\d+", said)[:3]))

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.number))}"

    def __ge__(self, other: tuple[str, tuple[int, ...]]) -> bool:
        return self.product == other[0] and self.number >= other[1]

    @property
    def supported(self) -> bool:
        """Whether it is as new as it has to be."""
        return self.number >= OLDEST[self.product]


class Connection:
    """One connection in autocommit mode: a transaction is begun and ended by its own statements.

    Attributes:
        login: Where to; without encryption where the server offered none.
        version: The server's.
        packet: The largest statement, values included, that the server takes, in bytes.
        thread: The server's number of the connection.
        port: Ours; 0 on a Unix socket.
        committing: Whether a COMMIT is on its way: who gives up now does not know what came of it.
    """

    def __init__(self, raw: Any, login: Login) -> None:
        self.raw = raw
        self.login = login
        self.where = login.where
        self.version = Version.of(raw.get_server_info())
        self.packet = 0
        self.committing = False
        (self.thread,) = raw.server_thread_id
        name = raw._transport.get_extra_info("sockname")  # noqa: SLF001 - the driver has no name
        self.port = name[1] if isinstance(name, tuple) else 0
        self._cursor: Cursor = raw.cursor()

    async def rows(self, text: str, params: Sequence[Any] = ()) -> Rows:
        """The rows a statement answers with.

        Raises:
            MySQLError: As the driver raises it.
        """
        await self._execute(text, params)
        return list(await self._cursor.fetchall())

    async def run(self, text: str, params: Sequence[Any] = ()) -> int:
        """The number of rows a statement inserted, matched or deleted.

        Raises:
            MySQLError: As the driver raises it.
        """
        return await self._execute(text, params)

    async def batch(self, texts: Sequence[str]) -> tuple[list[Result], asyncmy.Error | None]:
        """Several statements without parameters in one round trip, up to the first that fails.

        Returns:
            For each that was run the rows it touched and those it answered with, and the error of
            the one behind them, if it was not the last.
        """
        results: list[Result] = []
        try:
            await self._execute("; ".join(texts), ())
            while True:
                rows = list(await self._cursor.fetchall()) if self._cursor.description else []
                results.append((int(str(self._cursor.rowcount)), rows))
                if not await self._cursor.nextset():
                    return results, None
        except asyncmy.Error as error:
            return results, error

    def literal(self, text: str, params: Sequence[Any]) -> str:
        """The statement with its values written out by the driver."""
        return self._cursor.mogrify(text, tuple(params)) if params else text

    async def _execute(self, text: str, params: Sequence[Any]) -> int:
        try:
            return await self._cursor.execute(text, tuple(params) or None)
        except asyncmy.Error as error:
            # The server hangs up on what is too large, often before it has said so.
            if lost(error) and (size := _size([text, *params])) > self.packet > 0:
                raise InputError(
                    f"values of {size:,} bytes are more than the server takes at a time, "
                    f"{self.packet:,} bytes",
                    where=self.where,
                    hint="raise max_allowed_packet on the server",
                ) from error
            raise

    @property
    def usable(self) -> bool:
        """Whether it can be lent: idle, in no transaction, and the server has not hung up.

        All an idle connection ever hears is that it was closed.
        """
        transport = self.raw._transport  # noqa: SLF001 - the driver has no name for it
        if not self.raw.connected or transport is None or transport.is_closing():
            return False
        if self.raw.server_status & _IN_TRANSACTION:
            return False
        return not _readable(transport.get_extra_info("socket").fileno())

    def close(self) -> None:
        """Let go of it at once; a transaction that is open is undone by the server."""
        transport = self.raw._transport  # noqa: SLF001 - the driver has no name for it
        try:
            if self.usable:
                transport.write(_QUIT)
            if transport is not None and transport.get_extra_info("ssl_object"):
                # Its close() would wait for the server to answer, longer than the event loop may.
                transport.abort()
            self.raw.close()
        except RuntimeError:  # its event loop has ended, and took the socket's watchers with it
            return


async def connect(login: Login, seconds: float, *, limit: float | None = None) -> Connection:
    """A new connection.

    Args:
        login: Where to, and as whom.
        seconds: The deadline.
        limit: Seconds after which the server itself gives a statement up, or a wait for a lock.

    Raises:
        StorageUnavailable: The server cannot be reached in time.
        AuthenticationFailed: It does not let this user in.
        StorageError: The server is too old, or its certificate is not trusted.
    """
    try:
        async with asyncio.timeout(seconds):
            connection = Connection(*await _greeted(login, seconds))
            try:
                _check_version(connection)
                await _set_up(connection, limit)
            except BaseException:
                connection.close()
                raise
            return connection
    except TimeoutError as error:
        raise StorageUnavailable(
            f"no connection within {seconds:g} seconds",
            where=login.where,
            hint="check that the server runs, and host and port",
        ) from error
    except asyncmy.Error as error:
        raise translate(error, login.where, connecting=True) from error


async def _greeted(login: Login, seconds: float) -> tuple[Any, Login]:
    raw: Any = asyncmy.Connection(  # type: ignore[no-untyped-call]
        host=login.host,
        port=login.port,
        unix_socket=login.unix_socket,
        database=login.database,
        user=login.user,
        password=login.password.encode(),
        # An UPDATE reports the rows it matched, whether or not it altered them.
        client_flag=CLIENT.FOUND_ROWS,
        charset="utf8mb4",
        connect_timeout=seconds,
        autocommit=None,
        program_name="luminora",
        ssl=None if login.unix_socket else login.tls.context(),
        stmt_cache_size=_STATEMENTS,
    )
    try:
        await raw.connect()
    except (asyncmy.Error, OSError) as error:
        if login.tls.mode != "disabled" and _unencrypted(raw):
            if login.tls.mode != "preferred":
                raise StorageError(
                    f'the server offers no encryption, and ssl_mode is "{login.tls.mode}"',
                    where=login.where,
                    hint="give the server a certificate, or set ssl_mode to preferred or disabled",
                ) from error
            plain = replace(login, tls=replace(login.tls, mode="disabled"))
            return await _greeted(plain, seconds)
        if isinstance(error, OSError):
            raise asyncmy.OperationalError(2013, str(error)) from error
        raise
    return raw, login


def _unencrypted(raw: Any) -> bool:
    """Whether the server greeted us and offered no encryption."""
    offered = getattr(raw, "server_capabilities", None)
    return offered is not None and not offered & CLIENT.SSL


def _check_version(connection: Connection) -> None:
    version = connection.version
    if not version.supported:
        wanted = [f"{name} {'.'.join(map(str, least))}" for name, least in OLDEST.items()]
        raise StorageError(
            f"the server is {version}; {' or '.join(wanted)}, or newer, is needed",
            where=connection.where,
            hint="upgrade the server",
        )


async def _set_up(connection: Connection, limit: float | None) -> None:
    """What a session differs in from what its server may be set to, in one round trip."""
    variables = {"autocommit": "1", "time_zone": "'+00:00'", "sql_mode": f"'{_MODE}'"}
    variables |= {"lock_wait_timeout": _TABLE_SECONDS, "sql_notes": "0"}
    if limit is not None:
        variables["innodb_lock_wait_timeout"] = str(max(1, min(_ROW_SECONDS, int(limit))))
        if connection.version.product == "MariaDB":
            variables["max_statement_time"] = f"{limit:g}"
        else:  # of SELECT alone: MySQL has no limit for others
            variables["max_execution_time"] = str(int(limit * 1000))
    settings = ", ".join(f"SESSION {name} = {value}" for name, value in variables.items())
    results, error = await connection.batch(
        [
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            f"SET {settings}",
            "SELECT @@max_allowed_packet",
        ]
    )
    if error is not None:
        raise error
    ((connection.packet,),) = results[-1][1]


def _size(params: Sequence[Any]) -> int:
    return sum(
        len(one.encode()) if isinstance(one, str) else len(one) if isinstance(one, bytes) else 8
        for one in params
    )


def _readable(number: int) -> bool:
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(number, select.POLLIN | select.POLLHUP)
        return bool(poll.poll(0))
    return bool(select.select([number], [], [], 0)[0])
