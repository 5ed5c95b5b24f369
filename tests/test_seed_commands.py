"""Every command line of the founding document is typed, as docs/seed-commands.md says."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from luminora.testing.doubles.vendor import KEY
from tests.cli.terminal import Terminal, luminora
from tests.servers.vendors.imitators import DeepSeekWithEmbeddings

ROOT = Path(__file__).parent.parent
TYPED = re.compile(r"^\| `luminora-cli (?P<printed>[^`]+)` \| (?P<here>[^|]+) \|")
FOUNDED = [
    pytest.mark.backend("storage postgresql", against="postgresql"),
    pytest.mark.backend("vector_store pgvector", against="postgresql"),
    pytest.mark.backend("cache redis", against="redis"),
    pytest.mark.backend("llm deepseek", against=DeepSeekWithEmbeddings.title),
]
"""The stack of the founding document."""


def against(test):
    """Mark a test that uses it."""
    for mark in FOUNDED:
        test = mark(test)
    return pytest.mark.xdist_group("postgresql")(test)


def listed():
    """What the document prints, and what the page says to type: None if it is the same."""
    page = (ROOT / "docs" / "seed-commands.md").read_text(encoding="utf-8")
    found = [match for line in page.splitlines() if (match := TYPED.match(line))]
    same = "as printed"
    return {
        one["printed"]: None
        if one["here"] == same
        else one["here"].strip("`").removeprefix("luminora-cli ")
        for one in found
    }


LISTED = listed()
WIZARD = [printed for printed in LISTED if printed.split()[0] == "init"]
SETTING = [printed for printed in LISTED if printed.startswith("config ") and "--" in printed]
OTHERS = [printed for printed in LISTED if printed not in {*WIZARD, *SETTING}]
WITHOUT_TABLES = ("migrate", "load-personality")


@pytest.fixture
def setup(private_world, postgres_database, redis_place, monkeypatch):
    """The document's own stack and file, at the addresses of servers that exist."""
    database = postgres_database.config
    for name, value in {
        "DEEPSEEK_API_KEY": KEY,
        "DB_PASSWORD": "double",
        "REDIS_URL": redis_place.url,
        **postgres_database.env,
    }.items():
        monkeypatch.setenv(name, value)
    with DeepSeekWithEmbeddings().running() as deepseek:
        base = f"{deepseek.url}/v1"
        document = {
            "llm_provider": {"name": "deepseek", "config": {"api_base": base}},
            "embedding_provider": {"name": "deepseek", "config": {"api_base": base}},
            "storage_provider": {"name": "postgresql", "config": database},
            "vector_store_provider": {"name": "pgvector"},
            "cache_provider": {"name": "redis", "config": redis_place.config},
        }
        Path("config").mkdir()
        Path("config/luminora.json").write_text(json.dumps(document), encoding="utf-8")
        personality = ROOT / "personalities" / "alicia.json"
        Path("alicia.json").write_bytes(personality.read_bytes())
        yield document


@against
@pytest.mark.parametrize("printed", OTHERS)
def test_a_command_of_the_founding_document_runs(printed, setup):
    if "--rollback" in printed or not printed.startswith(WITHOUT_TABLES):
        assert luminora("migrate").returncode == 0
    here = LISTED[printed]
    done = luminora(*shlex.split(printed))
    if here is not None:  # the page says that this form is impossible: then it has to be refused
        assert done.returncode != 0, done.out + done.err
        done = luminora(*shlex.split(here))
    assert done.returncode == 0, done.out + done.err
    assert done.out.strip()


@pytest.mark.parametrize("printed", SETTING)
def test_a_setting_of_the_founding_document_is_written(printed):
    done = luminora(*shlex.split(printed))
    assert done.returncode == 0, done.out + done.err
    words = shlex.split(printed)
    section = {"vector-store": "vector_store", "embeddings": "embedding"}.get(words[1], words[1])
    written = json.loads(Path("luminora.json").read_text(encoding="utf-8"))
    provider = written[f"{section}_provider"]
    flags = dict(zip(words[2::2], words[3::2], strict=True))
    if isinstance(provider, str):
        provider = {"name": provider}
    assert provider["name"] == flags.pop("--provider")
    for flag, value in flags.items():
        assert str(provider["config"][flag[2:].replace("-", "_")]) == value


@pytest.mark.parametrize("printed", WIZARD)
def test_the_wizard_of_the_founding_document_asks_and_an_interrupted_one_leaves_no_trace(
    printed, monkeypatch
):
    monkeypatch.delenv("CI", raising=False)  # somebody is there
    before = sorted(path.as_posix() for path in Path().rglob("*"))
    command = [sys.executable, "-m", "luminora.cli", *shlex.split(printed)]
    with Terminal(*command) as terminal:
        terminal.until("[1/5]")
        terminal.until("?")
        terminal.type("\x03")
        assert terminal.code(pressing="\x03") == 130
    assert sorted(path.as_posix() for path in Path().rglob("*")) == before


def test_the_page_lists_as_many_commands_as_the_founding_document_prints():
    assert len(LISTED) == 27
    assert len(SETTING) == 7
    assert {printed.split()[0] for printed in OTHERS} == {
        *("load-personality", "migrate", "test-connection", "health", "test", "benchmark"),
        *("config", "info", "stats"),
    }


@against
def test_a_database_that_is_not_the_configured_one_is_refused(setup):
    done = luminora("migrate", "--database", "mysql")
    assert done.returncode in {2, 3}
    assert "postgresql" in done.err
