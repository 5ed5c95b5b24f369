"""How a user and a personality stand: affinity and mood, and what made them so.

A part of :class:`luminora.client.LuminoraCoreClient`; it lives here so that each part is one room.
"""

from __future__ import annotations

from abc import abstractmethod

from luminora.memory.affinity import affinity_info
from luminora.memory.clock import now
from luminora.memory.models import AffinityEvent, AffinityInfo, MoodInfo, MoodSpan, Session
from luminora.memory.mood import mood_at, mood_history
from luminora.memory.personas import Personas
from luminora.providers import StorageProvider


class Relationship:
    """Affinity and mood as they are now; silence and time are taken into account on reading."""

    _storage: StorageProvider
    _personas: Personas

    @abstractmethod
    async def get_session(self, session_id: str) -> Session:
        """The session of that id."""

    async def get_affinity(self, session_id: str) -> AffinityInfo:
        """How close the user and the session's personality are."""
        session = await self.get_session(session_id)
        row = await self._storage.get_affinity(session.user_id, session.personality_name)
        _, tree = self._personas.of(session)
        return affinity_info(row, session.personality_name, tree, now())

    async def get_affinity_events(self, session_id: str, limit: int = 50) -> list[AffinityEvent]:
        """What moved affinity, and the milestones, the latest ``limit``, latest first.

        Each event explains itself: its ``steps`` add up to its points.
        """
        session = await self.get_session(session_id)
        pair = {"personality_name": session.personality_name}
        rows = await self._storage.find(
            "affinity_events", session.user_id, pair, order=("-created_at",), limit=limit
        )
        return [AffinityEvent.from_row(row) for row in rows]

    async def get_mood(self, session_id: str) -> MoodInfo:
        """The personality's mood in this session, as far as it has not faded."""
        session = await self.get_session(session_id)
        row = await self._storage.get("session_moods", session.user_id, session_id=session_id)
        persona, _ = self._personas.of(session)
        return mood_at(row, persona, now())

    async def get_mood_history(self, session_id: str) -> list[MoodSpan]:
        """The last moods of this session, oldest first; the present one is the last."""
        session = await self.get_session(session_id)
        row = await self._storage.get("session_moods", session.user_id, session_id=session_id)
        persona, _ = self._personas.of(session)
        return mood_history(row, persona, now())
