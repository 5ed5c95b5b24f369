"""Order that survives a clock set back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import time_ns


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


class Sequence:
    """Numbers that order messages: microseconds of the wall clock, never lower than one seen.

    A hybrid logical clock (Kulkarni et al., 2014, without the counter): while the clock stands
    still or goes back, the number grows by one.
    """

    def __init__(self) -> None:
        self._last = 0

    def observe(self, number: int) -> None:
        """Take note of a number read from the database."""
        self._last = max(self._last, number)

    def next(self) -> int:
        """A number higher than all seen."""
        self._last = max(time_ns() // 1000, self._last + 1)
        return self._last


TICK = timedelta(microseconds=1)
_DISORDER = timedelta(days=1)


def in_order(said: datetime, last: datetime | None) -> datetime:
    """The moment of what was said, but behind ``last``, what was learned from before it.

    Messages that are said at once are learned from in any order; a log of them shall still run
    forward. Where ``last`` is more than a day ahead, a clock was wrong, and ``said`` stands.
    """
    if last is None or last - said >= _DISORDER:
        return said
    return max(said, last + 2 * TICK)


def microseconds(moment: datetime) -> int:
    """``moment`` as microseconds since 1970."""
    return round(moment.timestamp() * 1_000_000)
