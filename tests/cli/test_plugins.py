from __future__ import annotations

import json
import sys
from importlib.util import find_spec

import pytest

from luminora.cli import main
from tests.fakeplugins import CACHE_CODE, make, manifest, site

__all__ = ["site"]


def shown(capsys, *arguments, code=0):
    assert main(["plugins", *arguments]) == code
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def broken(site):
    """Every way to be broken at once, and one plugin that is fine."""
    make(site, "lp_fine")
    make(site, "lp_none", data=None)
    make(site, "lp_json", data="{")
    make(site, "lp_api", data=manifest("lp_api", "old") | {"api": ">=2"})
    make(site, "lp_gone", value="lp_nowhere")
    make(site, "lp_code", code="def broken(:", data=manifest("lp_code", "code"))
    make(site, "lp_exit", code="raise SystemExit", data=manifest("lp_exit", "exit"))


def test_list(capsys, broken):
    assert main(["plugins", "list"]) == 0
    written = capsys.readouterr()
    states = {line.split()[0]: line.split()[2] for line in written.out.splitlines()[1:]}
    assert {
        name: states[f"luminora-{name}"] for name in ("fine", "none", "json", "api", "gone")
    } == {
        "fine": "ok",
        "none": "broken",
        "json": "broken",
        "api": "broken",
        "gone": "broken",
    }
    assert "cache:made-up" in written.out
    assert "luminora-api: it works with plugin API >=2" in written.err
    found = shown(capsys, "list", "--json")
    assert found["version"] == 1
    assert "lp_code" not in sys.modules


def test_list_names_conflicts(capsys, site):
    make(site, "lp_a")
    make(site, "lp_b")
    found = shown(capsys, "list", "--json")
    assert {"kind": "cache", "name": "made-up", "distributions": ["luminora-a", "luminora-b"]} in (
        found["conflicts"]
    )
    main(["plugins", "list"])
    assert '"package": "luminora-a"' in capsys.readouterr().err


def test_info(capsys, broken):
    assert main(["plugins", "info", "luminora"]) == 0
    written = capsys.readouterr().out
    assert "llm 'offline'" in written
    assert "config.database_path" in written
    assert "all of your rights" in written
    found = shown(capsys, "info", "--json", "luminora-json")
    assert (found["state"], found["providers"]) == ("broken", {})
    assert main(["plugins", "info", "luminora-jsn"]) == 3
    assert "did you mean" in capsys.readouterr().err


def test_doctor(capsys, broken, site):
    make(site, "lp_need", data=manifest("lp_need", "x", requires={"lib_x": "pip install lib-x"}))
    found = shown(capsys, "doctor", "--json", code=1)
    assert found["ok"] is False
    assert found["plugins"]["luminora-fine 1.2.3"] == []
    assert "pip install lib-x" in found["plugins"]["luminora-need 1.2.3"][0]
    assert main(["plugins", "doctor"]) == 1
    assert "[✗] luminora-none 1.2.3" in capsys.readouterr().out


def test_doctor_measures_imports(capsys, site, monkeypatch):
    make(site, "lp_slow", code="import time; time.sleep(0.2)\n" + CACHE_CODE)
    make(site, "lp_bad", code="1/0", data=manifest("lp_bad", "bad"))
    monkeypatch.setenv("PYTHONPATH", str(site))
    absent = find_spec("sentence_transformers") is None  # a plugin of ours that says so
    found = shown(capsys, "doctor", "--time", "--json", code=int(absent))
    assert found["import_ms"]["luminora-slow 1.2.3"] >= 200
    assert found["import_ms"]["luminora-bad 1.2.3"] is None
    ill = {name for name, ailments in found["plugins"].items() if ailments}
    assert ill == ({"luminora-sentence-transformers 0.1.0"} if absent else set())
    assert main(["plugins", "doctor", "--time"]) == int(absent)
    lines = capsys.readouterr().out.splitlines()
    table = lines[lines.index("") + 1 :]
    assert table[1].startswith("luminora-slow 1.2.3")  # the dearest first
    assert "failed" in next(line for line in table if line.startswith("luminora-bad"))


def test_disable_and_enable(capsys, broken):
    for name in ("fine", "luminora-none"):
        assert main(["plugins", "disable", name]) == 0
    assert "luminora-fine is disabled" in capsys.readouterr().out
    states = {
        one["distribution"]: one["state"] for one in shown(capsys, "list", "--json")["plugins"]
    }
    assert states["luminora-fine"] == states["luminora-none"] == "disabled"
    assert main(["plugins", "enable", "fine"]) == 0
    assert main(["plugins", "disable", "nobody"]) == 3


@pytest.mark.parametrize("where", ["lp_a", "lp_a/luminora-plugin.json"])
def test_validate_a_path(capsys, tmp_path, where):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    make(folder, "lp_a")
    assert main(["plugins", "validate", str(folder / where)]) == 0
    data = manifest("lp_a", colour="red")
    (folder / "lp_a" / "luminora-plugin.json").write_text(json.dumps(data))
    assert main(["plugins", "validate", str(folder / where)]) == 1
    assert "colour" in capsys.readouterr().out


def test_validate_what_is_not_there(capsys, tmp_path):
    assert main(["plugins", "validate", str(tmp_path / "nothing.json")]) == 1
    assert "cannot be read" in capsys.readouterr().out


def test_validate_everything(capsys, broken):
    found = shown(capsys, "validate", "--json", code=1)
    faults = {name: problems for name, problems in found["problems"].items() if problems}
    assert len(faults) == 4
    assert "lp_code" not in sys.modules


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (CACHE_CODE, None),
        ("def broken(:", "not valid Python"),
        ("", "no @hookimpl luminora_cache"),
        (
            CACHE_CODE + "\nclass M:\n    @staticmethod\n    def model_json_schema():\n"
            "        return {'properties': {'size': {}, 'extra': {}}}\n"
            "CONFIG_MODELS = {'cache/made-up': M, 'llm/nothing': M}\n",
            "only the model has the property 'extra'",
        ),
    ],
)
def test_validate_with_imports(capsys, tmp_path, site, code, fault):
    make(site, "lp_a", code=code)
    assert main(["plugins", "validate", "--imports", str(site / "lp_a")]) == (1 if fault else 0)
    assert (fault or "ok") in capsys.readouterr().out
    assert sys.path.count(str(site)) == 1


def test_a_damaged_list_of_disabled_plugins_is_an_error_that_names_the_file(capsys, private_world):
    file = private_world / "home/.config/luminora/plugins.json"
    file.parent.mkdir()
    file.write_text("{")
    assert main(["plugins", "list"]) == 3
    assert str(file) in capsys.readouterr().err
