"""The client: the one thing an application touches."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self
from uuid import uuid4

from luminora.config import Config, load_config
from luminora.errors import InputError, ProviderError, SessionNotFound
from luminora.keeping import Keeping
from luminora.memory.analyst import Analyst
from luminora.memory.budget import DailyBudget
from luminora.memory.clock import now
from luminora.memory.conversation import Conversation
from luminora.memory.digest import Batch
from luminora.memory.embedding import EmbeddingService
from luminora.memory.episodes import EpisodeRules
from luminora.memory.erasing import Eraser
from luminora.memory.explain import Explanation
from luminora.memory.fact_policy import FactPolicy
from luminora.memory.imports import Importer, Item
from luminora.memory.jobs import JobQueue
from luminora.memory.models import (
    ImportReport,
    MemorySearchResult,
    Message,
    Response,
    ResponseChunk,
    Session,
)
from luminora.memory.personas import Personas
from luminora.memory.prompt import names_in
from luminora.memory.recall import Memory
from luminora.memory.rewriting import ModelRewriter
from luminora.memory.search import HybridSearch
from luminora.memory.semantic import SemanticIndex
from luminora.memory.validate import checked_count, checked_id, checked_text
from luminora.memory.voice import Voice
from luminora.memory.worker import Duties, Worked
from luminora.notebook import Notebook
from luminora.providers import EVERY_USER, Find, Is, Row, Scope, StorageProvider
from luminora.relationship import Relationship
from luminora.snapshots.client import Snapshots
from luminora.snapshots.journal import settle
from luminora.sources import Sources
from luminora.stack import Stack
from luminora.upkeep import Upkeep

if TYPE_CHECKING:
    from types import TracebackType

    from luminora.analytics import Analytics

MAX_SESSIONS = 10_000
"""Sessions kept in memory; the least recently used go first."""


class LuminoraCoreClient(Notebook, Relationship, Keeping, Sources, Snapshots, Upkeep):
    """A companion that remembers, on the stack that the configuration names.

    ::

        async with LuminoraCoreClient.from_config() as client:
            session = await client.create_session(user_id="diego", personality="sakura")
            response = await client.send_message(session, "Hola, soy Diego")

    A client opens its stack when it is first used; ``await client`` or ``async with`` does so at
    once. One client serves any number of users and sessions at once. Every method that takes a
    ``session_id`` is confined to that session's user.
    """

    def __init__(self, stack: Stack, personas: Personas | None = None) -> None:
        settings = stack.config.document["memory"]
        section = stack.config.document["embedding_provider"].get("config", {})
        ttl = stack.config.document["cache_provider"].get("config", {}).get("ttl_defaults", {})
        embedding = EmbeddingService(
            stack.embedding,
            stack.cache,
            batch_size=section.get("batch_size"),
            timeout=section.get("timeout_seconds", 30.0),
            ttl=ttl.get("embeddings", 86_400),
        )
        self._stack = stack
        self._storage = stack.storage
        self._settings = settings
        self._index = SemanticIndex(embedding, stack.vector_store, stack.storage)
        rewriting = settings["rewriting"]
        search = HybridSearch(
            stack.storage,
            self._index,
            by_facts=rewriting != "off",
            rewriter=ModelRewriter(stack.llm) if rewriting == "model" else None,
            fade_after_days=settings["retention"]["fade_after_days"],
        )
        self._memory = Memory(
            stack.storage,
            self._index,
            search,
            scope=settings["scope"],
            history_limit=settings["history_limit"],
            recall_limit=settings["recall_limit"],
        )
        self._personas = personas or Personas.for_config(stack.config)
        self._queue = JobQueue(stack.storage)
        self._facts = FactPolicy.of(settings)
        self._budget = DailyBudget(stack.storage, settings["daily_budget"])
        voice = Voice(stack.llm, stack.fallback)
        self._conversation = Conversation(
            stack.storage,
            self._queue,
            self._index,
            self._memory,
            voice,
            Analyst(voice, self._budget, skip_trivial=settings["skip_trivial"]),
            self._personas,
            stack.emit,
            inline=settings["analysis"] == "inline",
            episode_every=settings["episode_check_frequency"],
            episode_rules=EpisodeRules.of(settings),
            policy=self._facts,
            prompt_budget=settings["prompt_budget"],
            batch=Batch(settings["batch"]["size"], settings["batch"]["wait_seconds"]),
        )
        self._duties = Duties(self._conversation.digester, self._consolidator())
        self._importer = Importer(stack.storage, self._index, self._conversation.order)
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._worker: asyncio.Task[Worked] | None = None
        self._opening = asyncio.Lock()
        self._state: Literal["new", "open", "closed"] = "new"

    @classmethod
    def from_config(
        cls, path: str | Path | None = None, *, overrides: Mapping[str, Any] | None = None
    ) -> Self:
        """A client on the stack that ``luminora.json`` describes.

        Args:
            path: The file; left out, ``LUMINORA_CONFIG``, ``./luminora.json``,
                ``./config/luminora.json`` and the user's own configuration are looked for, and
                without any of them the embedded default is used.
            overrides: Values that win over the file, by dotted path:
                ``{"storage_provider.config.database_path": "x.db"}``.

        Raises:
            ConfigError, PluginError: The configuration cannot be used.
        """
        return cls(Stack.build(load_config(path, overrides=overrides)))

    async def open(self, *, adapt: bool = False) -> Self:
        """Connect and bring the schema up to date; every other method does this when needed.

        Args:
            adapt: Accept a database whose vectors come from another model; :meth:`reembed` does.

        Raises:
            StorageError, MigrationError: The database cannot be used. A later call tries again.
        """
        async with self._opening:
            if self._state == "closed":
                raise InputError("this client is closed", hint="make a new one")
            if self._state == "new":
                await self._start(adapt=adapt)
        return self

    async def _start(self, *, adapt: bool) -> None:
        try:
            await self._stack.open(adapt=adapt)
            await settle(self._storage, self._queue)
        except BaseException:
            await self._stack.aclose()
            raise
        self._state = "open"
        if self._settings["analysis"] == "background":
            self._worker = asyncio.create_task(self._worker_with(10).run(asyncio.Event()))

    async def _ready(self, *, adapt: bool = False) -> None:
        if self._state != "open":
            await self.open(adapt=adapt)

    def __await__(self) -> Generator[Any, None, Self]:
        return self.open().__await__()

    @property
    def config(self) -> Config:
        """The configuration in use."""
        return self._stack.config

    @property
    def storage(self) -> StorageProvider:
        """The storage in use, for maintenance that no method here does."""
        return self._storage

    @property
    def index(self) -> SemanticIndex:
        """The index of messages by meaning."""
        return self._index

    @property
    def analytics(self) -> Analytics:
        """What conversations add up to: figures of a user, a personality, or all."""
        from luminora.analytics import Analytics  # noqa: PLC0415 - rarely asked

        return Analytics(self._storage, self._personas, self._ready)

    # sessions

    async def create_session(
        self,
        user_id: str,
        personality: str | Path | Mapping[str, Any] | None = None,
        *,
        session_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> str:
        """Begin a conversation; the answer is its session id.

        Args:
            user_id: Whose conversation, 1 to 255 characters; everything remembered is theirs.
            personality: A name on the search path (``"sakura"``, ``"alicia.json"``), the path of
                a persona file, or a persona as a mapping; left out, ``personality.default``. A
                persona that is not on the search path is kept with the session.
            session_id: An id of your own; it must be new.
            metadata: Anything of yours, kept with the session.

        Raises:
            InputError, PersonalityError: Something cannot be used; nothing was written.
            Conflict: The session id exists.
        """
        await self._ready()
        checked_id(user_id, "user_id")
        persona, document = self._personas.choose(personality)
        moment = now()
        row: Row = {
            "session_id": checked_id(session_id, "session_id") if session_id else uuid4().hex,
            "user_id": user_id,
            "personality_name": persona.slug,
            "personality_document": document,
            "metadata": dict(metadata) if metadata else None,
            "created_at": moment,
            "last_activity": moment,
        }
        await self._storage.insert("sessions", user_id, row)
        self._remember(Session.from_row(row))
        return str(row["session_id"])

    async def get_session(self, session_id: str) -> Session:
        """The session of that id.

        Raises:
            SessionNotFound: There is none.
        """
        await self._ready()
        checked_id(session_id, "session_id")
        if session_id in self._sessions:
            self._sessions.move_to_end(session_id)
            return self._sessions[session_id]
        last = Find("messages", EVERY_USER, {"session_id": session_id}, order=("-seq",), limit=1)
        rows, newest = await self._storage.read(
            [Find("sessions", EVERY_USER, {"session_id": session_id}, limit=1), last]
        )
        if not rows:
            raise SessionNotFound(
                f"there is no session '{session_id:.80}'",
                hint="create_session() begins one; 'luminora sessions' lists a user's",
            )
        for row in newest:
            self._conversation.order.observe(row["seq"])
        return self._remember(Session.from_row(rows[0]))

    async def list_sessions(
        self, user_id: str, *, personality: str | None = None, limit: int = 50
    ) -> list[Session]:
        """A user's sessions, the latest active first."""
        return await self._sessions_of(checked_id(user_id, "user_id"), personality, limit)

    async def list_all_sessions(
        self, *, personality: str | None = None, limit: int = 50
    ) -> list[Session]:
        """The sessions of all users, the latest active first; for operators."""
        return await self._sessions_of(EVERY_USER, personality, limit)

    async def _sessions_of(
        self, owner: Scope, personality: str | None, limit: int
    ) -> list[Session]:
        await self._ready()
        where = {} if personality is None else {"personality_name": personality}
        rows = await self._storage.find(
            "sessions", owner, where, order=("-last_activity",), limit=limit
        )
        return [Session.from_row(row) for row in rows]

    async def forget_session(self, session_id: str, *, dry_run: bool = False) -> dict[str, int]:
        """Delete one conversation and what it alone told of; rows by collection.

        With its messages go their vectors and classifications, its mood and episodes, and facts
        that were told nowhere else. Affinity stays: it is between the user and the personality.

        Args:
            session_id: Which.
            dry_run: Only count what would be deleted.

        Raises:
            SessionNotFound: No such session.
            StorageError, ProviderError: Not everything was deleted; call it again.
        """
        session = await self.get_session(session_id)
        eraser = Eraser(self._storage, self._index)
        counts = await eraser.erase(session, dry_run=dry_run)
        if not dry_run:
            self._sessions.pop(session_id, None)
            await self._clear_cache(session.user_id)
        return counts

    def _remember(self, session: Session) -> Session:
        self._sessions[session.session_id] = session
        if len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    # conversation

    async def send_message(
        self, session_id: str, text: str, idempotency_key: str | None = None
    ) -> Response:
        """Say something and get the companion's answer.

        The message is on disk before anything else is tried. If the model cannot answer, the
        embedded responder does, from memory, and ``response.degraded`` is True.

        Args:
            session_id: From :meth:`create_session`.
            text: 1 to ``memory.max_message_chars`` characters.
            idempotency_key: Names this message within the session: sending it again with the same
                key, after a lost connection or a crash, stores nothing twice and returns the
                stored answer, or makes the one that is missing.

        Raises:
            InputError: The text cannot be kept; nothing was written.
            SessionNotFound: No such session.
            StorageError: The message may not have been saved; retry with the same key.
        """
        session, key = await self._addressed(session_id, text, idempotency_key)
        return await self._conversation.send(session, text, key)

    async def stream_message(
        self, session_id: str, text: str, idempotency_key: str | None = None
    ) -> AsyncIterator[ResponseChunk]:
        """Like :meth:`send_message`, piece by piece; the last, empty piece carries ``response``."""
        session, key = await self._addressed(session_id, text, idempotency_key)
        async for chunk in self._conversation.stream(session, text, key):
            yield chunk

    async def _addressed(
        self, session_id: str, text: str, key: str | None
    ) -> tuple[Session, str | None]:
        checked_text(text, self._settings["max_message_chars"], "message")
        if key is not None:
            checked_id(key, "idempotency_key")
        return await self.get_session(session_id), key

    async def list_messages(
        self,
        user_id: str,
        *,
        session_id: str | None = None,
        before: datetime | None = None,
        limit: int = 50,
    ) -> list[Message]:
        """A user's last messages over all sessions, or of one, oldest first.

        Args:
            user_id: Whose.
            session_id: Only those of this session.
            before: Only those said before this moment.
            limit: How many at most.
        """
        await self._ready()
        where: dict[str, Any] = {} if session_id is None else {"session_id": session_id}
        if before is not None:
            where["timestamp"] = Is("<", before)
        owner = checked_id(user_id, "user_id")
        rows = await self._storage.find("messages", owner, where, order=("-seq",), limit=limit)
        return [Message.from_row(row) for row in rows[::-1]]

    async def import_messages(
        self,
        session_id: str,
        messages: Iterable[Item] | AsyncIterable[Item],
    ) -> ImportReport:
        """Load an existing conversation without making replies; it is searchable at once.

        Args:
            session_id: The session to load it into.
            messages: Items with ``role`` (user, assistant or system) and ``content``, and
                optionally ``speaker`` (a name), ``timestamp`` (datetime, ISO 8601 or seconds
                since 1970) and ``id``. The id comes back with every search result that quotes
                the message, and an id that the session has already is skipped.

        Raises:
            InputError: An item cannot be used. Whole batches before it are stored; importing the
                corrected file again stores only what is missing, if the items have ids.
        """
        session = await self.get_session(session_id)
        report, session = await self._importer.load(
            session, messages, max_chars=self._settings["max_message_chars"]
        )
        self._remember(session)
        return report

    async def get_history(self, session_id: str, limit: int | None = 50) -> list[Message]:
        """The last ``limit`` messages (None: all), oldest first."""
        session = await self.get_session(session_id)
        rows = await self._storage.get_history(session.user_id, session_id, limit)
        return [Message.from_row(row) for row in rows]

    # memory

    async def search_memories(
        self, session_id: str, query: str, top_k: int = 10
    ) -> list[MemorySearchResult]:
        """The user's messages that answer best to ``query``, by words and by meaning.

        Raises:
            InputError: The query is empty or ``top_k`` is not from 1 to 1,000.
        """
        checked_text(query, self._settings["max_message_chars"], "query")
        checked_count(top_k, "top_k", 1_000)
        session = await self.get_session(session_id)
        persona, _ = self._personas.of(session)
        where = {"user_id": session.user_id, **self._memory.visible(session)}
        return await self._memory.search.search(
            query, top_k, where, names=names_in(session, persona)
        )

    async def explain(self, session_id: str, text: str) -> Explanation:
        """What an answer to ``text`` would rely on, and why; nothing is saved or generated.

        Raises:
            InputError: The text cannot be used.
            SessionNotFound: No such session.
        """
        session, _ = await self._addressed(session_id, text, None)
        return await self._conversation.explain(session, text)

    async def forget(self, user_id: str) -> dict[str, int]:
        """Delete everything of a user, everywhere; rows deleted by collection.

        Raises:
            StorageError: Not everything was deleted; call it again.
            ProviderError: Everything was, but what the cache holds until it expires.
        """
        await self._ready()
        checked_id(user_id, "user_id")
        vectors = await self._index.forget(user_id)
        counts = await self._storage.forget_user(user_id)
        # once more: an exchange under way may have indexed a message in between
        vectors += await self._index.forget(user_id)
        for session_id, session in list(self._sessions.items()):
            if session.user_id == user_id:
                del self._sessions[session_id]
        await self._clear_cache(user_id)
        return {**counts, "message_embeddings": vectors}

    async def _clear_cache(self, user_id: str) -> None:
        try:
            await self._drop_cached(user_id)
        except ProviderError as error:
            raise type(error)(
                "everything of the user was deleted, except what the cache holds, which could "
                f"not be reached and lets go of it by itself: {error.message}",
                provider=self._stack.cache.name,
                hint="run the same again when the cache is back",
            ) from error

    async def aclose(self) -> None:
        """Finish background work that is due and close the stack; twice is harmless."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker
            while await self.run_jobs():
                pass
        self._state = "closed"
        await self._stack.aclose()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
