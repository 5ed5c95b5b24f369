"""The vector store in Pinecone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

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
from luminora_pinecone.catalog import tag_of
from luminora_pinecone.link import Link
from luminora_pinecone.place import Call, Place
from luminora_pinecone.records import MAX_VECTORS, Records, addressed, portions
from luminora_pinecone.settings import Settings

if TYPE_CHECKING:
    from pinecone import AsyncIndex

MAX_DIMENSION: Final = 20_000
_PAGE: Final = 1_000
"""Records of one page when a filter's matches are counted."""


class PineconeStore(VectorStoreProvider):
    """Vectors in a serverless Pinecone index.

    What was written is seen by reads a moment later, not at once. One request is taken or refused
    as a whole; an upsert of more than about a thousand items, of more than two megabytes, or of
    several users is several requests. If one of them fails, those before it were taken, and the
    error says how many: the same upsert again completes them.

    Args:
        settings: What the configuration says.
        index: The index to work on.
        origin: The store whose connection this one shares.
    """

    name = "pinecone"

    def __init__(
        self,
        settings: Settings,
        *,
        index: str = DEFAULT_INDEX,
        origin: PineconeStore | None = None,
    ) -> None:
        self.settings = settings
        self.index = index
        self._origin = origin
        self._link: Link = origin._link if origin else Link(settings)  # noqa: SLF001 - its own kind
        self._records = Records(per_user=settings.namespace_per_user)
        host = settings.index_host if index == DEFAULT_INDEX else None
        self._place = Place(self._link, settings.name_of(index), host)

    def at(self, index: str) -> PineconeStore:
        """The same project, another index: ``messages_2`` is ``luminora-messages-2``."""
        return PineconeStore(self.settings, index=check_index(index), origin=self._origin or self)

    async def ensure(
        self, dimension: int, metric: Metric = "cosine", *, model_id: str | None = None
    ) -> None:
        """Create the index if it is absent, and wait until it is ready.

        Raises:
            DimensionMismatch: It holds vectors of another dimension or model.
            ConfigError: It compares otherwise than by cosine, or files users otherwise.
            SchemaPending: It is absent and ``create_index`` is false.
        """
        check_dimension(dimension, MAX_DIMENSION, metric)
        found = await self._place.made(dimension, model_id)
        if model_id:
            check_model(found.model_id, tag_of(model_id), dimension, found.name)
            if found.model_id is None and self._place.host is None:
                await self._place.catalog.label(found, model_id)
        self._place.known = found

    async def upsert(self, items: Sequence[VectorItem]) -> None:
        """Store the items, replacing those of the same id; see the class for what holds if not.

        Raises:
            DimensionMismatch: A vector has another length than the index; nothing was sent.
            SchemaPending: There is no index yet.
        """
        entries = entries_of(items)
        if not entries:
            return

        def put(space: str, vectors: list[dict[str, Any]]) -> Call[int]:
            async def send(index: AsyncIndex) -> int:
                await index.upsert(vectors=vectors, namespace=space)
                return len(vectors)

            return send

        calls = [put(space, vectors) for space, vectors in self._records.requests(entries)]
        await self._place.write(calls, {len(entry.vector) for entry in entries}, len(entries))

    async def query(
        self, vector: Sequence[float], top_k: int, where: Mapping[str, str]
    ) -> list[VectorHit]:
        """The ``top_k`` (at most 4,096) nearest items that match, best first."""
        filters, direction = filters_of(where), unit(vector).tolist()
        check_top_k(top_k)
        (user,) = filters["user_id"]
        if top_k == 0:
            return []
        answer = await self._place.ask(
            lambda index: index.query(
                vector=direction,
                top_k=top_k,
                namespace=self._records.namespace(user),
                filter=self._records.condition(filters) or None,
            ),
            len(direction),
        )
        if answer is None:
            return []
        scores = {match.id: clamped(match.score) for match in answer.matches}
        names = {key: self._records.readable(key) for key in scores}
        unclear = [key for key, name in names.items() if name is None]
        if unclear:
            names |= {key: item.id for key, item in (await self._fetched(user, unclear)).items()}
        return [VectorHit(name, scores[key]) for key, name in names.items() if name is not None]

    async def fetch(self, user_id: str, ids: Sequence[str]) -> list[VectorItem]:
        """Those of the items that the user has, their vectors at length 1."""
        filters = filters_of({"user_id": user_id, "id": ids}, ids=True)
        keys = [self._records.key(user_id, item) for item in dict.fromkeys(filters["id"])]
        return list((await self._fetched(user_id, keys)).values())

    async def delete(self, where: Mapping[str, str | Sequence[str]]) -> int:
        """Delete what matches and say how many; ``where`` may also hold ``id``.

        Pinecone does not say how many it deletes, so they are counted first: an item that was
        stored a moment ago may be deleted and not be counted.
        """
        filters = filters_of(where, ids=True)
        (user,) = filters["user_id"]
        space, condition = self._records.namespace(user), self._records.condition(filters)
        if "id" in filters:
            return await self._delete_ids(user, filters)
        counted = await self.count({k: v[0] for k, v in filters.items()})
        if condition:
            await self._place.ask(lambda index: index.delete(filter=condition, namespace=space))
            return counted

        async def forget(index: AsyncIndex) -> None:
            from pinecone.errors import NotFoundError

            try:
                await index.delete_namespace(name=space)
            except NotFoundError:  # it never had anything
                return

        await self._place.ask(forget)
        return counted

    async def count(self, where: Mapping[str, str]) -> int:
        """How many items match.

        All of a user's are one request. With further filters the matching records are read page
        by page, a thousand at a time, since Pinecone counts no matches: it costs what reading
        them costs.
        """
        filters = filters_of(where)
        (user,) = filters["user_id"]
        space, condition = self._records.namespace(user), self._records.condition(filters)

        async def recorded(index: AsyncIndex) -> int:
            from pinecone.errors import NotFoundError

            try:
                return (await index.describe_namespace(name=space)).record_count
            except NotFoundError:
                return 0

        if not condition:
            return await self._place.ask(recorded) or 0
        counted, token = 0, None
        while True:
            page = await self._place.ask(
                lambda index, token=token: index.fetch_by_metadata(  # type: ignore[misc]
                    filter=condition, namespace=space, limit=_PAGE, pagination_token=token
                )
            )
            if page is None:
                return 0
            counted += len(page.vectors)
            token = page.pagination.next if page.pagination else None
            if not token:
                return counted

    async def describe(self) -> VectorIndex:
        """What the store holds; an absent index has no dimension."""
        self._place.known = None
        found = await self._place.look()
        if found is None or found.leaving:
            return VectorIndex(dimension=None)
        total = 0
        if found.ready and found.host:
            stats = await self._link.data(found.host, lambda index: index.describe_index_stats())
            total = stats.total_vector_count
        return VectorIndex(dimension=found.dimension, model_id=found.model_id, count=total)

    async def drop(self) -> None:
        """Remove the index and all its vectors, and wait until it is gone.

        Raises:
            ConfigError: ``index_host`` is not the host of the index called ``index_name``.
        """
        await self._place.remove()

    async def check(self) -> CheckResult:
        """Ask for the index and its size."""
        started = perf_counter()
        data: dict[str, Any] = {
            "index": self._place.title,
            "host": self.settings.index_host or self.settings.host,
        }
        try:
            index = await self.describe()
            from pinecone import __version__ as version
        except (LuminoraError, ImportError) as error:
            return CheckResult(Status.ERROR, str(error), data=data)
        latency = (perf_counter() - started) * 1000
        data |= {
            "sdk_version": version,
            "dimension": index.dimension,
            "metric": index.metric,
            "model_id": index.model_id,
            "count": index.count,
        }
        place = f"Pinecone index {self._place.title}, SDK {version}"
        if index.dimension is None:
            return CheckResult(
                Status.OK, f"{place}: empty, the first message creates it", latency, data
            )
        return CheckResult(
            Status.OK, f"{place}: {index.count} vectors of {index.dimension}", latency, data
        )

    async def aclose(self) -> None:
        """Close the connections, unless another store's are used."""
        if self._origin is None:
            await self._link.aclose()

    async def _fetched(self, user: str, keys: Sequence[str]) -> dict[str, VectorItem]:
        """The user's items by their records' ids."""
        space = self._records.namespace(user)

        def get(portion: Sequence[str]) -> Call[Any]:
            return lambda index: index.fetch(ids=portion, namespace=space)

        answers = await self._place.gather([get(portion) for portion in addressed(keys)])
        found = {}
        for answer in answers:
            for key, vector in answer.vectors.items():
                item = self._records.item(user, vector)
                if item is not None:
                    found[key] = item
        return found

    async def _delete_ids(self, user: str, filters: Mapping[str, Sequence[str]]) -> int:
        space = self._records.namespace(user)
        keys = [self._records.key(user, item) for item in dict.fromkeys(filters["id"])]
        present = await self._fetched(user, keys)
        narrowed = [name for name in filters if name not in {"id", "user_id"}]
        fitting = [
            key
            for key, item in present.items()
            if all(getattr(item, name) in filters[name] for name in narrowed)
        ]

        def go(portion: Sequence[str]) -> Call[None]:
            return lambda index: index.delete(ids=portion, namespace=space)

        doomed = fitting if narrowed else keys
        await self._place.gather([go(portion) for portion in portions(doomed, MAX_VECTORS)])
        return len(fitting)
