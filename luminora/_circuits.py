"""What keeps a gateway from leaning on a provider that is down, busy or too dear.

Clocks are monotonic seconds, given in, so that nothing here waits or looks at a watch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

from luminora.errors import QuotaExceeded
from luminora.providers import Usage


@dataclass(slots=True)
class Breaker:
    """Leaves a provider alone after failures in a row; then lets one request try it again.

    Attributes:
        failures: In a row, after which it opens.
        cool_seconds: Before a probe is let through.
    """

    failures: int = 5
    cool_seconds: float = 30.0
    _row: int = field(default=0, init=False)
    _until: float | None = field(default=None, init=False)
    _probing: bool = field(default=False, init=False)

    def admits(self, now: float) -> bool:
        """Whether a request may go out; the one that probes has to report how it went."""
        if self._until is None:
            return True
        if now < self._until or self._probing:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """Close it."""
        self._row, self._until, self._probing = 0, None, False

    def failed(self, now: float) -> None:
        """Count a failure that says something about the provider rather than about the request."""
        self._row += 1
        if self._probing or self._row >= self.failures:
            self._until = now + self.cool_seconds
        self._probing = False

    def abandoned(self) -> None:
        """The request was given up before its outcome was known."""
        self._probing = False

    def ready_in(self, now: float) -> float:
        """Seconds until it lets a request through; 0 while it is closed."""
        return 0.0 if self._until is None else max(0.0, self._until - now)

    def state(self, now: float) -> str:
        """``closed``, ``open`` or ``half-open``."""
        if self._until is None:
            return "closed"
        return "open" if now < self._until else "half-open"


class Limiter:
    """Bounds the requests under way at once, and those begun within a minute.

    Args:
        concurrency: At once; None for any number.
        per_minute: Begun in any sixty seconds; None for any number.
    """

    def __init__(self, concurrency: int | None = None, per_minute: int | None = None) -> None:
        self._gate = asyncio.Semaphore(concurrency) if concurrency else None
        self._per_minute = per_minute
        self._begun: deque[float] = deque()

    def wait_for(self, now: float) -> float:
        """Seconds until the rate lets another request begin."""
        if self._per_minute is None:
            return 0.0
        while self._begun and self._begun[0] <= now - 60.0:
            self._begun.popleft()
        if len(self._begun) < self._per_minute:
            return 0.0
        return self._begun[0] + 60.0 - now

    async def enter(self, now: float) -> None:
        """Take a place, waiting for one to become free."""
        if self._gate is not None:
            await self._gate.acquire()
        if self._per_minute is not None:
            self._begun.append(now)

    def leave(self) -> None:
        """Give the place back."""
        if self._gate is not None:
            self._gate.release()


@dataclass(slots=True)
class Budget:
    """What may be spent in a day (UTC), by this process.

    Attributes:
        usd_per_day: US dollars, as far as prices are known; None for any amount.
        tokens_per_day: Tokens of prompts and answers; None for any number.
    """

    usd_per_day: float | None = None
    tokens_per_day: int | None = None
    spent_usd: float = field(default=0.0, init=False)
    spent_tokens: int = field(default=0, init=False)
    _day: object = field(default=None, init=False)

    def check(self) -> None:
        """Refuse to spend more than is left.

        Raises:
            QuotaExceeded: The day's budget is used up.
        """
        self._turn()
        for spent, most, unit in (
            (self.spent_usd, self.usd_per_day, "US dollars"),
            (self.spent_tokens, self.tokens_per_day, "tokens"),
        ):
            if most is not None and spent >= most:
                raise QuotaExceeded(
                    f"the budget of {most:g} {unit} a day is used up",
                    provider="gateway",
                    hint="raise 'budget' in the gateway's config, or wait for the next day (UTC)",
                )

    def spend(self, usage: Usage) -> None:
        """Take note of what a call used."""
        self._turn()
        self.spent_tokens += usage.total_tokens
        self.spent_usd += usage.cost or 0.0

    def _turn(self) -> None:
        today = datetime.now(UTC).date()
        if today != self._day:
            self._day, self.spent_usd, self.spent_tokens = today, 0.0, 0
