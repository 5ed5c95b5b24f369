"""Stores and vectors for the tests of pgvector."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from luminora_postgresql.connection import Settings
from luminora_postgresql.storage import PostgresStorage
from luminora_postgresql.vectors import PgVectorStore, build

from luminora.migrations import MigrationRunner, Parameters
from luminora.providers import ProviderContext, VectorItem
from luminora.testing.servers.postgresql import PostgresDatabase


def context(database: PostgresDatabase, **more: Any) -> ProviderContext:
    return ProviderContext(data_dir=Path("unused"), env=database.env, **more)


def alone(on: PostgresDatabase, prefix: str = "", **config: Any) -> PgVectorStore:
    """A store with connections of its own."""
    given = {"use_storage_connection": False, **on.config, **config}
    return build(given, context(on, table_prefix=prefix))


def storage_on(database: PostgresDatabase, prefix: str = "", **config: Any) -> PostgresStorage:
    settings = Settings.of({**database.config, **config}, context(database))
    return PostgresStorage(settings, table_prefix=prefix)


def beside(storage: PostgresStorage, **config: Any) -> PgVectorStore:
    """A store on the storage's connections."""
    where = ProviderContext(
        data_dir=Path("unused"), env={}, storage=storage, table_prefix=storage.table_prefix
    )
    return build(config, where)


def vector(chance: random.Random, dimension: int) -> list[float]:
    return [chance.gauss(0, 1) for _ in range(dimension)]


def items(
    user: str, count: int, dimension: int, *, seed: int = 0, **filing: str
) -> list[VectorItem]:
    chance = random.Random(f"{user} {seed}")
    return [
        VectorItem(
            id=f"{user}-{seed}-{number}",
            user_id=user,
            vector=vector(chance, dimension),
            session_id=filing.get("session_id", f"s{number % 4}"),
            personality_name="sakura",
        )
        for number in range(count)
    ]


def best(of: Sequence[VectorItem], query: Sequence[float], top_k: int) -> list[str]:
    """The ids of the nearest, by a full comparison."""

    def cosine(item: VectorItem) -> float:
        product = sum(a * b for a, b in zip(item.vector, query, strict=True))
        return product / sum(a * a for a in item.vector) ** 0.5

    return [item.id for item in sorted(of, key=cosine, reverse=True)[:top_k]]


async def migrate(storage: PostgresStorage, dimension: int, **parameters: Any) -> None:
    """Luminora's own migrations with vectors of that dimension in the database."""
    chosen = Parameters(table_prefix=storage.table_prefix, dimension=dimension, **parameters)
    await MigrationRunner(storage.migrations(), (), chosen).migrate()
