from __future__ import annotations

import json
import sys
from pathlib import Path

import pyrage
import pytest

from luminora.cli import main
from tests.cli.terminal import Terminal, luminora

AT_A = ("--set", "storage_provider.config.database_path=a.db")
AT_B = ("--set", "storage_provider.config.database_path=b.db")


@pytest.fixture(autouse=True)
def talked(capsys):
    lines = [
        {"role": "user", "content": "Me llamo Diego y mi correo es d@example.com"},
        {"role": "assistant", "content": "Hola, Diego"},
    ]
    Path("chat.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert main(["import", "messages", "chat.jsonl", "--user", "diego", *AT_A]) == 0
    capsys.readouterr()


def said(capsys, *arguments: str) -> dict:
    assert main(["snapshot", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_out_and_in(capsys):
    made = said(capsys, "export", "--user", "diego", "--output", "d.jsonl.gz", *AT_A)
    assert made["file"] == "d.jsonl.gz"
    assert made["counts"]["messages"] == 2
    assert said(capsys, "verify", "d.jsonl.gz")["sha256"] == made["sha256"]
    assert said(capsys, "inspect", "d.jsonl.gz")["header"] == made["header"]
    done = said(capsys, "import", "d.jsonl.gz", "--user", "eva", *AT_B)
    assert (done["user_id"], done["written"]["messages"], done["known"]) == ("eva", 2, False)
    assert main(["snapshot", "import", "d.jsonl.gz", "--user", "eva", *AT_B]) == 0
    assert f"imported before (session {done['session_id']})" in capsys.readouterr().out
    arguments = ("--user", "ana", "--personality", "alicia", *AT_B)
    assert main(["snapshot", "import", "d.jsonl.gz", *arguments]) == 0
    assert "✓ 'ana' goes on in session" in capsys.readouterr().out
    assert main(["history", "--user", "ana", *AT_B]) == 0
    assert "Me llamo Diego" in capsys.readouterr().out


def test_people_are_told_what_there_is(capsys):
    session = said(capsys, "export", "--user", "diego", "--output", "d.jsonl", *AT_A)
    assert main(["snapshot", "export", "--user", "diego", *AT_A]) == 0
    written = capsys.readouterr()
    (made,) = Path.cwd().glob("luminora-diego-*.jsonl.gz")
    assert str(made.name) in written.out
    assert "not encrypted" in written.err
    assert main(["snapshot", "inspect", made.name]) == 0
    assert "diego" in capsys.readouterr().out
    assert main(["snapshot", "verify", made.name]) == 0
    assert "✓ whole and sound" in capsys.readouterr().out
    rules = ("--redact", "contacts", "--redact", "user", "--vectors")
    told = said(capsys, "export", "--user", "diego", "--output", "r.jsonl", *rules, *AT_A)
    assert told["header"]["redacted"] == ["contacts", "user"]
    assert "example.com" not in Path("r.jsonl").read_text()
    assert session["counts"]["vectors"] == 0 < told["counts"]["vectors"]


def test_what_goes_wrong_is_said_with_its_code(capsys):
    Path("bad.jsonl").write_text("{}")
    for arguments, code, text in [
        (("verify", "bad.jsonl"), 1, "not a snapshot"),
        (("import", "bad.jsonl", *AT_B), 1, "not a snapshot"),
        (("verify", "absent.jsonl"), 1, "cannot be read"),
        (("export", "--user", "nobody", *AT_A), 1, "nothing to export"),
        (("export", "--user", "diego", "--redact", "x", *AT_A), 1, "no rule 'x'"),
        (("export", "--user", "diego", "--passphrase-env", "NOT_SET", *AT_A), 4, "NOT_SET"),
        (("verify", "bad.jsonl", "--identity", "absent.key"), 1, "absent.key"),
        (("verify",), 2, "Missing argument"),
    ]:
        assert main(["snapshot", *arguments]) == code
        assert text in capsys.readouterr().err


def test_a_key_locks_and_unlocks(capsys):
    key = pyrage.x25519.Identity.generate()
    Path("key.txt").write_text(f"# mine\n{key}\n")
    recipient = ("--recipient", str(key.to_public()))
    made = said(capsys, "export", "--user", "diego", "--output", "d.jsonl.age", *recipient, *AT_A)
    assert main(["snapshot", "verify", "d.jsonl.age"]) == 1
    assert "--identity FILE" in capsys.readouterr().err
    verified = said(capsys, "verify", "d.jsonl.age", "--identity", "key.txt")
    assert verified["sha256"] == made["sha256"]
    done = said(capsys, "import", "d.jsonl.age", "--identity", "key.txt", "--user", "eva", *AT_B)
    assert done["written"]["messages"] == 2


def test_a_passphrase_comes_from_the_environment_or_the_keyboard(capsys, monkeypatch):
    done = luminora("snapshot", "export", "--user", "diego", "--encrypt", *AT_A)
    assert done.returncode == 2
    assert "--passphrase-env NAME" in done.err
    command = (sys.executable, "-m", "luminora.cli", "snapshot")
    arguments = ("export", "--user", "diego", "--encrypt", "--output", "d.jsonl.age", *AT_A)
    with Terminal(*command, *arguments) as terminal:
        terminal.until("Passphrase:")
        terminal.type("correcto caballo\n")
        terminal.until("Repeat for confirmation:")
        terminal.type("correcto caballo\n")
        assert terminal.code() == 0
        assert "caballo" not in terminal.text
    monkeypatch.setenv("SNAPSHOT_WORD", "correcto caballo")
    found = said(capsys, "inspect", "d.jsonl.age", "--passphrase-env", "SNAPSHOT_WORD")
    assert found["header"]["user_id"] == "diego"
    assert Path("d.jsonl.age").stat().st_mode & 0o777 == 0o600
