"""One transaction on one connection, tried until nobody stood in its way."""

from __future__ import annotations

import asyncio
import random
from asyncio import AbstractEventLoop, Lock
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final
from weakref import WeakKeyDictionary, WeakValueDictionary

from redis.exceptions import RedisError

from luminora.errors import Conflict, InputError, StorageUnavailable
from luminora_redis.connection import Command, Link
from luminora_redis.effects import effects_of
from luminora_redis.errors import translate
from luminora_redis.layout import FORMAT, Layout
from luminora_redis.reading import Reader, together
from luminora_redis.writing import Draft, Plan, Unread, View, foreseen, watch

_PAUSE_SECONDS: Final = 0.0005
_LONGEST_PAUSE: Final = 0.05
_MANY_USERS: Final = 64
"""Beyond so many users a transaction does not queue up behind each: it takes its chance."""


class Transactor:
    """Does transactions.

    Args:
        layout: Where things lie.
        where: The server, for errors.
        fsync_ms: How long to wait until a write is on the server's disk (``WAITAOF``); None for
            what ``appendfsync`` says.
    """

    def __init__(self, layout: Layout, where: str, *, fsync_ms: int | None = None) -> None:
        self._layout = layout
        self._where = where
        self._fsync_ms = fsync_ms
        self._reader = Reader(layout)
        self._stamped = False
        self._locks: WeakKeyDictionary[AbstractEventLoop, WeakValueDictionary[str, Lock]] = (
            WeakKeyDictionary()
        )

    async def run(
        self, link: Link, plans: Sequence[Plan], extra: Sequence[Command] = ()
    ) -> list[int]:
        """Do them all or none; how many rows each touched.

        Args:
            link: A connection that nobody else uses meanwhile.
            plans: The operations.
            extra: Commands to be carried out with them.

        Raises:
            Conflict, InputError: Nothing was written.
            StorageError: What the server said.
        """
        pause = _PAUSE_SECONDS
        while (touched := await self._attempt(link, plans, extra)) is None:
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - jitter
            pause = min(pause * 2, _LONGEST_PAUSE)
        return touched

    @asynccontextmanager
    async def turn(self, plans: Iterable[Plan]) -> AsyncIterator[None]:
        """Wait for this process' earlier transactions of the same users.

        They would get in each other's way and start over; transactions of other processes do.
        """
        users = {plan.place[1] if plan.row else plan.user for plan in plans}
        if None in users or len(users) > _MANY_USERS:
            yield
            return
        locks = self._locks.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
        async with AsyncExitStack() as stack:
            for user in sorted(filter(None, users)):
                lock = locks.get(user)
                if lock is None:
                    lock = locks[user] = Lock()
                await stack.enter_async_context(lock)
            yield

    async def _attempt(
        self, link: Link, plans: Sequence[Plan], extra: Sequence[Command]
    ) -> list[int] | None:
        """What the operations touched; None if somebody wrote to what they rest on."""
        failure: Conflict | InputError | None = None
        touched: list[int] = []
        commands: list[Command] = []
        try:
            view = View(self._layout, self._reader)
            needs = foreseen(view, plans)
            while needs:
                keys = view.news([key for need in needs for key in need.watched])
                reads = [watch(keys), *(need.read for need in needs)]
                await together(link, reads, self._where)
                needs = []
                draft = Draft(self._layout, view)
                try:
                    touched = [draft.apply(number, plan) for number, plan in enumerate(plans)]
                    commands = effects_of(self._layout, view, draft)
                except Unread as need:
                    needs = [need]
                except (Conflict, InputError) as error:
                    failure = error
        except BaseException:
            link.abandon()
            raise
        if not await self._executed(link, [*commands, *extra] if failure is None else []):
            return None
        if failure is not None:  # it holds: nothing it rests on has changed
            raise failure
        return touched

    async def _executed(self, link: Link, commands: list[Command]) -> bool:
        """Whether the commands were carried out: all of them, if nothing watched was written to."""
        if commands and not self._stamped:
            commands = [*commands, ("SET", self._layout.format_key, FORMAT, "NX")]
        round_ = [("MULTI",), *commands, ("EXEC",)]
        waits = bool(commands) and self._fsync_ms is not None
        if waits:
            round_.append(("WAITAOF", 1, 0, self._fsync_ms))
        answers = await link.round(round_)
        outcome = answers[len(commands) + 1]
        for answer in [*answers, *(outcome if isinstance(outcome, list) else [])]:
            if isinstance(answer, RedisError):
                raise translate(answer, self._where)
        if outcome is None:
            return False
        self._stamped = self._stamped or bool(commands)
        if waits:
            _on_disk(answers[-1], self._where)
        return True


def _on_disk(answer: Any, where: str) -> None:
    if not answer or answer[0] < 1:
        raise StorageUnavailable(
            "the transaction was carried out, but is not known to be on the server's disk",
            where=where,
            hint="repeat it with the same ids, or look at appendfsync and the disk",
        )
