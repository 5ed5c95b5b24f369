from __future__ import annotations

import copy
import json
import math

import jsonschema_rs
import pytest

from luminora._resources import folder
from luminora.errors import PersonalityInvalid
from luminora.personality import Personality, PersonalityLibrary, PersonalityTree, validate

WRONG = (None, True, -7, 10**400, "x", [], [[]], {}, {"x": None}, ())


def damaged():
    """A shipped persona with each value in turn replaced by one of ten odd ones."""
    document = PersonalityLibrary().load("sakura").to_document()
    places, turn = [document], 0
    while places:
        holder = places.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            kept = holder[key]
            holder[key] = WRONG[turn % len(WRONG)]
            turn += 1
            yield copy.deepcopy(document)
            holder[key] = kept
            if isinstance(kept, dict | list):
                places.append(kept)


def found(document):
    return [(p.severity, p.pointer, p.message) for p in validate(document)]


def test_the_smallest_persona_is_valid(plain):
    assert validate(plain) == []


def test_the_schema_is_valid_and_describes_every_property():
    schema = json.loads((folder("schemas") / "personality.schema.json").read_text("utf-8"))
    jsonschema_rs.meta.validate(schema)

    def undescribed(node, path):
        if isinstance(node, dict):
            for name, child in node.get("properties", {}).items():
                if not child.get("description"):
                    yield f"{path}/{name}"
            for key, child in node.items():
                yield from undescribed(child, f"{path}/{key}")

    assert list(undescribed(schema, "")) == []


@pytest.mark.parametrize(
    ("change", "pointer", "message"),
    [
        ({"persona": {}}, "/persona/name", "'name' is missing"),
        ({"persona": {"name": " "}}, "/persona/name", "this text may not be empty, but it is ' '"),
        (
            {"persona": {"name": "X", "tags": [1]}},
            "/persona/tags/0",
            "this must be a text, but it is 1",
        ),
        (
            {"linguistic_profile": {"tone": {}}},
            "/linguistic_profile/tone",
            "this must be a text or a list [ ], but it is an object",
        ),
        (
            {"advanced_parameters": {"humor": 1.5}},
            "/advanced_parameters/humor",
            "this is 1.5, but the largest allowed is 1",
        ),
        (
            {"advanced_parameters": {"my/own": -1}},
            "/advanced_parameters/my~1own",
            "this is -1, but the smallest allowed is 0",
        ),
        (
            {"advanced_parameters": {"humor": None}},
            "/advanced_parameters/humor",
            "this must be a number, but it is null",
        ),
        (
            {"affinity_config": {"interaction_types": {"hug": 1.5}}},
            "/affinity_config/interaction_types/hug",
            "this must be a whole number, but it is 1.5",
        ),
        (
            {
                "hierarchical_config": {
                    "relationship_levels": [{"name": "a", "affinity_range": [1]}]
                }
            },
            "/hierarchical_config/relationship_levels/0/affinity_range",
            "this list needs at least 2 entries, but it has 1",
        ),
        (
            {"hierarchical_config": {"relationship_levels": [{"name": "a"}]}},
            "/hierarchical_config/relationship_levels/0/affinity_range",
            "'affinity_range' is missing",
        ),
        (
            {"hierarchical_config": {"enabled": "yes"}},
            "/hierarchical_config/enabled",
            "this must be true or false, but it is 'yes'",
        ),
    ],
)
def test_structure_errors_are_sentences_with_place_and_purpose(plain, change, pointer, message):
    (problem,) = validate({**plain, **change})
    assert (problem.severity, problem.pointer, problem.message) == ("error", pointer, message)
    assert problem.hint


def test_a_missing_section_says_what_belongs_there(plain):
    del plain["core_traits"]
    (problem,) = validate(plain)
    assert problem.pointer == "/core_traits"
    assert problem.hint == 'add "core_traits": What the persona is like at heart.'


@pytest.mark.parametrize("document", [None, [], "persona", 7, {1: 2}, {"persona": {1, 2}}])
def test_what_is_no_persona_at_all_is_reported_not_raised(document):
    assert validate(document)[0].severity == "error"


def test_an_object_inside_itself_is_reported(plain):
    plain["persona"]["self"] = plain
    (problem,) = validate(plain)
    assert problem.severity == "error"
    assert "nested more than 64 deep" in problem.message


def test_a_list_inside_itself_and_lists_shared_without_end_are_reported(plain):
    own = []
    own.append(own)
    assert "nested more than 64 deep" in validate({**plain, "note": own})[0].message
    shared = []
    for _ in range(50):  # 2 ** 50 values, though only 50 lists
        shared = [shared, shared]
    (problem,) = validate({**plain, "note": shared})
    assert "more than 1,048,576 values" in problem.message


def test_the_wrong_type_anywhere_is_reported_and_nothing_raises():
    for document in damaged():
        check(document)


def check(document):
    problems = validate(document)
    assert all(problem.message and problem.hint for problem in problems)
    if any(problem.severity == "error" for problem in problems):
        with pytest.raises(PersonalityInvalid):
            Personality.from_document(document)
    else:
        tree = PersonalityTree.from_json(document)
        assert tree.compile(50, "shy").system_prompt


def test_everything_wrong_is_said_at_once(with_ranges):
    document = with_ranges((0, 20, 3), (60, 40, 0), (70, 100, 0))
    document["hierarchical_config"]["relationship_levels"][2]["name"] = "a"
    document |= {"core_traits": [], "mood_config": {"mood_triggers": {"shyy": ["oh"]}}}
    said = " | ".join(str(problem) for problem in validate(document))
    for part in (
        "must be an object",
        "upside down",
        "no level covers affinity 20 to 70",
        "two levels are called 'a'",
        "did you mean 'shy'",
        "larger than the whole scale",
    ):
        assert part in said


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud83d", 10**400, -(10**400), ("a",)])
def test_values_that_json_cannot_carry_are_reported(plain, value):
    (problem,) = validate({**plain, "note": value})
    assert (problem.severity, problem.pointer) == ("error", "")


def test_touching_ranges_are_fine(with_ranges):
    assert validate(with_ranges((0, 20, 0), (20, 60, 0), (61, 100, 0))) == []


def test_a_gap_is_a_warning_that_names_both_levels(with_ranges):
    assert found(with_ranges((0, 20, 0), (41, 100, 0))) == [
        (
            "warning",
            "/hierarchical_config/relationship_levels/1/affinity_range",
            "no level covers affinity 20 to 41, between levels 'a' (0-20) and 'b' (41-100)",
        )
    ]


def test_an_overlap_is_a_warning_that_names_both_levels(with_ranges):
    assert found(with_ranges((0, 30, 0), (25, 100, 0))) == [
        (
            "warning",
            "/hierarchical_config/relationship_levels/1/affinity_range",
            "the ranges of levels 'a' (0-30) and 'b' (25-100) overlap",
        )
    ]


def test_a_level_inside_another_overlaps_without_a_false_gap(with_ranges):
    messages = [m for _, _, m in found(with_ranges((0, 100, 0), (10, 20, 0), (30, 40, 0)))]
    assert messages == [
        "the ranges of levels 'a' (0-100) and 'b' (10-20) overlap",
        "the ranges of levels 'a' (0-100) and 'c' (30-40) overlap",
    ]


def test_gaps_at_the_ends_are_named(with_ranges):
    assert [m for _, _, m in found(with_ranges((10, 90, 0)))] == [
        "no level covers affinity 0 to 10, below level 'a' (10-90)",
        "no level covers affinity 90 to 100, above level 'a' (10-90)",
    ]


def test_a_range_upside_down_is_an_error_with_the_correction(with_ranges):
    (problem,) = [
        p for p in validate(with_ranges((0, 50, 0), (100, 51, 0))) if p.severity == "error"
    ]
    assert problem.message == "the range of level 'b' (100-51) is upside down"
    assert problem.hint == "write [51, 100]"


@pytest.mark.parametrize("ends", [(-10, 100), (0, 1000)])
def test_a_range_off_the_scale_is_an_error(with_ranges, ends):
    (problem,) = validate(with_ranges((*ends, 0)))
    assert problem.severity == "error"
    assert "leaves the scale" in problem.message


def test_two_levels_of_one_name_are_an_error(with_ranges):
    document = with_ranges((0, 50, 0), (51, 100, 0))
    for level in document["hierarchical_config"]["relationship_levels"]:
        level["name"] = "friend"
    (problem,) = validate(document)
    assert problem.severity == "error"
    assert problem.pointer == "/hierarchical_config/relationship_levels/1/name"
    assert "'friend' (0-50) and 'friend' (51-100)" in problem.message


def test_a_trigger_for_an_unknown_mood_is_a_warning_with_a_proposal(plain):
    own = {"moods": {"sleepy": {}}, "mood_triggers": {"sleppy": ["yawn"], "neutral": ["ok"]}}
    (problem,) = validate({**plain, "mood_config": own})
    assert (problem.severity, problem.pointer) == ("warning", "/mood_config/mood_triggers/sleppy")
    assert "did you mean 'sleepy'?" in problem.hint

    assert validate({**plain, "mood_config": {"mood_triggers": {"shy": ["oh"]}}}) == []


def test_an_oversized_delta_is_a_warning(with_ranges):
    (problem,) = validate(with_ranges((0, 100, -1.5)))
    assert problem.severity == "warning"
    assert problem.pointer.endswith("/0/modifiers/advanced_parameters/humor")


def test_a_delta_for_an_unknown_parameter_is_a_warning_with_a_proposal(plain):
    moods = {"odd": {"modifiers": {"advanced_parameters": {"empaty": 0.2}}}}
    (problem,) = validate({**plain, "mood_config": {"moods": moods}})
    assert problem.severity == "warning"
    assert "did you mean 'empathy'?" in problem.hint


def test_errors_come_first_and_structure_does_not_hide_meaning(with_ranges):
    document = with_ranges((0, 20, 0), (41, 100, 0))
    document["persona"] = {}
    assert [p.severity for p in validate(document)] == ["error", "warning"]


def test_a_problem_reads_as_one_line(plain):
    (problem,) = validate({**plain, "persona": {}})
    assert str(problem) == (
        "/persona/name: 'name' is missing → add \"name\": "
        "Display name, as the companion introduces itself."
    )
