"""``luminora benchmark``: what is measured, what stays behind (nothing), what a change is."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest

from luminora import _steps, measuring
from luminora.cli import main
from luminora.client import LuminoraCoreClient
from luminora.errors import LuminoraError, StorageUnavailable
from luminora.providers import EVERY_USER
from tests.cli.terminal import Terminal
from tests.doubles import ScriptedLLM
from tests.fakeplugins import make, manifest, site

__all__ = ["site"]

PAID = """
from luminora import hookimpl
from luminora.providers import ChatResult, CheckResult, LLMProvider, Status

class Paid(LLMProvider):
    name = "paid"

    async def chat(self, request):
        return ChatResult(text="{}" if request.task == "analysis" else "Bien.", model="p")

    async def check(self):
        return CheckResult(Status.OK)

@hookimpl
def luminora_llm(name, config, context):
    return Paid()
"""


def run(capsys, *arguments):
    code = main(["benchmark", *arguments])
    output = capsys.readouterr()
    return output.out, output.err, code


async def rows(client):
    """How many rows there are of anybody."""
    names = ("sessions", "messages", "user_facts", "episodes", "jobs", "user_affinity")
    return [await client.storage.count(name, EVERY_USER) for name in names]


# what is measured


def test_every_step_is_timed_and_nothing_stays(capsys):
    out, err, code = run(capsys, "--messages", "5", "--json")
    assert (err, code) == ("", 0)
    document = json.loads(out)
    assert (document["version"], document["messages"], document["degraded"]) == (1, 5, 0)
    assert document["stack"]["llm"] == "offline"
    assert set(document["steps"]) == set(measuring.STEPS)
    for name, step in document["steps"].items():
        assert step["count"] == 5, name
        assert 0 < step["p50_ms"] <= step["p95_ms"] <= step["p99_ms"] <= step["max_ms"]
    whole = document["steps"]["message"]
    assert all(step["p50_ms"] < whole["max_ms"] for step in document["steps"].values() if step)
    assert document["messages_per_second"] > 0
    assert main(["sessions", "--all-users", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sessions"] == []


def test_people_get_a_bar_for_each_step(capsys):
    out, err, code = run(capsys, "--messages", "3")
    assert code == 0
    for name in ("message", "save", "recall", "  embed", "compile", "generate", "learn"):
        assert f"\n{name} " in out
    assert "█" in out
    assert "3 messages in" in out
    assert "the first message, not counted" in err


async def test_the_user_is_removed_after_an_error_too(client, monkeypatch):
    sent = LuminoraCoreClient.send_message
    count = 0

    async def failing(self, *arguments):
        nonlocal count
        count += 1
        if count == 3:
            raise StorageUnavailable("the database stopped")
        return await sent(self, *arguments)

    monkeypatch.setattr(LuminoraCoreClient, "send_message", failing)
    with pytest.raises(StorageUnavailable):
        await measuring.measure(client, 5)
    assert count == 3
    assert await rows(client) == [0] * 6


async def test_a_user_that_cannot_be_removed_is_named(client, monkeypatch):
    async def failing(self, user_id):
        raise StorageUnavailable("the database stopped")

    monkeypatch.setattr(LuminoraCoreClient, "forget", failing)
    with pytest.raises(LuminoraError, match="could not be removed") as caught:
        await measuring.measure(client, 1)
    assert "luminora forget benchmark-" in caught.value.hint


def test_the_user_is_removed_after_ctrl_c(capsys):
    command = (sys.executable, "-m", "luminora.cli", "benchmark", "--messages", "10000")
    with Terminal(*command) as terminal:
        terminal.until("/10000")
        terminal.type("\x03")
        terminal.until("interrupted")
        assert terminal.code() == 130
    assert main(["sessions", "--all-users", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sessions"] == []


async def test_others_keep_what_they_have(client):
    session = await client.create_session("diego")
    await client.send_message(session, "Hola, soy Diego")
    before = await rows(client)
    await measuring.measure(client, 2)
    assert await rows(client) == before


async def test_replies_of_the_stand_in_are_counted(scripted, llm):
    llm.conversation = StorageUnavailable("the model is down")
    found = await measuring.measure(scripted, 2)
    assert found.degraded == 2
    assert "the model is down" in found.reason


# what it may cost


@pytest.fixture
def paid(site):
    data = manifest("lp_a", "paid", kind="llm")
    make(site, "lp_a", code=PAID, data=data)
    Path("luminora.json").write_text('{"llm_provider": "paid"}')


def test_nothing_is_spent_without_a_yes(paid, capsys):
    out, err, code = run(capsys, "--messages", "2")
    assert (out, code) == ("", 2)
    assert "it would spend money" in err
    assert "--yes" in err
    out, _, code = run(capsys, "--messages", "2", "--dry-run", "--json")
    plan = json.loads(out)["would_measure"]
    assert (code, plan["may_cost"], plan["messages"]) == (0, ["llm 'paid'"], 3)
    assert not Path("data").exists()
    out, _, code = run(capsys, "--messages", "2", "--yes", "--json")
    assert (code, json.loads(out)["stack"]["llm"]) == (0, "paid")


def test_what_costs_nothing_is_said_to(capsys):
    out, _, code = run(capsys, "--dry-run")
    assert code == 0
    assert "101 messages" in out
    assert "costs nothing" in out


# comparing


def test_a_saved_run_is_compared_with(capsys):
    assert run(capsys, "--messages", "3", "--save", "a.json")[2] == 0
    saved = json.loads(Path("a.json").read_text())
    assert len(saved["samples"]["generate"]) == 3
    out, err, code = run(
        capsys,
        "--messages",
        "3",
        "--compare",
        "a.json",
        "--save",
        "a.json",
        "--set",
        "memory.analysis=background",
    )
    assert code == 0
    assert "\nSince a.json:\n" in out
    assert "analysis was inline, is background" in err
    out, _, _ = run(capsys, "--messages", "3", "--compare", "a.json", "--json")
    found = json.loads(out)["compared"]
    assert found["stack_differs"] == {"analysis": ["background", "inline"]}
    assert set(found["steps"]["save"]) == {"before_ms", "now_ms", "percent", "noise"}


@pytest.mark.parametrize(
    ("arguments", "content", "complaint"),
    [
        (["--compare", "absent.json"], None, "cannot be read"),
        (["--compare", "b.json"], "{", "it is not JSON"),
        (["--compare", "b.json"], "[]", "no saved benchmark"),
        (["--compare", "b.json"], '{"samples": {"save": ["x"]}}', "no saved benchmark"),
        (["--compare", "b.json"], '{"samples": {"save": [NaN]}}', "no saved benchmark"),
        (["--save", "b.json"], '{"mine": 1}', "no saved benchmark"),
        (["--save", "nowhere/b.json"], None, "no such folder"),
    ],
)
def test_a_wrong_file_is_refused_before_anything_is_done(arguments, content, complaint, capsys):
    if content is not None:
        Path("b.json").write_text(content)
    out, err, code = run(capsys, "--messages", "2", *arguments)
    assert (out, code) == ("", 1)
    assert complaint in err
    assert content is None or Path("b.json").read_text() == content
    assert main(["sessions", "--all-users", "--json"]) == 0


def _samples(middle, seed, count=100):
    chance = random.Random(seed)
    return [abs(chance.gauss(middle, middle / 10)) for _ in range(count)]


def test_chance_is_called_noise_and_a_change_is_not():
    def change(before, now):
        return measuring.compared({"save": before}, {"save": now})["save"]

    same = [change(_samples(10, seed), _samples(10, seed + 100)) for seed in range(40)]
    assert all(one.noise for one in same)
    slower = change(_samples(10, 1), _samples(15, 2))
    assert not slower.noise
    assert 40 < slower.percent < 60
    faster = change(_samples(10, 1), _samples(5, 2))
    assert not faster.noise
    assert faster.percent < 0
    # three busy fifths of a run: its median is another, but not the machine's at rest
    busy = _samples(10, 3, 40) + _samples(20, 4, 60)
    assert change(_samples(10, 5), busy).percent > 50
    assert change(_samples(10, 5), busy).noise
    assert change([5.0], [50.0]).noise
    assert change([0.0] * 9, [0.0] * 9).noise
    assert measuring.compared({"save": [1.0]}, {"learn": [1.0]}) == {}


def test_many_samples_are_thinned_evenly():
    kept = measuring.kept({"save": list(range(10_000))})["save"]
    assert len(kept) == 2_000
    assert kept[:3] == [0, 5, 10]
    assert measuring.kept({"save": [1.0, 2.0]}) == {"save": [1.0, 2.0]}


# the observer


async def test_an_observer_sees_its_own_messages_alone(client):
    seen = []
    session = await client.create_session("diego")
    await client.send_message(session, "Hola")
    with _steps.observed(lambda step, seconds: seen.append((step, seconds))):
        await client.send_message(session, "Vivo en Sevilla")
    await client.send_message(session, "Adiós")
    names = [step for step, _ in seen]
    assert names[0] == "save"
    assert sorted(names) == sorted(set(names))
    assert {"recall", "embed", "search", "compile", "generate", "save reply"} < set(names)
    assert {"index", "embed messages", "analyse", "learn"} < set(names)
    assert all(seconds > 0 for _, seconds in seen)


def test_a_step_that_fails_is_not_told_of():
    seen = []
    with _steps.observed(lambda step, _: seen.append(step)):
        with pytest.raises(ZeroDivisionError), _steps.step("save"):
            raise ZeroDivisionError
        with _steps.step("recall"):
            pass
    with _steps.step("learn"):
        pass
    assert seen == ["recall"]


def test_the_double_is_a_model_that_costs_something():
    assert ScriptedLLM.metered
