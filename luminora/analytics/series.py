"""Days put together into as many marks as a chart has room for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta

from luminora.analytics.figures import Day

_WIDTHS = (1, 7, 28, 91, 364, 3_640, 36_400, 364_000)


def binned(days: Sequence[Day], most: int = 60) -> tuple[int, list[Day]]:
    """Stretches of time without gaps, at most ``most`` of them, and the days that each has.

    A stretch is told as a :class:`Day` of its first date: sums, the weighted mean of sentiment,
    and the most users of one day.
    """
    if not days:
        return 1, []
    first, last = days[0].date, days[-1].date
    width = next(width for width in _WIDTHS if (last - first).days // width < most)
    groups: list[list[Day]] = [[] for _ in range((last - first).days // width + 1)]
    for day in days:
        groups[(day.date - first).days // width].append(day)
    # the year 9999 has no day after it, and a first date never lies beyond the last
    starts = [first + timedelta(days=width * place) for place in range(len(groups))]
    return width, [_together(*pair) for pair in zip(starts, groups, strict=True)]


def _together(start: date, days: Sequence[Day]) -> Day:
    classified = sum(day.classified for day in days)
    feeling = math.fsum((day.sentiment or 0.0) * day.classified for day in days)
    costs = [day.cost for day in days if day.cost is not None]
    return Day(
        date=start,
        user_messages=sum(day.user_messages for day in days),
        replies=sum(day.replies for day in days),
        users=max((day.users for day in days), default=0),
        sentiment=feeling / classified if classified else None,
        classified=classified,
        facts=sum(day.facts for day in days),
        tokens=sum(day.tokens for day in days),
        cost=math.fsum(costs) if costs else None,
    )
