"""The client of v1.1: one call that remembers, whatever it is given."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self
from uuid import NAMESPACE_URL, uuid5

from luminora.errors import InputError, LuminoraError
from luminora.memory.models import AffinityInfo, Session
from luminora.memory.personas import Personas
from luminora.memory.validate import checked_text
from luminoracore_sdk.parts import Parts
from luminoracore_sdk.records import Record, Reply, affinity_record, answered, unanswered
from luminoracore_sdk.session.memory import MemoryManager
from luminoracore_sdk.switchboard import Wanted


class LuminoraCoreClientV11:
    """A companion that remembers, affinity and moods included.

    It works with whatever it is given. What is missing or unfit (a base client that is None, or
    whose session manager is) is replaced by its own, and every reply lists it in ``warnings``.
    When no language model answers, the embedded responder does from memory, and the reply says so
    in ``degraded`` and ``degraded_reason``.

    Where a method takes a ``session_id``, the id of a user will do as well; give ``user_id`` by
    name where the two could be confused.

    Args:
        base_client: Its managers are used, and its storage unless one is given.
        storage_v11: Where everything is kept.
    """

    def __init__(self, base_client: Any = None, storage_v11: Any = None) -> None:
        self._parts = Parts(base_client, storage_v11)
        self.storage_v11 = self._parts.storage
        self._memory = MemoryManager(self.storage_v11)

    @property
    def base_client(self) -> Any:
        """Whose managers are used; may be changed at any time."""
        return self._parts.base

    @base_client.setter
    def base_client(self, base: Any) -> None:
        self._parts.base = base

    # conversation

    async def create_session(
        self,
        user_id: str | None = None,
        personality_name: str | None = None,
        provider_config: Wanted = None,
        *,
        session_id: str | None = None,
    ) -> str:
        """Begin a session; see :meth:`SessionManager.create_session`."""
        return await self._parts.begin(personality_name, provider_config, user_id, session_id)

    async def send_message_with_memory(
        self,
        session_id: str,
        user_message: str,
        personality_name: str | None = None,
        provider_config: Wanted = None,
        *,
        user_id: str | None = None,
    ) -> Reply:
        """Say something; the answer draws on everything remembered, and all is remembered.

        Args:
            session_id: Begun if there is none of that id.
            user_message: What is said.
            personality_name: Who answers; left out, the session's own. Another one than the
                session's answers in a conversation of its own, and knows the same facts.
            provider_config: The model; left out, the one the session was given before.
            user_id: Whose session; left out, a new one is a user of its own.

        Returns:
            The reply. Nothing that goes wrong on the way is raised: ``success`` is False then and
            ``error`` says what it was.
        """
        parts = self._parts
        try:
            with suppress(InputError):  # one that is none is told of with the reply
                parts.sessions.use(session_id, provider_config)
            model = provider_config or parts.sessions.model_of(session_id)
            async with self.storage_v11.engine().speaking(model) as core:
                longest = core.config.document["memory"]["max_message_chars"]
                checked_text(user_message, longest, "user_message")  # or a session were begun
                session = await self._addressed(session_id, user_id, personality_name)
                response = await core.send_message(session.session_id, user_message)
        except LuminoraError as error:
            reply = unanswered(error, user_id=user_id or session_id, persona=personality_name)
        else:
            reply = answered(response, session)
        reply |= {"session_id": session_id, "warnings": parts.warnings}
        return reply

    async def _addressed(self, session_id: str, user_id: str | None, name: str | None) -> Session:
        """The session in which that personality speaks."""
        storage = self.storage_v11
        persona = self._parts.personalities.cast(name)
        session = await storage.ensure_session(session_id, user_id, persona)
        if persona is None or persona == session.personality_name:
            return session
        core = await storage.core()
        slug = Personas.for_config(core.config).choose(persona)[0].slug
        if slug == session.personality_name:
            return session
        own = uuid5(NAMESPACE_URL, f"luminoracore:{session_id}\n{slug}").hex
        return await storage.ensure_session(own, session.user_id, persona)

    # memory

    async def get_facts(
        self,
        session_id: str | None = None,
        category: str | None = None,
        *,
        user_id: str | None = None,
    ) -> list[Record]:
        """What is known of a user, latest first."""
        session, owner = await self._meant(session_id, user_id)
        if session is not None:
            return await self._memory.get_facts(session.session_id, category)
        return await self.storage_v11.get_facts(owner, category)

    async def get_episodes(
        self,
        session_id: str | None = None,
        min_importance: float = 5.0,
        *,
        user_id: str | None = None,
    ) -> list[Record]:
        """Memorable moments of at least this importance (0 to 10), the weightiest first."""
        session, owner = await self._meant(session_id, user_id)
        if session is not None:
            return await self._memory.get_episodes(session.session_id, min_importance)
        return await self.storage_v11.get_episodes(owner, min_importance)

    async def search_memories(
        self,
        session_id: str | None = None,
        query: str = "",
        top_k: int = 10,
        *,
        user_id: str | None = None,
    ) -> list[Record]:
        """The user's messages that answer best to ``query``, by words and by meaning."""
        session, _ = await self._meant(session_id, user_id)
        if session is None:
            return []  # nothing was ever said
        return await self._memory.search_memories(session.session_id, query, top_k)

    async def get_affinity(
        self,
        session_id: str | None = None,
        personality_name: str | None = None,
        *,
        user_id: str | None = None,
    ) -> Record:
        """How close a user and a personality are, by default the session's: 0 to 100 points.

        Raises:
            PersonalityError: There is no such personality.
        """
        session, owner = await self._meant(session_id, user_id)
        if session is not None and personality_name in {None, session.personality_name}:
            return await self._memory.get_affinity(session.session_id)
        core = await self.storage_v11.core()
        persona = self._parts.personalities.cast(personality_name)
        found = Personas.for_config(core.config).choose(persona)[0]
        known = await self.storage_v11.get_affinity(owner, found.slug)
        return known or affinity_record(
            AffinityInfo(personality_name=found.slug, points=0, level=found.levels[0].name)
        )

    async def _meant(
        self, session_id: str | None, user_id: str | None
    ) -> tuple[Session | None, str]:
        """The session of an id, or a user's last one, and whose it is."""
        named = user_id if user_id is not None else session_id
        if named is None:
            raise InputError("no id was given", hint="pass a session_id or a user_id")
        if user_id is None:
            found = await self.storage_v11.find_session(named)
            if found is not None:
                return found, found.user_id
        core = await self.storage_v11.core()
        last = await core.list_sessions(named, limit=1)
        return (last[0] if last else None), named

    async def save_fact(
        self, user_id: str, category: str, key: str, value: Any, **details: Any
    ) -> Record:
        """Keep a fact; see :meth:`StorageProvider.save_fact`."""
        return await self.storage_v11.save_fact(user_id, category, key, value, **details)

    async def save_episode(
        self,
        user_id: str,
        episode_type: str,
        title: str,
        summary: str,
        importance: float,
        sentiment: str = "neutral",
        **details: Any,
    ) -> Record:
        """Keep a moment; see :meth:`StorageProvider.save_episode`."""
        moment = (episode_type, title, summary, importance, sentiment)
        return await self.storage_v11.save_episode(user_id, *moment, **details)

    async def update_affinity(
        self,
        user_id: str,
        personality_name: str,
        points_delta: int,
        interaction_type: str = "manual",
    ) -> Record:
        """Move affinity by hand; see :meth:`StorageProvider.update_affinity`."""
        return await self.storage_v11.update_affinity(
            user_id, personality_name, points_delta, interaction_type
        )

    async def export_snapshot(
        self, session_id: str, include_options: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Everything about the session's user, to be kept or taken elsewhere."""
        return await self._memory.export_snapshot(session_id, include_options)

    async def import_snapshot(self, snapshot_file: str, user_id: str) -> str:
        """Take in a snapshot for a user; the id of the session to go on in."""
        return await self._memory.import_snapshot(snapshot_file, user_id)

    # end

    async def aclose(self) -> None:
        """Let go of the database and of the models; using the client again opens them again."""
        await self.storage_v11.aclose()

    async def cleanup(self) -> None:
        """The same, as v1.0 called it."""
        await self.aclose()

    async def __aenter__(self) -> Self:
        return self  # opened with the first message, whose reply tells what is wrong

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()
