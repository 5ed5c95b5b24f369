import pytest
from luminora_mysql.storage import MySqlStorage

from luminora.testing import StorageConformance, declared_capabilities
from tests.plugins.mysql import databases

pytestmark = [
    pytest.mark.backend("mysql storage", against="mariadb"),
    pytest.mark.xdist_group("mariadb"),
]


class TestMySql(StorageConformance):
    capabilities = declared_capabilities("luminora_mysql", "storage", "mysql")
    prefix = ""

    async def make_provider(self) -> MySqlStorage:
        database = self.request.getfixturevalue("mariadb_shared")
        return await databases.migrated(database, self.prefix)


class TestMySqlWithPrefix(TestMySql):
    prefix = "app_"
