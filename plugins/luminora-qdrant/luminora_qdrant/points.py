"""Items as Qdrant's points, conditions as its filters, collections as it describes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast
from uuid import UUID, uuid5

from qdrant_client import models

from luminora.errors import MalformedResponse, StorageError
from luminora.providers.vector_store import FILTER_FIELDS, VectorItem
from luminora.providers.vectors import Entry, Filters

T = TypeVar("T")

_POINTS: Final = UUID("7f2b7c1e-3f6c-5d0a-9f43-0c4a55a1f7d2")
"""Namespace of the points' ids, made up for this plugin."""
REQUEST_BYTES: Final = 2 << 20
"""Vectors per request; the server's limit is 32 MB of JSON, which takes thrice the room."""
MODEL: Final = "luminora_model_id"
"""Where a collection's metadata holds the embedding model."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a collection is.

    Attributes:
        dimension: Length of its vectors.
        model_id: The embedding model they come from, if the server remembers it.
        indexed: Payload fields that have an index.
    """

    dimension: int
    model_id: str | None
    indexed: frozenset[str]


def point_id(user_id: str, item: str) -> str:
    """The point of a user's item. The user is part of it: nobody can take over another's."""
    return str(uuid5(_POINTS, f"{user_id}\0{item}"))


def point_of(entry: Entry) -> models.PointStruct:
    """An item as a point."""
    payload = {name: getattr(entry, name) for name in ("id", *FILTER_FIELDS)}
    return models.PointStruct(
        id=point_id(entry.user_id, entry.id), vector=entry.vector.tolist(), payload=payload
    )


def item_of(record: models.Record, user_id: str) -> VectorItem | None:
    """A point as an item; None if it is another user's."""
    payload = record.payload or {}
    if payload.get("user_id") != user_id or not isinstance(record.vector, list):
        return None
    return VectorItem(
        id=payload["id"],
        user_id=user_id,
        session_id=payload["session_id"],
        personality_name=payload["personality_name"],
        kind=payload["kind"],
        vector=cast("list[float]", record.vector),  # one unnamed vector per point
    )


def filter_of(filters: Filters, ids: Sequence[str] | None = None) -> models.Filter:
    """Conditions as a filter; values are bound, never parsed.

    Args:
        filters: Field to possible values; ``id`` among them is left to ``ids``.
        ids: Items, of the filters' one user, of which it has to be one.
    """
    (user,) = filters["user_id"]
    must: list[Any] = [
        models.FieldCondition(
            key=name,
            match=models.MatchValue(value=values[0])
            if len(values) == 1
            else models.MatchAny(any=list(values)),
        )
        for name, values in filters.items()
        if name != "id"
    ]
    if ids is not None:
        must.append(models.HasIdCondition(has_id=[point_id(user, item) for item in ids]))
    return models.Filter(must=must)


def shape_of(info: models.CollectionInfo, where: str) -> Shape:
    """What a collection is.

    Raises:
        StorageError: It was not made by this plugin.
    """
    vectors = info.config.params.vectors
    if not isinstance(vectors, models.VectorParams):
        raise _foreign("has named vectors or none", where)
    if vectors.distance != models.Distance.COSINE:
        raise _foreign(f"compares by {vectors.distance}, not by cosine", where)
    model = (getattr(info.config, "metadata", None) or {}).get(MODEL)
    return Shape(
        vectors.size,
        model if isinstance(model, str) else None,
        frozenset(info.payload_schema or ()),
    )


def index_of(field: str) -> models.KeywordIndexParams:
    """How a payload field is indexed: the user as tenant, the others to narrow a tenant down."""
    if field == "user_id":
        return models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
    return models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, enable_hnsw=False)


def hits_of(response: models.QueryResponse, where: str) -> Iterator[tuple[str, float]]:
    """Id and score of each found point.

    Raises:
        MalformedResponse: A point is not one of ours.
    """
    for point in response.points:
        item = (point.payload or {}).get("id")
        if not isinstance(item, str):
            raise MalformedResponse(
                "a point has no id in its payload", provider="qdrant", where=where
            )
        yield item, point.score


def portions(things: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """``things``, at most so many at a time."""
    for start in range(0, len(things), most):
        yield things[start : start + most]


def _foreign(why: str, where: str) -> StorageError:
    return StorageError(
        f"this collection is not Luminora's: it {why}",
        where=where,
        hint="set collection_name in luminora.json to a name that is free",
    )
