"""Caches for tests, built as the kernel builds them: through the hook, defaults filled in."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from luminora_memcached import hooks
from luminora_memcached.cache import MemcachedCache


def cache_at(config: dict[str, Any], **changes: Any) -> MemcachedCache:
    manifest = json.loads(files("luminora_memcached").joinpath("luminora-plugin.json").read_text())
    properties = manifest["providers"]["cache"]["memcached"]["config_schema"]["properties"]
    config = {**config, **changes}
    assert set(config) <= set(properties)
    defaults = {name: one["default"] for name, one in properties.items() if "default" in one}
    built = hooks.luminora_cache("memcached", {**defaults, **config})
    assert isinstance(built, MemcachedCache)
    return built
