"""What a shell is offered, and the script that makes it ask."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from luminora.cli import main
from luminora.cli._values import values
from tests.cli.terminal import luminora
from tests.fakeplugins import make, manifest, site

__all__ = ["site"]


def offered(line, **environment):
    """What bash is offered at the end of a line; a space at its end begins a new word."""
    words = line.split()
    place = len(words) if line.endswith(" ") else len(words) - 1
    asked = {"_LUMINORA_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(place)}
    done = luminora(env={**os.environ, **asked, **environment})
    assert (done.returncode, done.err) == (0, "")
    return [found.partition(",")[2] for found in done.out.split()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("luminora analy", ["analytics"]),
        ("luminora facts d", ["delete"]),
        ("luminora facts delete --er", ["--erase"]),
        ("luminora --no", ["--no-color"]),
        ("luminora jobs --status d", ["dead"]),
        ("luminora completion z", ["zsh"]),
        ("luminora chat --personality ali", ["alicia"]),
        ("luminora chat --personality=ali", ["alicia"]),
        ("luminora personality show ali", ["alicia"]),
        ("luminora help exit", ["exit-codes"]),
        ("luminora plugins info luminora-postg", ["luminora-postgresql"]),
        ("luminora migrate --database sqli", ["sqlite"]),
        ("luminora xyzzy --a", []),
        ("luminora history --nonsense x --l", ["--limit"]),
    ],
)
def test_names_are_offered_where_they_are_due(line, expected):
    assert offered(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("luminora health --config lum", "file,lum\n"),
        ("luminora snapshot verify d", "file,d\n"),
        ("luminora load-personality m", "file,m\n"),
        ("luminora copy --from a", "file,a\n"),
        ("luminora memory list --from a", ""),
        ("luminora snapshot verify --js", "plain,--json\n"),
    ],
)
def test_a_files_name_is_left_to_the_shell(line, expected):
    place = str(len(line.split()) - 1)
    asked = {"_LUMINORA_COMPLETE": "bash_complete", "COMP_CWORD": place, "COMP_WORDS": line}
    assert luminora(env={**os.environ, **asked}).out.lstrip("\n") == expected


def test_personas_of_this_project_are_offered(private_world):
    folder = Path("personalities")
    folder.mkdir()
    (folder / "zoe.json").write_text("{}")
    assert offered("luminora chat --personality zo") == ["zoe"]


@pytest.mark.parametrize(
    ("words", "among"),
    [
        (["config", "llm", "--provider"], "offline"),
        (["config", "vector-store", "--provider"], "sqlite-vec"),
        (["init", "--storage"], "sqlite"),
        (["init", "--embeddings"], "static"),
        (["init", "--cache"], "memory"),
    ],
)
def test_providers_are_those_of_the_kind_that_is_spoken_of(words, among):
    found = list(values(words))
    assert among in found
    assert ("sqlite" in found) is (among == "sqlite")


def test_nothing_is_known_of_other_words():
    assert list(values(["chat", "--user"])) == []
    assert list(values(["--provider"])) == []
    assert list(values([])) == []


def test_a_third_partys_provider_and_command_are_offered_and_it_is_not_run(site):
    code = "open('imported', 'w').close()"
    data = manifest("lp_a", "lemon", kind="llm") | {"commands": {"squeeze": "Squeeze it."}}
    make(site, "lp_a", code=code, data=data)
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    assert offered("luminora squee", PYTHONPATH=path) == ["squeeze"]
    assert offered("luminora config llm --provider lem", PYTHONPATH=path) == ["lemon"]
    assert offered("luminora squeeze --", PYTHONPATH=path) == []
    assert not Path("imported").exists()


def test_nothing_dear_is_imported_to_complete():
    code = (
        "import sys, atexit; from luminora.cli import main\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "sys.exit(main([]))"
    )
    dear = {"asyncio", "rich", "jsonschema", "httpx", "luminora.providers", "luminora.client"}
    for words, place in (
        ("luminora co", "1"),
        ("luminora chat --pers", "2"),
        ("luminora migrate --st", "2"),
        ("luminora forget --y", "2"),
        ("luminora jobs --re", "2"),
        ("luminora migrate --database p", "3"),
    ):
        asked = {"_LUMINORA_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": place}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **asked},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip(), words
        assert not set(done.stderr.split()) & dear, words
        if words == "luminora co":
            assert "luminora.cli.config" not in done.stderr.split()


# the scripts


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("bash", "complete -o nosort -F _luminora_completion luminora luminora-cli\n"),
        ("zsh", "#compdef luminora luminora-cli\n"),
        ("zsh", "compdef _luminora_completion luminora luminora-cli\n"),
        ("fish", "complete --command luminora-cli --wraps luminora\n"),
    ],
)
def test_the_script_is_for_both_names_of_the_command(shell, line, capsys):
    assert main(["completion", shell]) == 0
    shown = capsys.readouterr()
    assert line in shown.out
    assert shown.err == ""  # a shell that starts says nothing of it
    assert main(["completion", shell, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["shell"], line in document["script"]) == (shell, True)


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_a_real_bash_completes(tmp_path, capsys):
    main(["completion", "bash"])
    (tmp_path / "script").write_text(capsys.readouterr().out)
    command = tmp_path / "luminora-cli"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m luminora.cli "$@"\n')
    command.chmod(0o755)
    typed = """
source ./script
COMP_WORDS=(luminora-cli facts del); COMP_CWORD=2
_luminora_completion ./luminora-cli
echo "${COMPREPLY[@]}"
complete -p luminora-cli
"""
    done = subprocess.run(
        ["bash", "--norc", "-c", typed], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[0] == "delete"
    assert "_luminora_completion luminora-cli" in done.stdout


def test_the_shell_in_use_is_the_one_meant(monkeypatch, capsys):
    monkeypatch.setenv("SHELL", "/usr/bin/zsh")
    assert main(["completion"]) == 0
    assert "#compdef" in capsys.readouterr().out
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert main(["completion"]) == 2
    assert "luminora completion bash|zsh|fish" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("shell", "places"),
    [
        ("bash", [".local/share/bash-completion/completions/luminora"]),
        ("fish", [".config/fish/completions/luminora-cli.fish"]),
        ("zsh", [".zfunc/_luminora"]),
    ],
)
def test_it_is_written_to_where_the_shell_looks(shell, places, private_world, capsys):
    assert main(["completion", shell, "--install"]) == 0
    shown = capsys.readouterr()
    for place in places:
        path = private_world / "home" / place
        assert f"written: {path}" in shown.out
        assert "_luminora_completion" in path.read_text() or "--wraps" in path.read_text()
    if shell == "zsh":
        assert "fpath=" in shown.err


def test_a_home_that_cannot_be_written_is_told(private_world, capsys):
    (private_world / "home/.zfunc").write_text("")
    assert main(["completion", "zsh", "--install"]) == 1
    assert "cannot be written" in capsys.readouterr().err
