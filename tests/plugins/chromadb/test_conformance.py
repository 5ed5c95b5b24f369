from __future__ import annotations

import os
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from luminora_chromadb.local import Local
from luminora_chromadb.remote import Remote
from luminora_chromadb.store import ChromaStore

from luminora.testing import VectorStoreConformance, declared_capabilities

REAL = os.environ.get("LUMINORA_TEST_CHROMA_URL")
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


@pytest.mark.skipif(not REAL, reason="LUMINORA_TEST_CHROMA_URL is not set")
@pytest.mark.backend("chromadb vectors", against="another Chroma server")
class TestAnotherServer(VectorStoreConformance):
    capabilities = CAPABILITIES

    async def make_provider(self) -> ChromaStore:
        place = urlsplit(str(REAL))
        remote = Remote(place.hostname or "127.0.0.1", place.port or 8000)
        return ChromaStore(remote, collection=f"luminora_test_{uuid4().hex}")

    async def dispose(self, provider: ChromaStore) -> None:
        await provider.drop()
        await provider.at("messages_2").drop()
        await provider.aclose()
