"""The migration lock: a document with an expiry, renewed while it is held, and a fencing token.

MongoDB has no lock that ends with a connection. So a holder writes until when it holds the lock, by
the server's own clock (``$$NOW``), and renews that in the background; who is killed stops renewing,
and after :data:`SECONDS` the next one takes over. Each takeover raises ``token`` by one. A holder
that was suspended and wakes up too late finds another's token at its next renewal, which comes
before every command, and stops; entries of the ledger carry the token of who wrote them and are
never overwritten by a smaller one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, TypeVar
from uuid import uuid4

import pymongo
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError, PyMongoError

from luminora.errors import LuminoraError, MigrationError, MigrationLockTimeout
from luminora_mongodb.errors import translated

T = TypeVar("T")

SECONDS: Final = 20.0
"""How long a lease lasts unless it is renewed."""
_RENEWALS: Final = 4
"""Renewals per lease, so that a slow one does no harm."""
_POLL: Final = 0.1
_ID: Final = "migrations"


@dataclass(slots=True)
class Lease:
    """A lock that is held.

    Attributes:
        place: The collection of the lock's document.
        holder: This holder's own name.
        token: The fencing token: larger than every earlier holder's.
        seconds: How long a renewal lasts.
        where: The database, for errors.
    """

    place: AsyncCollection[dict[str, Any]]
    holder: str
    token: int
    seconds: float
    where: str
    lost: asyncio.Event
    until: float

    async def renew(self) -> None:
        """Hold it for another while; called before everything that is written.

        Raises:
            MigrationError: It is another's by now: nothing more may be written.
        """
        began = monotonic()
        mine = {"_id": _ID, "holder": self.holder, "token": self.token}
        with translated(self.where), pymongo.timeout(self.seconds):
            done = await self.place.update_one(mine, _until(self.seconds))
        if not done.matched_count:
            self.lost.set()
            raise self.gone()
        self.until = began + self.seconds

    async def keep(self) -> None:
        """Renew it for ever; gives it up when that fails for as long as it lasts."""
        while not self.lost.is_set():
            await asyncio.sleep(self.seconds / _RENEWALS)
            try:
                await self.renew()
            except LuminoraError:
                if monotonic() >= self.until:
                    self.lost.set()

    async def guard(self, work: Awaitable[T]) -> T:
        """Wait for a command, but no longer than the lease is held.

        Raises:
            MigrationError: The lease was lost meanwhile.
        """
        task = asyncio.ensure_future(work)
        lost = asyncio.ensure_future(self.lost.wait())
        try:
            await asyncio.wait({task, lost}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise self.gone()
            return task.result()
        finally:
            lost.cancel()
            task.cancel()

    async def release(self) -> None:
        """Let the next one in at once; if that fails, the lease runs out by itself."""
        mine = {"_id": _ID, "holder": self.holder, "token": self.token}
        with contextlib.suppress(PyMongoError), pymongo.timeout(self.seconds):
            await self.place.update_one(mine, _until(0))

    def gone(self) -> MigrationError:
        """The error of a holder that is none any more."""
        return MigrationError(
            f"the migration lock was lost: it was not renewed for {self.seconds:g} seconds, and "
            "another process may hold it now",
            where=self.where,
            hint="see what became of it: luminora migrate --status",
        )


@contextlib.asynccontextmanager
async def held(
    place: AsyncCollection[dict[str, Any]], where: str, *, seconds: float, patience: float
) -> AsyncIterator[Lease]:
    """Hold the lock of a database.

    Args:
        place: The collection of the lock's document.
        where: The database, for errors.
        seconds: How long the lease lasts unless it is renewed.
        patience: Seconds to wait for another holder.

    Raises:
        MigrationLockTimeout: Another held it all the time.
    """
    holder, deadline = uuid4().hex, monotonic() + patience
    while (token := await _take(place, where, holder, seconds)) is None:
        if monotonic() >= deadline:
            raise MigrationLockTimeout(
                f"another process has been migrating for {patience:g} seconds",
                where=where,
                hint="wait for it, or raise --timeout",
            )
        await asyncio.sleep(_POLL)
    lease = Lease(place, holder, token, seconds, where, asyncio.Event(), monotonic() + seconds)
    renewing = asyncio.create_task(lease.keep())
    try:
        yield lease
    finally:
        renewing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewing
        await asyncio.shield(lease.release())


async def _take(
    place: AsyncCollection[dict[str, Any]], where: str, holder: str, seconds: float
) -> int | None:
    """The new token if nobody holds the lock, else None."""
    free = {"_id": _ID, "$expr": {"$lte": ["$expires_at", "$$NOW"]}}
    (stage,) = _until(seconds)
    stage["$set"] |= {"holder": holder, "token": {"$add": [{"$ifNull": ["$token", 0]}, 1]}}
    with translated(where), pymongo.timeout(max(seconds, 10)):
        try:
            found = await place.find_one_and_update(
                free, [stage], upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:
            return None
    return int(found["token"]) if found else None


def _until(seconds: float) -> list[dict[str, Any]]:
    """The update that sets the expiry, by the server's clock."""
    return [{"$set": {"expires_at": {"$add": ["$$NOW", round(seconds * 1000)]}}}]
