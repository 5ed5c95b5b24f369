"""The vector store: one collection per index, each user a tenant of it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from time import monotonic, perf_counter
from typing import Any, Final

from qdrant_client import models

from luminora.errors import InvalidRequest, LuminoraError, SchemaPending
from luminora.providers.base import CheckResult, Status
from luminora.providers.vector_store import (
    DEFAULT_INDEX,
    FILTER_FIELDS,
    Metric,
    VectorHit,
    VectorIndex,
    VectorItem,
    VectorStoreProvider,
)
from luminora.providers.vectors import (
    Filters,
    check_dimension,
    check_index,
    check_model,
    check_top_k,
    clamped,
    entries_of,
    filters_of,
    mismatch,
    placed,
    unit,
)
from luminora_qdrant.errors import Absent, Exists
from luminora_qdrant.links import Link, Remote
from luminora_qdrant.points import (
    MODEL,
    REQUEST_BYTES,
    Shape,
    filter_of,
    hits_of,
    index_of,
    item_of,
    point_id,
    point_of,
    portions,
    shape_of,
)

MAX_DIMENSION: Final = 65_536
_IDS: Final = 1_000
"""Ids per request."""
_SIZE_SECONDS: Final = 300.0
"""How long a user's size, which decides how to search, is believed."""
_SIZES: Final = 10_000
_SHAPE_SECONDS: Final = 60.0
"""How long a collection's shape is believed; the server has the last word anyway."""
_TENANT_LINKS: Final = 16
_REMEMBERS_MODEL: Final = (1, 16)


class QdrantStore(VectorStoreProvider):
    """Vectors in Qdrant.

    Args:
        link: The server, or the local mode.
        collection: The default index's collection; other indexes get a suffix.
        exact_below: Users with at most so many vectors are compared exactly.
        on_disk: Whether the server keeps vectors on its disk only.
        index: The index to work on.
        owner: Whether closing this store closes the link.
    """

    name = "qdrant"

    def __init__(
        self,
        link: Link,
        *,
        collection: str = "luminora_messages",
        exact_below: int = 20_000,
        on_disk: bool = False,
        index: str = DEFAULT_INDEX,
        owner: bool = True,
    ) -> None:
        self.index = index
        self.collection = placed(collection, index)
        self._base = collection
        self._link = link
        self._exact_below = exact_below
        self._on_disk = on_disk
        self._owner = owner
        self._shape: Shape | None = None
        self._shape_until = 0.0
        self._sizes: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._where = f"{link.where}, collection {self.collection}"

    def at(self, index: str) -> QdrantStore:
        """The same server, another collection."""
        return QdrantStore(
            self._link,
            collection=self._base,
            exact_below=self._exact_below,
            on_disk=self._on_disk,
            index=check_index(index),
            owner=False,
        )

    async def ensure(
        self, dimension: int, metric: Metric = "cosine", *, model_id: str | None = None
    ) -> None:
        """Create the collection and its indexes if they are absent; do nothing if it fits.

        Raises:
            DimensionMismatch: It holds vectors of another dimension or model.
            PermissionRefused: The key may not make collections.
        """
        check_dimension(dimension, MAX_DIMENSION, metric)
        shape = await self._asked()
        if shape is None:
            try:
                await self._create(dimension, model_id)
            except Exists:  # another process was quicker
                self._shape = None
            shape = await self._asked()
        if shape is None:
            raise self._pending()
        if shape.dimension != dimension:
            raise mismatch(shape.dimension, dimension, self._where)
        check_model(shape.model_id, model_id, dimension, self._where)
        if shape.model_id is None and model_id is not None:
            await self._call("update_collection", metadata={MODEL: model_id})
        if not self._link.local:
            for field in FILTER_FIELDS:
                if field not in shape.indexed:
                    await self._call(
                        "create_payload_index", field_name=field, field_schema=index_of(field)
                    )
        self._shape = None

    async def upsert(self, items: Sequence[VectorItem]) -> None:
        """Store the items, replacing those of the same user and id, and wait until they are there.

        Up to 2 MiB of vectors are one request, all or none. A larger call takes several; should
        the server fail between them, the first ones stay, and the same call completes the rest.

        Raises:
            DimensionMismatch: A vector has another length than the index; nothing was stored.
            SchemaPending: There is no index yet.
        """
        entries = entries_of(items)
        if not entries:
            return
        shape = await self._known()
        if shape is None:
            raise self._pending()
        for item in items:
            if len(item.vector) != shape.dimension:
                raise mismatch(shape.dimension, len(item.vector), self._where)
        for portion in portions(entries, max(1, REQUEST_BYTES // (4 * shape.dimension))):
            points = [point_of(entry) for entry in portion]
            try:
                await self._call("upsert", points=points, wait=True)
            except Absent as error:
                raise self._pending() from error
            except InvalidRequest:
                await self._refuse_other(shape.dimension)
                raise

    async def query(
        self, vector: Sequence[float], top_k: int, where: Mapping[str, str]
    ) -> list[VectorHit]:
        """The ``top_k`` (at most 4,096) nearest items that match, best first.

        Exact for users with at most ``exact_below`` vectors, else by the user's own HNSW graph.
        """
        filters, wanted = filters_of(where), unit(vector).tolist()
        check_top_k(top_k)
        shape = await self._known()
        if shape is None:
            return []
        if shape.dimension != len(wanted):
            raise mismatch(shape.dimension, len(wanted), self._where)
        if top_k == 0:
            return []
        (user,) = filters["user_id"]
        how = {}
        if not self._link.local:
            how["search_params"] = models.SearchParams(exact=self._small(user))
        try:
            response, _ = await asyncio.gather(
                self._call(
                    "query_points",
                    query=wanted,
                    query_filter=filter_of(filters),
                    limit=top_k,
                    with_payload=["id"],
                    **how,
                ),
                self._measure(user),
            )
        except Absent:
            return []
        except InvalidRequest:
            await self._refuse_other(len(wanted))
            raise
        return [VectorHit(item, clamped(score)) for item, score in hits_of(response, self._where)]

    async def fetch(self, user_id: str, ids: Sequence[str]) -> list[VectorItem]:
        """Those of the items that the user has, their vectors at length 1."""
        (user,) = filters_of({"user_id": user_id})["user_id"]
        found: list[VectorItem] = []
        try:
            for portion in portions(list(dict.fromkeys(ids)), _IDS):
                records = await self._call(
                    "retrieve",
                    ids=[point_id(user, item) for item in portion],
                    with_payload=True,
                    with_vectors=True,
                )
                found += [item for record in records if (item := item_of(record, user))]
        except Absent:
            return []
        return found

    async def delete(self, where: Mapping[str, str | Sequence[str]]) -> int:
        """Delete what matches and say how many; ``where`` may also hold ``id``.

        They are counted just before, as Qdrant does not say how many a deletion met.
        """
        filters = filters_of(where, ids=True)
        if "id" not in filters:
            return await self._delete(filter_of(filters))
        ids = list(dict.fromkeys(filters["id"]))
        return sum([await self._delete(filter_of(filters, some)) for some in portions(ids, _IDS)])

    async def count(self, where: Mapping[str, str]) -> int:
        """How many items match, exactly."""
        return await self._count(filters_of(where))

    async def describe(self) -> VectorIndex:
        """What the store holds; an absent index has no dimension."""
        shape = await self._asked()
        if shape is None:
            return VectorIndex(dimension=None)
        try:
            count = (await self._call("count", exact=True)).count
        except Absent:
            return VectorIndex(dimension=None)
        return VectorIndex(dimension=shape.dimension, model_id=shape.model_id, count=count)

    async def drop(self) -> None:
        """Delete the collection."""
        try:
            await self._call("delete_collection")
        except Absent:
            return
        finally:
            self._shape = None
            self._sizes.clear()

    async def check(self) -> CheckResult:
        """Ask the server for its version and the index for its size."""
        started = perf_counter()
        data: dict[str, Any] = {"place": self._link.where, "collection": self.collection}
        try:
            version = (await self._link.call("info")).version
            index = await self.describe()
        except LuminoraError as error:
            return CheckResult(Status.ERROR, str(error), data=data)
        latency = (perf_counter() - started) * 1000
        data |= {
            "local": self._link.local,
            "version": version,
            "dimension": index.dimension,
            "metric": index.metric,
            "model_id": index.model_id,
            "count": index.count,
        }
        called = "Qdrant's local mode" if self._link.local else f"Qdrant {version}"
        if isinstance(self._link, Remote) and self._link.in_clear:
            detail = f"{called}: the API key is sent without encryption, use https ({self._where})"
            return CheckResult(Status.WARNING, detail, latency, data)
        if not self._link.local and _numbers(version) < _REMEMBERS_MODEL:
            detail = f"{called} does not remember the embedding model: 1.16 does ({self._where})"
            return CheckResult(Status.WARNING, detail, latency, data)
        if index.dimension is None:
            detail = f"{called}, empty: the first message creates the index, {self._where}"
            return CheckResult(Status.OK, detail, latency, data)
        detail = f"{called}, {index.count} vectors of {index.dimension}, {self._where}"
        return CheckResult(Status.OK, detail, latency, data)

    async def aclose(self) -> None:
        """Close connections, or the local folder."""
        if self._owner:
            await self._link.close()

    async def _create(self, dimension: int, model_id: str | None) -> None:
        """Make the collection: a graph per tenant, none over all users, as none is ever asked."""
        await self._call(
            "create_collection",
            vectors_config=models.VectorParams(
                size=dimension, distance=models.Distance.COSINE, on_disk=self._on_disk or None
            ),
            hnsw_config=models.HnswConfigDiff(payload_m=_TENANT_LINKS, m=0),
            metadata=None if model_id is None else {MODEL: model_id},
        )

    async def _asked(self) -> Shape | None:
        """The collection's shape, asked for now; None if there is no collection."""
        try:
            info = await self._call("get_collection")
        except Absent:
            self._shape = None
            return None
        self._shape = shape_of(info, self._where)
        self._shape_until = monotonic() + _SHAPE_SECONDS
        return self._shape

    async def _known(self) -> Shape | None:
        """The collection's shape, as it was a moment ago."""
        if self._shape is None or monotonic() > self._shape_until:
            return await self._asked()
        return self._shape

    async def _refuse_other(self, dimension: int) -> None:
        """Say so if a request failed because the collection has another dimension by now."""
        shape = await self._asked()
        if shape is not None and shape.dimension != dimension:
            raise mismatch(shape.dimension, dimension, self._where)

    async def _count(self, filters: Filters, *, exact: bool = True) -> int:
        try:
            found = await self._call("count", count_filter=filter_of(filters), exact=exact)
        except Absent:
            return 0
        return int(found.count)

    async def _delete(self, condition: models.Filter) -> int:
        try:
            count = int((await self._call("count", count_filter=condition, exact=True)).count)
            if count:
                await self._call(
                    "delete", points_selector=models.FilterSelector(filter=condition), wait=True
                )
        except Absent:
            return 0
        return count

    def _small(self, user: str) -> bool:
        """Whether to compare exactly: also while nobody knows."""
        return self._sizes.get(user, (0, 0.0))[0] <= self._exact_below

    async def _measure(self, user: str) -> None:
        """Learn a user's size, beside the query that goes by the one known before."""
        if self._link.local or self._sizes.get(user, (0, 0.0))[1] > monotonic():
            return
        size = await self._count({"user_id": [user]}, exact=False)
        self._sizes[user] = (size, monotonic() + _SIZE_SECONDS)
        self._sizes.move_to_end(user)
        if len(self._sizes) > _SIZES:
            self._sizes.popitem(last=False)

    async def _call(self, method: str, **named: Any) -> Any:
        return await self._link.call(method, collection_name=self.collection, **named)

    def _pending(self) -> SchemaPending:
        self._shape = None
        return SchemaPending(
            "the vector index does not exist yet", where=self._where, hint="luminora migrate"
        )


def _numbers(version: str) -> tuple[int, ...]:
    """``"1.16.2"`` as numbers; nothing known is the newest."""
    parts = version.split("-", maxsplit=1)[0].split(".")[:2]
    return tuple(int(part) for part in parts) if all(p.isdigit() for p in parts) else (99,)
