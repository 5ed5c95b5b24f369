from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora.errors import InputError
from luminora.personality import (
    Personality,
    PersonalityLibrary,
    PersonalityTree,
    blend_personas,
    validate,
)

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
    assert json.dumps(blended(one, two, weight)) == json.dumps(first)
    assert before == DOCUMENTS


@given(SOMEONE, SOMEONE)
def test_all_of_one_is_that_one_as_written(one, two):
    assert blended(one, two, 0) == DOCUMENTS[one]
    assert blended(one, two, 1) == DOCUMENTS[two]


def leaves(value, path=()):
    """Every number in a document, by its path."""
    children = enumerate(value) if isinstance(value, list) else value.items()
    for key, child in children:
        if isinstance(child, dict | list):
            yield from leaves(child, (*path, key))
        elif isinstance(child, int | float) and not isinstance(child, bool):
            yield (*path, key), child


@given(SOMEONE, SOMEONE, st.integers(min_value=0, max_value=1024))
def test_the_order_of_the_two_changes_no_number(one, two, share):
    weight = share / 1024  # so that 1 - weight is exact
    here, there = blended(one, two, weight), blended(two, one, 1 - weight)
    for document in (here, there):
        document.pop("metadata", None)  # names the two in the order they were given
    assert dict(leaves(here)) == dict(leaves(there))


@given(
    SOMEONE,
    SOMEONE,
    SHARE,
    st.floats(min_value=0, max_value=100),
    st.floats(min_value=0, max_value=1),
    st.data(),
)
def test_parameters_lie_between_the_originals_at_every_moment(
    one, two, weight, affinity, felt, data
):
    mixed, *ends = (
        PersonalityTree.from_json(document)
        for document in (blended(one, two, weight), DOCUMENTS[one], DOCUMENTS[two])
    )
    mood = data.draw(st.sampled_from(sorted(mixed.personality.moods)))
    for name, value in mixed.parameters(affinity, mood, felt).items():
        around = [tree.parameters(affinity, mood, felt).get(name, 0.5) for tree in ends]
        assert min(around) - 1e-5 <= value <= max(around) + 1e-5


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


def test_what_one_leaves_to_the_defaults_counts_with_its_share(plain):
    own = plain | {
        "mood_config": {"mood_detection": {"half_life_hours": 1, "confidence_threshold": 1}},
        "memory_preferences": {"importance_threshold": 9},
    }
    mixed = Personality.from_document(blend_personas(plain, own, 0.25))
    assert mixed.mood_rules.hourly_loss == pytest.approx(0.75 * 0.15 + 0.25 * 0.5)
    assert mixed.mood_rules.confidence_threshold == pytest.approx(0.7)
    assert mixed.memory_preferences.importance_threshold == pytest.approx(6.0)


def test_a_mood_that_never_fades_counts_as_no_loss(plain):
    never = plain | {"mood_config": {"mood_detection": {"decay_enabled": False}}}
    mixed = Personality.from_document(blend_personas(plain, never, 0.6))
    assert mixed.mood_rules.hourly_loss == pytest.approx(0.06)


def test_the_largest_deltas_do_not_overflow(plain):
    def extreme(delta):
        modifiers = {"advanced_parameters": {"humor": delta}}
        return plain | {"mood_config": {"moods": {"wild": {"modifiers": modifiers}}}}

    mixed = blend_personas(extreme(1.5e308), extreme(-1.5e308), 0.5)
    assert mixed["mood_config"]["moods"]["wild"]["modifiers"] == {
        "advanced_parameters": {"humor": 0.0}
    }


def test_a_blend_says_what_it_is_made_of(plain):
    other = plain | {"persona": {"name": "Other", "version": "2.1"}}
    licensed = {"license": "MIT", "rating": 5, "created_at": "2026-01-01"}
    mixed = blend_personas(plain | {"metadata": licensed}, other | {"metadata": licensed}, 0.3)
    assert mixed["metadata"] == {
        "blended_from": [
            {"name": "Plain", "version": "1.0.0", "share": 0.7},
            {"name": "Other", "version": "2.1", "share": 0.3},
        ],
        "license": "MIT",
    }
    unlike = blend_personas(mixed, other | {"metadata": {"license": "CC0-1.0"}}, 0.5)
    assert "license" not in unlike["metadata"]
    assert [part["name"] for part in unlike["metadata"]["blended_from"]] == [
        "Plain & Other",
        "Other",
    ]


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan"), float("inf"), True, "half", None])
def test_a_weight_that_is_none_is_refused(plain, weight):
    with pytest.raises(InputError, match="is no weight"):
        blend_personas(plain, plain, weight)


def test_a_blank_name_is_refused(plain):
    with pytest.raises(InputError, match="blank"):
        blend_personas(plain, plain, 0.5, name=" ")
