from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from luminora.cli import main
from luminora.sync import LuminoraCoreClient
from tests.cli.terminal import Terminal


def run(capsys, *arguments):
    code = main(["health", *arguments])
    output = capsys.readouterr()
    return output.out, output.err, code


def test_a_fresh_installation_is_ready_and_nothing_is_made(private_world, capsys):
    out, err, code = run(capsys)
    assert code == 0
    assert out.count("[✓]") == 3
    assert out.count("[!]") == 2
    assert "ready, with the reservations above" in err
    assert list((private_world / "data").iterdir()) == []


def test_a_stack_in_use_works(capsys):
    with LuminoraCoreClient.from_config() as client:
        client.send_message(client.create_session("ana"), "hola")
        out, err, code = run(capsys)
    assert (code, err) == (0, "everything works\n")
    assert out.count("[✓]") == 5
    found = json.loads(run(capsys, "--json")[0])
    assert (found["version"], found["status"], found["errors"]) == (1, "ok", [])
    assert found["checks"]["storage"]["provider"] == "sqlite"
    assert found["checks"]["storage"]["latency_ms"] > 0


def test_it_says_which_part_fails(capsys):
    Path("file").write_text("")
    Path("luminora.json").write_text(
        '{"llm_provider": {"name": "groqq"}, "embedding_provider": {"name": "static"},'
        ' "storage_provider": {"name": "sqlite", "config": {"database_path": "luminora.json"}}}'
    )
    out, err, code = run(capsys)
    lines = {line.split()[1]: line for line in out.splitlines() if line.startswith("[")}
    assert code == 1
    assert "did you mean 'groq'?" in lines["llm"]
    assert lines["embedding"].startswith("[✓]")
    assert lines["storage"].startswith("[✗]")
    assert lines["cache"].startswith("[✓]")
    assert "of 5 parts do not work" in err
    again = json.loads(run(capsys, "--json")[0])
    assert again["status"] == "error"
    assert run(capsys, "--config", "none.json")[2] == 3


def watching(*options):
    """A watch in a pipe: two rounds, then Ctrl-C; the lines and how it ended."""
    command = [sys.executable, "-m", "luminora.cli", "health", "--watch", "0.1", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    return lines, err, process.returncode


def test_a_watch_in_a_pipe_is_a_line_a_round_and_ends_quietly():
    lines, err, code = watching()
    assert (err, code) == ("", 130)
    assert all("warning: llm ok" in line for line in lines)


def test_a_watch_with_json_is_an_object_a_round():
    lines, err, code = watching("--json")
    assert (err, code) == ("", 130)
    found = [json.loads(line) for line in lines]
    assert [one["version"] for one in found] == [1, 1]
    assert found[0]["time"] < found[1]["time"]
    assert found[0]["checks"]["storage"]["provider"] == "sqlite"


def test_a_watch_on_a_terminal_draws_the_screen_anew():
    with Terminal(sys.executable, "-m", "luminora.cli", "health", "--watch", "0.1") as terminal:
        terminal.until("Ctrl-C ends")
        terminal.until("\x1b[2J")
        terminal.until("Ctrl-C ends")
        terminal.type("\x03")
        assert terminal.code() == 130
    assert "interrupted" not in terminal.text
