from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from luminora.memory.analysis import Analysis
from luminora.memory.fact_policy import FactPolicy
from luminora.memory.fact_reader import FoundFact
from luminora.memory.facts import fact_writes, same_fact, same_value
from luminora.memory.models import Session
from luminora.providers import Insert, Update

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SESSION = Session(
    session_id="s", user_id="ana", personality_name="sakura", created_at=NOW, last_activity=NOW
)
MESSAGE = {"id": "m1", "external_id": None}


def found(key="city", value="Lima", category="location", confidence=0.8) -> Analysis:
    fact = FoundFact(category=category, key=key, value=value, confidence=confidence, quote="words")
    return Analysis(facts=[fact])


def stored(analysis: Analysis, **changes):
    return fact_writes(SESSION, MESSAGE, analysis, [], NOW)[1][0] | changes


def test_a_new_fact_is_inserted_with_its_source():
    writes, rows = fact_writes(SESSION, MESSAGE, found(), [], NOW)

    assert isinstance(writes[0], Insert)
    assert (rows[0]["source_message_id"], rows[0]["context"]) == ("m1", "words")
    assert rows[0]["mention_count"] == 1


def test_the_same_again_is_one_more_mention():
    old = stored(found())

    writes, rows = fact_writes(SESSION, MESSAGE, found(value="LIMA ", confidence=0.9), [old], NOW)

    assert len(writes) == 1
    assert isinstance(writes[0], Update)
    assert writes[0].expect == 1
    assert (rows[0]["mention_count"], rows[0]["value"], rows[0]["confidence"]) == (2, "Lima", 0.9)


def test_another_value_supersedes_and_the_old_one_goes_into_the_history():
    old = stored(found())

    writes, rows = fact_writes(SESSION, MESSAGE, found(value="Quito"), [old], NOW)

    update, history = writes
    assert isinstance(update, Update)
    assert isinstance(history, Insert)
    assert rows[0]["value"] == "Quito"
    assert (history.row["value"], history.row["reason"]) == ("Lima", "superseded")
    assert history.row["valid_from"] <= history.row["valid_to"]


def test_the_same_key_in_another_category_is_the_same_fact():
    old = stored(found())

    _, rows = fact_writes(SESSION, MESSAGE, found(category="travel", value="Quito"), [old], NOW)

    assert rows[0]["id"] == old["id"]


def test_a_retraction_takes_it_back_and_telling_it_again_brings_it_to_life():
    old = stored(found())
    retracting = Analysis(retractions=["city", "unknown"])

    (update, history), rows = fact_writes(SESSION, MESSAGE, retracting, [old], NOW)
    assert isinstance(update, Update)
    assert isinstance(history, Insert)
    assert update.set["is_active"] is False
    assert history.row["reason"] == "retracted"
    assert rows == []

    gone = {**old, **update.set}
    writes, rows = fact_writes(SESSION, MESSAGE, found(), [gone], NOW)
    assert len(writes) == 1
    assert (rows[0]["is_active"], rows[0]["mention_count"]) == (True, 1)


def test_a_message_that_corrects_itself_counts_once():
    analysis = Analysis(facts=[*found().facts, *found(value="Quito").facts])

    writes, rows = fact_writes(SESSION, MESSAGE, analysis, [], NOW)

    assert len(writes) == len(rows) == 1
    assert rows[0]["value"] == "Quito"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Perú", "peru", True),
        ("  a  b ", "A B", True),
        ("a", "b", False),
        (28, 28.0, True),
        (28, "28", False),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, "a", False),
    ],
)
def test_values_are_the_same_whatever_case_and_accents(one, other, same):
    assert same_value(one, other) is same


def test_a_correction_is_marked_as_such_in_the_history():
    old = stored(found())
    fact = FoundFact(
        category="location", key="city", value="Quito", confidence=0.9, correction=True
    )

    (_, history), _ = fact_writes(SESSION, MESSAGE, Analysis(facts=[fact]), [old], NOW)

    assert history.row["reason"] == "corrected"


@pytest.mark.parametrize("reason", ["ended", "corrected"])
def test_a_retraction_says_why(reason):
    old = stored(found())
    analysis = Analysis(retractions=["city"], retraction_reasons={"city": reason})

    (_, history), _ = fact_writes(SESSION, MESSAGE, analysis, [old], NOW)

    assert history.row["reason"] == reason


@pytest.mark.parametrize("hours", [-48, 0, 48])
def test_no_interval_ends_before_it_begins_whatever_the_clock_does(hours):
    old = stored(found())
    at = NOW + timedelta(hours=hours)

    for analysis in (found(value="Quito"), Analysis(retractions=["city"])):
        writes, rows = fact_writes(SESSION, MESSAGE, analysis, [old], at)
        past = next(write.row for write in writes if isinstance(write, Insert))
        assert past["valid_from"] <= past["valid_to"]
        for row in rows:
            assert row["first_mentioned"] >= past["valid_to"]
            assert row["last_updated"] >= old["last_updated"]


def test_a_row_of_an_older_version_is_the_same_thing_under_its_old_name():
    old = stored(found(key="city"), category="other")

    writes, rows = fact_writes(SESSION, MESSAGE, found(key="location", value="Quito"), [old], NOW)

    assert rows[0]["id"] == old["id"]
    assert isinstance(writes[0], Update)


def test_all_of_a_family_can_be_taken_back():
    known = [
        stored(found(key=key, value=key, category="hobbies"))
        for key in ("hobby_chess", "hobby_padel", "likes_chess")
    ]

    writes, _ = fact_writes(SESSION, MESSAGE, Analysis(retractions=["hobby"]), known, NOW)

    gone = {write.row["key"] for write in writes if isinstance(write, Insert)}
    assert gone == {"hobby_chess", "hobby_padel"}


@pytest.mark.parametrize(
    ("key", "one", "other", "same"),
    [
        ("location", "Madrid", "Madrid, España", True),
        ("location", "Paris, Texas", "Paris, France", False),
        ("favorite_color", "Azul", "el azul", True),
        ("pet_type", "perro", "dog", True),
        ("pet_type", "perro", "gata", False),
        ("pet_type", "perro", "mascota", True),
        ("hobby", "chess, padel", "chess", False),
        ("smokes", True, 1, False),
    ],
)
def test_what_says_the_same_is_a_mention(key, one, other, same):
    assert same_fact(key, one, other) is same


def test_a_policy_keeps_what_it_may_and_counts_the_rest():
    health = FoundFact(category="health", key="diet", value="vegan", confidence=0.9)
    guess = FoundFact(category="work", key="job", value="nurse", confidence=0.2)
    analysis = Analysis(facts=[*found().facts, health, guess], dropped=1)

    kept = FactPolicy(disabled=("health",), least=0.5).applied(analysis)

    assert [fact.key for fact in kept.facts] == ["city"]
    assert kept.dropped == 3
    assert FactPolicy().applied(analysis) is analysis
