"""The ledger of migrations in an SQL database: its table, its rows, and what a failure says.

Shared by the migration drivers of SQLite, PostgreSQL and MySQL; the columns are those of
:data:`luminora.providers.collections.SCHEMA_MIGRATIONS`.
"""

# ruff: noqa: S608 - every name in these texts is declared, every value a placeholder

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any, Final

from luminora.errors import MigrationError
from luminora.providers.collections import SCHEMA_MIGRATIONS, FieldType
from luminora.providers.migration import LedgerEntry
from luminora.providers.sql import Dialect, Statement, Statements

_QUOTED: Final = 300
"""Characters of a failed statement that its error quotes."""
_COMMENTS: Final = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)+", re.DOTALL)
_TRANSACTION: Final = re.compile(
    r"(BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE)\b", re.IGNORECASE
)


class Ledger:
    """The texts of one database's ledger.

    Args:
        dialect: The database's.
        prefix: Put before the table's name.
        types: The column type of each type of field.
        options: What stands behind the table's closing parenthesis.

    Attributes:
        table: The table's quoted name.
        create: The statement that makes the table unless it is there.
        select: All entries by component and version, for :meth:`entries`.
    """

    def __init__(
        self, dialect: Dialect, prefix: str, types: Mapping[FieldType, str], options: str = ""
    ) -> None:
        self._dialect = dialect
        self._statements = Statements(dialect, prefix)
        self.table = self._statements.table(SCHEMA_MIGRATIONS.name)
        names = self._names(SCHEMA_MIGRATIONS.fields)
        columns = [
            f"{name} {types[field.type]}{'' if field.nullable else ' NOT NULL'}"
            for name, field in zip(names, SCHEMA_MIGRATIONS.fields.values(), strict=True)
        ]
        key = ", ".join(self._names(SCHEMA_MIGRATIONS.key))
        self.create = (
            f"CREATE TABLE IF NOT EXISTS {self.table} "
            f"({', '.join(columns)}, PRIMARY KEY ({key})) {options}".rstrip()
        )
        self.select = f"SELECT {', '.join(names)} FROM {self.table} ORDER BY {key}"
        self._key = " AND ".join(f"{name} = ?" for name in self._names(SCHEMA_MIGRATIONS.key))

    def entries(self, rows: Iterable[Sequence[Any]]) -> list[LedgerEntry]:
        """What :attr:`select` answered."""
        return [LedgerEntry(**row) for row in self._statements.rows(SCHEMA_MIGRATIONS.name, rows)]

    def write(self, entry: LedgerEntry) -> list[Statement]:
        """Put the entry in the place of the one with its component and version, if there is one."""
        marks = ", ".join("?" * len(SCHEMA_MIGRATIONS.fields))
        names = ", ".join(self._names(SCHEMA_MIGRATIONS.fields))
        text = f"INSERT INTO {self.table} ({names}) VALUES ({marks})"
        values = {one.name: getattr(entry, one.name) for one in fields(entry)}
        values["parameters"] = dict(entry.parameters)
        params = tuple(
            self._encoded(field.type, values[name])
            for name, field in SCHEMA_MIGRATIONS.fields.items()
        )
        return [self.remove(entry), Statement(self._dialect.finish(text), params, final=True)]

    def remove(self, entry: LedgerEntry) -> Statement:
        """Delete the entry."""
        text = self._dialect.finish(f"DELETE FROM {self.table} WHERE {self._key}")
        return Statement(text, (entry.component, entry.version), final=True)

    def foreign(self, where: str) -> MigrationError:
        """The error for a table of this name with other columns."""
        return MigrationError(
            f"the table {self.table} is another program's",
            where=where,
            hint="name another database, or set migrations.table_prefix, in luminora.json",
        )

    def _names(self, names: Iterable[str]) -> list[str]:
        return [self._dialect.name_of(name) for name in names]

    def _encoded(self, kind: FieldType, value: Any) -> Any:
        encode = self._dialect.encode.get(kind)
        return value if value is None or encode is None else encode(value)


def finished(entry: LedgerEntry) -> LedgerEntry:
    """The entry of a migration that is complete as of now."""
    done = entry.statements_total
    return replace(entry, finished_at=datetime.now(UTC), statements_done=done, error=None)


def label(entry: LedgerEntry) -> str:
    """The migration as errors name it: ``core 001_initial_schema``."""
    return f"{entry.component} {entry.version}_{entry.name}"


def failure(
    entry: LedgerEntry, number: int, statements: Sequence[str], reason: object, *, hint: str
) -> MigrationError:
    """The error for a statement that failed, which it quotes.

    Args:
        entry: The migration.
        number: Which of its statements, from 1.
        statements: All of them.
        reason: What the database said.
        hint: What remains of the migration, and what to do.
    """
    flat = " ".join(statements[number - 1].split())
    quoted = flat if len(flat) <= _QUOTED else f"{flat[:_QUOTED]}…"
    return MigrationError(
        f"statement {number} of {len(statements)} failed: {reason}\n    {quoted}",
        where=label(entry),
        hint=hint,
    )


def bare(statement: str) -> str:
    """The statement without the comments and spaces before it."""
    return _COMMENTS.sub("", statement)


def ends_transaction(statement: str) -> bool:
    """Whether it begins or ends a transaction, which is not a migration's to do."""
    return _TRANSACTION.match(bare(statement)) is not None
