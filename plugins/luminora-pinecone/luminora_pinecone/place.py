"""One index: looked for once, remembered, asked; looked for again when something does not fit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from luminora.errors import (
    ConfigError,
    InvalidRequest,
    LuminoraError,
    ResourceNotFound,
    SchemaPending,
    StorageUnavailable,
)
from luminora.providers.vectors import mismatch
from luminora_pinecone.catalog import Catalog, Found
from luminora_pinecone.link import Link

if TYPE_CHECKING:
    from pinecone import AsyncIndex

T = TypeVar("T")
Call = Callable[["AsyncIndex"], Awaitable[T]]


class Place:
    """An index by its name, or by its host where the configuration gives one.

    Attributes:
        title: What Pinecone calls it.
        known: What was found last; None to look again.
    """

    def __init__(self, link: Link, title: str, host: str | None) -> None:
        self.title = title
        self.host = host
        self.link = link
        self.catalog = Catalog(link)
        self.known: Found | None = None

    async def look(self) -> Found | None:
        """The index, if there is one."""
        if self.known is None:
            if self.host is None:
                self.known = await self.catalog.find(self.title)
            else:
                self.known = await self._at_host(self.host)
        return self.known

    async def made(self, dimension: int, model_id: str | None) -> Found:
        """The index, created now if there is none, and ready."""
        self.known = None
        found = await self.look()
        if found is not None and found.leaving:
            await self.catalog.gone(self.title)
            found = None
        if found is None:
            found = await self.catalog.make(self.title, dimension, model_id)
        elif not found.ready:
            found = await self.catalog.ready(self.title)
        self.fit(found, dimension)
        return found

    async def remove(self) -> None:
        """Delete the index.

        Raises:
            ConfigError: The host is not that of the index of this name.
        """
        self.known = None
        if self.host is not None:
            named = await self.catalog.find(self.title)
            if named is None or named.host != self.link.reachable(self.host):
                raise ConfigError(
                    f"index_host is not the host of '{self.title}': nothing was deleted",
                    where=self.link.settings.host,
                    hint="set index_name to the name of the index at index_host",
                )
        await self.catalog.remove(self.title)

    def fit(self, found: Found, *lengths: int) -> None:
        """Refuse an index that is made otherwise, and vectors that are longer or shorter.

        Raises:
            ConfigError: It compares or files otherwise than the configuration says.
            DimensionMismatch: A vector has another length.
        """
        self.catalog.check(found)
        for length in sorted(lengths):
            if length != found.dimension:
                raise mismatch(found.dimension, length, self.title)

    async def ask(self, call: Call[T], *lengths: int) -> T | None:
        """Ask the index one thing; None if there is no index.

        Args:
            call: What to ask.
            lengths: Of the vectors in it.
        """
        answers = await self._each([call], lengths)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
            return answer
        return None

    async def gather(self, calls: list[Call[T]]) -> list[T]:
        """Ask the index several things; no answers if there is no index."""
        answers = await self._each(calls) if calls else []
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [answer for answer in answers if not isinstance(answer, BaseException)]

    async def write(self, calls: list[Call[int]], lengths: set[int], total: int) -> None:
        """Send several portions of vectors, each call telling how many it was.

        Raises:
            SchemaPending: There is no index.
            LuminoraError: The first that failed; it says how many of ``total`` were taken.
        """
        answers = await self._each(calls, tuple(lengths))
        if not answers:
            raise SchemaPending(
                "the vector index does not exist yet", where=self.title, hint="luminora migrate"
            )
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        if not failed:
            return
        if len(answers) > 1 and isinstance(failed[0], LuminoraError):
            taken = sum(answer for answer in answers if isinstance(answer, int))
            failed[
                0
            ].message += (
                f"; {taken} of {total} vectors had been taken, and sending all again is safe"
            )
        raise failed[0]

    async def _each(
        self, calls: list[Call[T]], lengths: tuple[int, ...] = ()
    ) -> list[T | BaseException]:
        """Every answer or error; asked again if the index may have become another meanwhile."""
        while True:
            remembered = self.known is not None
            found = await self.look()
            if found is None or found.leaving:
                self.known = None
                return []
            self.fit(found, *lengths)
            if not found.ready or found.host is None:
                found = self.known = await self.catalog.ready(self.title)
            answers = await self.link.each(found.host or "", calls)
            if any(isinstance(answer, StorageUnavailable) for answer in answers):
                self.known = None
            stale = any(isinstance(answer, ResourceNotFound | InvalidRequest) for answer in answers)
            if not (stale and remembered):
                return answers
            self.known = None

    async def _at_host(self, host: str) -> Found:
        """The index at a given host, as far as its statistics tell."""
        stats = await self.link.data(host, lambda index: index.describe_index_stats())
        if stats.dimension is None:
            raise InvalidRequest(
                "the index at index_host is not one of dense vectors",
                provider="pinecone",
                where=host,
            )
        return Found(
            name=self.title,
            dimension=stats.dimension,
            metric=stats.metric or "cosine",
            host=self.link.reachable(host),
        )
