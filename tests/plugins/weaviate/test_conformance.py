from __future__ import annotations

from typing import ClassVar

import pytest
from luminora_weaviate.store import WeaviateStore

from luminora.testing import VectorStoreConformance, declared_capabilities
from tests.plugins.weaviate.conftest import REAL, real_store, store_on
from tests.servers.weaviate import NAME

pytestmark = [
    pytest.mark.backend("weaviate vectors", against="a real Weaviate" if REAL else NAME),
    pytest.mark.xdist_group(NAME),
]


@pytest.mark.skipif(bool(REAL), reason="a real server is tested")
class TestOnDouble(VectorStoreConformance):
    capabilities: ClassVar = {
        **declared_capabilities("luminora_weaviate", "vector_store", "weaviate"),
        "exact": "full",  # the double compares with every vector
    }

    async def make_provider(self) -> WeaviateStore:
        return store_on(self.request.getfixturevalue("weaviate_double"))


@pytest.mark.skipif(not REAL, reason="LUMINORA_TEST_WEAVIATE_URL is not set")
class TestWeaviate(VectorStoreConformance):
    capabilities = declared_capabilities("luminora_weaviate", "vector_store", "weaviate")
    timeout = 300.0

    async def make_provider(self) -> WeaviateStore:
        return real_store()

    async def dispose(self, provider) -> None:
        await provider.drop()
        await provider.at("messages_2").drop()
        await provider.aclose()
