"""New names for everything in a snapshot, the same at every import, and nobody else's."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

from luminora.memory.account import MILESTONE
from luminora.memory.affinity import milestone_id
from luminora.memory.fact_reader import FoundFact
from luminora.memory.facts import fact_id
from luminora.memory.models import Session
from luminora.personality import PersonalityTree
from luminora.providers import Row
from luminora.snapshots.examine import Contents, looks_like_ours

_PREFIX: Final = 12
_BYTES: Final = 10
_SESSIONS: Final = ("session_id",)
_MESSAGES: Final = ("message_id", "source_message_id", "reply_to", "context_messages")
_ROWS: Final = ("id", "related_episodes")
_FACTS: Final = ("fact_id", "related_facts")
_NOTES: Final = ("metadata", "mood_history")


class Identity:
    """Turns the rows of a snapshot into those of its import.

    Every id becomes another that follows from the snapshot's checksum, the user and the
    personality it is imported for: a prefix of 48 bits that all rows of the import share, and 80
    bits of each row's own. The same snapshot imported again so has the same ids, and anything else
    has others.

    Args:
        contents: The snapshot's.
        user_id: Whose it becomes.
        tree: The personality that all of it becomes the memory of; None leaves each its own.
    """

    def __init__(self, contents: Contents, user_id: str, tree: PersonalityTree | None) -> None:
        name = tree.personality.slug if tree else ""
        seed = f"{contents.info.sha256}\n{name}\n{user_id}".encode()
        self._key = blake2b(seed, digest_size=32).digest()
        self.prefix = blake2b(self._key, digest_size=_PREFIX // 2, person=b"prefix").hexdigest()
        self.user_id = user_id
        self._tree = tree
        self._contents = contents
        self._messages = contents.ids["messages"]
        self._facts = self._chosen_facts()
        self._affinity = self._chosen_affinity()
        sessions = sorted(contents.sessions, key=lambda row: row["last_activity"])
        self.latest = self.new(sessions[-1]["session_id"])

    def new(self, old: str) -> str:
        """The new id of a row."""
        own = blake2b(old.encode(), key=self._key, digest_size=_BYTES).hexdigest()
        return self.prefix + own

    def personality(self, name: str) -> str:
        """The personality that remembers what ``name`` remembered."""
        return self._tree.personality.slug if self._tree else name

    def row(self, name: str, old: Row) -> Row | None:
        """The row to import; None for one that another stands for.

        Two personalities that become one may know the same fact: the latest mention counts. Of
        their affinities, the one of the latest exchange does.
        """
        if name == "user_facts" and self._facts[old["id"]][0] != old["id"]:
            return None
        if name in {"user_affinity", "affinity_events"}:
            chosen = self._affinity.get(self.personality(old["personality_name"]))
            if chosen not in {None, old["personality_name"]}:
                return None
        row = {**old, "user_id": self.user_id}
        for field in row.keys() & {*_SESSIONS, *_ROWS, *_MESSAGES, *_FACTS, *_NOTES}:
            row[field] = self._renamed(field, old[field])
        if name == "episodes":
            row["metadata"] = self._in_notes(old["metadata"], every=True)
        if "personality_name" in row:
            row["personality_name"] = self.personality(old["personality_name"])
        if name == "user_facts":
            row["id"] = self._facts[old["id"]][1]
        if name == "affinity_events" and old["event"].startswith(MILESTONE):
            reached = old["event"].removeprefix(MILESTONE)
            row["id"] = milestone_id(self.user_id, row["personality_name"], reached)
        return self._relevelled(name, row)

    def _renamed(self, field: str, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, list) and field not in _NOTES:
            return [self._renamed(field, one) for one in value]
        if field in _NOTES:
            return self._in_notes(value)
        if field in _MESSAGES:
            return self._message(value)
        if field in _FACTS and value in self._facts:
            return self._facts[value][1]
        return self.new(value)

    def _message(self, name: str) -> str:
        """A message is referred to by our id, or by the application's own, which it keeps."""
        ours = looks_like_ours(name) and name not in self._contents.external
        return self.new(name) if ours or name in self._messages else name

    def _in_notes(self, value: Any, *, every: bool = False) -> Any:
        """Ids of rows of this snapshot, wherever they stand.

        Args:
            value: Metadata. Applications keep ids of their own in it, which stay.
            every: Whether it is Luminora's alone, where rows are named that are no longer there.
        """
        if isinstance(value, Mapping):
            return {key: self._in_notes(inner, every=every) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._in_notes(inner, every=every) for inner in value]
        if not looks_like_ours(value) or value in self._contents.external:
            return value
        if value in self._facts:
            return self._facts[value][1]
        known = every or any(value in ids for ids in self._contents.ids.values())
        return self.new(value) if known else value

    def _relevelled(self, name: str, row: Row) -> Row | None:
        """Levels and moods as the other personality calls them."""
        if self._tree is None:
            return row
        if name == "user_affinity":
            return {**row, "current_level": self._tree.level_for(row["affinity_points"]).name}
        if name == "affinity_events":
            return {**row, "level_after": self._tree.level_for(row["points_after"]).name}
        if name == "session_moods" and row["current_mood"] not in self._tree.personality.moods:
            return None
        return row

    def _chosen_facts(self) -> dict[str, tuple[str, str]]:
        """By old id: the old id of the mention that counts, and the fact's new id."""
        by_new: dict[str, Row] = {}
        new: dict[str, str] = {}
        for row in self._contents.facts.values():
            session = _someone(self.user_id, self.personality(row["personality_name"]), row)
            found = FoundFact(category=row["category"], key=row["key"], value=None, confidence=1.0)
            new[row["id"]] = identity = fact_id(session, found)
            if identity not in by_new or by_new[identity]["last_updated"] < row["last_updated"]:
                by_new[identity] = row
        return {old: (by_new[identity]["id"], identity) for old, identity in new.items()}

    def _chosen_affinity(self) -> dict[str, str]:
        """By new personality: the old one whose affinity it takes over."""
        chosen: dict[str, Row] = {}
        for row in self._contents.affinity:
            name = self.personality(row["personality_name"])
            if name not in chosen or chosen[name]["updated_at"] < row["updated_at"]:
                chosen[name] = row
        return {name: row["personality_name"] for name, row in chosen.items()}


def _someone(user_id: str, personality: str, row: Row) -> Session:
    """A session that stands for whose fact it is."""
    return Session(
        session_id="",
        user_id=user_id,
        personality_name=personality,
        created_at=row["last_updated"],
        last_activity=row["last_updated"],
    )
