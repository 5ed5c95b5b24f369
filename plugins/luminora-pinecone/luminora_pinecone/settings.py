"""What a configuration says, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final, Self
from urllib.parse import SplitResult, urlsplit

from luminora.errors import ConfigError, InputError
from luminora.providers import ProviderContext
from luminora.providers.vectors import placed

CONTROL_PLANE: Final = "https://api.pinecone.io"
MAX_NAME: Final = 45
"""Characters of an index's name."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The provider's settings; see the manifest for their meaning.

    Attributes:
        base: The default index's name, the prefix included.
        key_variable: The environment variable that held the key, for messages.
    """

    api_key: str = field(repr=False)
    key_variable: str = "PINECONE_API_KEY"
    base: str = "luminora-messages"
    index_host: str | None = None
    host: str = CONTROL_PLANE
    cloud: str = "aws"
    region: str = "us-east-1"
    create_index: bool = True
    namespace_per_user: bool = True
    timeout: float = 20.0
    create_timeout: float = 180.0

    @classmethod
    def read(cls, config: Mapping[str, Any], context: ProviderContext) -> Self:
        """The settings in a configuration.

        Raises:
            ConfigError: An address cannot be used, or is not encrypted and not allowed to be so.
            CredentialsMissing: The variable with the key is unset.
        """
        variable = config.get("api_key_env", "PINECONE_API_KEY")
        insecure = config.get("allow_insecure", False)
        index_host = config.get("index_host")
        prefix = context.table_prefix.replace("_", "-")
        return cls(
            api_key=context.secret(variable, provider="pinecone"),
            key_variable=variable,
            base=prefix + config.get("index_name", "luminora-messages"),
            index_host=index_host and address(index_host, "index_host", insecure=insecure),
            host=address(config.get("host", CONTROL_PLANE), "host", insecure=insecure),
            cloud=config.get("cloud", "aws"),
            region=config.get("region", "us-east-1"),
            create_index=config.get("create_index", True),
            namespace_per_user=config.get("namespace_per_user", True),
            timeout=config.get("timeout_seconds", 20.0),
            create_timeout=config.get("create_timeout_seconds", 180.0),
        )

    def name_of(self, index: str) -> str:
        """What Pinecone calls an index: ``messages_2`` is ``luminora-messages-2``.

        Raises:
            InputError: The name is longer than Pinecone allows.
        """
        name = placed(self.base.replace("-", "_"), index).replace("_", "-")
        if len(name) > MAX_NAME:
            raise InputError(
                f"the index would be called '{name}': Pinecone allows {MAX_NAME} characters",
                hint="choose a shorter index_name",
            )
        return name


def address(text: str, setting: str, *, insecure: bool) -> str:
    """An address with its scheme, https if it has none; http only to this machine.

    Raises:
        ConfigError: It is none, or it would send the key unencrypted to another machine.
    """
    where = f"vector_store_provider.config.{setting}"
    parts = _split(text if "://" in text else f"https://{text}")
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(
            f"'{_shown(text)}' is no address of a server",
            where=where,
            hint="it begins with https://, as in https://api.pinecone.io",
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "an address holds no credentials and no query", where=where, hint="see api_key_env"
        )
    if parts.scheme == "http" and not (insecure or is_local(parts.hostname)):
        raise ConfigError(
            f"http to {parts.hostname} would send the API key and all vectors unencrypted",
            where=where,
            hint='use https, or set "allow_insecure": true if the network is yours',
        )
    return parts.geturl().rstrip("/")


def is_local(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _shown(text: str) -> str:
    """The text without what stands before an ``@``."""
    return text.rpartition("@")[2]
