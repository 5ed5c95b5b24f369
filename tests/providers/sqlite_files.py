"""Migrated database files, made once and copied: most tests are not about migrating."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from luminora.builtin.sqlite.storage import SqliteStorage
from luminora.testing import migrate


async def migrated(path: Path, *, table_prefix: str = "", **options: float) -> SqliteStorage:
    """A connected storage at ``path`` with the schema in it."""
    key = table_prefix
    if key not in _TEMPLATES:
        with TemporaryDirectory() as folder:
            first = SqliteStorage(Path(folder) / "template.db", table_prefix=table_prefix)
            await migrate(first)
            _TEMPLATES[key] = first.path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_TEMPLATES[key])
    storage = SqliteStorage(path, table_prefix=table_prefix, **options)
    await storage.connect()
    return storage


_TEMPLATES: dict[str, bytes] = {}
