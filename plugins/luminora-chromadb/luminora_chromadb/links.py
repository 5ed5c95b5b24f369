"""What the store needs of Chroma, however it is reached."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from luminora.errors import StorageCorrupt, StorageError, StorageFull, StorageReadOnly
from luminora.errors import StorageUnavailable as Unavailable

Vectors = npt.NDArray[np.float32]
Where = Mapping[str, Any]
"""A condition in Chroma's own form."""

BATCH: Final = 5_000
"""Items or ids per call; Chroma takes 5,461."""

_SAID: Final[tuple[tuple[tuple[str, ...], type[StorageError], str], ...]] = (
    (
        ("disk is full", "no space left", "file too large"),
        StorageFull,
        "free some space and try again; what was stored before is intact",
    ),
    (
        ("readonly database", "read-only", "permission denied", "os error 13", "os error 30"),
        StorageReadOnly,
        "check the permissions of Chroma's folder and of chroma.sqlite3 in it",
    ),
    (
        ("not a database", "malformed", "code: 11)", "checksum", "panic"),
        StorageCorrupt,
        "restore the folder from a backup; or move it away and run `luminora reembed`",
    ),
    (("database is locked", "unable to open"), Unavailable, "try again"),
)


class Absent(Exception):
    """There is no such collection, or no longer."""


class Exists(Exception):
    """There is such a collection already."""


@dataclass(frozen=True, slots=True)
class Handle:
    """A collection.

    Attributes:
        id: Chroma's id of it; a collection made anew has another.
        metadata: What was noted on it.
        native: The client's own object, where there is a client.
    """

    id: str
    metadata: Mapping[str, Any]
    native: Any = None


@dataclass(frozen=True, slots=True)
class Row:
    """A stored item: id, vector, metadata."""

    id: str
    vector: Sequence[float]
    metadata: Mapping[str, Any]


class Link(ABC):
    """A way to Chroma. Every method may raise a :class:`~luminora.errors.LuminoraError`.

    Those that take a handle raise :class:`Absent` when its collection is gone.

    Attributes:
        where: The server's address or the folder, for people.
        kind: What it is, for people.
        in_clear: Whether a token goes to another machine without encryption.
    """

    where: str
    kind: str
    in_clear: bool = False

    @abstractmethod
    async def version(self) -> str:
        """Chroma's version."""

    @abstractmethod
    async def find(self, name: str) -> Handle | None:
        """The collection of that name."""

    @abstractmethod
    async def create(self, name: str, metadata: Mapping[str, Any]) -> None:
        """Make a collection that compares by cosine.

        Raises:
            Exists: There is one of that name.
        """

    @abstractmethod
    async def note(self, handle: Handle, metadata: Mapping[str, Any]) -> None:
        """Replace what is noted on a collection."""

    @abstractmethod
    async def drop(self, name: str) -> None:
        """Delete a collection; it may be absent."""

    @abstractmethod
    async def upsert(
        self,
        handle: Handle,
        ids: Sequence[str],
        vectors: Vectors,
        metadatas: Sequence[Mapping[str, Any]],
    ) -> None:
        """Store at most :data:`BATCH` items, one row of ``vectors`` each."""

    @abstractmethod
    async def nearest(
        self, handle: Handle, vector: Vectors, most: int, where: Where
    ) -> list[tuple[str, float]]:
        """Ids and distances (1 - cosine), nearest first."""

    @abstractmethod
    async def ids(
        self, handle: Handle, where: Where, among: Sequence[str] | None = None
    ) -> list[str]:
        """The ids of what matches, at most :data:`BATCH` of ``among`` if that is given."""

    @abstractmethod
    async def rows(self, handle: Handle, ids: Sequence[str]) -> list[Row]:
        """Those of at most :data:`BATCH` items that exist."""

    @abstractmethod
    async def delete(self, handle: Handle, ids: Sequence[str]) -> None:
        """Delete at most :data:`BATCH` items."""

    @abstractmethod
    async def count(self, handle: Handle) -> int:
        """Items in the collection."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections and files; twice is harmless."""


def said_by_chroma(said: str, where: str) -> StorageError:
    """The error that Chroma's own words mean: its internal errors have no types."""
    lower = said.lower()
    for words, kind, hint in _SAID:
        if any(word in lower for word in words):
            return kind(f"Chroma: {said}", where=where, hint=hint)
    return StorageError(f"Chroma failed: {said}", where=where)
