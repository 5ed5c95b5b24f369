"""Exact nearest neighbours in memory, for users with many vectors.

vec0 reads every vector of a user for every query: 40 to 90 ms at 100,000. A NumPy product over the
same numbers takes 7. So large users' vectors are kept in memory, the least recently used are
dropped, and each query first brings its copy up to the revision of the snapshot it runs on.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from itertools import islice
from threading import Lock
from types import ModuleType
from typing import Any, Final

import apsw

from luminora.builtin.loading import numpy_lock
from luminora.builtin.sqlite.vectortable import Meta, Share, VectorTable
from luminora.providers.vectors import Filters

MAX_BYTES: Final = 256 << 20
_FIELDS: Final = ("session_id", "personality_name", "kind")
_PORTION: Final = 4096


@cache
def numpy() -> ModuleType | None:
    """NumPy, if it is installed."""
    try:
        with numpy_lock:
            import numpy  # noqa: ICN001, PLC0415 - only large users need it
    except ImportError:
        return None
    return numpy


class Mirrors:
    """Copies of large users' vectors, bounded together in bytes."""

    def __init__(self, table: VectorTable, max_bytes: int = MAX_BYTES) -> None:
        self._table = table
        self._max_bytes = max_bytes
        self._mirrors: OrderedDict[str, Mirror] = OrderedDict()
        self._lock = Lock()

    def nearest(
        self,
        connection: apsw.Connection,
        vector: bytes,
        top_k: int,
        filters: Filters,
        meta: Meta,
        share: Share,
    ) -> list[tuple[int, float]] | None:
        """The nearest items' numbers and cosines; None where a copy is impossible.

        That is without NumPy, or for a user whose vectors alone are beyond the bound.
        """
        if numpy() is None or share.items * meta.dimension * 4 > self._max_bytes:
            return None
        (user,) = filters["user_id"]
        with self._lock:
            mirror = self._mirrors.setdefault(user, Mirror(user, meta))
            if mirror.epoch != meta.epoch:
                mirror = self._mirrors[user] = Mirror(user, meta)
            self._mirrors.move_to_end(user)
        with mirror.lock:
            mirror.follow(connection, self._table, share)
            found = mirror.nearest(vector, top_k, filters)
        self._shrink()
        return found

    def forget(self, user: str) -> None:
        """Drop the copy of a user's vectors."""
        with self._lock:
            self._mirrors.pop(user, None)

    def clear(self) -> None:
        """Drop all copies."""
        with self._lock:
            self._mirrors.clear()

    def _shrink(self) -> None:
        with self._lock:
            total = sum(mirror.nbytes for mirror in self._mirrors.values())
            while total > self._max_bytes and len(self._mirrors) > 1:
                total -= self._mirrors.popitem(last=False)[1].nbytes


class Mirror:
    """One user's vectors, and what each is filed under, as numbers.

    Attributes:
        epoch: Of which index it is a copy.
        lock: Held while the copy is brought up to date and used.
    """

    def __init__(self, user: str, meta: Meta) -> None:
        self.epoch = meta.epoch
        self.lock = Lock()
        self._user = user
        self._dimension = meta.dimension
        self._codes: dict[str, int] = {}
        self._revision = -1
        self._size = self._last = 0
        self._nums: Any
        self._filed: Any
        self._vectors: Any
        self._allocate(0)

    @property
    def nbytes(self) -> int:
        """Memory taken."""
        return int(self._vectors.nbytes + self._nums.nbytes + self._filed.nbytes)

    def follow(self, connection: apsw.Connection, table: VectorTable, share: Share) -> None:
        """Become what the connection's snapshot holds."""
        if self._revision == share.revision:
            return
        self._append(connection, table)
        if self._size != share.items:
            self._keep(table.numbers(connection, self._user))
        if self._size != share.items:
            self._size = self._last = 0
            self._append(connection, table)
        self._revision = share.revision

    def nearest(self, vector: bytes, top_k: int, filters: Filters) -> list[tuple[int, float]]:
        """The best ``top_k``: number and cosine, best first, the older of two equals first."""
        np = _np()
        size = self._size
        scores = self._vectors[:size] @ np.frombuffer(vector, dtype=np.float32)
        chosen = self._matching(filters)
        if chosen is not None:
            scores = scores[chosen]
        top_k = min(top_k, len(scores))
        if top_k == 0:
            return []
        best = np.argpartition(-scores, top_k - 1)[:top_k]
        points = scores[best]
        nums = self._nums[:size][best if chosen is None else chosen[best]]
        order = np.lexsort((nums, -points))
        return list(zip(nums[order].tolist(), points[order].tolist(), strict=True))

    def _matching(self, filters: Filters) -> Any:
        """Positions of the items that match beyond the user; None for all."""
        np = _np()
        mask = None
        for column, name in enumerate(_FIELDS):
            if name in filters:
                codes = [self._codes.get(value, -1) for value in filters[name]]
                matching = np.isin(self._filed[: self._size, column], codes)
                mask = matching if mask is None else mask & matching
        return None if mask is None else np.flatnonzero(mask)

    def _append(self, connection: apsw.Connection, table: VectorTable) -> None:
        np = _np()
        rows = table.rows_after(connection, self._user, self._last)
        while portion := list(islice(rows, _PORTION)):
            start, end = self._size, self._size + len(portion)
            if end > len(self._nums):
                self._allocate(max(end, len(self._nums) * 5 // 4))
            self._nums[start:end] = [row[0] for row in portion]
            self._filed[start:end] = [[self._code(text) for text in row[1:4]] for row in portion]
            joined = np.frombuffer(b"".join(row[4] for row in portion), dtype=np.float32)
            self._vectors[start:end] = joined.reshape(len(portion), self._dimension)
            self._size, self._last = end, portion[-1][0]

    def _keep(self, nums: list[int]) -> None:
        """Let go of what is not among ``nums``; what stands last fills the gaps."""
        np = _np()
        staying = np.isin(self._nums[: self._size], np.array(nums, dtype=np.int64))
        size = int(staying.sum())
        gaps = np.flatnonzero(~staying[:size])
        movers = size + np.flatnonzero(staying[size:])
        for column in (self._nums, self._filed, self._vectors):
            column[gaps] = column[movers]
        self._size = size

    def _allocate(self, capacity: int) -> None:
        np = _np()
        nums = np.empty(capacity, dtype=np.int64)
        filed = np.empty((capacity, len(_FIELDS)), dtype=np.int32)
        vectors = np.empty((capacity, self._dimension), dtype=np.float32)
        if self._size:
            nums[: self._size] = self._nums[: self._size]
            filed[: self._size] = self._filed[: self._size]
            vectors[: self._size] = self._vectors[: self._size]
        self._nums, self._filed, self._vectors = nums, filed, vectors

    def _code(self, text: str) -> int:
        return self._codes.setdefault(text, len(self._codes))


def _np() -> Any:
    """NumPy, of which the callers know that it is there."""
    return numpy()
