from __future__ import annotations

import pytest

from luminora.memory.fact_reader import MAX_VALUE, fact_value, read_fact


def read(key, value, **more):
    return {fact.key: fact.value for fact in read_fact({"key": key, "value": value, **more})}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("edad", "28 años", {"age": 28}),
        ("age", 28.0, {"age": 28}),
        ("age", "about thirty", {"age": "about thirty"}),
        ("hobbies", ["chess", "Padel"], {"hobby_chess": "chess", "hobby_padel": "Padel"}),
        ("languages", ["English", "Spanish"], {"languages": "English, Spanish"}),
        ("pet", {"name": "Max", "type": "dog"}, {"pet_name": "Max", "pet_type": "dog"}),
        ("mascota", "un perro llamado Max", {"pet_type": "perro", "pet_name": "Max"}),
        ("pet", "a dog named Max", {"pet_type": "dog", "pet_name": "Max"}),
        ("pet", "dog", {"pet_type": "dog"}),
        ("schedule", {"gym": "monday"}, {"schedule": {"gym": "monday"}}),
        ("likes_pizza", False, {}),
        ("vegetarian", False, {"vegetarian": False}),
    ],
)
def test_values_are_read_as_people_mean_them(key, value, expected):
    assert read(key, value) == expected


def deep(levels):
    value = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "\0",
        [],
        {},
        [[1]],
        float("nan"),
        float("-inf"),
        10**400,
        {"a": float("nan")},
        {"a": "x" * MAX_VALUE},
        {1j: 2},
        {"a": object()},
        deep(100_000),
    ],
)
def test_what_no_database_keeps_is_no_fact(value):
    assert read("thing", value) == {}


def test_long_text_is_cut_and_an_object_is_kept_whole():
    assert fact_value("x" * 9_999) == "x" * MAX_VALUE
    assert fact_value({"a": [1, {"b": "ñ\ud800"}]}) == {"a": [1, {"b": "ñ"}]}


@pytest.mark.parametrize("confidence", [None, "high", True, float("nan"), 10**400, [1]])
def test_a_confidence_that_is_none_becomes_the_usual_one(confidence):
    (fact,) = read_fact({"key": "name", "value": "Ana", "confidence": confidence})

    assert fact.confidence == 0.7


@pytest.mark.parametrize(("given", "kept"), [(7, 1.0), (-3, 0.0), (0.4, 0.4)])
def test_a_confidence_is_held_within_its_bounds(given, kept):
    (fact,) = read_fact({"key": "name", "value": "Ana", "confidence": given})

    assert fact.confidence == kept


def test_an_analysis_cannot_claim_to_be_the_application():
    (fact,) = read_fact({"key": "name", "value": "Ana", "tags": ["manual", "x", 3]})

    assert fact.tags == ["x"]
