from __future__ import annotations

from uuid import uuid4

import pytest
from luminora_qdrant.links import Local, Remote
from luminora_qdrant.store import QdrantStore

from luminora.testing import VectorStoreConformance, declared_capabilities

LOCAL = "qdrant-client's local mode"


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
