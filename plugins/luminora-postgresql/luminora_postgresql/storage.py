"""Storage on a PostgreSQL server."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, Final

from luminora.errors import LuminoraError
from luminora.providers import CheckResult, Status
from luminora.providers.collections import COLLECTIONS, FieldType
from luminora.providers.sql import Dialect, json_text
from luminora.providers.sqlstorage import SqlSession, SqlStorage
from luminora.providers.sqlwords import WordColumn
from luminora_postgresql.connection import Connections, Settings
from luminora_postgresql.session import PostgresSession

if TYPE_CHECKING:
    from luminora.providers import MigrationDriver

_EXPONENT: Final = re.compile(r"\d[eE][+-]?\d")
_VECTOR_BYTES: Final = 1_000_000
"""A tsvector holds its words in a mebibyte, with a few bytes for each."""


def document(value: Any) -> str:
    """JSON that ``jsonb`` gives back with the same types.

    It keeps numbers as decimals and spells 1e300 as a one with three hundred zeros: an integer.
    With ".0" behind it, it stays what it was.
    """
    text = json_text(value)
    return _spelt_out(value) if _EXPONENT.search(text) else text


def _spelt_out(value: Any) -> str:
    if isinstance(value, dict):
        items = (f"{json_text(key)}:{_spelt_out(item)}" for key, item in value.items())
        return f"{{{','.join(items)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_spelt_out, value))}]"
    if isinstance(value, float):
        text = format(Decimal(repr(value)), "f")
        return text if "." in text else f"{text}.0"
    return json_text(value)


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


POSTGRESQL: Final = Dialect(
    name="postgresql",
    placeholder="$",
    nulls_smallest=False,
    returning=True,
    demand="WITH touched AS ({write} RETURNING 1) SELECT CASE count(*) WHEN {number} "
    "THEN count(*) ELSE CAST('luminora ' || count(*) AS BIGINT) END FROM touched",
    present="SELECT CASE count(*) WHEN 0 THEN CAST('luminora ' || count(*) AS BIGINT) "
    "ELSE count(*) END FROM ({select}) AS found",
    encode={FieldType.JSON: document},
    decode={FieldType.TIMESTAMP: _in_utc},
)
"""PostgreSQL's way. What a demand refuses fails as a cast whose text tells the number."""


class TermVector(WordColumn):
    """Words in a ``tsvector`` with a GIN index, as they are: nothing parses or stems them again."""

    expression: ClassVar[str] = "array_to_tsvector(?)"

    def value(self, terms: Sequence[str]) -> list[str]:
        """The words, as many as fit."""
        total, kept = 0, []
        for term in terms:
            total += len(term.encode()) + 4
            if total > _VECTOR_BYTES:
                break
            kept.append(term)
        return kept

    def match(self, column: str, terms: Sequence[str]) -> tuple[str, str]:
        """Terms are letters and digits, so that quotes around them suffice."""
        return f"{column} @@ CAST(? AS tsquery)", " | ".join(f"'{term}'" for term in terms)


class PostgresStorage(SqlStorage):
    """Storage on a PostgreSQL server.

    Args:
        settings: Where it is.
        table_prefix: Put before every table's name.

    Attributes:
        connections: To the database; a vector store that keeps its vectors in it shares them.
    """

    name = "postgresql"
    dialect: ClassVar[str] = "postgresql"

    def __init__(self, settings: Settings, *, table_prefix: str = "") -> None:
        super().__init__(POSTGRESQL, TermVector(), table_prefix)
        self.settings = settings
        self.connections = Connections(settings)

    async def connect(self) -> None:
        """Make sure that the server lets us in.

        Raises:
            StorageUnavailable: It cannot be reached.
            AuthenticationFailed: It refuses the user.
            StorageError: It is too old, or there is no such database.
        """
        async with self.connections.connection():
            pass

    async def aclose(self) -> None:
        """Close the connections."""
        self.connections.close()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[SqlSession]:
        """A connection, with the statement timeout as its deadline."""
        async with self.connections.connection() as connection:
            yield PostgresSession(connection, self.connections.where)

    def migrations(self) -> MigrationDriver:
        """The driver that migrates this database."""
        from luminora_postgresql.migrations import PostgresMigrationDriver

        return PostgresMigrationDriver(self.settings, table_prefix=self.table_prefix)

    async def check(self) -> CheckResult:
        """Connect, look for the tables, and whether this server takes writes."""
        started = perf_counter()
        where = {"server": self.connections.where}
        try:
            async with self.connections.connection() as connection:
                cursor = await connection.execute(_FACTS, [self.table_prefix, list(COLLECTIONS)])
                (version, replica, readonly, size, present) = await anext(aiter(cursor))
        except LuminoraError as error:
            return CheckResult(Status.ERROR, str(error), data=where)
        latency = (perf_counter() - started) * 1000
        absent = sorted(COLLECTIONS.keys() - set(present))
        facts = where | {
            "server_version": version,
            "size_bytes": size,
            "tables": sorted(present),
            "missing_tables": absent,
            "writable": not (replica or readonly),
        }
        detail = f"PostgreSQL {version}, {self.connections.where}"
        if absent:
            missing = f"tables are missing ({', '.join(absent)}): luminora migrate"
            return CheckResult(Status.ERROR, missing, latency, facts)
        if not facts["writable"]:
            return CheckResult(Status.ERROR, f"{detail}: cannot be written", latency, facts)
        return CheckResult(Status.OK, detail, latency, facts)


_FACTS: Final = """
SELECT current_setting('server_version'), pg_is_in_recovery(),
    current_setting('transaction_read_only')::boolean, pg_database_size(current_database()),
    ARRAY(SELECT name FROM unnest($2::text[]) AS name
          WHERE to_regclass(quote_ident($1 || name)) IS NOT NULL)
"""
