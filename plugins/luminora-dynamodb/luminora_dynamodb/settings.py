"""What the configuration says: region, credentials, endpoint, deadlines, names of tables."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from luminora.errors import ConfigError
from luminora.providers import ProviderContext

PREFIX: Final = "luminora_"
"""Put before the tables' names when nobody says otherwise: an account's tables share one space."""
_LOCAL_REGION: Final = "us-east-1"
_AWS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to reach DynamoDB.

    Attributes:
        region: AWS region; None leaves it to the profile.
        credentials: Access key, secret key and session token; None asks AWS's own chain.
        profile: A profile of the AWS configuration files.
        endpoint_url: Another server than AWS's: DynamoDB Local, a VPC endpoint.
        table_prefix: Put before every table's name.
        connect_timeout: Seconds a connection may take.
        read_timeout: Seconds an answer may take.
        max_attempts: How often a request is sent before it is given up.
        max_connections: Requests on their way at the same time.
    """

    region: str | None = None
    credentials: tuple[str, str, str | None] | None = field(default=None, repr=False)
    profile: str | None = None
    endpoint_url: str | None = None
    table_prefix: str = PREFIX
    connect_timeout: float = 5.0
    read_timeout: float = 10.0
    max_attempts: int = 4
    max_connections: int = 16

    @property
    def place(self) -> str:
        """Where the tables are, for messages."""
        return self.endpoint_url or f"DynamoDB in {self.region or 'the region of the profile'}"


def settings_of(config: Mapping[str, Any], context: ProviderContext) -> Settings:
    """The settings of a configuration.

    Raises:
        ConfigError: The endpoint is no usable address, no region is known, or half of a pair of
            keys is named.
        CredentialsMissing: A variable that was named is not set.
    """
    endpoint = _endpoint(config.get("endpoint_url"))
    local = endpoint is not None and _loopback(endpoint)
    env, profile = context.env, config.get("profile")
    region = config.get("region") or env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION")
    if not region and not profile and not local:
        raise ConfigError(
            "provider 'dynamodb' has no region",
            hint='add "region": "eu-west-1" to storage_provider.config, or set AWS_REGION',
        )
    prefix = config.get("table_prefix")
    return Settings(
        region=region or (_LOCAL_REGION if local else None),
        credentials=_credentials(config, context, local=local),
        profile=profile,
        endpoint_url=endpoint,
        table_prefix=(context.table_prefix or PREFIX) if prefix is None else prefix,
        connect_timeout=config.get("connect_timeout_seconds", 5.0),
        read_timeout=config.get("timeout_seconds", 10.0),
        max_attempts=config.get("max_attempts", 4),
        max_connections=config.get("max_connections", 16),
    )


def _credentials(
    config: Mapping[str, Any], context: ProviderContext, *, local: bool
) -> tuple[str, str, str | None] | None:
    """The keys that the configuration names, or those of ``.env``; a local server takes any."""
    names = config.get("access_key_env"), config.get("secret_key_env")
    token_name = config.get("session_token_env")
    if all(names):
        access, secret = (context.secret(str(name), provider="dynamodb") for name in names)
        token = context.secret(token_name, provider="dynamodb") if token_name else None
        return access, secret, token
    if any(names) or token_name:
        raise ConfigError(
            "access_key_env and secret_key_env of provider 'dynamodb' belong together",
            hint="name both variables, or neither: then AWS's own chain of credentials is asked",
        )
    if config.get("profile"):
        return None
    access, secret, token = (context.env.get(name, "").strip() for name in _AWS)
    if access and secret:
        return access, secret, token or None
    return ("local", "local", None) if local else None


def _endpoint(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            f"endpoint_url of provider 'dynamodb' is no address: {url!r:.100}",
            hint='write it as "http://127.0.0.1:8000", or leave it out for AWS itself',
        )
    if parts.username or parts.password:
        raise ConfigError("endpoint_url of provider 'dynamodb' holds a name or password")
    if parts.scheme == "http" and not _loopback(url):
        raise ConfigError(
            f"endpoint_url {url} of provider 'dynamodb' is not encrypted",
            hint="use https://; plain http is for this machine alone (127.0.0.1, localhost)",
        )
    return re.sub(r"/+$", "", url)


def _loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
