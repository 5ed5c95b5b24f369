"""What a rule hides is nowhere in the snapshot, and the rest can be imported."""

from __future__ import annotations

import json

import pytest

from luminora.errors import InputError
from luminora.providers import Update
from luminora.snapshots.redaction import MASK, without_contacts
from tests.snapshots.helpers import LIFE, client_at, lived


async def told(*rules: str) -> tuple[str, dict]:
    name = "-".join(rules)
    async with client_at(f"a-{name}") as one, client_at(f"b-{name}") as two:
        session = await lived(one)
        about = {"privacy": "sensitive"}
        (row,) = [
            row for row in await one.storage.find("messages", "diego") if row["content"] == LIFE[1]
        ]
        await one.storage.update(
            Update("memory_classifications", "diego", {}, set={"privacy": "public"})
        )
        await one.storage.update(
            Update("memory_classifications", "diego", {"message_id": row["id"]}, set=about)
        )
        options = {"redact": list(rules), "vectors": True}
        snapshot = await one.export_snapshot(session, options)
        assert snapshot["header"]["redacted"] == list(rules)
        there = await two.import_snapshot(snapshot, "eva")
        assert (await two.send_message(there, "¿Cómo me llamo?")).text
        rows = {name: part for name, part in snapshot.items() if name != "personas"}
        return json.dumps(rows, ensure_ascii=False), snapshot


async def test_contacts_are_masked_wherever_they_stand():
    text, snapshot = await told("contacts")
    assert "example.com" not in text
    assert "612 345 678" not in text
    assert "612345678" not in text
    assert MASK in text
    assert "Madrid" in text
    masked = [row["id"] for row in snapshot["messages"] if MASK in row["content"]]
    assert masked
    assert not {row["id"] for row in snapshot["vectors"]} & set(masked)


async def test_texts_are_masked_and_what_was_learned_stays():
    _, snapshot = await told("texts")
    assert {row["content"] for row in snapshot["messages"]} == {MASK}
    assert {row["context"] for row in snapshot["user_facts"]} == {None}
    assert {row["metadata"] for row in snapshot["messages"]} == {None}
    assert "Diego" in {row["value"] for row in snapshot["user_facts"]}
    assert snapshot["vectors"] == []


@pytest.mark.parametrize("rule", ["private", "sensitive"])
async def test_what_is_sensitive_is_masked_with_its_answer_and_what_follows(rule):
    text, snapshot = await told(rule)
    assert LIFE[1] not in text
    (asked,) = [
        row for row in snapshot["messages"] if row["content"] == MASK and not row["reply_to"]
    ]
    (answer,) = [row for row in snapshot["messages"] if row["reply_to"] == asked["id"]]
    assert answer["content"] == MASK
    assert asked["id"] not in {row["source_message_id"] for row in snapshot["user_facts"]}
    assert not [row for row in snapshot["episodes"] if asked["id"] in row["context_messages"]]
    assert LIFE[2] in text


async def test_facts_and_episodes_may_be_left_out():
    _, snapshot = await told("facts", "episodes")
    assert snapshot["user_facts"] == snapshot["fact_history"] == snapshot["episodes"] == []
    _, snapshot = await told("facts:personal_info")
    kept = {row["category"] for row in snapshot["user_facts"]}
    assert kept
    assert "personal_info" not in kept


async def test_the_users_id_may_be_left_out():
    _, snapshot = await told("user")
    rows = [row for name in snapshot["footer"]["counts"] for row in snapshot[name]]
    assert {row["user_id"] for row in rows if "user_id" in row} == {MASK}
    assert snapshot["header"]["user_id"] == MASK


@pytest.mark.parametrize("rule", ["", "fact", "facts:", "texts:x", "user:diego", 7])
async def test_other_rules_are_refused(rule):
    async with client_at("a") as one:
        with pytest.raises(InputError):
            await one.export_snapshot(await one.create_session("x"), {"redact": [rule]})
        with pytest.raises(InputError):
            await one.export_snapshot("x", {"redact": "texts"})


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail a.b+c@d-e.co.uk!", f"mail {MASK}!"),
        ("+34 612 345 678", MASK),
        ("call (020) 7946-0958 now", f"call {MASK} now"),
        ("ES91 2100 0418 4502 0005 1332", f"ES91 {MASK}"),
        ("nací el 24/12/1990", "nací el 24/12/1990"),
        ("2026-11-27 a las 10", "2026-11-27 a las 10"),
        ("tengo 34 años y 2 perros", "tengo 34 años y 2 perros"),
        ("123456", "123456"),
        ("1234567", MASK),
    ],
)
def test_numbers_are_told_from_dates(text, masked):
    assert without_contacts(text) == masked
