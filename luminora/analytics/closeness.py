"""Affinity over time, from the log of its changes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from luminora.analytics.cast import Cast
from luminora.analytics.figures import Curve, CurvePoint
from luminora.analytics.period import Period
from luminora.memory.affinity import points_at
from luminora.personality import PersonalityTree
from luminora.providers import EVERY_USER, Row, StorageProvider, Where

MOST_POINTS = 400
_PAGE = 500


async def curves(
    storage: StorageProvider,
    user_id: str | None,
    personality: str | None,
    period: Period,
    now: datetime,
    cast: Cast,
) -> Sequence[Curve]:
    """How close they became, by personality.

    Args:
        storage: Where the log is.
        user_id: Whose; None for the average of all users.
        personality: With whom; None for everybody.
        period: What the points are of.
        now: What is dated later is left out of the points.
        cast: Says how silence lets affinity fade.
    """
    scope = EVERY_USER if user_id is None else user_id
    where = {} if personality is None else {"personality_name": personality}
    standings: dict[str, _Standing] = {}
    async for rows in storage.pages("user_affinity", scope, where, size=_PAGE):
        for row in rows:
            name = row["personality_name"]
            if name not in standings:
                standings[name] = _Standing(await cast.named(name), now)
            standings[name].add(row)
    if user_id is None:
        return await _averages(storage, standings, where, period, now)
    return [
        await _of_one(storage, user_id, name, standing, period, now)
        for name, standing in sorted(standings.items())
    ]


class _Standing:
    """Where the pairs of one personality stand now, and when each of them met.

    Attributes:
        stored: The sum of points before silence since the last exchange; ``points`` after it.
    """

    def __init__(self, tree: PersonalityTree | None, now: datetime) -> None:
        self._tree, self._now = tree, now
        self.pairs = self.stored = self.points = 0
        self.levels: Counter[str] = Counter()
        self.met: Counter[date] = Counter()

    def add(self, row: Row) -> None:
        points, level = row["affinity_points"], row["current_level"]
        self.stored += points
        if self._tree is not None:
            points = points_at(row, self._tree.personality.affinity.decay, self._now)
            level = self._tree.level_for(points).name
        self.pairs += 1
        self.points += points
        self.levels[level] += 1
        self.met[row["created_at"].date()] += 1

    def curve(self, name: str, line: _Line, period: Period, gained: int, lost: int) -> Curve:
        if self.points != self.stored and self._now in period:
            line.add(CurvePoint(self._now, self.points / self.pairs))
        return Curve(
            personality=name,
            points=line.points(),
            pairs=self.pairs,
            now=self.points / self.pairs,
            levels=dict(self.levels.most_common()),
            gained=gained,
            lost=lost,
        )


class _Line:
    """A curve of any length in few points: every other one is let go of when they are too many."""

    def __init__(self) -> None:
        self._points: list[CurvePoint] = []
        self._last: CurvePoint | None = None
        self._every = 1
        self._count = 0

    def add(self, point: CurvePoint) -> None:
        self._last = point
        if self._count % self._every == 0:
            self._points.append(point)
        self._count += 1
        if len(self._points) >= MOST_POINTS:
            del self._points[1::2]
            self._every *= 2

    def points(self) -> list[CurvePoint]:
        last = self._last
        if last is None or self._points[-1] is last:
            return self._points
        return [*self._points, last]


async def _of_one(
    storage: StorageProvider,
    user_id: str,
    name: str,
    standing: _Standing,
    period: Period,
    now: datetime,
) -> Curve:
    line, gained, lost = _Line(), 0, 0
    where = {"personality_name": name, **period.where("created_at")}
    after: Row | None = None
    while rows := await storage.find(
        "affinity_events", user_id, where, order=("created_at",), limit=_PAGE, after=after
    ):
        for row in rows:
            if not period.holds(row, "created_at"):
                continue
            gained, lost = gained + max(row["points"], 0), lost + max(-row["points"], 0)
            if row["created_at"] <= now:
                line.add(CurvePoint(row["created_at"], row["points_after"]))
        after = rows[-1]
    return standing.curve(name, line, period, gained, lost)


async def _averages(
    storage: StorageProvider,
    standings: Mapping[str, _Standing],
    where: Where,
    period: Period,
    now: datetime,
) -> list[Curve]:
    moves: dict[str, _Moves] = defaultdict(_Moves)
    async for rows in storage.pages("affinity_events", EVERY_USER, where, size=_PAGE):
        for row in rows:
            moves[row["personality_name"]].add(row, period)
    return [
        standing.curve(
            name,
            _average(standing, moves[name], period, now),
            period,
            moves[name].gained,
            moves[name].lost,
        )
        for name, standing in sorted(standings.items())
    ]


class _Moves:
    """By how much all pairs of a personality together changed, day by day."""

    def __init__(self) -> None:
        self.by_day: Counter[date] = Counter()
        self.gained = self.lost = 0

    def add(self, row: Row, period: Period) -> None:
        self.by_day[row["created_at"].date()] += row["points"]
        if period.holds(row, "created_at"):
            self.gained += max(row["points"], 0)
            self.lost += max(-row["points"], 0)


def _average(standing: _Standing, moves: _Moves, period: Period, now: datetime) -> _Line:
    """Points of all pairs at the end of each day, by those who had met by then.

    The sum is reckoned back from the present by the changes logged since, so that points which no
    event tells of (they came with an import) count from the beginning.
    """
    line, pairs = _Line(), 0
    total = standing.stored - moves.by_day.total()
    for day in sorted(moves.by_day.keys() | standing.met.keys()):
        total, pairs = total + moves.by_day[day], pairs + standing.met[day]
        start = datetime.combine(day, time(), UTC)
        if start > now:
            break
        end = start + timedelta(days=1)
        if pairs and period.meets(start, end):
            line.add(CurvePoint(min(end, now), total / pairs))
    return line
