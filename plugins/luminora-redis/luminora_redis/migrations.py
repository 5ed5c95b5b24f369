"""Migrations of plugins on Redis, and the ledger that every database has.

Luminora's own data needs none: a collection begins with its first row, and the key ``format`` says
which layout it has. A plugin that brings a folder ``redis`` of its own writes its migrations as
JSON commands, ``[{"command": ["SADD", "mine:set", "a", "b"]}]``. Each is one ``MULTI`` … ``EXEC``
together with its entry in the ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from luminora.errors import LuminoraError, MigrationError, MigrationLockTimeout
from luminora.providers.collections import COLLECTIONS, SCHEMA_MIGRATIONS
from luminora.providers.migration import LedgerEntry, MigrationDriver
from luminora.providers.operations import EVERY_USER, Delete, Upsert, Write
from luminora_redis.connection import Command, Link
from luminora_redis.reading import Reader
from luminora_redis.scripts import RELEASE, RENEW
from luminora_redis.writing import planned

if TYPE_CHECKING:
    from luminora_redis.storage import RedisStorage

_LEASE_MS: Final = 30_000
_RENEW_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.1


class RedisMigrationDriver(MigrationDriver):
    """Keeps the ledger, and runs plugins' commands.

    The lock is a lease of thirty seconds that its holder renews; what is written under it is
    written only if the lease is still the writer's own.

    Args:
        storage: Whose server, prefix and connections to use.
    """

    dialect = "redis"

    def __init__(self, storage: RedisStorage) -> None:
        self.table_prefix = storage.table_prefix
        self._storage = storage
        self._connections = storage.connections
        self._key = storage.layout.lock_key
        self._where = storage.connections.where
        self._token: str | None = None

    @asynccontextmanager
    async def lock(self, timeout: float) -> AsyncIterator[None]:  # noqa: ASYNC109 - the contract
        """Hold the lease.

        Raises:
            MigrationLockTimeout: Another process held it for ``timeout`` seconds.
        """
        token = uuid4().hex
        await self._take(token, timeout)
        self._token = token
        renewing = asyncio.create_task(self._renew(token))
        try:
            yield
        finally:
            self._token = None
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing
            with suppress(LuminoraError):  # the lease then ends by itself
                await self._connections.ask([("EVALSHA", RELEASE, 1, self._key, token)])

    async def ledger(self) -> list[LedgerEntry]:
        """All entries by component and version.

        Raises:
            SchemaDrift: A newer version has written to this database.
        """
        await self._storage.facts()
        rows = await self._storage.find(SCHEMA_MIGRATIONS.name, EVERY_USER)
        return [LedgerEntry(**row) for row in rows]

    async def tables(self) -> dict[str, int]:
        """The collections that hold rows, and how many."""
        tables = self._storage.layout.tables
        sizes = await self._connections.ask(
            [
                ("ZCARD", table.index_key(table.owners or table.keys, ""))
                for table in tables.values()
            ]
        )
        return {
            f"{self.table_prefix}{name}": size
            for name, size in zip(COLLECTIONS, sizes, strict=True)
            if size
        }

    async def apply(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """Run the commands and record the entry, in one transaction."""
        done = len(statements)
        finished = replace(entry, finished_at=datetime.now(UTC), statements_done=done)
        await self._write(_recorded(finished), entry, statements)

    async def revert(self, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        """Run the undo commands and remove the entry, in one transaction."""
        await self._write(_removed(entry), entry, statements)

    async def record(self, entry: LedgerEntry) -> None:
        """Write the entry as it is."""
        await self._write(_recorded(entry), entry, ())

    async def erase(self, entry: LedgerEntry) -> None:
        """Remove the entry from the ledger."""
        await self._write(_removed(entry), entry, ())

    async def _take(self, token: str, timeout: float) -> None:  # noqa: ASYNC109 - see above
        deadline = monotonic() + timeout
        take: Command = ("SET", self._key, token, "NX", "PX", _LEASE_MS)
        while (await self._connections.ask([take], harmless=False))[0] is None:
            if monotonic() >= deadline:
                raise MigrationLockTimeout(
                    f"another process has held the migration lock for {timeout:g} seconds",
                    where=self._where,
                    hint="wait for it, or raise --timeout",
                )
            await asyncio.sleep(_POLL_SECONDS)

    async def _renew(self, token: str) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            with suppress(LuminoraError):  # tried again before the lease ends
                await self._connections.ask([("EVALSHA", RENEW, 1, self._key, token, _LEASE_MS)])

    async def _write(self, write: Write, entry: LedgerEntry, statements: Sequence[Any]) -> None:
        commands = [_command(entry, number, one) for number, one in enumerate(statements, 1)]
        plans = [planned(Reader(self._storage.layout), write)]

        async def work(link: Link) -> None:
            watched, holder = await link.round([("WATCH", self._key), ("GET", self._key)])
            if self._token is None or holder != self._token.encode():
                link.abandon()
                raise MigrationError(
                    "the migration lock is not held any more; nothing was written",
                    where=self._where,
                    hint="luminora migrate --status",
                )
            del watched
            await self._storage.transactor.run(link, plans, commands)

        try:
            await self._connections.use(work)
        except MigrationError:
            raise
        except LuminoraError as error:
            if not commands:
                raise
            raise MigrationError(
                f"a command failed: {error.message}",
                where=f"{entry.component} {entry.version}_{entry.name}",
                hint="Redis undoes nothing: look at what its other commands have done",
            ) from error


def _recorded(entry: LedgerEntry) -> Write:
    values = asdict(entry)
    values["parameters"] = dict(entry.parameters)
    return Upsert(SCHEMA_MIGRATIONS.name, EVERY_USER, values)


def _removed(entry: LedgerEntry) -> Write:
    which = {"component": entry.component, "version": entry.version}
    return Delete(SCHEMA_MIGRATIONS.name, EVERY_USER, which)


def _command(entry: LedgerEntry, number: int, statement: Any) -> Command:
    words = statement.get("command") if isinstance(statement, Mapping) else None
    usable = (
        isinstance(words, list)
        and words
        and all(
            isinstance(word, str | int | float) and not isinstance(word, bool) for word in words
        )
    )
    if not usable:
        raise MigrationError(
            f'statement {number} is no command: {{"command": ["SET", "key", "value"]}}',
            where=f"{entry.component} {entry.version}_{entry.name}",
            hint="nothing of this migration was run; correct its file and try again",
        )
    assert isinstance(words, list)  # noqa: S101 - asked above
    return tuple(words)
