from __future__ import annotations

from pathlib import Path

import pytest

from luminora.testing.servers.mariadb import Database
from tests.plugins.mysql import databases
from tests.providers.model import machine

pytestmark = [
    pytest.mark.backend("mysql storage", against="mariadb"),
    pytest.mark.xdist_group("mariadb"),
]

TABLES = ("user_facts", "messages", "message_terms", "sessions")
_here: list[Database] = []


@pytest.fixture(scope="module", autouse=True)
def _database(mariadb_shared: Database) -> None:
    _here[:] = [mariadb_shared]


async def fresh(_: Path):
    storage = await databases.migrated(_here[0], "model_")
    async with storage.connections.connection() as connection:
        for table in TABLES:
            await connection.run(f"DELETE FROM model_{table}")  # noqa: S608
    return storage


TestModel = machine(fresh, examples=10, steps=15)
