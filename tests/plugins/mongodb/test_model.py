from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from tests.plugins.mongodb.helpers import migrated
from tests.providers.model import machine
from tests.servers.mongodb import MongoDatabase

pytestmark = [
    pytest.mark.backend("mongodb storage", against="mongodb"),
    pytest.mark.xdist_group("mongodb"),
]

SERVER: list[str] = []


@pytest.fixture(autouse=True)
def _server(mongo_url):
    SERVER[:] = [mongo_url]


async def fresh(_: Path):
    return await migrated(MongoDatabase(SERVER[0], f"luminora_{uuid4().hex[:16]}"))


TestModel = machine(fresh, examples=10, steps=15)
