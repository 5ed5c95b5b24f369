from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from luminora.memory.search import blend, without_names
from luminora.providers import VectorHit

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def row(name: str, days_old: float = 0, seq: int = 1) -> dict:
    return {
        "id": name,
        "external_id": None,
        "seq": seq,
        "timestamp": NOW - timedelta(days=days_old),
    }


def test_what_both_sides_find_comes_first():
    lexical = [(row("words"), 4.0), (row("both"), 3.9)]
    hits = [VectorHit("meaning", 0.8), VectorHit("both", 0.79), VectorHit("far", 0.1)]
    rows = {"meaning": row("meaning"), "far": row("far")}

    ranked = blend(lexical, hits, rows, at=NOW)

    assert [one.row["id"] for one in ranked] == ["both", "words", "meaning", "far"]
    assert ranked[0].similarity == pytest.approx(0.79)


def test_a_newer_message_wins_a_tie_and_no_age_is_negative():
    lexical = [(row("old", 300), 2.0), (row("new", 1), 2.0), (row("future", -10), 2.0)]

    ranked = blend(lexical, [], {}, at=NOW)

    assert [one.row["id"] for one in ranked] == ["future", "new", "old"]
    assert ranked[0].recency == 1.0


def test_neighbours_without_a_row_are_left_out():
    assert blend([], [VectorHit("gone", 0.9)], {}, at=NOW) == []


@pytest.mark.parametrize(
    ("query", "names", "expected"),
    [
        ("What did Melanie paint?", ["Melanie"], "What did paint?"),
        ("What is Caroline's job?", ["caroline", "Melanie"], "What is job?"),
        ("Ana?", ["Ana"], "Ana?"),
        ("banana", ["Ana"], "banana"),
        ("¿Qué dijo José Luis?", ["José Luis"], "¿Qué dijo ?"),
        ("(hola", ["("], "(hola"),
    ],
)
def test_names_are_taken_out_of_the_search_by_meaning(query, names, expected):
    assert expected == without_names(query, names)
