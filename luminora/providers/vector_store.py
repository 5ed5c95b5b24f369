"""The vector-store contract: exact or approximate nearest neighbours, always of one user."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from luminora.providers.base import Provider

Metric = Literal["cosine"]

DEFAULT_INDEX = "messages"
"""The index a store looks at unless :meth:`VectorStoreProvider.at` says otherwise."""

FILTER_FIELDS = ("user_id", "session_id", "personality_name", "kind")
"""What an item is filed under and ``where`` may name; all are equality filters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorItem:
    """A vector and what it is filed under.

    Attributes:
        id: The id of the message (or episode) it stands for; unique in the store.
        user_id: Whose it is.
        vector: Its coordinates, of the store's dimension; any length but zero.
        session_id: The session it was said in.
        personality_name: The personality that heard it.
        kind: ``"message"`` or ``"episode"``.
    """

    id: str
    user_id: str
    vector: Sequence[float]
    session_id: str = ""
    personality_name: str = ""
    kind: str = "message"


@dataclass(frozen=True, slots=True)
class VectorHit:
    """A neighbour's id and its cosine similarity to the query, in [-1, 1], higher is closer."""

    id: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorIndex:
    """What a store holds.

    Attributes:
        dimension: Length of its vectors; None while nothing was ensured yet.
        metric: Always cosine today.
        model_id: The embedding model its vectors come from, when the store was told.
        count: Items of all users.
    """

    dimension: int | None
    metric: Metric = "cosine"
    model_id: str | None = None
    count: int = 0


class VectorStoreProvider(Provider):
    """A store of vectors.

    ``where`` is a mapping over :data:`FILTER_FIELDS` and always holds ``user_id``: the store
    refuses a call without it (:class:`~luminora.errors.InputError`). The checks that every store
    makes are written once, in :mod:`luminora.providers.vectors`.

    One store may hold several indexes side by side, so that a new one can be built while the old
    one answers. Every method but :meth:`at` works on the one called :attr:`index`.

    Attributes:
        index: The index this object works on.
    """

    index: str = DEFAULT_INDEX

    @abstractmethod
    def at(self, index: str) -> VectorStoreProvider:
        """The same store, working on another index, which need not exist yet.

        It shares the connection: closing it does nothing, and it ends with the store it came
        from. The default index is where it was before there were several.

        Args:
            index: Lower-case letters, digits and underscores; at most 40 characters.

        Raises:
            InputError: No index can be called that.
        """

    @abstractmethod
    async def ensure(
        self, dimension: int, metric: Metric = "cosine", *, model_id: str | None = None
    ) -> None:
        """Create the index if it is absent; do nothing if it fits.

        Raises:
            DimensionMismatch: It exists with another dimension, or its vectors come from another
                model; nothing was changed.
        """

    @abstractmethod
    async def upsert(self, items: Sequence[VectorItem]) -> None:
        """Store the items, replacing those of the same id; all or none.

        Raises:
            DimensionMismatch: A vector has another length than the index; nothing was stored.
            InputError: A vector is zero or not finite; nothing was stored.
        """

    @abstractmethod
    async def query(
        self, vector: Sequence[float], top_k: int, where: Mapping[str, str]
    ) -> list[VectorHit]:
        """The ``top_k`` nearest items that match ``where``, best first."""

    @abstractmethod
    async def fetch(self, user_id: str, ids: Sequence[str]) -> list[VectorItem]:
        """Those of the items that the user has, in any order, to be copied elsewhere.

        Vectors come back in their direction; their length may have become 1.
        """

    @abstractmethod
    async def delete(self, where: Mapping[str, str | Sequence[str]]) -> int:
        """Delete what matches and say how many; ``where`` may also hold ``id``, one or several.

        Works on an index of any model and dimension, and on an absent one (0).
        """

    @abstractmethod
    async def count(self, where: Mapping[str, str]) -> int:
        """How many items match."""

    @abstractmethod
    async def describe(self) -> VectorIndex:
        """What the store holds; never raises for an absent index."""

    @abstractmethod
    async def drop(self) -> None:
        """Remove the index and all its vectors."""
