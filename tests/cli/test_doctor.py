from __future__ import annotations

import json
import sys
from pathlib import Path

from luminora.cli import main
from luminora.sync import LuminoraCoreClient
from tests.cli.terminal import Terminal, luminora


def run(capsys, *arguments):
    code = main(["doctor", *arguments])
    output = capsys.readouterr()
    return output.out, output.err, code


def pending_messages(count=1):
    with LuminoraCoreClient.from_config() as client:
        for _ in range(count):
            client.send_message(client.create_session("ana"), "hola")


def test_a_fresh_installation_is_ready(capsys):
    out, err, code = run(capsys)
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if line.startswith("[")] == [
        "[✓] Configuration",
        "[✓] Installation",
        "[✓] Machine",
        "[✓] Database",
        "[✓] Connections",
    ]
    assert out.endswith("\nYour system is ready!\n")


def test_a_broken_configuration_is_said_and_fails(capsys):
    Path("luminora.json").write_text("{")
    out, _, code = run(capsys)
    assert code == 1
    assert "[✗] Configuration" in out
    assert "(docs/configuration.md)" in out
    assert "1 problem." in out
    found = json.loads(run(capsys, "--json")[0])
    assert (found["version"], found["status"]) == (1, "error")
    (error,) = [one for one in found["findings"] if one["status"] == "error"]
    assert (error["check"], error["doc"]) == ("config", "docs/configuration.md")


def test_fix_mends_what_is_safe_and_says_so(capsys):
    Path(".env").write_text("KEY=value\n")
    Path(".env").chmod(0o644)
    out, _, code = run(capsys, "permissions")
    assert code == 0
    assert "luminora doctor --fix mends 1 of them" in out
    out, _, code = run(capsys, "permissions", "--fix")
    assert "mended: made" in out
    assert "1 thing was mended." in out
    assert Path(".env").stat().st_mode & 0o777 == 0o600


def test_fix_in_a_pipe_leaves_alone_what_it_would_ask_for(private_world):
    path = private_world / "data" / "luminora.db"
    path.write_bytes(b"")
    done = luminora("doctor", "schema", "--fix")
    assert done.returncode == 0
    assert "left alone without --yes" in done.err
    assert "luminora migrate" in done.out
    done = luminora("doctor", "schema", "jobs", "--fix", "--yes", "--json")
    found = json.loads(done.out)["findings"]
    assert [(one["check"], one["fixed"]) for one in found] == [("schema", True), ("jobs", False)]
    assert luminora("doctor", "schema").out.startswith("[✓] Database")


def test_checks_are_listed_and_chosen_by_name(capsys):
    out, _, code = run(capsys, "--list-checks")
    assert code == 0
    assert "permissions" in out
    names = [one["name"] for one in json.loads(run(capsys, "--list-checks", "--json")[0])["checks"]]
    assert names[-1] == "connections"
    out, _, _ = run(capsys, "clock", "disk", "--json")
    assert {one["check"] for one in json.loads(out)["findings"]} == {"clock", "disk"}


def test_an_unknown_check_is_refused_with_a_guess(capsys):
    _, err, code = run(capsys, "shema")
    assert code == 2
    assert "did you mean 'schema'?" in err


def test_a_missing_file_and_a_missing_home_do_not_crash_it(private_world, monkeypatch):
    done = luminora("doctor", "--config", "none.json")
    assert done.returncode == 1
    assert "there is no such file" in done.out
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    monkeypatch.setenv("LUMINORA_DATA_DIR", "/dev/null/data")
    done = luminora("doctor")
    assert done.returncode == 1
    assert "the data folder /dev/null/data cannot be used" in done.out
    monkeypatch.setenv("XDG_CONFIG_HOME", "/dev/null/config")
    done = luminora("doctor")
    assert done.returncode == 1
    assert "the list of disabled plugins cannot be read" in done.out


def test_a_question_can_be_answered_and_interrupted(private_world):
    (private_world / "data" / "luminora.db").write_bytes(b"")
    command = (sys.executable, "-m", "luminora.cli", "doctor", "schema", "--fix")
    answers = (("\x03", 130, "interrupted"), ("n\n", 0, "1 warning"), ("y\n", 0, "mended"))
    for answer, code, told in answers:
        with Terminal(*command) as terminal:
            terminal.until("[y/N]")
            terminal.type(answer)
            assert terminal.code(pressing=answer if code else None) == code
        assert told in terminal.text
