"""Where memories came from, and taking back everything that one message brought.

Revoking a message empties it and its answer, and undoes in the same transaction what was learned
from it. The rows stay, with the role ``revoked``, so that the same message is not taken in again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from luminora.errors import Conflict, InputError
from luminora.memory.affinity import event_id
from luminora.memory.clock import now
from luminora.memory.conversation import answer_id
from luminora.memory.digest import job_id
from luminora.memory.earning import HIGH, LOW
from luminora.memory.episodes import episode_id
from luminora.memory.indexes import Marks
from luminora.memory.models import Episode, Fact, Session
from luminora.memory.semantic import SemanticIndex
from luminora.memory.suspicion import techniques
from luminora.personality import PersonalityTree
from luminora.providers import (
    Delete,
    Find,
    Insert,
    Is,
    Row,
    StorageProvider,
    Update,
    Write,
)

REVOKED = "revoked"
"""The role of a revoked message, and the event that takes its affinity back."""

_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A message, and what was learned from it.

    Attributes:
        message_id: The id it was imported with, else Luminora's own.
        origin: ``"conversation"`` or ``"import"``.
        techniques: How it gives the companion orders (see :mod:`luminora.memory.suspicion`);
            empty if it does not.
        facts: Facts whose present value it stated.
        episodes: Episodes made of it.
        points: What it added to affinity.
    """

    message_id: str
    session_id: str
    personality_name: str
    role: str
    speaker: str | None
    origin: str
    timestamp: datetime
    content: str
    techniques: Sequence[str] = ()
    facts: Sequence[Fact] = ()
    episodes: Sequence[Episode] = ()
    points: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """What a revocation did.

    Attributes:
        message_ids: The message and its answer, by Luminora's own ids; empty if it was revoked
            before.
        restored: Facts that have their earlier value again, ``removed`` those that had none.
        episodes: How many were deleted.
        points: What affinity lost or got back.
    """

    message_ids: Sequence[str] = ()
    restored: Sequence[str] = ()
    removed: Sequence[str] = ()
    episodes: int = 0
    points: int = 0


@dataclass(slots=True)
class _Undoing:
    """Writes that take a message back, and their report so far."""

    writes: list[Write] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    points: int = 0


class Registry:
    """Looks up where memories came from, and revokes.

    Args:
        storage: Where they are.
        index: Forgets the vectors of revoked messages.
    """

    def __init__(self, storage: StorageProvider, index: SemanticIndex) -> None:
        self._storage = storage
        self._index = index

    async def suspicious(self, user_id: str) -> list[Source]:
        """The user's messages that give the companion orders, the earliest first.

        Every message is read and judged anew, so imported ones and those from before a rule was
        added are found as well.
        """
        found: list[Row] = []
        async for rows in self._storage.pages("messages", user_id):
            found += [row for row in rows if techniques(row["content"])]
        return [await self.source(row) for row in sorted(found, key=lambda row: row["seq"])]

    async def message(self, session: Session, message_id: str) -> Row:
        """The user's message of that id, of this session first.

        Raises:
            InputError: The user has none.
        """
        rows: list[Row] = []
        for name in ("id", "external_id"):
            rows += await self._storage.find("messages", session.user_id, {name: message_id})
        rows.sort(key=lambda row: row["session_id"] != session.session_id)
        if not rows:
            raise InputError(
                f"'{session.user_id:.80}' has no message '{message_id:.80}'",
                hint=f"luminora memory list --suspicious --user {session.user_id:.80}",
            )
        return rows[0]

    async def source(self, row: Row) -> Source:
        """A message's row with what was learned from it."""
        user_id, name = row["user_id"], row["external_id"] or row["id"]
        facts, episodes, events, answers = await self._storage.read(
            [
                Find("user_facts", user_id, {"source_message_id": name, "is_active": True}),
                Find("episodes", user_id, {"id": episode_id(row)}),
                Find("affinity_events", user_id, {"id": event_id(row)}),
                Find("messages", user_id, {"id": answer_id(row["id"])}, limit=1),
            ]
        )
        said = bool(answers or events or row["reply_to"])
        return Source(
            message_id=name,
            session_id=row["session_id"],
            personality_name=row["personality_name"],
            role=row["speaker"],
            speaker=row["speaker_name"],
            origin="conversation" if said else "import",
            timestamp=row["timestamp"],
            content=row["content"],
            techniques=techniques(row["content"]),
            facts=[Fact.from_row(fact) for fact in facts],
            episodes=[Episode.from_row(one) for one in episodes],
            points=sum(event["points"] for event in events),
        )

    async def revoke(self, row: Row, tree: PersonalityTree) -> Revocation:
        """Take back a message, its answer, and what was learned from it.

        Raises:
            StorageError, ProviderError: Nothing but vectors was deleted; call it again.
            Conflict: The state changed under our hands every time; nothing else was written.
        """
        if row["speaker"] == REVOKED:
            return Revocation()
        ids = [row["id"], answer_id(row["id"])]
        await self._index.discard(row["user_id"], ids)
        for attempt in range(_ATTEMPTS):
            undoing, messages = await self._undoing(row, ids, tree)
            try:
                touched = await self._storage.transaction(undoing.writes)
            except Conflict:
                if attempt + 1 == _ATTEMPTS:
                    raise
            else:
                return Revocation(
                    message_ids=[message["id"] for message in messages],
                    restored=undoing.restored,
                    removed=undoing.removed,
                    episodes=touched[0],
                    points=undoing.points,
                )
        raise AssertionError("unreachable")

    async def _undoing(
        self, row: Row, ids: Sequence[str], tree: PersonalityTree
    ) -> tuple[_Undoing, list[Row]]:
        user_id, name, at = row["user_id"], row["external_id"] or row["id"], now()
        pair = {"personality_name": row["personality_name"]}
        facts, spans, events, affinity, messages = await self._storage.read(
            [
                Find("user_facts", user_id, {"source_message_id": name}),
                Find("fact_history", user_id, order=("-valid_to",)),
                Find("affinity_events", user_id, {"id": event_id(row)}),
                Find("user_affinity", user_id, pair, limit=1),
                Find("messages", user_id, {"id": Is("in", list(ids))}, order=("seq",)),
            ]
        )
        undoing = _Undoing()
        undoing.writes += [
            Delete("episodes", user_id, {"id": episode_id(row)}),
            Delete("memory_classifications", user_id, {"message_id": row["id"]}),
            Delete("jobs", user_id, {"id": job_id(row["id"])}),
            Delete("fact_history", user_id, {"source_message_id": name}),
            *(_emptied(message, self._index.name, at) for message in messages),
        ]
        for fact in facts:
            _take_back(undoing, fact, spans, name, at)
        _compensate(undoing, row, events, affinity[0] if affinity else None, tree, at)
        return undoing, messages


def _emptied(message: Row, index: str, at: datetime) -> Write:
    """The write that leaves of a message only that it was there."""
    changes = {
        "content": "",
        "speaker": REVOKED,
        "embedding_state": Marks.of(index).skipped,
        "metadata": {REVOKED: {"role": message["speaker"], "at": at.isoformat()}},
    }
    return Update("messages", message["user_id"], {"id": message["id"]}, set=changes)


def _take_back(
    undoing: _Undoing, fact: Row, spans: Sequence[Row], source: str, at: datetime
) -> None:
    """Give a fact the value it had before, or delete it if it had none."""
    user_id = fact["user_id"]
    own = {"id": fact["id"], "revision": fact["revision"]}
    name = f"{fact['category']}.{fact['key']}"
    before = next(
        (
            span
            for span in spans
            if span["fact_id"] == fact["id"] and span["source_message_id"] != source
        ),
        None,
    )
    changes: dict[str, Any] = {
        "is_active": False,
        "updated_at": at,
        "revision": fact["revision"] + 1,
    }
    if before is None:
        undoing.writes += [
            Update("user_facts", user_id, own, set=changes, expect=1),
            Delete("user_facts", user_id, {"id": fact["id"]}),
        ]
        undoing.removed.append(name)
        return
    changes |= {
        "is_active": fact["is_active"] and before["reason"] == "superseded",
        "value": before["value"],
        "confidence": before["confidence"],
        "source_message_id": before["source_message_id"],
        "first_mentioned": before["valid_from"],
        "last_updated": before["valid_to"],
        "mention_count": 1,
        "context": None,
        "tags": [],
    }
    undoing.writes.append(Update("user_facts", user_id, own, set=changes, expect=1))
    if before["reason"] == "superseded":  # it holds again, so it is not history
        undoing.writes.append(Delete("fact_history", user_id, {"id": before["id"]}))
    undoing.restored.append(name)


def _compensate(
    undoing: _Undoing,
    row: Row,
    events: Sequence[Row],
    affinity: Row | None,
    tree: PersonalityTree,
    at: datetime,
) -> None:
    """Log the opposite of what the message did to affinity; without effect if it did nothing.

    If the message was not learned from yet, the event takes the place of the one that would tell
    of it, and so it never will be.
    """
    held = affinity["affinity_points"] if affinity else 0
    total = min(max(held - sum(event["points"] for event in events), LOW), HIGH)
    level = tree.level_for(total).name
    logged: Row = {
        "id": event_id(row, "revoked") if events else event_id(row),
        "user_id": row["user_id"],
        "personality_name": row["personality_name"],
        "session_id": row["session_id"],
        "message_id": row["id"],
        "event": REVOKED,
        "points": total - held,
        "points_after": total,
        "level_after": level,
        "reason": "the message was revoked",
        "created_at": at,
    }
    undoing.points = total - held
    undoing.writes.append(Insert("affinity_events", row["user_id"], logged))
    if affinity is None or total == held:
        return
    unchanged = {"id": affinity["id"], "revision": affinity["revision"]}
    changes: Mapping[str, Any] = {
        "affinity_points": total,
        "current_level": level,
        "revision": affinity["revision"] + 1,
        "updated_at": at,
    }
    undoing.writes.append(Update("user_affinity", row["user_id"], unchanged, set=changes, expect=1))
