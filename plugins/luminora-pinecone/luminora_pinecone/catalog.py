"""The control plane: which index there is, how it is made, and how it goes."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from luminora.errors import (
    ConfigError,
    Conflict,
    InvalidRequest,
    PermissionRefused,
    ResourceNotFound,
    SchemaPending,
    StorageUnavailable,
)
from luminora_pinecone.link import Link

if TYPE_CHECKING:
    from pinecone import AsyncPinecone

T = TypeVar("T")

MODEL_TAG: Final = "luminora-model"
LAYOUT_TAG: Final = "luminora-namespaces"
_FIELD: Final = "_values"
"""The one field of an index that the vectors API serves (pinecone 10.2, API 2026-07)."""
_MAX_TAG: Final = 120


@dataclass(frozen=True, slots=True)
class Found:
    """An index that exists.

    Attributes:
        host: Where its data is asked for; None while it is being made.
        ready: Whether it takes requests.
        leaving: Whether it is being deleted.
        model_id: The embedding model, as :func:`tag_of` spells it.
        layout: ``"user"`` or ``"shared"``: how users are kept apart; None if nobody said.
    """

    name: str
    dimension: int
    metric: str
    host: str | None
    ready: bool = True
    leaving: bool = False
    model_id: str | None = None
    layout: str | None = None


class Catalog:
    """The indexes of one project."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._settings = link.settings

    @property
    def layout(self) -> str:
        """How this configuration keeps users apart."""
        return "user" if self._settings.namespace_per_user else "shared"

    async def find(self, name: str) -> Found | None:
        """The index of that name, or None.

        Raises:
            InvalidRequest: It is there but cannot hold vectors of ours.
        """
        try:
            described = await self._link.control(lambda client: client.indexes.describe(name))
        except ResourceNotFound:
            return None
        return self._found(described)

    async def make(self, name: str, dimension: int, model_id: str | None) -> Found:
        """Create the index and wait until it is ready.

        Raises:
            SchemaPending: The configuration does not want indexes to be made.
            StorageUnavailable: It was not ready in time.
        """
        settings = self._settings
        if not settings.create_index:
            raise SchemaPending(
                f"the index '{name}' does not exist, and create_index is false",
                where=settings.host,
                hint=f"create '{name}' with dimension {dimension} and metric cosine, "
                "or set create_index to true",
            )
        tags = {LAYOUT_TAG: self.layout}
        if model_id:
            tags[MODEL_TAG] = tag_of(model_id)
        field = {"type": "dense_vector", "dimension": dimension, "metric": "cosine"}
        deployment = {
            "deployment_type": "managed",
            "cloud": settings.cloud,
            "region": settings.region,
        }
        with suppress(Conflict):  # another process was quicker; whether it fits is seen next
            await self._link.control(
                lambda client: client.indexes.create(
                    name=name,
                    schema={"fields": {_FIELD: field}},
                    deployment=deployment,
                    tags=tags,
                    timeout=-1,
                )
            )
        return await self.ready(name)

    async def ready(self, name: str) -> Found:
        """The index, once it takes requests.

        Raises:
            StorageUnavailable: It did not within ``create_timeout_seconds``.
        """

        async def look() -> Found | None:
            found = await self.find(name)
            return found if found is not None and found.ready and found.host else None

        return await self._until(look, f"the index '{name}' is not ready")

    async def gone(self, name: str) -> None:
        """Wait until a deleted index is gone.

        Raises:
            StorageUnavailable: It was not within ``create_timeout_seconds``.
        """

        async def look() -> bool | None:
            return True if await self.find(name) is None else None

        await self._until(look, f"the deleted index '{name}' is still there")

    async def label(self, found: Found, model_id: str) -> None:
        """Write down whose vectors an index holds that nobody labelled.

        A key without the right leaves it unlabelled: the database's own lock knows as well.
        """
        tags = {LAYOUT_TAG: self.layout, MODEL_TAG: tag_of(model_id)}
        try:
            await self._link.control(lambda client: client.indexes.configure(found.name, tags=tags))
        except PermissionRefused:
            return

    async def remove(self, name: str) -> None:
        """Delete the index, if it is there, and wait until it is gone."""

        async def delete(client: AsyncPinecone) -> None:
            await client.indexes.delete(name, timeout=-1)

        try:
            await self._link.control(delete)
        except ResourceNotFound:
            return
        await self.gone(name)

    async def _until(self, look: Callable[[], Awaitable[T | None]], complaint: str) -> T:
        deadline, pause = time.monotonic() + self._settings.create_timeout, 0.1
        while (seen := await look()) is None:
            if time.monotonic() + pause > deadline:
                raise StorageUnavailable(
                    f"{complaint} after {self._settings.create_timeout:g} s",
                    where=self._settings.host,
                    hint="try again in a few minutes, or raise create_timeout_seconds",
                )
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)
        return seen

    def _found(self, model: Any) -> Found:
        """What the SDK's ``IndexModel`` says, checked."""
        fields = model.schema.fields.values()
        dense = [field for field in fields if getattr(field, "dimension", None) is not None]
        if len(dense) != 1:
            raise InvalidRequest(
                f"the index '{model.name}' has {len(dense)} fields of dense vectors, not one",
                provider="pinecone",
                where=self._settings.host,
                hint="choose another index_name: Luminora makes the index itself",
            )
        tags = model.tags or {}
        return Found(
            name=model.name,
            dimension=dense[0].dimension,
            metric=dense[0].metric,
            host=self._link.reachable(model.host) if model.host else None,
            ready=model.status.ready,
            leaving=model.status.state == "Terminating",
            model_id=tags.get(MODEL_TAG),
            layout=tags.get(LAYOUT_TAG),
        )

    def check(self, found: Found) -> None:
        """Refuse an index whose scores or whose filing are not ours.

        Raises:
            ConfigError: It was made otherwise than the configuration says.
        """
        if found.metric != "cosine":
            raise ConfigError(
                f"the index '{found.name}' compares by {found.metric}, not by cosine",
                where=self._settings.host,
                hint="choose another index_name",
            )
        if found.layout is not None and found.layout != self.layout:
            per_user = str(found.layout == "user").lower()
            raise ConfigError(
                f"the index '{found.name}' was filled with namespace_per_user: {per_user}",
                where=self._settings.host,
                hint=f"set namespace_per_user to {per_user}, or choose another index_name and "
                "run luminora reembed",
            )


def tag_of(model_id: str) -> str:
    """A model's name as a tag's value: itself, or a digest where Pinecone does not allow it.

    Values are up to 120 printable ASCII characters.
    """
    if len(model_id) <= _MAX_TAG and model_id.isascii() and model_id.isprintable():
        return model_id
    return f"sha256:{hashlib.sha256(model_id.encode()).hexdigest()}"
