from __future__ import annotations

from typing import ClassVar
from uuid import uuid4

import pytest
from luminora_postgresql.vectors import PgVectorStore

from luminora.providers import Kind
from luminora.testing import VectorStoreConformance, declared_capabilities
from luminora.testing.servers.postgresql import PostgresDatabase
from tests.plugins.pgvector.stores import alone, beside, storage_on

pytestmark = [
    pytest.mark.backend("pgvector vector store", against="postgresql"),
    pytest.mark.xdist_group("postgresql"),
]


def prefix() -> str:
    """Tables of the test's own."""
    return f"t{uuid4().hex[:12]}_"


class _PgVector(VectorStoreConformance):
    capabilities = declared_capabilities("luminora_postgresql", Kind.VECTOR_STORE, "pgvector")

    @property
    def database(self) -> PostgresDatabase:
        return self.request.getfixturevalue("one_database")


class TestOnConnectionsOfItsOwn(_PgVector):
    settings: ClassVar[dict[str, object]] = {}

    async def make_provider(self) -> PgVectorStore:
        return alone(self.database, prefix(), **self.settings)


class TestWithoutAnIndexOverVectors(TestOnConnectionsOfItsOwn):
    settings: ClassVar[dict[str, object]] = {"index_type": "none"}


class TestThroughAPooler(TestOnConnectionsOfItsOwn):
    """As with PgBouncer: nothing is prepared or kept in a session."""

    settings: ClassVar[dict[str, object]] = {"pgbouncer": True}


class TestBesideTheStorage(_PgVector):
    async def make_provider(self) -> PgVectorStore:
        return beside(storage_on(self.database, prefix()))

    async def dispose(self, provider: PgVectorStore) -> None:
        await provider.aclose()
        provider._connections.close()
