"""The collection: how it is made, what it remembers of itself, how items are filed in it.

A text property with the tokenization ``field`` is compared as a whole and case by case, but
without the white space around it. Every value is therefore kept between brackets, ``[ana]``: then
``" ana"`` is not ``"ana"``, and an empty value can be asked for.

Dimension and model are in the collection's description, as JSON.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from luminora.errors import ConfigError
from luminora.providers import VectorItem
from luminora.providers.vectors import Entry, Filters

if TYPE_CHECKING:
    from weaviate import WeaviateAsyncClient
    from weaviate.classes.data import DataObject

PROPERTIES: Final = ("item_id", "user_id", "session_id", "personality_name", "kind")
_SPACE: Final = uuid.UUID("b0a6ad9e-62b1-5f35-9a3c-5d1c0b1f5a11")
"""Namespace of our version-5 ids; never changed, or nothing is found again."""
_TITLE: Final = "Luminora's vectors"


@dataclass(frozen=True, slots=True)
class Meta:
    """What a collection says of itself."""

    dimension: int
    model_id: str | None

    def text(self) -> str:
        """The collection's description."""
        return json.dumps(
            {
                "luminora": _TITLE,
                "dimension": self.dimension,
                "metric": "cosine",
                "model_id": self.model_id,
            }
        )

    @classmethod
    def read(cls, text: str | None, name: str) -> Meta:
        """What a description says.

        Raises:
            ConfigError: It is not one of ours, so neither is the collection.
        """
        try:
            held = json.loads(text or "")
            return cls(int(held["dimension"]), held["model_id"])
        except (ValueError, KeyError, TypeError):
            raise ConfigError(
                f"there is a collection '{name}' that Luminora did not make: nothing was changed",
                where=name,
                hint="choose another collection_name",
            ) from None


async def find(client: WeaviateAsyncClient, name: str) -> Meta | None:
    """What the collection says of itself; None if there is none."""
    from weaviate.exceptions import UnexpectedStatusCodeError

    try:
        config = await client.collections.use(name).config.get(simple=True)
    except UnexpectedStatusCodeError as error:
        if error.status_code == 404:  # noqa: PLR2004 - HTTP's number
            return None
        raise
    return Meta.read(config.description, name)


async def create(client: WeaviateAsyncClient, name: str, meta: Meta) -> None:
    """Make the collection: nothing compressed, nothing vectorised, everything filed exactly."""
    from weaviate.classes.config import (
        Configure,
        DataType,
        Property,
        Tokenization,
        VectorDistances,
    )

    hnsw = Configure.VectorIndex.hnsw(distance_metric=VectorDistances.COSINE)
    await client.collections.create(
        name,
        description=meta.text(),
        properties=[
            Property(
                name=known,
                data_type=DataType.TEXT,
                tokenization=Tokenization.FIELD,
                index_filterable=True,
                index_searchable=False,
            )
            for known in PROPERTIES
        ],
        vector_config=Configure.Vectors.self_provided(
            vector_index_config=hnsw, quantizer=Configure.VectorIndex.Quantizer.none()
        ),
    )


def key(user_id: str, item_id: str) -> uuid.UUID:
    """The id of the object that stands for a user's item; no text holds a NUL."""
    return uuid.uuid5(_SPACE, f"{user_id}\0{item_id}")


def thing(entry: Entry) -> DataObject[dict[str, str], None]:
    """The object that stands for an item."""
    from weaviate.classes.data import DataObject

    filed = {
        "item_id": entry.id,
        "user_id": entry.user_id,
        "session_id": entry.session_id,
        "personality_name": entry.personality_name,
        "kind": entry.kind,
    }
    return DataObject(
        properties={name: _kept(value) for name, value in filed.items()},
        uuid=key(entry.user_id, entry.id),
        vector=entry.vector.tolist(),
    )


def item(found: Any) -> VectorItem:
    """The item of a fetched object."""
    filed = {name: told(found.properties.get(name) or "") for name in PROPERTIES}
    return VectorItem(
        id=filed["item_id"],
        user_id=filed["user_id"],
        session_id=filed["session_id"],
        personality_name=filed["personality_name"],
        kind=filed["kind"],
        vector=found.vector["default"],
    )


def condition(filters: Filters) -> Any:
    """The filter of a query, a count or a deletion."""
    from weaviate.classes.query import Filter

    (user,) = filters["user_id"]
    parts = []
    for name, values in filters.items():
        if name == "id":
            parts.append(Filter.by_id().contains_any([key(user, value) for value in values]))
        else:
            parts.append(Filter.by_property(name).equal(_kept(values[0])))
    return parts[0] if len(parts) == 1 else Filter.all_of(parts)


def told(value: str) -> str:
    """A kept value as it was given."""
    return value[1:-1]


def _kept(value: str) -> str:
    return f"[{value}]"
