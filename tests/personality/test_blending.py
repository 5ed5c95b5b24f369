from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora.errors import InputError
from luminora.personality import PersonalityLibrary, PersonalityTree, blend_personas, validate

DOCUMENTS = {
    name: PersonalityLibrary().load(name).to_document()
    for name in ("alicia", "cassian", "marisol", "ottoline", "sakura")
}
DOCUMENTS["plain"] = {
    "persona": {"name": "Plain"},
    "core_traits": {},
    "linguistic_profile": {},
    "behavioral_rules": [],
}
SOMEONE = st.sampled_from(sorted(DOCUMENTS))
SHARE = st.floats(min_value=0, max_value=1)


def blended(one, two, weight, **options):
    return blend_personas(DOCUMENTS[one], DOCUMENTS[two], weight, **options)


@given(SOMEONE, SOMEONE, SHARE)
def test_a_blend_is_valid_and_always_the_same_and_leaves_the_originals_alone(one, two, weight):
    before = copy.deepcopy(DOCUMENTS)
    first = blended(one, two, weight)
    assert validate(first) == []
    assert blended(one, two, weight) == first
    assert before == DOCUMENTS


@given(SOMEONE, SOMEONE)
def test_all_of_one_is_that_one_as_written(one, two):
    assert blended(one, two, 0) == DOCUMENTS[one]
    assert blended(one, two, 1) == DOCUMENTS[two]


@given(SOMEONE, SHARE, st.floats(min_value=0, max_value=100))
def test_a_persona_blended_with_itself_behaves_as_before(name, weight, affinity):
    tree, original = (
        PersonalityTree.from_json(document)
        for document in (blended(name, name, weight), DOCUMENTS[name])
    )
    ours, theirs = tree.parameters(affinity), original.parameters(affinity)
    assert ours == pytest.approx(theirs, abs=1e-5)
    assert tree.level_for(affinity).name == original.level_for(affinity).name


@given(SOMEONE, SOMEONE, SHARE)
def test_numbers_lie_between_the_originals(one, two, weight):
    mixed = blended(one, two, weight).get("advanced_parameters", {})
    for name, value in mixed.items():
        ends = [DOCUMENTS[who].get("advanced_parameters", {}).get(name, 0.5) for who in (one, two)]
        assert min(ends) - 1e-6 <= value <= max(ends) + 1e-6


def test_ranges_deltas_and_points_are_interpolated(with_ranges):
    one = with_ranges((0, 20, -0.4), (21, 100, 0.2))
    two = with_ranges((0, 40, 0.0), (41, 100, 0.6))
    one["affinity_config"] = {"interaction_types": {"hug": 4}}
    two["affinity_config"] = {"interaction_types": {"hug": 8, "wave": 2}}
    mixed = blend_personas(one, two, 0.25, name="Both")
    low, high = mixed["hierarchical_config"]["relationship_levels"]
    assert (low["affinity_range"], high["affinity_range"]) == ([0, 25], [26, 100])
    assert low["modifiers"]["advanced_parameters"] == {"humor": -0.3}
    assert high["modifiers"]["advanced_parameters"] == {"humor": 0.3}
    assert mixed["affinity_config"]["interaction_types"] == {"hug": 5, "wave": 1}
    assert mixed["persona"]["name"] == "Both"


def test_other_level_counts_are_read_in_the_heavier_ones_ranges(with_ranges):
    one = with_ranges((0, 50, 0.0), (51, 100, 0.4))
    two = with_ranges((0, 100, 1.0))
    mixed = blend_personas(one, two, 0.25)["hierarchical_config"]["relationship_levels"]
    assert [level["affinity_range"] for level in mixed] == [[0, 50], [51, 100]]
    deltas = [level["modifiers"]["advanced_parameters"]["humor"] for level in mixed]
    assert deltas == [0.25, 0.55]


def test_lists_are_merged_by_weight_and_texts_are_the_heavier_ones(plain):
    one = plain | {"linguistic_profile": {"tone": ["a", "b", "c", "d"], "syntax": "simple"}}
    two = plain | {"linguistic_profile": {"tone": ["e", "f", "g", "a"], "syntax": "complex"}}
    assert blend_personas(one, two, 0.25)["linguistic_profile"] == {
        "tone": ["a", "b", "c", "d", "e", "f"],
        "syntax": "simple",
    }
    assert blend_personas(one, two, 0.75)["linguistic_profile"] == {
        "tone": ["e", "f", "g", "a", "b"],
        "syntax": "complex",
    }


def test_lists_of_another_language_stay_out():
    rules = blended("sakura", "cassian", 0.4)["behavioral_rules"]
    assert rules == DOCUMENTS["sakura"]["behavioral_rules"]


def test_limits_are_never_loosened(plain):
    one = plain | {
        "safety_guards": {"forbidden_topics": ["x"], "tone_limits": {"max_aggression": 0.1}}
    }
    two = plain | {
        "safety_guards": {"forbidden_topics": ["y"], "tone_limits": {"max_aggression": 0.9}}
    }
    guards = blend_personas(one, two, 0.9)["safety_guards"]
    assert guards["forbidden_topics"] == ["x", "y"]
    assert guards["tone_limits"] == {"max_aggression": 0.1}


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused(plain, weight):
    with pytest.raises(InputError, match="is no weight"):
        blend_personas(plain, plain, weight)


def test_a_blank_name_is_refused(plain):
    with pytest.raises(InputError, match="blank"):
        blend_personas(plain, plain, 0.5, name=" ")
