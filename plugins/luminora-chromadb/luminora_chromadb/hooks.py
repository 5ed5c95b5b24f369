"""The plugin's only hook: a vector store, its module imported when it is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.errors import ConfigError
from luminora.hookspecs import hookimpl
from luminora.providers import ProviderContext, VectorStoreProvider

_SERVER = ("host", "ssl", "token_env")


@hookimpl
def luminora_vector_store(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> VectorStoreProvider | None:
    """The collection in a folder, or on a server.

    Raises:
        ConfigError: A folder and a server are named at once, or a server's settings without it.
    """
    if name != "chromadb":
        return None
    from luminora_chromadb.links import Link
    from luminora_chromadb.store import ChromaStore

    named = [key for key in _SERVER if key in config]
    if named and "persist_directory" in config:
        raise _contradiction(f"'persist_directory' and '{named[0]}' both say where Chroma is")
    if named and "host" not in config:
        raise _contradiction(f"'{named[0]}' is about a server, and no 'host' is named")
    link: Link
    if "host" in config:
        from luminora_chromadb.remote import Remote

        variable = config.get("token_env")
        link = Remote(
            config["host"],
            config.get("port", 8000),
            ssl=config.get("ssl"),
            token=context.secret(variable, provider="chromadb") if variable else None,
            token_header=config.get("token_header", "Authorization"),
            tenant=config.get("tenant", "default_tenant"),
            database=config.get("database", "default_database"),
            timeout=float(config.get("timeout_seconds", 10.0)),
        )
    else:
        from luminora_chromadb.local import Local

        folder = context.path(config.get("persist_directory"), "chroma")
        link = Local(folder, lock_seconds=config.get("lock_seconds", 2.0))
    return ChromaStore(
        link,
        collection=config.get("collection_name", f"{context.table_prefix}luminora_messages"),
        candidates=config.get("candidates", 1_000),
    )


def _contradiction(what: str) -> ConfigError:
    return ConfigError(
        what,
        where="luminora.json (/vector_store_provider/config)",
        hint="set persist_directory for a folder, or host (and port) for a server",
    )
