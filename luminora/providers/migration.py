"""What a migration run needs from a database, and what it writes into the ledger."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One row of ``schema_migrations``: a migration that was begun, and how far it came.

    Attributes:
        component: Whose set: ``"core"`` or a plugin's component name.
        version: Three digits or more, ``"001"``.
        checksum: SHA-256 of the template (UTF-8, line feeds), not of the rendered statements.
        parameters: What the template was rendered with.
        finished_at: None while it runs and for ever after a crash: the entry is *dirty*.
    """

    component: str
    version: str
    name: str
    checksum: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    started_at: datetime
    finished_at: datetime | None = None
    statements_done: int = 0
    statements_total: int = 0
    error: str | None = None
    tool_version: str = ""

    @property
    def dirty(self) -> bool:
        """Whether it was begun and never finished."""
        return self.finished_at is None


class MigrationDriver(ABC):
    """The database's side of a migration run.

    A statement is SQL text for the SQL dialects and a JSON command (a dict) for the others. The
    runner calls ``apply``, ``revert``, ``record`` and ``erase`` only while it holds the lock; what
    they did is durable at the latest when the lock is released.

    Attributes:
        dialect: The folder of templates: ``sqlite``, ``postgresql`` …
        table_prefix: Put before every name of a table or index, the ledger's included.
    """

    dialect: str
    table_prefix: str = ""

    @abstractmethod
    def lock(self, timeout: float) -> AbstractAsyncContextManager[None]:
        """Hold the migration lock of this database.

        Raises:
            MigrationLockTimeout: Another process held it for ``timeout`` seconds.
        """

    @abstractmethod
    async def ledger(self) -> list[LedgerEntry]:
        """All entries by component and version; empty if there is no ledger. Writes nothing."""

    @abstractmethod
    async def apply(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """Run the statements and record ``entry`` as finished.

        Where the database can, both happen in one transaction and a failure leaves nothing;
        elsewhere the entry is written first and its progress after each statement. Creates the
        ledger if it is absent.

        Raises:
            MigrationError: A statement failed; the message quotes it and its number.
        """

    @abstractmethod
    async def revert(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """Run the undo statements and remove ``entry``; as atomic as :meth:`apply`.

        Raises:
            MigrationError: A statement failed; the message quotes it and its number.
        """

    @abstractmethod
    async def record(self, entry: LedgerEntry) -> None:
        """Write ``entry`` as it is, without running anything (baseline, resolve)."""

    @abstractmethod
    async def erase(self, entry: LedgerEntry) -> None:
        """Remove ``entry`` from the ledger without running anything (resolve)."""

    @abstractmethod
    async def tables(self) -> dict[str, int]:
        """The tables (collections) that exist, under their full names, and how many rows each has.

        Writes nothing.
        """

    async def vector_dimension(self) -> int | None:
        """Dimension of the vectors the templates' table holds; None if it holds none.

        Only a database whose migrations create a table of vectors overrides this.
        """
        return None
