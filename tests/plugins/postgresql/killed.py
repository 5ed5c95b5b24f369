"""Migrations killed at every statement, each in a child process, one after the other.

Run as a program with the superuser's URL; prints what was left, child by child, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

from luminora_postgresql.migrations import PostgresMigrationDriver

from luminora.testing import migrate
from luminora.testing.servers.postgresql import PostgresDatabase, create_database, drop_database
from tests.plugins.postgresql import databases


def killed_at(database: PostgresDatabase, number: int) -> bool:
    """Migrate in a child that kills itself before its statement of that number."""
    child = os.fork()
    if child == 0:
        count = 0
        execute = PostgresMigrationDriver._execute

        async def counted(self, *arguments):
            nonlocal count
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            await execute(self, *arguments)

        PostgresMigrationDriver._execute = counted
        asyncio.run(migrate(databases.storage(database)))
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def left(database: PostgresDatabase) -> tuple[list[str], list[str]]:
    """The versions in the ledger and the tables, without asking Luminora."""
    tables = [
        name
        for (name,) in database.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ]
    ledger = "SELECT version FROM schema_migrations WHERE finished_at IS NOT NULL ORDER BY version"
    versions = (
        [version for (version,) in database.sql(ledger)] if "schema_migrations" in tables else []
    )
    return versions, sorted(tables)


def main(admin: str) -> None:
    database = create_database(admin)
    found, number, died = [], 1, True
    while died:
        before = left(database)
        died = killed_at(database, number)
        after = left(database)
        found.append({"died": died, "versions": after[0], "tables": after[1]})
        # What was undone is begun anew by the next child; what was done is behind it.
        number = number + 1 if after == before else 2
    drop_database(admin, database.name)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
