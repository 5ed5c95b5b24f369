"""``luminora episodes`` and ``classify``."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from luminora import client
from luminora.cli import main
from luminora.sync import LuminoraCoreClient
from tests.memory.rows import NOW, row


@pytest.fixture
def told():
    old = {"role": "user", "timestamp": datetime.now(UTC) - timedelta(days=120)}
    with LuminoraCoreClient.from_config() as opened:
        session = opened.create_session("diego", "sakura", session_id="s1")
        opened.send_message(session, "Mi perro Max murió ayer")
        opened.import_messages(session, [{**old, "content": "Hoy llueve", "id": "rain"}])
        for number in range(3):
            opened.import_messages(session, [{**old, "content": f"Nada {number}"}])


def run(capsys, *arguments):
    code = main(list(arguments))
    output = capsys.readouterr()
    return output.out, output.err, code


def test_what_is_left_of_an_episode_is_shown(told, capsys):
    out, _, code = run(capsys, "episodes", "--user", "diego")
    head, tags, summary = out.splitlines()
    assert code == 0
    assert "9.0 of 9.0  emotional_moment  Mi perro Max murió ayer" in head
    assert tags == "    # sad, loss, pet"
    assert summary.strip() == "Mi perro Max murió ayer"

    (one,) = json.loads(run(capsys, "episodes", "--user", "diego", "--json")[0])["episodes"]
    assert one["importance"] == 9.0
    assert 0 < one["effective_importance"] <= 9.0
    assert 0 < one["temporal_decay"] <= 1
    assert one["tags"] == ["sad", "loss", "pet"]
    none = run(capsys, "episodes", "--user", "diego", "--min-importance", "9.5", "--json")[0]
    assert json.loads(none)["episodes"] == []


def test_consolidating_says_what_it_did(told, capsys):
    async def fill():
        async with await client.LuminoraCoreClient.from_config() as opened:
            for number in range(3):
                old = row(number, user_id="diego", timestamp=NOW - timedelta(days=100))
                await opened.storage.insert("episodes", "diego", old)

    asyncio.run(fill())
    asked = ("episodes", "--user", "diego", "--consolidate")
    assert run(capsys, *asked)[0] == "3 episodes of 'diego' became 1 summary\n"
    assert run(capsys, *asked)[0].startswith("nothing of 'diego' is old and small enough")
    found = json.loads(run(capsys, *asked, "--json")[0])
    assert (found["user_id"], found["summaries"], found["episodes"]) == ("diego", 0, 0)
    shown = run(capsys, "episodes", "--user", "diego")[0]
    assert "summary  " in shown
    assert "Something small happened, number 2" in shown


def test_classifying_says_what_it_did(told, capsys):
    asked = ("classify", "--user", "diego")
    assert run(capsys, *asked)[0] == "5 messages classified, 0 from the cache\n"
    assert json.loads(run(capsys, *asked, "--json")[0])["classified"] == 0
    assert run(capsys, "classify", "--user", "nobody")[2] == 1
