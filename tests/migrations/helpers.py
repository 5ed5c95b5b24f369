"""Template sets made up on the spot, and databases looked at without Luminora."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw

from luminora.errors import MigrationError
from luminora.migrations import Template
from luminora.providers import LedgerEntry, MigrationDriver

NOW = datetime(2026, 11, 20, 13, 35, 25, 123456, tzinfo=UTC)


def write_set(root: Path, dialect: str, files: dict[str, str]) -> Path:
    """A folder of templates; answers the set's root."""
    folder = root / dialect
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return root


def template(version: str, text: str = "SELECT 1", component: str = "core") -> Template:
    return Template(
        component=component,
        version=version,
        name="a",
        path=Path(f"{version}_a.sql"),
        text=text,
    )


def entry(version: str, text: str = "SELECT 1", component: str = "core", **changes: Any):
    return replace(
        LedgerEntry(
            component=component,
            version=version,
            name="a",
            checksum=template(version, text).checksum,
            started_at=NOW,
            finished_at=NOW,
            statements_done=1,
            statements_total=1,
        ),
        **changes,
    )


def dump(path: Path) -> list[tuple[Any, ...]]:
    """Every object of a schema but the ledger, in an order of its own."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return sorted(
            connection.execute(
                "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema "
                "WHERE tbl_name NOT LIKE '%schema_migrations'"
            )
        )
    finally:
        connection.close()


class FakeDriver(MigrationDriver):
    """A database without transactional DDL, which keeps what was executed in a list.

    Attributes:
        fail_at: The number of the statement that stops the run (an error), if any.
        die_at: The same, as if the process were killed: nothing more is recorded.
        trips: How often the database was asked anything.
    """

    dialect = "fake"

    def __init__(self, *, fail_at: int | None = None, die_at: int | None = None) -> None:
        self.executed: list[Any] = []
        self.entries: dict[tuple[str, str], LedgerEntry] = {}
        self.existing: dict[str, int] = {}
        self.held_dimension: int | None = None
        self.fail_at, self.die_at = fail_at, die_at
        self.trips = 0
        self.locked = False

    @asynccontextmanager
    async def lock(self, timeout: float) -> AsyncIterator[None]:  # noqa: ASYNC109 - the contract
        self.trips += 1
        self.locked = True
        try:
            yield
        finally:
            self.locked = False

    async def ledger(self) -> list[LedgerEntry]:
        self.trips += 1
        return [self.entries[key] for key in sorted(self.entries)]

    async def apply(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        assert self.locked
        await self.record(entry)
        for number, statement in enumerate(statements, 1):
            if number == self.die_at:
                raise KeyboardInterrupt
            if number == self.fail_at:
                await self.record(replace(entry, statements_done=number - 1, error="no"))
                raise MigrationError(f"statement {number} of {len(statements)}: {statement}")
            self.executed.append(statement)
            await self.record(replace(entry, statements_done=number))
        done = len(statements)
        await self.record(replace(entry, statements_done=done, finished_at=NOW))

    async def revert(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        assert self.locked
        self.executed += statements
        await self.erase(entry)

    async def record(self, entry: LedgerEntry) -> None:
        assert self.locked
        self.entries[entry.component, entry.version] = entry

    async def erase(self, entry: LedgerEntry) -> None:
        assert self.locked
        del self.entries[entry.component, entry.version]

    async def tables(self) -> dict[str, int]:
        self.trips += 1
        return self.existing

    async def vector_dimension(self) -> int | None:
        self.trips += 1
        return self.held_dimension
