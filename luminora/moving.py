"""Moving house: everything that one stack remembers, copied to any other.

Rows travel collection by collection and page by page. What the other side has already, equal, is
not written again, so a copy that was interrupted is continued by running it once more, and a copy
of a running application is brought up to date the same way. Vectors travel with their messages
where both sides embed with the same model; elsewhere they are made anew. At the end both sides are
read once more and compared, row by row, by checksum.

Not copied: the ledger of migrations and the register of vector indexes, which describe a database
rather than what it remembers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from luminora.errors import Conflict, LuminoraError
from luminora.memory.indexes import PENDING, Marks
from luminora.providers import (
    COLLECTIONS,
    EVERY_USER,
    Find,
    Is,
    Row,
    StorageProvider,
    Upsert,
    VectorItem,
)
from luminora.providers.sql import json_text
from luminora.snapshots.rows import plain_row

if TYPE_CHECKING:
    from luminora.client import LuminoraCoreClient
    from luminora.memory.semantic import SemanticIndex

MOVED: Final = tuple(name for name, one in COLLECTIONS.items() if one.per_user)
"""What is copied, in an order in which it can be read half-way."""

_PAGE: Final = 400
_MANY_USERS: Final = 40
"""With more users on a page than this, the other side is asked for all of them at once."""

Progress = Callable[[int, int, str], None]
"""Called with the rows dealt with, the rows there are, and what is being done."""


@dataclass(slots=True)
class Tally:
    """One collection's part in a copy.

    Attributes:
        rows: Rows the source has.
        written: Rows that were absent or different on the other side.
        checksum: Of the source's rows, in hexadecimal; independent of their order.
    """

    rows: int = 0
    written: int = 0
    checksum: str = ""


@dataclass(slots=True)
class Report:
    """What a copy did.

    Attributes:
        collections: A tally by collection.
        vectors: Vectors that were copied.
        embedded: Messages whose vectors were made anew.
    """

    collections: dict[str, Tally] = field(default_factory=dict)
    vectors: int = 0
    embedded: int = 0


class CopyDiffers(LuminoraError):
    """After copying, the two sides are not equal; running the copy again brings them closer.

    Args:
        differences: By collection, the number of rows that differ or are absent.
    """

    def __init__(self, differences: Mapping[str, int]) -> None:
        told = ", ".join(f"{count} of {name}" for name, count in differences.items())
        super().__init__(
            f"the copy is not equal to its source: {told} differ",
            hint="somebody wrote to one of them meanwhile: stop the application, or run the same "
            "command again, which copies only what differs",
        )
        self.differences = dict(differences)


class Move:
    """Copies what one client's stack remembers into another's.

    Both clients are opened when needed; whoever made them closes them.
    """

    def __init__(self, source: LuminoraCoreClient, target: LuminoraCoreClient) -> None:
        self._source = source
        self._target = target

    async def run(self, on_progress: Progress | None = None) -> Report:
        """Copy, index and verify.

        Raises:
            Conflict: A row stands in the way on the other side.
            CopyDiffers: The sides are not equal afterwards.
            StorageError, ProviderError: One side failed; what was copied stays.
        """
        await self._source.open()
        await self._target.open()
        tell = on_progress or (lambda _done, _total, _what: None)
        origin, copy = self._source.storage, self._target.storage
        vectors = await _Vectors.between(self._source.index, self._target.index)
        report = Report()
        for name in MOVED:
            total = await origin.count(name, EVERY_USER)
            tally = report.collections[name] = Tally()
            async for page in origin.pages(name, EVERY_USER, size=_PAGE):
                wanted = vectors.carried(page) if name == "messages" else page
                tally.rows += len(page)
                tally.written += await _write(copy, name, wanted, vectors)
                tell(tally.rows, max(total, tally.rows), f"Copying {name}")
        report.vectors = vectors.copied
        report.embedded = await self._embed(tell)
        await self._verify(report, tell)
        return report

    async def _embed(self, tell: Progress) -> int:
        waiting = await self._target.storage.count(
            "messages", EVERY_USER, {"embedding_state": PENDING}
        )
        if not waiting:
            return 0
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            tell(done, max(waiting, done), "Embedding messages")

        return await self._target.index.catch_up(on_progress=advance)

    async def _verify(self, report: Report, tell: Progress) -> None:
        origin, copy = self._source.storage, self._target.storage
        differences = {}
        for name in MOVED:
            total, seen, different, checksum = report.collections[name].rows, 0, 0, 0
            async for page in origin.pages(name, EVERY_USER, size=_PAGE):
                there = await _held(copy, name, page)
                for row in page:
                    mine = _digest(name, row)
                    checksum ^= mine
                    twin = there.get(_key(name, row))
                    different += twin is None or _digest(name, twin) != mine
                seen += len(page)
                tell(seen, max(total, seen), f"Verifying {name}")
            report.collections[name].checksum = f"{checksum:064x}"
            if different:
                differences[name] = different
        if differences:
            raise CopyDiffers(differences)


class _Vectors:
    """Takes the vectors of a page of messages along, where both sides speak of the same space."""

    def __init__(self, source: SemanticIndex, target: SemanticIndex, *, same: bool) -> None:
        self._source = source
        self._target = target
        self._same = same
        self._held = Marks.of(source.name)
        self._marks = Marks.of(target.name)
        self.copied = 0

    @classmethod
    async def between(cls, source: SemanticIndex, target: SemanticIndex) -> _Vectors:
        """Made for two indexes, of which the target's is locked to its model by this.

        Raises:
            DimensionMismatch: The target's index belongs to another model than its configuration.
        """
        await target.ensure()
        await source.verify()
        held, wanted = await source.vectors.describe(), target.embedding.provider
        same = (held.dimension, source.embedding.provider.model_id) == (
            wanted.dimension,
            wanted.model_id,
        )
        return cls(source, target, same=same)

    def carried(self, page: Sequence[Row]) -> list[Row]:
        """The rows as the target shall have them: under its own marks, or waiting."""
        return [{**row, "embedding_state": self._state(row)} for row in page]

    def _state(self, row: Row) -> str:
        if not self._same:
            return PENDING
        marks = {self._held.done: self._marks.done, self._held.skipped: self._marks.skipped}
        return marks.get(row["embedding_state"], PENDING)

    async def bring(self, rows: Sequence[Row]) -> list[Row]:
        """Copy the vectors of these rows; those without one are to wait for the index."""
        done = [row for row in rows if row["embedding_state"] == self._marks.done]
        by_user: dict[str, list[str]] = {}
        for row in done:
            by_user.setdefault(row["user_id"], []).append(row["id"])
        items: list[VectorItem] = []
        for user, ids in by_user.items():
            items += await self._source.vectors.fetch(user, ids)
        if items:
            await self._target.vectors.upsert(items)
        self.copied += len(items)
        brought = {item.id for item in items}
        return [
            row
            if row["embedding_state"] != self._marks.done or row["id"] in brought
            else {**row, "embedding_state": PENDING}
            for row in rows
        ]


async def _write(copy: StorageProvider, name: str, page: Sequence[Row], vectors: _Vectors) -> int:
    """Write the rows that the other side lacks or has otherwise; how many those were."""
    there = await _held(copy, name, page)
    fresh = [row for row in page if not _same(name, row, there.get(_key(name, row)))]
    if not fresh:
        return 0
    if name == "messages":
        fresh = await vectors.bring(fresh)
    try:
        await copy.transaction([Upsert(name, row["user_id"], row) for row in fresh])
    except Conflict as error:
        raise Conflict(
            f"a row of '{name}' stands in the way of one that is to be copied: {error.message}",
            where=copy.name,
            hint="copy into an empty database, or one that only this source was copied into",
        ) from error
    return len(fresh)


async def _held(copy: StorageProvider, name: str, page: Sequence[Row]) -> dict[str, Row]:
    """The rows of the same keys on the other side."""
    (key,) = COLLECTIONS[name].key
    by_user: dict[str, list[str]] = {}
    for row in page:
        by_user.setdefault(row["user_id"], []).append(row[key])
    if len(by_user) > _MANY_USERS:
        ids = [row[key] for row in page]
        queries = [Find(name, EVERY_USER, {key: Is("in", ids)})]
    else:
        queries = [Find(name, user, {key: Is("in", ids)}) for user, ids in by_user.items()]
    found = await copy.read(queries)
    return {_key(name, row): row for rows in found for row in rows}


def _key(name: str, row: Row) -> str:
    return str(row[COLLECTIONS[name].key[0]])


def _same(name: str, row: Row, there: Row | None) -> bool:
    if there is None or (name == "messages" and _waits(row, there)):
        return False
    return _digest(name, row) == _digest(name, there)


def _waits(row: Row, there: Row) -> bool:
    """Whether the row's vector can be brought and has not been."""
    return bool(there["embedding_state"] == PENDING and row["embedding_state"] != PENDING)


def _digest(name: str, row: Row) -> int:
    """256 bits that stand for the row; which index holds a message is not part of it."""
    known = plain_row(name, row)
    if name == "messages":
        del known["embedding_state"]
    text = json_text(dict(sorted(known.items())))
    return int.from_bytes(blake2b(text.encode(), digest_size=32).digest())
