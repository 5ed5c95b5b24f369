"""An import leaves all of its rows or none, also if the process dies: a job undoes what is left.

Before its first row, an import files a job, leased to itself. Each batch of rows renews the lease
in its own transaction, so that nobody else's undoing and no forgetting can be overtaken. The last
batch ends the job. If it does not come to that, whoever next opens a client on the database finds
the lease run out and deletes the rows.

All rows of an import have keys that begin alike, which is how they are found.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import uuid4

from luminora.errors import Conflict
from luminora.memory.clock import now
from luminora.memory.jobs import LEASE_SECONDS, LEASED, JobQueue
from luminora.providers import (
    COLLECTIONS,
    Delete,
    Insert,
    Is,
    Row,
    StorageProvider,
    Update,
    Write,
)

log = logging.getLogger(__name__)

KIND: Final = "snapshot"
UNDONE: Final = (
    "sessions",
    "session_moods",
    "user_affinity",
    "user_facts",
    "fact_history",
    "episodes",
    "affinity_events",
    "memory_classifications",
    "messages",
)
"""What an import writes, in an order in which it can be undone: nobody talks in it any more."""
_BY_SESSION: Final = ("user_facts", "affinity_events")
"""Where an id may follow from what the row is about: only its session is the import's own."""
_PAGE: Final = 400
_MANY: Final = 20


class Journal:
    """One import's entry.

    Args:
        storage: Where the import goes.
        user_id: Whose rows it writes.
        prefix: How their keys begin.
    """

    def __init__(self, storage: StorageProvider, user_id: str, prefix: str) -> None:
        self._storage = storage
        self._user = user_id
        self._prefix = prefix
        self._id = f"{KIND}-{prefix}"
        self._token = uuid4().hex

    async def begun(self) -> bool:
        """Whether an import of the same was begun and has neither ended nor been undone."""
        return await self._storage.count("jobs", self._user, {"id": self._id}) > 0

    async def begin(self) -> None:
        """Take the import over, from an attempt before if there was one."""
        job = (
            self._storage.job_row(self._user, KIND, {"prefix": self._prefix}, job_id=self._id)
            | self._lease()
        )
        (fresh,) = await self._storage.transaction(
            [Insert("jobs", self._user, job, ignore_conflict=True)]
        )
        if not fresh:
            await self._storage.transaction(
                [Update("jobs", self._user, {"id": self._id}, set=self._lease(), expect=1)]
            )

    async def write(self, writes: Sequence[Write], *, last: bool = False) -> list[int]:
        """Do the writes if the import is still ours; the rows that each one touched.

        Raises:
            Conflict: Somebody else imports the same, or the user was forgotten meanwhile.
        """
        closing: list[Write] = [Delete("jobs", self._user, self._ours)] if last else []
        try:
            counts = await self._storage.transaction([self._hold(), *writes, *closing])
        except Conflict as error:
            raise Conflict(
                f"the import did not go on: {error.message}",
                hint="somebody imports the same snapshot, or had the user forgotten; try again",
            ) from error
        return counts[1 : len(writes) + 1]

    async def undo(self) -> None:
        """Delete what was written, if it is still ours. Never raises: the lease runs out then."""
        try:
            await self._storage.transaction([self._hold()])
            await undo(self._storage, self._user, self._prefix)
            await self._storage.transaction([Delete("jobs", self._user, self._ours)])
        except Conflict:
            return
        except Exception:
            log.exception("an import is undone when the next client opens, not now")

    @property
    def _ours(self) -> dict[str, str]:
        return {"id": self._id, "lease_token": self._token}

    def _hold(self) -> Write:
        return Update("jobs", self._user, self._ours, set=self._lease(), expect=1)

    def _lease(self) -> Row:
        return {
            "status": LEASED,
            "lease_token": self._token,
            "leased_until": now() + timedelta(seconds=LEASE_SECONDS),
            "updated_at": now(),
        }


async def settle(storage: StorageProvider, queue: JobQueue) -> int:
    """Undo the imports that were interrupted; how many."""
    jobs = await queue.lease(_MANY, kinds=[KIND])
    for job in jobs:
        try:
            await undo(storage, job["user_id"], job["payload"]["prefix"])
            await queue.end(job)
        except Exception as error:  # noqa: BLE001 - the job says what happened and comes again
            log.warning("an interrupted import cannot be undone yet: %s", error)
            await queue.postpone(job, error)
    return len(jobs)


async def undo(storage: StorageProvider, user_id: str, prefix: str) -> None:
    """Delete the rows of one import."""
    for name in UNDONE:
        (key,) = COLLECTIONS[name].key
        mark = "session_id" if name in _BY_SESSION else key
        while True:
            found = await storage.find(
                name, user_id, {mark: Is(">=", prefix)}, order=(mark,), limit=_PAGE
            )
            ids = [row[key] for row in found if row[mark].startswith(prefix)]
            if not ids:
                break
            await storage.delete(name, user_id, {key: Is("in", ids)})
