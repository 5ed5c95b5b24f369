from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from luminora._index import Index
from luminora.cli import main
from luminora.cli._settings import settings_of, value_of
from luminora.config import load_config
from luminora.errors import InputError
from tests.cli.terminal import Terminal, luminora
from tests.fakeplugins import make, manifest, site

__all__ = ["site"]

FILE = Path("luminora.json")
SEED = Path(__file__).parents[1] / "data" / "seeds" / "generated.jsonc"
MINE = """\
// our stack
{
    "cache_provider": {
        "name": "memory", // for now
        "config": {"max_bytes": 1000}
    },
    "memory": {"recall_limit": 3} // few
}
"""


def changed(capsys, *arguments, code=0):
    assert main(["config", *arguments]) == code
    return capsys.readouterr()


def test_the_first_command_writes_a_file_and_the_next_ones_add_to_it(capsys):
    said = changed(capsys, "llm", "--provider", "offline").out
    assert said == 'luminora.json written\n  llm_provider.name = "offline"\n'
    changed(capsys, "storage", "--provider", "sqlite", "--database-path", "./a.db")
    assert FILE.read_text() == dedent("""\
        {
          "llm_provider": {
            "name": "offline"
          },
          "storage_provider": {
            "name": "sqlite",
            "config": {
              "database_path": "./a.db"
            }
          }
        }
        """)
    assert stat.S_IMODE(FILE.stat().st_mode) & 0o600 == 0o600
    assert main(["config", "validate"]) == 0


def test_every_setting_of_a_manifest_is_a_flag_and_its_type_is_kept(capsys, site):
    properties = {
        "size": {"type": "integer", "description": "How much.", "default": 7},
        "ratio": {"type": "number", "description": "A share."},
        "warm": {"type": "boolean", "description": "Whether it is warm."},
        "tags": {"type": "array", "items": {"type": "string"}, "description": "Tags."},
        "more": {"type": "object", "description": "More."},
        "mode": {"enum": ["fast", "safe", 3], "description": "How."},
        "nested": {"properties": {"deep_one": {"type": ["string", "null"], "description": "D."}}},
        "config": {"type": "string", "description": "Shares its name with our own option."},
    }
    make(
        site,
        "lp_store",
        data=manifest("lp_store", config_schema={"type": "object", "properties": properties}),
    )
    typed = [
        *("--size", "3", "--ratio", "0.5", "--no-warm", "--tags", '["a"]', "--more", '{"b": 1}'),
        *("--mode", "3", "--nested-deep-one", "null"),
    ]
    changed(capsys, "cache", "--provider", "made-up", *typed)
    assert json.loads(FILE.read_text())["cache_provider"] == {
        "name": "made-up",
        "config": {
            "size": 3,
            "ratio": 0.5,
            "warm": False,
            "tags": ["a"],
            "more": {"b": 1},
            "mode": 3,
            "nested": {"deep_one": None},
        },
    }
    assert "lp_store" not in sys.modules
    told = changed(capsys, "cache", "--help").out
    for text in ("--size N", "[default: 7]", "--warm / --no-warm", "fast|safe|3", "How much."):
        assert text in told
    assert told.count("--config") == 1
    assert "made-up" in told.partition("Providers installed:")[2]
    assert "--max-bytes" in changed(capsys, "cache", "--provider", "memory", "--help").out


def test_comments_mode_and_link_of_the_file_stay(capsys, tmp_path):
    real = tmp_path / "real.json"
    real.write_text(MINE)
    real.chmod(0o660)
    FILE.symlink_to(real)
    changed(capsys, "cache", "--max-bytes", "2000")
    assert real.read_text() == MINE.replace("1000", "2000")
    assert FILE.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o660


def test_another_provider_does_not_inherit_and_the_loss_is_told(capsys):
    FILE.write_text(MINE)
    said = changed(capsys, "cache", "--provider", "disk").out
    assert '  cache_provider.name = "disk"\n  cache_provider.config.max_bytes removed\n' in said
    assert '"name": "disk" // for now' in FILE.read_text()
    assert "max_bytes" not in FILE.read_text()
    FILE.write_text(MINE)
    changed(capsys, "set", "cache_provider", "disk")
    assert "max_bytes" not in FILE.read_text()
    FILE.write_text(MINE)
    assert "nothing to change" in changed(capsys, "cache", "--provider", "memory").out
    assert FILE.read_text() == MINE


def test_old_shapes_are_changed_where_they_stand(capsys):
    FILE.write_text(SEED.read_text())
    before = FILE.read_text().splitlines()
    changed(capsys, "set", "--force", "storage_provider.config.host", "db.example.org")
    after = FILE.read_text().splitlines()
    assert len(after) == len(before)
    assert [two.strip() for one, two in zip(before, after, strict=True) if one != two] == [
        '"host": "db.example.org",'
    ]
    FILE.write_text('{"vector_store_provider": {"name": "pgvector", "config": '
                    '{"connection": "use_storage_provider"}}}')  # fmt: skip
    changed(capsys, "set", "vector_store_provider.config.use_storage_connection", "no", "--force")
    settings = load_config(FILE).document["vector_store_provider"]["config"]
    assert settings["use_storage_connection"] is False
    changed(capsys, "unset", "vector_store_provider.config", "--force")
    assert json.loads(FILE.read_text()) == {"vector_store_provider": {"name": "pgvector"}}


def test_what_would_not_be_valid_is_not_written(capsys):
    FILE.write_text(MINE)
    for arguments, text in (
        (["cache", "--max-bytes", "-5"], "max_bytes"),
        (["set", "memory.recal_limit", "3"], "did you mean 'recall_limit'?"),
        (["set", "cache_provider.name", "memry"], "did you mean 'memory'?"),
        (["cache", "--provider", "memry"], "did you mean 'memory'?"),
        (["set", "cache_provider.config.api_key", "sk-canary-0123456789"], "never secrets"),
        (["cache", "--provider", "redis", "--url-env", "redis://u:canary@h"], "never secrets"),
    ):
        said = changed(capsys, *arguments, code=3)
        assert text in said.err
        assert "canary" not in said.err + said.out
    for arguments in (
        ["set", "memory.recall_limit", "few"],
        ["set", "memory.scope", "usr"],
        ["cache", "--max-bytes", "few"],
        ["cache", "--max-byte", "3"],
        ["set", "memory..scope", "user"],
        ["set", "cache.name", "disk"],
        ["get", "embeddings"],
    ):
        changed(capsys, *arguments, code=2)
    assert FILE.read_text() == MINE
    changed(capsys, "set", "memory.recall_limit", "-1", "--force")
    assert load_config().document["memory"]["recall_limit"] == -1


def test_a_refusal_makes_no_file(capsys):
    changed(capsys, "llm", "--provider", "nobody", code=3)
    changed(capsys, "set", "memory.scoop", "user", code=3)
    changed(capsys, "set", "memory.scope", "user", "--config", "no/such.json", "--dry-run")
    assert not any(Path().iterdir())
    changed(capsys, "set", "memory.scope", "user", "--config", "deep/mine.json")
    assert json.loads(Path("deep/mine.json").read_text()) == {"memory": {"scope": "user"}}


def test_what_was_wrong_before_does_not_stand_in_the_way(capsys):
    FILE.write_text('{"llm_provider": "nobody", "memory": {"scope": "usr"}}')
    said = changed(capsys, "set", "memory.scope", "user")
    assert "not valid yet: luminora.json" in said.err
    assert json.loads(FILE.read_text()) == {"llm_provider": "nobody", "memory": {"scope": "user"}}
    changed(capsys, "llm", "--provider", "offline")
    assert main(["config", "validate"]) == 0


def test_a_provider_that_is_not_installed_is_taken_by_force_only(capsys, monkeypatch):
    known = {"cache": {"absent": {"distribution": "luminora-absent"}}}
    monkeypatch.setattr("luminora._index._known", lambda: known)
    said = changed(capsys, "cache", "--provider", "absent", code=3)
    assert "pip install luminora-absent" in said.err
    assert not FILE.exists()
    assert "not valid yet" in changed(capsys, "cache", "--provider", "absent", "--force").err
    assert json.loads(FILE.read_text()) == {"cache_provider": {"name": "absent"}}
    changed(capsys, "cache", "--provider", "nobody", "--force", code=3)


def test_a_dry_run_shows_the_difference_and_writes_nothing(capsys):
    FILE.write_text(MINE)
    said = changed(capsys, "set", "memory.recall_limit", "9", "--dry-run")
    assert '-    "memory": {"recall_limit": 3} // few' in said.out.splitlines()
    assert '+    "memory": {"recall_limit": 9} // few' in said.out.splitlines()
    assert FILE.read_text() == MINE
    found = json.loads(changed(capsys, "unset", "memory", "--dry-run", "--json").out)
    assert found["version"] == 1
    assert (found["written"], found["removed"]) == (False, ["memory.recall_limit"])
    assert '"memory": {' not in found["text"]


def test_a_report_in_json(capsys):
    found = json.loads(changed(capsys, "llm", "--provider", "offline", "--json").out)
    assert found["path"] == str(FILE.absolute())
    assert (found["written"], found["set"]) == (True, {"llm_provider.name": "offline"})
    found = json.loads(changed(capsys, "llm", "--json").out)
    assert found["value"]["name"] == "offline"
    assert found["sources"]["/llm_provider/name"] == "luminora.json:3"


def test_what_wins_over_the_file_and_what_is_missing_is_told(capsys, monkeypatch, site):
    make(site, "lp_store")
    monkeypatch.setenv("LUMINORA_MEMORY__SCOPE", "personality")
    said = changed(capsys, "set", "memory.scope", "user")
    assert "env LUMINORA_MEMORY__SCOPE wins over the file's memory.scope" in said.err
    said = changed(capsys, "cache", "--provider", "made-up", "--url-env", "NO_SUCH_URL")
    assert "NO_SUCH_URL" in said.err
    assert "export NO_SUCH_URL=…" in said.err


def test_a_setting_is_taken_out_again(capsys):
    FILE.write_text(MINE)
    said = changed(capsys, "unset", "memory.recall_limit")
    assert "memory.recall_limit removed" in said.out
    assert "memory.recall_limit is 8 now" in said.err
    assert '"memory": {} // few' in FILE.read_text()
    changed(capsys, "cache", "--unset", "max_bytes")
    assert '"config": {}' in FILE.read_text()
    said = changed(capsys, "unset", "cache_provider.nam", code=1)
    assert "did you mean 'cache_provider.name'?" in said.err


def test_get_prints_one_value(capsys):
    FILE.write_text(MINE)
    assert changed(capsys, "get", "cache_provider.name").out == "memory\n"
    assert changed(capsys, "get", "/cache_provider/config/max_bytes").out == "1000\n"
    assert json.loads(changed(capsys, "get", "memory").out)["recall_limit"] == 3
    found = json.loads(changed(capsys, "get", "memory.recall_limit", "--json").out)
    assert found == {
        "version": 1,
        "path": "memory.recall_limit",
        "value": 3,
        "sources": {"/memory/recall_limit": "luminora.json:7"},
    }
    for path, text in (
        ("memory.recal_limit", "did you mean 'memory.recall_limit'?"),
        ("cache_provider.config.ttl_defaults", "is not set and has no default"),
        ("cache_provider.config.ttl_default", "did you mean 'cache_provider.config.ttl_defaults'?"),
        ("cache_provider.name.first", "there is no setting"),
    ):
        said = changed(capsys, "get", path, code=1)
        assert text in said.err
        assert said.out == ""


def test_a_section_alone_is_shown(capsys):
    FILE.write_text(MINE)
    said = changed(capsys, "cache")
    assert [line.split() for line in said.out.splitlines()] == [
        ["setting", "value", "from"],
        ["cache_provider.name", '"memory"', "luminora.json:4"],
        ["cache_provider.config.max_bytes", "1000", "luminora.json:5"],
    ]


def test_secrets_are_shown_on_demand_alone(capsys, monkeypatch):
    monkeypatch.setenv("K", "canary-4711")
    FILE.write_text('{"llm_provider": {"name": "deepseek", "config": {"api_key_env": "K"}}}')
    assert "canary" not in changed(capsys, "show").out + changed(capsys, "llm").out
    assert "K=canary-4711" in changed(capsys, "show", "--unsafe").out
    found = json.loads(changed(capsys, "show", "--unsafe", "--json").out)
    assert found["secrets"]["/llm_provider/config/api_key_env"]["value"] == "canary-4711"


def editor(monkeypatch, code):
    """An editor that runs ``code`` with the path of the copy in ``path``."""
    script = Path("editor.py").absolute()
    script.write_text(f"import sys, pathlib\npath = pathlib.Path(sys.argv[1])\n{code}\n")
    monkeypatch.setenv("VISUAL", f"'{sys.executable}' '{script}'")


def test_edit_takes_over_what_is_valid(monkeypatch):
    FILE.write_text(MINE)
    editor(monkeypatch, "path.write_text(path.read_text().replace('1000', '5000'))")
    done = luminora("config", "edit")
    assert (done.returncode, done.out.splitlines()[1:]) == (
        0,
        ["  cache_provider.config.max_bytes = 5000"],
    )
    assert FILE.read_text() == MINE.replace("1000", "5000")
    assert luminora("config", "edit").out == "luminora.json: nothing changed\n"


@pytest.mark.parametrize(
    ("code", "returned", "told"),
    [
        ("path.write_text(path.read_text().replace('memory', 'memry'))", 3, "did you mean"),
        ("path.write_text('{')", 3, "malformed JSON"),
        ("path.write_bytes(b'\\xff')", 1, "cannot be read"),
        ("sys.exit(9)", 1, "ended with code 9"),
        ("pathlib.Path('luminora.json').write_text('{}'); path.write_text('{ }')", 1, "meantime"),
    ],
)
def test_edit_writes_nothing_else(monkeypatch, code, returned, told):
    FILE.write_text(MINE)
    editor(monkeypatch, code)
    done = luminora("config", "edit")
    assert done.returncode == returned
    assert told in done.err
    assert FILE.read_text() in {MINE, "{}"}
    assert sorted(path.name for path in Path().iterdir()) == ["editor.py", "luminora.json"]


def test_edit_begins_a_file_and_offers_to_mend_it(monkeypatch):
    editor(
        monkeypatch,
        "second = pathlib.Path('second')\n"
        'path.write_text(\'{"memory": {"scope": "%s"}}\' % '
        "('user' if second.exists() else 'usr'))\nsecond.touch()",
    )
    with Terminal(sys.executable, "-m", "luminora.cli", "config", "edit") as terminal:
        terminal.until("Edit it again?")
        assert "usr is not one of user, personality" in terminal.text
        assert not FILE.exists()
        terminal.type("\n")
        assert terminal.code() == 0
    assert json.loads(FILE.read_text()) == {"memory": {"scope": "user"}}


def test_edit_can_be_given_up(monkeypatch):
    editor(monkeypatch, "path.write_text('{')")
    with Terminal(sys.executable, "-m", "luminora.cli", "config", "edit") as terminal:
        terminal.until("Edit it again?")
        terminal.type("n\n")
        assert terminal.code() == 3
    assert not FILE.exists()


def test_settings_of_every_installed_provider_can_be_flags():
    index = Index.load()
    for kind in ("llm", "embedding", "storage", "vector_store", "cache"):
        for offers in index.usable(kind).values():
            flags = [setting.flag for offer in offers[:1] for setting in settings_of(offer)]
            assert len(flags) == len({*flags})


@pytest.mark.parametrize(
    ("part", "text", "value"),
    [
        ({}, "3", 3),
        ({}, "three", "three"),
        ({"type": "string"}, "3", "3"),
        ({"type": ["string", "null"]}, "null", None),
        ({"type": ["string", "object"]}, '{"a": 1}', {"a": 1}),
        ({"type": "number"}, "3", 3),
        ({"type": "boolean"}, "Yes", True),
    ],
)
def test_what_is_typed_is_taken_as_its_type(part, text, value):
    assert json.dumps(value_of(part, text)) == json.dumps(value)


@pytest.mark.parametrize(
    ("part", "text", "message"),
    [
        ({"type": "integer"}, "3.5", "'3.5' is not a whole number"),
        ({"type": "integer"}, "true", "'true' is not a whole number"),
        ({"type": "array"}, "a,b", "write it as JSON"),
        ({"type": "number"}, "sk-abcdefghijklmnop1234", "this is not a number"),
    ],
)
def test_what_cannot_be_its_type_is_refused(part, text, message):
    with pytest.raises(InputError, match=message):
        value_of(part, text)


def test_what_follows_is_told_once_and_what_was_asked_for_is_not(capsys):
    assert "follows" not in changed(capsys, "set", "fallback_provider", "null").err
    said = changed(capsys, "llm", "--provider", "deepseek").err
    assert "embedding_provider follows: static before, deepseek now" in said
    assert said.count("DEEPSEEK_API_KEY=…") == 1


def test_the_order_that_a_model_without_embeddings_wants(capsys):
    said = changed(capsys, "llm", "--provider", "claude", code=3)
    assert "luminora config embeddings --provider voyage" in said.err
    changed(capsys, "embeddings", "--provider", "voyage")
    changed(capsys, "llm", "--provider", "claude")
    assert main(["config", "validate", "--no-secrets"]) == 0


def test_nothing_of_a_provider_is_imported_to_set_it_up():
    code = (
        "import sys; from luminora.cli import main; "
        "main(['config', 'storage', '--provider', 'postgresql', '--host', 'h']); "
        "print([name for name in sys.modules if name.startswith(('luminora_', 'psycopg', 'rich'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_seeds_four_commands():
    for line in (
        "llm --provider deepseek --api-key-env DEEPSEEK_API_KEY",
        "storage --provider postgresql --host localhost --database luminora",
        "embeddings --provider deepseek --batch-size 10",
        "vector-store --provider pgvector",
    ):
        assert luminora("config", *line.split()).returncode == 0
    document = json.loads(FILE.read_text())
    assert document["storage_provider"]["config"] == {"host": "localhost", "database": "luminora"}
    assert document["embedding_provider"] == {"name": "deepseek", "config": {"batch_size": 10}}
    assert document["vector_store_provider"] == {"name": "pgvector"}
    assert luminora("config", "validate", "--no-secrets").returncode == 0


def test_a_plugin_that_is_disabled_no_longer_can_be_used_at_once(capsys, site):
    make(site, "lp_store")
    FILE.write_text('{"plugins": {"disabled": ["luminora-store"]}}')
    assert "is disabled" in changed(capsys, "cache", "--provider", "made-up", code=3).err
    FILE.write_text(
        '{"plugins": {"disabled": ["luminora-store"]}, "cache_provider": {"name": "made-up"}}'
    )
    said = changed(capsys, "set", "plugins.disabled", "[]")
    assert "not valid yet" not in said.err
