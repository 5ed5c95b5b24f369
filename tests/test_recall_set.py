"""The Spanish recall set is sound: questions of every kind, pointing at turns that exist."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

ITEMS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "recall_es.json").read_text(encoding="utf-8")
)
MULTI_HOP = 1
CATEGORIES = {MULTI_HOP, 2, 3, 4}

each_item = pytest.mark.parametrize("item", ITEMS, ids=[item["sample_id"] for item in ITEMS])


def sessions(item: dict[str, Any]) -> dict[int, list[dict[str, str]]]:
    """The conversation's sessions by number, in order."""
    conversation = item["conversation"]
    numbers = range(1, 1 + sum(isinstance(turns, list) for turns in conversation.values()))
    return {number: conversation[f"session_{number}"] for number in numbers}


@each_item
def test_a_turn_is_numbered_after_its_session_and_said_by_one_of_the_two(
    item: dict[str, Any],
) -> None:
    speakers = {item["conversation"]["speaker_a"], item["conversation"]["speaker_b"]}
    assert len(speakers) == 2
    for number, turns in sessions(item).items():
        assert [turn["dia_id"] for turn in turns] == [
            f"D{number}:{place}" for place in range(1, len(turns) + 1)
        ]
        assert {turn["speaker"] for turn in turns} == speakers
        assert all(turn["text"].strip() for turn in turns)


@each_item
def test_sessions_are_dated_in_order(item: dict[str, Any]) -> None:
    told = [item["conversation"][f"session_{number}_date_time"] for number in sessions(item)]
    dates = [datetime.strptime(date, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC) for date in told]
    assert 8 <= len(dates) <= 12
    assert dates == sorted(dates)


@each_item
def test_every_question_points_at_one_to_four_turns_that_exist(item: dict[str, Any]) -> None:
    known = {turn["dia_id"] for turns in sessions(item).values() for turn in turns}
    for question in item["qa"]:
        evidence = question["evidence"]
        assert 1 <= len(evidence) == len(set(evidence)) <= 4, question
        assert set(evidence) <= known, question
        assert question["category"] in CATEGORIES, question
        assert question["answer"].strip(), question
        assert question["category"] != MULTI_HOP or len(evidence) > 1, question


@each_item
def test_questions_are_spread_over_kinds_and_reach_every_session(item: dict[str, Any]) -> None:
    assert set(Counter(question["category"] for question in item["qa"])) == CATEGORIES
    reached = {
        int(turn[1:].split(":")[0]) for question in item["qa"] for turn in question["evidence"]
    }
    assert reached == set(sessions(item))


def test_the_set_is_large_and_asks_nothing_twice() -> None:
    asked = [(item["sample_id"], question["question"]) for item in ITEMS for question in item["qa"]]
    assert len(asked) == len(set(asked)) >= 140
    assert sum(100 <= sum(map(len, sessions(item).values())) <= 200 for item in ITEMS) >= 4
