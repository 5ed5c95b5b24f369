"""What Luminora calls; the client is imported when a provider is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import CacheProvider, ProviderContext, StorageProvider


@hookimpl
def luminora_storage(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> StorageProvider | None:
    """The database."""
    if name != "redis":
        return None
    from luminora_redis.settings import Settings
    from luminora_redis.storage import RedisStorage

    return RedisStorage(
        Settings.of(config, context),
        prefix=config.get("key_prefix", "luminora"),
        table_prefix=context.table_prefix,
        require_persistence=config.get("require_persistence", False),
        wait_for_fsync=config.get("wait_for_fsync", False),
    )


@hookimpl
def luminora_cache(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> CacheProvider | None:
    """The cache."""
    if name != "redis":
        return None
    from luminora_redis.cache import RedisCache

    return RedisCache(config, context)
