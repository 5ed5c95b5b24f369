"""Importing a snapshot: looked through first, then written, all or nothing, then indexed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, Final

from luminora.errors import LuminoraError, PersonalityNotFound, SnapshotInvalid
from luminora.memory.indexes import PENDING, Marks
from luminora.memory.personas import Personas
from luminora.memory.semantic import SemanticIndex
from luminora.personality import PersonalityTree
from luminora.providers import Insert, Is, Row, StorageProvider, Update, VectorItem, Write
from luminora.snapshots.examine import Contents, SnapshotInfo, entries, examine
from luminora.snapshots.export import PAGE, Progress
from luminora.snapshots.files import Source
from luminora.snapshots.identity import Identity
from luminora.snapshots.journal import Journal
from luminora.snapshots.lines import FOOTER, HEADER, PERSONAS, VECTORS
from luminora.snapshots.rows import numbers, row_of

log = logging.getLogger(__name__)

_LATE: Final = ("sessions", "user_affinity")
"""Written last, so that nobody speaks in a conversation that is only half there."""


@dataclass(slots=True)
class Restored:
    """What an import did.

    Attributes:
        session_id: The latest active session of the snapshot, under its new id.
        info: What the snapshot says of itself.
        written: Rows by collection.
        kept: Rows by collection that the user had already, which stayed as they were.
        pending: Messages that cannot be found by meaning yet.
        known: Whether the snapshot had been imported before; then nothing was done.
    """

    session_id: str
    info: SnapshotInfo
    written: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    pending: int = 0
    known: bool = False


class Restore:
    """Imports snapshots.

    Args:
        storage: Where they go.
        index: Takes in their messages.
        personas: Those that can be spoken with here.
    """

    def __init__(self, storage: StorageProvider, index: SemanticIndex, personas: Personas) -> None:
        self._storage = storage
        self._index = index
        self._personas = personas

    async def run(
        self,
        source: Source,
        user_id: str,
        personality: str | Path | Mapping[str, Any] | None = None,
        on_progress: Progress | None = None,
    ) -> Restored:
        """Import a snapshot for a user.

        Raises:
            SnapshotInvalid, InputError: It cannot be used; nothing was written.
            PersonalityError: It speaks with a personality that is not known here.
            DimensionMismatch: The index belongs to another model than the configuration.
            Conflict: Somebody else imports the same, or had the user forgotten meanwhile.
            StorageError: The database failed; what was written is deleted, at the latest when the
                next client opens.
        """
        tell = on_progress or (lambda _done, _total, _what: None)
        contents = await asyncio.to_thread(
            examine, source, lambda done: tell(done, done, "Checking")
        )
        chosen = None if personality is None else self._personas.choose(personality)
        tree = PersonalityTree(chosen[0]) if chosen else None
        known = None if chosen else self._documents(contents)

        def speaking(row: Row) -> Row:
            """The session with the persona it speaks with here."""
            if chosen is not None:
                return {**row, "personality_document": chosen[1]}
            own = row["personality_document"] or (known or {}).get(row["personality_name"])
            return {**row, "personality_document": own}

        await self._index.verify()
        identity = Identity(contents, user_id, tree)
        restored = Restored(identity.latest, contents.info)
        work = _Import(self._storage, source, contents, identity, restored)
        if await work.done_already():
            restored.known = True
            return restored
        await work.run(speaking, tell)
        restored.pending = await self._indexed(source, contents, identity, tell)
        return restored

    def _documents(self, contents: Contents) -> dict[str, dict[str, Any] | None]:
        """By name: the document to keep with the sessions; None where the same is known here."""
        found: dict[str, dict[str, Any] | None] = dict(contents.personas)
        for row in contents.sessions:
            if row["personality_document"] is not None:
                continue
            name = row["personality_name"]
            try:
                here, _ = self._personas.choose(name)
            except LuminoraError as error:
                if name not in found:
                    raise PersonalityNotFound(
                        f"the snapshot speaks with '{name:.80}', which it does not bring along "
                        "and which is not known here",
                        hint="put its file on personality.paths, or import under another: "
                        "--personality NAME",
                    ) from error
            else:
                if found.get(name) == here.to_document():
                    found[name] = None
        return found

    async def _indexed(
        self, source: Source, contents: Contents, identity: Identity, tell: Progress
    ) -> int:
        """Make the messages searchable by meaning; how many have to wait for it."""
        total, done = contents.info.counts["messages"], 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            tell(done, max(total, done), "Indexing")

        try:
            if await self._same_model(contents.info.header["embedding"]):
                await self._bring_vectors(source, identity, advance)
            await self._index.catch_up(identity.user_id, advance)
        except LuminoraError as error:
            log.warning("imported messages stay unindexed for now: %s", error)
        return await self._storage.count("messages", identity.user_id, {"embedding_state": PENDING})

    async def _same_model(self, model: Mapping[str, Any] | None) -> bool:
        provider = self._index.embedding.provider
        return model is not None and (model["model"], model["dimension"]) == (
            provider.model_id,
            await provider.get_dimension(),
        )

    async def _bring_vectors(self, source: Source, identity: Identity, advance: Any) -> None:
        await self._index.ensure()
        done = {"embedding_state": Marks.of(self._index.name).done}
        user = identity.user_id
        async with aclosing(_pages(entries(source))) as pages:
            async for page in pages:
                vectors = {
                    identity.new(value["id"]): numbers(value["vector"])
                    for _, name, value in page
                    if name == VECTORS
                }
                ids = {"id": Is("in", list(vectors))}
                rows = await self._storage.find("messages", user, ids) if vectors else []
                if rows:
                    await self._index.vectors.upsert(
                        [_item(row, vectors[row["id"]]) for row in rows]
                    )
                    await self._storage.update(Update("messages", user, ids, set=done))
                    advance(len(rows))


class _Import:
    """The writing of one snapshot."""

    def __init__(
        self,
        storage: StorageProvider,
        source: Source,
        contents: Contents,
        identity: Identity,
        restored: Restored,
    ) -> None:
        self._storage = storage
        self._source = source
        self._contents = contents
        self._identity = identity
        self._restored = restored
        self._user = identity.user_id
        self._journal = Journal(storage, self._user, identity.prefix)

    async def done_already(self) -> bool:
        """Whether the snapshot is there: its sessions are written last."""
        own = {"session_id": self._identity.latest}
        begun = await self._journal.begun()
        return not begun and await self._storage.count("sessions", self._user, own) > 0

    async def run(self, speaking: Callable[[Row], Row], tell: Progress) -> None:
        """Write it all, or nothing.

        Args:
            speaking: Gives a session the persona it speaks with.
            tell: Told how far it has come.
        """
        await self._journal.begin()
        try:
            late = await self._write_most(tell)
            late["sessions"] = [speaking(row) for row in late["sessions"]]
            rows = [(name, row) for name in late for row in late[name]]
            for start in range(0, len(rows), PAGE):
                last = start + PAGE >= len(rows)
                await self._write(rows[start : start + PAGE], last=last)
        except BaseException:
            await self._journal.undo()
            raise

    async def _write_most(self, tell: Progress) -> dict[str, list[Row]]:
        """Write everything but what comes last, which is returned."""
        late: dict[str, list[Row]] = {"user_affinity": [], "sessions": []}
        met = await self._met()
        total, footer = sum(self._contents.info.counts.values()), None
        owner = self._contents.info.header["user_id"]
        async with aclosing(_pages(entries(self._source))) as pages:
            async for page in pages:
                rows: list[tuple[str, Row]] = []
                for number, name, value in page:
                    if name == FOOTER:
                        footer = value
                    if name in {HEADER, PERSONAS, VECTORS, FOOTER}:
                        continue
                    row = self._identity.row(name, row_of(name, value, owner))
                    if row is None:
                        self._count(self._restored.kept, name)
                    elif name in _LATE:
                        late[name].append(row)
                    elif name == "affinity_events" and row["personality_name"] in met:
                        self._count(self._restored.kept, name)
                    else:
                        rows.append((name, row))
                    tell(number, max(total, number), "Importing")
                if rows:
                    await self._write(rows)
        if footer is None or footer["sha256"] != self._contents.info.sha256:
            raise SnapshotInvalid("it changed while it was imported", where=self._source.name)
        return late

    async def _met(self) -> set[str]:
        """The personalities that the user is acquainted with already; that stays as it is."""
        rows = await self._storage.find("user_affinity", self._user)
        return {
            row["personality_name"]
            for row in rows
            if not row["id"].startswith(self._identity.prefix)
        }

    async def _write(self, rows: Sequence[tuple[str, Row]], *, last: bool = False) -> None:
        writes: list[Write] = [
            Insert(name, self._user, row, ignore_conflict=True) for name, row in rows
        ]
        counts = await self._journal.write(writes, last=last)
        for (name, _), count in zip(rows, counts, strict=True):
            self._count(self._restored.written if count else self._restored.kept, name)

    @staticmethod
    def _count(counts: dict[str, int], name: str) -> None:
        counts[name] = counts.get(name, 0) + 1


async def _pages(found: Iterator[Any]) -> AsyncGenerator[list[Any], None]:
    """The items of a blocking iterator, some at a time, each lot read in a thread."""
    busy = Lock()  # who is cancelled leaves a thread at it

    def some() -> list[Any]:
        with busy:
            return list(islice(found, PAGE))

    def close() -> None:
        with busy:
            getattr(found, "close", int)()

    try:
        while page := await asyncio.to_thread(some):
            yield page
    finally:
        await asyncio.to_thread(close)


def _item(row: Row, vector: Sequence[float]) -> VectorItem:
    return VectorItem(
        id=row["id"],
        user_id=row["user_id"],
        vector=vector,
        session_id=row["session_id"],
        personality_name=row["personality_name"],
    )
