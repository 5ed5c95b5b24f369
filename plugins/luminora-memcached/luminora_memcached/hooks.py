"""What Luminora calls; the cache is imported when it is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import CacheProvider


@hookimpl
def luminora_cache(name: str, config: Mapping[str, Any]) -> CacheProvider | None:
    """The cache."""
    if name != "memcached":
        return None
    from luminora_memcached.cache import MemcachedCache

    return MemcachedCache(config)
