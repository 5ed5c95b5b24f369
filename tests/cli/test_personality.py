from __future__ import annotations

import json
from pathlib import Path

import pytest

from luminora._resources import folder
from luminora.cli import main


def run(capsys, *arguments):
    code = main(["personality", *arguments])
    output = capsys.readouterr()
    return output.out, output.err, code


@pytest.fixture
def persona():
    return json.loads((folder("personalities") / "sakura.json").read_text())


def test_list_shows_built_in_and_own_ones_broken_ones_too(persona, capsys):
    Path("mine").mkdir()
    persona["persona"]["name"] = "Haru"
    Path("mine/haru.json").write_text(json.dumps(persona))
    Path("mine/broken.json").write_text("{")
    Path("luminora.json").write_text('{"personality": {"paths": ["mine"]}}')

    out, _, code = run(capsys, "list", "--json")
    found = {one["name"]: one for one in json.loads(out)["personalities"]}
    assert code == 0
    assert found["haru"]["called"] == "Haru"
    assert found["sakura"]["language"] == "es"
    assert found["broken"]["error"]
    assert "sakura" in run(capsys, "list")[0]


def test_show_by_name_and_by_path(persona, capsys):
    out, _, code = run(capsys, "show", "sakura")
    assert code == 0
    assert "Sakura (sakura), es" in out
    assert "stranger" in out
    Path("haru.json").write_text(json.dumps(persona))
    assert json.loads(run(capsys, "show", "./haru.json", "--json")[0])["name"] == "haru"
    assert "did you mean 'sakura'?" in run(capsys, "show", "sakra")[1]
    assert run(capsys, "show", "./none.json")[2] == 1


def test_validate_names_every_problem_with_its_place_and_what_to_do(persona, capsys):
    shipped = sorted(str(path) for path in folder("personalities").glob("*.json"))
    out, _, code = run(capsys, "validate", *shipped)
    assert code == 0
    assert out.count(": ok") == len(shipped)

    del persona["persona"]["name"]
    persona["core_traits"]["archetype"] = 7
    Path("bad.json").write_text(json.dumps(persona))
    out, _, code = run(capsys, "validate", "bad.json", "none.json", shipped[0])
    assert code == 1
    assert "bad.json: 2 errors" in out
    assert "[✗] /persona/name: 'name' is missing" in out
    assert "none.json: 1 error\n" in out
    assert "→" in out
    found = json.loads(run(capsys, "validate", "bad.json", "--json")[0])
    assert found["valid"] is False
    assert {problem["pointer"] for problem in found["files"]["bad.json"]} == {
        "/persona/name",
        "/core_traits/archetype",
    }


def test_warnings_let_a_persona_pass(persona, capsys):
    persona["hierarchical_config"]["relationship_levels"][1]["affinity_range"] = [30, 40]
    Path("gap.json").write_text(json.dumps(persona))
    out, _, code = run(capsys, "validate", "gap.json")
    assert code == 0
    assert "gap.json: ok, 1 warning" in out
    assert "[!] " in out


def test_compile_changes_with_affinity_and_mood(capsys):
    far, note, code = run(capsys, "compile", "sakura")
    near = run(capsys, "compile", "sakura", "--affinity", "90", "--mood", "happy")[0]
    assert code == 0
    assert far != near
    assert note == "level stranger, mood neutral, affinity 0\n"
    found = json.loads(run(capsys, "compile", "sakura", "--affinity", "90", "--json")[0])
    assert (found["version"], found["level"], found["affinity"]) == (1, "soulmate", 90)
    assert found["system_prompt"] in run(capsys, "compile", "sakura", "--affinity", "90")[0]

    _, err, code = run(capsys, "compile", "sakura", "--mood", "hapy")
    assert code == 2
    assert "did you mean 'happy'?" in err
    assert run(capsys, "compile", "sakura", "--affinity", "101")[2] == 2
    assert run(capsys, "compil", "sakura")[2] == 2
