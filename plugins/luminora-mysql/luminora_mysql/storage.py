"""Storage on a MySQL or MariaDB server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar, Final

from luminora.errors import LuminoraError
from luminora.providers import CheckResult, Status
from luminora.providers.checks import confined_to
from luminora.providers.collections import COLLECTIONS, MESSAGES
from luminora.providers.sqlstorage import SqlSession, SqlStorage
from luminora_mysql.connection import Connections
from luminora_mysql.dialect import MYSQL
from luminora_mysql.session import MySqlSession
from luminora_mysql.settings import PROVIDER, Settings
from luminora_mysql.words import TABLE, Postings, PostingWords

if TYPE_CHECKING:
    from luminora.providers import MigrationDriver

_PORTION: Final = 5_000
"""Messages that are deleted in one transaction: about a second's work."""
_FACTS: Final = "SELECT @@read_only, @@innodb_read_only"
_TABLES: Final = (
    "SELECT table_name, COALESCE(data_length, 0) + COALESCE(index_length, 0) "
    "FROM information_schema.tables WHERE table_schema = DATABASE()"
)


class MySqlStorage(SqlStorage):
    """Storage on a MySQL or MariaDB server.

    Args:
        settings: Where it is.
        table_prefix: Put before every table's name.

    Attributes:
        postings: The upkeep of the words.
        connections: To the database; a vector store that keeps its vectors in it shares them.
    """

    name = PROVIDER
    dialect: ClassVar[str] = "mysql"

    def __init__(self, settings: Settings, *, table_prefix: str = "") -> None:
        super().__init__(MYSQL, Postings(), table_prefix)
        self.postings = PostingWords(self.statements)
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
            yield MySqlSession(connection)

    async def forget_user(self, user_id: str) -> dict[str, int]:
        """Delete everything of a user; of one with very many messages those go first, in portions.

        Each portion is a transaction that ends in time; whoever is interrupted begins again.
        """
        user = confined_to(MESSAGES, user_id)
        forgotten = 0
        while user and (portion := (await self.run([self.postings.forgotten(user, _PORTION)]))[0]):
            forgotten += portion
        counts = await super().forget_user(user_id)
        return {**counts, MESSAGES.name: counts[MESSAGES.name] + forgotten}

    async def server_time(self) -> datetime | None:
        """What time it is for the server."""
        async with self.connections.connection() as connection:
            ((seconds,),) = await connection.rows("SELECT UNIX_TIMESTAMP(SYSDATE(6))")
        return datetime.fromtimestamp(float(seconds), UTC)

    def migrations(self) -> MigrationDriver:
        """The driver that migrates this database."""
        from luminora_mysql.migrations import MySqlMigrationDriver

        return MySqlMigrationDriver(self.settings, table_prefix=self.table_prefix)

    async def check(self) -> CheckResult:
        """Connect, look for the tables, and whether this server takes writes."""
        started = perf_counter()
        where = {"server": self.connections.where}
        try:
            async with self.connections.connection() as connection:
                ((readonly, innodb_readonly),) = await connection.rows(_FACTS)
                tables = {name: int(size) for name, size in await connection.rows(_TABLES)}
                version = str(connection.version)
        except LuminoraError as error:
            return CheckResult(Status.ERROR, str(error), data=where)
        latency = (perf_counter() - started) * 1000
        wanted = {name: f"{self.table_prefix}{name}" for name in (*COLLECTIONS, TABLE)}
        present = {name for name, table in wanted.items() if table in tables}
        absent = sorted(wanted.keys() - present)
        writable = not (_on(readonly) or _on(innodb_readonly))
        facts = where | {
            "server_version": version,
            "size_bytes": sum(tables[wanted[name]] for name in present),
            "tables": sorted(present),
            "missing_tables": absent,
            "writable": writable,
        }
        detail = f"{version}, {self.connections.where}"
        if absent:
            missing = f"tables are missing ({', '.join(absent)}): luminora migrate"
            return CheckResult(Status.ERROR, missing, latency, facts)
        if not writable:
            return CheckResult(Status.ERROR, f"{detail}: cannot be written", latency, facts)
        return CheckResult(Status.OK, detail, latency, facts)


def _on(variable: object) -> bool:
    return str(variable).upper() not in {"0", "OFF", "FALSE"}
