"""Storage in a MongoDB database: one collection for each declared one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4
from weakref import WeakValueDictionary

from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession

from luminora.errors import InputError, LuminoraError, StorageUnavailable
from luminora.providers.base import CheckResult, ProviderContext, Status
from luminora.providers.checks import confined_to, declared, order_of, own_where
from luminora.providers.collections import COLLECTIONS, JOBS
from luminora.providers.operations import EVERY_USER, Is, Row, Scope, Where, Write
from luminora.providers.storage import StorageProvider
from luminora_mongodb import words
from luminora_mongodb.connection import Connection, Live, facts_of, settings_of
from luminora_mongodb.documents import TERMS, behind, encode, query_of, row_of, sort_of, together
from luminora_mongodb.errors import STANDALONE
from luminora_mongodb.transactions import in_transaction
from luminora_mongodb.writes import Collision, Step, steps_of
from luminora_mongodb.writes import Scope as WriteScope

if TYPE_CHECKING:
    from luminora.providers.migration import MigrationDriver

_BATCH = 2_000
"""Documents that one answer of the server holds at most."""


class MongoStorage(StorageProvider):
    """Storage in a MongoDB database.

    Args:
        config: The provider's settings; see the manifest.
        context: Secrets and the prefix of the collections' names.
    """

    name = "mongodb"
    dialect: ClassVar[str] = "mongodb"

    def __init__(self, config: Mapping[str, Any], context: ProviderContext) -> None:
        self.connection = Connection(settings_of(config, context))
        self.table_prefix = context.table_prefix
        self._timeout = self.connection.settings.timeout
        self._turns: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

    async def connect(self) -> None:
        """Connect; calling it again is harmless.

        Raises:
            StorageError: Nobody answers, or it is a standalone server and may not be.
            AuthenticationFailed: The user or the password is refused.
        """
        await self.connection.open()

    async def aclose(self) -> None:
        """Close all connections."""
        await self.connection.aclose()

    def migrations(self) -> MigrationDriver:
        """The driver that migrates this database."""
        from luminora_mongodb.migrations import MongoMigrationDriver

        return MongoMigrationDriver(self.connection, table_prefix=self.table_prefix)

    async def transaction(self, operations: Sequence[Write]) -> list[int]:
        """Do all the writes or none, acknowledged by a majority and in its journals.

        What is one document needs no transaction of MongoDB's. Those of one user take turns within
        this process, because MongoDB would make them lose against each other.
        """
        steps = steps_of(operations)
        if not steps:
            return []
        live = await self._live(step.collection.name for step in steps)
        scope = WriteScope(live.database, self.table_prefix)
        user = operations[0].user_id
        if (len(steps) == 1 and steps[0].alone) or not live.transactions:
            async with self.connection.within(self._timeout):
                return await _all(steps, scope)
        turn = self._turns.setdefault((live.loop, user), asyncio.Lock())
        try:
            async with asyncio.timeout(self._timeout):
                await turn.acquire()
        except TimeoutError:
            raise StorageUnavailable(
                f"other writes of this user took longer than {self._timeout:g} seconds",
                where=self.connection.where,
                hint="try again, or raise timeout_seconds",
            ) from None
        try:
            async with self.connection.within(self._timeout):
                return await self._together(live, steps)
        finally:
            turn.release()

    async def _together(self, live: Live, steps: Sequence[Step]) -> list[int]:
        """All steps in one transaction."""

        async def attempt(session: AsyncClientSession, *, careful: bool) -> list[int]:
            scope = WriteScope(live.database, self.table_prefix, session, careful)
            return await _all(steps, scope)

        try:
            return await in_transaction(live.client, partial(attempt, careful=False), self._timeout)
        except Collision:
            return await in_transaction(live.client, partial(attempt, careful=True), self._timeout)

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
        """The rows that match."""
        found = declared(collection)
        conditions = own_where(found, confined_to(found, user_id), where or {})
        arranged = order_of(found, order)
        if limit is not None and (not isinstance(limit, int) or limit < 0):
            raise InputError("limit has to be a whole number, zero or more, or None")
        query = query_of(found, conditions)
        if after is not None:
            query = together(query, behind(found, arranged, after))
        if limit == 0:  # which MongoDB takes for no limit at all
            return []
        live = await self._live([collection])
        async with self.connection.within(self._timeout):
            cursor = live.database[f"{self.table_prefix}{collection}"].find(
                query,
                {TERMS: 0} if found.text else None,
                sort=sort_of(found, arranged),
                limit=limit or 0,
                batch_size=_BATCH,
                allow_disk_use=True,
            )
            return [row_of(found, document) for document in await cursor.to_list()]

    async def count(self, collection: str, user_id: Scope, where: Where | None = None) -> int:
        """How many rows match."""
        found = declared(collection)
        query = query_of(found, own_where(found, confined_to(found, user_id), where or {}))
        live = await self._live([collection])
        async with self.connection.within(self._timeout):
            return await live.database[f"{self.table_prefix}{collection}"].count_documents(query)

    async def search_text(
        self,
        collection: str,
        user_id: Scope,
        text: str,
        *,
        where: Where | None = None,
        limit: int = 50,
    ) -> list[tuple[Row, float]]:
        """Messages that share words with ``text``, in Spanish and English, best first.

        Among a user's newest 20,000 messages that hold one of the words.

        Raises:
            InputError: The collection is not ``messages``.
        """
        search = words.prepared(collection, user_id, text, where or {}, limit)
        if search is None:
            return []
        live = await self._live([collection])
        async with self.connection.within(self._timeout):
            return await words.found(live.database[f"{self.table_prefix}{collection}"], search)

    async def lease_jobs(
        self, limit: int, seconds: float, *, kinds: Sequence[str] | None = None
    ) -> list[Row]:
        """Take up to ``limit`` due jobs, each in one atomic step; expired leases go first."""
        now = datetime.now(UTC)
        live = await self._live([JOBS.name])
        jobs = live.database[f"{self.table_prefix}{JOBS.name}"]
        taken: list[Row] = []
        for status, clock in (("leased", "leased_until"), ("ready", "run_at")):
            where: dict[str, Any] = {"status": status, clock: Is("<=", now)}
            if kinds is not None:
                where["kind"] = Is("in", list(kinds))
            query = query_of(JOBS, own_where(JOBS, confined_to(JOBS, EVERY_USER), where))
            while len(taken) < limit:
                async with self.connection.within(self._timeout):
                    job = await jobs.find_one_and_update(
                        query,
                        {"$set": _lease(now, seconds), "$inc": {"attempts": 1}},
                        sort=[(clock, 1), ("_id", 1)],
                        return_document=ReturnDocument.AFTER,
                    )
                if job is None:
                    break
                taken.append(row_of(JOBS, job))
                query = {**query, "_id": {"$nin": [encode(JOBS, "id", one["id"]) for one in taken]}}
        return taken

    async def check(self) -> CheckResult:
        """Connect, ask for version, rights and collections, and say what is missing."""
        started = perf_counter()
        try:
            mine = not self.connection.opened
            live = await self.connection.open()
            facts = await facts_of(self.connection, live)
        except (LuminoraError, OSError) as error:
            return CheckResult(Status.ERROR, str(error), data={"where": self.connection.where})
        latency = (perf_counter() - started) * 1000
        if mine:
            await self.aclose()
        present = set(facts.pop("collections"))
        wanted = {name: f"{self.table_prefix}{name}" for name in COLLECTIONS}
        facts["tables"] = sorted(name for name, table in wanted.items() if table in present)
        facts["missing_tables"] = sorted(wanted.keys() - set(facts["tables"]))
        return _verdict(facts, latency)

    async def _live(self, names: Any) -> Live:
        live = await self.connection.live()
        await self.connection.require(live, {f"{self.table_prefix}{name}" for name in names})
        return live


async def _all(steps: Sequence[Step], scope: WriteScope) -> list[int]:
    touched: list[int] = []
    for step in steps:
        touched += await step.run(scope)
    return touched


def _lease(now: datetime, seconds: float) -> dict[str, Any]:
    values: Row = {
        "status": "leased",
        "lease_token": uuid4().hex,
        "leased_until": now + timedelta(seconds=seconds),
        "updated_at": now,
    }
    return {name: encode(JOBS, name, value) for name, value in values.items()}


def _verdict(facts: dict[str, Any], latency: float) -> CheckResult:
    status = Status.OK
    detail = f"MongoDB {facts['server_version']}, {facts['topology']}, {facts['where']}"
    if facts["topology"] == "standalone":
        status = Status.WARNING
        detail = f"{detail}: a crash can leave half of a write; {STANDALONE.rpartition('; or')[0]}"
    if facts["lacking_rights"]:
        status = Status.ERROR
        rights = ", ".join(facts["lacking_rights"])
        detail = f"the user may not {rights}: db.grantRolesToUser(USER, ['readWrite'])"
    elif facts["missing_tables"]:
        status = Status.ERROR
        detail = f"collections are missing ({', '.join(facts['missing_tables'])}): luminora migrate"
    return CheckResult(status, detail, latency, facts)
