"""Sessions and memories in one SQLite file."""

from __future__ import annotations

from pathlib import Path

from luminora.errors import InputError
from luminoracore_sdk.session.storage import StorageProvider


class SQLiteStorageV11(StorageProvider):
    """One SQLite file, made with its tables when it is first used.

    Several processes may use one file at once.

    Args:
        db_path: The file, relative to the current folder.

    Raises:
        InputError: It names a database in memory, which would be forgotten.
    """

    def __init__(self, db_path: str | Path) -> None:
        if not str(db_path) or str(db_path).startswith((":memory:", "file:")):
            raise InputError(
                f"'{db_path!s:.80}' is not the path of a file",
                where="db_path",
                hint="name one; a temporary folder will do for a test",
            )
        self.db_path = str(Path(db_path).expanduser().absolute())
        super().__init__(
            {
                "storage_provider": {"name": "sqlite", "config": {"database_path": self.db_path}},
                "vector_store_provider": {"name": "sqlite-vec"},
            }
        )
