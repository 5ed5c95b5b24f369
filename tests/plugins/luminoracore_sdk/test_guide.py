"""The guide's code runs as printed, each time in a process of its own."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.plugins.luminoracore_sdk.guide import GUIDE, SETUP, TESTS

NOBODY = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
"""An internet in which no vendor can be reached."""

REQUEST = """
from types import SimpleNamespace
request = SimpleNamespace(
    session_id="test_session", message="¿Cómo me llamo?", personality="sakura"
)
"""

BROKEN = {
    "a session manager that is None": "base_client.session_manager = None\n",
    "a base client of something else": "base_client = SimpleNamespace(session_manager=None)\n",
    "no base client": "base_client = None\n",
}


def remembered(values):
    return {fact["key"]: str(fact["value"]).casefold() for fact in values["facts"]}


def check_conversation(values):
    first, second, third = (values[f"result{number}"] for number in (1, 2, 3))
    assert all(result["success"] for result in (first, second, third))
    assert "me llamo sakura. y tú eres carlos, ¿verdad?" in second["response"].casefold()
    assert "¡Por supuesto que sé que te llamas Carlos! Lo mencionaste antes." in third["response"]
    assert remembered(values)["name"] == "carlos"
    assert remembered(values)["travel_destination"].startswith("himalaya")
    points = [result["affinity_points"] for result in (first, second, third)]
    assert points == sorted(set(points))
    assert values["affinity"]["points"] == values["affinity"]["affinity_points"] == points[-1] > 0


SHOWN = ["result1", "result2", "result3", "facts", "affinity"]


def test_steps_and_tests_run_as_printed(run_blocks):
    values, said = run_blocks([*SETUP, *TESTS], show=SHOWN)
    check_conversation(values)
    assert not said
    assert Path("your_database.db").is_file()


def test_step_5_runs_as_printed_and_says_that_the_vendor_was_not_reached(run_blocks):
    run_blocks([*SETUP, TESTS[0]], show=[])
    step = GUIDE["Step 5"]
    values, said = run_blocks([*SETUP, step], show=["result"], before=REQUEST, **NOBODY)
    result = values["result"]
    assert result["success"]
    assert "Carlos" in result["response"]
    assert result["degraded"]
    assert result["degraded_reason"].startswith("deepseek: ConnectionFailed")
    assert "your-api-key" not in f"{values}{said}"
    assert b"your-api-key" not in Path("your_database.db").read_bytes()


def test_what_one_process_was_told_the_next_one_knows(run_blocks):
    first, _ = run_blocks([*SETUP, TESTS[0]], show=["result2"])
    values, _ = run_blocks([*SETUP, *TESTS[1:]], show=["result3", "facts", "affinity"])
    assert "te llamas Carlos" in values["result3"]["response"]
    assert remembered(values)["name"] == "carlos"
    assert values["affinity"]["points"] > first["result2"]["affinity_points"]


@pytest.mark.parametrize("breakage", BROKEN)
def test_the_broken_configurations_remember_and_say_so(run_blocks, breakage):
    blocks = [
        *SETUP[:3],
        f"from types import SimpleNamespace\n{BROKEN[breakage]}some_client = base_client",
        GUIDE["Current backend code (incorrect)"],
        *TESTS,
    ]
    values, said = run_blocks(blocks, show=SHOWN)
    check_conversation(values)
    assert not said
    for name in SHOWN[:3]:
        assert values[name]["degraded"]
        assert "provider_config" in values[name]["degraded_reason"]
        (warning,) = values[name]["warnings"]
        assert "None" in warning


def test_a_session_manager_lost_in_mid_conversation(run_blocks):
    blocks = [*SETUP, TESTS[0], "base_client.session_manager = None", *TESTS[1:]]
    values, _ = run_blocks(blocks, show=SHOWN)
    check_conversation(values)
    assert values["result1"]["warnings"] == []
    assert "session_manager is None" in values["result3"]["warnings"][0]


def test_no_storage_either_still_remembers(run_blocks, tmp_path):
    lost = "client_v11 = LuminoraCoreClientV11(base_client=None, storage_v11=None)"
    run_blocks([SETUP[0], lost, TESTS[0]], show=[])
    values, _ = run_blocks([SETUP[0], lost, *TESTS[1:]], show=["result3", "facts"])
    assert remembered(values)["name"] == "carlos"
    assert len(values["result3"]["warnings"]) == 2
    (file,) = (tmp_path / "data").glob("*.db")
    with sqlite3.connect(file) as database:
        (count,) = database.execute("SELECT count(*) FROM messages").fetchone()
    database.close()
    assert count == 6
