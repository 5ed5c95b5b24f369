from __future__ import annotations

from uuid import uuid4

import pytest
from luminora_chromadb.local import Local
from luminora_chromadb.remote import Remote
from luminora_chromadb.store import ChromaStore

from luminora.testing import VectorStoreConformance, declared_capabilities

CAPABILITIES = declared_capabilities("luminora_chromadb", "vector_store", "chromadb")


@pytest.mark.backend("chromadb vectors", against="a folder, in the process")
class TestFolder(VectorStoreConformance):
    capabilities = CAPABILITIES

    async def make_provider(self) -> ChromaStore:
        return ChromaStore(Local(self.tmp_path / "chroma_data"))


@pytest.mark.backend("chromadb vectors", against="chroma")
@pytest.mark.xdist_group("chroma")
class TestServer(VectorStoreConformance):
    capabilities = CAPABILITIES

    async def make_provider(self) -> ChromaStore:
        server = self.request.getfixturevalue("chroma")
        return ChromaStore(Remote("127.0.0.1", server.port), collection=f"c{uuid4().hex}")
