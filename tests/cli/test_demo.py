from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from luminora.cli import demo, main
from tests.cli.terminal import luminora


def test_the_demo_shows_what_is_remembered_and_why(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    Path("luminora.json").write_text('{"llm_provider": {"name": "none-of-this-is-read"}}')
    done = luminora("demo", "--keep")

    assert done.returncode == 0, done.err
    assert "ú eres Carlos" in done.out
    assert "Vas al Himalaya" in done.out
    assert "Your name is Emma" in done.out
    assert "to the Himalayas" in done.out
    assert re.search(r"learned +name = Carlos \(9\d% sure\) from “Me llamo Carlos", done.out)
    assert re.search(r"affinity +0 → \d+ \(\+\d+, share_personal", done.out)
    assert re.search(r"recalled +“Me llamo Carlos, voy al Himalaya”\n +score 0\.\d\d: ", done.out)
    assert done.out.count("Process 4") == 2
    assert "No network was used" in done.out
    voices = re.findall(r"^    (?:happy|sad) +(.+)$", done.out, re.MULTILINE)
    assert len(voices) == 12
    assert len(set(voices)) >= 6

    folder = re.search(r"LUMINORA_DATA_DIR=(\S+) luminora chat --user carlos", done.out)[1]
    Path("luminora.json").unlink()
    monkeypatch.setenv("LUMINORA_DATA_DIR", folder)
    assert main(["facts", "--user", "carlos"]) == 0
    assert "travel_destination" in capsys.readouterr().out


def test_a_companion_of_another_language_and_a_process_that_fails(tmp_path, capsys, monkeypatch):
    (script,) = demo._chosen("ottoline", None)
    assert (script.language, script.personality) == ("en", "ottoline")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert main(["demo", "--lang", "en"]) == 1
    assert not list(tmp_path.glob("luminora-demo-*"))
    assert "ended with code 1" in capsys.readouterr().err
    assert main(["demo", "--personality", "nobody"]) == 1
    assert main(["demo", "--lang", "fr"]) == 2


@pytest.mark.parametrize("script", demo.SCRIPTS.values(), ids=list(demo.SCRIPTS))
def test_scripts_name_built_in_companions_of_their_language(script):
    from luminora.personality import PersonalityLibrary

    assert PersonalityLibrary().load(script.personality).language.startswith(script.language)
