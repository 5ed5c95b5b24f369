"""Transactions that are too large for one request.

TransactWriteItems takes a hundred actions. A larger transaction goes through two phases, so that
it still happens wholly or not at all, whoever dies on the way:

1. Its rows are listed in the table ``transactions``, state *pending*, with a time until which its
   writer is alive; every further request of the writer prolongs that time.
2. Each row is *marked* with the transaction and what shall become of it (``_tx``, and ``_new``,
   ``_next`` or ``_gone``), on condition that it still is as it was read. New claims are taken
   together with their rows. A row that is held already makes the whole transaction start over.
3. One write turns *pending* into *committed*. From this moment every reader sees all of it.
4. The marks are replaced by what they stand for, old claims given up with their rows, and the
   list is deleted.

Whoever meets a marked row asks what became of the transaction: until it is committed the row is as
it was, afterwards as it shall be. If its writer is dead, the next one who wants to write such a
row, or opens the database, completes step 4, or takes the marks back if step 3 never happened.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from time import time
from typing import Final
from uuid import uuid4

from luminora.errors import (
    InputError,
    LuminoraError,
    SchemaPending,
    StorageCorrupt,
    StorageUnavailable,
)
from luminora.providers.collections import COLLECTIONS, Collection
from luminora.providers.operations import Row
from luminora_dynamodb.changes import (
    MAX_ACTIONS,
    Action,
    Actions,
    Change,
    Changes,
    portions,
    released,
    unchanged,
)
from luminora_dynamodb.client import VERSION, Client, Item, pause
from luminora_dynamodb.errors import Refused
from luminora_dynamodb.items import (
    MAX_ITEM,
    Place,
    applied,
    claims_of,
    delta,
    item_of,
    key_names,
    place_in,
    row_in,
    size_of,
)
from luminora_dynamodb.records import ABORTED, COMMITTED, PENDING, Records, rows_in

log = logging.getLogger(__name__)

TABLE: Final = "transactions"
_MARKS: Final = ("_tx", "_new", "_next", "_gone")
_ROUNDS: Final = 20

Fetch = Callable[[list[Item]], Awaitable[list[Item]]]


class Journal:
    """The large transactions of one database.

    Args:
        client: The connection.
        actions: Writes the requests.
    """

    def __init__(self, client: Client, actions: Actions) -> None:
        self._client = client
        self._actions = actions
        self._records = Records(client, actions.table(TABLE))

    async def write(self, changes: Changes) -> None:
        """Write everything or nothing.

        Raises:
            Refused: A row or claim is no longer as it was read; nothing was written.
            InputError: It cannot be done in steps, or a row is too large for two versions of it.
            StorageError: Anything else; nothing is written, or others take back what was.
        """
        if changes.claims.passed_on:
            raise InputError(
                f"{len(changes.rows)} rows are too many to write at once while one of them takes "
                "over a unique value of another",
                hint="delete the old rows first, in a transaction of their own",
            )
        transaction = uuid4().hex
        groups = [self._marking(transaction, change, changes) for change in changes.rows]
        requests = portions(groups, room=MAX_ACTIONS - 1)
        await self._records.announce(transaction, [change.place for change in changes.rows])
        try:
            for request in requests:
                await self._client.write([self._records.alive(transaction), *request])
            await self._records.decide(transaction, COMMITTED)
        except asyncio.CancelledError:
            await asyncio.shield(self._withdraw(transaction))
            raise
        except (Refused, LuminoraError):
            if await self._withdraw(transaction):
                raise
        try:
            await self.finish(transaction)
        except LuminoraError as error:  # it is committed: whoever comes next completes it
            log.warning(
                "transaction %s is stored and will be tidied up later: %s", transaction, error
            )

    async def resolved(self, items: list[Item], collection: Collection, fetch: Fetch) -> list[Item]:
        """The items as large transactions left them.

        Args:
            items: Items as they were read, some of them marked.
            collection: Whose they are.
            fetch: Reads items again by their keys.
        """
        done: list[Item] = []
        for attempt in range(_ROUNDS):
            marked = [item for item in items if "_tx" in item]
            states = await self._records.states(item["_tx"]["S"] for item in marked)
            unclear = []
            for item in items:
                state = states.get(item["_tx"]["S"]) if "_tx" in item else PENDING
                if state is None:
                    unclear.append({name: item[name] for name in key_names(collection)})
                elif (visible := _visible(item, state)) is not None:
                    done.append(visible)
            if not unclear:
                return done
            # the transaction ended after the row was read
            await pause(attempt)
            items = await fetch(unclear)
        raise StorageCorrupt(
            f"rows of '{collection.name}' are held by a transaction that nobody knows",
            where=self._client.settings.place,
            hint="was the table of transactions deleted? Restore it from a backup",
        )

    async def settle(self, transaction: str) -> None:
        """Bring a transaction that is in the way to its end, or wait a little for its writer."""
        record = await self._records.find(transaction)
        if record is None:
            return
        state = record["state"]["S"]
        if state == PENDING:
            if float(record["until"]["N"]) > time():
                await pause(3)
                return
            try:
                await self._records.decide(transaction, ABORTED, seen=record["until"])
            except Refused:
                return  # its writer lives, or another has decided
        await self.finish(transaction)

    async def sweep(self) -> int:
        """Bring what dead writers left behind to its end; how many transactions that were."""
        ended: set[str] = set()
        # usually the table is empty: one small request
        try:
            async for items in self._client.pages(
                "scan", TableName=self._records.table, ConsistentRead=True
            ):
                for item in items:
                    dead = float(item["until"]["N"]) < time()
                    if dead and item["tx"]["S"] not in ended:
                        ended.add(item["tx"]["S"])
                        await self._end(item["tx"]["S"])
        except SchemaPending:
            return 0
        return len(ended)

    async def finish(self, transaction: str) -> None:
        """Carry out, or take back, what was decided; harmless if others do the same."""
        record = await self._records.find(transaction)
        if record is None or record["state"]["S"] == PENDING:
            return
        committed = record["state"]["S"] == COMMITTED
        parts = await self._records.parts(transaction)
        for part in parts:
            await self._clean(transaction, rows_in(part), committed=committed)
        await self._records.forget(transaction, parts)

    async def _end(self, transaction: str) -> None:
        if await self._records.find(transaction) is None:  # its writer died while listing
            await self._records.forget(transaction, await self._records.parts(transaction))
        else:
            await self.settle(transaction)

    def _marking(self, transaction: str, change: Change, changes: Changes) -> list[Action]:
        """What marks one row and takes the claims that it needs."""
        collection = COLLECTIONS[change.place.collection]
        mark: Item = {"_tx": {"S": transaction}}
        if change.before is None:
            action = self._actions.row(change)
            action["Put"]["Item"] |= {**mark, "_new": {"BOOL": True}}
        else:
            if change.after is None:
                mark["_gone"] = {"BOOL": True}
            else:
                mark["_next"] = {"M": delta(collection, change.before.row, change.after)}
                _check_room(collection, change.before.row, change.after, mark)
            action = self._actions.update(change.place, mark, unchanged(change.before.version))
        taken = [
            self._actions.claim(claim, None, new)
            for claim, (old, new) in changes.claims.of(change.place).items()
            if old is None
        ]
        return [action, *taken]

    async def _withdraw(self, transaction: str) -> bool:
        """Take everything back; False if it was committed after all."""
        try:
            if await self._aborted(transaction):
                await self.finish(transaction)
                return True
        except LuminoraError as error:  # in half a minute others may take it back
            log.warning("transaction %s will be taken back later: %s", transaction, error)
            return True
        return False

    async def _aborted(self, transaction: str) -> bool:
        """Decide against the transaction; False if it had been decided for."""
        for attempt in range(_ROUNDS):
            try:
                await self._records.decide(transaction, ABORTED)
            except Refused:  # somebody has given us up, is about to, or an answer was lost
                record = await self._records.find(transaction)
                state = record["state"]["S"] if record is not None else ABORTED
                if state != PENDING:
                    return state == ABORTED
                await pause(attempt)
            else:
                return True
        return True

    async def _clean(self, transaction: str, places: Sequence[Place], *, committed: bool) -> None:
        """Replace the marks on these rows by what they stand for."""
        for attempt in range(_ROUNDS):
            groups = [
                self._cleaning(place, item, committed=committed)
                for place, item in await self._marked(transaction, places)
            ]
            if not groups:
                return
            for request in portions(groups):
                try:
                    await self._client.write(request)
                except Refused:  # somebody else is at the same rows: see what remains
                    await pause(attempt)
        raise StorageUnavailable(
            f"a transaction of {len(places)} rows cannot be completed: others keep interfering",
            where=self._client.settings.place,
            hint="try again later",
        )

    async def _marked(self, transaction: str, places: Sequence[Place]) -> list[tuple[Place, Item]]:
        by_collection: dict[str, list[Item]] = {}
        for place in places:
            by_collection.setdefault(place.collection, []).append(place.key)
        return [
            (place_in(COLLECTIONS[name], item), item)
            for name, keys in by_collection.items()
            for item in await self._client.get_many(self._actions.table(name), keys)
            if item.get("_tx", {}).get("S") == transaction
        ]

    def _cleaning(self, place: Place, item: Item, *, committed: bool) -> list[Action]:
        """What ends the transaction for one row, its claims included."""
        collection = COLLECTIONS[place.collection]
        before = row_in(collection, item)
        after = before
        if "_next" in item:
            after = row_in(collection, applied(item, item["_next"]["M"]))
        removed = "_gone" in item if committed else "_new" in item
        if removed:
            given_up = claims_of(collection, before)
            action = self._actions.delete(place, unchanged(item[VERSION]["S"]))
        else:
            old, new = (before, after) if committed else (after, before)
            given_up = released(old, new, place)
            changes = item["_next"]["M"] if committed and "_next" in item else {}
            clean = {name: {"NULL": True} for name in _MARKS if name in item}
            changes = {**changes, **clean}
            action = self._actions.update(place, changes, unchanged(item[VERSION]["S"]))
        return [action, *(self._actions.claim(claim, place, None) for claim in given_up)]


def _visible(item: Item, state: str) -> Item | None:
    """A marked item as a reader sees it; None if there is no such row for it."""
    if state != COMMITTED:
        return None if "_new" in item else item
    if "_gone" in item:
        return None
    return applied(item, item["_next"]["M"]) if "_next" in item else item


def _check_room(collection: Collection, before: Row, after: Row, mark: Item) -> None:
    size = size_of(item_of(collection, before)) + size_of(mark)
    if size > MAX_ITEM:
        raise InputError(
            f"a row of '{collection.name}' takes {size:,} bytes while many rows are changed at "
            f"once; DynamoDB stores at most {MAX_ITEM:,} in one item",
            hint=f"change fewer than {MAX_ACTIONS} rows together with "
            f"{', '.join(f'{name}={after[name]!r:.40}' for name in collection.key)}",
        )
