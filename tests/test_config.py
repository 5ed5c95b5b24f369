from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora import _secrets, _shapes
from luminora.config import find_file, literal, load_config
from luminora.errors import ConfigError
from luminora.plugins import Index
from luminora.providers import Kind
from tests.fakeplugins import index_of

SEEDS = Path(__file__).parent / "data" / "seeds"
MIB = 1 << 20


@pytest.fixture(scope="module")
def index() -> Index:
    return index_of()


@pytest.fixture
def load(index, tmp_path):
    """Load a document (or text) as luminora.json in a folder of its own."""

    def loading(document=None, *, env=None, flags=None, name="luminora.json"):
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        if document is not None:
            file = folder / name
            file.parent.mkdir(exist_ok=True)
            text = document if isinstance(document, str | bytes) else json.dumps(document)
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_config(env=env or {}, overrides=flags, cwd=folder, index=index)

    return loading


# the seeds' own documents

DEEPSEEK = {
    "api_base": "https://api.deepseek.com/v1",
    "api_key_env": "DEEPSEEK_API_KEY",
}
CHAT = {"main": "deepseek-chat", "processing": "deepseek-chat"}
JINA = {"model": "deepseek-jina-embeddings-v3", **DEEPSEEK}
SQLITE = {"name": "sqlite", "config": {"busy_timeout_seconds": 30}}
POSTGRES = {
    "host": "localhost",
    "port": 5432,
    "database": "luminora",
    "user": "luminora_user",
    "password_env": "DB_PASSWORD",
}
MEMORY_CACHE = {"name": "memory", "config": {"max_bytes": 67108864}}


def bare(name: str) -> dict[str, object]:
    return {"name": name, "config": {}}


def task(tokens: int, temperature: float) -> dict[str, object]:
    return {"model": "deepseek-chat", "max_tokens": tokens, "temperature": temperature}


EXPECTED = {
    "deepseek-postgresql-full": (
        {
            "name": "deepseek",
            "config": {
                **DEEPSEEK,
                "models": CHAT,
                "task_configs": {
                    "conversation": task(2000, 0.8),
                    "mood_detection": task(50, 0.3),
                    "fact_extraction": task(200, 0.1),
                    "sentiment_analysis": task(100, 0.2),
                },
            },
        },
        {
            "name": "deepseek",
            "config": {**JINA, "dimension": 1024, "batch_size": 10, "timeout_seconds": 30},
        },
        {
            "name": "postgresql",
            "config": {**POSTGRES, "min_connections": 2, "max_connections": 20},
        },
        {
            "name": "pgvector",
            "config": {"use_storage_connection": True, "index_type": "ivfflat", "lists": 100},
        },
        {"name": "redis", "config": {"url_env": "REDIS_URL"}},
    ),
    "generated": (
        {"name": "deepseek", "config": {**DEEPSEEK, "models": CHAT}},
        {
            "name": "deepseek",
            "config": {**JINA, "dimension": 1024, "batch_size": 10, "timeout_seconds": 30},
        },
        {"name": "postgresql", "config": POSTGRES},
        {"name": "pgvector", "config": {"use_storage_connection": True, "index_type": "ivfflat"}},
        {
            "name": "redis",
            "config": {
                "url_env": "REDIS_URL",
                "ttl_defaults": {"personality": 3600, "context": 300, "embeddings": 86400},
            },
        },
    ),
    "setup-a-deepseek-pgvector": (
        bare("deepseek"),
        bare("deepseek"),
        bare("postgresql"),
        bare("pgvector"),
        MEMORY_CACHE,
    ),
    "setup-b-mobile": (bare("deepseek"), bare("local"), SQLITE, bare("chromadb"), MEMORY_CACHE),
    "setup-c-claude-dynamodb": (
        bare("claude"),
        bare("voyage"),
        bare("dynamodb"),
        bare("pinecone"),
        MEMORY_CACHE,
    ),
    "same-provider": (
        bare("deepseek"),
        bare("deepseek"),
        SQLITE,
        {"name": "sqlite-vec", "config": {"use_storage_connection": True}},
        MEMORY_CACHE,
    ),
    "your-setup": (
        {"name": "deepseek", "config": {**DEEPSEEK, "models": CHAT}},
        {
            "name": "deepseek",
            "config": {**JINA, "dimension": 1024, "batch_size": 10, "timeout_seconds": 30},
        },
        {"name": "postgresql", "config": POSTGRES},
        bare("pgvector"),
        MEMORY_CACHE,
    ),
    "config-1-simple": (
        bare("deepseek"),
        bare("deepseek"),
        {
            "name": "sqlite",
            "config": {"database_path": "./luminora.db", "busy_timeout_seconds": 30},
        },
        {"name": "chromadb", "config": {"persist_directory": "./chroma_data"}},
        MEMORY_CACHE,
    ),
    "config-2-claude": (
        bare("claude"),
        bare("voyage"),
        bare("postgresql"),
        bare("pgvector"),
        MEMORY_CACHE,
    ),
    "config-3-ollama": (
        {
            "name": "ollama",
            "config": {
                "api_base": "http://localhost:11434",
                "models": {"main": "llama3.1", "processing": "llama3.1"},
            },
        },
        {
            "name": "ollama",
            "config": {
                "model": "nomic-embed-text",
                "api_base": "http://localhost:11434",
                "dimension": 768,
            },
        },
        SQLITE,
        bare("chromadb"),
        MEMORY_CACHE,
    ),
}


@pytest.mark.parametrize("seed", sorted(path.stem for path in SEEDS.glob("*.jsonc")))
def test_every_document_of_the_seeds_loads(seed, index):
    config = load_config(SEEDS / f"{seed}.jsonc", env={}, index=index)
    kinds = ("llm", "embedding", "storage", "vector_store", "cache")
    assert tuple(config.section(kind) for kind in kinds) == EXPECTED[seed]
    assert config.document["fallback_provider"] == bare("offline")
    assert config.document["memory"]["episode_check_frequency"] == 5
    assert config.document["migrations"] == {"auto": True, "table_prefix": ""}
    assert "optimizations" not in config.document


def test_the_seeds_script_path_is_dropped_with_a_note(index):
    config = load_config(SEEDS / "generated.jsonc", env={}, index=index)
    assert config.notes == (
        "/storage_provider/migrations/path has no effect: migrations ship with Luminora",
    )


def test_normalising_twice_changes_nothing(index):
    for seed in SEEDS.glob("*.jsonc"):
        once = load_config(seed, env={}, index=index).document
        assert load_config(once, env={}, index=index).document == once


# shapes


@pytest.mark.parametrize(
    ("given", "pointer", "value"),
    [
        ({"llm_provider": "offline"}, "/llm_provider/name", "offline"),
        (
            {"llm_provider": {"name": "x", "models": {"main": "m"}}},
            "/llm_provider/config/models/main",
            "m",
        ),
        (
            {"embedding_provider": {"name": "x", "batch_size": 3}},
            "/embedding_provider/config/batch_size",
            3,
        ),
        (
            {"embedding_provider": {"name": "x", "batch_processing": {"enabled": False}}},
            "/embedding_provider/config/batch_size",
            1,
        ),
        (
            {"embedding_provider": {"name": "x", "config": {"models": {"embeddings": "e"}}}},
            "/embedding_provider/config/model",
            "e",
        ),
        ({"storage_provider": {"name": "x", "host": "h"}}, "/storage_provider/config/host", "h"),
        (
            {"storage_provider": {"name": "x", "migrations": {"auto_migrate": False}}},
            "/migrations/auto",
            False,
        ),
        ({"migrations": {"auto_migrate": False}}, "/migrations/auto", False),
        (
            {"vector_store_provider": {"name": "x", "dimension": 64}},
            "/embedding_provider/config/dimension",
            64,
        ),
        (
            {"vector_store_provider": {"name": "x", "connection": "use_storage_provider"}},
            "/vector_store_provider/config/use_storage_connection",
            True,
        ),
        (
            {"optimizations": {"batch_processing": {"batch_size": 3}}},
            "/embedding_provider/config/batch_size",
            3,
        ),
        (
            {"optimizations": {"caching": {"enabled": False, "backend": "redis"}}},
            "/cache_provider/name",
            "memory",
        ),
        (
            {"optimizations": {"selective_processing": {"episode_check_frequency": 9}}},
            "/memory/episode_check_frequency",
            9,
        ),
        ({"storage_provider": "postgresql"}, "/vector_store_provider/name", "pgvector"),
        ({"storage_provider": "dynamodb"}, "/vector_store_provider/name", "sqlite-vec"),
        ({"llm_provider": "deepseek"}, "/embedding_provider/name", "deepseek"),
        ({"llm_provider": None, "cache_provider": None}, "/llm_provider/name", "offline"),
        ({"llm_provider": {}}, "/llm_provider/name", "offline"),
        ({"llm_provider": {"name": "x", "config": None}}, "/llm_provider/config", {}),
        ({"fallback_provider": None}, "/fallback_provider", None),
        ({"version": "1.1", "created_at": "now", "$schema": "s"}, "/version", "1.1"),
    ],
)
def test_old_and_short_shapes(load, given, pointer, value):
    node = load(given).document
    for step in pointer.split("/")[1:]:
        node = node[step]
    assert node == value


@pytest.mark.parametrize("llm", ["claude", "anthropic"])
def test_embeddings_that_nobody_chose_are_left_open(load, llm):
    assert load({"llm_provider": llm}).document["embedding_provider"] is None


def test_a_recommendation_that_talks_to_nobody_is_taken(load):
    assert load({}).section("embedding")["name"] == "static"


def test_where_nothing_is_recommended_the_embedded_default_serves(load):
    assert load({"llm_provider": "groq"}).section("embedding")["name"] == "static"


def test_two_dimensions_that_differ_are_refused(load):
    with pytest.raises(ConfigError) as refusal:
        load(
            {
                "embedding_provider": {"name": "x", "dimension": 1024},
                "vector_store_provider": {"name": "y", "config": {"dimension": 1536}},
            }
        )
    assert "/embedding_provider/dimension" in refusal.value.message
    assert "/vector_store_provider/config/dimension" in refusal.value.message
    assert "1024 and 1536" in refusal.value.message
    assert refusal.value.where == "luminora.json"


def test_a_flag_settles_what_two_layers_say_of_the_dimension(load):
    config = load(
        {"vector_store_provider": {"name": "y", "config": {"dimension": 1536}}},
        flags={"embedding_provider.config.dimension": 256},
    )
    assert config.section("embedding")["config"]["dimension"] == 256


def test_embedding_models_of_another_provider_are_noted(load):
    config = load(
        {
            "llm_provider": {"name": "ollama", "models": {"embeddings": "nomic"}},
            "embedding_provider": "static",
        }
    )
    assert "model" not in config.section("embedding")["config"]
    assert config.notes == (
        "/llm_provider/models/embeddings has no effect: the embeddings are those of 'static'",
    )


def test_an_alias_shares_the_settings_too(load):
    config = load(
        {"llm_provider": {"name": "gemini", "api_key_env": "K"}, "embedding_provider": "google"}
    )
    assert config.section("embedding")["config"] == {"api_key_env": "K"}


def test_what_the_embedding_section_says_wins(load):
    config = load(
        {
            "llm_provider": {"name": "openai", "api_base": "a", "models": {"embeddings": "m"}},
            "embedding_provider": {"name": "openai", "api_base": "b", "model": "n"},
        }
    )
    assert config.section("embedding")["config"] == {"api_base": "b", "model": "n"}


KEYS_THAT_MEAN_SOMETHING = """
    name config connection pool migrations batch_processing enabled models embeddings dimension
    caching backend package auto_migrate selective_processing path disabled
"""
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["x", "use_storage_provider"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(KEYS_THAT_MEAN_SOMETHING.split()), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*_shapes.SECTIONS, "optimizations", "oops"]), json_values))
def test_any_document_loads_or_is_refused(document):
    from luminora import schema

    index = Index(_INDEX)
    try:
        config = load_config(document, env={}, index=index)
    except ConfigError:
        return
    assert json.loads(json.dumps(config.document)) == config.document
    assert set(config.sources) == {
        _shapes.pointer(path) for path, _ in _shapes.flatten(config.document, "")
    }
    for problem in schema.validate(config):
        assert str(problem)


_INDEX = index_of().discoveries


# layers


def test_a_flag_beats_a_variable_beats_dotenv_beats_the_file(load, tmp_path):
    (tmp_path / "project").mkdir()
    dotenv = "\n".join(f"LUMINORA_MEMORY__{name}=3" for name in ("RECALL_LIMIT", "HISTORY_LIMIT"))
    dotenv += "\nLUMINORA_MEMORY__EPISODE_CHECK_FREQUENCY=3\nDB=from dotenv\nKEY=from dotenv"
    (tmp_path / "project" / ".env").write_text(dotenv)
    names = ["recall_limit", "history_limit", "episode_check_frequency", "max_message_chars"]
    config = load(
        {"memory": dict.fromkeys(names, 2)},
        env={
            "LUMINORA_MEMORY__RECALL_LIMIT": "4",
            "LUMINORA_MEMORY__HISTORY_LIMIT": "4",
            "LUMINORA_MEMORY__MAX_MESSAGE_CHARS": " ",
            "KEY": "real",
        },
        flags={"memory.recall_limit": 5},
    )
    assert [config.document["memory"][name] for name in names] == [5, 4, 3, 2]
    assert {name: config.sources[f"/memory/{name}"] for name in [*names, "scope"]} == {
        "recall_limit": "flag",
        "history_limit": "env LUMINORA_MEMORY__HISTORY_LIMIT",
        "episode_check_frequency": ".env LUMINORA_MEMORY__EPISODE_CHECK_FREQUENCY",
        "max_message_chars": "luminora.json:1",
        "scope": "default",
    }
    assert (config.env["DB"], config.env["KEY"]) == ("from dotenv", "real")


def test_variables_set_what_a_path_names(load):
    config = load(
        env={
            "LUMINORA_STORAGE_PROVIDER__CONFIG__DATABASE_PATH": "x.db",
            "LUMINORA_LLM_PROVIDER": "offline",
            "LUMINORA_MEMORY__SCOPE": "personality",
            "LUMINORA_MIGRATIONS__AUTO": "false",
            "LUMINORA_PERSONALITY__PATHS": '["a", "b"]',
            "LUMINORA_FALLBACK_PROVIDER": "null",
            "LUMINORA_DEBUG": "1",
            "LUMINORA_DATA_DIR": "/somewhere",
            "LUMINORA_MEMMORY__SCOPE": "user",
        }
    )
    assert config.section("storage")["config"]["database_path"] == "x.db"
    assert config.document["memory"]["scope"] == "personality"
    assert config.document["migrations"]["auto"] is False
    assert config.document["personality"]["paths"] == ["a", "b"]
    assert config.document["fallback_provider"] is None
    assert config.data_dir == Path("/somewhere")
    assert config.notes == ("LUMINORA_MEMMORY__SCOPE sets nothing; did you mean LUMINORA_MEMORY?",)


def test_another_provider_does_not_inherit_settings(load):
    document = {"llm_provider": {"name": "deepseek", "config": {"api_base": "https://x"}}}
    other = load(document, env={"LUMINORA_LLM_PROVIDER": "offline"})
    assert other.section(Kind.LLM) == bare("offline")
    assert other.notes == (
        "env LUMINORA_LLM_PROVIDER: the other settings of llm_provider are not used",
    )
    same = load(document, env={"LUMINORA_LLM_PROVIDER": "deepseek"})
    assert same.section("llm")["config"] == {"api_base": "https://x"}
    both = load(document, flags={"llm_provider.config.x": 1, "llm_provider.name": "other"})
    assert both.section("llm") == {"name": "other", "config": {"x": 1}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("true", True),
        ("null", None),
        ('"5"', "5"),
        ("NaN", "NaN"),
        ("0123", "0123"),
        ("a", "a"),
    ],
)
def test_literals(text, value):
    assert literal(text) == value


@pytest.mark.parametrize("path", ["", "a..b", ".a"])
def test_a_flag_without_a_path(load, path):
    with pytest.raises(ConfigError, match="not a path"):
        load(flags={path: 1})


# the file


def test_where_a_configuration_is_looked_for(tmp_path, monkeypatch, index):
    home = tmp_path / "xdg"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    here = tmp_path / "here"
    places = [
        home / "luminora" / "luminora.json",
        here / "config/luminora.json",
        here / "luminora.json",
    ]
    assert find_file(env={}, cwd=tmp_path / "work") is None
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("{}")
        assert find_file(env={}, cwd=here) == place
    named = {"LUMINORA_CONFIG": str(places[0])}
    assert find_file(env=named, cwd=here) == places[0]
    assert find_file(places[1], env=named, cwd=here) == places[1]
    assert find_file(env={"LUMINORA_CONFIG": ""}, cwd=here) == places[2]


def test_a_named_file_must_exist(tmp_path, index):
    with pytest.raises(ConfigError, match=r"nope\.json: there is no such file"):
        load_config("nope.json", env={}, index=index)
    with pytest.raises(ConfigError, match=r"LUMINORA_CONFIG=gone\.json"):
        load_config(env={"LUMINORA_CONFIG": "gone.json"}, index=index)


def test_without_a_file_everything_is_the_embedded_default(load):
    config = load()
    names = {kind: config.section(kind)["name"] for kind in Kind}
    assert names == {
        "llm": "offline",
        "embedding": "static",
        "storage": "sqlite",
        "vector_store": "sqlite-vec",
        "cache": "memory",
    }
    assert config.path is None
    assert set(config.sources.values()) == {"default"}


def test_dotenv_of_the_project_serves_a_config_below_it(load, tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / ".env").write_text("A='${HOME}'\nB\n")
    config = load({}, name="config/luminora.json")
    assert config.env == {"A": "${HOME}"}
    assert config.base_dir == (tmp_path / "project" / "config").resolve()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "luminora.json:1: malformed JSON"),
        ('{"a": 1, "a": 2}', "luminora.json:1 (/a): the same key"),
        ('{"a": NaN}', "NaN is not JSON"),
        ("[]", "luminora.json:1: a configuration is an object"),
        ("3", "a configuration is an object"),
        (b'{"llm_provider": "\xff"}', "not UTF-8"),
        ("[" * 70 + "]" * 70, "nested more than 64"),
        (" " * (MIB + 1), "larger than 1 MiB"),
    ],
)
def test_malformed_files(load, document, message):
    with pytest.raises(ConfigError) as refusal:
        load(document)
    assert message in str(refusal.value)
    assert refusal.value.exit_code == 3


def test_a_folder_is_not_a_file(load, tmp_path):
    (tmp_path / "project" / "luminora.json").mkdir(parents=True)
    with pytest.raises(ConfigError, match="this is a folder"):
        load()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file(load, tmp_path):
    load({})
    (tmp_path / "project" / "luminora.json").chmod(0)
    with pytest.raises(ConfigError, match="cannot be read"):
        load()


def test_a_file_that_fails_while_it_is_read(load, monkeypatch):
    load({})
    monkeypatch.setattr(Path, "open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "no")))
    with pytest.raises(ConfigError, match="cannot be read: no"):
        load()


def test_dotenv_that_is_not_text(load, tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / ".env").write_bytes(b"A=\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"\.env: cannot be read: UnicodeDecodeError"):
        load()


# secrets

KEYS = [
    "sk-0123456789abcdef0123",
    "sk-ant-" + "api03-" + "x1Y" * 8,
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "hf_abcdefghijklmnopqrst",
    "AIzaSyA0123456789abcdefghijklmnop",
    "xoxb-123456789012-abc",
    "gsk_0123456789abcdef0123",
    "r8_0123456789abcdef0123",
    "jina_0123456789abcdef0123456789abcdefWXYZ",
    "al-0123456789abcdefghijKLMN",
    "AKIAIOSFODNN7EXAMPLE",
    "postgresql://luminora:hunter2@localhost/luminora",
    "redis://:hunter2@localhost:6379",
    "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MFFXRVJUWQ",
    "0123456789abcdef0123456789abcdef",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
    "-----BEGIN PRIVATE KEY-----",
]
HARMLESS = [
    "deepseek-jina-embeddings-v3",
    "jina-embeddings-v2-base-es",
    "jina-embeddings-v5-text-small",
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
    "https://my-index-abc123.svc.us-east1-gcp.pinecone.io",
    "postgresql://localhost:5432/luminora",
    "/var/lib/luminora/models/Llama-3.1-8B-Instruct-Q4_K_M.gguf",
    "us-east-1",
    "arn:aws:dynamodb:us-east-1:123456789012:table/luminora",
    "A_VERY_LONG_ENVIRONMENT_VARIABLE_NAME_FOR_THE_KEY_2",
    "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo",
    "accounts/fireworks/models/llama-v3p1-405b-instruct",
    "a quite long sentence with Words, 3 digits and nothing secret in it",
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("layer", ["file", "list", "env", "flag", "name"])
def test_a_literal_key_is_refused_and_never_printed(load, key, layer):
    arguments = {
        "file": {"document": {"llm_provider": {"name": "x", "config": {"url": key}}}},
        "list": {"document": {"llm_provider": {"name": "x", "config": {"a": [{"b": key}]}}}},
        "env": {"env": {"LUMINORA_LLM_PROVIDER__CONFIG__URL": key}},
        "flag": {"flags": {"llm_provider.config.url": key}},
        "name": {"document": {"llm_provider": key}},
    }[layer]
    with pytest.raises(ConfigError) as refusal:
        load(**arguments)
    assert key not in f"{refusal.value} {refusal.value.problems}"
    assert "_env" in refusal.value.hint


@pytest.mark.parametrize("value", HARMLESS)
def test_what_is_no_secret_passes(value):
    assert _secrets.reason("model", value) is None


@pytest.mark.parametrize("name", ["password", "api_key", "token", "secret_key", "Key"])
def test_a_property_named_for_a_secret_holds_none(load, name):
    with pytest.raises(ConfigError, match="holds a secret") as refusal:
        load({"storage_provider": {"name": "x", "config": {name: "hunter2"}}})
    assert "hunter2" not in str(refusal.value)
    assert refusal.value.where == f"luminora.json:1 (/storage_provider/config/{name})"


def test_a_pasted_key_is_no_variable_name(load):
    with pytest.raises(ConfigError, match="not the name of an environment variable"):
        load({"llm_provider": {"name": "x", "config": {"api_key_env": "my-key-123"}}})


def test_digests_are_not_secrets():
    assert _secrets.reason("sha256", "0123456789abcdef" * 4) is None
    assert _secrets.reason("max_tokens", "5") is None
    assert _secrets.reason("password", "") is None


def test_redaction_tells_whether_a_secret_is_set(load):
    document = {"llm_provider": {"name": "deepseek", "config": {"api_key_env": "A", "b_env": "B"}}}
    config = load(document, env={"A": "sk-something-very-secret"})
    assert config.secrets == {
        "/llm_provider/config/api_key_env": "A",
        "/llm_provider/config/b_env": "B",
        "/embedding_provider/config/api_key_env": "A",
    }
    shown = config.redacted()["llm_provider"]["config"]
    assert shown == {"api_key_env": "A (set)", "b_env": "B (not set)"}
    assert "very-secret" not in f"{config!r} {shown}"


# places


def test_problems_are_placed_where_the_user_wrote(load):
    config = load('// hello\n{"storage_provider": {\n"name": "x",\n"host": {"a": 1}\n}}')
    where = config.where
    assert where("/storage_provider/name") == "luminora.json:3 (/storage_provider/name)"
    assert where("/storage_provider/config/host") == "luminora.json:4 (/storage_provider/host)"
    assert (
        where("/storage_provider/config/host/a/b") == "luminora.json:4 (/storage_provider/host/a/b)"
    )
    assert where("/memory/scope") == "luminora.json (/memory/scope)"
    flag = load(flags={"memory.scope": "x"}, env={"LUMINORA_CACHE_PROVIDER": "m"})
    assert flag.where("/memory/scope") == "--set memory.scope"
    assert flag.where("/cache_provider/name") == "environment variable LUMINORA_CACHE_PROVIDER"


def test_a_section_that_is_none(load):
    config = load({"llm_provider": "claude", "cache_provider": 5})
    with pytest.raises(ConfigError, match="embedding_provider is missing"):
        config.section("embedding")
    with pytest.raises(ConfigError, match="not an object"):
        config.section("cache")
