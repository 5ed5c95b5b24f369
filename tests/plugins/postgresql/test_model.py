import pytest
from luminora_postgresql.storage import PostgresStorage

from luminora.testing.servers.postgresql import PostgresDatabase
from tests.plugins.postgresql import databases
from tests.providers.model import machine

pytestmark = [
    pytest.mark.backend("postgresql storage", against="postgresql"),
    pytest.mark.xdist_group("postgresql"),
]

PLACE: list[PostgresDatabase] = []


@pytest.fixture(autouse=True)
def place(migrated_database):
    PLACE[:] = [migrated_database]


async def fresh(folder) -> PostgresStorage:
    databases.truncate(PLACE[0])
    storage = databases.storage(PLACE[0])
    await storage.connect()
    return storage


TestModel = machine(fresh, examples=10, steps=15)
