"""One user's vectors in FAISS, and what each is filed under.

Every user has a flat index of their own: a query compares with all vectors of that user, exactly,
and with nobody else's.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any, Final

import faiss
import numpy as np
import numpy.typing as npt

from luminora.providers.vector_store import VectorHit
from luminora.providers.vectors import Filters, clamped
from luminora_faiss.records import Filing, Vectors

Item = tuple[str, tuple[str, str, str], Vectors]
"""A vector's id, its filing (session, personality, kind) and itself."""

_faiss: Any = faiss  # its stubs lack what the package adds when it is imported
_COLUMNS: Final = ("session_id", "personality_name", "kind")
_FIRST_ROWS: Final = 8


class Partition:
    """The vectors of one user; the place of a vector is its row in FAISS.

    One thread changes it while others ask: a lock keeps them apart, because FAISS moves its rows
    when they grow.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._index: Any = _faiss.IndexFlatIP(dimension)
        self._ids: list[str] = []
        self._places: dict[str, int] = {}
        self._codes: dict[str, int] = {}
        self._texts: list[str] = []
        self._filed = np.empty((_FIRST_ROWS, len(_COLUMNS)), dtype=np.int32)
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._ids)

    def put(self, filings: Sequence[Filing], vectors: Vectors) -> int:
        """Store rows, replacing those of the same id; how many were replaced."""
        with self._lock:
            before = len(self._ids)
            new, again, places = [], [], []
            for row, filing in enumerate(filings):
                place = self._places.get(filing[0])
                if place is None:
                    new.append(row)
                    self._places[filing[0]] = len(self._ids)
                    self._ids.append(filing[0])
                else:
                    again.append(row)
                    places.append(place)
            filed = [[self._code(text) for text in filing[2:]] for filing in filings]
            self._room(len(self._ids))
            if new:
                self._index.add(vectors if not again else vectors[new])
                self._filed[before : len(self._ids)] = [filed[row] for row in new]
            if again:
                self._rows()[places] = vectors[again]
                self._filed[places] = [filed[row] for row in again]
            return len(again)

    def remove(self, ids: Sequence[str]) -> int:
        """Remove those that are there and say how many."""
        with self._lock:
            gone = sorted({self._places[i] for i in ids if i in self._places})
            if not gone:
                return 0
            places = np.array(gone, dtype=np.int64)
            self._index.remove_ids(_faiss.IDSelectorBatch(places))
            staying = np.ones(len(self._ids), dtype=bool)
            staying[places] = False
            self._filed = self._filed[: len(self._ids)][staying]
            self._ids = [i for i, stays in zip(self._ids, staying.tolist(), strict=True) if stays]
            self._places = {i: place for place, i in enumerate(self._ids)}
            return len(gone)

    def nearest(self, vector: Vectors, top_k: int, filters: Filters) -> list[VectorHit]:
        """The best ``top_k`` that match, best first, the older of two equals first.

        Args:
            vector: The query, of length 1 and shape (dimension,).
            top_k: How many at most.
            filters: What they have to be filed under; ``user_id`` is this partition's.
        """
        with self._lock:
            chosen = self._matching(filters)
            top_k = min(top_k, len(self._ids) if chosen is None else len(chosen))
            if top_k == 0:
                return []
            bits = None
            if chosen is not None:
                mask = np.zeros(len(self._ids), dtype=bool)
                mask[chosen] = True
                bits = _faiss.SearchParameters(
                    sel=_faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
                )
            found = self._index.search(vector.reshape(1, -1), top_k, params=bits)
            scores, places = found[0][0], found[1][0]
            order = np.lexsort((places, -scores))
            pairs = zip(places[order].tolist(), scores[order].tolist(), strict=True)
            return [VectorHit(self._ids[place], clamped(score)) for place, score in pairs]

    def ids(self, filters: Filters) -> list[str]:
        """The ids of what matches."""
        with self._lock:
            chosen = self._matching(filters)
            if chosen is None:
                return list(self._ids)
            return [self._ids[place] for place in chosen.tolist()]

    def count(self, filters: Filters) -> int:
        """How many match."""
        with self._lock:
            chosen = self._matching(filters)
            return len(self._ids) if chosen is None else len(chosen)

    def items(self, ids: Sequence[str] | None = None) -> list[Item]:
        """Id, filing (session, personality, kind) and vector of those that are there."""
        with self._lock:
            places = (
                list(range(len(self._ids)))
                if ids is None
                else [self._places[i] for i in dict.fromkeys(ids) if i in self._places]
            )
            rows = self._rows()[places] if places else np.empty((0, self._dimension), np.float32)
            filed, texts = self._filed[places].tolist(), self._texts
            return [
                (self._ids[place], (texts[session], texts[personality], texts[kind]), row)
                for place, (session, personality, kind), row in zip(
                    places, filed, rows, strict=True
                )
            ]

    def _matching(self, filters: Filters) -> npt.NDArray[np.int64] | None:
        """Places of what matches beyond the user; None for all."""
        size, mask = len(self._ids), None
        for column, name in enumerate(_COLUMNS):
            if name in filters:
                codes = [self._codes.get(text, -1) for text in filters[name]]
                matching = np.isin(self._filed[:size, column], codes)
                mask = matching if mask is None else mask & matching
        if "id" in filters:
            named = {self._places[i] for i in filters["id"] if i in self._places}
            places = np.array(sorted(named), dtype=np.int64)
            return places if mask is None else places[mask[places]]
        return None if mask is None else np.flatnonzero(mask)

    def _rows(self) -> Vectors:
        """FAISS's own memory, row by row; valid until it grows."""
        size = len(self._ids)
        flat = _faiss.rev_swig_ptr(self._index.get_xb(), size * self._dimension)
        rows: Vectors = flat.reshape(size, self._dimension)
        return rows

    def _room(self, rows: int) -> None:
        if rows > len(self._filed):
            filed = np.empty((max(rows, len(self._filed) * 3 // 2), len(_COLUMNS)), dtype=np.int32)
            filed[: len(self._filed)] = self._filed
            self._filed = filed

    def _code(self, text: str) -> int:
        code = self._codes.get(text)
        if code is None:
            code = self._codes[text] = len(self._texts)
            self._texts.append(text)
        return code
