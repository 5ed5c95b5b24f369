"""What a client works with, whatever it was given, and what was wrong with that."""

from __future__ import annotations

from typing import Any

from luminoracore_sdk.personality.manager import PersonalityManager
from luminoracore_sdk.session.manager import SessionManager
from luminoracore_sdk.session.storage import StorageProvider
from luminoracore_sdk.switchboard import Wanted


class Parts:
    """A storage and two managers, always whole.

    The managers are looked up anew each time, for a client may lose its own.

    Args:
        base: A client, or anything at all.
        storage: A storage, or anything at all.

    Attributes:
        base: Whose managers are used, as far as they are any.
        storage: The one given, else the base client's, else where ``luminora.json`` says.
        own: A session manager on that storage.
    """

    def __init__(self, base: Any, storage: Any) -> None:
        self.base = base
        self._given = storage
        theirs = getattr(base, "storage", None)
        self._found = next(
            (one for one in (storage, theirs) if isinstance(one, StorageProvider)), None
        )
        self.storage = self._found or StorageProvider()
        self.own = SessionManager(self.storage)
        self._personalities = PersonalityManager()

    @property
    def sessions(self) -> SessionManager:
        """Who knows which model each session was given."""
        theirs = getattr(self.base, "session_manager", None)
        return theirs if isinstance(theirs, SessionManager) else self.own

    @property
    def personalities(self) -> PersonalityManager:
        """Where personalities are looked up."""
        theirs = getattr(self.base, "personality_manager", None)
        return theirs if isinstance(theirs, PersonalityManager) else self._personalities

    async def begin(
        self, name: str | None, model: Wanted, user_id: str | None, session_id: str | None
    ) -> str:
        """Begin a session; see :meth:`SessionManager.create_session`."""
        begun = await self.own.create_session(
            name, model, user_id=user_id, session_id=session_id, personalities=self.personalities
        )
        self.sessions.use(begun, model)
        return begun

    @property
    def warnings(self) -> list[str]:
        """What was missing or unfit and replaced, one sentence each."""
        found = []
        if self.base is None:
            found.append("base_client is None: this client's own managers are used")
        elif self.sessions is self.own:
            what = _seen(getattr(self.base, "session_manager", None))
            found.append(f"base_client.session_manager {what}: this client's own is used")
        if not isinstance(self._given, StorageProvider):
            instead = "the base client's" if self._found else "the database of luminora.json"
            found.append(f"storage_v11 {_seen(self._given)}: {instead} is used")
        return found


def _seen(value: Any) -> str:
    return "is None" if value is None else f"is a {type(value).__name__}"
