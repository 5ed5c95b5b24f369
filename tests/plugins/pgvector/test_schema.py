"""The table and the extension: made, recognised, refused."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from luminora import schema
from luminora.config import load_config
from luminora.errors import (
    ConfigError,
    DimensionMismatch,
    PermissionRefused,
    SchemaPending,
    StorageError,
)
from luminora.providers import Status, VectorItem
from tests.plugins.pgvector.stores import alone, beside, items, migrate, storage_on

pytestmark = [
    pytest.mark.backend("pgvector vector store", against="postgresql"),
    pytest.mark.xdist_group("postgresql"),
]


@pytest.fixture
def stranger(postgres_database):
    """The same database as a role that owns nothing."""
    role = f"luminora_{uuid4().hex[:12]}"
    postgres_database.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'made-up'")
    parts = urlsplit(postgres_database.url)
    netloc = f"{role}:made-up@{parts.hostname}:{parts.port}"
    url = urlunsplit(parts._replace(netloc=netloc))
    yield replace(postgres_database, url=url, password="made-up")
    postgres_database.sql(f"DROP OWNED BY {role}")
    postgres_database.sql(f"DROP ROLE {role}")


async def test_who_may_not_create_pgvector_is_told_the_command(stranger, postgres_database):
    store = alone(stranger)
    with pytest.raises(PermissionRefused) as caught:
        await store.ensure(4)
    assert "CREATE EXTENSION vector;" in str(caught.value)
    assert stranger.name in str(caught.value)
    assert "made-up" not in str(caught.value)
    result = await store.check()
    assert result.status is Status.WARNING
    assert "CREATE EXTENSION vector;" in result.detail
    await store.aclose()


async def test_who_may_not_create_tables_is_told_the_right(stranger, postgres_database):
    postgres_database.sql("CREATE EXTENSION vector")
    store = alone(stranger)
    with pytest.raises(PermissionRefused, match=r"GRANT CREATE ON SCHEMA public TO luminora_"):
        await store.ensure(4)
    await store.aclose()


async def test_who_may_only_read_and_write_works_on_the_migrations_table(
    stranger, postgres_database
):
    owner = storage_on(postgres_database)
    await migrate(owner, 4)
    owner.connections.close()
    (role,) = postgres_database.sql("SELECT rolname FROM pg_roles WHERE rolname LIKE 'luminora_%'")
    tables = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
    postgres_database.sql(f"GRANT {tables} TO {role[0]}")
    store = alone(stranger)
    await store.ensure(4, model_id="test/one")
    await store.upsert([VectorItem(id="a", user_id="ana", vector=[1, 2, 3, 4])])
    assert await store.count({"user_id": "ana"}) == 1
    assert (await store.describe()).model_id is None  # only the owner can write it there
    await store.aclose()
    learner = alone(stranger, index_type="ivfflat", lists=1)
    postgres_database.sql("DROP INDEX idx_message_embeddings_vector")
    await learner.upsert(items("ana", 60, 4))
    await learner.ensure(4, model_id="test/one")
    result = await learner.check()
    assert result.status is Status.WARNING
    assert "CREATE INDEX" in result.detail
    await learner.aclose()


async def test_a_server_without_pgvector_is_told_the_package(make, postgres_database):
    postgres_database.sql(
        f"ALTER DATABASE {postgres_database.name} SET extension_control_path = '/nowhere'"
    )
    store = make()
    with pytest.raises(StorageError, match=r"apt install postgresql-\d+-pgvector"):
        await store.ensure(4)


async def test_a_schema_that_is_not_searched_is_named(make, postgres_database):
    postgres_database.sql("CREATE SCHEMA elsewhere")
    postgres_database.sql("CREATE EXTENSION vector SCHEMA elsewhere")
    store = make()
    with pytest.raises(StorageError, match="'elsewhere', which is not searched"):
        await store.ensure(4)
    assert (await store.check()).status is Status.ERROR


async def test_an_old_pgvector_is_refused(make, postgres_database):
    postgres_database.sql("CREATE EXTENSION vector")
    postgres_database.sql("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'")
    with pytest.raises(StorageError, match=r"0\.7\.4 is installed; 0\.8 or newer"):
        await make().ensure(4)


async def test_a_foreign_table_of_that_name_is_left_alone(make, postgres_database):
    postgres_database.sql("CREATE TABLE message_embeddings (embedding real[])")
    store = make()
    with pytest.raises(StorageError, match=r"does not hold vectors"):
        await store.ensure(4)
    with pytest.raises(StorageError):
        await store.upsert([VectorItem(id="a", user_id="ana", vector=[1, 2, 3, 4])])
    assert (await store.check()).status is Status.ERROR


async def test_another_dimension_or_model_of_a_migrated_table_is_refused(storage):
    await migrate(storage, 8)
    store = beside(storage)
    with pytest.raises(DimensionMismatch) as caught:
        await store.ensure(12, model_id="test/one")
    assert (caught.value.expected, caught.value.found) == (8, 12)
    await store.ensure(8, model_id="test/one")
    with pytest.raises(DimensionMismatch, match=r"'test/one'.*'test/two'"):
        await store.ensure(8, model_id="test/two")
    assert (await store.describe()).model_id == "test/one"


async def test_many_processes_create_the_table_at_once(make, postgres_database):
    stores = [make() for _ in range(8)]
    await asyncio.gather(*(store.ensure(4, model_id="test/one") for store in stores))
    tables = "SELECT count(*) FROM pg_class WHERE relname = 'message_embeddings'"
    assert postgres_database.sql(tables) == [(1,)]
    await asyncio.gather(
        *(store.upsert(items(f"user{number}", 5, 4)) for number, store in enumerate(stores))
    )
    assert (await stores[0].describe()).count == 40


async def test_a_comment_of_somebody_elses_stays(storage, postgres_database):
    await migrate(storage, 4)
    postgres_database.sql("COMMENT ON TABLE lum_message_embeddings IS 'it''s mine: ask first'")
    store = beside(storage)
    model = 'wei\'rd \\ "model" ñ /one\n'
    await store.ensure(4, model_id=model)
    ((comment,),) = postgres_database.sql(
        "SELECT obj_description('lum_message_embeddings'::regclass, 'pg_class')"
    )
    assert comment.startswith("it's mine: ask first\n")
    assert (await store.describe()).model_id == model
    await store.ensure(4, model_id=model)


async def test_an_absent_table_is_a_pending_schema(storage):
    store = beside(storage)
    with pytest.raises(SchemaPending):
        await store.upsert([VectorItem(id="a", user_id="ana", vector=[1, 2])])
    assert await store.query([1, 2], 3, {"user_id": "ana"}) == []
    assert await store.count({"user_id": "ana"}) == 0
    assert await store.delete({"user_id": "ana"}) == 0
    await migrate(storage, 4)
    await store.drop()
    result = await store.check()
    assert result.status is Status.WARNING
    assert "luminora migrate" in result.detail


async def test_a_table_that_another_process_made_anew_is_noticed(make):
    ours, theirs = make(), make()
    await ours.ensure(2_100)  # halfvec
    await ours.upsert(items("ana", 3, 2_100))
    await theirs.drop()
    assert await ours.count({"user_id": "ana"}) == 0
    assert await ours.query([1.0] * 2_100, 3, {"user_id": "ana"}) == []
    await theirs.ensure(4)
    await theirs.upsert(items("ana", 3, 4))
    assert len(await ours.query([1, 2, 3, 4], 5, {"user_id": "ana"})) == 3
    with pytest.raises(DimensionMismatch):
        await ours.query([1.0] * 2_100, 3, {"user_id": "ana"})
    await ours.upsert(items("ana", 2, 4, seed=1))
    assert await theirs.count({"user_id": "ana"}) == 5


async def test_long_names_stay_apart(make):
    prefix = "p" * 31
    one = alone_index(make, prefix, "a" * 39 + "1")
    other = alone_index(make, prefix, "a" * 39 + "2")
    await one.ensure(3)
    await other.ensure(5)
    assert (await one.describe()).dimension == 3
    assert (await other.describe()).dimension == 5
    await one.drop()
    assert (await other.describe()).dimension == 5


def alone_index(make, prefix, index):
    return make(prefix=prefix).at(index)


async def test_a_missing_index_is_reported_with_the_statement_that_makes_it(
    make, postgres_database
):
    store = make()
    await store.ensure(4)
    assert (await store.check()).status is Status.OK
    postgres_database.sql("DROP INDEX idx_message_embeddings_vector")
    result = await store.check()
    assert result.status is Status.WARNING
    remedy = result.detail.rpartition("→ ")[2]
    assert remedy.startswith('CREATE INDEX "idx_message_embeddings_vector"')
    postgres_database.sql(remedy)
    assert (await store.check()).status is Status.OK
    result = await make(index_type="ivfflat", lists=1).check()
    assert 'DROP INDEX "idx_message_embeddings_vector"; CREATE INDEX' in result.detail
    assert (await make(index_type="none").check()).status is Status.OK


def test_a_server_beside_the_storages_own_has_to_be_meant(storage):
    with pytest.raises(ConfigError, match=r"host would be ignored") as caught:
        beside(storage, host="vectors.example")
    assert "use_storage_connection" in str(caught.value)
    store = beside(storage, host="vectors.example", use_storage_connection=False)
    assert "vectors.example" in store._where


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"index_type": "btree"}, "hnsw"),
        ({"lists": 0}, "1"),
        ({"iterative_scan": "loose_order"}, "relaxed_order"),
        ({"ef_search": 1001}, "1000"),
        ({"lisst": 100}, "lists"),
    ],
)
def test_settings_that_do_not_exist_are_refused(tmp_path, config, complaint):
    document = {
        "storage_provider": {"name": "postgresql"},
        "vector_store_provider": {"name": "pgvector", "config": config},
    }
    (tmp_path / "luminora.json").write_text(json.dumps(document))
    with pytest.raises(ConfigError) as caught:
        schema.ensure(load_config(tmp_path / "luminora.json"))
    assert complaint in str(caught.value)
