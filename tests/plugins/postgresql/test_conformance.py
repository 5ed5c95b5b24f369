from typing import Any, ClassVar

import pytest
from luminora_postgresql.storage import PostgresStorage

from luminora.testing import StorageConformance, declared_capabilities
from tests.plugins.postgresql import databases

pytestmark = [
    pytest.mark.backend("postgresql storage", against="postgresql"),
    pytest.mark.xdist_group("postgresql"),
]


class TestPostgres(StorageConformance):
    capabilities = declared_capabilities("luminora_postgresql", "storage", "postgresql")
    prefix = ""
    changes: ClassVar[dict[str, Any]] = {}

    async def make_provider(self) -> PostgresStorage:
        admin = self.request.getfixturevalue("postgres_admin_url")
        database = await databases.shared(admin, self.prefix)
        provider = databases.storage(database, self.prefix, **self.changes)
        await provider.connect()
        return provider


class TestPostgresWithPrefix(TestPostgres):
    prefix = "app_"


class TestPostgresBehindAPooler(TestPostgres):
    changes: ClassVar[dict[str, Any]] = {"pgbouncer": True}
