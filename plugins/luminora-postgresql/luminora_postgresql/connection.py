"""Where the server is, connections to it, and what each of them may take."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import PipelineStatus, TransactionStatus

from luminora.errors import ConfigError, LuminoraError, StorageError, StorageUnavailable
from luminora.providers import ProviderContext
from luminora.providers.pool import Pool
from luminora_postgresql.errors import PROVIDER, translate

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]

OLDEST: Final = 13
"""The oldest major version of the server that is supported."""
_GRACE_SECONDS: Final = 2.0
"""How much later than the server itself the client gives a statement up."""
_TLS: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the server is and what may be asked of it.

    Attributes:
        parameters: libpq's connection parameters, the password among them.
        direct: The same for migrations, which cannot go through a pooler.
        least: Unused connections that are kept.
        most: Connections at the same time.
        connect_seconds: For a new connection, and for a free one.
        statement_seconds: For one transaction or search.
        pooled: Whether a pooler such as PgBouncer stands between: nothing is kept in a session.
    """

    parameters: Mapping[str, Any] = field(repr=False)
    direct: Mapping[str, Any] = field(repr=False)
    least: int = 1
    most: int = 10
    connect_seconds: float = 10.0
    statement_seconds: float = 30.0
    pooled: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any], context: ProviderContext) -> Self:
        """The settings that the section ``storage_provider`` gives.

        Raises:
            CredentialsMissing: A named environment variable is unset.
            ConfigError: A URL cannot be understood.
        """
        given = {
            "host": config.get("host", "localhost"),
            "port": config.get("port", 5432),
            "dbname": config.get("database", "luminora"),
            "user": config.get("user"),
        }
        if variable := config.get("password_env"):
            given["password"] = context.secret(variable, provider=PROVIDER)
        tls = {name: config[name] for name in _TLS if config.get(name)}
        parameters = _present(tls | given)
        if variable := config.get("url_env"):
            parameters = _present(tls | _url(variable, context))
        direct = parameters
        if variable := config.get("migration_url_env"):
            direct = _present(tls | _url(variable, context))
        return cls(
            parameters=parameters,
            direct=direct,
            least=config.get("min_connections", 1),
            most=config.get("max_connections", 10),
            connect_seconds=config.get("connect_timeout_seconds", 10),
            statement_seconds=config.get("statement_timeout_seconds", 30),
            pooled=config.get("pgbouncer", False),
        )

    @property
    def where(self) -> str:
        """``host:port/database``, for people."""
        return place_of(self.parameters)


class Connections:
    """Connections to one database, shared by the storage and by who keeps vectors beside it.

    They are in autocommit mode: a transaction is begun and ended by its own statements.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.where = settings.where
        self._pool: Pool[Connection] = Pool(
            self._open,
            _finish,
            _usable,
            least=settings.least,
            most=settings.most,
            patience=settings.connect_seconds,
            where=self.where,
        )

    @asynccontextmanager
    async def connection(self, seconds: float | None = None) -> AsyncIterator[Connection]:
        """A connection for the time being, with a deadline on what is done with it.

        psycopg's errors leave as ours. Whatever transaction is open at the end is undone, by
        closing the connection if need be.

        Args:
            seconds: The deadline; the statement timeout of the settings unless given.

        Raises:
            StorageUnavailable: The server cannot be reached, hung up, or did not answer in time.
            LuminoraError: As :func:`luminora_postgresql.errors.translate` says.
        """
        allowed = (self.settings.statement_seconds if seconds is None else seconds) + _GRACE_SECONDS
        async with self._pool.connection() as connection:
            deadline = Deadline(connection, allowed)
            try:
                yield connection
            except psycopg.Error as error:
                _finish(connection)  # a pipeline that failed leaves it in a state nobody knows
                if deadline.passed:
                    raise StorageUnavailable(
                        f"no answer within {allowed:g} seconds",
                        where=self.where,
                        hint="try again, or raise statement_timeout_seconds",
                    ) from error
                raise translate(error, self.where) from error
            finally:
                deadline.lift()

    async def direct(self) -> Connection:
        """A connection of the caller's own, past any pooler, without a limit on statements."""
        return await connect(self.settings.direct, self.settings.connect_seconds)

    def close(self) -> None:
        """Close what is not in use; connections are opened anew when somebody asks for one."""
        self._pool.close()

    async def _open(self) -> Connection:
        settings = self.settings
        if settings.pooled:
            return await connect(settings.parameters, settings.connect_seconds, prepare=None)
        # The server gives up by itself what takes too long, instead of working on for nobody.
        limit = int(settings.statement_seconds * 1000)
        options = f"{settings.parameters.get('options', '')} -c statement_timeout={limit}"
        return await connect(
            {**settings.parameters, "options": options}, settings.connect_seconds, prepare=2
        )


class Deadline:
    """Hangs up on the server when the time has passed; the operation then fails by itself.

    Cancelling would not do: psycopg then asks the server to cancel, and waits for it.
    """

    def __init__(self, connection: Connection, seconds: float) -> None:
        self.passed = False
        self._connection = connection
        self._timer = asyncio.get_running_loop().call_later(seconds, self._hang_up)

    def lift(self) -> None:
        """No deadline any more."""
        self._timer.cancel()

    def _hang_up(self) -> None:
        self.passed = True
        if not self._connection.closed:
            with socket.socket(fileno=os.dup(self._connection.pgconn.socket)) as handle:
                handle.shutdown(socket.SHUT_RDWR)


async def connect(
    parameters: Mapping[str, Any], seconds: float, *, prepare: int | None = None
) -> Connection:
    """A new connection in autocommit mode.

    Args:
        parameters: libpq's.
        seconds: The deadline.
        prepare: How often a statement is run before it is prepared; None for never.

    Raises:
        StorageUnavailable: The server cannot be reached in time.
        AuthenticationFailed: It does not let this user in.
        StorageError: The server is too old, or its certificate is not trusted.
    """
    where = place_of(parameters)
    try:
        async with asyncio.timeout(seconds + _GRACE_SECONDS):
            connection: Connection = await psycopg.AsyncConnection.connect(
                application_name="luminora",
                connect_timeout=max(2, round(seconds)),
                client_encoding="utf8",
                autocommit=True,
                prepare_threshold=prepare,
                cursor_factory=psycopg.AsyncRawCursor,
                **{"sslmode": "prefer", **parameters},
            )
    except TimeoutError as error:
        raise StorageUnavailable(
            f"no connection within {seconds:g} seconds",
            where=where,
            hint="check that the server runs, and host and port",
        ) from error
    except psycopg.Error as error:
        raise translate(error, where, connecting=True) from error
    if problem := _too_old(connection, where):
        await connection.close()
        raise problem
    return connection


def place_of(parameters: Mapping[str, Any]) -> str:
    """``host:port/database`` of libpq's parameters."""
    host, port = parameters.get("host", "localhost"), parameters.get("port", 5432)
    return f"{host}:{port}/{parameters.get('dbname', parameters.get('user', ''))}"


def _too_old(connection: Connection, where: str) -> LuminoraError | None:
    version = connection.info.server_version
    if version >= OLDEST * 10_000:
        return None
    major, minor = version // 10_000, version % 10_000
    return StorageError(
        f"the server is PostgreSQL {major}.{minor}; {OLDEST} or newer is needed",
        where=where,
        hint=f"upgrade the server to PostgreSQL {OLDEST} or newer",
    )


def _usable(connection: Connection) -> bool:
    """Whether it can be lent: idle, and nothing has come from the server that nobody asked for.

    What an idle connection has to say is that it was closed.
    """
    if connection.closed or connection.broken:
        return False
    raw = connection.pgconn
    if raw.transaction_status != TransactionStatus.IDLE:
        return False
    return raw.pipeline_status == PipelineStatus.OFF and not _readable(raw.socket)


def _readable(number: int) -> bool:
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(number, select.POLLIN | select.POLLHUP)
        return bool(poll.poll(0))
    return bool(select.select([number], [], [], 0)[0])


def _finish(connection: Connection) -> None:
    connection.pgconn.finish()


def _present(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


def _url(variable: str, context: ProviderContext) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(context.secret(variable, provider=PROVIDER)))
    except psycopg.Error:
        # The parser's own message may quote the password.
        raise ConfigError(
            f"the environment variable {variable} holds no usable PostgreSQL URL",
            hint="it has to look like postgresql://user:password@host:5432/database",
        ) from None
