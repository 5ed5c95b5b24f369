"""What is kept of what was said: episodes, classifications, and for how long.

A part of :class:`luminora.client.LuminoraCoreClient`; it lives here so that each part is one room.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from luminora.errors import InputError, ProviderError
from luminora.memory.classify import Classified, Classifier
from luminora.memory.classify import namespace as class_space
from luminora.memory.clock import now
from luminora.memory.consolidation import Consolidated, Consolidator
from luminora.memory.detection import Told, detect
from luminora.memory.embedding import namespace as vector_space
from luminora.memory.episodes import EpisodeRules
from luminora.memory.jobs import JobQueue
from luminora.memory.models import Classification, Episode, Session
from luminora.memory.recall import Memory
from luminora.memory.retention import Expiry, Retention
from luminora.memory.semantic import SemanticIndex
from luminora.memory.structured import Structured
from luminora.memory.validate import checked_id
from luminora.memory.voice import Voice
from luminora.providers import Delete, Find, Is, Row, StorageProvider
from luminora.stack import Stack

log = logging.getLogger(__name__)

_PAGE = 500


class Keeping:
    """Episodes, classifications and retention of one stack."""

    _stack: Stack
    _storage: StorageProvider
    _index: SemanticIndex
    _queue: JobQueue
    _memory: Memory
    _settings: Mapping[str, Any]

    @abstractmethod
    async def _ready(self, *, adapt: bool = False) -> None:
        """Open the stack if it is not open yet."""

    @abstractmethod
    async def get_session(self, session_id: str) -> Session:
        """The session of that id."""

    async def get_episodes(self, session_id: str, min_importance: float = 5.0) -> list[Episode]:
        """Memorable moments, those that matter most today first.

        Args:
            session_id: A session of the user's.
            min_importance: Only moments that mattered at least so much when they were told (0 to
                10), however much they have faded since. The order is that of
                ``effective_importance``, which fades.
        """
        session = await self.get_session(session_id)
        where = {**self._memory.visible(session), "importance": Is(">=", min_importance)}
        rows = await self._storage.find("episodes", session.user_id, where, order=("-timestamp",))
        at = now()
        found = [Episode.from_row(row, at) for row in rows]
        return sorted(found, key=lambda one: -one.effective_importance)

    async def delete_episode(self, session_id: str, episode_id: str) -> Episode:
        """Delete a moment of the session's user; what it was. Its messages and facts stay.

        Raises:
            InputError: There is no such episode, or another personality heard it and may not
                share it.
        """
        found = await self.get_episode(session_id, episode_id)
        session = await self.get_session(session_id)
        await self._storage.transaction([Delete("episodes", session.user_id, {"id": found.id})])
        return found

    async def get_episode(self, session_id: str, episode_id: str) -> Episode:
        """One moment of the session's user.

        Raises:
            InputError: There is no such episode.
        """
        session = await self.get_session(session_id)
        where = {**self._memory.visible(session), "id": checked_id(episode_id, "episode_id")}
        rows = await self._storage.find("episodes", session.user_id, where, limit=1)
        if not rows:
            raise InputError(
                f"there is no episode '{episode_id:.80}' of '{session.user_id:.80}'",
                hint="get_episodes() or 'luminora episodes' lists them",
            )
        return Episode.from_row(rows[0])

    async def detect_episode(self, messages: Sequence[Told]) -> Episode | None:
        """The moment that some messages tell of together, or None; nothing is kept.

        Args:
            messages: A conversation, oldest first: messages as :meth:`get_history` returns them,
                or mappings with ``content`` and ``role`` (``speaker`` will do) and perhaps ``id``.
                The user's last message counts, with the turns that lead up to it.

        Raises:
            InputError: None of the messages is the user's, or one cannot be used.
        """
        voice = Voice(self._stack.llm, self._stack.fallback)
        limit = self._settings["max_message_chars"]
        return await detect(voice, messages, now(), limit=limit)

    async def consolidate(self, user_id: str) -> Consolidated:
        """Put a user's old small episodes into one summary a month; a worker does so by itself.

        What is old and small ``memory.episodes`` says. The originals are removed; their ids,
        titles and messages stay in the summary's ``metadata["sources"]``. Once more does nothing.

        Raises:
            ProviderError: The model failed and there is no stand-in; what was done stays done.
        """
        await self._ready()
        return await self._consolidator().consolidate(checked_id(user_id, "user_id"))

    async def classify(
        self, session_id: str, message_ids: Sequence[str] | None = None
    ) -> Classified:
        """Classify messages that have no classification, imported ones above all, in batches.

        One model call classifies up to 20 messages; what has been classified before, word for
        word, comes from the cache.

        Args:
            session_id: Whose messages.
            message_ids: Classify these, anew if need be; left out, all that have none.

        Raises:
            InputError: An id is not one of the session's messages.
            ProviderError: The model failed and there is no stand-in; what was done stays done.
        """
        session = await self.get_session(session_id)
        classifier = self._classifier()
        if message_ids is not None:
            return await classifier.classify(session, await self._named(session, message_ids))
        done = Classified()
        async for messages, known in self._messages(session):
            todo = [
                one for one in messages if one["id"] not in known and one["speaker"] != "system"
            ]
            done += await classifier.classify(session, todo)
        return done

    async def get_classifications(
        self, session_id: str, category: str | None = None, min_importance: float = 0.0
    ) -> list[Classification]:
        """How the session's messages are classified, in the order in which they were said.

        Args:
            session_id: Whose messages.
            category: Only those about this, such as ``"pets"``.
            min_importance: Only those of at least this importance, 0 to 10.
        """
        session = await self.get_session(session_id)
        found: list[Classification] = []
        async for messages, known in self._messages(session):
            for message in messages:
                row = known.get(message["id"])
                if row is None or row["importance"] < min_importance:
                    continue
                if category in {None, row["category"]}:
                    own = {name: row[name] for name in Classification.__dataclass_fields__}
                    public = message["external_id"] or message["id"]
                    found.append(Classification(**{**own, "message_id": public}))
        return found

    async def expire(self, user_id: str, *, dry_run: bool = False) -> dict[str, int]:
        """Delete what is past its retention; rows by collection.

        ``memory.retention`` sets the limits, by permanence and privacy; it sets none by default,
        and then nothing is deleted. With a message go its vector, its classification, the answer
        to it, facts that it alone told of, episodes of which no message is left, and of a
        sensitive one every episode that it is part of.

        Args:
            user_id: Whose messages.
            dry_run: Only count what would be deleted.

        Raises:
            StorageError, ProviderError: Not everything was deleted; call it again.
        """
        await self._ready()
        checked_id(user_id, "user_id")
        expiry = Expiry(self._storage, self._index, Retention.of(self._settings))
        counts = await expiry.expire(user_id, dry_run=dry_run)
        if counts and not dry_run:
            try:
                await self._drop_cached(user_id)
            except ProviderError as error:
                log.warning("the cache keeps what it holds until it expires: %s", error)
        return counts

    async def _drop_cached(self, user_id: str) -> None:
        """Let go of everything of a user that the cache holds."""
        for name in (vector_space(user_id), class_space(user_id)):
            await self._stack.cache.clear(name)

    def _asker(self) -> Structured:
        return Structured(self._stack.llm, self._stack.fallback)

    def _consolidator(self) -> Consolidator:
        rules = EpisodeRules.of(self._settings)
        return Consolidator(self._storage, self._queue, self._asker(), rules)

    def _classifier(self) -> Classifier:
        section = self._stack.config.document["cache_provider"].get("config", {})
        ttl = section.get("ttl_defaults", {}).get("classifications")
        return Classifier(self._storage, self._asker(), self._stack.cache, ttl=ttl)

    async def _named(self, session: Session, ids: Sequence[str]) -> list[Row]:
        """The session's messages of these ids, of either kind."""
        wanted = list(dict.fromkeys(checked_id(one, "message_ids") for one in ids))
        own = {"session_id": session.session_id}
        by_own, by_given = await self._storage.read(
            [
                Find("messages", session.user_id, {**own, name: Is("in", wanted)})
                for name in ("id", "external_id")
            ]
        )
        rows = {row["id"]: row for row in (*by_own, *by_given)}
        known = {name for row in rows.values() for name in (row["id"], row["external_id"])}
        if strange := [one for one in wanted if one not in known]:
            raise InputError(
                f"'{strange[0]:.80}' is no message of the session '{session.session_id}'",
                where="message_ids",
                hint="get_history() and search_memories() tell the ids of messages",
            )
        return sorted(rows.values(), key=lambda row: int(row["seq"]))

    async def _messages(self, session: Session) -> AsyncIterator[tuple[list[Row], dict[str, Row]]]:
        """The session's messages page by page, each with the classifications there are."""
        own = {"session_id": session.session_id}
        last: Row | None = None
        while page := await self._storage.find(
            "messages", session.user_id, own, order=("seq",), limit=_PAGE, after=last
        ):
            last = page[-1]
            ids = {"message_id": Is("in", [row["id"] for row in page])}
            rows = await self._storage.find("memory_classifications", session.user_id, ids)
            yield page, {row["message_id"]: row for row in rows}
