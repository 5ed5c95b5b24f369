"""Loading an existing conversation: stored, searchable by words and by meaning, no replies made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from luminora.errors import InputError
from luminora.memory.clock import Sequence, microseconds, now
from luminora.memory.conversation import blank_message
from luminora.memory.models import ImportReport, Session
from luminora.memory.semantic import SemanticIndex
from luminora.memory.validate import checked_text
from luminora.providers import Row, StorageProvider, Update, Write

ROLES = ("user", "assistant", "system")
BATCH = 512
_MAX_SPEAKERS = 100

Item = Mapping[str, Any]


class Importer:
    """Loads messages into a session."""

    def __init__(self, storage: StorageProvider, index: SemanticIndex, order: Sequence) -> None:
        self._storage = storage
        self._index = index
        self._order = order

    async def load(
        self,
        session: Session,
        items: Iterable[Item] | AsyncIterable[Item],
        *,
        max_chars: int,
    ) -> tuple[ImportReport, Session]:
        """Store the items in their order; the report, and the session with its speakers' names.

        Batch after batch: while one batch is being indexed, the next is read and stored.

        Raises:
            InputError: An item cannot be used. It and its batch are not stored; the message says
                which item it is and how many before it are.
        """
        await self._index.verify()
        reader = _Reader(session, self._order, max_chars)
        report = ImportReport()
        indexing: asyncio.Task[int] | None = None
        try:
            async for rows in _batches(items, reader):
                fresh = await self._store(session, rows, reader.speakers)
                report = replace(
                    report,
                    imported=report.imported + len(fresh),
                    skipped=report.skipped + len(rows) - len(fresh),
                    pending=report.pending + (await indexing if indexing else 0),
                )
                indexing = asyncio.create_task(self._index_rows(session.user_id, fresh))
        finally:
            left = await indexing if indexing else 0
        metadata = {**session.metadata, "speakers": reader.speakers}
        return replace(report, pending=report.pending + left), replace(session, metadata=metadata)

    async def _store(self, session: Session, rows: list[Row], speakers: list[str]) -> list[Row]:
        writes: list[Write] = self._storage.message_writes(session.user_id, rows)
        if speakers != list(session.speakers):
            metadata = {**session.metadata, "speakers": speakers}
            own = {"session_id": session.session_id}
            writes.append(Update("sessions", session.user_id, own, set={"metadata": metadata}))
        stored = await self._storage.transaction(writes)
        return [row for row, count in zip(rows, stored, strict=False) if count]

    async def _index_rows(self, user_id: str, rows: list[Row]) -> int:
        """Index one batch; how many messages of it stay pending."""
        if not rows:
            return 0
        marks = await self._index.try_add(user_id, rows)
        await self._storage.transaction(marks)
        return 0 if marks else len(rows)


class _Reader:
    """Turns items into rows, in order, remembering who spoke."""

    def __init__(self, session: Session, order: Sequence, max_chars: int) -> None:
        self._session = session
        self._order = order
        self._max_chars = max_chars
        self._seq = 0
        self.count = 0
        self.speakers = list(session.speakers)

    def row(self, item: Item) -> Row:
        """One item as a row of ``messages``."""
        self.count += 1
        where = f"item {self.count}"
        if not isinstance(item, Mapping):
            raise InputError(f"expected an object, found {type(item).__name__}", where=where)
        role = item.get("role")
        if role not in ROLES:
            raise InputError(
                f"role is {role!r}", where=where, hint=f"use one of {', '.join(ROLES)}"
            )
        speaker = _short(item.get("speaker"), f"{where}, speaker")
        if speaker and speaker not in self.speakers and len(self.speakers) < _MAX_SPEAKERS:
            self.speakers.append(speaker)
        external = item.get("id")
        moment = _moment(item.get("timestamp"), where)
        return {
            **blank_message(self._session),
            "id": self._identity(_short(external, f"{where}, id")),
            "speaker": role,
            "speaker_name": speaker,
            "content": checked_text(item.get("content"), self._max_chars, f"{where}, content"),
            "timestamp": moment or now(),
            "seq": self._next(moment),
            "external_id": _short(external, f"{where}, id"),
        }

    def _identity(self, external: str | None) -> str:
        if external is None:
            return uuid4().hex
        return uuid5(NAMESPACE_URL, f"luminora:import:{self._session.session_id}\n{external}").hex

    def _next(self, moment: datetime | None) -> int:
        """Order by time where times are given, and always after the item before."""
        seq = self._order.next() if moment is None else microseconds(moment)
        self._seq = max(seq, self._seq + 1)
        return self._seq


async def _batches(
    items: Iterable[Item] | AsyncIterable[Item], reader: _Reader
) -> AsyncIterator[list[Row]]:
    rows: list[Row] = []
    async for item in _each(items):
        rows.append(reader.row(item))
        if len(rows) == BATCH:
            yield rows
            rows = []
    if rows:
        yield rows


async def _each(items: Iterable[Item] | AsyncIterable[Item]) -> AsyncIterator[Item]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


def _short(value: Any, where: str) -> str | None:
    """An id or a name: text, or a number as text; at most 255 characters."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return checked_text(value, 255, where)


def _moment(value: Any, where: str) -> datetime | None:
    """A time given as a datetime, ISO 8601 text, or seconds since 1970; UTC unless it says."""
    try:
        match value:
            case None:
                return None
            case datetime():
                moment = value
            case str():
                moment = datetime.fromisoformat(value.strip())
            case bool():
                raise ValueError("a boolean")  # noqa: TRY301 - joins the other failures
            case int() | float():
                moment = datetime.fromtimestamp(value, UTC)
            case _:
                raise TypeError(type(value).__name__)  # noqa: TRY301
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise InputError(
            f"timestamp {value!r:.60} is not a time: {error}",
            where=where,
            hint="use ISO 8601 such as 2026-11-20T13:30:00Z, or seconds since 1970",
        ) from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
