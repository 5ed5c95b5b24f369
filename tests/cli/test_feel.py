"""How the command feels: what holds for every command, whoever wrote it."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import time
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import click
import pytest

from luminora.cli import COMMANDS, _ask, _overview, _terminal, main, output
from luminora.cli._help import examples
from luminora.cli._run import app
from luminora.sync import LuminoraCoreClient
from tests.cli.terminal import Terminal, luminora

NOT_READING = {
    "demo",  # a show
    "config edit",  # an editor
    "help",  # text for people
    "schema",  # prints JSON as it is
    "personality export",  # writes a file in a format of its own
    "plugins disable",
    "plugins enable",
    "lock",
}


def _walk(command, context, words=()):
    yield words, command
    if isinstance(command, click.Group):
        for name in COMMANDS if not words else command.list_commands(context):
            inner = command.get_command(context, name)
            below = click.Context(inner, info_name=name, parent=context)
            yield from _walk(inner, below, (*words, name))


def _all():
    root = app()
    return [one for one in _walk(root, click.Context(root, info_name="luminora")) if one[0]]


ALL = _all()
NAMES = [" ".join(words) for words, _ in ALL]


@pytest.fixture(params=ALL, ids=NAMES)
def one(request):
    return request.param


@pytest.fixture
def talked():
    with LuminoraCoreClient.from_config() as client:
        session = client.create_session("diego", "sakura", session_id="s1")
        client.send_message(session, "Hola, soy Diego y vivo en Sevilla")


def _leaf(command):
    return not isinstance(command, click.Group) or command.invoke_without_command


# help


def test_every_command_explains_itself_with_an_example(one, request):
    words, command = one
    assert command.help
    found = examples(command.help)
    assert found
    assert any(f"luminora {words[0]}" in example for example in found)


def test_every_option_says_what_it_is_for(one):
    options = [param for param in one[1].params if isinstance(param, click.Option)]
    assert [option.opts[0] for option in options if not option.help and not option.hidden] == []


def test_every_command_that_reads_has_json(one):
    words, command = one
    if " ".join(words) in NOT_READING or not _leaf(command) or words[0] in NOT_READING:
        return
    assert "--json" in {spelling for param in command.params for spelling in param.opts}


def test_what_deletes_can_be_tried_and_confirmed_without_a_question():
    destructive = {"forget", "sessions delete", "messages delete", "episodes delete"}
    destructive |= {"facts delete", "memory revoke", "migrate", "jobs"}
    found = {" ".join(words): command for words, command in ALL}
    for name in destructive:
        spelt = {spelling for param in found[name].params for spelling in param.opts}
        assert {"--yes", "--dry-run"} <= spelt, name


def test_examples_stand_on_lines_of_their_own_in_the_narrowest_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert main(["jobs", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "\n    luminora jobs --status dead\n    luminora jobs --retry-all\n" in shown
    command = "luminora plugins list"
    assert main(["plugins", "list", "--help"]) == 0
    assert f"\n  Example: {command}\n" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--help"], ["migrate", "--help"], ["help", "exit-codes"]])
def test_help_fits_forty_columns(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    own = [line for line in lines if "luminora " not in line and "[" not in line]
    assert max(map(len, own)) <= 40


def test_help_is_in_sections_and_every_command_stands_in_one(capsys):
    placed = [name for names in _overview.SECTIONS.values() for name in names]
    assert len(placed) == len(set(placed))
    assert set(COMMANDS) <= set(placed)
    main(["--help"])
    shown = capsys.readouterr().out
    places = [shown.index(f"\n{title}:\n") for title in ("Start", "Talk", "Remember", "Operate")]
    assert "More:" not in shown
    assert min(places) > 0


def test_a_command_nobody_placed_is_still_listed(capsys, monkeypatch):
    monkeypatch.setitem(COMMANDS, "zebra", ("x:y", "Be striped."))
    main(["--help"])
    assert re.search(r"\nMore:\n  zebra +Be striped.\n", capsys.readouterr().out)


def test_exit_codes_are_told(capsys):
    assert main(["help", "exit-codes"]) == 0
    shown = capsys.readouterr().out
    for code in (0, 1, 2, 3, 4, 5, 6, 130):
        assert re.search(rf"^  {code} ", shown, re.MULTILINE)
    assert main(["--help"]) == 0
    assert "luminora help exit-codes" in capsys.readouterr().out


def test_help_explains_commands_too(capsys):
    assert main(["facts", "add", "--help"]) == 0
    expected = capsys.readouterr().out
    assert main(["help", "facts", "add"]) == 0
    assert capsys.readouterr().out == expected
    assert main(["help", "facts", "ad"]) == 2
    assert "did you mean 'add'?" in capsys.readouterr().err
    assert main(["help", "search", "x"]) == 2


def test_help_imports_no_click_and_command_help_no_sdk_and_nothing_of_the_kernel():
    code = (
        "import sys; from luminora.cli import main; main(sys.argv[1:]); "
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    heavy = {"questionary", "rich", "jsonschema", "pydantic", "numpy", "httpx", "asyncio"}
    heavy |= {
        "apsw",
        "openai",
        "anthropic",
        "luminora.client",
        "luminora.providers",
        "prompt_toolkit",
    }

    def loaded(*arguments):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        return set(done.stderr.split())

    assert not loaded("--help") & {*heavy, "click", "json", "re"}
    assert not loaded("help", "exit-codes") & {*heavy, "click"}
    each = (
        "import sys; from luminora.cli import main, COMMANDS\n"
        "for name in COMMANDS:\n    main([name, '--help'])\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", each], capture_output=True, text=True, check=True)
    assert not set(done.stderr.split()) & (heavy - {"asyncio"})


# what was probably meant


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["histroy"], "'history'"),
        (["facts", "dlete"], "'delete'"),
        (["--hlep"], "--help"),
        (["history", "--limt", "3"], "--limit"),
        (["facts", "add", "--confidance", "1"], "--confidence"),
        (["jobs", "--status", "redy"], "did you mean 'ready'?"),
        (["completion", "bsah"], "did you mean 'bash'?"),
    ],
)
def test_what_was_meant_is_proposed_at_every_level(words, meant, capsys):
    assert main(words) == 2
    assert meant in capsys.readouterr().err


def test_a_word_like_nothing_is_not_guessed_at(capsys):
    assert main(["jobs", "--status", "xyzzy"]) == 2
    assert "mean" not in capsys.readouterr().err


# JSON


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (["history", "--user", "nobody", "--json"], 1, "SessionNotFound"),
        (["history", "--limt", "3", "--json"], 2, "UsageError"),
        (["config", "show", "--config", "absent.json", "--json"], 3, "ConfigError"),
        (["jobs", "--discard", "x", "--json"], 2, "UsageError"),
    ],
)
def test_a_failure_in_json_is_an_object_and_the_same_text_and_code(words, code, kind, capsys):
    assert main(words) == code
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert document["version"] == 1
    assert document["error"]["type"] == kind
    assert document["error"]["exit_code"] == code
    assert document["error"]["message"] in shown.err.replace("\n", " ")
    assert main([word for word in words if word != "--json"]) == code
    plain = capsys.readouterr()
    assert (plain.out, plain.err) == ("", shown.err)


def test_several_problems_are_all_in_the_object(capsys):
    Path("luminora.json").write_text('{"llm_provider": "offlin", "storage_provider": "sqlit"}')
    assert main(["jobs", "--json"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert len(error["problems"]) == 2
    assert "offline" in error["problems"][0]


def test_there_is_one_object_even_if_a_command_fails_after_its_result(capsys, monkeypatch):
    def told():
        output.emit_json({"found": 1})
        raise click.ClickException("and then it broke")

    monkeypatch.setitem(COMMANDS, "act", ("tests.cli.test_feel:_act", "Act."))
    as_json = click.Option(["--json", "as_json"], is_flag=True, expose_value=False)
    command = click.Command("act", callback=told, params=[as_json])
    monkeypatch.setattr(sys.modules[__name__], "_act", command, raising=False)
    assert main(["act", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["found"] == 1


def test_behind_two_dashes_json_is_a_word(capsys):
    assert main(["history", "--limt", "--", "--json"]) == 2
    assert capsys.readouterr().out == ""


def test_people_are_told_things_on_standard_error(talked, capsys):
    for words in (["sessions"], ["messages"], ["facts"], ["affinity"], ["episodes"]):
        assert main([*words, "--user", "diego", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["version"] == 1
    assert main(["jobs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["jobs"] == []


def test_json_survives_a_terminal_without_unicode(talked):
    done = luminora(
        "messages", "--user", "diego", "--json", env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert done.returncode == 0
    assert json.loads(done.out)["messages"][0]["content"] == "Hola, soy Diego y vivo en Sevilla"
    assert "\\x" not in done.out


# colour and terminals


def test_colour_needs_a_terminal_and_nobody_who_minds(talked):
    command = (sys.executable, "-m", "luminora.cli", "health")
    with Terminal(*command) as terminal:
        terminal.code()
        assert "\x1b[3" in terminal.text
    for more, environment in (
        (["--no-color"], {}),
        ([], {"NO_COLOR": "1"}),
        ([], {"TERM": "dumb"}),
    ):
        with Terminal(*command, *more, **environment) as terminal:
            assert terminal.code() == 0
            assert "\x1b[" not in terminal.text
    assert b"\x1b" not in luminora("health").stdout


@pytest.mark.parametrize("words", [["--no-color"], ["--help", "--no-color"]])
def test_the_overview_without_colour(words):
    with Terminal(sys.executable, "-m", "luminora.cli", *words) as terminal:
        assert terminal.code() == 0
        assert "Start:" in terminal.text
        assert "\x1b" not in terminal.text
    with Terminal(sys.executable, "-m", "luminora.cli") as terminal:
        terminal.until("\x1b[1mStart:\x1b[0m")
        assert terminal.code() == 0


def test_no_color_may_stand_anywhere_and_leaves_nothing_behind(capsys):
    for words in (["--no-color", "jobs"], ["jobs", "--no-color"], ["jobs", "--no-color", "--json"]):
        assert main(words) == 0
        capsys.readouterr()
    assert "NO_COLOR" not in os.environ
    assert main(["search", "--user", "nobody", "--", "--no-color"]) == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_signs_that_a_terminal_lacks_are_written_as_plain_ones(encoding, talked):
    done = luminora("health", env={**os.environ, "PYTHONIOENCODING": encoding})
    assert done.returncode == 0
    assert done.stdout.startswith(b"[+] llm")
    assert b"\\u" not in done.stdout


def test_a_letter_that_it_lacks_is_escaped_and_nothing_is_lost():
    assert _terminal._stand_in(UnicodeEncodeError("ascii", "ñ→█┌─", 0, 5, "")) == (
        "\\xf1->#+-",
        5,
    )


def _in_a_window(columns, *words):
    """What a command prints in a terminal of so many columns."""
    outer, inner = pty.openpty()
    ioctl(inner, TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    process = subprocess.Popen(
        [sys.executable, "-m", "luminora.cli", *words],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env={**environment, "TERM": "xterm"},
    )
    os.close(inner)
    shown = b""
    try:
        while data := os.read(outer, 65536):
            shown += data
    except OSError:  # how a pseudo-terminal ends
        shown += b""
    process.wait(30)
    os.close(outer)
    return shown.decode()


def test_a_table_in_forty_columns_is_blocks_of_lines(talked):
    narrow = _in_a_window(40, "sessions", "--user", "diego")
    assert "session: s1\r\nuser: diego\r\nwith: sakura\r\n" in narrow
    wide = _in_a_window(120, "sessions", "--user", "diego")
    assert re.search(r"s1 +diego +sakura", wide)


def test_that_a_stack_is_being_opened_is_said_and_leaves_no_trace(talked):
    command = (sys.executable, "-m", "luminora.cli", "sessions", "--user", "diego")
    with Terminal(*command) as terminal:
        terminal.until("opening…\r\x1b[K")
        assert terminal.code() == 0
        assert terminal.text.index("opening") < terminal.text.index("s1")
    for environment in ({"NO_COLOR": "1"}, {"CI": "1"}, {"TERM": "dumb"}):
        with Terminal(*command, **environment) as terminal:
            assert terminal.code() == 0
            assert "opening" not in terminal.text
    assert luminora(*command[3:]).err == ""


def test_beside_a_bar_nothing_else_is_drawn(monkeypatch, capsys):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(_terminal, "terminal", lambda _stream: True)
    with output.progress("Copying", "rows") as advance, output.waiting("opening"):
        advance(1, 2)
    assert "opening" not in capsys.readouterr().err
    with output.waiting("opening"):
        pass
    assert "opening…" in capsys.readouterr().err


# questions


def test_nothing_is_asked_without_a_terminal_nor_in_ci(talked, monkeypatch, capsys):
    command = ["facts", "delete", "name", "--erase", "--user", "diego"]
    done = luminora(*command, said="y\n")
    assert done.returncode == 2
    assert "--yes" in done.err
    with Terminal(sys.executable, "-m", "luminora.cli", *command, CI="true") as terminal:
        assert terminal.code() == 2
        assert "--yes" in terminal.text
    assert main(["facts", "--user", "diego"]) == 0
    assert "Diego" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("1", True), ("", False), ("false", False), ("0", False)],
)
def test_ci_says_that_nobody_watches(value, expected, monkeypatch):
    monkeypatch.setenv("CI", value)
    assert _terminal.unattended() is expected
    monkeypatch.setattr(_terminal, "terminal", lambda _stream: True)
    assert _ask.attended() is not expected


def test_a_name_has_to_be_typed_before_a_conversation_is_lost(talked):
    command = ("sessions", "delete", "s1")
    with Terminal(sys.executable, "-m", "luminora.cli", *command) as terminal:
        terminal.until("2 messages")
        terminal.until("Type s1 to go on: ")
        terminal.type("y\r")
        assert terminal.code() == 1
    with Terminal(sys.executable, "-m", "luminora.cli", *command) as terminal:
        terminal.until("Type s1 to go on: ")
        terminal.type("\x03")
        assert terminal.code(pressing="\x03") == 130
    with Terminal(sys.executable, "-m", "luminora.cli", *command) as terminal:
        terminal.until("Type s1 to go on: ")
        terminal.type("s1\r")
        terminal.until("deleted, of 'diego':")
        assert terminal.code() == 0


# ends


def test_ctrl_c_is_130_even_while_something_is_imported(monkeypatch, capsys):
    def interrupted(_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("luminora.cli._main", interrupted)
    assert main(["jobs"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_worker_that_is_told_to_stop_ends_well():
    process = subprocess.Popen(
        [sys.executable, "-m", "luminora.cli", "worker"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "waiting for jobs" in process.stderr.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "0 jobs done, 0 messages indexed\n")
    assert "Traceback" not in err


@pytest.mark.parametrize("words", [["--help"], ["migrate", "--sql"], ["jobs", "--help"]])
def test_nobody_reads_to_the_end(words):
    process = subprocess.Popen(
        [sys.executable, "-m", "luminora.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 0
    assert err == b""


# flags before files


def test_a_flag_beats_the_environment_which_beats_the_file(tmp_path, monkeypatch, capsys):
    file = tmp_path / "l.json"
    file.write_text('{"llm_provider": "offline", "memory": {"history_limit": 5}}')
    show = ["config", "show", "--config", str(file), "--json"]

    def limit(*more):
        assert main([*show, *more]) == 0
        return json.loads(capsys.readouterr().out)["config"]["memory"]["history_limit"]

    assert limit() == 5
    monkeypatch.setenv("LUMINORA_MEMORY__HISTORY_LIMIT", "6")
    assert limit() == 6
    assert limit("--set", "memory.history_limit=7") == 7


def test_every_failure_says_what_to_do_next(capsys):
    for words in (
        ["history", "--user", "nobody"],
        ["sessions", "show", "nothing"],
        ["config", "show", "--config", "absent.json"],
        ["personality", "show", "sakra"],
        ["plugins", "info", "nothing"],
        ["snapshot", "verify", "absent"],
        ["benchmark", "--compare", "absent.json"],
    ):
        assert main(words) > 0
        shown = capsys.readouterr().err
        assert shown.startswith("error: ")
        if words[0] not in {"snapshot", "benchmark"}:
            assert "\n  → " in shown
