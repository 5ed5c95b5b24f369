"""Order that survives a clock set back."""

from __future__ import annotations

from datetime import UTC, datetime
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


def microseconds(moment: datetime) -> int:
    """``moment`` as microseconds since 1970."""
    return round(moment.timestamp() * 1_000_000)
