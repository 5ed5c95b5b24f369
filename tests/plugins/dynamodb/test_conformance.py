import pytest
from luminora_dynamodb.storage import DynamoDBStorage

from luminora.providers import Kind
from luminora.testing import StorageConformance, declared_capabilities

pytestmark = [
    pytest.mark.backend("dynamodb storage", against="moto"),
    pytest.mark.xdist_group("moto"),
]


class TestOnMoto(StorageConformance):
    capabilities = declared_capabilities("luminora_dynamodb", Kind.STORAGE, "dynamodb")

    async def make_provider(self) -> DynamoDBStorage:
        return await self.request.getfixturevalue("moto").storage()
