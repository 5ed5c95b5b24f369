"""Providers for tests, built as the kernel builds them: through the hooks, defaults filled in."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from luminora_redis import hooks
from luminora_redis.cache import RedisCache
from luminora_redis.storage import RedisStorage

from luminora.providers import ProviderContext
from luminora.testing.servers.redis import RedisPlace


def filled(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """``config`` with the manifest's defaults."""
    manifest = json.loads(files("luminora_redis").joinpath("luminora-plugin.json").read_text())
    properties = manifest["providers"][kind]["redis"]["config_schema"]["properties"]
    assert set(config) <= set(properties)
    defaults = {name: one["default"] for name, one in properties.items() if "default" in one}
    return {**defaults, **config}


def context(env: dict[str, str], table_prefix: str = "") -> ProviderContext:
    return ProviderContext(data_dir=Path("data"), env=env, table_prefix=table_prefix)


def storage_at(place: RedisPlace, *, table_prefix: str = "", **changes: Any) -> RedisStorage:
    config = filled("storage", {**place.config, **changes})
    built = hooks.luminora_storage("redis", config, context(place.env, table_prefix))
    assert isinstance(built, RedisStorage)
    return built


def cache_at(place: RedisPlace, **changes: Any) -> RedisCache:
    config = filled("cache", {**place.config, **changes})
    built = hooks.luminora_cache("redis", config, context(place.env))
    assert isinstance(built, RedisCache)
    return built
