from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from luminora.cli import main
from luminora.sync import LuminoraCoreClient
from tests.cli.terminal import Terminal, luminora


def used():
    """Make the embedded default one that is in use."""
    with LuminoraCoreClient.from_config() as client:
        client.send_message(client.create_session("ana"), "hola")


def test_a_stack_in_use_gives_the_founding_transcript():
    used()
    done = luminora("test-connection")
    assert (done.returncode, done.err) == (0, "")
    told = re.sub(r"\d+(\.\d+)?ms", "Nms", done.out)
    assert [line for line in told.splitlines() if line.startswith("[")] == [
        "[1/5] Testing LLM Provider (Offline (built-in rules))",
        "[2/5] Testing Embedding Provider (Static word vectors)",
        "[3/5] Testing Database (SQLite)",
        "[4/5] Testing Vector Store (sqlite-vec)",
        "[5/5] Testing Cache (Memory)",
    ]
    for line in (
        "⏳ Sending test request...",
        "✓ Embeddings working! (dimension: 256, latency: Nms)",
        "✓ Connection established!",
        "✓ All tables present!",
        "✓ Database working!",
        "✓ Vector search working!",
        "✓ Cache working!",
        "  ✅ All Connections Working!",
        "Performance Summary:",
        "Your setup is ready! 🚀",
    ):
        assert line in told.splitlines(), line
    assert "\x1b" not in done.out


def test_it_says_what_to_do_next_and_fails_when_a_part_does(capsys):
    Path("luminora.json").write_text('{"cache_provider": {"name": "memmory"}}')
    assert main(["test-connection"]) == 3
    out = capsys.readouterr().out
    assert "✗" in out
    assert "1 of 5 does not work" in out
    assert "✓ Embeddings working!" in out
    Path("luminora.json").write_text(
        '{"llm_provider": {"name": "groq", "config": {"api_key_env": "UNSET_KEY"}},'
        ' "embedding_provider": "static"}'
    )
    assert main(["test-connection"]) == 4
    assert "→ export UNSET_KEY=…" in capsys.readouterr().out


def test_one_json_object_with_the_same_exit_code(capsys):
    used()
    assert main(["test-connection", "--json"]) == 0
    output = capsys.readouterr()
    found = json.loads(output.out)
    assert (found["version"], found["status"], output.err) == (1, "ok", "")
    assert list(found["parts"]) == ["llm", "embedding", "storage", "vector_store", "cache"]
    assert found["parts"]["embedding"]["data"]["dimension"] == 256
    Path("luminora.json").write_text('{"cache_provider": {"name": "memmory"}}')
    assert main(["test-connection", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["parts"]["cache"]["status"] == "error"


@pytest.mark.parametrize("part", ["llm", "storage", "embeddings", "vector-store", "cache"])
def test_one_part_is_tried_and_told_in_full(part, capsys):
    used()
    assert main(["test", part]) == 0
    out = capsys.readouterr().out
    assert out.count("Testing ") - out.count("⏳ Testing") == 1
    assert re.search(r"^  \w[\w ]*: ", out, re.MULTILINE)
    assert main(["test", part, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "ok"


def test_an_unknown_part_is_refused_with_those_there_are(capsys):
    assert main(["test", "vectors"]) == 2
    assert "'vector-store'" in capsys.readouterr().err


def test_marks_are_plain_where_the_encoding_has_none(private_world, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("PYTHONUTF8", "0")
    done = luminora("test-connection")
    assert done.returncode == 0
    assert "+ Cache working!" in done.out
    assert "\\u" not in done.out


def test_a_terminal_sees_the_same_lines_in_colour():
    used()
    with Terminal(sys.executable, "-m", "luminora.cli", "test-connection") as terminal:
        assert terminal.code() == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.text)
    assert "\x1b[32m✓" in terminal.text
    assert plain.index("[1/5]") < plain.index("[5/5]") < plain.index("All Connections Working!")


def test_only_the_chosen_providers_are_imported():
    Path("luminora.json").write_text("{}")
    code = (
        "import sys; from luminora.cli import main; code = main(sys.argv[1:]); "
        "sdks = {'psycopg', 'openai', 'httpx', 'questionary', 'boto3', 'redis', 'rich'}; "
        "print(code, *sorted(n for n in sys.modules if n.startswith('luminora_') or n in sdks), "
        "file=sys.stderr)"
    )
    for command in ("test-connection", "health", "doctor"):
        done = subprocess.run(
            [sys.executable, "-c", code, command], capture_output=True, text=True, check=True
        )
        assert done.stderr.splitlines()[-1] == "0", command
