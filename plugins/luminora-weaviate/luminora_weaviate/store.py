"""The vector store in Weaviate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, Final

from luminora.errors import LuminoraError
from luminora.providers import (
    CheckResult,
    Status,
    VectorHit,
    VectorIndex,
    VectorItem,
    VectorStoreProvider,
)
from luminora.providers.vector_store import DEFAULT_INDEX, Metric
from luminora.providers.vectors import (
    check_dimension,
    check_index,
    check_model,
    check_top_k,
    clamped,
    entries_of,
    filters_of,
    unit,
)
from luminora_weaviate import collection
from luminora_weaviate.collection import Meta
from luminora_weaviate.link import Link
from luminora_weaviate.place import PORTION, Place, portions
from luminora_weaviate.settings import Settings

MAX_DIMENSION: Final = 65_535


class WeaviateStore(VectorStoreProvider):
    """Vectors in a Weaviate collection, the users told apart by a filter.

    Weaviate compares a filter's matches one by one as long as they are fewer than 40,000, so the
    answers for a user with fewer vectors are exact; beyond that they are approximate.

    An upsert is sent in portions of 500. If Weaviate refuses any object of any portion, those
    that it took are deleted again and an error is raised: then none of the items is in the index,
    and what they would have replaced is gone too. If it stops answering, some may be. The same
    upsert again puts all of them in.

    Args:
        settings: What the configuration says.
        index: The index to work on.
        origin: The store whose connection this one shares.
    """

    name = "weaviate"

    def __init__(
        self,
        settings: Settings,
        *,
        index: str = DEFAULT_INDEX,
        origin: WeaviateStore | None = None,
    ) -> None:
        self.settings = settings
        self.index = index
        self._origin = origin
        self._link: Link = origin._link if origin else Link(settings)  # noqa: SLF001 - its own kind
        self._place = Place(self._link, settings.name_of(index))

    def at(self, index: str) -> WeaviateStore:
        """The same server, another collection: ``messages_2`` is ``LuminoraMessages_2``."""
        return WeaviateStore(self.settings, index=check_index(index), origin=self._origin or self)

    async def ensure(
        self, dimension: int, metric: Metric = "cosine", *, model_id: str | None = None
    ) -> None:
        """Create the collection if it is absent; do nothing if it fits.

        Raises:
            DimensionMismatch: It holds vectors of another dimension or model.
            ConfigError: There is a collection of that name that is not ours.
        """
        check_dimension(dimension, MAX_DIMENSION, metric)
        found = await self._place.made(Meta(dimension, model_id))
        check_model(found.model_id, model_id, dimension, self._place.title)
        if model_id is not None and found.model_id is None:
            await self._place.describe_as(Meta(dimension, model_id))

    async def upsert(self, items: Sequence[VectorItem]) -> None:
        """Store the items, replacing those of the same id; all or none of them.

        Raises:
            DimensionMismatch: A vector has another length than the index; nothing was sent.
            SchemaPending: There is no index yet.
        """
        entries = entries_of(items)
        if entries:
            await self._place.insert(entries)

    async def query(
        self, vector: Sequence[float], top_k: int, where: Mapping[str, str]
    ) -> list[VectorHit]:
        """The ``top_k`` (at most 4,096) nearest items that match, best first."""
        filters, direction = filters_of(where), unit(vector).tolist()
        check_top_k(top_k)

        if top_k == 0:
            return []

        async def nearest(held: Any) -> Any:
            from weaviate.classes.query import MetadataQuery

            return await held.query.near_vector(
                direction,
                limit=top_k,
                filters=collection.condition(filters),
                return_metadata=MetadataQuery(distance=True),
                return_properties=["item_id"],
            )

        answer = await self._place.ask(nearest, len(direction))
        return [
            VectorHit(
                collection.told(found.properties["item_id"]),
                clamped(1.0 - found.metadata.distance),
            )
            for found in (answer.objects if answer is not None else ())
        ]

    async def fetch(self, user_id: str, ids: Sequence[str]) -> list[VectorItem]:
        """Those of the items that the user has, their vectors at length 1."""
        filters = filters_of({"user_id": user_id, "id": ids}, ids=True)
        items: list[VectorItem] = []
        for portion in portions(list(dict.fromkeys(filters["id"]))):
            wanted = collection.condition({**filters, "id": portion})
            answer = await self._place.ask(
                lambda held, wanted=wanted: held.query.fetch_objects(  # type: ignore[misc]
                    filters=wanted,
                    limit=PORTION,
                    include_vector=True,
                    return_properties=list(collection.PROPERTIES),
                )
            )
            if answer is not None:
                items += [collection.item(found) for found in answer.objects]
        return items

    async def delete(self, where: Mapping[str, str | Sequence[str]]) -> int:
        """Delete what matches and say how many; ``where`` may also hold ``id``."""
        filters = filters_of(where, ids=True)
        if "id" not in filters:
            return await self._place.delete(filters)
        deleted = 0
        for portion in portions(list(dict.fromkeys(filters["id"]))):
            deleted += await self._place.delete({**filters, "id": portion})
        return deleted

    async def count(self, where: Mapping[str, str]) -> int:
        """How many items match."""
        return await self._place.count(filters_of(where))

    async def describe(self) -> VectorIndex:
        """What the store holds; an absent index has no dimension."""
        found = await self._place.look(fresh=True)
        if found is None:
            return VectorIndex(dimension=None)
        total = await self._place.count(None)
        return VectorIndex(dimension=found.dimension, model_id=found.model_id, count=total)

    async def drop(self) -> None:
        """Remove the collection and all its vectors.

        Raises:
            ConfigError: There is a collection of that name that is not ours.
        """
        await self._place.remove()

    async def check(self) -> CheckResult:
        """Ask the server for its version and the collection for its size."""
        started = perf_counter()
        data: dict[str, Any] = {"address": self.settings.address, "collection": self._place.title}
        try:
            index = await self.describe()
        except (LuminoraError, ImportError) as error:
            return CheckResult(Status.ERROR, str(error), data=data)
        latency = (perf_counter() - started) * 1000
        data |= {
            "server_version": self._link.version,
            "dimension": index.dimension,
            "metric": index.metric,
            "model_id": index.model_id,
            "count": index.count,
        }
        place = f"Weaviate {self._link.version} at {self.settings.address}, {self._place.title}"
        if index.dimension is None:
            detail = f"{place}: empty, the first message creates it"
        else:
            detail = f"{place}: {index.count} vectors of {index.dimension}"
        return CheckResult(Status.OK, detail, latency, data)

    async def aclose(self) -> None:
        """Close the connections, unless another store's are used."""
        if self._origin is None:
            await self._link.aclose()
