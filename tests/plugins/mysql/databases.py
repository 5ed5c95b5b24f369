"""Storages on the databases of ``luminora.testing.servers.mariadb``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from luminora_mysql.settings import Settings
from luminora_mysql.storage import MySqlStorage

from luminora.providers import ProviderContext
from luminora.testing import migrate
from luminora.testing.servers.mariadb import Database

VARIABLE = "LUMINORA_TEST_PASSWORD"


def settings(place: Database, **changes: Any) -> Settings:
    given = {**place.config(), "password_env": VARIABLE, **changes}
    env = {VARIABLE: given.pop("password", place.password) or "none"}
    return Settings.of(given, ProviderContext(data_dir=Path("data"), env=env))


def storage(place: Database, prefix: str = "", **changes: Any) -> MySqlStorage:
    return MySqlStorage(settings(place, **changes), table_prefix=prefix)


async def migrated(place: Database, prefix: str = "", **changes: Any) -> MySqlStorage:
    """A connected storage whose schema is up to date; cheap when it was already."""
    provider = storage(place, prefix, **changes)
    if (place.name, prefix) not in _MIGRATED:
        await migrate(provider)
        _MIGRATED.add((place.name, prefix))
    await provider.connect()
    return provider


_MIGRATED: set[tuple[str, str]] = set()
