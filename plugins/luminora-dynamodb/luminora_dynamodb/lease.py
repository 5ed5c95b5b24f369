"""The migration lock: an item with an owner, an end, and a number that grows with every owner."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import fields
from time import monotonic, time
from typing import Any, Final
from uuid import uuid4

from luminora.errors import LuminoraError, MigrationError, MigrationLockTimeout
from luminora.providers.collections import SCHEMA_MIGRATIONS
from luminora.providers.migration import LedgerEntry
from luminora_dynamodb.client import Client, Item
from luminora_dynamodb.errors import Refused
from luminora_dynamodb.items import attributes
from luminora_dynamodb.reading import LEASE

LEASE_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.2
_LEASE_KEY: Final = {"component": {"S": LEASE}, "version": {"S": LEASE}}


class Lease:
    """The migration lock while it is held."""

    def __init__(self, client: Client, ledger: str, seconds: float) -> None:
        self.client = client
        self._table = ledger
        self._seconds = seconds
        self._owner = uuid4().hex
        self._fence = 0

    async def take(self, timeout: float) -> None:  # noqa: ASYNC109 - see MigrationDriver.lock
        """Wait for the lock.

        Raises:
            MigrationLockTimeout: Another process held it for ``timeout`` seconds.
        """
        deadline = monotonic() + timeout
        while not await self._try():
            if monotonic() >= deadline:
                raise MigrationLockTimeout(
                    f"another process has been migrating for {timeout:g} seconds",
                    where=f"{self.client.settings.place}, table {self._table}",
                    hint="wait for it, or raise --timeout; a process that died lets go after "
                    f"{self._seconds:g} seconds",
                )
            await asyncio.sleep(min(_POLL_SECONDS, max(deadline - monotonic(), 0.01)))

    async def prolong(self) -> None:
        """Keep the lock.

        Raises:
            MigrationError: Another process has it by now.
        """
        try:
            await self._change("#o = :o")
        except Refused:
            raise _lost(self._table) from None

    async def prolong_always(self) -> None:
        """Keep the lock until cancelled; if it is lost, the next command says so."""
        while True:
            await asyncio.sleep(self._seconds / 3)
            with suppress(LuminoraError):
                await self.prolong()

    async def give_back(self) -> None:
        """Let go; the fencing number stays. If that fails, the lock runs out by itself."""
        with suppress(Refused, LuminoraError):
            await self._change("#o = :o", until=0.0)

    async def write(self, entry: LedgerEntry) -> None:
        """Write an entry, unless a later owner of the lock has written it.

        Raises:
            MigrationError: One has.
        """
        row = {one.name: getattr(entry, one.name) for one in fields(entry)}
        row["parameters"] = dict(entry.parameters)
        item = attributes(SCHEMA_MIGRATIONS, row, row)
        await self._fenced("put_item", Item={**item, "_fence": {"N": str(self._fence)}})

    async def erase(self, entry: LedgerEntry) -> None:
        """Remove an entry, unless a later owner of the lock has written it.

        Raises:
            MigrationError: One has.
        """
        key = {"component": {"S": entry.component}, "version": {"S": entry.version}}
        await self._fenced("delete_item", Key=key)

    async def _fenced(self, operation: str, **parameters: Any) -> None:
        try:
            await self.client.call(
                operation,
                TableName=self._table,
                ConditionExpression="attribute_not_exists(#f) OR #f <= :f",
                ExpressionAttributeNames={"#f": "_fence"},
                ExpressionAttributeValues={":f": {"N": str(self._fence)}},
                **parameters,
            )
        except Refused:
            raise _lost(self._table) from None

    async def _try(self) -> bool:
        try:
            answer = await self._change(
                "attribute_not_exists(#o) OR #u < :t OR #o = :o", next_fence=True
            )
        except Refused:
            return False
        self._fence = int(answer["Attributes"]["fence"]["N"])
        return True

    async def _change(
        self, condition: str, *, until: float | None = None, next_fence: bool = False
    ) -> dict[str, Any]:
        valid = time() + self._seconds if until is None else until
        values: Item = {":o": {"S": self._owner}, ":u": {"N": f"{valid:.3f}"}}
        names = {"#o": "owner", "#u": "until"}
        expression = "SET #o = :o, #u = :u"
        if next_fence:
            expression += " ADD #f :n"
            names["#f"] = "fence"
            values |= {":n": {"N": "1"}, ":t": {"N": f"{time():.3f}"}}
        return await self.client.call(
            "update_item",
            TableName=self._table,
            Key=_LEASE_KEY,
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )


def _lost(table: str) -> MigrationError:
    return MigrationError(
        "this process was silent for too long, and another one migrates now",
        where=table,
        hint="luminora migrate --status",
    )
