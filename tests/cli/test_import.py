from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from luminora.cli import main
from tests.cli.terminal import luminora

COUNT = 700


@pytest.fixture
def lines():
    return [
        json.dumps(
            {
                "role": "user" if number % 2 else "assistant",
                "content": f"mensaje {number} sobre la montaña 👩‍👩‍👧‍👦",
                "id": number,
                "timestamp": 1_700_000_000 + number,
            }
        )
        for number in range(COUNT)
    ]


def load(capsys, *arguments):
    code = main(["import", "messages", *arguments, "--user", "ana"])
    output = capsys.readouterr()
    return output.out, output.err, code


def counts(text):
    found = json.loads(text)
    return found["version"], found["imported"], found["skipped"], found["pending"]


def test_a_bad_line_is_named_and_the_corrected_file_is_completed(lines, capsys):
    good = lines[600]
    for bad, problem in {
        '{"role": "robot", "content": "x"}': "chat.jsonl:602: role is 'robot'",
        '{"role": "user", "content": ""}': "chat.jsonl:602 (content): the text is empty",
        '{"role": "user", "content": oops}': "chat.jsonl:602 (/content): malformed JSON",
        '["user", "hola"]': "chat.jsonl:602: expected a JSON object",
        f'{{"role": "user", "content": "{"x" * 1_200_000}"}}': "chat.jsonl:602: the line has 1,200",
    }.items():
        lines[600] = bad
        Path("chat.jsonl").write_text("\n".join([lines[0], "", *lines[1:]]))
        out, err, code = load(capsys, "chat.jsonl")
        assert (out, code) == ("", 1)
        assert problem in err
        assert "messages before it were imported into session" in err
    lines[600] = good
    Path("chat.jsonl").write_text("\ufeff" + "\r\n".join(lines))

    out, _, code = load(capsys, "chat.jsonl", "--json")
    assert code == 0
    assert counts(out) == (1, COUNT - 512, 512, 0)
    out, _, code = load(capsys, "chat.jsonl")
    assert out.startswith("0 messages imported, 700 were there already (session ")


def test_standard_input_in_a_process(lines):
    done = luminora("import", "messages", "-", "--json", "--user", "ana", said="\n".join(lines))
    assert done.returncode == 0, done.err
    assert counts(done.out) == (1, COUNT, 0, 0)


def test_usage(capsys, monkeypatch):
    assert load(capsys, "none.jsonl")[1:] == (
        "error: none.jsonl: cannot be read: No such file or directory\n",
        1,
    )
    assert load(capsys, ".")[2] == 1
    assert load(capsys)[2] == 2
    assert main(["import", "mesages"]) == 2
    assert "did you mean 'messages'?" in capsys.readouterr().err
    assert main(["import", "messages", "--help"]) == 0
    assert "Example:" in capsys.readouterr().out
    for said, code in {b"": 0, b'{"role": "user", "content": "\xff"}\n': 1}.items():
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(said)))
        _, err, found = load(capsys, "-", "--json")
        assert found == code
    assert "standard input:1" in err
