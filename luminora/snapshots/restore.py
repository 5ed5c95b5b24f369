"""Importing a snapshot: looked through first, then written, all or nothing, then indexed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from luminora.errors import LuminoraError, PersonalityNotFound
from luminora.memory.indexes import PENDING, Marks
from luminora.memory.personas import Personas
from luminora.memory.semantic import SemanticIndex
from luminora.personality import PersonalityTree
from luminora.providers import Is, Row, StorageProvider, Update, VectorItem
from luminora.snapshots.examine import Contents, SnapshotInfo, entries, examine
from luminora.snapshots.export import Progress
from luminora.snapshots.files import Source
from luminora.snapshots.identity import Identity
from luminora.snapshots.lines import VECTORS
from luminora.snapshots.rows import numbers
from luminora.snapshots.writing import Writing, pages

log = logging.getLogger(__name__)


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
        work = Writing(self._storage, source, contents, identity)
        if await work.done_already():
            restored.known = True
            return restored
        await work.run(speaking, tell)
        restored.written, restored.kept = work.written, work.kept
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
        async with aclosing(pages(entries(source))) as lots:
            async for page in lots:
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


def _item(row: Row, vector: Sequence[float]) -> VectorItem:
    return VectorItem(
        id=row["id"],
        user_id=row["user_id"],
        vector=vector,
        session_id=row["session_id"],
        personality_name=row["personality_name"],
    )
