from __future__ import annotations

import pytest
from luminora_redis.cache import RedisCache
from luminora_redis.storage import RedisStorage

from luminora.testing import (
    CacheConformance,
    StorageConformance,
    declared_capabilities,
    migrate,
)
from tests.plugins.redis.made import cache_at, storage_at

pytestmark = pytest.mark.xdist_group("redis")


@pytest.mark.backend("storage redis", against="redis")
class TestStorage(StorageConformance):
    capabilities = declared_capabilities("luminora_redis", "storage", "redis")

    async def make_provider(self) -> RedisStorage:
        storage = storage_at(self.request.getfixturevalue("redis_place"))
        await migrate(storage)
        await storage.connect()
        return storage


@pytest.mark.backend("cache redis", against="redis")
class TestCache(CacheConformance):
    capabilities = declared_capabilities("luminora_redis", "cache", "redis")

    async def make_provider(self) -> RedisCache:
        return cache_at(self.request.getfixturevalue("redis_place"), timeout_seconds=5)
