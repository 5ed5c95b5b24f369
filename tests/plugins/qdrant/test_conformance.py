from __future__ import annotations

import os
from uuid import uuid4

import pytest
from luminora_qdrant.links import Local, Remote
from luminora_qdrant.store import QdrantStore

from luminora.testing import VectorStoreConformance, declared_capabilities

LOCAL = "qdrant-client's local mode"
REAL = os.environ.get("LUMINORA_TEST_QDRANT_URL")

CAPABILITIES = declared_capabilities("luminora_qdrant", "vector_store", "qdrant")


@pytest.mark.backend("qdrant vectors", against=LOCAL)
class TestLocalFolder(VectorStoreConformance):
    capabilities = CAPABILITIES

    async def make_provider(self) -> QdrantStore:
        return QdrantStore(Local(str(self.tmp_path / "vectors")))


class TestLocalMemory(TestLocalFolder):
    async def make_provider(self) -> QdrantStore:
        return QdrantStore(Local(":memory:"), collection="of-my-own")


@pytest.mark.backend("qdrant vectors", against="qdrant double")
@pytest.mark.xdist_group("qdrant double")
class TestRest(VectorStoreConformance):
    capabilities = CAPABILITIES

    async def make_provider(self) -> QdrantStore:
        server = self.request.getfixturevalue("qdrant")
        return QdrantStore(Remote(server.url), collection=f"c{uuid4().hex}")


@pytest.mark.skipif(not REAL, reason="LUMINORA_TEST_QDRANT_URL is not set")
@pytest.mark.backend("qdrant vectors", against="a real Qdrant")
class TestServer(VectorStoreConformance):
    capabilities = CAPABILITIES

    async def make_provider(self) -> QdrantStore:
        return QdrantStore(Remote(str(REAL)), collection=f"luminora_test_{uuid4().hex}")

    async def dispose(self, provider: QdrantStore) -> None:
        await provider.drop()
        await provider.at("messages_2").drop()
        await provider.aclose()
