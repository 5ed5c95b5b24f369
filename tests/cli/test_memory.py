"""Look-ups, forget and reindex."""

from __future__ import annotations

import json
import os
import sys

import pytest

from luminora.cli import main
from luminora.sync import LuminoraCoreClient
from tests.cli.terminal import Terminal


@pytest.fixture
def talked():
    with LuminoraCoreClient.from_config() as client:
        session = client.create_session("diego", "sakura", session_id="s1")
        client.send_message(session, "Hola, soy Diego y me encanta Naruto")
        client.send_message(client.create_session("ana", "cassian"), "I'm Ana")


def run(capsys, *arguments):
    code = main(list(arguments))
    output = capsys.readouterr()
    return output.out, output.err, code


def test_look_ups(talked, capsys):
    out, _, code = run(capsys, "facts", "--user", "diego")
    assert code == 0
    assert "personal_info.name" in out
    assert "“Hola, soy Diego y me encanta Naruto”" in out
    out, _, _ = run(capsys, "affinity", "--user", "diego")
    assert "sakura: stranger, " in out
    assert "because of" in out
    assert run(capsys, "mood", "--user", "diego")[0]
    assert "user: Hola, soy Diego" in run(capsys, "history", "--user", "diego")[0]
    assert run(capsys, "episodes", "--user", "diego")[2] == 0
    assert len(run(capsys, "history", "--user", "diego", "--limit", "1")[0].splitlines()) == 1

    for name, key in {
        "facts": "facts",
        "affinity": "affinity",
        "mood": "mood",
        "episodes": "episodes",
        "history": "messages",
    }.items():
        found = json.loads(run(capsys, name, "--user", "diego", "--json")[0])
        assert (found["version"], found["user_id"], found["session_id"]) == (1, "diego", "s1")
        assert key in found
    facts = json.loads(
        run(capsys, "facts", "--user", "diego", "--category", "personal_info", "--json")[0]
    )
    assert [fact["value"] for fact in facts["facts"]] == ["Diego"]

    _, err, code = run(capsys, "facts", "--user", "diego", "--personality", "cassian")
    assert code == 1
    assert "no conversation with 'cassian' yet" in err
    assert run(capsys, "history", "--limit", "0")[2] == 2
    for name in ("facts", "affinity", "mood", "episodes", "history", "forget", "reindex"):
        assert f"luminora {name}" in run(capsys, name, "--help")[0].partition("Example")[2]


def test_forget_shows_asks_and_deletes_only_that_user(talked, capsys, monkeypatch):
    out, _, code = run(capsys, "forget", "diego", "--dry-run")
    assert code == 0
    assert "2 messages" in out
    stdin = os.open(os.devnull, os.O_RDONLY)
    with os.fdopen(stdin) as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        _, err, code = run(capsys, "forget", "diego")
    assert code == 2
    assert "--yes" in err
    assert json.loads(run(capsys, "forget", "diego", "--dry-run", "--json")[0])["would_delete"]

    with Terminal(sys.executable, "-m", "luminora.cli", "forget", "diego") as terminal:
        terminal.until("Type diego to go on: ")
        terminal.type("no\r")
        terminal.until("nothing was deleted")
        assert terminal.code() == 1
    found = json.loads(run(capsys, "forget", "diego", "--yes", "--json")[0])
    assert found["deleted"]["messages"] == 2
    assert "nothing is remembered about 'diego'" in run(capsys, "forget", "diego", "--yes")[0]
    assert run(capsys, "facts", "--user", "diego")[2] == 1
    assert run(capsys, "facts", "--user", "ana")[2] == 0


def test_reindex_says_how_many(talked, capsys):
    assert json.loads(run(capsys, "reindex", "--json")[0]) == {"version": 1, "indexed": 0}
    assert run(capsys, "reindex")[0] == "nothing was waiting to be indexed\n"
