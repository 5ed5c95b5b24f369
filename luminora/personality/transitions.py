"""Where one relationship level ends and the next begins, and how the way between them is smoothed.

A level's range ``[low, high]`` is inclusive. Sorted by ``(low, high)``, a point covered by
several ranges belongs to the highest of them, which cuts the axis 0..100 into consecutive
segments with gaps where no range reaches. (Ranges written for whole points, 0-20 and 21-40, leave
a gap of one.)

Around the border between two segments, the last point ``e`` of the lower and the first point
``s`` of the higher one, lies a zone ``[e - a, s + b]`` with ``a = min(BAND / 2, half the lower
segment)`` and ``b`` likewise for the higher. Inside it the levels mix linearly,

    t = (x - (e - a)) / ((s + b) - (e - a)),    delta(x) = (1 - t) * lower + t * higher,

and outside every zone one level counts alone. Zones never overlap, since each takes at most half
of a segment; they bridge gaps of any width; and since ``t`` is 0 and 1 at their ends, the result
is continuous.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from luminora.personality.model import PersonalityLevel

BAND = 6.0
"""Width of the zone around a border without a gap, in points of affinity."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of affinity, ends included, that belongs to one level."""

    start: float
    end: float
    level: PersonalityLevel

    @property
    def reach(self) -> float:
        """How far a border zone extends into the segment, in points."""
        return min(BAND, self.end - self.start) / 2


def segments(levels: Sequence[PersonalityLevel]) -> tuple[Segment, ...]:
    """Cut the axis into ascending segments; ``levels`` are sorted by range and not empty."""
    ends = sorted({end for level in levels for end in (level.low, level.high)})
    pieces = [Segment(ends[0], ends[0], _owner(levels, ends[0]) or levels[0])]
    for left, right in pairwise(ends):
        inside, at = _owner(levels, (left + right) / 2), _owner(levels, right)
        if inside:
            _extend(pieces, Segment(left, right, inside))
        if at:
            _extend(pieces, Segment(right, right, at))
    return tuple(pieces)


def level_at(cut: Sequence[Segment], affinity: float) -> PersonalityLevel:
    """The level at a point; in a gap the nearer one, the lower one of two equally near."""
    inside = [piece for piece in cut if piece.start <= affinity <= piece.end]
    if inside:
        return max(inside, key=lambda piece: (piece.level.low, piece.level.high)).level
    return min(cut, key=lambda piece: max(piece.start - affinity, affinity - piece.end)).level


def blend(cut: Sequence[Segment], affinity: float) -> tuple[tuple[PersonalityLevel, float], ...]:
    """The levels in force at a point with their weights, which add up to 1."""
    for lower, higher in pairwise(cut):
        start, end = lower.end - lower.reach, higher.start + higher.reach
        if start < affinity < end:
            share = (affinity - start) / (end - start)
            return (lower.level, 1 - share), (higher.level, share)
    return ((level_at(cut, affinity), 1.0),)


def _owner(levels: Sequence[PersonalityLevel], point: float) -> PersonalityLevel | None:
    inside = [level for level in levels if level.low <= point <= level.high]
    return inside[-1] if inside else None


def _extend(pieces: list[Segment], piece: Segment) -> None:
    last = pieces[-1]
    if last.level == piece.level and last.end == piece.start:
        pieces[-1] = Segment(last.start, piece.end, last.level)
    else:
        pieces.append(piece)
