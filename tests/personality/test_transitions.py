from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora.personality.model import PersonalityLevel
from luminora.personality.transitions import BAND, blend, level_at, segments

POINTS = st.floats(min_value=0, max_value=100)


def cut(*ranges):
    levels = [PersonalityLevel("abcdefgh"[i], *ends) for i, ends in enumerate(sorted(ranges))]
    return segments(levels)


def mixed(pieces, affinity):
    return [(level.name, round(share, 6)) for level, share in blend(pieces, affinity)]


@st.composite
def cuts(draw):
    ranges = draw(
        st.lists(
            st.tuples(st.integers(0, 100), st.integers(0, 100)).map(lambda x: tuple(sorted(x))),
            min_size=1,
            max_size=6,
            unique=True,
        )
    )
    return cut(*ranges)


def test_inside_a_level_it_counts_alone():
    pieces = cut((0, 20), (21, 40))
    assert mixed(pieces, 0) == [("a", 1.0)]
    assert mixed(pieces, 17) == [("a", 1.0)]
    assert mixed(pieces, 24) == [("b", 1.0)]


def test_between_two_levels_the_mix_is_linear():
    pieces = cut((0, 20), (21, 40))
    assert mixed(pieces, 20.5) == [("a", 0.5), ("b", 0.5)]
    assert mixed(pieces, 20) == [("a", round(4 / 7, 6)), ("b", round(3 / 7, 6))]


def test_a_touching_point_belongs_to_the_higher_level_and_mixes_halfway():
    pieces = cut((0, 20), (20, 40))
    assert level_at(pieces, 20).name == "b"
    assert mixed(pieces, 20) == [("a", 0.5), ("b", 0.5)]
    assert mixed(pieces, 20 - BAND / 2) == [("a", 1.0)]


def test_a_gap_is_bridged_over_its_whole_width():
    pieces = cut((0, 20), (60, 100))
    assert mixed(pieces, 40) == [("a", 0.5), ("b", 0.5)]
    assert [level_at(pieces, x).name for x in (39, 40, 41)] == ["a", "a", "b"]


def test_where_ranges_overlap_the_higher_counts():
    pieces = cut((0, 30), (20, 60))
    assert [level_at(pieces, x).name for x in (19.9, 20, 25, 30)] == ["a", "b", "b", "b"]
    assert mixed(pieces, 25) == [("b", 1.0)]


def test_a_level_inside_another_interrupts_it():
    pieces = cut((0, 100), (40, 60))
    assert [level_at(pieces, x).name for x in (39, 40, 50, 60, 61)] == ["a", "b", "b", "b", "a"]
    assert mixed(pieces, 80) == [("a", 1.0)]


def test_a_level_of_one_point_is_reached():
    pieces = cut((0, 100), (50, 50))
    assert level_at(pieces, 50).name == "b"
    assert mixed(pieces, 50) == [("b", 1.0)]
    assert mixed(pieces, 48.5) == [("a", 0.5), ("b", 0.5)]


def test_short_levels_are_not_swallowed_by_their_borders():
    pieces = cut((0, 49), (50, 51), (52, 100))
    assert mixed(pieces, 50.5) == [("b", 1.0)]


@pytest.mark.parametrize("affinity", [0, 5])
def test_beyond_the_outermost_level_it_counts_alone(affinity):
    assert mixed(cut((10, 90)), affinity) == [("a", 1.0)]


@given(cuts(), POINTS)
def test_weights_are_shares_of_one(pieces, affinity):
    shares = [share for _, share in blend(pieces, affinity)]
    assert all(0 <= share <= 1 for share in shares)
    assert sum(shares) == pytest.approx(1)


@given(cuts(), st.integers(0, 100))
def test_a_covered_point_belongs_to_the_highest_level_that_contains_it(pieces, affinity):
    level = level_at(pieces, affinity)
    inside = [x.level for x in pieces if x.level.low <= affinity <= x.level.high]
    if inside:
        assert (level.low, level.high) == max((x.low, x.high) for x in inside)


@given(cuts(), POINTS, st.floats(min_value=1e-6, max_value=0.5))
def test_a_small_step_moves_the_weights_a_little(pieces, affinity, small):
    # Whole-numbered ranges leave no zone shorter than half a point: no slope is steeper than 2.
    before, after = (
        {level.name: 0.0 for level in {piece.level for piece in pieces}} for _ in range(2)
    )
    for target, point in ((before, affinity), (after, affinity + small)):
        for level, share in blend(pieces, point):
            target[level.name] += share
    for name, share in before.items():
        assert abs(after[name] - share) <= 2 * small + 1e-9
