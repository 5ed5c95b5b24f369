"""Storage on DynamoDB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, Final
from weakref import WeakValueDictionary

from luminora.errors import Conflict, InputError, LuminoraError, SchemaPending, StorageUnavailable
from luminora.providers.base import CheckResult, Status
from luminora.providers.checks import declared, own_where
from luminora.providers.operations import (
    Count,
    EveryUser,
    Find,
    Row,
    Scope,
    SearchText,
    Where,
    Write,
)
from luminora.providers.storage import StorageProvider
from luminora_dynamodb.changes import Actions, Changes, fits
from luminora_dynamodb.client import Client, pause
from luminora_dynamodb.errors import Refused
from luminora_dynamodb.items import Place, claims_of, place_of
from luminora_dynamodb.journal import Journal
from luminora_dynamodb.paths import tables
from luminora_dynamodb.planning import Plan, Step, step_of, touches_of
from luminora_dynamodb.reading import Image, Reader
from luminora_dynamodb.settings import Settings
from luminora_dynamodb.words import search

if TYPE_CHECKING:
    from luminora.providers.migration import MigrationDriver

PATIENCE_SECONDS: Final = 60.0
"""How long a transaction is tried again while others keep changing the same rows."""
_ROUNDS: Final = 20


class _Held(Exception):
    """Rows are held by large transactions."""

    def __init__(self, transactions: set[str]) -> None:
        super().__init__(", ".join(transactions))
        self.transactions = transactions


class DynamoDBStorage(StorageProvider):
    """Storage on DynamoDB, one table per collection.

    Args:
        settings: Where, as whom, how long; see :mod:`luminora_dynamodb.settings`.
    """

    name = "dynamodb"
    dialect: ClassVar[str] = "dynamodb"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._open: Client | None = None
        self._actions = Actions(settings.table_prefix)
        self._locks: WeakValueDictionary[Any, asyncio.Lock] = WeakValueDictionary()

    async def connect(self) -> None:
        """Open the database, and complete what a writer that died has left; repeating is harmless.

        Raises:
            CredentialsMissing, AuthenticationFailed, PermissionRefused: AWS wants others.
            StorageUnavailable: It cannot be reached.
        """
        if self._open is not None:
            return
        client = Client(self.settings)
        try:
            await Journal(client, self._actions).sweep()
        except BaseException:
            await client.close()
            raise
        if self._open is None:
            self._open = client
        else:  # somebody else connected meanwhile
            await client.close()

    async def aclose(self) -> None:
        """Let the connections go."""
        client, self._open = self._open, None
        if client is not None:
            await client.close()

    def migrations(self) -> MigrationDriver:
        """The driver that creates the tables, over a connection of its own."""
        from luminora_dynamodb.migrations import DynamoDBMigrationDriver

        return DynamoDBMigrationDriver(self.settings)

    async def transaction(self, operations: Sequence[Write]) -> list[int]:
        """Do all the writes or none.

        New rows and values set by key go out at once; whatever else the operations need is read,
        and written on condition that it has not changed. Up to a hundred items are one request,
        more go through the :mod:`journal <luminora_dynamodb.journal>`.
        """
        steps = [step_of(operation) for operation in operations]
        if not steps:
            return []
        blind = touches_of(steps)
        if blind is not None and fits(actions := self._actions.of(blind)):
            try:
                await self._client.write(actions)
            except Refused:  # something is there or is not: read what
                pass
            else:
                return [1] * len(steps)
        async with AsyncExitStack() as stack:
            for scope in sorted({step.user or "" for step in steps}):
                await stack.enter_async_context(self._lock(scope))
            return await self._considered(steps)

    async def find(
        self,
        collection: str,
        user_id: Scope,
        where: Where | None = None,
        *,
        order: Sequence[str] = (),
        limit: int | None = None,
        after: Row | None = None,
    ) -> list[Row]:
        """The rows that match; consistent for one user and for keys, see the README for others."""
        return await self._reader.find(Find(collection, user_id, where or {}, order, limit, after))

    async def count(self, collection: str, user_id: Scope, where: Where | None = None) -> int:
        """How many rows match."""
        return await self._reader.count(Count(collection, user_id, where or {}))

    async def search_text(
        self,
        collection: str,
        user_id: Scope,
        text: str,
        *,
        where: Where | None = None,
        limit: int = 50,
    ) -> list[tuple[Row, float]]:
        """Among the user's newest 20,000 messages, those that share words with ``text``.

        Raises:
            InputError: The collection is not ``messages``.
        """
        query = SearchText(collection, user_id, text, where or {}, limit)
        return await search(self._reader, query)

    async def pages(
        self, collection: str, user_id: Scope, where: Where | None = None, *, size: int = 500
    ) -> AsyncIterator[list[Row]]:
        """All matching rows, page by page; all users' rows come in the table's own order."""
        if not isinstance(user_id, EveryUser):
            async for page in super().pages(collection, user_id, where, size=size):
                yield page
            return
        found = declared(collection)
        conditions = own_where(found, None, where or {})
        async for page in self._reader.everything(found, conditions, size):
            yield page

    async def check(self) -> CheckResult:
        """Ask for every table."""
        started = perf_counter()
        client = self._open or Client(self.settings)
        try:
            states = await asyncio.gather(*(self._state(client, name) for name in tables()))
        except LuminoraError as error:
            return CheckResult(Status.ERROR, str(error), data={"place": self.settings.place})
        finally:
            if client is not self._open:
                await client.close()
        found = dict(zip(tables(), states, strict=True))
        absent = sorted(name for name, state in found.items() if state is None)
        busy = sorted(name for name, state in found.items() if state not in {None, "ACTIVE"})
        facts = {
            "place": self.settings.place,
            "table_prefix": self.settings.table_prefix,
            "tables": sorted(found.keys() - set(absent)),
            "missing_tables": absent,
        }
        latency = (perf_counter() - started) * 1000
        if absent:
            detail = f"tables are missing ({', '.join(absent)}): luminora migrate"
            return CheckResult(Status.ERROR, detail, latency, facts)
        if busy:
            detail = f"tables are being changed: {', '.join(busy)}"
            return CheckResult(Status.WARNING, detail, latency, facts)
        detail = f"{self.settings.place}, {len(found)} tables '{self.settings.table_prefix}…'"
        return CheckResult(Status.OK, detail, latency, facts)

    @staticmethod
    async def _state(client: Client, name: str) -> str | None:
        """A table's status; None if there is none."""
        try:
            table = f"{client.settings.table_prefix}{name}"
            found = await client.call("describe_table", TableName=table)
        except SchemaPending:
            return None
        return str(found["Table"]["TableStatus"])

    @property
    def _client(self) -> Client:
        if self._open is None:
            raise StorageUnavailable(
                "the storage is not connected",
                where=self.settings.place,
                hint="await connect() first",
            )
        return self._open

    @property
    def _journal(self) -> Journal:
        return Journal(self._client, self._actions)

    @property
    def _reader(self) -> Reader:
        return Reader(self._client, self._journal)

    def _lock(self, scope: str) -> asyncio.Lock:
        """One lock per user: in one process, writers wait instead of overtaking each other."""
        key = (id(asyncio.get_running_loop()), scope)
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock

    async def _considered(self, steps: Sequence[Step]) -> list[int]:
        """Read, work out, write on condition; again while others are quicker."""
        deadline = monotonic() + PATIENCE_SECONDS
        attempt = 0
        while True:
            try:
                touched, changes = await self._plan(steps)
                await self._write(changes)
            except _Held as held:
                for transaction in held.transactions:
                    await self._journal.settle(transaction)
            except Refused:
                await pause(attempt)
            else:
                return touched
            attempt += 1
            if monotonic() > deadline:
                raise StorageUnavailable(
                    f"others have been changing the same rows for {PATIENCE_SECONDS:g} seconds",
                    where=self.settings.place,
                    hint="try again later",
                )

    async def _write(self, changes: Changes) -> None:
        actions = self._actions.of(changes)
        if fits(actions):
            await self._client.write(actions)
        else:
            await self._journal.write(changes)

    async def _plan(self, steps: Sequence[Step]) -> tuple[list[int], Changes]:
        """What the operations touch and change, with everything read that this takes."""
        read: dict[Place, Image | None] = {}
        held: dict[str, Place | None] = {}
        rows = [step for step in steps if not step.selects]
        wanted: set[str | Place] = {place_of(step.collection, step.row) for step in rows}
        wanted |= {claim for step in rows for claim in claims_of(step.collection, step.row)}
        selecting = asyncio.gather(
            *(
                self._reader.images(step.collection, step.user, step.conditions)
                for step in steps
                if step.selects
            )
        )
        _, selected = await asyncio.gather(self._load(wanted, read, held), selecting)
        for images in selected:
            read |= {image.place: image for image in images}
        for _ in range(_ROUNDS):
            _require_free(read)
            plan = Plan(read, held)
            try:
                touched = plan.run(steps)
            except (Conflict, InputError):
                if not plan.unread:
                    raise
            else:
                if not plan.unread:
                    return touched, plan.changes
            await self._load(plan.unread, read, held)
        raise Refused("rows come and go")

    async def _load(
        self,
        unread: set[str | Place],
        read: dict[Place, Image | None],
        held: dict[str, Place | None],
    ) -> None:
        """Read rows and claims, then the rows that hold these."""
        places = {one for one in unread if isinstance(one, Place)} - read.keys()
        found, holding = await asyncio.gather(
            self._reader.at(places),
            self._reader.holders(one for one in unread if isinstance(one, str)),
        )
        holders = {place for place in holding.values() if place is not None} - read.keys()
        found |= await self._reader.at(holders - found.keys())
        if not holders <= found.keys():
            raise Refused("a row came or went while it was read")
        read |= {place: found.get(place) for place in places | holders}
        held |= holding


def _require_free(read: dict[Place, Image | None]) -> None:
    held = {image.transaction for image in read.values() if image and image.transaction}
    if held:
        raise _Held(held)
