from __future__ import annotations

import json

import pytest

from luminora.cli import main
from luminora.sync import LuminoraCoreClient

SAID = [
    {
        "role": "user",
        "content": "El sábado subí al Teide con mi hermana",
        "id": "a",
        "speaker": "Ana",
    },
    {"role": "assistant", "content": "¿Y qué tal la vista?", "id": "b"},
    {"role": "user", "content": "Mi jefe me dio una semana libre\x1b[2J", "id": "c"},
]


@pytest.fixture
def said():
    with LuminoraCoreClient.from_config() as client:
        session = client.create_session("ana", "sakura", session_id="s1")
        client.import_messages(session, SAID)
        other = client.create_session("bob", "sakura", session_id="s2")
        client.import_messages(other, [{"role": "user", "content": "El Teide, de noche"}])


def run(capsys, *arguments):
    code = main(list(arguments))
    output = capsys.readouterr()
    return output.out, output.err, code


def test_results_say_how_good_who_what_and_why(said, capsys):
    out, err, code = run(capsys, "search", "montaña Teide", "--user", "ana", "--top-k", "2")

    assert (code, err) == (0, "")
    first, why = out.splitlines()[:2]
    assert first.endswith("Ana: “El sábado subí al Teide con mi hermana”")
    assert "lexical 1.00" in why
    assert len(out.splitlines()) == 4
    assert "de noche" not in out


def test_json_is_one_versioned_object_and_text_for_people_is_harmless(said, capsys):
    out, _, _ = run(capsys, "search", "semana libre del jefe", "--user", "ana", "--json")
    found = json.loads(out)
    assert found["version"] == 1
    assert (found["user_id"], found["session_id"]) == ("ana", "s1")
    assert found["results"][0]["id"] == "c"
    assert found["results"][0]["content"].endswith("\x1b[2J")

    out, _, _ = run(capsys, "search", "semana libre del jefe", "--user", "ana")
    assert "\x1b" not in out


def test_who_is_asked_about_matters(said, capsys):
    _, err, code = run(capsys, "search", "x", "--user", "nobody")
    assert code == 1
    assert "'nobody' has no conversation yet" in err
    _, err, code = run(capsys, "search", "x", "--user", "bob", "--session", "s1")
    assert code == 1
    assert "another user's" in err
    _, err, code = run(capsys, "search", "x", "--session", "s9")
    assert code == 1
    assert "no session 's9'" in err
    assert run(capsys, "search", "", "--user", "ana")[2] == 1
    assert run(capsys, "search", "x", "--user", "ana", "--top-k", "0")[2] == 1
    assert run(capsys, "search", "x", "--user", "ana", "--top-k", "many")[2] == 2
    assert run(capsys, "search")[2] == 2
    assert run(capsys, "search", "Teide", "--session", "s2")[0].count("“") == 1
