from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from luminora._index import Index
from luminora.cli import main
from luminora.config import load_config
from luminora.errors import ConfigError, PluginError, PluginNotLocked
from luminora.plugins import activate
from luminora.providers import Kind
from tests.fakeplugins import age, make, manifest, site

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
    assert "it is in the lock and no longer used" in capsys.readouterr().out
    assert "lp_shelf" not in sys.modules


def test_the_option_of_every_command(package, capsys):
    assert main(["--locked", "test", "cache"]) == 3
    assert "there is no lock" in capsys.readouterr().out
    assert main(["plugins", "lock"]) == 0
    # it keeps nothing, which is another matter
    assert main(["test", "cache", "--locked"]) in {0, 1}
    assert "lp_shelf" in sys.modules


def test_every_installed_plugin_can_be_locked(capsys):
    assert main(["plugins", "lock", "--all", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["plugins"]
    assert "luminora-redis" in found
    assert "luminora" not in found
    assert main(["plugins", "lock", "--all", "--check"]) == 0


# --- wheels, and plugins installed in place ------------------------------------------------------


def as_wheel(site, **origin):
    """Add what an installer writes of a wheel: RECORD, and where it came from if that is said."""
    info = next(site.glob("luminora_shelf-*.dist-info"))
    rows = ["luminora_shelf-1.2.3.dist-info/RECORD,,", ""]
    for file in sorted((site / "lp_shelf").glob("*.*")):
        digest = base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest())
        rows.append(f"lp_shelf/{file.name},sha256={digest.decode().rstrip('=')},1")
    (info / "RECORD").write_text("\n".join(rows))
    if origin:
        (info / "direct_url.json").write_text(json.dumps({"url": "file:///src", **origin}))


def recorded():
    return json.loads(LOCK.read_text())["plugins"]["luminora-shelf"]["record"]


def test_a_wheel_has_the_hash_of_its_record_and_one_installed_in_place_has_none(package, capsys):
    as_wheel(package.parent)
    assert main(["plugins", "lock"]) == 0
    assert recorded().startswith("sha256:")
    assert "in place" not in capsys.readouterr().out
    as_wheel(package.parent, dir_info={"editable": True})
    assert main(["plugins", "lock"]) == 0
    assert recorded() is None
    assert "luminora-shelf 1.2.3, installed in place" in capsys.readouterr().out


def test_what_is_installed_in_place_is_compared_by_content(package, monkeypatch):
    as_wheel(package.parent, dir_info={"editable": True})
    assert main(["plugins", "lock"]) == 0
    monkeypatch.setenv("LUMINORA_LOCKED", "1")
    (package / "more.py").write_text("")
    assert "the content of its files changed" in refused()


def test_a_file_that_differs_from_its_record_is_noticed(package, monkeypatch):
    as_wheel(package.parent)
    assert main(["plugins", "lock"]) == 0
    monkeypatch.setenv("LUMINORA_LOCKED", "1")
    (package / "__init__.py").write_text("EVIL = True")
    text = refused()
    assert "the content of its files changed" in text
    assert "the list of its files" not in text


def test_a_file_that_is_missing_is_noticed(package, monkeypatch):
    (package / "data.txt").write_text("words")
    as_wheel(package.parent)
    assert main(["plugins", "lock"]) == 0
    monkeypatch.setenv("LUMINORA_LOCKED", "1")
    (package / "data.txt").unlink()
    assert "the content of its files changed" in refused()


@pytest.mark.parametrize("shape", ["package", "module"])
def test_what_lies_earlier_on_the_path_under_the_same_name_is_not_imported(
    package, tmp_path, monkeypatch, shape
):
    early = tmp_path / "early"
    early.mkdir()
    monkeypatch.syspath_prepend(str(early))
    as_wheel(package.parent)
    age(package.parent, early)
    assert main(["plugins", "lock"]) == 0
    monkeypatch.setenv("LUMINORA_LOCKED", "1")
    evil = "EVIL = True"
    if shape == "module":
        (early / "lp_shelf.py").write_text(evil)
    else:
        (early / "lp_shelf").mkdir()
        (early / "lp_shelf" / "__init__.py").write_text(evil)
        text = (package / "luminora-plugin.json").read_text()
        (early / "lp_shelf" / "luminora-plugin.json").write_text(text)
    importlib.invalidate_caches()
    assert "the content of its files changed" in refused()


@pytest.mark.parametrize("origin", ["{damaged", "[]", '{"dir_info": 1}', "null"])
def test_an_origin_that_cannot_be_read_says_nothing(package, origin):
    as_wheel(package.parent)
    info = next(package.parent.glob("*.dist-info"))
    (info / "direct_url.json").write_text(origin)
    assert main(["plugins", "lock"]) == 0
    assert recorded().startswith("sha256:")


RUN = """
import sys
from luminora.config import load_config
from luminora.plugins import activate
from luminora.providers import Kind
activate(load_config("luminora.json")).build(Kind.CACHE)
print(hasattr(sys.modules["lp_shelf"], "EVIL"))
"""


def test_compiled_files_are_not_compared_and_a_folder_of_ones_own_for_them_helps(locked, tmp_path):
    """Both halves of what docs/lock.md says of them."""
    source = locked / "__init__.py"
    evil = tmp_path / "evil.py"
    evil.write_text(f"{source.read_text()}\nEVIL = True\n")
    place = importlib.util.cache_from_source(str(source))
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(evil), cfile=place, invalidation_mode=unchecked)
    path = os.pathsep.join([str(locked.parent), *filter(None, sys.path)])
    for more, ran in [({}, "True"), ({"PYTHONPYCACHEPREFIX": str(tmp_path / "own")}, "False")]:
        done = subprocess.run(
            [sys.executable, "-c", RUN],
            env={**os.environ, "PYTHONPATH": path, **more},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == ran


# --- what cannot be used -------------------------------------------------------------------------


def test_a_plugin_that_is_disabled_stays_so(locked, capsys):
    assert main(["plugins", "disable", "luminora-shelf"]) == 0
    with pytest.raises(PluginError, match="disabled"):
        built()
    assert main(["plugins", "lock", "--check"]) == 1
    assert "luminora-shelf: it is in the lock and disabled" in capsys.readouterr().out


@pytest.mark.parametrize("way", ["used", "enabled"])
def test_no_lock_is_written_while_a_plugin_is_broken(package, capsys, way):
    if way == "enabled":
        Path("luminora.json").write_text('{"plugins": {"enabled": ["luminora-shelf"]}}')
    assert main(["plugins", "lock"]) == 0
    before = LOCK.read_text()
    (package / "luminora-plugin.json").write_text("{")
    capsys.readouterr()
    assert main(["plugins", "lock"]) == 3
    assert LOCK.read_text() == before
    assert main(["plugins", "lock", "--check"]) == 1
    assert "it is in the lock and cannot be used" in capsys.readouterr().out
    assert "lp_shelf" not in sys.modules


def test_a_broken_plugin_of_the_lock_is_never_imported(locked):
    (locked / "luminora-plugin.json").write_text('{"name": "shelf"}')
    with pytest.raises(PluginError):
        built()
    assert "lp_shelf" not in sys.modules


def test_a_plugin_that_was_removed_is_named(locked, site, capsys):
    for file in next(site.glob("*.dist-info")).iterdir():
        file.unlink()
    next(site.glob("*.dist-info")).rmdir()
    importlib.invalidate_caches()
    assert main(["plugins", "lock", "--check"]) == 1
    assert "luminora-shelf: it is in the lock and not installed" in capsys.readouterr().out


def test_what_a_plugin_imports_of_others_is_followed_to_the_end(package, site, monkeypatch):
    make(site, "lp_deep", data=manifest("lp_deep", "deep"))
    make(site, "lp_base", data=manifest("lp_base", "base", requires={"lp_deep": "pip"}))
    make(site, "lp_shelf", data=manifest("lp_shelf", requires={"lp_base": "pip"}))
    assert main(["plugins", "lock"]) == 0
    assert "luminora-deep" in json.loads(LOCK.read_text())["plugins"]
    monkeypatch.setenv("LUMINORA_LOCKED", "1")
    (site / "lp_deep" / "more.py").write_text("")
    assert "luminora-deep 1.2.3 is not imported" in refused()


@pytest.mark.parametrize("entry", [[], ["version"], "1.2.3", 7, None, {"hosts": 5}])
def test_an_entry_that_is_none_lets_nothing_in(locked, entry):
    found = json.loads(LOCK.read_text())
    found["plugins"]["luminora-shelf"] = entry
    LOCK.write_text(json.dumps(found))
    with pytest.raises((ConfigError, PluginNotLocked)):
        built()
    assert "lp_shelf" not in sys.modules


@pytest.mark.parametrize("word", ["", "0", "no", "false", "OFF"])
def test_words_that_switch_it_off(package, monkeypatch, word):
    monkeypatch.setenv("LUMINORA_LOCKED", word)
    assert built().name == "made-up"
