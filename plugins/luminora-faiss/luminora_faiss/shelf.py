"""One index: every user's vectors in memory, and the log that holds the same on disk.

Memory changes only after the log has: what a query finds is on the disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np

from luminora.errors import StorageCorrupt
from luminora.providers.vectors import Filters, check_model, mismatch
from luminora_faiss.errors import damaged
from luminora_faiss.log import Log
from luminora_faiss.partition import Partition
from luminora_faiss.records import Begin, Filing, Put, Record, Remove, Seal

_PORTION: Final = 2_048
"""Vectors per frame of a rewritten file."""
_FEW: Final = 4_096
"""Obsolete vectors that are not worth a rewrite."""


class Shelf:
    """An index whose file is open. Its writer thread changes it, others ask it.

    Attributes:
        path: Its file.
        dimension: Length of its vectors.
        model_id: The model they come from, if it was ever told.
        count: Vectors of all users.
        stale: Vectors in the file that were replaced or removed since it was last rewritten.
        forgotten: Whether vectors that were removed are still in the file.
    """

    def __init__(self, log: Log, begin: Begin) -> None:
        self._log = log
        self._users: dict[str, Partition] = {}
        self.path = log.path
        self.dimension = begin.dimension
        self.model_id = begin.model_id
        self.count = self.stale = 0
        self.forgotten = False

    @classmethod
    def create(cls, path: Path, dimension: int, model_id: str | None) -> Shelf:
        """A new, empty index."""
        begin = Begin(dimension, model_id)
        return cls(Log.create(path, begin), begin)

    @classmethod
    def load(cls, path: Path) -> Shelf:
        """The index in a file.

        Raises:
            StorageCorrupt: The file is damaged.
        """
        log = Log(path)
        try:
            records = log.records()
            first = next(records, None)
            shelf = cls(log, _begin(first, path))
            for record in records:
                shelf._apply(record)
        except BaseException:
            log.abandon()
            raise
        return shelf

    @property
    def file_bytes(self) -> int:
        """Length of its file."""
        return self._log.size

    @property
    def users(self) -> int:
        """Users who have vectors."""
        return len(self._users)

    @property
    def dropped(self) -> int:
        """Bytes of an unfinished write that were dropped when the file was opened."""
        return self._log.dropped

    @property
    def obsolete(self) -> bool:
        """Whether more of the file is obsolete than not."""
        return self.stale > max(self.count, _FEW)

    def adopt(self, dimension: int, model_id: str | None) -> None:
        """Make sure that this is what is wanted; an unknown model becomes known.

        Raises:
            DimensionMismatch: The index has another dimension or its vectors another model.
        """
        if dimension != self.dimension:
            raise mismatch(self.dimension, dimension, str(self.path))
        check_model(self.model_id, model_id, dimension, str(self.path))
        if self.model_id is None and model_id is not None:
            self._commit([Begin(dimension, model_id)])

    def put(self, puts: Sequence[Put]) -> None:
        """Store vectors of the right dimension, all of them in one commit."""
        self._commit(puts)

    def remove(self, filters: Filters) -> int:
        """Remove what matches and say how many."""
        (user,) = filters["user_id"]
        partition = self._users.get(user)
        ids = partition.ids(filters) if partition is not None else []
        if partition is None or not ids:
            return 0
        self._commit([Remove(user, None if len(ids) == len(partition) else ids)])
        return len(ids)

    def of(self, user: str) -> Partition:
        """A user's vectors; none where the user is unknown."""
        return self._users.get(user) or Partition(self.dimension)

    def rewrite(self) -> None:
        """Make the file anew, without what is obsolete.

        Raises:
            StorageError: It cannot be written; the old one stays.
        """
        self._log.rewrite(self._payloads())
        self.stale, self.forgotten = 0, False

    def close(self) -> None:
        """Let go of the file."""
        self._log.close()

    def delete(self) -> None:
        """Delete the file."""
        self._log.remove()

    def _commit(self, records: Sequence[Record]) -> None:
        if self._log.suspect:
            self.rewrite()
        self._log.append(b"".join(record.encoded() for record in records))
        for record in records:
            self._apply(record)

    def _apply(self, record: Record) -> None:
        match record:
            case Put(filings, vectors):
                if vectors.shape[1] != self.dimension:
                    raise self._strange("a vector of another length than the others")
                for user, rows in groupby(range(len(filings)), key=lambda row: filings[row][1]):
                    self._put(user, filings, list(rows), record)
            case Remove(user, ids):
                partition = self._users.get(user)
                if partition is None:
                    return
                gone = len(partition) if ids is None else partition.remove(ids)
                if ids is None or len(partition) == 0:
                    del self._users[user]
                self.count -= gone
                self.stale += gone
                self.forgotten = self.forgotten or gone > 0
            case Begin(dimension, model_id):
                if dimension != self.dimension:
                    raise self._strange("two dimensions")
                self.model_id = model_id
            case Seal():
                pass

    def _put(self, user: str, filings: Sequence[Filing], rows: list[int], put: Put) -> None:
        partition = self._users.get(user)
        if partition is None:
            partition = self._users[user] = Partition(self.dimension)
        whole = len(rows) == len(filings)
        vectors = put.vectors if whole else put.vectors[rows]
        replaced = partition.put([filings[row] for row in rows], vectors)
        self.count += len(rows) - replaced
        self.stale += replaced

    def _payloads(self) -> Iterator[bytes]:
        """Everything that is alive, a portion at a time, in frames for a new file."""
        yield Begin(self.dimension, self.model_id).encoded()
        filings: list[Filing] = []
        vectors = []
        for user, partition in self._users.items():
            for item, (session, personality, kind), vector in partition.items():
                filings.append((item, user, session, personality, kind))
                vectors.append(vector)
                if len(filings) == _PORTION:
                    yield Put(filings, np.array(vectors)).encoded()
                    filings, vectors = [], []
        if filings:
            yield Put(filings, np.array(vectors)).encoded()

    def _strange(self, what: str) -> StorageCorrupt:
        return damaged(self.path, f"it holds {what}")


def _begin(record: Record | None, path: Path) -> Begin:
    if isinstance(record, Begin):
        return record
    raise damaged(path, "it does not begin by saying what it holds")
