"""What luminora.json says of the server, understood once."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

from luminora.errors import ConfigError
from luminora.providers import ProviderContext

PROVIDER: Final = "mysql"
MODES: Final = ("disabled", "preferred", "required", "verify_ca", "verify_identity")
"""How MySQL's own clients call the degrees of encryption."""

_PORT: Final = 3306
_SCHEMES: Final = frozenset({"mysql", "mariadb"})
_LOOKS: Final = "it has to look like mysql://user:password@host:3306/database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How the connection is encrypted.

    Attributes:
        mode: One of :data:`MODES`. ``preferred`` encrypts where the server can, as MySQL's own
            clients do; nothing below ``verify_ca`` tells one server from another.
        ca: File with the certificates that the server's is verified against.
        cert: File with the client's own certificate, with its key in ``key`` or in the same file.
    """

    mode: str = "preferred"
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext | None:
        """What the driver wants; None for no encryption.

        Raises:
            ConfigError: A file cannot be read, or holds no certificate.
        """
        if self.mode == "disabled":
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
            context.check_hostname = self.mode == "verify_identity"
            if not self.mode.startswith("verify"):
                context.verify_mode = ssl.CERT_NONE
            if self.cert is not None:
                context.load_cert_chain(self.cert, self.key)
        except (OSError, ssl.SSLError) as error:
            files = ", ".join(str(one) for one in (self.ca, self.cert, self.key) if one)
            raise ConfigError(
                f"the certificates cannot be used: {error}",
                where=files,
                hint="check ssl_ca, ssl_cert and ssl_key: PEM files that this user may read",
            ) from error
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where the server is and who comes in."""

    host: str = "localhost"
    port: int = _PORT
    database: str = "luminora"
    user: str | None = None
    password: str = field(default="", repr=False)
    unix_socket: str | None = None
    tls: Tls = field(default_factory=Tls)

    @property
    def where(self) -> str:
        """``host:port/database``, for people."""
        place = self.unix_socket or f"{self.host}:{self.port}"
        return f"{place}/{self.database}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the server is and what may be asked of it.

    Attributes:
        login: For the storage.
        migrator: For migrations, which need the right to create tables.
        least: Unused connections that are kept.
        most: Connections at the same time.
        connect_seconds: For a new connection, and for a free one.
        statement_seconds: For one transaction or search.
    """

    login: Login
    migrator: Login
    least: int = 1
    most: int = 10
    connect_seconds: float = 10.0
    statement_seconds: float = 30.0

    @classmethod
    def of(cls, config: Mapping[str, Any], context: ProviderContext) -> Self:
        """The settings that a provider's section gives.

        Raises:
            CredentialsMissing: A named environment variable is unset.
            ConfigError: A URL cannot be understood.
        """
        given = {
            name: config[name]
            for name in ("host", "port", "database", "user", "unix_socket")
            if config.get(name) is not None
        }
        if variable := config.get("password_env"):
            given["password"] = context.secret(variable, provider=PROVIDER)
        login = Login(**given, tls=_tls(config, context))
        if variable := config.get("url_env"):
            login = _named(login, variable, context)
        migrator = login
        if variable := config.get("migration_url_env"):
            migrator = _named(login, variable, context)
        return cls(
            login=login,
            migrator=migrator,
            least=config.get("min_connections", 1),
            most=config.get("max_connections", 10),
            connect_seconds=config.get("connect_timeout_seconds", 10),
            statement_seconds=config.get("statement_timeout_seconds", 30),
        )


def _tls(config: Mapping[str, Any], context: ProviderContext) -> Tls:
    files = {
        name: context.base_dir / Path(config[f"ssl_{name}"]).expanduser()
        for name in ("ca", "cert", "key")
        if config.get(f"ssl_{name}")
    }
    return Tls(mode=config.get("ssl_mode", "preferred"), **files)


def _named(login: Login, variable: str, context: ProviderContext) -> Login:
    """``login`` with what the URL in an environment variable says instead."""
    # Messages never quote the URL: it holds the password.
    url = context.secret(variable, provider=PROVIDER)
    try:
        parts = urlsplit(url)
        port = parts.port
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    except ValueError:
        raise _unusable(variable, _LOOKS) from None
    if parts.scheme.partition("+")[0] not in _SCHEMES or not parts.hostname:
        raise _unusable(variable, _LOOKS)
    mode = query.pop("ssl_mode", query.pop("ssl-mode", login.tls.mode)).lower()
    if mode not in MODES or query:
        known = f"only ssl_mode may stand behind the question mark: {', '.join(MODES)}"
        raise _unusable(variable, known)
    return replace(
        login,
        host=unquote(parts.hostname),
        port=port or _PORT,
        database=unquote(parts.path.strip("/")) or login.database,
        user=unquote(parts.username) if parts.username else login.user,
        password=unquote(parts.password) if parts.password else login.password,
        unix_socket=None,
        tls=replace(login.tls, mode=mode),
    )


def _unusable(variable: str, hint: str) -> ConfigError:
    return ConfigError(f"the environment variable {variable} holds no usable MySQL URL", hint=hint)
