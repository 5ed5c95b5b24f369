from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

import luminora
from luminora.cli import COMMANDS, _run, main, output
from luminora.errors import ConfigError, CredentialsMissing, MigrationLockTimeout, SchemaPending
from tests.fakeplugins import make, manifest, site

__all__ = ["site"]


@pytest.fixture
def act(monkeypatch):
    """A command 'act' that does what it is told."""

    def acting(what):
        monkeypatch.setitem(COMMANDS, "act", ("tests.cli.test_main:_act", "Act."))
        monkeypatch.setattr(sys.modules[__name__], "_act", click.Command("act", callback=what))
        return main(["act"])

    return acting


_act = None


def test_version(capsys):
    for flag in ("--version", "-V"):
        assert main([flag]) == 0
    assert capsys.readouterr().out == f"luminora {luminora.__version__}\n" * 2


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_command(capsys, arguments):
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    for name, (_, line) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(line)}$", shown, re.MULTILINE)
    assert max(map(len, shown.splitlines())) <= 80


def test_the_table_is_in_order_and_its_lines_are_sentences():
    assert list(COMMANDS) == sorted(COMMANDS)
    assert all(line.endswith(".") and line[0].isupper() for _, line in COMMANDS.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plugns"], "there is no command 'plugns'; did you mean 'plugins'?"),
        (["xyzzy"], "there is no command 'xyzzy'"),
        (["plugins", "lst"], "did you mean 'list'?"),
        (["config", "show", "--jsn"], "--json"),
        (["--nonsense"], "--nonsense"),
        (["plugins", "info"], "NAME"),
        (["config", "show", "--set", "x"], "'x' is not PATH=VALUE"),
    ],
)
def test_usage_errors(capsys, arguments, message):
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("no", where="luminora.json:3", hint="do this"), 3),
        (CredentialsMissing("no"), 4),
        (SchemaPending("no"), 5),
        (MigrationLockTimeout("no"), 6),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (click.exceptions.Exit(7), 7),
        (click.ClickException("no"), 1),
        (ZeroDivisionError("no"), 1),
        (BrokenPipeError(), 0),
    ],
)
def test_exit_codes(act, capsys, monkeypatch, error, code):
    monkeypatch.setattr(_run, "hush", lambda: None)

    def fail():
        raise error

    assert act(fail) == code
    assert "Traceback" not in capsys.readouterr().err


def test_an_error_is_told_with_place_and_hint(act, capsys):
    def fail():
        raise ConfigError("2 problems", where="f", hint="h", problems=("first", "second"))

    act(fail)
    assert capsys.readouterr().err == "error: f: 2 problems\n  → h\nfirst\nsecond\n"


def test_an_unexpected_error_is_one_line_and_a_way_to_more(act, capsys, monkeypatch):
    def fail():
        raise ZeroDivisionError("first line\nsecond line")

    assert act(fail) == 1
    told = capsys.readouterr().err
    assert told.startswith(
        "error: unexpected ZeroDivisionError: first line\n  → run with LUMINORA_D"
    )
    monkeypatch.setenv("LUMINORA_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        act(fail)


def test_a_command_may_return_its_exit_code(act):
    assert act(lambda: 5) == 5
    assert act(lambda: None) == 0


def test_text_that_the_terminal_cannot_show_is_no_error():
    code = "from luminora.cli import main; import sys; sys.exit(main(['health']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert done.returncode == 0
    assert b"[+]" in done.stdout


@pytest.mark.parametrize("argument", ["--help", "schema"])
def test_nobody_reads_the_output(argument):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "luminora.cli", argument],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert done.stderr == b""


def test_interrupted_from_outside(site, tmp_path):
    code = """
import time
import click
from luminora import hookimpl

@hookimpl
def luminora_commands(group):
    @group.command()
    def wait():
        print("waiting", flush=True)
        time.sleep(30)
"""
    make(
        site,
        "lp_a",
        code=code,
        data=manifest("lp_a") | {"commands": {"wait": "W."}, "providers": {}},
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "luminora.cli", "wait"],
        env={**os.environ, "PYTHONPATH": str(site)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=10)
    assert (process.returncode, told.strip()) == (130, "interrupted")


def test_both_names_of_the_command_are_installed():
    from importlib.metadata import entry_points

    names = {entry.name: entry.value for entry in entry_points(group="console_scripts")}
    assert names["luminora"] == names["luminora-cli"] == "luminora.cli:main"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"_LUMINORA_COMPLETE": "bash_source"}, "complete -o nosort -F"),
        (
            {
                "_LUMINORA_COMPLETE": "bash_complete",
                "COMP_WORDS": "luminora plugins dis",
                "COMP_CWORD": "2",
            },
            "plain,disable",
        ),
    ],
)
def test_the_shell_completes_commands(environment, expected):
    done = subprocess.run(
        [sys.executable, "-m", "luminora.cli"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert expected in done.stdout


# output


def test_json_is_one_versioned_object(capsys):
    output.emit_json({"path": Path("x"), "name": "ñ"})
    assert capsys.readouterr().out == '{\n  "version": 1,\n  "path": "x",\n  "name": "ñ"\n}\n'


def test_a_table_in_a_pipe_is_plain_and_aligned(capsys):
    output.table(["a", "bee"], [["long", 1], ["x", None]])
    assert capsys.readouterr().out == "a     bee\nlong  1\nx\n"


def test_an_empty_table(capsys):
    output.table(["a", "b"], [])
    assert capsys.readouterr().out == "a  b\n"


def test_a_table_on_a_terminal_shows_text_as_it_is(capsys, monkeypatch):
    monkeypatch.setattr(output, "colourful", lambda: True)
    output.table(["a"], [["[red]not markup[/red]"]])
    assert "[red]not markup[/red]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [("NO_COLOR", "1", False), ("TERM", "dumb", False), ("NO_COLOR", "", True)],
)
def test_colour_needs_a_terminal_that_takes_it(monkeypatch, variable, value, expected):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv(variable, value)
    assert output.colourful() is expected
    assert (_run.app().context_settings["color"] is None) is expected


def test_work_is_run_on_a_loop_of_its_own():
    async def work():
        return time.monotonic()

    assert output.run_async(work()) > 0


# plugins' commands

DIARY = """
import click
from luminora import hookimpl

@hookimpl
def luminora_commands(group):
    @group.command(help="Dear diary.")
    def diary():
        click.echo("dear diary")
"""


def test_a_plugins_command_is_found_by_its_announcement(site, capsys):
    data = manifest("lp_a") | {"commands": {"diary": "Write."}, "providers": {}}
    make(site, "lp_a", code=DIARY, data=data)
    make(site, "lp_b", code="raise SystemExit", data=manifest("lp_b", "idle"))
    assert main(["diary"]) == 0
    assert capsys.readouterr().out == "dear diary\n"
    assert main(["plugins", "disable", "a"]) == 0
    assert main(["diary"]) == 2


def test_a_broken_plugins_command_is_its_own_failure(site, capsys):
    data = manifest("lp_a") | {"commands": {"diary": "Write."}, "providers": {}}
    make(site, "lp_a", code="1/0", data=data)
    assert main(["diary"]) == 3
    assert "luminora-a 1.2.3: the plugin cannot be used" in capsys.readouterr().err
    assert main(["plugins", "list"]) == 0
