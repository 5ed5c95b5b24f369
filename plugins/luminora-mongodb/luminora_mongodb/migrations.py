"""Migrations of a MongoDB database: commands as JSON, under a lease, with a ledger.

MongoDB's commands are no transaction. So an entry of the ledger is written before its first command
and again after each; a process that is cut short leaves the entry dirty, with the number of the
command it had reached. Every command can be given again, so ``luminora migrate --resolve
rolled-back`` and ``luminora migrate`` finish what was begun, without anybody undoing it by hand.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from pymongo.errors import DuplicateKeyError, OperationFailure

from luminora.errors import LuminoraError, MigrationError
from luminora.providers.collections import SCHEMA_MIGRATIONS
from luminora.providers.migration import LedgerEntry, MigrationDriver
from luminora.providers.sql import json_text
from luminora_mongodb import lease
from luminora_mongodb.connection import Connection, Database, Live
from luminora_mongodb.documents import document_of, row_of
from luminora_mongodb.errors import (
    INDEX_NOT_FOUND,
    NAMESPACE_EXISTS,
    NAMESPACE_NOT_FOUND,
)

_LEDGER: Final = SCHEMA_MIGRATIONS.name
_LOCK: Final = "schema_migrations_lock"
_COMMAND_SECONDS: Final = 3_600
"""How long one command may take: an index over many documents takes its time."""
_QUOTED: Final = 300
_FENCE: Final = "fence"
_UNDOING: Final = "undoing it was cut short"

Command = Mapping[str, Any]
T = TypeVar("T")


class MongoMigrationDriver(MigrationDriver):
    """Migrates one database, over a connection of its own.

    Args:
        connection: Where the database is.
        table_prefix: Put before every collection's name.

    Attributes:
        lease_seconds: How long a killed holder keeps the others out.
    """

    dialect = "mongodb"

    def __init__(self, connection: Connection, *, table_prefix: str = "") -> None:
        self.connection = connection
        self.table_prefix = table_prefix
        self.lease_seconds = lease.SECONDS
        self._held: tuple[Live, lease.Lease] | None = None

    @asynccontextmanager
    async def lock(self, timeout: float) -> AsyncIterator[None]:  # noqa: ASYNC109 - the contract
        """Hold the lease, renewing it in the background.

        Raises:
            MigrationLockTimeout: Another process held it for ``timeout`` seconds.
            StorageError: The database cannot be reached.
        """
        async with AsyncExitStack() as stack:
            live = await stack.enter_async_context(self.connection.apart())
            holding = lease.held(
                live.database[f"{self.table_prefix}{_LOCK}"],
                self.connection.where,
                seconds=self.lease_seconds,
                patience=timeout,
            )
            self._held = (live, await stack.enter_async_context(holding))
            try:
                yield
            finally:
                self._held = None

    async def ledger(self) -> list[LedgerEntry]:
        """All entries by component and version; none if there is no ledger."""
        return await self._read(self._entries)

    async def tables(self) -> dict[str, int]:
        """The collections and how many documents each has, as the server's statistics count them.

        The lock's own is left out: it is there before the first migration and after the last.
        """
        return await self._read(self._counted)

    async def apply(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """Run the commands, recording how far each came."""
        await self._run(entry, statements)
        done = len(statements)
        finished = replace(entry, finished_at=datetime.now(UTC), statements_done=done)
        await self.record(finished)

    async def revert(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """Run the undo commands and remove the entry, which is dirty meanwhile."""
        undoing = replace(entry, finished_at=None, statements_total=len(statements), error=_UNDOING)
        await self._run(undoing, statements)
        await self.erase(entry)

    async def record(self, entry: LedgerEntry) -> None:
        """Write the entry, unless a later holder of the lock has written it."""
        live, held = self._holding()
        await held.renew()
        document = document_of(SCHEMA_MIGRATIONS, {**asdict(entry), "parameters": entry.parameters})
        query = {"_id": document["_id"], _FENCE: {"$not": {"$gt": held.token}}}
        async with self.connection.within():
            try:
                await self._ledger(live.database).update_one(
                    query, {"$set": {**document, _FENCE: held.token}}, upsert=True
                )
            except DuplicateKeyError as error:
                raise held.gone() from error

    async def erase(self, entry: LedgerEntry) -> None:
        """Remove the entry, unless a later holder of the lock has written it."""
        live, held = self._holding()
        await held.renew()
        query = {
            "component": entry.component,
            "version": entry.version,
            _FENCE: {"$not": {"$gt": held.token}},
        }
        async with self.connection.within():
            done = await self._ledger(live.database).delete_one(query)
        if not done.deleted_count:
            raise held.gone()

    async def _run(self, entry: LedgerEntry, commands: Sequence[Command]) -> None:
        live, held = self._holding()
        await self.record(replace(entry, statements_done=0))
        for number, command in enumerate(commands, 1):
            await held.renew()
            try:
                async with self.connection.within(_COMMAND_SECONDS):
                    await held.guard(_do(live.database, command))
            except LuminoraError as error:
                await self._failed(entry, number, command, len(commands), error)
            if number < len(commands):
                await self.record(replace(entry, statements_done=number))

    async def _failed(
        self, entry: LedgerEntry, number: int, command: Command, total: int, error: LuminoraError
    ) -> None:
        """Say in the ledger, as far as it can be reached, and to the caller what went wrong."""
        _, held = self._holding()
        if held.lost.is_set():
            raise error
        said = error.message
        try:
            await self.record(replace(entry, statements_done=number - 1, error=said))
        except LuminoraError as second:
            said = f"{said}; and the ledger could not be told: {second.message}"
        raise MigrationError(
            f"command {number} of {total} failed: {said}\n    {_shortened(command)}",
            where=f"{entry.component} {entry.version}_{entry.name}",
            hint=f"{error.hint}; then "
            if error.hint
            else ""
            "mend the cause and finish it: luminora migrate --resolve rolled-back, then luminora "
            "migrate",
        ) from error

    async def _read(self, work: Callable[[Database], Awaitable[T]]) -> T:
        async with AsyncExitStack() as stack:
            if self._held is not None:
                live = self._held[0]
            else:
                live = await stack.enter_async_context(self.connection.apart())
            async with self.connection.within():
                return await work(live.database)

    async def _entries(self, database: Database) -> list[LedgerEntry]:
        documents = await self._ledger(database).find().to_list()
        for document in documents:
            if not {"component", "version", "checksum"} <= document.keys():
                raise MigrationError(
                    f"the collection '{self.table_prefix}{_LEDGER}' is another program's",
                    where=self.connection.where,
                    hint="name another database, or set a table_prefix, in luminora.json",
                )
        rows = [row_of(SCHEMA_MIGRATIONS, document) for document in documents]
        rows.sort(key=lambda row: (row["component"], row["version"]))
        return [LedgerEntry(**row) for row in rows]

    async def _counted(self, database: Database) -> dict[str, int]:
        names = await database.list_collection_names(filter={"type": "collection"})
        lock = f"{self.table_prefix}{_LOCK}"
        ours = sorted(
            name
            for name in names
            if name.startswith(self.table_prefix) and not name.startswith("system.")
        )
        return {
            name: await database[name].estimated_document_count() for name in ours if name != lock
        }

    def _ledger(self, database: Database) -> Any:
        return database[f"{self.table_prefix}{_LEDGER}"]

    def _holding(self) -> tuple[Live, lease.Lease]:
        if self._held is None:
            raise MigrationError("the migration lock is not held", where=self.connection.where)
        return self._held


async def _do(database: Database, command: Command) -> None:
    """Give a command; what an earlier attempt has done already is done."""
    verb = next(iter(command))
    try:
        if verb == "dropIndexes":
            command = await _present(database, command)
            if not command["index"]:
                return
        await database.command(dict(command))
    except OperationFailure as error:
        if verb == "create" and error.code == NAMESPACE_EXISTS:
            await _adopt(database, command)
        elif not (verb.startswith("drop") and error.code in {NAMESPACE_NOT_FOUND, INDEX_NOT_FOUND}):
            raise


async def _adopt(database: Database, command: Command) -> None:
    """Go on with a collection that is there: an earlier attempt's, or one without documents.

    Raises:
        MigrationError: It holds documents under other rules: somebody else's.
    """
    name = command["create"]
    found = [one async for one in await database.list_collections(filter={"name": name})]
    wanted = command.get("validator", {})
    if found and found[0].get("options", {}).get("validator", {}) == wanted:
        return
    if await database[name].find_one({}, {"_id": 1}) is not None:
        raise MigrationError(
            f"a collection '{name}' is there already, with documents in it",
            hint="name another database, or set a table_prefix, in luminora.json",
        )
    await database.command({"collMod": name, "validator": wanted})


async def _present(database: Database, command: Command) -> Command:
    """The command to drop those of its indexes that are there."""
    name = command["dropIndexes"]
    there = {one["name"] async for one in await database[name].list_indexes()}
    return {**command, "index": [one for one in command["index"] if one in there]}


def _shortened(command: Command) -> str:
    text = json_text(dict(command))
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"
