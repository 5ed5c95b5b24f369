from __future__ import annotations

from pathlib import Path

from luminora.builtin.sqlite.storage import SqliteStorage
from tests.providers.model import machine
from tests.providers.sqlite_files import migrated


async def fresh(folder: Path) -> SqliteStorage:
    return await migrated(folder / "luminora.db")


TestModel = machine(fresh)
