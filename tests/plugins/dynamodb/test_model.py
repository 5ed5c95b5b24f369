from __future__ import annotations

import pytest
from luminora_dynamodb.storage import DynamoDBStorage

from tests.providers.model import machine
from tests.servers.dynamodb import MotoServer

pytestmark = [
    pytest.mark.backend("dynamodb storage", against="moto"),
    pytest.mark.xdist_group("moto"),
]

SERVER: list[MotoServer] = []


@pytest.fixture(autouse=True, scope="module")
def server(moto_server):
    SERVER.append(moto_server)


async def fresh(_) -> DynamoDBStorage:
    SERVER[0].reset()
    return await SERVER[0].storage()


TestModel = machine(fresh, examples=6, steps=12)
