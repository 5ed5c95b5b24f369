from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import click
import pytest
from dotenv import dotenv_values

from luminora._jsonc import parse
from luminora.cli import main
from luminora.cli._draft import Draft
from luminora.cli.wizard import closing, offers
from luminora.cli.wizard.decisions import Decisions
from luminora.cli.wizard.texts import PROMPTS_ES, TEXTS, Texts, language
from luminora.errors import InputError
from tests.cli.terminal import luminora
from tests.fakeplugins import make, manifest, site

__all__ = ["site"]

FILE = Path("luminora.json")
ROOT = Path(__file__).parents[2]
KEY = "sk-" + "a1B2" * 8


@pytest.fixture
def init(capsys):
    """``luminora init`` in this process, where nobody can be asked: output, errors, exit code."""

    def run(*arguments, code=0):
        found = main(["init", *arguments])
        output = capsys.readouterr()
        assert found == code, output
        return output

    return run


def written():
    return parse(FILE.read_text(), "luminora.json")


def test_two_flags_are_enough(init, capsys):
    out = init("--no-input", "--llm", "offline", "--storage", "sqlite").out
    assert written() == {
        "llm_provider": {"name": "offline"},
        "embedding_provider": {"name": "static", "config": {"dimension": 256}},
        "storage_provider": {"name": "sqlite"},
        "vector_store_provider": {"name": "sqlite-vec"},
        "cache_provider": {"name": "memory"},
    }
    assert "Select your embedding provider: static (--embeddings)" in out
    assert "[5/5] Cache Configuration" in out
    assert "luminora load-personality alicia.json" in out
    assert not Path("data/luminora.db").exists()
    assert main(["config", "validate"]) == 0
    capsys.readouterr()


def test_no_flag_at_all_takes_every_default_and_says_which(init):
    out = init("--no-input").out
    assert "Select your LLM provider: offline (--llm)" in out
    assert written()["storage_provider"] == {"name": "sqlite"}


def test_settings_have_flags_of_their_own(init):
    init(
        *("--no-input", "--llm", "deepseek", "--storage", "postgresql"),
        *("--storage-host", "db.example", "--storage-port=5433", "--storage-user", "luminora_user"),
        *("--storage-password-env", "DB_PASSWORD", "--embeddings-batch-size", "10"),
        *("--embeddings-timeout-seconds", "30", "--llm-models-processing", "deepseek-flash"),
        *("--cache", "redis", "--cache-url-env", "REDIS_URL"),
    )
    found = written()
    assert found["llm_provider"]["config"]["api_key_env"] == "DEEPSEEK_API_KEY"
    assert found["llm_provider"]["config"]["models"]["processing"] == "deepseek-flash"
    assert found["embedding_provider"]["name"] == "deepseek"
    assert found["embedding_provider"]["config"]["batch_size"] == 10
    assert found["storage_provider"]["config"] == {
        "host": "db.example",
        "port": 5433,
        "database": "luminora",
        "user": "luminora_user",
        "password_env": "DB_PASSWORD",
    }
    assert found["vector_store_provider"]["name"] == "pgvector"
    assert found["cache_provider"]["config"]["url_env"] == "REDIS_URL"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--llm", "deepsek"], 3, "did you mean 'deepseek'"),
        (["--llm", "offline", "--lang", "fr"], 2, "'fr' is not one of 'en', 'es'"),
        (["--storage", "postgresql", "--storage-port", "high"], 2, "--storage-port: 'high' is not"),
        (["--storage", "postgresql", "--storage-port", "99999"], 2, "--storage-port"),
        (["--storage", "postgresql", "--storage-hots", "x"], 2, "--storage-host"),
        (["--storage", "postgresql", "--storage-password-env", KEY], 2, "--storage-password-env"),
        (["--llm", "openai-compatible"], 2, "--llm-api-base"),
        (["--from", "nowhere.json"], 1, "nowhere.json"),
    ],
)
def test_wrong_answers_are_named_and_leave_no_trace(init, arguments, code, words):
    output = init("--no-input", *arguments, code=code)
    assert words in output.err
    assert KEY not in output.out + output.err
    assert not FILE.exists()


def test_what_is_missing_has_exit_code_2_and_the_flag_in_a_pipe():
    done = luminora("init", "--llm", "openai-compatible", said="http://localhost\n\n\n\n")
    assert done.returncode == 2
    assert "--llm-api-base" in done.err
    assert not FILE.exists()


def test_closed_standard_input_is_nobody_to_ask():
    done = luminora("init", "--llm", "offline", "--json", said="")
    assert done.returncode == 0
    assert json.loads(done.out)["written"] is True
    assert "[1/5]" in done.err


def test_interactive_needs_a_terminal(init):
    assert "needs a terminal" in init("--interactive", code=2).err


def test_a_file_that_exists_is_changed_only_by_force_and_keeps_its_comments(init):
    FILE.write_text(
        '// mine\n{\n  "llm_provider": "offline", // for now\n  "memory": {"recall_limit": 3}\n}\n'
    )
    before = FILE.read_text()
    output = init("--no-input", "--llm", "offline", "--cache", "disk", code=1)
    assert "add --force" in output.err
    assert FILE.read_text() == before
    init("--no-input", "--llm", "offline", "--cache", "disk", "--force")
    text = FILE.read_text()
    assert "// mine" in text
    assert "// for now" in text
    assert written()["memory"] == {"recall_limit": 3}
    assert written()["cache_provider"]["name"] == "disk"
    assert "nothing to write" in init("--no-input", "--llm", "offline", "--cache", "disk").out
    assert FILE.read_text() == text


def test_a_run_over_an_existing_file_sets_it_up_as_it_is(init):
    FILE.write_text('{"storage_provider": {"name": "sqlite", "config": {"database_path": "a.db"}}}')
    before = FILE.read_text()
    out = init("--no-input", "--config", "luminora.json", "--migrate", "--test").out
    assert "Reading configuration..." in out
    assert "✓ storage: SQLite (a.db)" in out
    assert "001_initial_schema.sql" in out
    assert "LuminoraCore Ready!" in out
    assert Path("a.db").exists()
    assert FILE.read_text() == before


def test_answers_can_be_kept_and_given_again(init):
    init("--no-input", "--llm", "offline", "--storage", "sqlite", "--save-answers", "answers.json")
    first = FILE.read_text()
    answers = json.loads(Path("answers.json").read_text())
    assert answers["storage"] == "sqlite"
    assert answers["version"] == 1
    FILE.unlink()
    init("--no-input", "--from", "answers.json")
    assert FILE.read_text() == first
    FILE.unlink()
    Path("answers.json").write_text('{"llm": "offline", "storage-hosst": "x"}')
    assert "nothing asks for 'storage-hosst'" in init("--from", "answers.json", code=2).err
    assert not FILE.exists()


def test_a_plugin_of_anybody_has_its_questions(init, site):
    data = manifest("lp_shelf", "shelf", title="A shelf")
    data["providers"]["cache"]["shelf"]["config_schema"]["properties"]["size"][
        "x-luminora-prompt"
    ] = "How wide"
    make(site, "lp_shelf", data=data)
    out = init("--no-input", "--llm", "offline", "--cache", "shelf", "--cache-size", "9").out
    assert "Selected: A shelf" in out
    assert written()["cache_provider"] == {"name": "shelf", "config": {"size": 9}}
    assert "lp_shelf" not in sys.modules


def test_a_test_that_fails_writes_nothing(init):
    output = init(
        *("--no-input", "--llm", "offline", "--storage", "postgresql", "--test"),
        *("--storage-host", "127.0.0.1", "--storage-port", "1"),
        code=1,
    )
    assert "nothing was written" in output.err
    assert "--no-test" in output.err
    assert not FILE.exists()


def test_what_can_be_installed_is_offered_behind_what_is_there(site):
    from luminora._index import Index

    names = [one.name for one in offers.candidates(Index([]), "storage")]
    assert "postgresql" in names
    found = offers.candidate(Index([]), "storage", "postgres")
    assert found.missing == "pip install luminora-postgresql"
    assert found.choice(Texts("en")).title == "PostgreSQL (not installed)"


def test_installing_runs_this_pythons_pip(monkeypatch):
    ran = []
    monkeypatch.setattr(
        offers.subprocess, "run", lambda command, check: ran.append(command) or _Done(0)
    )
    assert offers.install("pip install 'luminora[http]' luminora-redis") is None
    (command,) = ran
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[-2:] == ["luminora[http]", "luminora-redis"]
    monkeypatch.setattr(offers.subprocess, "run", lambda command, check: _Done(1))
    assert offers.install("pip install nothing") == "pip: exit code 1"


class _Done:
    def __init__(self, returncode):
        self.returncode = returncode


def test_secrets_go_to_a_file_that_nobody_else_reads():
    file = Path(".env")
    values = {"A_KEY": 'it\'s a \\ "secret" #1 $HOME', "B_KEY": "plain"}
    closing.keep_secrets(file, values)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    closing.keep_secrets(file, {"C_KEY": "more"})
    assert dotenv_values(file, interpolate=False) == {**values, "C_KEY": "more"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_both_languages_say_everything_with_the_same_places():
    assert language(None, {"LANG": "es_ES.UTF-8"}) == "es"
    assert language(None, {"LC_ALL": "C", "LANG": "es_ES.UTF-8"}) == "en"
    assert language("es", {}) == "es"
    for english, spanish in TEXTS.values():
        assert english.count("{}") == spanish.count("{}")
        assert spanish
    assert Texts("es").prompt("Port") == PROMPTS_ES["Port"]
    assert Texts("es").prompt("Something else") == "Something else"
    with pytest.raises(InputError):
        language("fr")


def prompts(node):
    """Every wizard question of a manifest, with its own Spanish if it has that."""
    if isinstance(node, dict):
        if "x-luminora-prompt" in node:
            yield node["x-luminora-prompt"], node.get("x-luminora-prompt-es")
        for inner in node.values():
            yield from prompts(inner)


def test_every_question_of_our_own_plugins_is_there_in_spanish():
    files = [
        *ROOT.glob("plugins/*/*/luminora-plugin.json"),
        *ROOT.glob("luminora/**/luminora-plugin.json"),
    ]
    found = [one for file in files for one in prompts(json.loads(file.read_text()))]
    assert len(found) > 50
    assert [words for words, own in found if not own and words not in PROMPTS_ES] == []
    assert Texts("es").prompt("Qdrant URL", "URL de Qdrant") == "URL de Qdrant"


def test_a_plugin_words_its_question_in_spanish(init, site):
    data = manifest("lp_shelf", "shelf")
    size = data["providers"]["cache"]["shelf"]["config_schema"]["properties"]["size"]
    size |= {"x-luminora-prompt": "How wide", "x-luminora-prompt-es": "Qué ancho"}
    make(site, "lp_shelf", data=data)
    assert "Qué ancho: 7" in init("--no-input", "--cache", "shelf", "--lang", "es").out


def test_an_answer_left_empty_is_empty_when_it_is_given_again(init):
    Path("answers.json").write_text('{"cache": "redis", "cache-host": null}')
    init("--no-input", "--from", "answers.json", "--save-answers", "kept.json")
    assert "host" not in written()["cache_provider"]["config"]
    first = FILE.read_text()
    FILE.unlink()
    init("--no-input", "--from", "kept.json")
    assert FILE.read_text() == first


def test_yes_or_no_is_nothing_else(init):
    Path("answers.json").write_text('{"test": "maybe"}')
    output = init("--from", "answers.json", "--no-input", code=2)
    assert "--test: maybe is neither true nor false" in output.err
    assert not FILE.exists()


def test_variables_go_to_the_env_file_that_is_read():
    def place(file):
        draft = Draft.of(file)
        return Decisions(draft).env_file.resolve()

    assert place("config/luminora.json") == Path("config/.env").resolve()
    Path(".env").write_text("A_KEY=1\n")
    assert place("config/luminora.json") == Path(".env").resolve()


def test_in_spanish(init):
    out = init("--no-input", "--llm", "offline", "--lang", "es").out
    assert "[3/5] Base de datos" in out
    assert "¡Configuración terminada!" in out


def test_json_is_one_object(init):
    output = init("--no-input", "--llm", "deepseek", "--json")
    found = json.loads(output.out)
    assert found["version"] == 1
    assert found["missing_secrets"] == ["DEEPSEEK_API_KEY"]
    assert found["config"]["llm"].startswith("DeepSeek")


def test_every_question_has_a_flag_in_the_help(capsys):
    assert main(["init", "--storage", "postgresql", "--help"]) == 0
    out = click.unstyle(capsys.readouterr().out)
    for flag in (
        "--llm",
        "--embeddings",
        "--vector-store",
        "--cache",
        "--storage-host",
        "--migrate",
    ):
        assert flag in out
