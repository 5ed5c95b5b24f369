"""``luminora migrate`` as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from luminora.cli import main

FILES = [
    "001_initial_schema.sql",
    "002_add_affinity_tables.sql",
    "003_add_memory_tables.sql",
    "004_add_indexes.sql",
]


@pytest.fixture
def run(capsys):
    """Types ``luminora migrate …``: exit code, standard output, standard error."""

    def typed(*arguments: str) -> tuple[int, str, str]:
        code = main(["migrate", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return typed


def database() -> Path:
    return Path(os.environ["LUMINORA_DATA_DIR"]) / "luminora.db"


def execute(sql: str) -> None:
    connection = apsw.Connection(str(database()))
    connection.execute(sql)
    connection.close()


def test_it_initialises_the_embedded_default(run):
    code, out, err = run()
    assert code == 0
    assert out.splitlines() == [*(f"  ✓ {file}" for file in FILES), "", "✓ Database initialized!"]
    assert err == "⏳ Running SQLite migrations…\n"
    assert database().exists()


def test_a_second_run_finds_nothing_to_do(run):
    run()
    assert run() == (0, "✓ SQLite is already up to date\n", "")


def test_it_goes_to_a_version_and_on(run):
    assert run("--version", "002")[1].count("✓") == 3
    code, out, _ = run()
    assert "003_add_memory_tables.sql" in out
    assert "002" not in out
    assert "✓ Database upgraded!" in out
    assert code == 0


def test_status_tells_and_its_code_is_for_scripts(run):
    code, out, err = run("--status")
    assert code == 5
    assert out.count("pending") == 4
    assert "luminora migrate" in err
    assert not database().exists()
    run()
    code, out, _ = run("--status")
    assert code == 0
    assert out.count("applied") == 4


def test_status_for_machines(run):
    code, out, _ = run("--status", "--json")
    assert code == 5
    document = json.loads(out)
    assert (document["version"], document["database"], document["current"]) == (1, "sqlite", False)
    assert [one["file"] for one in document["migrations"]] == FILES
    assert {one["state"] for one in document["migrations"]} == {"pending"}


def test_a_dry_run_shows_the_sql_and_touches_nothing(run):
    code, out, err = run("--dry-run")
    assert code == 0
    assert "CREATE TABLE user_facts (" in out
    assert "4 SQLite migrations pending; nothing was changed" in err
    assert not database().exists()


def test_what_a_dry_run_prints_can_be_executed(run):
    _, out, _ = run("--dry-run")
    apsw.Connection(":memory:").execute(out)


@pytest.mark.parametrize(
    ("name", "snippet"),
    [
        ("postgresql", "embedding        vector(256) NOT NULL"),
        ("postgres", "USING hnsw (embedding vector_cosine_ops)"),
        ("mysql", "DEFAULT CHARSET=utf8mb4"),
        ("dynamodb", '"BillingMode": "PAY_PER_REQUEST"'),
        ("mongodb", '"$jsonSchema"'),
    ],
)
def test_other_databases_are_shown_without_their_plugins(run, name, snippet):
    code, out, _ = run("--database", name, "--dry-run")
    assert code == 0
    assert snippet in out
    assert not database().exists()


def test_many_dimensions_become_halfvec(run):
    _, out, _ = run("--database", "postgresql", "--dry-run", "--dimension", "3072")
    assert "halfvec(3072)" in out
    assert "USING hnsw (embedding halfvec_cosine_ops)" in out


def test_the_index_is_a_choice(run):
    _, out, _ = run("--database", "postgresql", "--sql", "--index", "ivfflat")
    assert "USING ivfflat (embedding vector_cosine_ops)\n    WITH (lists = 100);" in out


def test_the_configured_dimension_and_index_are_used(run, tmp_path):
    file = tmp_path / "work" / "luminora.json"
    file.write_text(
        json.dumps(
            {
                "embedding_provider": {"name": "static", "config": {"dimension": 128}},
                "storage_provider": {"name": "postgresql"},
                "vector_store_provider": {
                    "name": "pgvector",
                    "config": {
                        "use_storage_connection": True,
                        "index_type": "ivfflat",
                        "lists": 250,
                    },
                },
                "migrations": {"table_prefix": "lum_"},
            }
        )
    )
    code, out, _ = run("--sql", "--database", "postgresql")
    assert code == 0
    assert "vector(128)" in out
    assert "WITH (lists = 250)" in out
    assert "CREATE TABLE lum_sessions (" in out


def test_vectors_kept_elsewhere_get_no_table(run, tmp_path):
    (tmp_path / "work" / "luminora.json").write_text(
        json.dumps(
            {
                "storage_provider": {"name": "postgresql"},
                "vector_store_provider": {
                    "name": "pgvector",
                    "config": {"use_storage_connection": False},
                },
            }
        )
    )
    _, out, _ = run("--sql", "--database", "postgresql")
    assert "message_embeddings" not in out
    assert "elsewhere" in out


@pytest.mark.parametrize("dimension", ["0", "-1", "16001", "1000000000"])
def test_a_dimension_out_of_bounds_is_refused(run, dimension):
    code, out, err = run("--database", "postgresql", "--dry-run", "--dimension", dimension)
    assert code == 1
    assert out == ""
    assert "1 to 16000" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--status", "--rollback"),
        ("--sql", "--baseline"),
        ("--status", "--dry-run"),
        ("--resolve", "maybe"),
        ("--index", "btree"),
        ("--dimension", "many"),
        ("--timeout", "-1"),
        ("--database", "mysql"),
    ],
)
def test_misuse_is_exit_code_2(run, arguments):
    assert run(*arguments)[0] == 2
    assert not database().exists()


def test_unknown_names_are_told(run):
    code, _, err = run("--database", "oracle", "--dry-run")
    assert code == 1
    assert "no migrations for 'oracle'" in err
    assert "postgresql" in err
    code, _, err = run("--version", "042")
    assert code == 1
    assert "no migration '042'" in err


def test_a_rollback_shows_the_loss_and_wants_a_yes(run):
    run()
    execute(
        "INSERT INTO user_facts VALUES ('i', 'u', 'p', 's', 'c', 'k', '1', 1, NULL, 't', 't', 1, "
        "'[]', NULL, 1, 0, 't', 't')"
    )
    code, out, err = run("--rollback", "--version", "002")
    assert code == 2
    assert "DROP TABLE user_facts;" in out
    assert "user_facts: 1 row would be lost" in err
    assert "episodes" not in err
    assert "luminora migrate --rollback --version 002 --yes" in err
    assert run("--status")[0] == 0
    assert run("--rollback", "--version", "002", "--dry-run", "--yes")[0] == 0
    assert run("--status")[0] == 0


def test_a_rollback_undoes_what_it_said_and_no_more(run):
    run()
    code, out, _ = run("--rollback", "--yes")
    assert code == 0
    assert "✓ 004_add_indexes.sql undone" in out
    assert "Rolled back to 003" in out
    assert "3 rows" not in out
    assert run("--rollback", "--version", "003", "--yes")[1] == "✓ There is nothing to undo\n"
    code, out, _ = run("--rollback", "--version", "000", "--yes", "--json")
    assert json.loads(out)["undone"] == FILES[2::-1]


def test_a_baseline_takes_over_what_a_dba_ran(run):
    database().parent.mkdir(exist_ok=True)
    execute(run("--sql")[1])
    code, out, _ = run("--baseline")
    assert code == 0
    assert out.count("recorded as applied") == 4
    assert run()[1] == "✓ SQLite is already up to date\n"


def test_a_dirty_migration_is_resolved(run):
    run("--version", "003")
    execute(
        "UPDATE schema_migrations SET finished_at = NULL, statements_done = 1 WHERE version = 3"
    )
    execute("UPDATE schema_migrations SET finished_at = NULL WHERE version = '003'")
    for arguments in ((), ("--status",), ("--dry-run",), ("--rollback", "--yes")):
        code, _, err = run(*arguments)
        assert code == 5
        assert "003_add_memory_tables.sql" in err
        assert "--resolve" in err
    code, out, _ = run("--resolve", "applied")
    assert (code, out) == (0, "  ✓ 003_add_memory_tables.sql is applied\n")
    assert run()[0] == 0
    assert run("--resolve", "applied")[0] == 1


def test_drift_is_exit_code_5_and_names_the_file(run):
    run()
    execute("UPDATE schema_migrations SET checksum = 'other' WHERE version = '002'")
    for arguments in ((), ("--status",), ("--dry-run",)):
        code, _, err = run(*arguments)
        assert code == 5
        assert "002_add_affinity_tables.sql was edited" in err


def test_a_lock_that_is_held_is_exit_code_6(run):
    database().parent.mkdir(exist_ok=True)
    connection = apsw.Connection(str(database()))
    connection.execute("BEGIN IMMEDIATE")
    code, out, err = run("--timeout", "0.2")
    assert code == 6
    assert out == ""
    assert "another process" in err
    connection.execute("ROLLBACK")
    connection.close()


def test_for_machines_standard_output_is_one_object(run):
    code, out, err = run("--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"version": 1, "database": "sqlite", "applied": FILES, "warnings": []}
    plan = json.loads(run("--database", "postgresql", "--dry-run", "--json")[1])
    assert plan["pending"][3]["parameters"]["VECTOR_TYPE"] == "vector(256)"


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from luminora.cli import main; main(['migrate', '--help']); "
        "print([m for m in ('apsw', 'jinja2', 'sqlparse', 'pluggy', 'jsonschema_rs', 'rich') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert "--dry-run" in done.stdout
