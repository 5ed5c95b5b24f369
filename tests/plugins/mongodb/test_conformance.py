import pytest

from luminora.testing import StorageConformance, declared_capabilities
from luminora_mongodb.storage import MongoStorage
from tests.plugins.mongodb.helpers import migrated

pytestmark = [
    pytest.mark.backend("mongodb storage", against="mongodb"),
    pytest.mark.xdist_group("mongodb"),
]


class TestMongo(StorageConformance):
    capabilities = declared_capabilities("luminora_mongodb", "storage", "mongodb")

    async def make_provider(self) -> MongoStorage:
        return await migrated(self.request.getfixturevalue("mongo_database"))


class TestMongoWithPrefix(TestMongo):
    async def make_provider(self) -> MongoStorage:
        return await migrated(self.request.getfixturevalue("mongo_database"), prefix="app_")
