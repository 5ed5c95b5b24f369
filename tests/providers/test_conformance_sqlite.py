from luminora.builtin.sqlite.storage import SqliteStorage
from luminora.testing import StorageConformance, declared_capabilities
from tests.providers.sqlite_files import migrated


class TestSqlite(StorageConformance):
    capabilities = declared_capabilities("luminora", "storage", "sqlite")

    async def make_provider(self) -> SqliteStorage:
        return await migrated(self.tmp_path / "luminora.db")


class TestSqliteWithPrefix(TestSqlite):
    async def make_provider(self) -> SqliteStorage:
        return await migrated(self.tmp_path / "luminora.db", table_prefix="app_")
