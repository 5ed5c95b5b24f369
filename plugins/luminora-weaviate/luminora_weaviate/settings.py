"""What a configuration says, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final, Self
from urllib.parse import urlsplit

from luminora.errors import ConfigError
from luminora.providers import ProviderContext
from luminora.providers.vectors import placed

_SECTION: Final = "vector_store_provider.config"
_PORTS: Final = {False: (8080, 50051), True: (443, 443)}
"""REST and gRPC, without and with encryption."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The provider's settings; see the manifest for their meaning.

    Attributes:
        api_key: None for a server that lets everybody in.
        key_variable: The environment variable that held the key, for messages.
        base: The default index's collection, the prefix included.
    """

    host: str = "localhost"
    port: int = 8080
    secure: bool = False
    grpc_host: str = "localhost"
    grpc_port: int = 50051
    api_key: str | None = field(default=None, repr=False)
    key_variable: str | None = None
    base: str = "LuminoraMessages"
    connect_timeout: float = 5.0
    timeout: float = 15.0
    write_timeout: float = 60.0
    skip_init_checks: bool = False

    @property
    def address(self) -> str:
        """Where the server is, for messages."""
        return f"{self.host}:{self.port}"

    @property
    def grpc_address(self) -> str:
        """Where its gRPC interface is, for messages."""
        return f"{self.grpc_host}:{self.grpc_port}"

    @classmethod
    def read(cls, config: Mapping[str, Any], context: ProviderContext) -> Self:
        """The settings in a configuration.

        Raises:
            ConfigError: The address cannot be used, or is not encrypted and not allowed to be so.
            CredentialsMissing: The variable with the key is named and unset.
        """
        host, port, secure = _rest(config)
        variable = config.get("api_key_env")
        grpc_host = config.get("grpc_host") or _grpc_host(host)
        grpc_port = config.get("grpc_port") or _PORTS[secure][1]
        if not (secure or config.get("allow_insecure", False)):
            _refuse_others(host, grpc_host)
        if (host, port) == (grpc_host, grpc_port):
            raise ConfigError(
                f"REST and gRPC cannot both be at {host}:{port}",
                where=f"{_SECTION}.grpc_port",
                hint="set grpc_port to the port of the gRPC interface, usually 50051",
            )
        return cls(
            host=host,
            port=port,
            secure=secure,
            grpc_host=grpc_host,
            grpc_port=grpc_port,
            api_key=context.secret(variable, provider="weaviate") if variable else None,
            key_variable=variable,
            base=_capital(context.table_prefix + config.get("collection_name", "LuminoraMessages")),
            connect_timeout=config.get("connect_timeout_seconds", 5.0),
            timeout=config.get("timeout_seconds", 15.0),
            write_timeout=config.get("write_timeout_seconds", 60.0),
            skip_init_checks=config.get("skip_init_checks", False),
        )

    def name_of(self, index: str) -> str:
        """What Weaviate calls an index: ``messages_2`` is ``LuminoraMessages_2``."""
        return placed(self.base, index)


def _rest(config: Mapping[str, Any]) -> tuple[str, int, bool]:
    """Host, port and encryption of the REST interface."""
    url = config.get("url")
    if url is None:
        secure = config.get("secure", False)
        return config.get("host", "localhost"), config.get("port") or _PORTS[secure][0], secure
    try:
        parts = urlsplit(url)
        given = parts.port
    except ValueError:
        parts, given = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
        raise ConfigError(
            f"'{url.rpartition('@')[2]}' is no address of a server",
            where=f"{_SECTION}.url",
            hint="it looks like https://name.weaviate.cloud or http://localhost:8080",
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "an address holds no credentials and no query",
            where=f"{_SECTION}.url",
            hint="see api_key_env",
        )
    secure = parts.scheme == "https"
    return parts.hostname, given or (443 if secure else 80), secure


def _grpc_host(host: str) -> str:
    """Where Weaviate Cloud answers gRPC; elsewhere it is the same host."""
    if host.endswith(".weaviate.network"):
        name, _, domain = host.partition(".")
        return f"{name}.grpc.{domain}"
    return f"grpc-{host}" if host.endswith(".weaviate.cloud") else host


def _refuse_others(*hosts: str) -> None:
    for host in hosts:
        if not _is_local(host):
            raise ConfigError(
                f"the connection to {host} would not be encrypted: key and vectors could be read",
                where=_SECTION,
                hint='use https (or "secure": true), or set "allow_insecure": true if the network '
                "is yours",
            )


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _capital(name: str) -> str:
    """Collections begin with a capital; Weaviate would change the name itself."""
    return name[:1].upper() + name[1:]
