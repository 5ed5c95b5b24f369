"""Fixtures: stores on a database of the test's own, closed at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from luminora_postgresql.storage import PostgresStorage
from luminora_postgresql.vectors import PgVectorStore

from luminora.testing.servers.postgresql import PostgresDatabase, create_database, drop_database
from tests.plugins.pgvector import stores


@pytest.fixture(scope="session")
def _shared() -> Iterator[dict[str, PostgresDatabase]]:
    made: dict[str, PostgresDatabase] = {}
    yield made
    for admin, database in made.items():
        with suppress(Exception):  # a private server may be gone already
            drop_database(admin, database.name)


@pytest.fixture
def one_database(_shared: dict[str, PostgresDatabase], postgres_admin: str) -> PostgresDatabase:
    """One for many tests, which keep apart by their tables' prefix."""
    if postgres_admin not in _shared:
        _shared[postgres_admin] = create_database(postgres_admin)
    return _shared[postgres_admin]


@pytest.fixture
def make(postgres_database: PostgresDatabase) -> Iterator[Callable[..., PgVectorStore]]:
    """Makes stores with connections of their own."""
    made: list[PgVectorStore] = []

    def make(**config: Any) -> PgVectorStore:
        made.append(stores.alone(postgres_database, **config))
        return made[-1]

    yield make
    for store in made:
        store._connections.close()


@pytest.fixture
def storage(postgres_database: PostgresDatabase) -> Iterator[PostgresStorage]:
    """A storage without tables yet."""
    storage = stores.storage_on(postgres_database, "lum_")
    yield storage
    storage.connections.close()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many vectors of one user are compared one by one, for these tests."""
    from luminora_postgresql import vectorsearch

    monkeypatch.setattr(vectorsearch, "COMPARED", 50)
    return 50
