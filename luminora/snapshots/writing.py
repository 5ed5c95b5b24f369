"""The rows of a snapshot on their way into a storage: batch by batch, under a journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from itertools import islice
from threading import Lock
from typing import Any, Final

from luminora.errors import SnapshotInvalid
from luminora.providers import Insert, Row, StorageProvider, Write
from luminora.snapshots.examine import Contents, entries
from luminora.snapshots.export import PAGE, Progress
from luminora.snapshots.files import Source
from luminora.snapshots.identity import Identity
from luminora.snapshots.journal import Journal
from luminora.snapshots.lines import FOOTER, HEADER, PERSONAS, VECTORS
from luminora.snapshots.rows import row_of

_LATE: Final = ("user_affinity", "sessions")
"""Written last, so that nobody speaks in a conversation that is only half there."""


class Writing:
    """The writing of one snapshot.

    Args:
        storage: Where it goes.
        source: The snapshot.
        contents: What was found in it when it was looked through.
        identity: Gives its rows their new names.

    Attributes:
        written: Rows by collection.
        kept: Rows by collection that were there already, or that another stands for.
    """

    def __init__(
        self,
        storage: StorageProvider,
        source: Source,
        contents: Contents,
        identity: Identity,
    ) -> None:
        self._storage = storage
        self._source = source
        self._contents = contents
        self._identity = identity
        self._user = identity.user_id
        self.written: dict[str, int] = {}
        self.kept: dict[str, int] = {}
        self._journal = Journal(storage, self._user, identity.prefix)

    async def done_already(self) -> bool:
        """Whether the snapshot is there: its sessions are written last."""
        own = {"session_id": self._identity.latest}
        begun = await self._journal.begun()
        return not begun and await self._storage.count("sessions", self._user, own) > 0

    async def run(self, speaking: Callable[[Row], Row], tell: Progress) -> None:
        """Write it all, or nothing.

        Args:
            speaking: Gives a session the persona it speaks with.
            tell: Told how far it has come.
        """
        await self._journal.begin()
        try:
            late = await self._write_most(tell)
            late["sessions"] = [speaking(row) for row in late["sessions"]]
            rows = [(name, row) for name in late for row in late[name]]
            for start in range(0, len(rows), PAGE):
                last = start + PAGE >= len(rows)
                await self._write(rows[start : start + PAGE], last=last)
        except BaseException:
            await self._journal.undo()
            raise

    async def _write_most(self, tell: Progress) -> dict[str, list[Row]]:
        """Write everything but what comes last, which is returned."""
        late: dict[str, list[Row]] = {name: [] for name in _LATE}
        met = await self._met()
        total, footer = sum(self._contents.info.counts.values()), None
        owner = self._contents.info.header["user_id"]
        async with aclosing(pages(entries(self._source))) as lots:
            async for page in lots:
                rows: list[tuple[str, Row]] = []
                for number, name, value in page:
                    if name == FOOTER:
                        footer = value
                    if name in {HEADER, PERSONAS, VECTORS, FOOTER}:
                        continue
                    row = self._identity.row(name, row_of(name, value, owner))
                    if row is None:
                        self._count(self.kept, name)
                    elif name in _LATE:
                        late[name].append(row)
                    elif name == "affinity_events" and row["personality_name"] in met:
                        self._count(self.kept, name)
                    else:
                        rows.append((name, row))
                    tell(number, max(total, number), "Importing")
                if rows:
                    await self._write(rows)
        if footer is None or footer["sha256"] != self._contents.info.sha256:
            raise SnapshotInvalid("it changed while it was imported", where=self._source.name)
        return late

    async def _met(self) -> set[str]:
        """The personalities that the user is acquainted with already; that stays as it is."""
        rows = await self._storage.find("user_affinity", self._user)
        return {
            row["personality_name"]
            for row in rows
            if not row["id"].startswith(self._identity.prefix)
        }

    async def _write(self, rows: Sequence[tuple[str, Row]], *, last: bool = False) -> None:
        writes: list[Write] = [
            Insert(name, self._user, row, ignore_conflict=True) for name, row in rows
        ]
        counts = await self._journal.write(writes, last=last)
        for (name, _), count in zip(rows, counts, strict=True):
            self._count(self.written if count else self.kept, name)

    @staticmethod
    def _count(counts: dict[str, int], name: str) -> None:
        counts[name] = counts.get(name, 0) + 1


async def pages(found: Iterator[Any]) -> AsyncGenerator[list[Any], None]:
    """The items of a blocking iterator, some at a time, each lot read in a thread."""
    busy = Lock()  # who is cancelled leaves a thread at it

    def some() -> list[Any]:
        with busy:
            return list(islice(found, PAGE))

    def close() -> None:
        with busy:
            getattr(found, "close", int)()

    try:
        while page := await asyncio.to_thread(some):
            yield page
    finally:
        await asyncio.to_thread(close)
