"""A database on paper: what ``luminora migrate`` shows of one that nobody is connected to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from luminora.providers import LedgerEntry, MigrationDriver


class Paper(MigrationDriver):
    """Stands in for a database that nobody is connected to: nothing is applied, nothing can be."""

    def __init__(self, dialect: str, table_prefix: str) -> None:
        self.dialect = dialect
        self.table_prefix = table_prefix

    async def ledger(self) -> list[LedgerEntry]:
        """Nothing was applied."""
        return []

    async def tables(self) -> dict[str, int]:
        """There are none."""
        return {}

    def lock(self, timeout: float) -> AbstractAsyncContextManager[None]:
        """See :meth:`apply`."""
        raise NotImplementedError

    async def apply(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """Never called: whoever plans or prints writes nothing."""
        raise NotImplementedError

    async def revert(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """See :meth:`apply`."""
        raise NotImplementedError

    async def record(self, entry: LedgerEntry) -> None:
        """See :meth:`apply`."""
        raise NotImplementedError

    async def erase(self, entry: LedgerEntry) -> None:
        """See :meth:`apply`."""
        raise NotImplementedError
