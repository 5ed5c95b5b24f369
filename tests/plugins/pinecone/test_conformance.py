from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest
from luminora_pinecone.store import PineconeStore

from luminora.testing import VectorStoreConformance, declared_capabilities
from tests.plugins.pinecone.conftest import REAL, real_store, store_on
from tests.servers.pinecone import NAME

pytestmark = [
    pytest.mark.backend("pinecone vectors", against="Pinecone itself" if REAL else NAME),
    pytest.mark.xdist_group(NAME),
]


class OnDouble(VectorStoreConformance):
    capabilities: ClassVar = {
        **declared_capabilities("luminora_pinecone", "vector_store", "pinecone"),
        "exact": "full",  # the double compares with every vector
    }
    config: ClassVar = {}
    lag = 0.0

    async def make_provider(self) -> PineconeStore:
        double = self.request.getfixturevalue("pinecone_double")
        double.lag = self.lag
        return store_on(double.url, **self.config)

    async def settle(self, provider) -> None:
        await asyncio.sleep(self.lag * 1.5)


@pytest.mark.skipif(bool(REAL), reason="the real service is tested")
class TestNamespacePerUser(OnDouble):
    pass


@pytest.mark.skipif(bool(REAL), reason="the real service is tested")
class TestOneNamespace(OnDouble):
    config: ClassVar = {"namespace_per_user": False}


@pytest.mark.skipif(bool(REAL), reason="the real service is tested")
class TestWritesSeenLate(OnDouble):
    lag = 0.1


@pytest.mark.skipif(not REAL, reason="LUMINORA_TEST_PINECONE_API_KEY is not set")
class TestPinecone(VectorStoreConformance):
    capabilities = declared_capabilities("luminora_pinecone", "vector_store", "pinecone")
    timeout = 600.0

    async def make_provider(self) -> PineconeStore:
        return real_store()

    async def settle(self, provider) -> None:
        await asyncio.sleep(15)

    async def dispose(self, provider) -> None:
        await provider.drop()
        await provider.at("messages_2").drop()
        await provider.aclose()
