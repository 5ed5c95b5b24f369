from __future__ import annotations

import pytest
from luminora_memcached.cache import MemcachedCache

from luminora.testing import CacheConformance, declared_capabilities
from tests.plugins.memcached.made import cache_at

pytestmark = [
    pytest.mark.backend("cache memcached", against="memcached"),
    pytest.mark.xdist_group("memcached"),
]


class TestCache(CacheConformance):
    capabilities = declared_capabilities("luminora_memcached", "cache", "memcached")

    async def make_provider(self) -> MemcachedCache:
        place = self.request.getfixturevalue("memcached_place")
        return cache_at(place.config, timeout_seconds=5)
