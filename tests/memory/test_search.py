"""How messages are ranked; what a question is understood to look for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import log

import pytest

from luminora.memory.query import RELATED_WEIGHT, Query, without_names
from luminora.memory.ranking import Evidence, rank
from luminora.providers import VectorHit

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def row(name: str, content: str = "", seq: int = 1, days_old: float = 0, **more) -> dict:
    return {
        "id": name,
        "external_id": None,
        "session_id": "s",
        "speaker": "user",
        "speaker_name": None,
        "content": content or name,
        "seq": seq,
        "timestamp": NOW - timedelta(days=days_old),
        "embedding_state": "done",
        **more,
    }


def names(ranked) -> list[str]:
    return [one.row["id"] for one in ranked]


def test_what_both_sides_find_comes_first():
    found = [(row("words", "harbour"), 4.0), (row("both", "harbour"), 4.0)]
    hits = [VectorHit("meaning", 0.8), VectorHit("both", 0.79), VectorHit("far", 0.1)]

    ranked = rank(Query.of("harbour"), Evidence(found, hits, [row("meaning"), row("far")]), at=NOW)

    assert names(ranked) == ["both", "words", "meaning", "far"]
    assert ranked[0].similarity == pytest.approx(0.79)


def test_a_newer_message_wins_a_tie_and_no_age_is_negative():
    found = [
        (row("old", "tea", 1, 300), 2.0),
        (row("new", "tea", 2, 1), 2.0),
        (row("future", "tea", 3, -10), 2.0),
    ]

    ranked = rank(Query.of("tea"), Evidence(found), at=NOW)

    assert names(ranked) == ["future", "new", "old"]
    assert ranked[0].recency == 1.0


def test_neighbours_without_a_row_are_left_out():
    assert rank(Query.of("x"), Evidence(hits=[VectorHit("gone", 0.9)]), at=NOW) == []


def test_an_answer_is_found_by_the_words_of_its_question():
    asked = row("asked", "¿Cómo se llama tu perro?", 1)
    answered = row("answered", "Max, y tiene ya ocho años el pobre", 2)
    later = row("later", "Hoy he comido lentejas con chorizo", 3)
    evidence = Evidence([(asked, 5.0)], runs=[[asked, answered, later]])

    ranked = rank(Query.of("perro"), evidence, at=NOW)

    lexical = {one.row["id"]: one.lexical for one in ranked}
    assert lexical["asked"] == 1.0
    assert lexical["asked"] > lexical["answered"] > lexical["later"] > 0


def test_a_turn_after_a_long_silence_is_no_context():
    asked = row("asked", "¿Y tu perro?", 1, days_old=2)
    apart = row("apart", "Buenos días por la mañana", 2, days_old=0)

    ranked = rank(Query.of("perro"), Evidence([(asked, 5.0)], runs=[[asked, apart]]), at=NOW)

    assert names(ranked) == ["asked"]


def test_what_was_revoked_is_never_found_through_its_neighbours():
    asked = row("asked", "¿Y tu perro?", 1)
    gone = {**row("gone", seq=2), "content": ""}

    ranked = rank(Query.of("perro"), Evidence([(asked, 5.0)], runs=[[asked, gone]]), at=NOW)

    assert names(ranked) == ["asked"]


def test_rarity_is_read_from_the_scores_of_the_storage():
    total, rare, common = 100, log(1 + 100 / 1), log(1 + 100 / 50)
    found = [
        (row("both", "lighthouse tea", 1), rare + common),
        (row("common", "tea", 2), common),
        (row("rare", "lighthouse", 3), rare),
    ]
    assert total

    ranked = rank(Query.of("lighthouse tea"), Evidence(found), at=NOW)

    assert names(ranked) == ["both", "rare", "common"]
    lexical = {one.row["id"]: one.lexical for one in ranked}
    assert lexical["common"] / lexical["rare"] == pytest.approx(common / rare, rel=0.05)


def test_who_is_asked_about_counts_more_than_who_is_not():
    mine = row("mine", "I painted a sunrise", 1, speaker_name="Melanie")
    theirs = row("theirs", "I painted a sunrise", 2, speaker_name="Caroline")
    evidence = Evidence([(theirs, 3.0), (mine, 3.0)])

    query = Query.of("What did Melanie paint?", ["Caroline", "Melanie"])

    assert names(rank(query, evidence, at=NOW)) == ["mine", "theirs"]


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("¿cuándo hablamos de mi mascota?", "user"),
        ("what is my job", "user"),
        ("¿qué me dijiste de la sierra?", "assistant"),
        ("what did you tell me about the sea?", "assistant"),
        ("la guitarra", None),
    ],
)
def test_pronouns_say_whose_words_are_meant(text, role):
    assert Query.of(text).role == role


def test_a_message_that_is_not_indexed_yet_is_judged_by_its_words():
    pending = row("pending", "turn 599 of many", 2, embedding_state="pending")
    indexed = row("indexed", "turn 199 of many", 1)
    evidence = Evidence([(pending, 7.0), (indexed, 1.0)], [VectorHit("indexed", 0.9)])

    assert names(rank(Query.of("turn 599 of many"), evidence, at=NOW))[0] == "pending"


def test_words_about_talking_count_little_unless_there_is_nothing_else():
    weights = {word.text: word.weight for word in Query.of("¿cuándo hablamos de la boda?").words}

    assert weights["hablamos"] < weights["boda"] == 1.0
    assert Query.of("¿de qué hablamos?").words[0].weight == 1.0


def test_words_that_mean_the_same_are_looked_for_too_but_count_less():
    query = Query.of("¿qué le pasó a mi mascota?")

    added = {word.text: word for word in query.added}

    assert {"perro", "gato", "dog"} <= added.keys()
    assert added["perro"].weight == RELATED_WEIGHT
    assert "mascot" in added["perro"].reason
    assert query.words[0].weight == 1.0
    assert "perro" in query.lexical


@pytest.mark.parametrize(
    ("query", "known", "expected"),
    [
        ("What did Melanie paint?", ["Melanie"], "What did paint?"),
        ("What is Caroline's job?", ["caroline", "Melanie"], "What is job?"),
        ("Ana?", ["Ana"], "Ana?"),
        ("banana", ["Ana"], "banana"),
        ("¿Qué dijo José Luis?", ["José Luis"], "¿Qué dijo ?"),
        ("(hola", ["("], "(hola"),
    ],
)
def test_names_are_taken_out_of_the_search_by_meaning(query, known, expected):
    assert expected == without_names(query, known)
