"""``luminora analytics``: figures in the terminal, as JSON and as a page."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

import pytest

from luminora.cli import main
from luminora.cli._sparks import Marks
from luminora.client import LuminoraCoreClient
from tests.past import Past, a_week, after, store


async def _store(*pasts: Past, week: bool = False) -> None:
    async with LuminoraCoreClient.from_config() as client:
        if week:
            await a_week(client)
        await store(client, *pasts)


@pytest.fixture
def week():
    asyncio.run(_store(week=True))


def run(capsys, *arguments):
    code = main(["analytics", *arguments])
    output = capsys.readouterr()
    return output.out, output.err, code


def test_the_terminal(week, capsys):
    out, err, code = run(capsys, "--user", "diego")
    assert code == 0
    assert out.startswith("diego, 2026-03-02 to 2026-03-03\n")
    for line in (
        "Messages    7: 4 by users, 3 replies, 1 conversation",
        "            █▄\n",
        "Sentiment   +0.33 on average, from -1 to +1",
        "            worried                   33%        1  ████████",
        "Affinity    sakura: 5 of 100 (stranger), +7 -2",
        "Names       Lucía 2, Max 1",
        "Facts       2 learned, 1 hold still, 1 changed",
        "Engagement  2 active days, longest streak 2, current 0",
        "3 of 4 messages answered, in 4.0 s in the middle, 1 by the embedded responder",
        "Tokens      410: 350 of prompts, 60 of answers, 3 calls, cost $0.0012",
        "openai gpt, reply: 2 calls, 350 tokens, $0.0010",
    ):
        assert line in out, line
    assert "note: cost leaves out 1 of 3 model calls" in err


def test_everybody_a_personality_and_a_period(week, capsys):
    assert "10: 6 by users, 3 replies, 3 conversations, 2 users" in run(capsys)[0]
    out = run(capsys, "--personality", "sakura", "--since", "2026-03-03")[0]
    assert out.startswith("Everybody with sakura, from 2026-03-03 (UTC)\n")
    assert "3: 2 by users, 1 reply, 2 conversations, 2 users" in out
    out = run(capsys, "--user", "diego", "--until", "2026-03-02T20:05")[0]
    assert "2: 1 by users, 1 reply, 1 conversation" in out


def test_json(week, capsys):
    out, _, code = run(capsys, "--user", "diego", "--json")
    found = json.loads(out)
    assert (code, found["version"], found["user_id"]) == (0, 1, "diego")
    assert found["messages"] == {
        "total": 7,
        "user": 4,
        "assistant": 3,
        "system": 0,
        "sessions": 1,
    }
    assert found["days"][0]["date"] == "2026-03-02"
    assert found["affinity"][0]["points"][-1]["points"] == 5
    assert found["engagement"]["first"] == "2026-03-02T20:00:00+00:00"
    assert found["usage"]["models"][0]["calls"] == 2


def test_a_page(week, capsys, tmp_path):
    target = tmp_path / "report.html"
    out, err, code = run(capsys, "--html", str(target))
    assert (out, err, code) == ("", f"written: {target}\n", 0)
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert target.stat().st_mode & 0o077 == 0, "it tells of people"

    target.write_text("mine")
    _, err, code = run(capsys, "--html", str(target))
    assert code == 1
    assert "exists already" in err
    assert "--force" in err
    assert target.read_text() == "mine"
    out, _, code = run(capsys, "--html", str(target), "--force", "--json")
    assert code == 0
    assert json.loads(out)["users"] == 2
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(tmp_path.glob(".report*")) == []


def test_a_page_that_cannot_be_written(week, capsys, tmp_path):
    assert "is a folder" in run(capsys, "--html", str(tmp_path))[1]
    (tmp_path / "file").touch()
    _, err, code = run(capsys, "--html", str(tmp_path / "file" / "report.html"))
    assert code == 1
    assert "cannot be written" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "yesterday"), "'yesterday' is not a date"),
        (("--since", "2026-03-03", "--until", "2026-03-01"), "before it begins"),
        (("--user", ""), "user_id"),
    ],
)
def test_what_cannot_be_answered(capsys, arguments, said):
    _, err, code = run(capsys, *arguments)
    assert code in {1, 2}
    assert said in err


def test_nothing_yet(capsys):
    out, err, code = run(capsys, "--user", "nobody")
    assert code == 0
    assert out.startswith("nobody, all time\n")
    assert "note: no messages" in err


def test_nothing_of_a_user_commands_the_terminal(capsys):
    past = Past("eve\x1b[2J", "sak\x07ura", "s")
    past.said(after(), "Dijo Wi\x1b[31mld y Salvaje\x9b", classified=("pe\x1bts", "neutral"))
    past.answered(after(), provider="\x1b]0;x\x07", model="\x1bm", usage={"prompt_tokens": 1})
    past.felt("ha\x1bppy", after())
    past.grew("fri\x1bend", (after(), 1))
    past.learned("pe\x1bts", "name", after())
    asyncio.run(_store(past))
    out, err, code = run(capsys)
    assert code == 0
    assert not {"\x1b", "\x07", "\x9b"} & set(out + err)


def test_a_terminal_without_block_characters(week):
    done = subprocess.run(
        [sys.executable, "-m", "luminora", "analytics", "--user", "diego"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
    )
    text = done.stdout.decode("cp1252")
    assert "########" in text
    assert "Lucía" in text
    assert "\\u25" not in text


def test_marks():
    blocks, ascii_ = Marks(blocks=True), Marks(blocks=False)
    assert blocks.spark([0, 7, None, 3.5]) == "▁█ ▅"
    assert blocks.spark([5, 5]) == "██"
    assert blocks.spark([0, 0]) == "▁▁"
    assert blocks.spark([]) == blocks.spark([None]) == ""
    assert blocks.spark([-1, 0, 1], low=-1, high=1) == "▁▅█"
    assert ascii_.spark([0, 7]) == "_#"
    assert (blocks.bar(1, 4), blocks.bar(0.5, 3), blocks.bar(0.0001), blocks.bar(0)) == (
        "████",
        "█▌",
        "▏",
        "",
    )
    assert (ascii_.bar(1, 4), ascii_.bar(0.0001)) == ("####", "#")
