from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from luminora.memory.analysis import Analysis
from luminora.memory.fact_reader import FoundFact
from luminora.memory.fact_slots import placed
from luminora.memory.facts import fact_writes
from luminora.memory.models import Session
from luminora.providers import Update

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SESSION = Session(
    session_id="s", user_id="ana", personality_name="sakura", created_at=NOW, last_activity=NOW
)


def pet(name=None, kind=None, *, correction=False):
    parts = {"pet_type": kind, "pet_name": name}
    return [
        FoundFact(category="pets", key=key, value=value, confidence=0.9, correction=correction)
        for key, value in parts.items()
        if value
    ]


def brother(name):
    return [FoundFact(category="family", key="brother_name", value=name, confidence=0.9)]


def told(*messages):
    """The facts on record after these messages."""
    record = {}
    for number, facts in enumerate(messages):
        at = NOW + timedelta(minutes=number)
        _, rows = fact_writes(SESSION, None, Analysis(facts=facts), list(record.values()), at)
        record |= {row["key"]: row for row in rows}
    return {key: row["value"] for key, row in record.items()}


@pytest.mark.parametrize(
    ("messages", "known"),
    [
        ([pet("Max", "perro"), pet("Luna", "gata")],
         {"pet_name": "Max", "pet_type": "perro", "pet_name_2": "Luna", "pet_type_2": "gata"}),
        ([[*pet("Max", "dog"), *pet("Luna", "cat"), *pet("Rex", "dog")]],
         {"pet_name": "Max", "pet_type": "dog", "pet_name_2": "Luna", "pet_type_2": "cat",
          "pet_name_3": "Rex", "pet_type_3": "dog"}),
        ([pet("Max", "perro"), pet("max", "dog")], {"pet_name": "Max", "pet_type": "perro"}),
        ([pet(kind="perro"), pet("Max", "dog")], {"pet_name": "Max", "pet_type": "perro"}),
        ([pet("Max"), pet(kind="perro")], {"pet_name": "Max", "pet_type": "perro"}),
        ([pet("Max", "perro"), pet("Luna", "gata"), pet(kind="cat")],
         {"pet_name": "Max", "pet_type": "perro", "pet_name_2": "Luna", "pet_type_2": "gata"}),
        ([pet("Max", "perro"), pet("Rex", "perro", correction=True)],
         {"pet_name": "Rex", "pet_type": "perro"}),
        ([pet("Max", "dog"), pet("Luna", "cat"), pet("Lana", "cat", correction=True)],
         {"pet_name": "Max", "pet_type": "dog", "pet_name_2": "Lana", "pet_type_2": "cat"}),
        ([brother("Luis"), brother("Pedro"), brother("LUIS")],
         {"brother_name": "Luis", "brother_name_2": "Pedro"}),
    ],
)  # fmt: skip
def test_each_has_a_place_of_its_own(messages, known):
    assert told(*messages) == known


def test_a_partner_is_superseded_since_there_is_one():
    partners = [
        [FoundFact(category="relationships", key="partner_name", value=name, confidence=0.9)]
        for name in ("Eva", "Sara")
    ]

    assert told(*partners) == {"partner_name": "Sara"}


def test_a_place_that_is_free_again_is_used_again():
    _, rows = fact_writes(SESSION, None, Analysis(facts=pet("Max", "dog")), [], NOW)
    retired = [{**row, "is_active": False} for row in rows]

    writes, found = fact_writes(SESSION, None, Analysis(facts=pet("Luna", "cat")), retired, NOW)

    assert {row["key"]: row["value"] for row in found} == {"pet_name": "Luna", "pet_type": "cat"}
    assert all(isinstance(write, Update) for write in writes)


def test_a_key_can_be_meant_as_it_stands():
    _, rows = fact_writes(SESSION, None, Analysis(facts=pet("Max")), [], NOW)

    writes, found = fact_writes(SESSION, None, Analysis(facts=pet("Rex")), rows, NOW, exact=True)

    assert [(row["key"], row["value"]) for row in found] == [("pet_name", "Rex")]
    assert isinstance(writes[0], Update)


def test_other_facts_pass_through():
    facts = [FoundFact(category="personal_info", key="name", value="Ana", confidence=1.0)]

    assert placed(facts, []) == facts
