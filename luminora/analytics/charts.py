"""The geometry of charts, in a plane 1000 wide and 100 high with y growing downwards.

A page stretches the plane to whatever room there is; nothing in it is text, which would be
stretched too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from luminora.analytics import wording
from luminora.analytics.figures import Topic

WIDTH, HEIGHT = 1000.0, 100.0
_WIDEST = 64.0  # a single column is no wall
_FAINTEST = 0.8  # what is not nothing is seen


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a column, the ``part``-th from 1."""

    part: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, what it says, where it stands, and the parts stacked in it."""

    name: str
    text: str
    x: float
    boxes: Sequence[Box]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A column chart.

    Attributes:
        id: Names it within the page.
        labels: What the parts of its columns are.
        top: What its height stands for.
        width: Of each column, and ``room`` of its place.
        ticks: Names for the axis.
    """

    id: str
    title: str
    labels: Sequence[str]
    columns: Sequence[Column]
    top: str
    width: float
    room: float
    ticks: Sequence[str]


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a line and what it says."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line chart.

    Attributes:
        marks: Names of the heights, from the top down.
        base: The y from which the area under (or over) the line is filled.
    """

    id: str
    title: str
    points: Sequence[Point]
    marks: Sequence[str]
    ticks: Sequence[str]
    base: float = HEIGHT

    @property
    def path(self) -> str:
        """The line, as SVG writes it."""
        return "M" + "L".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)

    @property
    def area(self) -> str:
        """What lies between the line and the base."""
        first, last = self.points[0].x, self.points[-1].x
        return f"{self.path}L{last:.1f},{self.base:.1f}L{first:.1f},{self.base:.1f}Z"


@dataclass(frozen=True, slots=True)
class Bar:
    """A row with a bar, ``length`` percent of the longest there can be."""

    name: str
    length: float
    text: str


def columns(
    name: str, title: str, labels: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]]
) -> Columns:
    """A chart with a column for each row of ``(name, numbers)``, one number for each label."""
    top = _round_up(max((sum(numbers) for _, numbers in rows), default=0))
    room = WIDTH / max(len(rows), 1)
    width = min(room * 0.78, _WIDEST)
    return Columns(
        id=name,
        title=title,
        labels=labels,
        columns=[
            Column(
                name=row,
                text=", ".join(f"{n:,} {label}" for n, label in zip(numbers, labels, strict=True)),
                x=(place + 0.5) * room - width / 2,
                boxes=_stacked(numbers, top),
            )
            for place, (row, numbers) in enumerate(rows)
        ],
        top=f"{top:,}",
        width=width,
        room=room,
        ticks=ticks([row for row, _ in rows]),
    )


def _stacked(numbers: Sequence[int], top: int) -> list[Box]:
    boxes, y = [], HEIGHT
    for part, number in enumerate(numbers, start=1):
        if number:
            height = max(number * HEIGHT / top, _FAINTEST)
            y -= height
            boxes.append(Box(part, y, height))
    return boxes


def _round_up(number: int) -> int:
    """The next number that reads well on an axis: 1, 2 or 5 and as many zeros as it takes."""
    power = 1
    while True:
        for step in (1, 2, 5):
            if step * power >= number:
                return step * power
        power *= 10


def parts(rows: Sequence[tuple[str, int]]) -> list[Bar]:
    """Each row's part of all; nothing if all is nothing."""
    total = sum(many for _, many in rows)
    return [
        Bar(name, 100 * many / total, f"{many:,} · {wording.share(many / total)}")
        for name, many in rows
        if total
    ]


def ranked(topics: Sequence[Topic]) -> list[Bar]:
    """Each topic beside the most frequent one."""
    most = max((topic.count for topic in topics), default=1)
    return [Bar(topic.text, 100 * topic.count / most, f"{topic.count:,}") for topic in topics]


def middle(place: int, count: int) -> float:
    """The x in the middle of the ``place``-th of ``count`` columns, from 0."""
    return (place + 0.5) * WIDTH / count


def ticks(names: Sequence[str]) -> list[str]:
    """Names for an axis: the first, the one in the middle and the last."""
    if len(names) <= 2:  # noqa: PLR2004 - there is no middle
        return list(dict.fromkeys(names))
    return [names[0], names[math.ceil(len(names) / 2) - 1], names[-1]]
