from __future__ import annotations

import io
import json
import sys

import pytest

from luminora.cli import _companion, chat, main
from luminora.client import LuminoraCoreClient
from luminora.errors import Overloaded
from tests.cli.terminal import Terminal, luminora, objects
from tests.doubles import ScriptedLLM, stack_with

SLOW = """
import asyncio, sys
from luminora.builtin.offline.provider import OfflineLLM
from luminora.cli import main
from luminora.providers import ChatDelta

async def stream(self, request):
    if "despacio" in request.grounding.user_text:
        yield ChatDelta(text="Ya voy", model="slow")
        await asyncio.sleep(60)
    yield ChatDelta(text="Aquí ", model="slow")
    yield ChatDelta(text="estoy.", model="slow")

OfflineLLM.stream = stream
sys.exit(main(["chat", "--user", "diego"]))
"""


@pytest.fixture
def piped(monkeypatch, capsys):
    """``luminora chat`` in this process, with a scripted model; output, errors, exit code."""
    llm = ScriptedLLM()

    async def opened(config):
        stack = stack_with(llm=llm)
        return await LuminoraCoreClient(stack), stack

    def talk(text, *arguments):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        code = main(["chat", "--user", "diego", *arguments])
        output = capsys.readouterr()
        return output.out, output.err, code

    monkeypatch.setattr(chat, "open_client", opened)
    talk.llm = llm
    return talk


def test_a_name_said_in_one_process_is_known_in_the_next():
    first = luminora("chat", "--user", "diego", said="Hola, soy Diego y me encanta Naruto\n")
    second = luminora("chat", "--user", "diego", said="¿Cómo me llamo?\n")

    assert first.returncode == second.returncode == 0
    assert len(first.out.splitlines()) == len(second.out.splitlines()) == 1
    assert "Diego" in second.out
    assert first.err == second.err == ""


def test_odd_lines_are_answered_or_refused_one_by_one():
    said = "\n".join(
        [
            "Soy Ana 👩‍👩‍👧‍👦",
            "   ",
            "مرحبا، كيف حالك؟",
            "con\0nulo",
            "/fakts",
            "/facts",
            "//etc es una carpeta",
            "a" * 1_000_000,
            "ñ" * 90_000,
            "¿Cómo me llamo?",
        ]
    ).encode()
    said += b"\n\xed\xa0\x80 \xff\n/quit\nnunca se dice\n"
    talk = luminora("chat", "--user", "ana", "--json", said=said)

    found = {one["line"]: one for one in objects(talk.out)}
    assert talk.returncode == 1
    assert sorted(found) == [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert [line for line in found if "error" in found[line]] == [4, 5, 8, 11]
    assert found[1]["message"] == "Soy Ana 👩‍👩‍👧‍👦"
    assert found[1]["facts"][0]["context"] == "Soy Ana 👩‍👩‍👧‍👦"
    assert found[1]["affinity_event"]["event"]
    assert found[6]["command"] == "facts"
    assert found[6]["result"][0]["value"] == "Ana"
    assert "Ana" in found[10]["reply"]
    assert "line 4: message: there is a NUL" in talk.err
    assert "did you mean '/facts'?" in talk.err
    assert "the line has 1,000,001 bytes and the limit is 400,000" in talk.err
    assert "line 11: the line is not UTF-8: byte 0xed at position 0" in talk.err
    assert "4 of 11 lines could not be used" in talk.err

    history = json.loads(luminora("history", "--user", "ana", "--json").out)["messages"]
    users = [message["content"] for message in history if message["role"] == "user"]
    assert users[:3] == ["Soy Ana 👩‍👩‍👧‍👦", "مرحبا، كيف حالك؟", "/etc es una carpeta"]
    assert users[3:] == ["ñ" * 90_000, "¿Cómo me llamo?"]


def test_without_a_session_the_latest_conversation_goes_on(piped):
    ids = []
    for arguments in ([], [], ["--new"], [], ["--session", "mine"], ["--session", "mine"]):
        out, _, code = piped("hola\n", "--json", *arguments)
        assert code == 0
        ids.append(objects(out)[0]["session_id"])

    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert ids[4:] == ["mine", "mine"]


def test_a_degraded_reply_is_still_a_reply_and_the_note_goes_to_standard_error(piped):
    piped.llm.conversation = Overloaded("too busy", provider="scripted")
    out, err, code = piped("Hola, soy Diego\n")

    assert code == 0
    assert len(out.splitlines()) == 1
    assert err.splitlines() == [
        "line 1: the built-in rules answered: scripted: Overloaded: too busy"
    ]


def test_what_a_model_says_cannot_command_the_terminal(piped):
    piped.llm.conversation = "hola\x1b]0;mine\x07 \x9b2J"
    out, _, _ = piped("hola\n")

    assert out == "hola?]0;mine? ?2J\n".replace("?", "\N{REPLACEMENT CHARACTER}")


def test_usage(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    assert main(["chat"]) == 0
    assert "pipe one message per line" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["chat"]) == 1
    assert "standard input is closed" in capsys.readouterr().err
    assert main(["chat", "--personality", "sakra"]) == 1
    assert "did you mean 'sakura'?" in capsys.readouterr().err
    assert main(["chat", "--user", ""]) == 1
    assert main(["chat", "--config", "none.json"]) == 3
    assert main(["chat", "--help"]) == 0
    assert "echo " in capsys.readouterr().out


def test_at_a_terminal():
    with Terminal(sys.executable, "-c", SLOW) as terminal:
        header = terminal.until("diego: ")
        assert "Sakura · stranger, 0/100 · model offline, storage sqlite" in header
        assert "built-in rules" in header
        terminal.type("Hola, soy Diego\r")
        reply = terminal.until("diego: ")
        assert "Sakura: " in reply
        assert "Aquí estoy." in reply
        assert "remembers name: Diego" in reply
        terminal.type("/facts\r")
        assert "personal_info.name" in terminal.until("diego: ")
        terminal.type("/fact\r")
        assert "did you mean '/facts'?" in terminal.until("diego: ")
        terminal.type("despacio\r")
        terminal.until("Ya voy")
        terminal.type("\x03")
        terminal.until("(stopped)")
        terminal.until("diego: ")
        terminal.type("¿sigues ahí?\r")
        assert "Aquí estoy." in terminal.until("diego: ")
        assert terminal.code(pressing="\x03") == 130

    with Terminal(sys.executable, "-m", "luminora.cli", "chat", "--user", "diego") as terminal:
        assert "stranger, " in terminal.until("diego: ")
        terminal.type("¿Cómo me llamo?\r")
        assert "Diego" in terminal.until("diego: ").partition("Sakura: ")[2]
        terminal.type("\x04")
        assert terminal.code() == 0


def test_a_user_is_who_is_logged_in(monkeypatch):
    def nobody():
        raise KeyError("uid 4711")

    assert _companion.Who(user="diego").user_id == "diego"
    monkeypatch.setattr("getpass.getuser", nobody)
    assert _companion.Who().user_id == "user"
