"""One collection, looked for once, remembered and asked; and the writes that take several."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from luminora.errors import (
    InvalidRequest,
    LuminoraError,
    ResourceNotFound,
    SchemaPending,
    StorageUnavailable,
)
from luminora.providers.vectors import Entry, Filters, mismatch
from luminora_weaviate import collection
from luminora_weaviate.collection import Meta
from luminora_weaviate.link import Link

if TYPE_CHECKING:
    from weaviate.collections.collection import CollectionAsync

T = TypeVar("T")
Properties = dict[str, Any]
Call = Callable[["CollectionAsync[Properties, None]"], Coroutine[Any, Any, T]]

PORTION: Final = 500
"""Objects of one insertion, and ids of one question: a few megabytes."""
_SMALL: Final = 1_000
"""A deletion of fewer objects than this was not cut short by the server's limit."""


class Place:
    """A collection by its name.

    Attributes:
        title: What Weaviate calls it.
        known: What was found last; None to look again.
    """

    def __init__(self, link: Link, title: str) -> None:
        self.link = link
        self.title = title
        self.known: Meta | None = None

    async def look(self, *, fresh: bool = False) -> Meta | None:
        """What the collection says of itself; None if there is none.

        Args:
            fresh: Whether to ask even if it is remembered.

        Raises:
            ConfigError: It is not one of ours.
        """
        if fresh or self.known is None:
            self.known = await self.link.run(lambda client: collection.find(client, self.title))
        return self.known

    async def made(self, wanted: Meta) -> Meta:
        """The collection, created now if there is none.

        Raises:
            ConfigError: There is one that is not ours.
            DimensionMismatch: Its vectors have another dimension.
        """
        found = await self.look(fresh=True)
        if found is None:
            try:
                await self.link.run(
                    lambda client: collection.create(client, self.title, wanted), write=True
                )
            except InvalidRequest:  # another process may have been quicker
                if await self.look(fresh=True) is None:
                    raise
            found = await self.look(fresh=True)
        if found is None:
            raise StorageUnavailable(
                "the collection was created and is not there", where=self.title, hint="try again"
            )
        self.fit(found, wanted.dimension)
        return found

    async def describe_as(self, meta: Meta) -> None:
        """Write down whose vectors the collection holds."""
        await self._use(lambda held: held.config.update(description=meta.text()), write=True)
        self.known = meta

    async def remove(self) -> None:
        """Delete the collection, if there is one."""
        if await self.look(fresh=True) is not None:
            self.known = None
            await self.link.run(lambda client: client.collections.delete(self.title), write=True)

    def fit(self, found: Meta, *lengths: int) -> None:
        """Refuse vectors that are longer or shorter than the collection's.

        Raises:
            DimensionMismatch: They are.
        """
        for length in sorted(lengths):
            if length != found.dimension:
                raise mismatch(found.dimension, length, self.title)

    async def ask(self, call: Call[T], *lengths: int, write: bool = False) -> T | None:
        """Ask the collection something; None if there is no collection.

        What does not fit is asked again after a second look: somebody may have replaced the
        collection since the first.

        Args:
            call: What to ask; it may be called more than once.
            lengths: Of the vectors in it.
            write: Whether it writes.
        """
        while True:
            remembered = self.known is not None
            found = await self.look()
            if found is None:
                return None
            self.fit(found, *lengths)
            try:
                return await self._use(call, write=write)
            except (InvalidRequest, ResourceNotFound):
                self.known = None
                if not remembered and await self.look() is not None:
                    raise

    async def count(self, filters: Filters | None) -> int:
        """How many objects match; all of them without filters."""
        wanted = None if filters is None else collection.condition(filters)
        answer = await self.ask(lambda held: held.aggregate.over_all(filters=wanted))
        return (answer.total_count or 0) if answer is not None else 0

    async def insert(self, entries: Sequence[Entry]) -> None:
        """Put objects in, replacing those of the same id; all or none of them.

        Raises:
            SchemaPending: There is no collection.
            InvalidRequest: Weaviate refused some; what it took was deleted again.
            StorageUnavailable: It stopped answering; the message says what became of the rest.
        """
        # Asked every time: into a collection that is gone, Weaviate would put the objects all the
        # same, by making one of its own design.
        found = await self.look(fresh=True)
        if found is None:
            raise SchemaPending(
                "the vector index does not exist yet", where=self.title, hint="luminora migrate"
            )
        self.fit(found, *{len(entry.vector) for entry in entries})
        sent: list[Entry] = []
        try:
            for portion in portions(entries):
                sent += portion
                await self._put(portion)
        except LuminoraError as error:
            if len(entries) > 1:
                error.message += f"; {await self._undone(sent, error)}"
            raise

    async def delete(self, filters: Mapping[str, Sequence[str]]) -> int:
        """Delete what matches and say how many.

        Weaviate deletes up to ``QUERY_MAXIMUM_RESULTS`` objects at once, 10,000 unless it was
        changed, so it is asked until none is left.
        """
        wanted, deleted = collection.condition(filters), 0
        while True:
            answer = await self.ask(lambda held: held.data.delete_many(where=wanted), write=True)
            if answer is None:
                return deleted
            deleted += answer.successful
            if answer.failed:
                raise StorageUnavailable(
                    f"{deleted} vectors were deleted, {answer.failed} could not be",
                    where=self.title,
                    hint="delete again",
                )
            if answer.matches <= answer.successful < _SMALL or not answer.successful:
                return deleted

    async def _put(self, entries: Sequence[Entry]) -> None:
        things = [collection.thing(entry) for entry in entries]
        answer = await self._use(lambda held: held.data.insert_many(things), write=True)
        if answer.errors:
            why = next(iter(answer.errors.values())).message
            raise InvalidRequest(
                f"Weaviate refused {len(answer.errors)} of {len(entries)} vectors: {why}",
                provider="weaviate",
                where=self.title,
            )

    async def _undone(self, entries: Sequence[Entry], why: LuminoraError) -> str:
        """Delete what was put in a moment ago; what became of it, in words.

        Not from a server that has stopped answering: it might delete much later, when the same
        items have long been stored again.
        """
        unclear = "some of its vectors may be stored: the same upsert again completes them"
        if isinstance(why, StorageUnavailable):
            return unclear
        try:
            await self._take_out(entries)
        except LuminoraError:
            return unclear
        return "none of its vectors is stored, and those they replaced are gone"

    async def _take_out(self, entries: Sequence[Entry]) -> None:
        owners: dict[str, list[str]] = {}
        for entry in entries:
            owners.setdefault(entry.user_id, []).append(entry.id)
        for user, ids in owners.items():
            for portion in portions(ids):
                await self.delete({"user_id": [user], "id": portion})

    async def _use(self, call: Call[T], *, write: bool = False) -> T:
        return await self.link.run(
            lambda client: call(client.collections.use(self.title)), write=write
        )


def portions(values: Sequence[T]) -> list[Sequence[T]]:
    """``values`` in pieces of at most :data:`PORTION`."""
    return [values[start : start + PORTION] for start in range(0, len(values), PORTION)]
