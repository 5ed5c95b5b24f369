"""Fixtures: stores on a database of the test's own, closed at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from luminora_postgresql.storage import PostgresStorage
from luminora_postgresql.vectors import PgVectorStore

from tests.plugins.pgvector import stores
from tests.servers.postgresql import PostgresDatabase


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
