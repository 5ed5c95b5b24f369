"""Migrated databases, copied from a template: most tests are not about migrating."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from luminora_postgresql.connection import Settings
from luminora_postgresql.storage import PostgresStorage

from luminora.providers import ProviderContext
from luminora.testing import migrate
from luminora.testing.servers.postgresql import (
    PostgresDatabase,
    create_database,
    drop_database,
    run_sql,
)


def settings(at: PostgresDatabase, env_: dict[str, str] | None = None, **changes: Any) -> Settings:
    context = ProviderContext(data_dir=Path("data"), env={**at.env, **(env_ or {})})
    return Settings.of({**at.config, **changes}, context)


def storage(at: PostgresDatabase, prefix: str = "", **changes: Any) -> PostgresStorage:
    return PostgresStorage(settings(at, **changes), table_prefix=prefix)


def storage_like(other: PostgresStorage, *, connect_timeout_seconds: float) -> PostgresStorage:
    """Another storage on the same database."""
    return PostgresStorage(replace(other.settings, connect_seconds=connect_timeout_seconds))


async def template(admin: str, prefix: str = "") -> str:
    """The name of a migrated database that nobody is connected to."""
    if (admin, prefix) not in _TEMPLATES:
        database = create_database(admin)
        first = storage(database, prefix)
        await migrate(first)
        await first.aclose()
        _TEMPLATES[admin, prefix] = database.name
    return _TEMPLATES[admin, prefix]


async def shared(admin: str, prefix: str = "") -> PostgresDatabase:
    """A migrated database for tests that do not mind what others leave behind."""
    if (admin, prefix) not in _SHARED:
        _SHARED[admin, prefix] = create_database(admin, await template(admin, prefix))
    return _SHARED[admin, prefix]


def drop_all() -> None:
    while _SHARED:
        (admin, _), database = _SHARED.popitem()
        drop_database(admin, database.name)
    while _TEMPLATES:
        (admin, _), name = _TEMPLATES.popitem()
        drop_database(admin, name)


def truncate(database: PostgresDatabase, prefix: str = "") -> None:
    """Empty every table but the ledger."""
    tables = run_sql(
        database.url, "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
    )
    names = ", ".join(name for (name,) in tables if name != f"{prefix}schema_migrations")
    run_sql(database.url, f"TRUNCATE {names}")


_TEMPLATES: dict[tuple[str, str], str] = {}
_SHARED: dict[tuple[str, str], PostgresDatabase] = {}
