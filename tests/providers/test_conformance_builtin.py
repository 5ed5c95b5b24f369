from luminora.builtin.caches.disk import DiskCache
from luminora.builtin.caches.memory import MemoryCache
from luminora.builtin.offline import OfflineLLM
from luminora.builtin.sqlite import vectors
from luminora.builtin.sqlite.vectors import SqliteVecStore
from luminora.builtin.static import StaticEmbedding
from luminora.providers import ProviderContext
from luminora.testing import (
    CacheConformance,
    EmbeddingConformance,
    LLMConformance,
    VectorStoreConformance,
    declared_capabilities,
)
from tests.providers.sqlite_files import migrated


class TestMemoryCache(CacheConformance):
    capabilities = declared_capabilities("luminora", "cache", "memory")

    async def make_provider(self) -> MemoryCache:
        return MemoryCache()


class TestDiskCache(CacheConformance):
    capabilities = declared_capabilities("luminora", "cache", "disk")

    async def make_provider(self) -> DiskCache:
        return DiskCache({}, ProviderContext(data_dir=self.tmp_path))


class TestSqliteVec(VectorStoreConformance):
    capabilities = declared_capabilities("luminora", "vector_store", "sqlite-vec")

    async def make_provider(self) -> SqliteVecStore:
        return SqliteVecStore(self.tmp_path / "vectors.db")


class TestSqliteVecInMemory(TestSqliteVec):
    """Every user counts as large, so every query runs on a copy in memory."""

    async def make_provider(self) -> SqliteVecStore:
        self.request.getfixturevalue("monkeypatch").setattr(vectors, "MIRRORED", 0)
        return await super().make_provider()


class TestSqliteVecBesideStorage(TestSqliteVec):
    async def make_provider(self) -> SqliteVecStore:
        self.storage = await migrated(self.tmp_path / "luminora.db", table_prefix="app_")
        return SqliteVecStore(self.storage)

    async def dispose(self, provider: SqliteVecStore) -> None:
        await provider.aclose()
        await self.storage.aclose()


class TestOffline(LLMConformance):
    capabilities = declared_capabilities("luminora", "llm", "offline")

    async def make_provider(self) -> OfflineLLM:
        return OfflineLLM({}, ProviderContext(data_dir=self.tmp_path))


class TestStatic(EmbeddingConformance):
    capabilities = declared_capabilities("luminora", "embedding", "static")

    async def make_provider(self) -> StaticEmbedding:
        return StaticEmbedding({}, ProviderContext(data_dir=self.tmp_path))
