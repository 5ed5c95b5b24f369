"""Which memories enter a prompt: never more than the budget, the most telling first, and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora.memory.models import Episode, MemorySearchResult
from luminora.memory.query import Query
from luminora.memory.selection import Memento, of_episodes, of_facts, of_messages, select
from luminora.providers.tokens import count_tokens

NOW = datetime(2026, 11, 20, tzinfo=UTC)
STATE = {"affinity": 3, "mood": "neutral"}


def fact(key: str, value: object, **more) -> dict:
    return {
        "id": key,
        "key": key,
        "category": "other",
        "value": value,
        "confidence": 0.9,
        "context": None,
        "tags": [],
        "mention_count": 1,
        **more,
    }


def message(name: str, content: str, score: float) -> MemorySearchResult:
    return MemorySearchResult(
        id=name, content=content, role="user", session_id="s", timestamp=NOW, score=score
    )


records = st.builds(
    lambda name, text, worth: Memento("message", name, {"said": text}, worth),
    st.uuids().map(str),
    st.text(max_size=200),
    st.floats(0, 1),
)


@given(st.lists(records, max_size=30), st.integers(0, 400))
def test_the_budget_is_never_exceeded(mementos, budget):
    selection = select(mementos, STATE, budget)

    assert count_tokens(selection.block) == selection.tokens <= budget
    assert len(selection.chosen) + len(selection.passed) == len(mementos)
    assert all(one.left_out for one in selection.passed)
    assert not any(one.left_out for one in selection.chosen)


@given(st.lists(records, max_size=10))
def test_the_block_is_json_between_tags_whatever_was_said(mementos):
    block = select(mementos, STATE, 100_000).block

    inside = block.removeprefix("<memory>\n").removesuffix("\n</memory>")
    assert "<" not in inside
    assert json.loads(inside) == [*(dict(one.record) for one in mementos), STATE]


def test_what_is_worth_more_comes_first_and_a_smaller_one_still_fits_behind_a_large_one():
    large = Memento("message", "large", {"said": "word " * 300}, 0.9)
    small = Memento("message", "small", {"said": "word"}, 0.1)

    selection = select([large, small], STATE, 60)

    assert [one.id for one in selection.chosen] == ["small"]
    assert "tokens" in selection.passed[0].left_out


def test_a_budget_of_nothing_leaves_the_block_out():
    assert select([Memento("fact", "x", {}, 1.0)], STATE, 0).block == ""


def test_facts_the_message_touches_stand_above_newer_ones():
    query = Query.of("¿qué come mi mascota?")
    facts = [fact("job", "IT"), fact("pet_name", "Max", category="pets"), fact("name", "Diego")]

    worth = {one.id: one for one in of_facts(query, facts)}

    assert worth["name"].worth > worth["pet_name"].worth > worth["job"].worth
    assert "the message touches it" in worth["pet_name"].reasons


def test_an_episode_the_message_touches_stands_above_a_weightier_one():
    def episode(name: str, title: str, importance: float) -> Episode:
        row = {
            **dict.fromkeys(Episode.__dataclass_fields__, None),
            "id": name,
            "title": title,
            "summary": title,
            "importance": importance,
            "tags": [],
            "timestamp": NOW,
        }
        return Episode(**row)

    found = of_episodes(
        Query.of("la boda"), [episode("a", "Murió Max", 9.0), episode("b", "La boda de Ana", 6.0)]
    )

    assert found[1].worth > found[0].worth


def test_messages_keep_the_order_of_their_scores():
    found = of_messages([message("a", "x", 1.2), message("b", "y", 0.6)])

    assert [one.worth for one in found] == [pytest.approx(0.9), pytest.approx(0.45)]
