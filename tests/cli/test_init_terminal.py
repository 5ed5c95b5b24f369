"""The wizard as a person meets it: at a terminal, with arrow keys."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from luminora._jsonc import parse
from luminora.cli import main
from tests.cli.screen import luminora_screen
from tests.cli.terminal import luminora

FILE = Path("luminora.json")


@pytest.fixture(autouse=True)
def attended(monkeypatch):
    """Somebody is there, even where the tests run unattended."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def written():
    return parse(FILE.read_text(), "luminora.json")


EMBEDDED = (
    ("Select your LLM provider", ()),
    ("Select your embedding provider", ()),
    ("Vector length", ()),
    ("Select your database", ()),
    ("Database file", ()),
    ("Create tables automatically?", ()),
    ("Enable semantic search?", ()),
    ("Select vector store", ()),
    ("Database file:", ()),
    ("Enable caching", ()),
    ("Select cache backend", ()),
    ("Write this?", ()),
)
"""The questions of the embedded default; a question that comes twice is awaited twice."""


def answer_all(screen, questions):
    seen = {}
    for question, keys in questions:
        seen[question] = seen.get(question, 0) + 1
        screen.until(question, times=seen[question])
        screen.press(*keys, "enter")


def test_enter_all_the_way_writes_what_the_flags_write_and_makes_the_tables(capsys):
    main(["init", "--no-input", "--llm", "offline", "--storage", "sqlite"])
    capsys.readouterr()
    by_flags = FILE.read_text()
    FILE.unlink()
    with luminora_screen("init") as screen:
        answer_all(screen, EMBEDDED)
        assert screen.code() == 0
    assert FILE.read_text() == by_flags
    assert "Database initialized!" in screen.text
    assert "LuminoraCore Ready!" in screen.text
    assert Path(os.environ["LUMINORA_DATA_DIR"], "luminora.db").exists()
    done = luminora("chat", "--user", "diego", said="Hola, soy Diego\n")
    assert done.returncode == 0
    assert done.out


@pytest.mark.parametrize("place", range(len(EMBEDDED)))
def test_ctrl_c_at_any_question_writes_nothing(place):
    before = sorted(Path().rglob("*"))
    with luminora_screen("init") as screen:
        answer_all(screen, EMBEDDED[:place])
        question = EMBEDDED[place][0]
        times = 1 + sum(one == question for one, _ in EMBEDDED[:place])
        screen.until(question, times=times)
        screen.press("ctrl-c")
        assert screen.code() == 130
    assert sorted(Path().rglob("*")) == before
    assert not Path(os.environ["LUMINORA_DATA_DIR"], "luminora.db").exists()
    assert "Traceback" not in screen.text


def pick(screen, question, title):
    """Go down to a choice and take it."""
    screen.until(question)
    for _ in range(30):
        if any(line.lstrip().startswith(f"» {title}") for line in screen.display.splitlines()):
            screen.press("enter")
            return
        screen.press("down")
    raise AssertionError(f"no {title!r} in\n{screen.display}")


def answer_models(screen):
    pick(screen, "Select your LLM provider", "DeepSeek")
    screen.until("✓ Selected: DeepSeek")
    screen.answer("Variable with the API key")
    screen.answer("DEEPSEEK_API_KEY is not set", text="n")
    screen.answer("Model:")
    pick(screen, "Let the model think first", "disabled")
    screen.answer("Use same model for background processing?")
    screen.answer("Test connection now?", text="n")
    screen.until("LLM Provider configured: DeepSeek")
    screen.answer("Use DeepSeek for embeddings too?")
    screen.answer("Embedding model")
    screen.answer("Enable batch processing?")
    screen.answer("Batch size", text="10")
    screen.answer("Batch timeout", text="30")
    screen.until("Test connection now?", times=2).answer("Test connection now?", text="n")


def answer_database(screen, config):
    pick(screen, "Select your database", "PostgreSQL")
    screen.answer("Server:", text="127.0.0.1")
    screen.answer("Port:", text=str(config["port"]))
    screen.answer("Database:", text=config["database"])
    screen.answer("User:", text=config["user"])
    screen.answer("Environment variable with the password")
    screen.answer("Create tables automatically?")
    screen.until("Test connection now?", times=3).answer("Test connection now?")
    screen.until("Database configured: PostgreSQL")
    screen.answer("Enable semantic search?")
    pick(screen, "Select vector store", "pgvector")
    pick(screen, "Index over the vectors", "hnsw")
    screen.until("Test connection now?", times=4).answer("Test connection now?")
    screen.answer("Install pgvector extension now?")


def answer_cache(screen):
    screen.answer("Enable caching for performance?")
    pick(screen, "Select cache backend", "Redis")
    screen.answer("Environment variable with the Redis URL", text="REDIS_URL")
    screen.until("REDIS_URL is set")
    screen.answer("Server:", text="")
    screen.answer("Port:")
    screen.answer("Environment variable with the password", text="")
    screen.until("Test connection now?", times=5).answer("Test connection now?")
    screen.until("Connection successful!", times=2)


@pytest.mark.xdist_group("postgresql")
@pytest.mark.backend("wizard", against="postgresql")
def test_the_founding_transcript(postgres_database, redis_url, monkeypatch):
    """DeepSeek, PostgreSQL with pgvector and Redis, as the founding document shows it."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    with luminora_screen("init", "--config", "config/luminora.json", lines=60) as screen:
        answer_models(screen)
        answer_database(screen, postgres_database.config)
        answer_cache(screen)
        screen.answer("Write this?")
        assert screen.code() == 0, screen.text
    text = screen.text
    assert "004_add_pgvector_extension.sql" in text
    assert "Configuration saved to: config/luminora.json" in text
    assert 'export DEEPSEEK_API_KEY="your-value"' in text
    assert "export REDIS_URL" not in text
    found = parse(Path("config/luminora.json").read_text(), "")
    assert found["llm_provider"]["name"] == "deepseek"
    assert found["embedding_provider"]["config"]["batch_size"] == 10
    assert found["vector_store_provider"]["name"] == "pgvector"
    assert postgres_database.sql("SELECT count(*) FROM pg_extension WHERE extname = 'vector'") == [
        (1,)
    ]


@pytest.mark.xdist_group("postgresql")
@pytest.mark.backend("wizard", against="postgresql")
def test_an_existing_file_is_tested_and_its_database_set_up(postgres_database):
    """The second founding transcript: a file that is there already."""
    config = postgres_database.config
    place = f'"host": "127.0.0.1", "port": {config["port"]}, "database": "{config["database"]}"'
    FILE.write_text(
        '{"storage_provider": {"name": "postgresql", "config": {'
        f'{place}, "user": "{config["user"]}"}}}}, "vector_store_provider": "pgvector"}}'
    )
    before = FILE.read_text()
    with luminora_screen("init", "--config", "luminora.json") as screen:
        pick(screen, "What now?", "Test it and set up the database")
        screen.until("✓ storage: PostgreSQL")
        screen.answer("Test connection now?")
        screen.until("Tables not found yet")
        screen.until("Test connection now?", times=2).answer("Test connection now?")
        screen.answer("Install pgvector extension now?")
        screen.answer("Create tables automatically?")
        assert screen.code() == 0, screen.text
    assert "LuminoraCore Ready!" in screen.text
    assert "005_add_indexes.sql" in screen.text
    assert FILE.read_text() == before


def test_a_connection_that_fails_can_be_mended_or_left(monkeypatch):
    with luminora_screen(
        "init", "--llm", "offline", "--no-caching", "--no-semantic-search"
    ) as screen:
        screen.answer("Select your embedding provider")
        screen.answer("Vector length")
        pick(screen, "Select your database", "PostgreSQL")
        for question, text in (("Server:", "127.0.0.1"), ("Port:", "1"), ("Database:", "x")):
            screen.answer(question, text=text)
        screen.answer("User:")
        screen.answer("Environment variable with the password")
        screen.answer("Create tables automatically?", text="n")
        screen.answer("Test connection now?")
        screen.until("✗ It does not work:")
        pick(screen, "What now?", "Change the answers")
        screen.until("Select your database", times=2)
        pick(screen, "Select your database", "SQLite")
        screen.answer("Database file:", text="mine.db")
        screen.until("Create tables automatically?", times=2)
        screen.answer("Create tables automatically?", text="n")
        screen.answer("Write this?")
        assert screen.code() == 0, screen.text
    assert written()["storage_provider"] == {
        "name": "sqlite",
        "config": {"database_path": "mine.db"},
    }
    assert "vector_store_provider" not in written()
    assert not Path("mine.db").exists()


def test_a_flag_that_does_not_work_is_asked_for_again_and_a_part_can_be_skipped():
    flags = ("--llm", "offline", "--embeddings", "static", "--no-caching", "--no-semantic-search")
    place = ("--storage", "postgresql", "--storage-host", "127.0.0.1", "--storage-port", "1")
    with luminora_screen("init", *flags, *place, "--test", "--no-migrate") as screen:
        screen.answer("Vector length")
        answer_place(screen, ("Database:", "User:", "Environment variable with the password"), 1)
        screen.until("✗ It does not work:")
        pick(screen, "What now?", "Change the answers")
        pick(screen, "Select your database", "PostgreSQL")
        again = ("Server:", "Port:", "Database:", "User:", "Environment variable with the password")
        screen.until("Server:").press("enter").until("Port:").press("clear").type("1\r")
        answer_place(screen, again[2:], 2)
        screen.until("✗ It does not work:", times=2)
        screen.until("What now?", times=2)
        pick(screen, "What now?", "Skip")
        screen.answer("Write this?")
        assert screen.code() == 0, screen.text
    assert "Left as it was: sqlite" in screen.text
    assert "storage_provider" not in written()


def answer_place(screen, questions, times):
    """Take what is proposed, each question having been asked so many times."""
    for question in questions:
        screen.until(question, times=times).press("enter")


def test_answers_of_a_terminal_can_be_given_again_without_one(capsys):
    with luminora_screen(
        *("init", "--llm", "deepseek", "--no-test", "--no-same-embeddings", "--no-caching"),
        *("--no-semantic-search", "--no-migrate", "--save-answers", "answers.json"),
    ) as screen:
        screen.answer("Variable with the API key")
        screen.answer("DEEPSEEK_API_KEY is not set", text="n")
        for question in ("Model:", "Let the model think", "Use same model"):
            screen.answer(question)
        answer_all(screen, EMBEDDED[1:5])
        screen.answer("Write this?")
        assert screen.code() == 0, screen.text
    first = FILE.read_text()
    FILE.unlink()
    assert main(["init", "--no-input", "--from", "answers.json"]) == 0
    capsys.readouterr()
    assert FILE.read_text() == first


@pytest.mark.parametrize("question", ["hidden", "after"])
def test_ctrl_c_forgets_a_secret_that_was_typed(question):
    with luminora_screen("init", "--llm", "deepseek", "--no-test") as screen:
        screen.answer("Variable with the API key")
        screen.answer("DEEPSEEK_API_KEY is not set", text="y")
        screen.until("Value of DEEPSEEK_API_KEY")
        if question == "after":
            screen.answer("Value of DEEPSEEK_API_KEY", text="sk-not-really-secret")
            screen.until("Model:")
        screen.press("ctrl-c")
        assert screen.code() == 130
    assert list(Path().iterdir()) == []


def test_a_secret_typed_goes_to_env_alone():
    with luminora_screen(
        "init", "--llm", "deepseek", "--no-test", "--no-same-embeddings"
    ) as screen:
        screen.answer("Variable with the API key")
        screen.answer("DEEPSEEK_API_KEY is not set", text="y")
        screen.answer("Value of DEEPSEEK_API_KEY", text="sk-not-really-secret")
        screen.answer("Model:")
        screen.answer("Let the model think")
        screen.answer("Use same model")
        answer_all(screen, EMBEDDED[1:5])
        screen.answer("Create tables automatically?", text="n")
        answer_all(screen, (("Enable semantic search?", ()), ("Select vector store", ())))
        screen.until("Database file:", times=2).press("enter")
        answer_all(screen, EMBEDDED[9:])
        assert screen.code() == 0, screen.text
    assert "sk-not-really-secret" not in screen.text
    assert "sk-not-really-secret" not in FILE.read_text()
    assert Path(".env").read_text() == "DEEPSEEK_API_KEY='sk-not-really-secret'\n"
    assert stat.S_IMODE(Path(".env").stat().st_mode) == 0o600


def test_a_terminal_that_changes_its_size():
    with luminora_screen("init", columns=100, lines=30) as screen:
        screen.until("Select your LLM provider")
        screen.resize(44, 18)
        screen.press("up", "down")
        screen.press("enter")
        screen.until("[2/5]")
        screen.resize(120, 50)
        answer_all(screen, EMBEDDED[1:])
        assert screen.code() == 0
    assert written()["llm_provider"] == {"name": "offline"}


def test_a_terminal_that_only_prints_lines():
    with luminora_screen("init", "--lang", "es", env={"TERM": "dumb"}) as screen:
        screen.until("Elige tu modelo de lenguaje")
        screen.until(">").type("offline\r")
        screen.until("Elige el modelo de embeddings").until(">", times=2).type("\r")
        screen.until("Longitud de los vectores").type("many\r")
        screen.until("1 … 3").type("2\r")
        screen.until("Elige tu base de datos").type("sqlite\r")
        screen.until("Fichero de la base de datos").type("mi.db\r")
        screen.until("¿Crear las tablas").type("no\r")
        screen.until("¿Activar la búsqueda semántica?").type("n\r")
        screen.until("¿Activar la caché").type("n\r")
        screen.until("¿Escribirlo?").type("s\r")
        assert screen.code() == 0, screen.text
    assert "\x1b[" not in screen.text
    assert written()["embedding_provider"]["config"] == {"dimension": 128}
    assert written()["storage_provider"]["config"] == {"database_path": "mi.db"}


def test_nobody_is_asked_where_ci_is_set(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with luminora_screen("init", "--llm", "openai-compatible") as screen:
        assert screen.code() == 2
    assert "--llm-api-base" in screen.text
    assert not FILE.exists()
