"""Storage on a PostgreSQL server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar, Final

from luminora.errors import LuminoraError
from luminora.providers import CheckResult, Status
from luminora.providers.collections import COLLECTIONS
from luminora.providers.sqlstorage import SqlSession, SqlStorage
from luminora_postgresql.connection import Connections, Settings
from luminora_postgresql.dialect import POSTGRESQL, TermVector
from luminora_postgresql.session import PostgresSession

if TYPE_CHECKING:
    from luminora.providers import MigrationDriver


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

    async def server_time(self) -> datetime | None:
        """What time it is for the server."""
        async with self.connections.connection() as connection:
            cursor = await connection.execute(
                "SELECT extract(epoch FROM clock_timestamp())::float8"
            )
            ((seconds,),) = [row async for row in cursor]
        return datetime.fromtimestamp(seconds, UTC)

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
