"""Making a snapshot: rows are read page by page and leave as lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from luminora._version import __version__
from luminora.errors import InputError, PersonalityError, SessionNotFound
from luminora.memory.clock import now
from luminora.memory.indexes import Marks
from luminora.memory.models import Session
from luminora.memory.personas import Personas
from luminora.memory.recall import Memory
from luminora.memory.semantic import SemanticIndex
from luminora.providers import COLLECTIONS, Count, Row, StorageProvider
from luminora.snapshots.examine import SnapshotInfo
from luminora.snapshots.lines import (
    FOOTER,
    FORMAT,
    FORMAT_VERSION,
    GROUPS,
    HEADER,
    PERSONAS,
    VECTORS,
    Seal,
    line,
)
from luminora.snapshots.redaction import Redaction
from luminora.snapshots.rows import plain, plain_row, vector_text

PAGE: Final = 400
_OPTIONS: Final = ("vectors", "redact")

Progress = Callable[[int, int, str], None]
"""Called with the rows dealt with, the rows there are, and what is being done."""
Group = tuple[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Options:
    """What goes into a snapshot.

    Attributes:
        vectors: Whether messages bring their vectors, for stacks with the same model.
        redaction: What is left out or masked.
    """

    vectors: bool = False
    redaction: Redaction = field(default_factory=Redaction)

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> Options:
        """From ``{"vectors": True, "redact": ["contacts", "facts:health"]}``.

        Raises:
            InputError: There is no such option.
        """
        options = dict(given or {})
        vectors, rules = options.pop("vectors", False), options.pop("redact", ())
        if options or not isinstance(vectors, bool) or isinstance(rules, str):
            raise InputError(
                f"no such options of a snapshot: {', '.join(map(str, options)) or given!r:.80}",
                hint=f"there are {', '.join(_OPTIONS)}: a boolean and a list of rules",
            )
        return cls(vectors, Redaction.of(rules))


class Export:
    """Reads what a snapshot holds.

    Args:
        storage: Where it is.
        index: The vectors.
        memory: Says what a session may draw on.
        personas: The documents of the personas that are spoken with.
        options: What goes into it.
    """

    def __init__(
        self,
        storage: StorageProvider,
        index: SemanticIndex,
        memory: Memory,
        personas: Personas,
        options: Options,
    ) -> None:
        self._storage = storage
        self._index = index
        self._memory = memory
        self._personas = personas
        self._vectors = options.vectors
        self._redaction = options.redaction
        self._messages: set[str] = set()
        self._facts: set[str] = set()
        self._indexed: list[str] = []

    async def document(self, user_id: str, session: Session | None) -> dict[str, Any]:
        """The snapshot in one piece."""
        found: dict[str, Any] = {HEADER: None, **{group: [] for group in GROUPS}}
        seal = Seal()
        async for name, rows in self._groups(user_id, session):
            for row in rows:
                seal.add(name, line(name, row))
            found[name] = rows[0] if name == HEADER else found[name] + rows
        return {**found, FOOTER: seal.footer()}

    async def write(
        self,
        file: BinaryIO,
        user_id: str,
        session: Session | None,
        on_progress: Progress | None = None,
    ) -> SnapshotInfo:
        """Write the snapshot line by line.

        Raises:
            SessionNotFound: The user has no session.
        """
        tell = on_progress or (lambda _done, _total, _what: None)
        kept = [name for name in GROUPS if name in COLLECTIONS]
        total = sum(await self._storage.read([Count(name, user_id) for name in kept]))
        header: dict[str, Any] = {}
        seal, done = Seal(), 0
        async for name, rows in self._groups(user_id, session):
            await asyncio.to_thread(_append, file, seal, name, rows)
            header = rows[0] if name == HEADER else header
            done += len(rows)
            tell(done, max(done, total), f"Exporting {name}")
        footer = seal.footer()
        file.write(line(FOOTER, footer))
        return SnapshotInfo(header, footer["counts"], footer["sha256"])

    async def _groups(self, user_id: str, session: Session | None) -> AsyncIterator[Group]:
        """Pages of rows as JSON has them, in the order of the format."""
        own = {} if session is None else {"session_id": session.session_id}
        redaction = await self._redaction.prepared(self._storage, user_id)
        sessions = [row async for page in self._pages("sessions", user_id, own) for row in page]
        if not sessions:
            raise SessionNotFound(
                f"there is nothing to export: '{user_id:.80}' has no session",
                hint="luminora chat begins one",
            )
        yield HEADER, [await self._header(redaction, user_id, session)]
        yield PERSONAS, self._documents(sessions)
        yield "sessions", [_plain(redaction, "sessions", row) for row in sessions]
        latest = max(sessions, key=lambda row: row["last_activity"])
        there = {row["session_id"] for row in sessions}
        for name, where in self._wanted(latest, session).items():
            if name == VECTORS:
                async for items in self._vector_pages(user_id):
                    yield VECTORS, items
                continue
            async for page in self._pages(name, user_id, where):
                kept = [self._kept(redaction, name, row, there, latest) for row in page]
                yield name, [plain_row(name, row) for row in kept if row is not None]

    def _pages(self, name: str, user_id: str, where: Mapping[str, Any]) -> AsyncIterator[list[Row]]:
        return self._storage.pages(name, user_id, where, size=PAGE)

    async def _header(
        self, redaction: Redaction, user_id: str, session: Session | None
    ) -> dict[str, Any]:
        model = None
        if self._vectors:
            await self._index.ensure()
            provider = self._index.embedding.provider
            model = {
                "provider": provider.name,
                "model": provider.model_id,
                "dimension": await provider.get_dimension(),
            }
        header: dict[str, Any] = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "luminora_version": __version__,
            "created_at": plain(now()),
            "scope": "user" if session is None else "session",
            "user_id": redaction.user(user_id),
            "session_id": None if session is None else session.session_id,
            "embedding": model,
            "redacted": list(redaction.rules),
        }
        return header

    def _documents(self, sessions: Sequence[Row]) -> list[dict[str, Any]]:
        """The personas that sessions know by name alone, those that can still be found."""
        names = {row["personality_name"] for row in sessions if row["personality_document"] is None}
        found = []
        for name in sorted(names):
            try:
                persona, _ = self._personas.choose(name)
            except (PersonalityError, InputError):
                continue  # the file is gone: whoever imports needs one of that name
            found.append({"name": name, "document": plain(persona.to_document())})
        return found

    def _wanted(self, row: Row, session: Session | None) -> dict[str, Mapping[str, Any]]:
        """What to read of each group behind the sessions, in order."""
        if session is None:
            return {name: {} for name in GROUPS[2:] if self._vectors or name != VECTORS}
        own = {"session_id": row["session_id"]}
        pair = {"personality_name": row["personality_name"]}
        visible = self._memory.visible(session)
        wanted = {
            "messages": own,
            VECTORS: {},
            "memory_classifications": {},
            "user_affinity": pair,
            "affinity_events": pair,
            "user_facts": visible,
            "fact_history": {},
            "episodes": visible,
            "session_moods": own,
        }
        return {name: wanted[name] for name in GROUPS[2:] if self._vectors or name != VECTORS}

    def _kept(
        self, redaction: Redaction, name: str, row: Row, there: set[str], latest: Row
    ) -> Row | None:
        """The row as the snapshot has it; None if it is not part of it.

        What was said in a session that began meanwhile is not. What is remembered from one that is
        not part of the snapshot belongs to its latest.
        """
        if name in {"messages", "session_moods"} and row["session_id"] not in there:
            return None
        if name == "memory_classifications" and row["message_id"] not in self._messages:
            return None
        if name == "fact_history" and row["fact_id"] not in self._facts:
            return None
        told = redaction.told(name, row)
        if told is None:
            return None
        if name == "messages":
            self._messages.add(row["id"])
            held = row["embedding_state"] == Marks.of(self._index.name).done
            if self._vectors and held and told["content"] == row["content"]:
                self._indexed.append(row["id"])
            return {**told, "embedding_state": "pending"}
        if name == "user_facts":
            self._facts.add(row["id"])
        if "session_id" in row and row["session_id"] not in there:
            told = {**told, "session_id": latest["session_id"]}
        return told

    async def _vector_pages(self, user_id: str) -> AsyncIterator[list[dict[str, Any]]]:
        for start in range(0, len(self._indexed), PAGE):
            ids = self._indexed[start : start + PAGE]
            items = await self._index.vectors.fetch(user_id, ids)
            items.sort(key=lambda item: item.id)
            yield [{"id": item.id, "vector": vector_text(item.vector)} for item in items]


def _plain(redaction: Redaction, name: str, row: Row) -> dict[str, Any]:
    return plain_row(name, redaction.told(name, row) or row)


def _append(file: BinaryIO, seal: Seal, name: str, rows: Sequence[Any]) -> None:
    texts = [line(name, row) for row in rows]
    for text in texts:
        seal.add(name, text)
    file.write(b"".join(texts))
