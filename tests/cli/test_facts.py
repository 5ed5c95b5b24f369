"""``luminora facts`` and what it can change."""

from __future__ import annotations

import json
import sys

import pytest

from luminora.cli import main
from luminora.sync import LuminoraCoreClient
from tests.cli.terminal import Terminal


@pytest.fixture
def talked():
    with LuminoraCoreClient.from_config() as client:
        session = client.create_session("diego", "sakura", session_id="s1")
        client.send_message(session, "Hola, soy Diego y vivo en Madrid")


def run(capsys, *arguments):
    code = main(["facts", *arguments])
    output = capsys.readouterr()
    return output.out, output.err, code


@pytest.mark.usefixtures("talked")
def test_facts_are_noted_changed_and_taken_back(capsys):
    who = ("--user", "diego")
    assert run(capsys, "add", "personal_info.edad", "28", *who)[0] == (
        "noted: personal_info.age = 28\n"
    )
    found = json.loads(run(capsys, "add", "other.car", '{"brand": "Seat"}', *who, "--json")[0])
    assert found["noted"]["value"] == {"brand": "Seat"}
    assert "Sevilla" in run(capsys, "edit", "location", "Sevilla", "--was-true", *who)[0]
    assert "taken back" in run(capsys, "delete", "name", *who)[0]

    facts = json.loads(run(capsys, *who, "--json")[0])["facts"]
    assert {fact["key"]: fact["value"] for fact in facts} == {
        "age": 28, "car": {"brand": "Seat"}, "location": "Sevilla",
    }  # fmt: skip
    history = json.loads(run(capsys, *who, "--history", "--json")[0])["history"]
    assert [(row["key"], row["value"], row["reason"]) for row in history] == [
        ("name", "Diego", "retracted"),
        ("location", "Madrid", "superseded"),
    ]
    shown = run(capsys, *who, "--history", "--category", "location")[0]
    assert "Madrid" in shown
    assert "Diego" not in shown


@pytest.mark.usefixtures("talked")
def test_what_cannot_be_done_is_said_and_not_done(capsys):
    who = ("--user", "diego")
    for arguments, complaint, expected in (
        (("add", "name", "x", *who), "is not CATEGORY.KEY", 2),
        (("add", "helth.diet", "x", *who), "did you mean 'health'", 1),
        (("edit", "nothing", "x", *who), "there is no fact 'nothing' of 'diego'", 1),
        (("delete", "nothing", *who), "there is no fact", 1),
        ((*who, "delete", "name"), "options stand behind 'delete'", 2),
        (("ad",), "did you mean 'add'?", 2),
        (("add", "other.x", "y", "--confidence", "7", *who), "--confidence", 2),
    ):
        _, err, code = run(capsys, *arguments)
        assert code == expected
        assert complaint in err
    assert "Diego" in run(capsys, *who)[0]
    for name in ("add", "edit", "delete"):
        assert f"luminora facts {name}" in run(capsys, name, "--help")[0].partition("Example")[2]


@pytest.mark.usefixtures("talked")
def test_erasing_asks_first(capsys):
    command = ("facts", "delete", "name", "--erase", "--user", "diego")
    with Terminal(sys.executable, "-m", "luminora.cli", *command) as terminal:
        terminal.until("for good? ")
        terminal.type("n\r")
        terminal.until("nothing was changed")
        assert terminal.code() == 1
    assert "would erase: personal_info.name = Diego" in run(capsys, *command[1:], "--dry-run")[0]
    assert "Diego" in run(capsys, "--user", "diego")[0]
    with Terminal(sys.executable, "-m", "luminora.cli", *command) as terminal:
        terminal.until("for good? ")
        terminal.type("y\r")
        terminal.until("erased: personal_info.name = Diego")
    assert "Diego" not in run(capsys, "--user", "diego", "--history")[0]
