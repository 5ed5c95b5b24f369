from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

from luminora.cli import main
from tests.fakeplugins import make, site

__all__ = ["site"]

SEED = Path(__file__).parents[1] / "data" / "seeds" / "generated.jsonc"


def write(document, name="luminora.json"):
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(document if isinstance(document, str) else json.dumps(document))


def shown(capsys, *arguments, code=0):
    assert main([*arguments]) == code
    return json.loads(capsys.readouterr().out)


def test_show_tells_every_value_and_its_source(capsys, monkeypatch):
    write('{\n"memory": {\n"recall_limit": 3}}')
    monkeypatch.setenv("LUMINORA_MEMORY__SCOPE", "personality")
    assert main(["config", "show", "--set", "memory.history_limit=4"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["memory.recall_limit", "3", "luminora.json:3"] in lines
    assert ["memory.scope", '"personality"', "env", "LUMINORA_MEMORY__SCOPE"] in lines
    assert ["memory.history_limit", "4", "flag"] in lines
    assert ["llm_provider.name", '"offline"', "default"] in lines


def test_show_as_json(capsys):
    write({"llm_provider": {"name": "deepseek", "config": {"api_key_env": "K"}}})
    Path(".env").write_text("K=sk-very-secret-0123456789")
    found = shown(capsys, "config", "show", "--json")
    assert found["version"] == 1
    assert found["path"].endswith("luminora.json")
    assert found["config"]["llm_provider"]["name"] == "deepseek"
    assert found["config"]["llm_provider"]["config"]["api_key_env"] == "K"
    assert found["sources"]["/llm_provider/name"] == "luminora.json:1"
    assert found["secrets"]["/llm_provider/config/api_key_env"] == {"variable": "K", "set": True}


def test_no_output_holds_a_secret(capsys, monkeypatch):
    monkeypatch.setenv("K", "canary-4711")
    write({"llm_provider": {"name": "deepseek", "config": {"api_key_env": "K"}}})
    for arguments in (["show"], ["show", "--json"], ["validate"], ["validate", "--json"]):
        main(["config", *arguments])
    written = capsys.readouterr()
    assert "canary" not in written.out + written.err
    assert "K (set)" in written.out


def test_show_works_for_what_is_not_installed_and_notes_go_to_stderr(capsys):
    assert main(["config", "show", "--config", str(SEED)]) == 0
    written = capsys.readouterr()
    assert "pgvector" in written.out
    assert "note: /storage_provider/migrations/path has no effect" in written.err


def test_validate_the_embedded_default(capsys):
    assert main(["config", "validate"]) == 0
    assert capsys.readouterr().out == "the embedded default: ok\n"
    assert shown(capsys, "config", "validate", "--json")["valid"] is True


def test_validate_suggests(capsys):
    write('{\n"llm_provider": {"name": "deepsek"}}')
    assert main(["config", "validate"]) == 3
    written = capsys.readouterr().out
    assert "luminora.json:2 (/llm_provider/name)" in written
    assert "did you mean 'deepseek'?" in written
    assert ("pip install luminora-deepseek" in written) or ("luminora plugins list" in written)
    (problem,) = shown(capsys, "config", "validate", "--json", code=3)["problems"]
    assert problem["pointer"] == "/llm_provider/name"


def test_validate_insists_on_secrets_unless_told_not_to(capsys, site):
    make(site, "lp_store")
    write({"cache_provider": {"name": "made-up", "config": {"url_env": "NO_SUCH_URL"}}})
    assert main(["config", "validate"]) == 4
    assert "NO_SUCH_URL" in capsys.readouterr().out
    missing = shown(capsys, "config", "validate", "--json", code=4)
    assert (missing["valid"], len(missing["missing_secrets"])) == (True, 1)
    assert main(["config", "validate", "--no-secrets"]) == 0


@pytest.mark.parametrize(
    ("document", "message"),
    [("{", "luminora.json:1: malformed JSON"), ('{"x": NaN}', "NaN"), ("[]", "is an object")],
)
def test_a_file_that_cannot_be_read(capsys, document, message):
    write(document)
    for command in ("show", "validate"):
        assert main(["config", command]) == 3
        assert message in capsys.readouterr().err


def test_a_named_file_that_is_not_there(capsys):
    assert main(["config", "show", "--config", "nope.json"]) == 3
    assert "nope.json: there is no such file" in capsys.readouterr().err


def test_path(capsys):
    assert main(["config", "path"]) == 0
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.count("luminora.json") == 3
    write({}, "config/luminora.json")
    assert main(["config", "path"]) == 0
    assert capsys.readouterr().out.endswith("config/luminora.json\n")
    assert shown(capsys, "config", "path", "--json")["path"].endswith("config/luminora.json")


def test_schema_refuses_what_validate_refuses(capsys, tmp_path):
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert not jsonschema_rs.is_valid(schema, {"llm_provider": {"name": "deepsek"}})
    assert jsonschema_rs.is_valid(schema, {"llm_provider": {"name": "offline"}})
    file = tmp_path / "deep" / "schema.json"
    assert main(["schema", "--output", str(file)]) == 0
    assert json.loads(file.read_text()) == schema
    assert capsys.readouterr().out == ""
