from __future__ import annotations

import pytest
from luminora_faiss.store import FaissStore

from luminora.testing import VectorStoreConformance, declared_capabilities

pytestmark = pytest.mark.backend("faiss vectors", against="faiss-cpu, in the process")


class TestFaiss(VectorStoreConformance):
    capabilities = declared_capabilities("luminora_faiss", "vector_store", "faiss")

    async def make_provider(self) -> FaissStore:
        return FaissStore(self.tmp_path / "vectors")


class TestFaissWithPrefix(TestFaiss):
    async def make_provider(self) -> FaissStore:
        return FaissStore(self.tmp_path / "vectors", table_prefix="app_")
