from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora.errors import InputError, PersonalityInvalid
from luminora.personality import PersonalityLibrary, PersonalityTree
from luminora.personality.tree import CACHE_SIZE

ANYTHING = st.floats(allow_nan=False, allow_infinity=False)
TREES = {name: PersonalityTree(PersonalityLibrary().load(name)) for name in ("sakura", "cassian")}


def test_a_tree_grows_from_json(plain):
    tree = PersonalityTree.from_json(plain)
    assert tree.personality.name == "Plain"
    assert tree.compile(affinity=45, mood="shy").mood == "shy"
    with pytest.raises(PersonalityInvalid):
        PersonalityTree.from_json({})


@pytest.mark.parametrize(
    ("affinity", "level"),
    [
        (-50, "stranger"),
        (0, "stranger"),
        (20, "stranger"),
        (21, "acquaintance"),
        (45, "friend"),
        (80, "close_friend"),
        (100, "soulmate"),
        (1e9, "soulmate"),
    ],
)
def test_affinity_is_clamped_and_finds_its_level(sakura, affinity, level):
    assert sakura.level_for(affinity).name == level
    assert sakura.compile(affinity).level == level


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_refused(sakura, value):
    with pytest.raises(InputError, match="affinity"):
        sakura.compile(value)
    with pytest.raises(InputError, match="mood_intensity"):
        sakura.compile(50, "shy", value)


def test_level_then_mood_are_added_and_each_step_is_clamped(with_ranges):
    document = with_ranges((0, 100, 0.8))
    document["mood_config"] = {
        "moods": {"low": {"modifiers": {"advanced_parameters": {"humor": -0.3}}}}
    }
    tree = PersonalityTree.from_json(document)
    assert tree.parameters(50)["humor"] == 1.0
    assert tree.parameters(50, "low")["humor"] == 0.7
    assert tree.parameters(50, "low", 0.5)["humor"] == 0.85


def test_a_parameter_nobody_mentions_is_left_out_and_own_ones_come_last(with_ranges):
    document = with_ranges((0, 100, 0))
    document["advanced_parameters"] |= {"zeal": 0.1, "awe": 0.9, "verbosity": 0.2}
    moods = {"odd": {"modifiers": {"advanced_parameters": {"calm": 0.25}}}}
    tree = PersonalityTree.from_json({**document, "mood_config": {"moods": moods}})
    assert tree.parameters(50) == {
        "verbosity": 0.2,
        "humor": 0.5,
        "awe": 0.9,
        "calm": 0.5,
        "zeal": 0.1,
    }
    assert tree.parameters(50, "odd")["calm"] == 0.75


def test_gaps_are_interpolated(with_ranges):
    tree = PersonalityTree.from_json(with_ranges((0, 20, -0.4), (60, 100, 0.4)))
    assert tree.parameters(40)["humor"] == 0.5
    assert tree.parameters(0)["humor"] == 0.1
    assert tree.parameters(100)["humor"] == 0.9


def test_overlaps_go_to_the_higher_level(with_ranges):
    tree = PersonalityTree.from_json(with_ranges((0, 50, -0.4), (30, 100, 0.4)))
    assert tree.level_for(40).name == "b"
    assert tree.parameters(40)["humor"] == 0.9


def test_a_mood_the_persona_lacks_counts_as_neutral(sakura):
    assert sakura.compile(45, "seasick") is sakura.compile(45, "neutral")


def test_a_mood_that_is_not_felt_changes_no_parameter(sakura):
    assert sakura.parameters(45, "shy", 0) == sakura.parameters(45, "neutral")


@given(st.sampled_from(sorted(TREES)), ANYTHING, st.sampled_from(["neutral", "shy"]), ANYTHING)
def test_parameters_always_stay_between_0_and_1(name, affinity, mood, intensity):
    values = TREES[name].parameters(affinity, mood, intensity)
    assert all(0 <= value <= 1 for value in values.values())


@given(
    st.sampled_from(sorted(TREES)),
    st.floats(min_value=0, max_value=100),
    st.floats(min_value=0, max_value=0.1),
)
def test_parameters_do_not_jump(name, affinity, small):
    # Neighbouring levels of these personas differ by at most 0.3, over zones of seven points.
    before, after = (TREES[name].parameters(x, "playful") for x in (affinity, affinity + small))
    for parameter, value in before.items():
        assert abs(after[parameter] - value) <= 0.3 / 7 * small + 2e-6


def test_results_are_kept_and_the_cache_is_bounded(plain):
    tree = PersonalityTree.from_json(plain)
    first = tree.compile(1)
    assert tree.compile(1.0) is first
    for affinity in range(2, CACHE_SIZE + 2):
        tree.compile(affinity)
    assert tree._compiled.cache_info().currsize == CACHE_SIZE
    assert tree.compile(1) is not first
    assert tree.compile(1) == first
