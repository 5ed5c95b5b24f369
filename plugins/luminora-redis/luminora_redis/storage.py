"""Storage in Redis, over its plain data types."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from redis.exceptions import RedisError

from luminora.errors import LuminoraError, SchemaDrift, StorageError
from luminora.providers.base import CheckResult, Status
from luminora.providers.collections import COLLECTIONS
from luminora.providers.operations import (
    EVERY_USER,
    Count,
    Find,
    Is,
    Read,
    Row,
    Scope,
    SearchText,
    Update,
    Where,
    Write,
)
from luminora.providers.storage import StorageProvider
from luminora_redis.connection import Connections
from luminora_redis.durability import OLDEST, QUESTIONS, WAITAOF, Facts
from luminora_redis.errors import translate
from luminora_redis.layout import FORMAT, Layout
from luminora_redis.reading import Reader, together
from luminora_redis.settings import Settings
from luminora_redis.transaction import Transactor
from luminora_redis.writing import planned

if TYPE_CHECKING:
    from luminora.providers.migration import MigrationDriver

log = logging.getLogger(__name__)


class RedisStorage(StorageProvider):
    """Storage in one Redis server.

    Args:
        settings: The server and how to get in.
        prefix: What all keys begin with.
        table_prefix: Put before every collection's name.
        require_persistence: Refuse a server that is not known to write to its disk.
        wait_for_fsync: Acknowledge a transaction when the server has it on disk (``WAITAOF``).
    """

    name = "redis"
    dialect: ClassVar[str] = "redis"

    def __init__(
        self,
        settings: Settings,
        *,
        prefix: str = "luminora",
        table_prefix: str = "",
        require_persistence: bool = False,
        wait_for_fsync: bool = False,
    ) -> None:
        self.connections = Connections(settings)
        self.layout = Layout(prefix, table_prefix)
        self.table_prefix = table_prefix
        self._where = settings.where
        self._require_persistence = require_persistence
        self._wait_for_fsync = wait_for_fsync
        self._reader = Reader(self.layout)
        self.transactor = Transactor(
            self.layout,
            settings.where,
            fsync_ms=max(1, int(settings.seconds * 500)) if wait_for_fsync else None,
        )
        self._connected = False

    async def connect(self) -> None:
        """See that the server can be used; calling it again is harmless.

        Raises:
            StorageUnavailable: It cannot be reached.
            AuthenticationFailed, PermissionRefused: It does not let this user in.
            SchemaDrift: A newer version has written to it.
            StorageError: It is too old, or not as durable as was asked for.
        """
        if self._connected:
            return
        facts = await self.facts()
        if problem := self._unfit(facts):
            raise problem
        for warning in facts.warnings:
            log.warning("Redis at %s: %s", self._where, warning)
        self._connected = True

    async def aclose(self) -> None:
        """Close the connections; they are opened anew when they are needed."""
        self._connected = False
        self.connections.close()

    async def server_time(self) -> datetime | None:
        """What time it is for the server."""
        ((seconds, micros),) = await self.connections.ask([("TIME",)])
        return datetime.fromtimestamp(int(seconds) + int(micros) / 1_000_000, UTC)

    def migrations(self) -> MigrationDriver:
        """The driver of plugins' migrations; Luminora's own data needs none here."""
        from luminora_redis.migrations import RedisMigrationDriver

        return RedisMigrationDriver(self)

    async def transaction(self, operations: Sequence[Write]) -> list[int]:
        """Do all the writes or none; as durable as the server's ``appendfsync`` makes it."""
        plans = [planned(self._reader, operation) for operation in operations]
        if not plans:
            return []
        async with self.transactor.turn(plans):
            return await self.connections.use(lambda link: self.transactor.run(link, plans))

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
        query = Find(collection, user_id, where or {}, order, limit, after)
        rows: list[Row] = (await self.read([query]))[0]
        return rows

    async def count(self, collection: str, user_id: Scope, where: Where | None = None) -> int:
        """How many rows match."""
        number: int = (await self.read([Count(collection, user_id, where or {})]))[0]
        return number

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

        Raises:
            InputError: The collection is not ``messages``.
        """
        query = SearchText(collection, user_id, text, where or {}, limit)
        hits: list[tuple[Row, float]] = (await self.read([query]))[0]
        return hits

    async def read(self, queries: Sequence[Read]) -> list[Any]:
        """Several reads in one round trip, or as many as the longest of them takes."""
        for query in queries:
            self._reader.steps(query)  # a read that makes no sense is refused before any is asked
        if not queries:
            return []
        return await self.connections.use(
            lambda link: together(link, [self._reader.steps(one) for one in queries], self._where)
        )

    async def lease_jobs(
        self, limit: int, seconds: float, *, kinds: Sequence[str] | None = None
    ) -> list[Row]:
        """Take up to ``limit`` due jobs for ``seconds``; expired leases are taken over first.

        All are looked for in one round trip and taken in one transaction: of several workers that
        ask at once, each gets jobs of its own.
        """
        taken: list[Row] = []
        while len(taken) < limit:
            due = await self._due(limit - len(taken), kinds)
            won = await self._taken(due, seconds) if due else []
            taken += won
            if len(won) == len(due):
                break  # nobody was quicker: there is no more
        return taken

    async def _due(self, limit: int, kinds: Sequence[str] | None) -> list[Row]:
        now = datetime.now(UTC)
        queries = []
        for status, clock in (("leased", "leased_until"), ("ready", "run_at")):
            where: dict[str, Any] = {"status": status, clock: Is("<=", now)}
            if kinds is not None:
                where["kind"] = Is("in", list(kinds))
            queries.append(Find("jobs", EVERY_USER, where, order=(clock,), limit=limit))
        expired, ready = await self.read(queries)
        return [*expired, *ready][:limit]

    async def _taken(self, due: Sequence[Row], seconds: float) -> list[Row]:
        now = datetime.now(UTC)
        leases = [
            {
                "status": "leased",
                "lease_token": uuid4().hex,
                "leased_until": now + timedelta(seconds=seconds),
                "attempts": job["attempts"] + 1,
                "updated_at": now,
            }
            for job in due
        ]
        unchanged = ("id", "status", "lease_token", "attempts")
        touched = await self.transaction(
            [
                Update("jobs", job["user_id"], {name: job[name] for name in unchanged}, set=lease)
                for job, lease in zip(due, leases, strict=True)
            ]
        )
        return [
            {**job, **lease} for job, lease, won in zip(due, leases, touched, strict=True) if won
        ]

    async def facts(self) -> Facts:
        """What the server says of itself and of the data under our prefix.

        Raises:
            LuminoraError: It cannot be reached, or the data is not ours to read.
        """
        asked = [*QUESTIONS, ("GET", self.layout.format_key)]
        *answers, version = await self.connections.use(lambda link: link.round(asked))
        if isinstance(version, RedisError):
            raise translate(version, self._where)
        if version is not None and (not version.isdigit() or int(version) > FORMAT):
            raise SchemaDrift(
                f"the data under '{self.layout.stem}' was written by a newer luminora-redis",
                where=self._where,
                hint="pip install --upgrade luminora-redis, or choose another key_prefix",
            )
        return Facts.of(answers)

    def _unfit(self, facts: Facts) -> LuminoraError | None:
        """Why this server cannot be used as it was asked for."""
        if facts.version and facts.version < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            return StorageError(
                f"the server is Redis {facts.shown}; {oldest} or newer is needed",
                where=self._where,
                hint=f"upgrade the server to Redis {oldest} or newer",
            )
        if self._require_persistence and not facts.durable:
            return StorageError(
                "; ".join(facts.warnings) or facts.promise,
                where=self._where,
                hint="mend it on the server, or take require_persistence out of luminora.json",
            )
        if self._wait_for_fsync and not (facts.version >= WAITAOF and facts.appendonly):
            return StorageError(
                f"wait_for_fsync needs Redis 7.2 or newer with appendonly yes; this is Redis "
                f"{facts.shown} with appendonly {'yes' if facts.appendonly else 'no'}",
                where=self._where,
                hint="redis-cli CONFIG SET appendfsync always does the same for every client",
            )
        return None

    async def check(self) -> CheckResult:
        """Whether the server can be used, and whether what it acknowledges survives."""
        started = perf_counter()
        try:
            facts = await self.facts()
            latency = (perf_counter() - started) * 1000
            owners = [self.layout.tables[name] for name in COLLECTIONS]
            sizes = await self.connections.ask(
                [("ZCARD", one.index_key(one.owners or one.keys, "")) for one in owners]
            )
        except LuminoraError as error:
            return CheckResult(Status.ERROR, str(error), data={"server": self._where})
        data = {
            "server": self._where,
            "version": facts.shown,
            "appendonly": facts.appendonly,
            "appendfsync": facts.appendfsync,
            "save": facts.save,
            "maxmemory_policy": facts.policy,
            "used_memory": facts.memory,
            "rows": dict(zip(COLLECTIONS, sizes, strict=True)),
        }
        if problem := self._unfit(facts):
            return CheckResult(Status.ERROR, str(problem), latency, data)
        detail = f"Redis {facts.shown} at {self._where}: {facts.promise}"
        if warnings := facts.warnings:
            return CheckResult(Status.WARNING, "\n".join([detail, *warnings]), latency, data)
        return CheckResult(Status.OK, detail, latency, data)
