from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from luminora import vetting
from luminora.cli import main
from luminora.errors import InputError
from tests.fakeplugins import CACHE_CODE, manifest

PROJECT = """
[project]
name = "luminora-shelf"
[project.entry-points."luminora.plugins"]
shelf = "lp_shelf"
"""


def project(code=CACHE_CODE, pyproject=PROJECT, **more):
    """A plugin's project in the current folder; ``more`` goes into its provider's entry."""
    package = Path("src/lp_shelf")
    package.mkdir(parents=True, exist_ok=True)
    data = manifest("lp_shelf", **more)
    (package / "luminora-plugin.json").write_text(json.dumps(data))
    (package / "__init__.py").write_text(code)
    Path("pyproject.toml").write_text(pyproject)
    return Path()


def found(folder, *, imports=False):
    return vetting.faults(vetting.subject(folder), imports=imports, path=folder)


def settings(**properties):
    return {"config_schema": {"type": "object", "properties": properties}}


@pytest.mark.parametrize("where", [".", "src/lp_shelf", "src/lp_shelf/luminora-plugin.json"])
def test_a_plugin_is_found_by_its_project_its_package_or_its_manifest(where):
    project()
    assert found(Path(where)) == []
    assert main(["plugins", "validate", where]) == 0


def test_a_folder_without_a_plugin_is_refused():
    with pytest.raises(InputError, match="there is no luminora-plugin"):
        vetting.subject(Path())


def test_an_entry_point_has_to_name_the_package():
    folder = project(pyproject='[project]\nname = "luminora-shelf"\n')
    (fault,) = vetting.faults(vetting.subject(folder / "src/lp_shelf"), path=folder)
    assert "no entry point of the group luminora.plugins names" in fault


@pytest.mark.parametrize(
    ("properties", "fault"),
    [
        ({"api_key": {"type": "string", "description": "x"}}, "call it 'api_key_env'"),
        ({"access_token": {"type": "string", "description": "x"}}, "call it 'access_token_env'"),
        ({"password_env": {"type": "string", "description": "x"}}, 'mark it "x-luminora-secret"'),
    ],
)
def test_secrets_are_named_and_marked(properties, fault):
    (line,) = found(project(**settings(**properties)))
    assert fault in line
    assert line.startswith("/providers/cache/made-up/config_schema/properties/")


@pytest.mark.parametrize(
    "name", ["max_tokens", "ssl_key", "sort_key", "key_prefix", "keys_file", "monkey"]
)
def test_what_only_sounds_like_a_secret_is_none(name):
    assert found(project(**settings(**{name: {"type": "string", "description": "x"}}))) == []


def test_hosts_of_defaults_and_of_the_code_are_declared():
    url = {"type": "string", "description": "x", "default": "https://api.shelf.io/v1"}
    code = f'"""See https://docs.shelf.io."""\nURL = "https://other.shelf.io:8443/x"\n{CACHE_CODE}'
    faults = found(project(code=code, **settings(url=url)))
    assert len(faults) == 2
    assert "the default of 'url' is at api.shelf.io" in faults[0]
    assert "__init__.py:2: it names the host other.shelf.io" in faults[1]
    assert found(project(code=code, hosts=["api.shelf.io", "other.shelf.io"])) == []


def test_localhost_and_prose_are_no_hosts_to_declare():
    code = (
        'A = "http://localhost:9"\nB = "see https://shelf.io for more"\nC = "https://x.example"\n'
    )
    assert found(project(code=code + CACHE_CODE)) == []


@pytest.mark.parametrize(
    "address",
    [
        "https://api.notexample.com",
        "wss://a.shelf.io/x",
        "HTTPS://a.shelf.io",
        "https://u@a.shelf.io",
    ],
)
def test_an_address_is_one_however_it_is_spelt(address):
    (fault,) = found(project(code=f'A = "{address}"\n{CACHE_CODE}'))
    assert "which no provider declares" in fault


@pytest.mark.parametrize("text", ["https://[x", "https://example.com/a", "file://a.shelf.io/x"])
def test_what_is_no_address_of_a_host_is_let_alone(text):
    assert found(project(code=f'A = "{text}"\n{CACHE_CODE}')) == []


def test_a_project_file_that_is_no_toml_is_said_so():
    folder = project(pyproject='[project]\nname = "a" b"\n')
    with pytest.raises(InputError, match="not valid TOML"):
        vetting.subject(folder)


def test_a_default_model_has_a_dimension():
    folder = project()
    data = manifest("lp_shelf", kind="embedding", models={"embeddings": "a"}, dimensions={"b": 8})
    Path("src/lp_shelf/luminora-plugin.json").write_text(json.dumps(data))
    (fault,) = found(folder)
    assert "the default model 'a' has none" in fault


def test_another_api_is_told():
    folder = project()
    data = {**manifest("lp_shelf"), "api": ">=9"}
    Path("src/lp_shelf/luminora-plugin.json").write_text(json.dumps(data))
    (fault,) = found(folder)
    assert "works with plugin API >=9" in fault


def test_importing_is_asked_for_and_what_it_needs_comes_late():
    folder = project(code=f"import sqlite3\n{CACHE_CODE}", requires={"sqlite3": "pip install x"})
    assert found(folder) == []
    (fault,) = found(folder, imports=True)
    assert "lp_shelf imports sqlite3 when it is loaded" in fault
    sys.modules.pop("lp_shelf", None)


def test_a_plugin_that_takes_its_time_is_told():
    folder = project(code=f"import time\ntime.sleep(2)\n{CACHE_CODE}")
    (fault,) = found(folder, imports=True)
    assert "import late what it needs late" in fault
    sys.modules.pop("lp_shelf", None)


def test_a_plugin_that_cannot_be_imported_has_no_cost(tmp_path):
    assert vetting.cost("no_such_module_anywhere", tmp_path) is None


def test_all_of_our_own_are_in_order():
    assert main(["plugins", "validate"]) == 0
