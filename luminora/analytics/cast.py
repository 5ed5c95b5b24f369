"""The personalities that figures are about, which say how moods and affinity fade."""

from __future__ import annotations

from luminora.errors import LuminoraError
from luminora.memory.models import Session
from luminora.memory.personas import Personas
from luminora.personality import PersonalityTree
from luminora.providers import Row, Scope, StorageProvider


class Cast:
    """Finds personalities, and notes which are gone.

    Args:
        storage: Where sessions keep personas of their own.
        scope: Whose sessions.
        personas: Where names are looked up.
    """

    def __init__(self, storage: StorageProvider, scope: Scope, personas: Personas) -> None:
        self._storage, self._scope, self._personas = storage, scope, personas
        self._named: dict[str, PersonalityTree | None] = {}
        self.gone: set[str] = set()

    def of(self, session: Row) -> PersonalityTree | None:
        """Who speaks in a session; None if that persona cannot be had any more."""
        name = session["personality_name"]
        if session["personality_document"] is None and name in self.gone:
            return None
        try:
            return self._personas.of(Session.from_row(session))[1]
        except LuminoraError:  # without it the figures are a little coarser, and say so
            self.gone.add(name)
            return None

    async def named(self, name: str) -> PersonalityTree | None:
        """The persona that sessions call so."""
        if name not in self._named:
            own = {"personality_name": name}
            rows = await self._storage.find("sessions", self._scope, own, limit=1)
            self._named[name] = self.of(rows[0]) if rows else None
        return self._named[name]
