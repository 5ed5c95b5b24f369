"""The storage verbs of the founding documents, written once over the primitives.

A backend inherits them and may override one for speed. Each is one call of ``transaction`` or
``find``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from luminora.errors import Conflict
from luminora.providers.base import Provider
from luminora.providers.operations import (
    EVERY_USER,
    Delete,
    Insert,
    Is,
    Row,
    Scope,
    Update,
    Upsert,
    Where,
    Write,
)

USER_COLLECTIONS = (
    "memory_classifications",
    "fact_history",
    "user_facts",
    "episodes",
    "affinity_events",
    "user_affinity",
    "session_moods",
    "jobs",
    "messages",
    "sessions",
)
"""What is kept of a user, in an order in which it can be deleted."""


class StorageVerbs(Provider):
    """The verbs; :class:`~luminora.providers.storage.StorageProvider` adds the primitives."""

    @abstractmethod
    async def transaction(self, operations: Sequence[Write]) -> list[int]:
        """See :class:`~luminora.providers.storage.StorageProvider`."""

    @abstractmethod
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
        """See :class:`~luminora.providers.storage.StorageProvider`."""

    async def save_message(self, user_id: str, message: Row) -> bool:
        """Store a message and touch its session; False if that id is there already."""
        return (await self.transaction(self.message_writes(user_id, [message])))[0] == 1

    def message_writes(self, user_id: str, messages: Sequence[Row]) -> list[Write]:
        """The writes that store messages of one session; known ids are left as they are.

        A session that is gone makes them a Conflict: nothing comes back after it was forgotten.
        """
        touch = Update(
            "sessions",
            user_id,
            {"session_id": messages[-1]["session_id"]},
            set={"last_activity": messages[-1]["timestamp"]},
            expect=1,
        )
        inserts = [Insert("messages", user_id, row, ignore_conflict=True) for row in messages]
        return [*inserts, touch]

    async def get_history(self, user_id: str, session_id: str, limit: int | None = 50) -> list[Row]:
        """The last ``limit`` messages of a session, oldest first."""
        newest = await self.find(
            "messages", user_id, {"session_id": session_id}, order=("-seq",), limit=limit
        )
        return newest[::-1]

    async def save_state(self, user_id: str, session_id: str, state: Row) -> None:
        """Overwrite fields of a session, such as its ``metadata``."""
        await self.transaction(
            [Update("sessions", user_id, {"session_id": session_id}, set=state, expect=1)]
        )

    async def save_fact(self, user_id: str, fact: Row) -> None:
        """Store a fact, replacing the one of the same id."""
        await self.transaction([Upsert("user_facts", user_id, fact)])

    async def get_facts(self, user_id: str, category: str | None = None) -> list[Row]:
        """The active facts, latest first."""
        where: dict[str, Any] = {"is_active": True}
        if category is not None:
            where["category"] = category
        return await self.find("user_facts", user_id, where, order=("-last_updated",))

    async def save_episode(self, user_id: str, episode: Row) -> None:
        """Store an episode, replacing the one of the same id."""
        await self.transaction([Upsert("episodes", user_id, episode)])

    async def get_affinity(self, user_id: str, personality_name: str) -> Row | None:
        """The affinity row of a user and a personality, or None if they never met."""
        rows = await self.find(
            "user_affinity", user_id, {"personality_name": personality_name}, limit=1
        )
        return rows[0] if rows else None

    async def update_affinity(
        self, user_id: str, personality_name: str, points: int, *, low: int = 0, high: int = 100
    ) -> int:
        """Add points to an existing affinity, atomically and within bounds; rows changed."""
        change = Update(
            "user_affinity",
            user_id,
            {"personality_name": personality_name},
            set={"updated_at": datetime.now(UTC)},
            increment={"affinity_points": points, "revision": 1},
            clamp={"affinity_points": (low, high)},
        )
        return (await self.transaction([change]))[0]

    async def forget_user(self, user_id: str) -> dict[str, int]:
        """Delete everything of a user; rows deleted by collection."""
        counts = await self.transaction([Delete(name, user_id) for name in USER_COLLECTIONS])
        return dict(zip(USER_COLLECTIONS, counts, strict=True))

    async def lease_jobs(
        self, limit: int, seconds: float, *, kinds: Sequence[str] | None = None
    ) -> list[Row]:
        """Take up to ``limit`` due jobs for ``seconds``; expired leases are taken over first.

        Each job comes with a ``lease_token``; finishing it names the token, so a worker that
        overslept its lease cannot finish a job that another has taken.
        """
        now = datetime.now(UTC)
        due: list[Row] = []
        for status, clock in (("leased", "leased_until"), ("ready", "run_at")):
            where: dict[str, Any] = {"status": status, clock: Is("<=", now)}
            if kinds is not None:
                where["kind"] = Is("in", list(kinds))
            due += await self.find("jobs", EVERY_USER, where, order=(clock,), limit=limit)
        taken = [await self._take(job, now, seconds) for job in due[:limit]]
        return [job for job in taken if job is not None]

    async def _take(self, job: Row, now: datetime, seconds: float) -> Row | None:
        lease: Row = {
            "status": "leased",
            "lease_token": uuid4().hex,
            "leased_until": now + timedelta(seconds=seconds),
            "attempts": job["attempts"] + 1,
            "updated_at": now,
        }
        unchanged = {key: job[key] for key in ("id", "status", "lease_token", "attempts")}
        try:
            await self.transaction([Update("jobs", job["user_id"], unchanged, set=lease, expect=1)])
        except Conflict:
            return None  # another worker was quicker
        return {**job, **lease}

    @staticmethod
    def job_row(user_id: str, kind: str, payload: Row, *, job_id: str | None = None) -> Row:
        """A job that is due at once."""
        now = datetime.now(UTC)
        return {
            "id": job_id or uuid4().hex,
            "user_id": user_id,
            "kind": kind,
            "payload": payload,
            "status": "ready",
            "attempts": 0,
            "run_at": now,
            "leased_until": None,
            "lease_token": None,
            "last_error": None,
            "created_at": now,
            "updated_at": now,
        }
