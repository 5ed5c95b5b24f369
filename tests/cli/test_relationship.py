"""``luminora affinity`` and ``luminora mood``."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

import luminora
from luminora.cli import main
from luminora.providers import Update
from luminora.sync import LuminoraCoreClient


@pytest.fixture
def talked():
    with LuminoraCoreClient.from_config() as client:
        session = client.create_session("diego", "sakura", session_id="s1")
        client.send_message(session, "Hola, soy Diego y vivo en Madrid")
        client.send_message(session, "Muchas gracias, Sakura")
        client.send_message(session, "Muchas gracias otra vez, Sakura")
        client.send_message(session, "Cállate, no sirves para nada")
        client.send_message(session, "Te odio")


def run(capsys, *arguments):
    code = main(list(arguments))
    output = capsys.readouterr()
    assert code == 0, output.err
    return output.out


def test_affinity_explains_every_change(talked, capsys):
    table = run(capsys, "affinity", "--user", "diego")
    assert "gratitude" in table
    assert "{" not in table
    out = run(capsys, "affinity", "--user", "diego", "--explain")
    assert "gratitude is worth +3" in out
    assert "gratitude counts once in 10 minutes" in out
    assert out.index("insult") < out.index("gratitude")  # the latest first
    one = run(capsys, "affinity", "--user", "diego", "--explain", "--events", "1")
    assert "gratitude" not in one
    assert "insult" not in run(capsys, "affinity", "--user", "diego", "--events", "0")


def test_affinity_says_what_silence_has_taken(talked, capsys):
    long_ago = datetime.now(UTC) - timedelta(days=40)

    async def leave() -> None:
        async with luminora.LuminoraCoreClient.from_config() as client:
            change = {"affinity_points": 42, "last_interaction": long_ago}
            await client.storage.update(Update("user_affinity", "diego", {}, set=change))

    asyncio.run(leave())
    out = run(capsys, "affinity", "--user", "diego")
    assert "sakura: acquaintance, 27 of 100 points" in out  # (40 - 10 days) x 0.5
    assert "has taken 15 points" in out


def test_affinity_as_data_adds_up(talked, capsys):
    found = json.loads(run(capsys, "affinity", "--user", "diego", "--json"))
    assert sum(event["points"] for event in found["events"]) == found["affinity"]["points"]
    for event in found["events"]:
        assert sum(step["points"] for step in event["steps"]) == event["points"]
    names = [[step["name"] for step in event["steps"]] for event in found["events"]]
    assert names[2] == ["base", "cooldown"]
    assert names[3] == ["base"]


def test_mood_shows_where_it_came_from(talked, capsys):
    assert run(capsys, "mood", "--user", "diego").startswith("hurt (56%) since ")
    out = run(capsys, "mood", "--user", "diego", "--history")
    assert out.splitlines()[-1].split()[-2:] == ["hurt", "56%"]
    assert "happy" in out
    found = json.loads(run(capsys, "mood", "--user", "diego", "--history", "--json"))
    assert found["mood"]["name"] == found["history"][-1]["name"] == "hurt"
    assert found["history"][-1]["until"] is None
    assert "history" not in json.loads(run(capsys, "mood", "--user", "diego", "--json"))


def test_a_conversation_that_stirred_nothing_says_so(capsys):
    with LuminoraCoreClient.from_config() as client:
        client.create_session("ana", "sakura")
    assert run(capsys, "mood", "--user", "ana", "--history") == "neutral (100%)\n"
    assert "stranger, 0 of 100" in run(capsys, "affinity", "--user", "ana", "--explain")
