from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from luminora._index import Index
from luminora.cli import main
from luminora.config import load_config
from luminora.errors import ConfigError, PluginNotLocked
from luminora.plugins import activate
from luminora.providers import Kind
from tests.fakeplugins import make, manifest, site

__all__ = ["site"]

LOCK = Path("luminora.lock")
CACHE = {"cache_provider": "made-up"}


@pytest.fixture
def package(site):
    """A plugin of somebody's that the configuration uses; its package's folder."""
    make(site, "lp_shelf", data=manifest("lp_shelf", hosts=["shelf.example"]))
    Path("luminora.json").write_text(json.dumps(CACHE))
    return site / "lp_shelf"


@pytest.fixture
def locked(package, monkeypatch, capsys):
    """The same, with a lock, which is insisted on."""
    assert main(["plugins", "lock"]) == 0
    capsys.readouterr()
    monkeypatch.setenv("LUMINORA_LOCKED", "1")
    return package


def built():
    config = load_config("luminora.json", index=Index.load())
    return activate(config).build(Kind.CACHE)


def refused():
    with pytest.raises(PluginNotLocked) as failure:
        built()
    assert "lp_shelf" not in sys.modules
    assert failure.value.exit_code == 3
    return str(failure.value)


def test_the_lock_is_the_same_every_time_and_names_everything(package, capsys):
    assert main(["plugins", "lock"]) == 0
    first = LOCK.read_text()
    assert main(["plugins", "lock"]) == 0
    assert LOCK.read_text() == first
    found = json.loads(first)
    assert list(found["plugins"]) == ["luminora-shelf"]
    entry = found["plugins"]["luminora-shelf"]
    assert entry["version"] == "1.2.3"
    assert entry["api"] == ">=1,<2"
    assert entry["hosts"] == ["shelf.example"]
    assert entry["secrets"] == ["url_env"]
    assert entry["providers"] == ["cache:made-up"]
    assert entry["content"].startswith("sha256:")
    assert "lp_shelf" not in sys.modules
    assert "shelf.example" in capsys.readouterr().out


def test_what_is_in_the_lock_is_imported(locked):
    assert built().name == "made-up"


def test_nothing_is_asked_without_the_wish_for_it(package):
    LOCK.write_text("damaged")
    assert built().name == "made-up"


@pytest.mark.parametrize("way", ["variable", "setting"])
def test_without_a_lock_nothing_is_imported(package, monkeypatch, way):
    if way == "variable":
        monkeypatch.setenv("LUMINORA_LOCKED", "yes")
    else:
        Path("luminora.json").write_text(json.dumps({**CACHE, "plugins": {"locked": True}}))
    with pytest.raises(ConfigError, match="there is no lock") as failure:
        built()
    assert "luminora plugins lock" in failure.value.hint
    assert "lp_shelf" not in sys.modules


def test_an_edited_file_is_noticed(locked):
    code = locked / "__init__.py"
    code.write_text(f"{code.read_text()}\nEVIL = True\n")
    assert "the content of its files changed" in refused()


def test_a_file_that_was_added_is_noticed(locked):
    (locked / "more.py").write_text("")
    assert "the content of its files changed" in refused()


def test_compiled_files_do_not_matter(locked):
    (locked / "__pycache__").mkdir(exist_ok=True)
    (locked / "__pycache__" / "x.pyc").write_bytes(b"")
    assert built().name == "made-up"


def test_another_host_is_named(locked, site):
    make(site, "lp_shelf", data=manifest("lp_shelf", hosts=["evil.example", "shelf.example"]))
    assert "the hosts it talks to changed (+evil.example)" in refused()


def test_another_version_is_named(locked, site):
    make(site, "lp_shelf", data=manifest("lp_shelf", hosts=["shelf.example"]), version="2.0")
    text = refused()
    assert "its version changed (1.2.3 → 2.0)" in text
    assert "luminora plugins lock" in text


def test_a_plugin_that_is_not_listed_is_refused(locked, site):
    make(site, "lp_other", data=manifest("lp_other", "another"))
    Path("luminora.json").write_text('{"cache_provider": "another"}')
    with pytest.raises(PluginNotLocked, match="it is not in the lock"):
        built()
    assert "lp_other" not in sys.modules


def test_what_a_plugin_imports_is_compared_with_it(package, site, monkeypatch):
    base = make(site, "lp_base", data=manifest("lp_base", "base"))
    data = manifest("lp_shelf", requires={"lp_base": f"pip install {base}"})
    make(site, "lp_shelf", data=data)
    assert main(["plugins", "lock"]) == 0
    assert set(json.loads(LOCK.read_text())["plugins"]) == {"luminora-base", "luminora-shelf"}
    monkeypatch.setenv("LUMINORA_LOCKED", "1")
    (site / "lp_base" / "more.py").write_text("")
    assert "luminora-base 1.2.3 is not imported" in refused()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 9, "plugins": {}}', '{"format": 1}'])
def test_a_lock_that_is_none_is_refused(locked, text):
    LOCK.write_text(text)
    with pytest.raises(ConfigError, match=r"luminora\.lock"):
        built()
    assert "lp_shelf" not in sys.modules


def test_check_compares_and_imports_nothing(locked, site, capsys):
    assert main(["plugins", "lock", "--check"]) == 0
    assert "as it is installed" in capsys.readouterr().out
    (locked / "more.py").write_text("")
    assert main(["plugins", "lock", "--check", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["changed"] == {"luminora-shelf": ["the content of its files changed"]}
    assert main(["plugins", "lock", "--check", "--set", "cache_provider=memory"]) == 1
    assert "it is in the lock and not installed" in capsys.readouterr().out
    assert "lp_shelf" not in sys.modules


def test_the_option_of_every_command(package, capsys):
    assert main(["--locked", "test", "cache"]) == 3
    assert "there is no lock" in capsys.readouterr().out
    assert main(["plugins", "lock"]) == 0
    assert main(["test", "cache", "--locked"]) in {
        0,
        1,
    }  # it keeps nothing, which is another matter
    assert "lp_shelf" in sys.modules


def test_every_installed_plugin_can_be_locked(capsys):
    assert main(["plugins", "lock", "--all", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["plugins"]
    assert "luminora-redis" in found
    assert "luminora" not in found
    assert main(["plugins", "lock", "--all", "--check"]) == 0
