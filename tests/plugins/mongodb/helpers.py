"""Storages on the test's own database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from luminora_mongodb.storage import MongoStorage
from luminora_mongodb.vectors import AtlasVectorStore

from luminora.providers import ProviderContext
from luminora.testing import migrate
from tests.servers.mongodb import MongoDatabase


def storage_on(
    database: MongoDatabase,
    /,
    *,
    prefix: str = "",
    env: dict[str, str] | None = None,
    **config: Any,
) -> MongoStorage:
    context = ProviderContext(
        data_dir=Path("data"), env={**database.env, **(env or {})}, table_prefix=prefix
    )
    return MongoStorage({**database.config, **config}, context)


async def migrated(database: MongoDatabase, /, **settings: Any) -> MongoStorage:
    storage = storage_on(database, **settings)
    await migrate(storage)
    await storage.connect()
    return storage


def vectors_on(
    database: MongoDatabase, /, *, storage: MongoStorage | None = None, **config: Any
) -> AtlasVectorStore:
    env = database.env
    context = ProviderContext(data_dir=Path("data"), env=env, storage=storage)
    own = {} if storage else database.config
    return AtlasVectorStore({**own, **config}, context)
