"""What a frame holds: records, each a change of the index.

A record is nine bytes (its kind, the length of its JSON, the length of its vectors), JSON in UTF-8
and vectors as float32, least significant byte first.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from luminora.providers.vectors import Entry
from luminora_faiss.errors import damaged

Vectors = npt.NDArray[np.float32]
Filing = tuple[str, str, str, str, str]
"""Of one vector: id, user_id, session_id, personality_name, kind."""

_SHAPE: Final = struct.Struct("<BII")
_BEGIN, _PUT, _REMOVE, _SEAL = range(1, 5)


@dataclass(frozen=True, slots=True)
class Begin:
    """The first record of a file: what the index is."""

    dimension: int
    model_id: str | None

    def encoded(self) -> bytes:
        """The record's bytes."""
        return _record(_BEGIN, {"dimension": self.dimension, "model_id": self.model_id})


@dataclass(frozen=True, slots=True, eq=False)
class Put:
    """Vectors to store, one row each, replacing those of the same user and id."""

    filings: Sequence[Filing]
    vectors: Vectors

    def encoded(self) -> bytes:
        """The record's bytes."""
        return _record(_PUT, self.filings, self.vectors.astype("<f4", copy=False).tobytes())


@dataclass(frozen=True, slots=True)
class Remove:
    """Vectors of one user to remove; all of them where ``ids`` is None."""

    user_id: str
    ids: Sequence[str] | None

    def encoded(self) -> bytes:
        """The record's bytes."""
        return _record(_REMOVE, {"user_id": self.user_id, "ids": self.ids})


@dataclass(frozen=True, slots=True)
class Seal:
    """Says that the file was closed in peace: nothing before it can be an unfinished write."""

    def encoded(self) -> bytes:
        """The record's bytes."""
        return _record(_SEAL, {})


Record = Begin | Put | Remove | Seal


def put_of(entries: Sequence[Entry]) -> Put:
    """Checked items, all of one length, as a record."""
    filings = [(e.id, e.user_id, e.session_id, e.personality_name, e.kind) for e in entries]
    joined = b"".join(entry.vector.tobytes() for entry in entries)
    return Put(filings, np.frombuffer(joined, dtype=np.float32).reshape(len(entries), -1))


def records_of(payload: bytes, path: Path) -> Iterator[Record]:
    """The records of a frame.

    Raises:
        StorageCorrupt: The payload, though whole, is not what this version writes.
    """
    position = 0
    try:
        while position < len(payload):
            kind, text_bytes, vector_bytes = _SHAPE.unpack_from(payload, position)
            start = position + _SHAPE.size
            middle, position = start + text_bytes, start + text_bytes + vector_bytes
            text, blob = payload[start:middle], payload[middle:position]
            yield _decoded(kind, json.loads(text), blob)
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise damaged(path, f"it holds a record that this version cannot read ({error})") from error


def _decoded(kind: int, said: Any, blob: bytes) -> Record:
    if kind == _PUT:
        vectors = np.frombuffer(blob, dtype="<f4").reshape(len(said), -1)
        filings = [(i, user, session, persona, what) for i, user, session, persona, what in said]
        return Put(filings, vectors.astype(np.float32, copy=False))
    if kind == _REMOVE:
        return Remove(said["user_id"], said["ids"])
    if kind == _BEGIN:
        return Begin(int(said["dimension"]), said["model_id"])
    if kind == _SEAL:
        return Seal()
    raise ValueError(f"kind {kind}")


def _record(kind: int, said: Any, blob: bytes = b"") -> bytes:
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    return b"".join((_SHAPE.pack(kind, len(text), len(blob)), text, blob))
