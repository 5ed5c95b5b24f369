"""The client of v1.0, with what v1.1 added to it switched on by configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

from luminoracore_sdk.features import Features
from luminoracore_sdk.parts import Parts
from luminoracore_sdk.personality.manager import PersonalityManager
from luminoracore_sdk.records import Record, Reply, answered
from luminoracore_sdk.session.manager import SessionManager
from luminoracore_sdk.session.memory import MemoryManager
from luminoracore_sdk.session.storage import StorageProvider
from luminoracore_sdk.switchboard import Wanted
from luminoracore_sdk.types.personality import PersonalityConfig
from luminoracore_sdk.types.session import MemoryConfig


class LuminoraCoreClient:
    """Conversations with a personality.

    ::

        async with LuminoraCoreClient() as client:
            session_id = await client.create_session("sakura", ProviderConfig(name="deepseek"))
            print(await client.send_message(session_id, "Hola"))

    Without configurations it does what v1.0 did: it knows the conversation and nothing else. What
    is switched off is neither learned nor paid for, and asking for it is an error that says how to
    switch it on.

    Args:
        storage: Where everything is kept; left out, the session manager's, or where
            ``luminora.json`` says.
        personality_manager: Where personalities are looked up.
        session_manager: Who knows which model each session was given.
        memory_config: What is remembered beyond the conversation.
        personality_config: How personalities change with the relationship.
    """

    def __init__(
        self,
        storage: StorageProvider | None = None,
        personality_manager: PersonalityManager | None = None,
        session_manager: SessionManager | None = None,
        *,
        memory_config: MemoryConfig | None = None,
        personality_config: PersonalityConfig | None = None,
    ) -> None:
        if storage is None and session_manager is not None:
            storage = session_manager.storage
        self._parts = Parts(self, storage)
        self.storage = self._parts.storage
        self.personality_manager = personality_manager or self._parts.personalities
        self.session_manager = session_manager or self._parts.sessions
        self._features = Features.of(memory_config, personality_config)
        self.memory_manager = MemoryManager(self.storage, self._features)

    async def initialize(self) -> Self:
        """Open the database now; every other method does when it needs it."""
        await self.storage.engine(self._features).core()
        return self

    # conversation

    async def create_session(
        self,
        personality_name: str | None = None,
        provider_config: Wanted = None,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
    ) -> str:
        """Begin a session; see :meth:`SessionManager.create_session`."""
        return await self._parts.begin(personality_name, provider_config, user_id, session_id)

    async def send_message(
        self,
        session_id: str,
        message: str,
        temperature: float | None = None,
        max_tokens: int | None = None,
        *,
        provider_config: Wanted = None,
    ) -> Reply:
        """Say something and get the companion's answer.

        Args:
            session_id: From :meth:`create_session`.
            message: What is said.
            temperature: Of this answer.
            max_tokens: Of this answer.
            provider_config: The model from now on; left out, the one the session was given.

        Raises:
            InputError: The message or the configuration cannot be used; nothing was written.
            SessionNotFound: No such session.
            StorageError: The message may not have been saved.
        """
        model = self._model(session_id, provider_config)
        engine = self.storage.engine(self._features)
        async with engine.speaking(model, temperature=temperature, max_tokens=max_tokens) as core:
            session = await core.get_session(session_id)
            response = await core.send_message(session_id, message)
        return answered(response, session)

    async def stream_message(
        self,
        session_id: str,
        message: str,
        temperature: float | None = None,
        max_tokens: int | None = None,
        *,
        provider_config: Wanted = None,
    ) -> AsyncIterator[Record]:
        """The same in pieces: ``content``, and on the last, empty one the whole ``reply``."""
        model = self._model(session_id, provider_config)
        engine = self.storage.engine(self._features)
        session = await (await engine.core()).get_session(session_id)
        parameters = {"temperature": temperature, "max_tokens": max_tokens}
        async for piece in engine.stream(session_id, message, model, **parameters):
            reply = piece.response and answered(piece.response, session)
            yield Record(content=piece.text, reply=reply)

    def _model(self, session_id: str, given: Wanted) -> Wanted:
        self._parts.sessions.use(session_id, given)
        return given or self._parts.sessions.model_of(session_id)

    async def get_conversation(self, session_id: str) -> list[Record]:
        """What was said, oldest first: ``role``, ``content`` and so on."""
        return await self.storage.get_history(session_id, None)

    async def get_session_info(self, session_id: str) -> Record | None:
        """The session of that id, if there is one."""
        return await self._parts.own.get_session(session_id)

    # personalities

    async def load_personality(self, name: str, config: Mapping[str, Any]) -> bool:
        """Take in a persona document; see :meth:`PersonalityManager.load_personality`."""
        await self._parts.personalities.load_personality(name, config)
        return True

    async def list_personalities(self) -> list[str]:
        """The names there are, sorted."""
        return await self._parts.personalities.list_personalities()

    # memory

    async def search_memories(self, session_id: str, query: str, top_k: int = 10) -> list[Record]:
        """The user's messages that answer best to ``query``, by words and by meaning.

        Raises:
            InputError: It is not switched on; so with the three below.
        """
        return await self.memory_manager.search_memories(session_id, query, top_k)

    async def get_episodes(self, session_id: str, min_importance: float = 5.0) -> list[Record]:
        """Memorable moments of at least this importance (0 to 10), the weightiest first."""
        return await self.memory_manager.get_episodes(session_id, min_importance)

    async def get_facts(self, session_id: str, category: str | None = None) -> list[Record]:
        """What is known of the user, latest first."""
        return await self.memory_manager.get_facts(session_id, category)

    async def get_affinity(self, session_id: str) -> Record:
        """How close the user and the session's personality are."""
        return await self.memory_manager.get_affinity(session_id)

    async def export_snapshot(
        self, session_id: str, include_options: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Everything about the session's user, to be kept or taken elsewhere."""
        return await self.memory_manager.export_snapshot(session_id, include_options)

    async def import_snapshot(self, snapshot_file: str, user_id: str) -> str:
        """Take in a snapshot for a user; the id of the session to go on in."""
        return await self.memory_manager.import_snapshot(snapshot_file, user_id)

    # end

    async def aclose(self) -> None:
        """Let go of the database and of the models; using the client again opens them again."""
        await self.storage.aclose()

    async def cleanup(self) -> None:
        """The same, as v1.0 called it."""
        await self.aclose()

    async def __aenter__(self) -> Self:
        return await self.initialize()

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()
