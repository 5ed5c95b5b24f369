"""Where sessions and memories are kept, in the words of v1.1."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Self
from uuid import uuid4

from luminora.client import LuminoraCoreClient
from luminora.errors import Conflict, InputError, SessionNotFound
from luminora.memory.affinity import affinity_info
from luminora.memory.clock import now
from luminora.memory.models import Episode, Fact, Session
from luminora.memory.personas import Personas
from luminora.personality import PersonalityTree
from luminora.providers import Is, Row, Write
from luminoracore_sdk.engine import Engine
from luminoracore_sdk.features import Features
from luminoracore_sdk.records import Record, affinity_record, episode_record, record
from luminoracore_sdk.session import rows
from luminoracore_sdk.session.rows import Persona

_ATTEMPTS = 20


class StorageProvider:
    """The database that ``luminora.json`` names, or the embedded default.

    It is opened when it is first used; ``aclose`` lets go of it, and a later call opens it again.

    Args:
        overrides: Values over those of ``luminora.json``, by dotted path.
    """

    def __init__(self, overrides: Mapping[str, Any] | None = None) -> None:
        self._overrides = dict(overrides or {})
        self._engines: dict[Features, Engine] = {}

    def engine(self, features: Features | None = None) -> Engine:
        """What talks to the database, with the features that its client wants; by default all."""
        wanted = features or Features()
        return self._engines.setdefault(wanted, Engine(self._overrides, wanted))

    async def core(self) -> LuminoraCoreClient:
        """Luminora's own client on this database, for everything that the SDK has no word for."""
        return await self.engine().core()

    # sessions and messages

    async def find_session(self, session_id: str) -> Session | None:
        """The session of that id, if there is one."""
        try:
            return await (await self.core()).get_session(session_id)
        except SessionNotFound:
            return None

    async def ensure_session(
        self, session_id: str, user_id: str | None = None, persona: Persona = None
    ) -> Session:
        """The session of that id, begun if there is none.

        Args:
            session_id: The id.
            user_id: Whose; left out, a new session is a user of its own, named like it.
            persona: Who speaks in a new one.

        Raises:
            InputError: It is another user's.
        """
        core = await self.core()
        found = await self.find_session(session_id)
        if found is None:
            owner = user_id or session_id
            with suppress(Conflict):  # another task or process began it at the same moment
                await core.create_session(owner, persona, session_id=session_id)
            found = await core.get_session(session_id)
        if user_id is not None and found.user_id != user_id:
            raise InputError(
                "this session belongs to another user",
                where=f"session_id '{session_id:.80}'",
                hint="give every user sessions of their own",
            )
        return found

    async def save_message(
        self,
        session_id: str,
        role: str,
        content: str,
        *,
        user_id: str | None = None,
        personality_name: str | None = None,
    ) -> str:
        """Keep a message without answering it; its id. It is recalled like any other.

        Args:
            session_id: Begun if there is none of that id.
            role: ``"user"``, ``"assistant"`` or ``"system"``.
            content: What was said.
            user_id: See :meth:`ensure_session`.
            personality_name: Who speaks in a new session.
        """
        await self.ensure_session(session_id, user_id, personality_name)
        message_id = uuid4().hex
        item = {"role": role, "content": content, "id": message_id}
        await (await self.core()).import_messages(session_id, [item])
        return message_id

    async def get_history(self, session_id: str, limit: int | None = 50) -> list[Record]:
        """The last messages, oldest first: ``role``, ``content``, ``timestamp`` and so on."""
        core = await self.core()
        return [record(message) for message in await core.get_history(session_id, limit)]

    async def save_state(self, session_id: str, state: Mapping[str, Any]) -> None:
        """Keep anything of yours with a session, replacing what was kept before."""
        core = await self.core()
        session, row = await self._session_row(core, session_id)
        metadata = {**(row["metadata"] or {}), "state": dict(state)}
        await core.storage.save_state(session.user_id, session_id, {"metadata": metadata})

    async def get_state(self, session_id: str) -> dict[str, Any]:
        """What :meth:`save_state` kept."""
        _, row = await self._session_row(await self.core(), session_id)
        return dict((row["metadata"] or {}).get("state", {}))

    async def _session_row(self, core: LuminoraCoreClient, session_id: str) -> tuple[Session, Row]:
        session = await core.get_session(session_id)
        row = await core.storage.get("sessions", session.user_id, session_id=session_id)
        if row is None:
            raise SessionNotFound(f"the session '{session_id:.80}' is gone")
        return session, row

    # memory

    async def save_fact(
        self, user_id: str, category: str, key: str, value: Any, **details: Any
    ) -> Record:
        """Keep a fact; a new value supersedes the old one, which stays in the history.

        Args:
            user_id: Whose.
            category: ``personal_info``, ``preferences`` …
            key: What it is about.
            value: Text, number, boolean or object.
            details: ``confidence`` (0 to 1), ``tags``, ``context``, ``personality_name``,
                ``session_id``.

        Raises:
            InputError: Something cannot be kept; nothing was written.
        """
        core = await self.core()
        told = rows.told_fact(category, key, value, details)
        session = rows.by_hand(user_id, core.config.document["personality"]["default"], details)

        async def change() -> tuple[list[Write], Row]:
            known = await core.storage.find("user_facts", user_id, {"key": key})
            return rows.fact_change(session, told, known)

        return record(Fact.from_row(await _settled(core, change)))

    async def get_facts(self, user_id: str, category: str | None = None) -> list[Record]:
        """What is known of a user, latest first."""
        found = await (await self.core()).storage.get_facts(user_id, category)
        return [record(Fact.from_row(row)) for row in found]

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
        """Keep a moment.

        Args:
            user_id: Whose.
            episode_type: ``milestone``, ``emotional_moment`` …
            title: A few words.
            summary: A sentence or two.
            importance: 0 to 10.
            sentiment: ``very_negative`` to ``very_positive``.
            details: ``tags``, ``context_messages``, ``personality_name``, ``session_id``.

        Raises:
            InputError: Something cannot be kept; nothing was written.
        """
        core = await self.core()
        session = rows.by_hand(user_id, core.config.document["personality"]["default"], details)
        moment = {
            "type": episode_type,
            "title": title,
            "summary": summary,
            "importance": importance,
            "sentiment": sentiment,
        }
        row = rows.episode_row(session, moment, details)
        await core.storage.save_episode(user_id, row)
        return episode_record(Episode.from_row(row))

    async def get_episodes(self, user_id: str, min_importance: float = 5.0) -> list[Record]:
        """A user's moments of at least this importance, the weightiest first."""
        found = await (await self.core()).storage.find(
            "episodes",
            user_id,
            {"importance": Is(">=", min_importance)},
            order=("-importance", "-timestamp"),
        )
        return [episode_record(Episode.from_row(row)) for row in found]

    # affinity

    async def get_affinity(self, user_id: str, personality_name: str) -> Record | None:
        """How close a user and a personality are, or None if they never met."""
        core = await self.core()
        last = await core.list_sessions(user_id, personality=personality_name, limit=1)
        if last:
            return affinity_record(await core.get_affinity(last[0].session_id))
        row = await core.storage.get_affinity(user_id, personality_name)
        if row is None:
            return None
        tree = PersonalityTree(Personas.for_config(core.config).choose(personality_name)[0])
        return affinity_record(affinity_info(row, personality_name, tree, now()))

    async def update_affinity(
        self,
        user_id: str,
        personality_name: str,
        points_delta: int,
        interaction_type: str = "manual",
    ) -> Record:
        """Move affinity by hand, within 0 to 100, with an entry in its log.

        Raises:
            InputError: The points are no whole number.
            PersonalityError: There is no such personality.
        """
        core = await self.core()
        personas = Personas.for_config(core.config)
        last = await core.list_sessions(user_id, personality=personality_name, limit=1)
        if last:
            session = last[0]
        else:
            slug = personas.choose(personality_name)[0].slug
            session = rows.by_hand(user_id, slug, {})
        _, tree = personas.of(session)

        async def change() -> tuple[list[Write], Row]:
            old = await core.storage.get_affinity(user_id, session.personality_name)
            return rows.affinity_change(session, tree, old, points_delta, interaction_type)

        row = await _settled(core, change)
        return affinity_record(affinity_info(row, session.personality_name, tree, now()))

    # end

    async def aclose(self) -> None:
        """Let go of the database; using this again opens it again."""
        for engine in list(self._engines.values()):
            await engine.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()


async def _settled(
    core: LuminoraCoreClient, change: Callable[[], Awaitable[tuple[list[Write], Row]]]
) -> Row:
    """Write what a change works out, anew if another was quicker; the row as it is then."""
    for attempt in range(_ATTEMPTS):
        writes, row = await change()
        try:
            await core.storage.transaction(writes)
        except Conflict:
            if attempt + 1 == _ATTEMPTS:
                raise
        else:
            return row
    raise AssertionError("unreachable")
