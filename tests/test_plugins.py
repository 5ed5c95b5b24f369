from __future__ import annotations

import asyncio
import json
import logging
import shutil
import sys
import textwrap
from pathlib import Path

import pytest

from luminora import _manifests, _state, plugins
from luminora.config import Config, load_config
from luminora.errors import (
    ConfigError,
    CredentialsMissing,
    PluginBroken,
    PluginConflict,
    PluginError,
    ProviderUnknown,
)
from luminora.plugins import Activation, Index, activate, discover
from tests.fakeplugins import CACHE_CODE, age, index_of, make, manifest, mine, site

__all__ = ["site"]


def config_for(index: Index, **sections: object) -> Config:
    return load_config({"cache_provider": "made-up", **sections}, env={}, index=index)


def build(code: str, site: Path, **options: object) -> object:
    """The cache of a plugin with that code."""
    name = make(site, "lp_a", code=textwrap.dedent(code), **options)
    index = index_of(name)
    return activate(config_for(index)).build("cache")


# discovery


def test_luminora_itself_is_found():
    (found,) = mine()
    assert found.error is None
    assert found.distribution.entry == "luminora"
    assert "offline" in found.manifest.offers["llm"]


def test_discovery_reads_the_manifest_and_imports_nothing(site):
    name = make(site, "lp_a", code="raise SystemExit('imported')")
    (found,) = (one for one in mine(name) if one.distribution.name == name)
    assert (found.error, found.manifest.offers) == (None, {"cache": {"made-up": []}})
    assert found.distribution == (name, "1.2.3", "a", "lp_a")
    assert "lp_a" not in sys.modules


@pytest.mark.parametrize("value", ["lp_a:plugin", "lp_a.inner.deep", "lp_a.inner:plugin [extra]"])
def test_an_entry_point_may_name_an_object(site, value):
    name = make(site, "lp_a", value=value)
    assert mine(name)[-1].error is None


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"data": None}, "there is no luminora-plugin.json"),
        ({"value": "lp_nowhere"}, "'lp_nowhere', which does not exist"),
        ({"value": "-"}, "which does not exist"),
        ({"value": "json"}, "no luminora-plugin.json in the package 'json'"),
        ({"value": "this"}, "is a single module"),
        ({"data": "{"}, "luminora-plugin.json:1: malformed JSON"),
        ({"data": "[]"}, "is not of type"),
        ({"data": "{}"}, "required"),
        ({"data": '{"name": "a", "api": ">=1", "module": 3}'}, "/module"),
        ({"data": '{"name": "a", "api": "one", "module": "lp_a"}'}, "/api: 'one' is not"),
        ({"data": '{"name": "a", "api": ">=1", "module": "os"}'}, "not inside the package"),
        ({"data": manifest("lp_a", config_schema={"type": "strnig"})}, "/config_schema"),
        (
            {"data": manifest("lp_a", config_schema={"type": "object", "$ref": "http://x/y"})},
            "refers to another document",
        ),
        (
            {"data": manifest("lp_a", config_schema={"type": "object", "minProperties": "1"})},
            "is not of type",
        ),
        ({"data": manifest("lp_a") | {"api": ">=2"}}, "it works with plugin API >=2"),
    ],
)
def test_a_broken_plugin_is_a_finding(site, options, error):
    name = make(site, "lp_a", **options)
    found = mine(name)
    assert [one.distribution.name for one in found] == ["luminora", name]
    assert error in found[1].error
    assert found[0].error is None


def test_unknown_manifest_fields_are_for_authors_alone(site):
    data = manifest("lp_a", badge="gold") | {"colour": "red"}
    del data["providers"]["cache"]["made-up"]["config_schema"]["properties"]["size"]["description"]
    name = make(site, "lp_a", data=data)
    assert mine(name)[-1].error is None
    strict = plugins.problems(data, package="lp_a", strict=True)
    assert len(strict) == 3


def test_our_own_manifest_satisfies_authors_rules():
    (found,) = mine()
    assert plugins.problems(found.manifest.data, package="luminora", strict=True) == []


def test_discovery_survives_even_a_checker_that_fails(site, monkeypatch):
    name = make(site, "lp_a")
    monkeypatch.setattr(_manifests, "problems", lambda *_, **__: 1 / 0)
    assert "cannot be checked: ZeroDivisionError" in mine(name)[1].error


def test_damaged_metadata_of_others_is_passed_over(site):
    name = make(site, "lp_a")
    broken = site / "other-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_bytes(b"\xff\xfe\xff")
    (broken / "entry_points.txt").write_text("[luminora.plugins\nno equals sign")
    assert name in [one.distribution.name for one in discover()]


def test_the_first_distribution_of_a_name_counts(site, tmp_path, monkeypatch):
    make(site, "lp_a", version="1.0")
    other = tmp_path / "other"
    other.mkdir()
    make(other, "lp_a", version="2.0")
    monkeypatch.syspath_prepend(str(other))
    assert [one.distribution.version for one in mine("luminora-a")[1:]] == ["2.0"]


# the cache of the index


@pytest.fixture
def scans(monkeypatch):
    """How often the environment was searched."""
    calls = []
    scan = _manifests._scan
    monkeypatch.setattr(_manifests, "_scan", lambda: calls.append(1) or scan())
    monkeypatch.setattr(_manifests, "_FRESH_SECONDS", -1e9)  # other folders may have just changed
    return calls


def test_a_warm_discovery_searches_nothing(site, scans):
    name = make(site, "lp_a")
    first = mine(name)
    assert mine(name)[1].distribution == first[1].distribution
    assert len(scans) == 1


def test_a_warm_discovery_notices_a_new_plugin_and_an_edited_manifest(site, scans):
    name = make(site, "lp_a")
    age(site)
    mine(name)
    other = make(site, "lp_b")
    assert len(mine(name, other)) == 3
    path = site / "lp_a" / "luminora-plugin.json"
    path.write_text("{}")
    assert mine(name)[1].error
    path.unlink()
    assert "there is no" in mine(name)[1].error
    path.write_text(json.dumps(manifest("lp_a")))
    assert mine(name)[1].error is None
    assert len(scans) == 5


def test_files_that_come_and_go_beside_the_plugins_are_no_change(site, scans):
    name = make(site, "lp_a")
    mine(name)
    (site / "luminora.db-wal").write_text("")
    assert len(mine(name)) == 2
    assert len(scans) == 1


def test_a_distribution_that_is_installed_again_is_a_change(site, scans):
    name = make(site, "lp_a")
    age(site)
    mine(name)
    shutil.rmtree(site / "luminora_a-1.2.3.dist-info")
    make(site, "lp_a", value="lp_gone")
    assert "lp_gone" in mine(name)[1].error
    (site / "lp_gone").mkdir()
    assert "there is no" in mine(name)[1].error
    assert len(scans) == 3


def test_what_changed_just_now_is_not_cached(site):
    make(site, "lp_a")
    discover()
    assert not list(_state.user_dir("cache").glob("plugins-*.json"))


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"head": 1}', "\x00\xff", "rows", "body"])
def test_a_damaged_cache_is_made_again(site, scans, damage):
    name = make(site, "lp_a")
    mine(name)
    (cache,) = _state.user_dir("cache").glob("plugins-*.json")
    whole = json.loads(cache.read_text())
    if damage == "rows":
        whole["rows"] = [{"name": 1}]
        damage = json.dumps(whole)
    elif damage == "body":
        whole["rows"][0]["outline"] = {"name": "x"}
        damage = json.dumps(whole)
    cache.write_text(damage, encoding="latin-1")
    assert len(mine(name)) == 2
    assert len(scans) == 2


def test_a_cache_that_cannot_be_written_is_no_obstacle(site, scans, monkeypatch):
    name = make(site, "lp_a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/nowhere")
    assert len(mine(name)) == 2
    assert len(mine(name)) == 2
    assert len(scans) == 2


def test_the_cache_is_the_users_own(site, scans):
    make(site, "lp_a")
    discover()
    (cache,) = _state.user_dir("cache").glob("plugins-*.json")
    assert cache.stat().st_mode & 0o077 == 0
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]


# who offers what


def test_two_distributions_with_one_provider_must_be_told_apart(site):
    first = make(site, "lp_a")
    second = make(site, "lp_b")
    index = index_of(first, second)
    assert index.conflicts() == [("cache", "made-up", [first, second])]
    with pytest.raises(PluginConflict, match="luminora-a, luminora-b"):
        activate(config_for(index)).build("cache")
    pinned = {"name": "made-up", "package": "Luminora_B"}
    active = activate(config_for(index, cache_provider=pinned))
    assert type(active.build("cache")).__module__ == "lp_b"


def test_an_alias_is_another_name_and_the_hook_gets_the_own_one(site):
    code = CACHE_CODE + "    \n\nasked = []\n"
    code = code.replace("return Cache(", "asked.append(name); return Cache(")
    name = make(site, "lp_a", code=code, data=manifest("lp_a", aliases=["invented"]))
    active = activate(config_for(index_of(name), cache_provider="invented"))
    active.build("cache")
    assert sys.modules["lp_a"].asked == ["made-up"]


@pytest.mark.parametrize(
    ("kind", "name", "message", "hint"),
    [
        ("llm", "deepsek", "did you mean 'deepseek'?", "pip install luminora-deepseek"),
        ("llm", "deepseek", "'deepseek' is not installed", "pip install luminora-deepseek"),
        ("llm", "anthropic", "not installed", "pip install luminora-claude"),
        ("embedding", "local", "not installed", "pip install luminora-sentence-transformers"),
        ("vector_store", "pgvector", "not installed", "pip install luminora-postgresql"),
        ("llm", "ofline", "did you mean 'offline'?", "luminora plugins list"),
        ("llm", "voyage", "'voyage' is the embedding provider, not the llm provider", None),
        ("storage", "xyzzy", "installed: sqlite", "luminora plugins list"),
    ],
)
def test_an_unknown_provider_is_answered_with_a_way_on(kind, name, message, hint):
    with pytest.raises(ProviderUnknown) as refusal:
        index_of().find(kind, name)
    assert message in refusal.value.message
    assert hint is None or refusal.value.hint == hint


def test_a_plugin_for_another_api_is_named(site):
    name = make(site, "lp_a", data=manifest("lp_a") | {"api": ">=2"})
    with pytest.raises(PluginBroken, match="API >=2"):
        index_of(name).find("cache", "made-up")


# disabling


def test_disabling_is_remembered_and_undone(site):
    name = make(site, "lp_a")
    plugins.disable("a", index_of(name))
    index = Index(mine(name), _state.disabled())
    with pytest.raises(ProviderUnknown, match="disabled") as refusal:
        index.find("cache", "made-up")
    assert refusal.value.hint == f"luminora plugins enable {name}"
    plugins.enable(name, index)
    assert _state.disabled() == frozenset()
    assert _state.state_file().stat().st_mode & 0o777 == 0o600


def test_disabling_in_the_config_holds_for_that_config(site):
    name = make(site, "lp_a", code="raise RuntimeError")
    config = config_for(index_of(name), plugins={"disabled": ["luminora.a"], "enabled": ["a"]})
    active = activate(config)
    assert "lp_a" not in sys.modules
    with pytest.raises(PluginError, match="disabled"):
        active.build("cache")


def test_an_unknown_plugin_is_not_disabled(site):
    with pytest.raises(ProviderUnknown, match="did you mean 'luminora'"):
        plugins.disable("luminor")


@pytest.mark.parametrize("text", ["{", "[]", '{"disabled": 3}', '{"disabled": [1]}', "{}"])
def test_a_damaged_list_is_not_taken_for_an_empty_one(text):
    file = _state.state_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    with pytest.raises(ConfigError) as refusal:
        Index.load()
    assert str(file) in refusal.value.where


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    path.write_text("old")
    monkeypatch.setattr(_state.os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        _state.write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["state.json"]


@pytest.mark.parametrize("what", ["cache", "config", "data"])
def test_folders_are_where_platformdirs_says(what, monkeypatch):
    import platformdirs

    assert str(_state.user_dir(what)) == getattr(platformdirs, f"user_{what}_dir")("luminora")
    monkeypatch.delenv(f"XDG_{what.upper()}_HOME")
    assert str(_state.user_dir(what)) == getattr(platformdirs, f"user_{what}_dir")("luminora")


# activation


def test_only_the_named_plugins_are_imported(site):
    name = make(site, "lp_a")
    idle = make(site, "lp_b", data=manifest("lp_b", "other"), code="raise RuntimeError")
    active = activate(config_for(index_of(name, idle)))
    assert [one.name for one in active.loaded if one.name != "luminora"] == [name]
    assert "lp_b" not in sys.modules


def test_a_provider_gets_its_settings_and_its_context(site, tmp_path):
    name = make(site, "lp_a")
    part = {"name": "made-up", "config": {"url_env": "WHERE"}}
    env = {"WHERE": "x", "LUMINORA_DATA_DIR": str(tmp_path / "d")}
    config = load_config({"cache_provider": part}, env=env, cwd=tmp_path, index=index_of(name))
    cache = activate(config).build("cache")
    assert cache.config == {"url_env": "WHERE", "size": 7}
    assert cache.context.secret("WHERE", provider="made-up") == "x"
    assert (cache.context.base_dir, cache.context.data_dir) == (tmp_path, tmp_path / "d")


def test_a_provider_of_providers_builds_its_own(site):
    name = make(site, "lp_a")
    active = activate(load_config({}, env={}, index=index_of(name)))
    assert active.build("cache", {"name": "made-up"}).config == {"size": 7}
    with pytest.raises(ConfigError, match="unknown property 'sise'; did you mean 'size'"):
        active.build("cache", {"name": "made-up", "config": {"sise": 3}})


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def broken(:", r"not valid Python: .*lp_a/__init__.py:1"),
        ("import nonexistent_sdk", "needs the Python package 'nonexistent_sdk'"),
        ("1/0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("from luminora import nothing", "ImportError"),
        ("raise __import__('luminora.errors').errors.ConfigError('at import')", "at import"),
        ("import lp_a.inner", "its own module 'lp_a.inner' is missing"),
        ("x = 1", "has no @hookimpl luminora_cache"),
        ("def luminora_cache(name, config, context): ...", "has no @hookimpl luminora_cache"),
        (CACHE_CODE.replace("def luminora_cache", "def luminora_cahce"), "mean 'luminora_cache'"),
        (CACHE_CODE.replace("(name, config, context)", "(name, settings)"), "settings"),
        (CACHE_CODE.replace("return Cache(config, context)", "return None"), "with nothing"),
        (CACHE_CODE.replace("return Cache(config, context)", "return 3"), "a int instead of"),
        (CACHE_CODE.replace("return Cache(config, context)", "return Cache"), "a ABCMeta instead"),
        (CACHE_CODE.replace("return Cache(config, context)", "raise OSError('no')"), "OSError: no"),
        (CACHE_CODE.replace("return Cache(config, context)", "import lib_x"), "package 'lib_x'"),
        (CACHE_CODE.replace('name = "made-up"', ""), "has no name"),
        (CACHE_CODE.replace("@hookimpl", "@hookimpl(wrapper=True)"), "wrapper"),
    ],
)
def test_a_broken_plugin_is_named_and_the_others_work(site, code, message):
    name = make(site, "lp_a", code=code)
    fine = make(site, "lp_b", data=manifest("lp_b", "fine"))
    active = activate(config_for(index_of(name, fine), plugins={"enabled": ["b"]}))
    for _ in range(2):
        with pytest.raises((PluginBroken, ConfigError), match=message) as refusal:
            active.build("cache")
        if isinstance(refusal.value, PluginBroken):
            assert refusal.value.where == f"{name} 1.2.3"
            assert refusal.value.hint
    assert active.build("cache", {"name": "fine"})
    asyncio.run(active.emit("luminora_message_received", session_id="s", user_id="u", message="m"))


def test_a_missing_dependency_comes_with_its_command(site):
    data = manifest("lp_a", requires={"lib_x": "pip install lib-x[all]"})
    with pytest.raises(PluginBroken) as refusal:
        build("import lib_x.inner", site, data=data)
    assert refusal.value.hint == "pip install lib-x[all]"


def test_a_module_that_is_not_there(site):
    with pytest.raises(PluginBroken, match=r"names the module 'lp_a\.hooks'"):
        build("", site, data=manifest("lp_a") | {"module": "lp_a.hooks"})


def test_a_half_registration_is_undone(site):
    listener = """
    from luminora import hookimpl
    heard = []

    @hookimpl
    def luminora_message_received(message):
        heard.append(message)

    @hookimpl
    def luminora_zzz(nothing): ...
    """
    name = make(site, "lp_a", code=listener, data=manifest("lp_a") | {"providers": {}})
    active = activate(load_config({"plugins": {"enabled": ["a"]}}, env={}, index=index_of(name)))
    assert [one.name for one in active.broken if one.name != "luminora"] == [name]
    asyncio.run(active.emit("luminora_message_received", session_id="s", user_id="u", message="m"))
    assert sys.modules["lp_a"].heard == []


def test_a_providers_own_complaint_passes_unchanged(site):
    code = CACHE_CODE.replace(
        "return Cache(config, context)", "context.secret('NO_SUCH', provider=name)"
    )
    with pytest.raises(CredentialsMissing, match="NO_SUCH"):
        build(code, site)


def test_no_other_plugin_answers_in_a_providers_name(site):
    name = make(site, "lp_a")
    rogue = make(
        site,
        "lp_b",
        code=CACHE_CODE.replace("@hookimpl", "@hookimpl(tryfirst=True)"),
        data=manifest("lp_b", "other"),
    )
    active = activate(config_for(index_of(name, rogue), plugins={"enabled": ["b"]}))
    assert type(active.build("cache")).__module__ == "lp_a"


# events, migrations, commands

LISTENER = """
import asyncio
from luminora import hookimpl
heard = []

@hookimpl
async def luminora_message_received(user_id, message):
    await asyncio.sleep(0)
    heard.append((user_id, message))

@hookimpl
def luminora_level_changed(after):
    heard.append(after)
"""


def listening(site: Path, **codes: str) -> Activation:
    names = [
        make(site, f"lp_{key}", code=code, data=manifest(f"lp_{key}") | {"providers": {}})
        for key, code in codes.items()
    ]
    document = {"plugins": {"enabled": list(codes)}}
    return activate(load_config(document, env={}, index=index_of(*names)))


async def test_listeners_hear_what_they_ask_for(site):
    active = listening(site, a=LISTENER)
    await active.emit("luminora_message_received", session_id="s", user_id="u", message="hola")
    await active.emit(
        "luminora_level_changed", user_id="u", personality_name="p", before="a", after="b"
    )
    assert sys.modules["lp_a"].heard == [("u", "hola"), "b"]


@pytest.mark.parametrize("failure", ["1/0", "raise SystemExit", "await asyncio.sleep(9)"])
async def test_a_failing_listener_breaks_nothing(site, caplog, monkeypatch, failure):
    monkeypatch.setattr(plugins, "_LISTENER_SECONDS", 0.01)
    failing = LISTENER.replace("await asyncio.sleep(0)", failure)
    active = listening(site, a=LISTENER, b=failing, c=LISTENER)
    with caplog.at_level(logging.WARNING):
        await active.emit("luminora_message_received", session_id="s", user_id="u", message="m")
    assert sys.modules["lp_a"].heard == sys.modules["lp_c"].heard == [("u", "m")]
    assert "luminora-b 1.2.3 failed in luminora_message_received" in caplog.text


async def test_an_unknown_plugin_does_not_listen(caplog):
    config = load_config({"plugins": {"enabled": ["nobody"]}}, env={}, index=index_of())
    activate(config)
    assert "no plugin 'nobody' is installed" in caplog.text


MIGRATIONS = """
from pathlib import Path
from luminora import hookimpl

@hookimpl
def luminora_migrations():
    return [({name!r}, Path(__file__).parent)]
"""


def test_migration_sets_of_plugins(site):
    active = listening(site, a=MIGRATIONS.format(name="diary"), b=LISTENER)
    assert active.migration_sets() == [("diary", site / "lp_a")]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("3", "answers pairs"),
        ("[('core', '.')]", "cannot be the name"),
        ("[('Bad name', '.')]", "cannot be the name"),
        ("[('fine', '/nowhere')]", "is missing"),
        ("1/0", "ZeroDivisionError"),
    ],
)
def test_unusable_migrations_name_the_plugin(site, answer, message):
    code = MIGRATIONS.format(name="x").split("return")[0] + f"return {answer}\n"
    with pytest.raises(PluginBroken, match=message) as refusal:
        listening(site, a=code).migration_sets()
    assert refusal.value.where == "luminora-a 1.2.3"


def test_two_sets_of_one_name(site):
    active = listening(site, a=MIGRATIONS.format(name="x"), b=MIGRATIONS.format(name="x"))
    with pytest.raises(PluginBroken, match="another plugin"):
        active.migration_sets()


def test_plugins_add_commands(site):
    import click

    code = """
    import click
    from luminora import hookimpl

    @hookimpl
    def luminora_commands(group):
        group.add_command(click.Command("diary"))
    """
    group = click.Group()
    listening(site, a=code).add_commands(group)
    assert list(group.commands) == ["diary"]
