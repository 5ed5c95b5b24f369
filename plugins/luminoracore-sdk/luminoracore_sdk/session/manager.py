"""Sessions, and which model each was given."""

from __future__ import annotations

from collections import OrderedDict
from uuid import uuid4

from luminora.memory.models import Session
from luminora.providers import LLMProvider
from luminoracore_sdk.personality.manager import PersonalityManager
from luminoracore_sdk.records import Record, record
from luminoracore_sdk.session.storage import StorageProvider
from luminoracore_sdk.switchboard import Wanted
from luminoracore_sdk.types.provider import ProviderConfig

MAX_SESSIONS = 10_000
"""Sessions whose model is known; the least recently used go first."""


class SessionManager:
    """Begins and finds sessions.

    The model a session was given lives in the memory of this process, its key included; after a
    restart it is given again, with the message or with :meth:`use`.

    Args:
        storage: Where sessions are kept; left out, where ``luminora.json`` says.
    """

    def __init__(self, storage: StorageProvider | None = None) -> None:
        self.storage = storage if storage is not None else StorageProvider()
        self._models: OrderedDict[str, ProviderConfig | LLMProvider] = OrderedDict()

    async def create_session(
        self,
        personality_name: str | None = None,
        provider_config: Wanted = None,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        personalities: PersonalityManager | None = None,
    ) -> str:
        """Begin a session; its id.

        Args:
            personality_name: Who speaks; left out, ``personality.default``.
            provider_config: Its model.
            user_id: Whose; left out, the session is a user of its own, as in v1.0.
            session_id: An id of your own; it must be new.
            personalities: Where the name is looked up.

        Raises:
            InputError, PersonalityError: Something cannot be used; nothing was written.
            Conflict: The session id exists.
        """
        session_id = session_id or uuid4().hex
        model = _model(provider_config)
        persona = (personalities or PersonalityManager()).cast(personality_name)
        core = await self.storage.core()
        await core.create_session(user_id or session_id, persona, session_id=session_id)
        self.use(session_id, model)
        return session_id

    def use(self, session_id: str, provider_config: Wanted) -> None:
        """Let a session speak through a model from now on; None changes nothing."""
        model = _model(provider_config)
        if model is None:
            return
        self._models[session_id] = model
        self._models.move_to_end(session_id)
        if len(self._models) > MAX_SESSIONS:
            self._models.popitem(last=False)

    def model_of(self, session_id: str) -> ProviderConfig | LLMProvider | None:
        """The model that a session was given in this process."""
        if session_id in self._models:
            self._models.move_to_end(session_id)
        return self._models.get(session_id)

    async def get_session(self, session_id: str) -> Record | None:
        """The session of that id, if there is one."""
        found = await self.storage.find_session(session_id)
        return record(found) if found else None

    async def list_sessions(self, user_id: str, limit: int = 50) -> list[Record]:
        """A user's sessions, the latest active first."""
        found: list[Session] = await (await self.storage.core()).list_sessions(user_id, limit=limit)
        return [record(session) for session in found]

    async def get_conversation(self, session_id: str, limit: int | None = None) -> list[Record]:
        """What was said in a session, oldest first."""
        return await self.storage.get_history(session_id, limit)


def _model(wanted: Wanted) -> ProviderConfig | LLMProvider | None:
    if wanted is None or isinstance(wanted, LLMProvider):
        return wanted
    return ProviderConfig.of(wanted)
