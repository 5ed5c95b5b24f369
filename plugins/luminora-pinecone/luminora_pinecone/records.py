"""How items become Pinecone's records, and in what portions they travel.

Users are namespaces: ``u-`` and a digest of the user's id. Where the plan has too few namespaces,
all share one, a record's id begins with the user's digest, and every filter names the user.

An item's id is the record's id if Pinecone takes it (ASCII) and it cannot be mistaken for anything
else; otherwise ``#`` and a digest. The metadata holds the id itself and what it is filed under.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote

from luminora.providers import VectorItem
from luminora.providers.vectors import Entry, Filters

T = TypeVar("T")

MAX_VECTORS: Final = 1_000
"""Vectors one upsert takes, and ids one deletion takes."""
MAX_BYTES: Final = 1_900_000
"""Of the two megabytes that one upsert takes; some room is left for what surrounds the vectors."""
MAX_ADDRESS: Final = 6_000
"""Characters of the ids of one fetch: they travel in the address, where eight thousand is much."""
_NUMBER: Final = 26
"""Bytes of a float and its comma in JSON, at most."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:@/+=-]{1,255}")
_SHARED: Final = "luminora"


class Records:
    """The filing of one configuration.

    Args:
        per_user: Whether every user has a namespace.
    """

    def __init__(self, *, per_user: bool) -> None:
        self.per_user = per_user

    def namespace(self, user_id: str) -> str:
        """Where a user's records are."""
        return f"u-{_digest(user_id)}" if self.per_user else _SHARED

    def key(self, user_id: str, item_id: str) -> str:
        """The id of the record that stands for an item."""
        own = item_id if _PLAIN.fullmatch(item_id) else f"#{_digest(item_id)}"
        return own if self.per_user else f"{_digest(user_id)[:32]}#{own}"

    def readable(self, key: str) -> str | None:
        """The item's id, if the record's id tells it; else the metadata does."""
        own = key if self.per_user else key.partition("#")[2]
        return None if own.startswith("#") else own

    def condition(self, filters: Filters) -> dict[str, Any]:
        """The metadata filter; empty for all of a user's namespace."""
        parts: list[dict[str, Any]] = [
            {name: {"$eq": values[0]} if len(values) == 1 else {"$in": list(values)}}
            for name, values in filters.items()
            if name != "id" and not (name == "user_id" and self.per_user)
        ]
        if len(parts) > 1:
            return {"$and": parts}
        return parts[0] if parts else {}

    def record(self, entry: Entry) -> dict[str, Any]:
        """What an upsert sends for an item."""
        return {
            "id": self.key(entry.user_id, entry.id),
            "values": entry.vector.tolist(),
            "metadata": {
                "item_id": entry.id,
                "user_id": entry.user_id,
                "session_id": entry.session_id,
                "personality_name": entry.personality_name,
                "kind": entry.kind,
            },
        }

    def item(self, user_id: str, vector: Any) -> VectorItem | None:
        """The item of a fetched record; None for one that is not the user's or not ours."""
        filed: Mapping[str, Any] = vector.metadata or {}
        if filed.get("user_id") != user_id or not vector.values:
            return None
        return VectorItem(
            id=filed["item_id"],
            user_id=user_id,
            vector=vector.values,
            session_id=filed.get("session_id", ""),
            personality_name=filed.get("personality_name", ""),
            kind=filed.get("kind", "message"),
        )

    def requests(self, entries: Iterable[Entry]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """The entries as upserts within Pinecone's limits: a namespace and its records each."""
        spaces: dict[str, list[Entry]] = {}
        for entry in entries:
            spaces.setdefault(self.namespace(entry.user_id), []).append(entry)
        for space, own in spaces.items():
            portion: list[dict[str, Any]] = []
            size = 0
            for entry in own:
                needed = _size(entry)
                if portion and (len(portion) == MAX_VECTORS or size + needed > MAX_BYTES):
                    yield space, portion
                    portion, size = [], 0
                portion.append(self.record(entry))
                size += needed
            yield space, portion


def portions(values: Sequence[T], size: int) -> list[Sequence[T]]:
    """``values`` in pieces of at most ``size``."""
    return [values[start : start + size] for start in range(0, len(values), size)]


def addressed(keys: Sequence[str]) -> list[list[str]]:
    """Records' ids in pieces that fit into an address each."""
    pieces: list[list[str]] = []
    room = 0
    for key in keys:
        needed = len(quote(key, safe="")) + len("&ids=")
        if needed > room or not pieces:
            pieces.append([])
            room = MAX_ADDRESS
        pieces[-1].append(key)
        room -= needed
    return pieces


def _size(entry: Entry) -> int:
    """Bytes a record may take in a request, rounded up: an escaped character takes six."""
    texts = (entry.id, entry.user_id, entry.session_id, entry.personality_name, entry.kind)
    return 300 + _NUMBER * len(entry.vector) + sum(6 * len(text) for text in texts)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
