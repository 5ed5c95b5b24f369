import asyncio

import pytest
from luminora_mongodb.storage import MongoStorage
from luminora_mongodb.vectors import AtlasVectorStore

from luminora.providers import VectorStoreProvider
from luminora.testing import StorageConformance, VectorStoreConformance, declared_capabilities
from tests.plugins.mongodb.helpers import migrated, vectors_on
from tests.servers.mongodb import on_a_real_server

pytestmark = pytest.mark.xdist_group("mongodb")


@pytest.mark.backend("mongodb storage", against="mongodb")
class TestMongo(StorageConformance):
    capabilities = declared_capabilities("luminora_mongodb", "storage", "mongodb")

    async def make_provider(self) -> MongoStorage:
        return await migrated(self.request.getfixturevalue("mongo_database"))


class TestMongoWithPrefix(TestMongo):
    async def make_provider(self) -> MongoStorage:
        return await migrated(self.request.getfixturevalue("mongo_database"), prefix="app_")


@pytest.mark.backend("mongodb-atlas vector store", against="mongodb")
class TestAtlas(VectorStoreConformance):
    capabilities = declared_capabilities("luminora_mongodb", "vector_store", "mongodb-atlas")

    async def make_provider(self) -> AtlasVectorStore:
        return vectors_on(self.request.getfixturevalue("mongo_database"))

    async def settle(self, provider: VectorStoreProvider) -> None:
        if on_a_real_server():
            await asyncio.sleep(2)  # Atlas's search process follows the database
