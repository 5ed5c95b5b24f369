"""The templates create what ``luminora/providers/collections.py`` declares, on every dialect."""

from __future__ import annotations

import re
from functools import lru_cache

import apsw
import jsonschema_rs
import pytest

from luminora._resources import folder
from luminora.builtin.sqlite.migrations import SqliteMigrationDriver
from luminora.migrations import MigrationRunner, Parameters, load_all, render
from luminora.providers import COLLECTIONS, FieldType

LEDGER = "schema_migrations"
DIALECTS = ("sqlite", "postgresql", "mysql", "dynamodb", "mongodb")
OURS = {name: one for name, one in COLLECTIONS.items() if name != LEDGER}
INTERNAL = {
    "sqlite": {"messages": {"num"}},
    "postgresql": {"messages": {"terms"}},
    "mysql": {"messages": {"num"}, "user_facts": {"fact_hash"}},
}
"""Columns that only the storage itself knows."""

SQL_TYPES = {
    "sqlite": {
        FieldType.STRING: "TEXT",
        FieldType.TEXT: "TEXT",
        FieldType.INTEGER: "INTEGER",
        FieldType.FLOAT: "REAL",
        FieldType.BOOLEAN: "INTEGER",
        FieldType.TIMESTAMP: "TEXT",
        FieldType.JSON: "TEXT",
        FieldType.STRINGS: "TEXT",
    },
    "postgresql": {
        FieldType.STRING: 'VARCHAR(255) COLLATE "C"',
        FieldType.TEXT: 'TEXT COLLATE "C"',
        FieldType.INTEGER: "BIGINT",
        FieldType.FLOAT: "DOUBLE PRECISION",
        FieldType.BOOLEAN: "BOOLEAN",
        FieldType.TIMESTAMP: "TIMESTAMPTZ",
        FieldType.JSON: "JSONB",
        FieldType.STRINGS: "TEXT[]",
    },
    "mysql": {
        FieldType.STRING: "VARCHAR(255)",
        FieldType.TEXT: "LONGTEXT",
        FieldType.INTEGER: "BIGINT",
        FieldType.FLOAT: "DOUBLE",
        FieldType.BOOLEAN: "BOOLEAN",
        FieldType.TIMESTAMP: "DATETIME(6)",
        FieldType.JSON: "LONGTEXT",
        FieldType.STRINGS: "LONGTEXT",
    },
}


@lru_cache
def statements(dialect, **parameters):
    values = Parameters(**parameters).values()
    return [one for file in load_all(dialect) for one in render(file, values).statements]


def test_the_files_have_the_names_of_the_founding_documents():
    names = {dialect: [one.path.name for one in load_all(dialect)] for dialect in DIALECTS}
    tables = ["001_initial_schema", "002_add_affinity_tables", "003_add_memory_tables"]
    assert names["sqlite"] == [f"{one}.sql" for one in (*tables, "004_add_indexes")]
    assert names["mysql"] == names["sqlite"]
    assert names["postgresql"] == [
        f"{one}.sql" for one in (*tables, "004_add_pgvector_extension", "005_add_indexes")
    ]
    assert names["dynamodb"] == [f"{one}.json" for one in tables]
    assert names["mongodb"] == [f"{one}.json" for one in (*tables, "004_add_indexes")]


def test_there_is_a_folder_for_each_dialect_and_no_other():
    root = folder("templates") / "migrations"
    assert sorted(path.name for path in root.iterdir()) == sorted(DIALECTS)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_migration_can_be_undone(dialect):
    for file in load_all(dialect):
        assert render(file, Parameters(dimension=8).values(), undo=True).statements


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nothing_is_adopted_that_was_there_before(dialect):
    for file in load_all(dialect):
        allowed = file.text.count("CREATE EXTENSION IF NOT EXISTS")
        assert file.text.upper().count("IF NOT EXISTS") == allowed


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_name_has_the_prefix(dialect):
    plain = {str(one) for one in statements(dialect, dimension=8)}
    prefixed = {str(one) for one in statements(dialect, dimension=8, table_prefix="lum_")}
    kept = plain & prefixed
    assert kept <= {"CREATE EXTENSION IF NOT EXISTS vector"}
    if dialect in INTERNAL:  # indexes live in the same space as tables there
        names = re.findall(r"(?:TABLE|INDEX|ON|CONSTRAINT|KEY) `?(\w+)", "\n".join(prefixed))
        ours = [name for name in names if name.upper() == name or name.startswith("lum_")]
        assert names == ours


def test_names_fit_with_the_longest_prefix():
    for dialect in ("postgresql", "mysql"):
        text = "\n".join(statements(dialect, dimension=8, table_prefix="p" * 31))
        assert max(len(name) for name in re.findall(r"p{31}\w*", text)) <= 63


# --- SQLite: the migrated file itself -------------------------------------------------------------


@pytest.fixture
async def migrated(tmp_path):
    path = tmp_path / "luminora.db"
    await MigrationRunner(SqliteMigrationDriver(path)).migrate()
    connection = apsw.Connection(str(path))
    yield connection
    connection.close()


@pytest.mark.parametrize("name", COLLECTIONS)
async def test_sqlite_columns_are_the_declared_ones(migrated, name):
    internal = INTERNAL["sqlite"].get(name, set())
    columns = {
        row[1]: (row[2], row[3] == 0)
        for row in migrated.execute(f"PRAGMA table_info({name})")
        if row[1] not in internal
    }
    declared = {
        field: (SQL_TYPES["sqlite"][one.type], one.nullable)
        for field, one in COLLECTIONS[name].fields.items()
    }
    assert list(columns) == list(declared)
    assert columns == declared


@pytest.mark.parametrize("name", COLLECTIONS)
async def test_sqlite_keys_and_indexes_are_the_declared_ones(migrated, name):
    unique, plain = set(), set()
    for _, index, is_unique, *_ in migrated.execute(f"PRAGMA index_list({name})").fetchall():
        columns = tuple(row[2] for row in migrated.execute(f"PRAGMA index_info({index})"))
        (unique if is_unique else plain).add(columns)
    collection = COLLECTIONS[name]
    assert unique == {collection.key, *collection.unique}
    assert plain == set(collection.indexes)


async def test_sqlite_tables_are_the_declared_ones_and_strict(migrated):
    found = {
        (row[1], bool(row[5]))
        for row in migrated.execute("PRAGMA table_list")
        if row[2] == "table" and not row[1].startswith("sqlite_")
    }
    assert found == {(name, True) for name in COLLECTIONS}


async def test_row_numbers_of_messages_survive_a_vacuum(migrated):
    row = "(id, session_id, user_id, personality_name, speaker, content, timestamp, seq, "
    row += "embedding_state) VALUES (?, 's', 'u', 'p', 'user', 'x', 't', 1, 'pending')"
    for name in "abc":
        migrated.execute(f"INSERT INTO messages {row}", (name,))
    migrated.execute("DELETE FROM messages WHERE id = 'b'")
    before = migrated.execute("SELECT num, id FROM messages").fetchall()
    migrated.execute("VACUUM")
    assert (
        migrated.execute("SELECT num, id FROM messages").fetchall()
        == before
        == [
            (1, "a"),
            (3, "c"),
        ]
    )


async def test_the_full_text_table_forgets_without_having_kept_the_text(migrated):
    insert = "INSERT INTO messages_fts (rowid, scope, terms) VALUES (?, ?, ?)"
    migrated.execute(insert, (1, "u1", "gat corr"))
    migrated.execute(insert, (2, "u1", "gat dorm"))
    search = "SELECT rowid FROM messages_fts WHERE messages_fts MATCH 'terms:gat' ORDER BY rowid"
    assert migrated.execute(search).fetchall() == [(1,), (2,)]
    migrated.execute("DELETE FROM messages_fts WHERE rowid = 1")
    assert migrated.execute(search).fetchall() == [(2,)]
    assert migrated.execute("SELECT terms FROM messages_fts").fetchall() == [(None,)]


async def test_strict_tables_refuse_other_types(migrated):
    with pytest.raises(apsw.ConstraintError, match="INTEGER"):
        migrated.execute(
            "INSERT INTO embedding_state VALUES ('i', 'p', 'm', 'many', 'cosine', 's', NULL, 't', "
            "'t')"
        )


# --- PostgreSQL and MySQL: the text ---------------------------------------------------------------

COLUMN = re.compile(
    r"^    `?(?P<name>\w+)`? +(?P<type>[A-Z].*?)(?: (?P<null>NOT NULL)|,|$)", re.MULTILINE
)


def tables(dialect):
    """Table to (columns, the statement)."""
    found = {}
    for text in statements(dialect, dimension=8):
        if match := re.match(r"CREATE TABLE `?(\w+)`? \(\n", text):
            columns = {
                row["name"]: (row["type"], row["null"] is None)
                for row in COLUMN.finditer(text)
                if row["name"] not in {"CONSTRAINT", "KEY", "PRIMARY", "UNIQUE"}
            }
            found[match[1]] = (columns, text)
    return found


@pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
def test_sql_templates_create_the_declared_tables(dialect):
    extra = {"message_embeddings"} if dialect == "postgresql" else {"message_terms"}
    assert tables(dialect).keys() - extra == OURS.keys()


@pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
@pytest.mark.parametrize("name", OURS)
def test_sql_templates_have_the_declared_columns(dialect, name):
    columns, text = tables(dialect)[name]
    internal = INTERNAL[dialect].get(name, set())
    assert internal <= columns.keys()
    declared = {
        field: (SQL_TYPES[dialect][one.type], one.nullable)
        for field, one in OURS[name].fields.items()
    }
    found = {field: one for field, one in columns.items() if field not in internal}
    assert list(found) == list(declared)
    assert found == declared
    (key,) = OURS[name].key
    assert re.search(rf"^    `?{key}`? .* NOT NULL PRIMARY KEY,?$", text, re.MULTILINE)


@pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
def test_sql_templates_have_the_declared_unique_groups(dialect):
    for name, collection in OURS.items():
        groups = {
            tuple(re.findall(r"\w+", group))
            for group in re.findall(r"UNIQUE (?:KEY `\w+` )?\((.*)\)", tables(dialect)[name][1])
        }
        if dialect == "mysql" and name == "user_facts":
            # Four columns of 255 characters are more than a key can hold: a hash stands for them.
            assert groups == {("fact_hash",)}
            hashed = re.search(r"CONCAT_WS\(CHAR\(0\), (.*?)\)", tables(dialect)[name][1])
            assert tuple(re.findall(r"\w+", hashed[1])) in collection.unique
            continue
        assert groups == set(collection.unique)


@pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
def test_sql_templates_have_the_declared_indexes(dialect):
    found: dict[str, set[tuple[str, ...]]] = {}
    for text in statements(dialect, dimension=8):
        if match := re.match(r"CREATE INDEX `?\w+`? ON `?(\w+)`? \((.*)\)", text):
            found.setdefault(match[1], set()).add(tuple(re.findall(r"\w+", match[2])))
    assert found.pop("message_embeddings", None) in (None, {("user_id",)})
    assert found == {name: set(one.indexes) for name, one in OURS.items() if one.indexes}


def test_mysql_tells_users_apart_by_case_accent_and_trailing_space():
    for _, text in tables("mysql").values():
        assert "utf8mb4" in text
        assert "/*!80017 COLLATE=utf8mb4_0900_bin */" in text
        assert "/*M!100600 COLLATE=utf8mb4_nopad_bin */" in text


def test_mysql_keys_are_within_what_innodb_takes():
    widths = {"s": 255 * 4, "other": 8}
    for name, collection in OURS.items():
        for group in (collection.key, *collection.unique, *collection.indexes):
            if name == "user_facts" and group in collection.unique:
                continue
            strings = sum(collection.fields[one].type is FieldType.STRING for one in group)
            assert strings * widths["s"] + (len(group) - strings) * widths["other"] <= 3072


# --- DynamoDB and MongoDB: the commands -----------------------------------------------------------

KEYS = {
    "type": "array",
    "minItems": 1,
    "maxItems": 2,
    "items": {
        "type": "object",
        "required": ["AttributeName", "KeyType"],
        "properties": {"KeyType": {"enum": ["HASH", "RANGE"]}, "AttributeName": {"type": "string"}},
        "additionalProperties": False,
    },
}
NAME = {"type": "string", "pattern": r"^[a-zA-Z0-9_.-]{3,255}$"}
PROJECTION = {
    "oneOf": [
        {"const": {"ProjectionType": "ALL"}},
        {
            "type": "object",
            "required": ["ProjectionType", "NonKeyAttributes"],
            "properties": {
                "ProjectionType": {"const": "INCLUDE"},
                "NonKeyAttributes": {"type": "array", "minItems": 1, "maxItems": 20},
            },
            "additionalProperties": False,
        },
    ]
}
DYNAMODB_INDEX = {
    "type": "object",
    "required": ["IndexName", "KeySchema", "Projection"],
    "additionalProperties": False,
    "properties": {"IndexName": NAME, "KeySchema": KEYS, "Projection": PROJECTION},
}
DYNAMODB = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {
        "create_table": {
            "type": "object",
            "required": ["TableName", "BillingMode", "AttributeDefinitions", "KeySchema"],
            "additionalProperties": False,
            "properties": {
                "TableName": NAME,
                "BillingMode": {"const": "PAY_PER_REQUEST"},
                "KeySchema": KEYS,
                "AttributeDefinitions": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["AttributeName", "AttributeType"],
                        "properties": {
                            "AttributeName": {"type": "string"},
                            "AttributeType": {"enum": ["S", "N", "B"]},
                        },
                        "additionalProperties": False,
                    },
                },
                "LocalSecondaryIndexes": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 5,
                    "items": DYNAMODB_INDEX,
                },
                "GlobalSecondaryIndexes": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 20,
                    "items": DYNAMODB_INDEX,
                },
            },
        },
        "update_time_to_live": {
            "type": "object",
            "required": ["TableName", "TimeToLiveSpecification"],
            "properties": {
                "TableName": NAME,
                "TimeToLiveSpecification": {
                    "type": "object",
                    "required": ["Enabled", "AttributeName"],
                },
            },
        },
        "delete_table": {"type": "object", "required": ["TableName"]},
    },
}
INDEX = {
    "type": "object",
    "required": ["key", "name"],
    "additionalProperties": False,
    "properties": {
        "key": {"type": "object", "minProperties": 1, "additionalProperties": {"enum": [1, -1]}},
        "name": {"type": "string"},
        "unique": {"const": True},
        "partialFilterExpression": {"type": "object"},
    },
}
MONGODB = {
    "oneOf": [
        {
            "type": "object",
            "required": ["create", "validator"],
            "additionalProperties": False,
            "properties": {
                "create": {"type": "string"},
                "validator": {"type": "object", "required": ["$jsonSchema"]},
            },
        },
        {
            "type": "object",
            "required": ["createIndexes", "indexes"],
            "additionalProperties": False,
            "properties": {
                "createIndexes": {"type": "string"},
                "indexes": {"type": "array", "minItems": 1, "items": INDEX},
            },
        },
        {
            "type": "object",
            "required": ["drop"],
            "additionalProperties": False,
            "properties": {"drop": {"type": "string"}},
        },
        {
            "type": "object",
            "required": ["dropIndexes", "index"],
            "additionalProperties": False,
            "properties": {
                "dropIndexes": {"type": "string"},
                "index": {"type": "array", "items": {"type": "string"}},
            },
        },
    ]
}


@pytest.mark.parametrize(("dialect", "schema"), [("dynamodb", DYNAMODB), ("mongodb", MONGODB)])
def test_commands_have_the_documented_forms(dialect, schema):
    validator = jsonschema_rs.validator_for(schema)
    for file in load_all(dialect):
        for undo in (False, True):
            for command in render(file, {"TABLE_PREFIX": "lum_"}, undo=undo).statements:
                validator.validate(command)


def created_in_dynamodb():
    commands = statements("dynamodb")
    return {
        one["create_table"]["TableName"]: one["create_table"]
        for one in commands
        if "create_table" in one
    }


DYNAMODB_EXTRA = {"row_keys": ("claim",), "transactions": ("tx", "part")}


def indexes_in_dynamodb(name):
    table = created_in_dynamodb()[name]
    local = table.get("LocalSecondaryIndexes", [])
    return table, local, table.get("GlobalSecondaryIndexes", [])


def test_dynamodb_has_a_table_for_each_collection_under_its_user_and_key():
    found = created_in_dynamodb()
    assert found.keys() == OURS.keys() | DYNAMODB_EXTRA.keys()
    for name, table in found.items():
        names = tuple(one["AttributeName"] for one in table["KeySchema"])
        if name in DYNAMODB_EXTRA:
            assert names == DYNAMODB_EXTRA[name]
        else:
            user = ("user_id",) if OURS[name].per_user else ()
            assert names == (*user, *OURS[name].key)


@pytest.mark.parametrize("name", OURS)
def test_dynamodb_defines_exactly_the_attributes_that_keys_use(name):
    table, local, everywhere = indexes_in_dynamodb(name)
    fields = OURS[name].fields
    keys = [table["KeySchema"], *(one["KeySchema"] for one in (*local, *everywhere))]
    used = {part["AttributeName"] for key in keys for part in key}
    defined = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    assert defined.keys() == used
    for attribute, kind in defined.items():
        if attribute.startswith("_"):  # what the storage makes of fields to sort by them
            assert kind == "S"
            continue
        # a float may exceed what DynamoDB's numbers hold: it sorts by a text made of it
        assert fields[attribute].type not in {FieldType.BOOLEAN, FieldType.FLOAT}
        assert kind == ("N" if fields[attribute].type is FieldType.INTEGER else "S")
        assert not fields[attribute].nullable


@pytest.mark.parametrize("name", [name for name, one in OURS.items() if one.per_user])
def test_dynamodb_reads_a_users_rows_consistently_and_without_a_scan(name):
    table, local, everywhere = indexes_in_dynamodb(name)
    for index in (table, *local):  # global indexes are not consistent
        assert index["KeySchema"][0]["AttributeName"] == "user_id"
    leading = {index["KeySchema"][0]["AttributeName"] for index in everywhere}
    declared = {group[0] for group in OURS[name].indexes}
    assert declared - {"user_id"} == leading


def test_dynamodb_lets_nothing_expire():
    assert not [one for one in statements("dynamodb") if "update_time_to_live" in one]


def created_in_mongodb():
    commands = [one for one in statements("mongodb") if "create" in one]
    return {one["create"]: one["validator"]["$jsonSchema"] for one in commands}


def _stored(name, field):
    """MongoDB's own key, which has an index already, is the collection's."""
    return "_id" if OURS[name].key == (field,) else field


def test_mongodb_has_a_validated_collection_for_each_declaration():
    created = created_in_mongodb()
    assert created.keys() == OURS.keys()
    for name, collection in OURS.items():
        assert list(created[name]["properties"]) == [
            _stored(name, one) for one in collection.fields
        ]
        required = [
            _stored(name, field) for field, one in collection.fields.items() if not one.nullable
        ]
        assert created[name]["required"] == required


def test_mongodb_accepts_a_row_and_refuses_a_wrong_one():
    created = created_in_mongodb()
    for name, collection in OURS.items():
        properties = created[name]["properties"]
        for field, one in collection.fields.items():
            kinds = properties[_stored(name, field)].get("bsonType")
            assert (one.type is FieldType.JSON) == (kinds is None)
            nullable = kinds is None or "null" in kinds
            assert nullable == one.nullable or one.type is FieldType.JSON
            if one.type is FieldType.TIMESTAMP:
                pattern = properties[_stored(name, field)]["pattern"]
                assert re.search(pattern, "2026-11-20T13:35:25.123456Z")
                assert not re.search(pattern, "2026-11-20T13:35:25Z")


def test_mongodb_has_the_declared_keys_and_indexes():
    unique: dict[str, set[tuple[str, ...]]] = {name: set() for name in OURS}
    plain: dict[str, set[tuple[str, ...]]] = {name: set() for name in OURS}
    for command in statements("mongodb"):
        for index in command.get("indexes", ()):
            group = unique if index.get("unique") else plain
            group[command["createIndexes"]].add(tuple(index["key"]))
            if index.get("unique"):
                nullable = {
                    field
                    for field in index["key"]
                    if OURS[command["createIndexes"]].fields[field].nullable
                }
                assert index.get("partialFilterExpression", {}).keys() == nullable
    plain["messages"].discard(("user_id", "terms"))
    assert unique == {name: set(one.unique) for name, one in OURS.items()}
    assert plain == {name: set(one.indexes) for name, one in OURS.items()}
