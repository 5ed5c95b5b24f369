from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from luminora.errors import InputError, LuminoraError, MigrationError
from luminora.migrations import Parameters, load, load_all, render

from .helpers import template, write_set

PGVECTOR = next(one for one in load_all("postgresql") if one.version == "004")


def vector_sql(**parameters):
    return render(PGVECTOR, Parameters(**parameters).values()).text


@pytest.mark.parametrize(
    ("dimension", "kind"),
    [(1, "vector"), (256, "vector"), (2000, "vector"), (2001, "halfvec"), (4000, "halfvec")],
)
def test_up_to_4000_dimensions_are_indexed(dimension, kind):
    text = vector_sql(dimension=dimension)
    assert f"{kind}({dimension}) NOT NULL" in text
    assert f"USING hnsw (embedding {kind}_cosine_ops)" in text
    assert "WITH (m = 16, ef_construction = 64)" in text
    assert f"dimension: {dimension}" in text


@pytest.mark.parametrize("dimension", [4001, 16_000])
@pytest.mark.parametrize("index", ["hnsw", "ivfflat", "none"])
def test_more_are_stored_without_an_index_and_it_says_so(dimension, index):
    text = vector_sql(dimension=dimension, index=index)
    assert f"vector({dimension})" in text
    assert "USING" not in text
    assert "exact" in text


def test_ivfflat_has_lists():
    text = vector_sql(dimension=3072, index="ivfflat", lists=250)
    assert "USING ivfflat (embedding halfvec_cosine_ops)" in text
    assert "WITH (lists = 250)" in text


def test_no_index_is_a_choice():
    assert "USING" not in vector_sql(dimension=8, index="none")


def test_a_database_without_vectors_gets_no_vector_table():
    rendered = render(PGVECTOR, Parameters().values())
    assert rendered.statements == ()
    assert "elsewhere" in rendered.text
    assert render(PGVECTOR, Parameters().values(), undo=True).statements == ()


@pytest.mark.parametrize(
    "dimension", [0, -1, 10**9, 16_001, "1024", True, False, 1.0, [1], "1); --"]
)
def test_a_dimension_is_a_whole_number_within_bounds(dimension):
    with pytest.raises(InputError, match="whole number from 1 to 16000"):
        Parameters(dimension=dimension)


@pytest.mark.parametrize(
    "prefix", ["a'", 'a"', "a;", "a b", "1a", "A", "ñ", "a" * 32, "a-b", "a`", "x\n", None, 3]
)
def test_a_prefix_is_an_identifier(prefix):
    with pytest.raises(InputError, match="prefix"):
        Parameters(table_prefix=prefix)


@pytest.mark.parametrize("prefix", ["", "a", "_", "lum_", "a" * 31, "a1_"])
def test_good_prefixes(prefix):
    assert Parameters(table_prefix=prefix).values()["TABLE_PREFIX"] == prefix


@pytest.mark.parametrize("index", ["btree", "", None, "hnsw; DROP", 1])
def test_an_unknown_index_is_refused(index):
    with pytest.raises(InputError, match="vector index"):
        Parameters(index=index)


@pytest.mark.parametrize("lists", [0, -5, 32_769, "100", True])
def test_lists_are_bounded(lists):
    with pytest.raises(InputError, match="lists"):
        Parameters(lists=lists)


def test_what_was_rendered_is_told():
    assert render(PGVECTOR, Parameters(dimension=8).values()).parameters == {
        "EMBEDDING_DIMENSION": 8,
        "INDEX_METHOD": "hnsw",
        "INDEX_OPTIONS": "m = 16, ef_construction = 64",
        "TABLE_PREFIX": "",
        "VECTOR_OPS": "vector_cosine_ops",
        "VECTOR_TYPE": "vector(8)",
    }
    plain = render(template("001", "SELECT 1"), Parameters(dimension=8).values())
    assert plain.parameters == {}


def test_an_unknown_placeholder_is_an_error_that_lists_the_known():
    with pytest.raises(MigrationError, match="unknown placeholder DIMENSION") as caught:
        render(template("001", "vector({{DIMENSION}})"), Parameters(dimension=8).values())
    assert "EMBEDDING_DIMENSION" in caught.value.hint


def test_a_missing_dimension_is_an_error_and_not_an_empty_string():
    with pytest.raises(MigrationError, match="EMBEDDING_DIMENSION") as caught:
        render(template("001", "vector({{EMBEDDING_DIMENSION}})"), Parameters().values())
    assert "--dimension" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ TABLE_PREFIX.__class__.__init__.__globals__ }}",
        "{% for x in range(10**9) %}x{% endfor %}",
        "{{ TABLE_PREFIX.format.__self__ }}",
        "{{ lipsum.__globals__ }}",
    ],
)
def test_templates_run_in_a_sandbox(text):
    with pytest.raises(MigrationError):
        render(template("001", text), Parameters().values())


@pytest.mark.parametrize("text", ["{{", "{% if %}", "{% endif %}", "{{ TABLE_PREFIX | nothing }}"])
def test_a_malformed_template_names_its_file(text):
    with pytest.raises(MigrationError, match=r"001_a\.sql"):
        render(template("001", text), Parameters().values())


def test_sql_is_split_at_statements_only():
    text = """
-- a comment; with a semicolon
CREATE TABLE a (x TEXT DEFAULT ';'); /* nothing; here */
CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END; $$ LANGUAGE plpgsql;
CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; SELECT 1; END;
/*!80017 SET x = 1 */;
-- the end
"""
    statements = render(template("001", text), {}).statements
    assert statements == (
        "CREATE TABLE a (x TEXT DEFAULT ';')",
        "CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END; $$ LANGUAGE plpgsql",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; SELECT 1; END",
        "/*!80017 SET x = 1 */",
    )


def test_a_set_is_loaded_by_version_with_what_undoes_it(tmp_path):
    write_set(
        tmp_path,
        "sqlite",
        {
            "010_c.sql": "c",
            "002_b.sql": "b",
            "002_b.down.sql": "un-b",
            "README.md": "not a migration",
        },
    )
    found = load("graph", tmp_path, "sqlite")
    assert [(one.version, one.text, one.undo) for one in found] == [
        ("002", "b", "un-b"),
        ("010", "c", None),
    ]
    assert [one.label for one in found] == ["graph/002_b.sql", "graph/010_c.sql"]


def test_checksums_ignore_how_a_checkout_ends_its_lines(tmp_path):
    write_set(tmp_path / "unix", "sqlite", {"001_a.sql": "a;\nb;\n"})
    (tmp_path / "dos" / "sqlite").mkdir(parents=True)
    (tmp_path / "dos" / "sqlite" / "001_a.sql").write_bytes(b"\xef\xbb\xbfa;\r\nb;\r\n")
    (unix,), (dos,) = (load("x", tmp_path / name, "sqlite") for name in ("unix", "dos"))
    assert unix.checksum == dos.checksum


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"1_a.sql": ""}, "NNN_name"),
        ({"001-a.sql": ""}, "NNN_name"),
        ({"001_A.sql": ""}, "NNN_name"),
        ({"001_a.sql": "", "001_b.sql": ""}, "same version"),
        ({"001_a.sql": "", "0001_a.sql": ""}, "same version"),
        ({"001_a.down.sql": ""}, "to undo"),
        ({"001_a.sql": "", "002_b.down.sql": ""}, "to undo"),
    ],
)
def test_a_misnamed_file_is_refused_by_name(tmp_path, files, message):
    write_set(tmp_path, "sqlite", files)
    with pytest.raises(MigrationError, match=message) as caught:
        load("x", tmp_path, "sqlite")
    assert "sqlite" in caught.value.where


def test_a_file_that_is_not_text_is_refused(tmp_path):
    write_set(tmp_path, "sqlite", {})
    (tmp_path / "sqlite" / "001_a.sql").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MigrationError, match="cannot be read"):
        load("x", tmp_path, "sqlite")


@pytest.mark.parametrize("component", ["", "A", "a b", "../x", "1", "a'"])
def test_a_component_has_a_plain_name(tmp_path, component):
    write_set(tmp_path, "sqlite", {})
    with pytest.raises(MigrationError, match="name of a migration set"):
        load(component, tmp_path, "sqlite")


def test_plugins_follow_the_core_by_name_and_only_where_they_know_the_dialect(tmp_path):
    for name in ("voice", "graph"):
        write_set(tmp_path / name, "sqlite", {"001_a.sql": "x"})
    write_set(tmp_path / "pg", "postgresql", {"001_a.sql": "x"})
    sets = [(name, tmp_path / name) for name in ("voice", "graph", "pg")]
    found = [one.component for one in load_all("sqlite", sets)]
    assert found == ["core"] * 4 + ["graph", "voice"]


def test_two_sets_of_one_name_are_refused(tmp_path):
    for name in ("a", "b"):
        write_set(tmp_path / name, "sqlite", {"001_a.sql": "x"})
    with pytest.raises(MigrationError, match="two plugins call"):
        load_all("sqlite", [("graph", tmp_path / "a"), ("graph", tmp_path / "b")])
    with pytest.raises(MigrationError, match="'core'"):
        load_all("sqlite", [("core", tmp_path / "a")])


def test_json_is_a_list_of_commands(tmp_path):
    write_set(tmp_path, "mongodb", {"001_a.json": '[{"create": "{{TABLE_PREFIX}}x"}]'})
    (good,) = load("x", tmp_path, "mongodb")
    assert render(good, {"TABLE_PREFIX": "l_"}).statements == ({"create": "l_x"},)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "[{}]", "[", "null"])
def test_other_json_is_refused(tmp_path, text):
    write_set(tmp_path, "mongodb", {"001_a.json": text})
    (bad,) = load("x", tmp_path, "mongodb")
    with pytest.raises(LuminoraError, match="001_a"):
        render(bad, {})


def test_importing_the_package_loads_no_third_party_module():
    code = (
        "import sys, luminora.migrations; "
        "print([m for m in ('jinja2', 'sqlparse', 'apsw', 'pluggy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert Path(sys.executable).exists()
