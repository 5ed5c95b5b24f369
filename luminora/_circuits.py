"""What keeps a gateway from leaning on a provider that is down, busy or too dear.

Clocks are monotonic seconds, given in: nothing here looks at a watch, but for the day of a budget.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from luminora.providers import Usage

_MINUTE = 60.0
_FREE = nullcontext()
_LONGEST_REST = 3600.0
"""Seconds that a provider is left alone at most, whatever it asks for."""


class Permit:
    """Leave to send one request; its holder reports, once, how the request went."""

    __slots__ = ("_breaker",)

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker

    @property
    def holds(self) -> bool:
        """Whether the breaker has not opened since."""
        return self._breaker.until is None or self._breaker.probe is self

    def succeeded(self) -> None:
        """The provider works: close the breaker, unless this request is from before it opened."""
        breaker = self._breaker
        if breaker.probe is self or breaker.until is None:
            breaker.row, breaker.until, breaker.probe = 0, None, None

    def failed(self, now: float, *, rest: float | None = None, at_once: bool = False) -> None:
        """Count a failure that says something about the provider rather than about the request.

        Args:
            now: Monotonic seconds.
            rest: Seconds the provider asked to be left alone; it is, from now on.
            at_once: Open after this one failure: the next could not end otherwise.
        """
        breaker = self._breaker
        if breaker.probe is not self and breaker.until is not None:
            return  # it was sent before the breaker opened, and tells nothing new
        breaker.row += 1
        if breaker.probe is self or at_once or rest or breaker.row >= breaker.failures:
            breaker.until = now + min(rest or breaker.cool_seconds, _LONGEST_REST)
        breaker.probe = None

    def abandoned(self) -> None:
        """The request says nothing about the provider: given up, or itself at fault."""
        if self._breaker.probe is self:
            self._breaker.probe = None


@dataclass(slots=True)
class Breaker:
    """Leaves a provider alone after failures in a row; then lets one request try it again.

    Attributes:
        failures: In a row, after which it opens.
        cool_seconds: Before the one that tries is let through.
        row: Failures so far.
        until: When it may be tried again; None while it is closed.
        probe: The one that is trying.
    """

    failures: int = 5
    cool_seconds: float = 30.0
    row: int = field(default=0, init=False)
    until: float | None = field(default=None, init=False)
    probe: Permit | None = field(default=None, init=False)

    def admit(self, now: float) -> Permit | None:
        """Leave for one request, or None."""
        if self.until is None:
            return Permit(self)
        if now < self.until or self.probe is not None:
            return None
        self.probe = Permit(self)
        return self.probe

    def ready_in(self, now: float) -> float:
        """Seconds until it lets a request through; 0 while it is closed."""
        return 0.0 if self.until is None else max(0.0, self.until - now)

    def state(self, now: float) -> str:
        """``closed``, ``open`` or ``half-open``."""
        if self.until is None:
            return "closed"
        return "open" if now < self.until else "half-open"


class Limiter:
    """Bounds the requests under way at once, and those begun within a minute.

    Args:
        concurrency: At once; None for any number.
        per_minute: Begun in any sixty seconds; None for any number.
    """

    def __init__(self, concurrency: int | None = None, per_minute: int | None = None) -> None:
        self._concurrency = concurrency
        self._per_minute = per_minute
        self._gate: asyncio.Semaphore | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begun: deque[float] = deque()

    def wait_for(self, now: float) -> float:
        """Seconds until the rate lets another request begin."""
        if self._per_minute is None:
            return 0.0
        while self._begun and self._begun[0] <= now - _MINUTE:
            self._begun.popleft()
        if len(self._begun) < self._per_minute:
            return 0.0
        return max(0.0, self._begun[-self._per_minute] + _MINUTE - now)

    def book(self, moment: float) -> None:
        """Take the place of a request that begins then; nobody else can have it."""
        if self._per_minute is not None:
            self._begun.append(moment)

    def unbook(self, moment: float) -> None:
        """It did not begin after all."""
        if moment in self._begun:
            self._begun.remove(moment)

    def place(self) -> AbstractAsyncContextManager[None]:
        """A place among those under way; waits for one to become free."""
        return _FREE if self._concurrency is None else self._gated(self._concurrency)

    @asynccontextmanager
    async def _gated(self, places: int) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        if self._gate is None or self._loop is not loop:  # a semaphore belongs to one loop
            self._gate, self._loop = asyncio.Semaphore(places), loop
        async with self._gate:
            yield


@dataclass(slots=True)
class Budget:
    """What may be spent in a day (UTC), by this process.

    Requests that are under way when the budget runs out still count on top of it.

    Attributes:
        usd_per_day: US dollars, as far as prices are known; None for any amount.
        tokens_per_day: Tokens of prompts and answers; None for any number.
    """

    usd_per_day: float | None = None
    tokens_per_day: int | None = None
    spent_usd: float = field(default=0.0, init=False)
    spent_tokens: int = field(default=0, init=False)
    _day: date | None = field(default=None, init=False)

    def exceeded(self) -> str | None:
        """What is used up, or None."""
        if self.usd_per_day is None and self.tokens_per_day is None:
            return None
        self._turn()
        for spent, most, unit in (
            (self.spent_usd, self.usd_per_day, "US dollars"),
            (self.spent_tokens, self.tokens_per_day, "tokens"),
        ):
            if most is not None and spent >= most:
                return f"the budget of {most:g} {unit} a day is used up"
        return None

    def spend(self, usage: Usage) -> None:
        """Take note of what a call used."""
        self._turn()
        self.spent_tokens += usage.total_tokens
        self.spent_usd += usage.cost or 0.0

    @staticmethod
    def renewed_in() -> float:
        """Seconds until the next day."""
        now = datetime.now(UTC)
        tomorrow = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
        return (tomorrow - now).total_seconds()

    def _turn(self) -> None:
        today = datetime.now(UTC).date()
        if today != self._day:
            self._day, self.spent_usd, self.spent_tokens = today, 0.0, 0
