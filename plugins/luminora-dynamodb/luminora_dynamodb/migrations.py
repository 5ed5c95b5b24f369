"""Migrating DynamoDB: commands that create and delete tables, under a lease.

DynamoDB undoes nothing, so a migration's entry is written first, its progress after each command,
and a crash leaves a *dirty* entry that names the command. A command that was carried out already
(the very same table is there, and empty; the table to be deleted is gone) counts as done.

The lock is an item of the ledger's table with an owner, a time until which it is valid, and a
number that grows with every owner (a *fencing token*). The owner prolongs it in the background and
before every command. Each entry keeps the number of who wrote it; an owner that slept through its
lease can write neither a command nor an entry over those of the next.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from luminora.errors import (
    LuminoraError,
    MigrationError,
    SchemaPending,
    StorageError,
    StorageUnavailable,
)
from luminora.providers.collections import COLLECTIONS, SCHEMA_MIGRATIONS
from luminora.providers.migration import LedgerEntry, MigrationDriver
from luminora_dynamodb.client import Client, Item
from luminora_dynamodb.commands import Tables
from luminora_dynamodb.items import row_in
from luminora_dynamodb.lease import LEASE_SECONDS, Lease
from luminora_dynamodb.reading import LEASE
from luminora_dynamodb.settings import Settings

_QUOTED: Final = 300
"""Characters of a failed command that its error quotes."""


class DynamoDBMigrationDriver(MigrationDriver):
    """Migrates one database.

    Args:
        settings: Where, as whom, and the tables' prefix.
        lease_seconds: How long a silent owner keeps the lock.
    """

    dialect = "dynamodb"

    def __init__(self, settings: Settings, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self.settings = settings
        self.table_prefix = settings.table_prefix
        self._lease_seconds = lease_seconds
        self._ledger = f"{settings.table_prefix}{SCHEMA_MIGRATIONS.name}"
        self._held: Lease | None = None

    @asynccontextmanager
    async def lock(self, timeout: float) -> AsyncIterator[None]:  # noqa: ASYNC109 - the contract
        """Hold the lease; the ledger's table is created for it if it is absent.

        Raises:
            MigrationLockTimeout: Another process held it for ``timeout`` seconds.
            StorageError: DynamoDB cannot be reached or refuses.
        """
        async with self._client() as client:
            await Tables(client).create(_ledger_table(self._ledger))
            lease = Lease(client, self._ledger, self._lease_seconds)
            await lease.take(timeout)
            self._held = lease
            prolonging = asyncio.create_task(lease.prolong_always())
            try:
                yield
            finally:
                self._held = None
                prolonging.cancel()
                with suppress(asyncio.CancelledError):
                    await prolonging
                await asyncio.shield(lease.give_back())

    async def ledger(self) -> list[LedgerEntry]:
        """All entries; none if there is no ledger."""
        async with self._client() as client:
            try:
                items = [
                    item
                    async for page in client.pages(
                        "scan", TableName=self._ledger, ConsistentRead=True
                    )
                    for item in page
                ]
            except SchemaPending:
                return []
        entries = [_entry(item) for item in items if item["component"]["S"] != LEASE]
        return sorted(entries, key=lambda entry: (entry.component, entry.version))

    async def apply(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """Write the entry, then run the commands, recording each; then the entry is finished."""
        lease = self._lease
        await lease.prolong()
        await lease.write(entry)
        await self._run(lease, entry, statements)
        done = replace(entry, finished_at=datetime.now(UTC), statements_done=len(statements))
        await lease.write(done)

    async def revert(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """Run the undo commands, the entry being dirty meanwhile, and remove it."""
        lease = self._lease
        undoing = replace(
            entry,
            finished_at=None,
            statements_done=0,
            statements_total=len(statements),
            started_at=datetime.now(UTC),
        )
        await lease.write(undoing)
        await self._run(lease, undoing, statements)
        await lease.erase(entry)

    async def record(self, entry: LedgerEntry) -> None:
        """Write the entry as it is."""
        await self._lease.prolong()
        await self._lease.write(entry)

    async def erase(self, entry: LedgerEntry) -> None:
        """Remove the entry from the ledger."""
        await self._lease.prolong()
        await self._lease.erase(entry)

    async def tables(self) -> dict[str, int]:
        """Our tables and how many items each has.

        Counted up to a megabyte; beyond it AWS's own count, which is some hours old.
        """
        async with self._client() as client:
            return await Tables(client).counted(self.table_prefix, frozenset(COLLECTIONS))

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Client]:
        if self._held is not None:
            yield self._held.client
            return
        client = Client(self.settings)
        try:
            yield client
        finally:
            await client.close()

    @property
    def _lease(self) -> Lease:
        if self._held is None:
            raise MigrationError("the migration lock is not held", where=self.settings.place)
        return self._held

    async def _run(self, lease: Lease, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        tables = Tables(lease.client)
        for number, statement in enumerate(statements, 1):
            try:
                await lease.prolong()
                await tables.run(statement)
                if number == len(statements):
                    await tables.settled()
            except LuminoraError as error:
                raise await self._failed(lease, entry, statement, number, error) from error
            entry = replace(entry, statements_done=number)
            await lease.write(entry)

    async def _failed(
        self,
        lease: Lease,
        entry: LedgerEntry,
        statement: Any,
        number: int,
        error: LuminoraError,
    ) -> LuminoraError:
        told = error.message if isinstance(error, MigrationError) else str(error)
        with suppress(LuminoraError):
            await lease.write(replace(entry, error=told[:2_000]))
        if not isinstance(error, StorageError | MigrationError) or isinstance(
            error, StorageUnavailable
        ):
            return error  # credentials, rights, a server that is gone: the entry says the rest
        text = json.dumps(statement, ensure_ascii=False)
        shortened = text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"
        return MigrationError(
            f"command {number} of {entry.statements_total} failed: {told}\n    {shortened}",
            where=f"{entry.component} {entry.version}_{entry.name}",
            hint="what came before it stays: see luminora migrate --status",
        )


def _ledger_table(name: str) -> dict[str, Any]:
    keys = (("component", "HASH"), ("version", "RANGE"))
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
        "KeySchema": [{"AttributeName": key, "KeyType": kind} for key, kind in keys],
    }


def _entry(item: Item) -> LedgerEntry:
    return LedgerEntry(**row_in(SCHEMA_MIGRATIONS, item))
