"""Reads a storage and says what it adds up to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from datetime import date
from typing import Any

from luminora.analytics.cast import Cast
from luminora.analytics.closeness import curves
from luminora.analytics.days import Days
from luminora.analytics.figures import Messages, Report, Sentiment, Usage
from luminora.analytics.learned import facts
from luminora.analytics.period import Period
from luminora.analytics.talk import Talk
from luminora.memory.clock import now
from luminora.memory.personas import Personas
from luminora.memory.validate import checked_id
from luminora.providers import EVERY_USER, Find, Is, Row, Scope, StorageProvider

_PAGE = 500
_AT_ONCE = 8
_NAMED = 5


class Analytics:
    """Figures of one user, one personality or everybody: ``client.analytics``.

    Everything is read once, in pages, several conversations at a time; what is held in memory
    grows with days and users and not with messages.

    ``since`` and ``until`` are moments, the latter excluded (without a time zone: UTC), or dates,
    both included.

    Args:
        storage: What is read; nothing is written.
        personas: Where personalities are found, which say how moods and affinity fade.
        ready: Opens the storage if it is not open yet.
    """

    def __init__(
        self,
        storage: StorageProvider,
        personas: Personas,
        ready: Callable[[], Awaitable[None]],
    ) -> None:
        self._storage = storage
        self._personas = personas
        self._ready = ready

    async def user(
        self,
        user_id: str,
        *,
        since: date | None = None,
        until: date | None = None,
        personality: str | None = None,
    ) -> Report:
        """One user's figures, with every personality or with one.

        Raises:
            InputError: The user id or the period cannot be used.
            StorageError: The storage cannot be read.
        """
        return await self._report(
            checked_id(user_id, "user_id"), personality, Period.of(since, until)
        )

    async def personality(
        self, name: str, *, since: date | None = None, until: date | None = None
    ) -> Report:
        """One personality's figures, with all users together: for maintenance, not for users.

        Raises:
            InputError: The name or the period cannot be used.
            StorageError: The storage cannot be read.
        """
        return await self._report(None, checked_id(name, "name"), Period.of(since, until))

    async def overall(self, *, since: date | None = None, until: date | None = None) -> Report:
        """Everybody's figures: for maintenance, not for users.

        Raises:
            InputError: The period cannot be used.
            StorageError: The storage cannot be read.
        """
        return await self._report(None, None, Period.of(since, until))

    async def _report(self, user_id: str | None, personality: str | None, period: Period) -> Report:
        await self._ready()
        scope: Scope = EVERY_USER if user_id is None else user_id
        moment = now()
        cast = Cast(self._storage, scope, self._personas)
        days = Days(moment)
        talk = Talk(period, days, moment)
        _, affinity, learned = await _together(
            _listen(self._storage, scope, personality, talk, cast),
            curves(self._storage, user_id, personality, period, moment, cast),
            facts(self._storage, scope, personality, period, days),
        )
        messages, sentiment, usage = talk.messages(), talk.sentiment(), talk.spending.usage()
        return Report(
            user_id=user_id,
            personality=personality,
            since=period.since,
            until=period.until,
            made_at=moment,
            users=talk.users,
            messages=messages,
            days=days.told(),
            sentiment=sentiment,
            moods=talk.moods(),
            topics=talk.topics.topics(),
            affinity=affinity,
            facts=learned,
            engagement=talk.engagement(),
            usage=usage,
            gaps=list(_gaps(talk, cast, messages, sentiment, usage)),
        )


async def _listen(
    storage: StorageProvider, scope: Scope, personality: str | None, talk: Talk, cast: Cast
) -> None:
    """Hear all conversations, user by user."""
    async for sessions in _sessions(storage, scope, personality):
        ids = [session["session_id"] for session in sessions]
        found = await storage.find("session_moods", scope, {"session_id": Is("in", ids)})
        moods = {row["session_id"]: row for row in found}
        await _together(
            *(_hear(storage, one, moods.get(one["session_id"]), talk, cast) for one in sessions)
        )
        talk.settle(sessions[-1]["user_id"])
    talk.settle()


async def _sessions(
    storage: StorageProvider, scope: Scope, personality: str | None
) -> AsyncIterator[list[Row]]:
    """All sessions, those of one user in a row, as many at a time as are read at once."""
    where = {} if personality is None else {"personality_name": personality}
    after: Row | None = None
    while rows := await storage.find(
        "sessions", scope, where, order=("user_id",), limit=_PAGE, after=after
    ):
        for start in range(0, len(rows), _AT_ONCE):
            yield rows[start : start + _AT_ONCE]
        if len(rows) < _PAGE:
            return
        after = rows[-1]


async def _hear(
    storage: StorageProvider, session: Row, mood: Row | None, talk: Talk, cast: Cast
) -> None:
    """One conversation from its beginning, each page with what its messages were classified as."""
    user_id = session["user_id"]
    where = {"session_id": session["session_id"], **talk.period.where("timestamp")}
    tree = cast.of(session) if mood else None
    conversation = talk.conversation(user_id, mood, tree.personality if tree else None)

    def page(after: Row | None) -> Find:
        return Find("messages", user_id, where, order=("seq",), limit=_PAGE, after=after)

    rows: list[Row] = (await storage.read([page(None)]))[0]
    while rows:
        asked = [row["id"] for row in rows if row["speaker"] == "user"]
        found, following = await storage.read(
            [
                Find("memory_classifications", user_id, {"message_id": Is("in", asked)}),
                page(rows[-1]),
            ]
        )
        classified = {row["message_id"]: row for row in found}
        for row in rows:
            conversation.add(row, classified.get(row["id"]))
        rows = following
    conversation.close()


async def _together(*works: Coroutine[Any, Any, Any]) -> list[Any]:
    """What all of them answer; the first failure ends the others and is raised as it is."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _gaps(
    talk: Talk, cast: Cast, messages: Messages, sentiment: Sentiment, usage: Usage
) -> Iterator[str]:
    """What the figures leave out, and why."""
    if not messages.total:
        yield "no messages: nobody has talked in this scope and period"
    if sentiment.unclassified:
        part = _of(sentiment.unclassified, messages.user, "messages of users")
        yield (
            f"sentiment and categories leave out {part}, which were imported or whose analysis "
            "is due or failed"
        )
    if talk.moodless:
        part = _of(talk.moodless, messages.assistant, "replies")
        yield f"moods leave out {part}, which are older than the mood changes that are kept"
    if usage.unrecorded:
        part = _of(usage.unrecorded, messages.assistant, "replies")
        yield f"tokens leave out {part}, whose provider did not say how many it took"
    if usage.unpriced:
        part = _of(usage.unpriced, usage.calls, "model calls")
        yield f"cost leaves out {part}, the price of whose model is not known"
    if talk.future:
        part = _of(talk.future, messages.total, "messages")
        yield f"{part} are dated in the future: they count, but in nothing told by day or hour"
    if cast.gone:
        names = ", ".join(sorted(cast.gone)[:_NAMED])
        yield (
            f"moods and affinity are as they were last stored where the personality cannot be "
            f"found any more: {names}{', …' if len(cast.gone) > _NAMED else ''}"
        )
    if not talk.topics.exact:
        yield "rare words were let go of while counting topics: there are too many different ones"


def _of(part: int, whole: int, what: str) -> str:
    return f"{part:,} of {whole:,} {what}"
