"""``luminora plugins lock`` and ``--locked`` as people meet them: real processes, both streams."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.terminal import luminora
from tests.fakeplugins import make, manifest


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """The package of a plugin that the configuration uses, on the path of new processes."""
    site = tmp_path / "site"
    site.mkdir()
    make(site, "lp_shelf", data=manifest("lp_shelf", hosts=["shelf.example"]))
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", path)
    Path("luminora.json").write_text('{"cache_provider": "made-up"}')
    return site / "lp_shelf"


def test_the_lock_lies_beside_the_configuration_wherever_one_stands(shelf, tmp_path):
    Path("project").mkdir()
    Path("luminora.json").rename("project/luminora.json")
    done = luminora("plugins", "lock", "--config", "project/luminora.json")
    assert done.returncode == 0, done.err
    assert "luminora-shelf 1.2.3" in done.out
    assert "1 plugin beside" in done.out
    assert list(json.loads(Path("project/luminora.lock").read_text())["plugins"]) == [
        "luminora-shelf"
    ]
    assert not Path("luminora.lock").exists()


def test_what_changed_is_said_on_stderr_with_the_next_command(shelf):
    assert luminora("plugins", "lock").returncode == 0
    with (shelf / "__init__.py").open("a") as code:
        code.write('\nprint("IMPORTED")\n')
    done = luminora("--locked", "chat", "--user", "diego", said="hola\n")
    assert done.returncode == 3
    assert "luminora-shelf 1.2.3 is not imported: the content of its files changed" in done.err
    assert "→ look at what changed, then: luminora plugins lock" in done.err
    assert "IMPORTED" not in done.out + done.err


def test_a_missing_lock_is_an_error_of_the_configuration(shelf):
    done = luminora("--locked", "chat", "--user", "diego", said="hola\n")
    assert done.returncode == 3
    assert "there is no lock" in done.err
    assert "luminora plugins lock writes it" in done.err
    assert not done.out


def test_in_json_there_is_one_object_and_nothing_else(shelf):
    done = luminora("plugins", "lock", "--json")
    assert json.loads(done.out)["plugins"]["luminora-shelf"]["hosts"] == ["shelf.example"]
    make(shelf.parent, "lp_shelf", data=manifest("lp_shelf", hosts=["evil.example"]))
    done = luminora("plugins", "lock", "--check", "--json")
    found = json.loads(done.out)
    assert (done.returncode, found["version"], found["ok"]) == (1, 1, False)
    assert "(+evil.example, -shelf.example)" in " ".join(found["changed"]["luminora-shelf"])


def test_a_folder_that_cannot_be_written_is_said(shelf):
    Path("luminora.lock").mkdir()
    done = luminora("plugins", "lock")
    assert done.returncode == 1
    assert "cannot be written" in done.err
    assert {one.name for one in Path().iterdir()} == {"luminora.json", "luminora.lock"}
