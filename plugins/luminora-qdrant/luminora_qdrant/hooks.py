"""The plugin's only hook: a vector store, its module imported when it is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.errors import ConfigError
from luminora.hookspecs import hookimpl
from luminora.providers import ProviderContext, VectorStoreProvider

_SERVER = ("url", "host", "https", "api_key_env")


@hookimpl
def luminora_vector_store(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> VectorStoreProvider | None:
    """The collection on a server, or in a folder.

    Raises:
        ConfigError: Two places are named at once.
    """
    if name != "qdrant":
        return None
    from luminora_qdrant.links import Link, Local, Remote, address_of
    from luminora_qdrant.store import QdrantStore

    path = config.get("path")
    named = [key for key in _SERVER if key in config]
    if path is not None and named:
        raise _contradiction("path", named[0])
    if "url" in config and "host" in config:
        raise _contradiction("url", "host")
    timeout = float(config.get("timeout_seconds", 10.0))
    link: Link
    if path is None:
        variable = config.get("api_key_env")
        key = context.secret(variable, provider="qdrant") if variable else None
        link = Remote(
            address_of(
                config.get("url"),
                host=config.get("host", "localhost"),
                port=config.get("port", 6333),
                https=config.get("https"),
                key=key,
            ),
            key=key,
            grpc_port=config.get("grpc_port", 6334) if config.get("prefer_grpc") else None,
            timeout=timeout,
            connections=config.get("max_connections", 10),
        )
    else:
        link = Local(path if path == ":memory:" else str(context.path(path, "qdrant")))
    return QdrantStore(
        link,
        collection=config.get("collection_name", f"{context.table_prefix}luminora_messages"),
        exact_below=config.get("exact_below", 20_000),
        on_disk=config.get("on_disk", False),
    )


def _contradiction(one: str, other: str) -> ConfigError:
    return ConfigError(
        f"'{one}' and '{other}' both say where Qdrant is",
        where="luminora.json (/vector_store_provider/config)",
        hint=f"keep '{one}' or '{other}'",
    )
