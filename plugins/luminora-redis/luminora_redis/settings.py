"""Where the server is and how to get in, as the configuration says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import urlsplit

from redis.asyncio.connection import Connection, SSLConnection, parse_url

from luminora.errors import ConfigError
from luminora.providers.base import ProviderContext

PROVIDER: Final = "redis"
PORT: Final = 6379

_FORM: Final = "it has to look like redis://user:password@host:6379/0, rediss://… or unix://…"
_TAKEN: Final = frozenset({"host", "port", "db", "username", "password", "path"})
"""What a URL may say, besides the ``ssl_…`` arguments of redis-py."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to connect.

    Attributes:
        kind: redis-py's class of connection: plain, TLS or a Unix socket.
        parameters: Its arguments; the password is among them.
        where: ``host:port/db``, for people.
        most: Connections of one process at the same time.
        connect_seconds: The deadline of a new connection.
        seconds: The deadline of one operation.
    """

    kind: type[Any] = Connection
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    where: str = f"localhost:{PORT}/0"
    most: int = 20
    connect_seconds: float = 5.0
    seconds: float = 10.0

    @classmethod
    def of(cls, config: Mapping[str, Any], context: ProviderContext) -> Self:
        """The settings that a section's ``config`` gives.

        Raises:
            CredentialsMissing: A named environment variable is unset.
            ConfigError: A URL cannot be understood.
        """
        if variable := config.get("url_env"):
            kind, parameters = _parsed(context.secret(variable, provider=PROVIDER), variable)
        else:
            kind, parameters = _separate(config, context)
        seconds = config.get("timeout_seconds", cls.__dataclass_fields__["seconds"].default)
        return cls(
            kind=kind,
            parameters=parameters,
            where=_place(parameters),
            most=config.get("max_connections", 20),
            connect_seconds=config.get("connect_timeout_seconds", 5.0),
            seconds=seconds,
        )


def _separate(
    config: Mapping[str, Any], context: ProviderContext
) -> tuple[type[Any], dict[str, Any]]:
    parameters: dict[str, Any] = {
        "host": config.get("host", "localhost"),
        "port": config.get("port", PORT),
        "db": config.get("db", 0),
    }
    if user := config.get("user"):
        parameters["username"] = user
    if variable := config.get("password_env"):
        parameters["password"] = context.secret(variable, provider=PROVIDER)
    if not config.get("tls", False):
        return Connection, parameters
    if file := config.get("tls_ca_file"):
        parameters["ssl_ca_certs"] = str(context.path(file, file))
    return SSLConnection, parameters


def _parsed(url: str, variable: str) -> tuple[type[Any], dict[str, Any]]:
    try:
        found: dict[str, Any] = dict(parse_url(url))
        path = urlsplit(url).path.strip("/")
    except ValueError:
        # The parser's own message may quote the password.
        raise _unusable(variable, _FORM) from None
    kind = found.pop("connection_class", Connection)
    if "path" not in found and path and not path.isdecimal():
        raise _unusable(variable, "behind the port stands the number of the database, as in /0")
    strange = [name for name in found if name not in _TAKEN and not name.startswith("ssl_")]
    if strange:
        raise _unusable(variable, f"leave out {', '.join(sorted(strange))}")
    if "path" not in found:
        found = {"host": "localhost", "port": PORT, **found}
    return kind, found


def _unusable(variable: str, hint: str) -> ConfigError:
    return ConfigError(f"the environment variable {variable} holds no usable Redis URL", hint=hint)


def _place(parameters: Mapping[str, Any]) -> str:
    database = parameters.get("db", 0)
    if "path" in parameters:
        return f"{parameters['path']}/{database}"
    host = parameters["host"]
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{parameters['port']}/{database}"
