from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest

from luminora.testing.servers.postgresql import PostgresDatabase, create_database, drop_database
from tests.plugins.postgresql import databases


@pytest.fixture(scope="session", autouse=True)
def templates() -> Iterator[None]:
    yield
    with suppress(Exception):  # the server may be gone, and they with it
        databases.drop_all()


@pytest.fixture
def migrated_database(postgres_admin: str) -> Iterator[PostgresDatabase]:
    """A database with the schema in it."""
    database = create_database(postgres_admin, asyncio.run(databases.template(postgres_admin)))
    yield database
    with suppress(Exception):  # the test may have left the server dead; the next one restarts it
        drop_database(postgres_admin, database.name)
