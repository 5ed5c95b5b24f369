"""How a user and a personality stand: affinity and mood, and what made them so.

A part of :class:`luminora.client.LuminoraCoreClient`; it lives here so that each part is one room.
"""

from __future__ import annotations

from abc import abstractmethod

from luminora.errors import Conflict, InputError, SessionNotFound
from luminora.memory.affinity import affinity_info, set_by_hand
from luminora.memory.clock import now
from luminora.memory.models import AffinityEvent, AffinityInfo, MoodInfo, MoodSpan, Session
from luminora.memory.mood import mood_at, mood_history
from luminora.memory.personas import Personas
from luminora.memory.validate import checked_text
from luminora.providers import StorageProvider, Update

_ATTEMPTS = 20
_MOST = 100
_MAX_REASON = 255


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

    async def set_affinity(
        self, session_id: str, points: int, reason: str | None = None
    ) -> AffinityInfo:
        """Set how close the user and the session's personality are, by hand.

        An event ``manual`` tells of it, and silence counts anew from now.

        Args:
            session_id: A session of the two.
            points: From 0 to 100.
            reason: Why, in words, kept with the event.

        Raises:
            InputError: The points or the reason cannot be kept; nothing was written.
        """
        if isinstance(points, bool) or not isinstance(points, int) or not 0 <= points <= _MOST:
            raise InputError(f"points are {points!r:.40}", hint=f"pass a number from 0 to {_MOST}")
        why = None if reason is None else checked_text(reason, _MAX_REASON, "reason")
        session = await self.get_session(session_id)
        _, tree = self._personas.of(session)
        own = {"session_id": session_id}
        alive = Update("sessions", session.user_id, own, set={"last_activity": now()}, expect=1)
        for attempt in range(_ATTEMPTS):
            old = await self._storage.get_affinity(session.user_id, session.personality_name)
            row, writes = set_by_hand(session, tree, old, points, why)
            try:
                await self._storage.transaction([alive, *writes])
            except Conflict:  # an exchange was quicker
                if not await self._storage.count("sessions", session.user_id, own):
                    raise SessionNotFound(
                        f"the session '{session_id:.80}' is gone: it was forgotten",
                        hint="create_session() begins a new one",
                    ) from None
                if attempt + 1 == _ATTEMPTS:
                    raise
            else:
                return affinity_info(row, session.personality_name, tree, now())
        raise AssertionError("unreachable")

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
