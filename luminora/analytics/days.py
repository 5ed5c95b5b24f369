"""What each day brought, gathered from several collections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from luminora.analytics.figures import Day


@dataclass(slots=True)
class DayTally:
    """A day being counted."""

    user_messages: int = 0
    replies: int = 0
    users: int = 0
    mood: float = 0.0
    classified: int = 0
    facts: int = 0
    tokens: int = 0
    cost: float | None = None


class Days:
    """The days on which something happened, up to the present.

    Args:
        now: What is dated later is counted, but on no day: a clock was wrong, and a chart to the
            year 9999 would show nothing else.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._days: dict[date, DayTally] = {}
        self._nowhere = DayTally()

    def at(self, moment: datetime) -> DayTally:
        """The day of a moment, to be counted on."""
        if moment > self._now:
            return self._nowhere
        return self.on(moment.date())

    def on(self, day: date) -> DayTally:
        """A day, to be counted on."""
        return self._days.setdefault(day, DayTally())

    def told(self) -> Sequence[Day]:
        """All of them in order."""
        return [
            Day(
                date=day,
                user_messages=tally.user_messages,
                replies=tally.replies,
                users=tally.users,
                sentiment=tally.mood / tally.classified if tally.classified else None,
                classified=tally.classified,
                facts=tally.facts,
                tokens=tally.tokens,
                cost=tally.cost,
            )
            for day, tally in sorted(self._days.items())
        ]
