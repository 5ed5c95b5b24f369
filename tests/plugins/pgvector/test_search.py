# ruff: noqa: S608 - the names are the test's own

from __future__ import annotations

import random

import pytest
from luminora_postgresql import vectorsearch

from luminora.providers import Status, VectorItem
from tests.plugins.pgvector.stores import beside, best, items, migrate, vector

pytestmark = [
    pytest.mark.backend("pgvector vector store", against="postgresql"),
    pytest.mark.xdist_group("postgresql"),
]

DIMENSION = 16


@pytest.fixture
def ways(monkeypatch):
    """Which way each query went, in order."""
    taken: list[str] = []
    for name in ("_compare", "_follow"):
        original = getattr(vectorsearch.Searcher, name)

        def noted(self, *arguments, _name=name, _original=original):
            taken.append(_name)
            return _original(self, *arguments)

        monkeypatch.setattr(vectorsearch.Searcher, name, noted)
    return taken


async def test_a_small_user_among_large_ones_is_answered_exactly(make, few, ways):
    store = make()
    await store.ensure(DIMENSION)
    for user in ("big", "huge"):
        await store.upsert(items(user, 1_500, DIMENSION))
    mine = items("small", few, DIMENSION)
    await store.upsert(mine)
    chance = random.Random(1)
    for _ in range(20):
        query = vector(chance, DIMENSION)
        hits = await store.query(query, 10, {"user_id": "small"})
        assert [hit.id for hit in hits] == best(mine, query, 10)
    assert set(ways) == {"_compare"}


async def test_a_large_user_is_found_through_the_index_in_one_round_trip(make, few, ways):
    store = make()
    await store.ensure(DIMENSION)
    mine = items("big", 3_000, DIMENSION)
    await store.upsert(mine)
    await store.upsert(items("other", 3_000, DIMENSION))
    chance, found = random.Random(2), 0
    for _ in range(20):
        query = vector(chance, DIMENSION)
        hits = await store.query(query, 10, {"user_id": "big"})
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        found += len({hit.id for hit in hits} & set(best(mine, query, 10)))
    assert found >= 195
    assert ways == ["_compare", *["_follow"] * 20]  # the first finds out that they are many


async def test_a_filter_that_few_of_many_pass_is_exact(make, few, ways):
    store = make()
    await store.ensure(DIMENSION)
    await store.upsert(items("big", 2_000, DIMENSION))
    rare = items("big", 12, DIMENSION, seed=1, session_id="rare")
    await store.upsert(rare)
    query = vector(random.Random(3), DIMENSION)
    hits = await store.query(query, 10, {"user_id": "big", "session_id": "rare"})
    assert [hit.id for hit in hits] == best(rare, query, 10)
    assert ways == ["_compare"]


async def test_whom_the_index_cannot_serve_is_compared(make, few, ways):
    """Without going on, an index yields its first candidates, whosever they are."""
    store = make(iterative_scan="off", ef_search=10)
    await store.ensure(DIMENSION)
    await store.upsert(items("huge", 4_000, DIMENSION))
    mine = items("big", few + 10, DIMENSION)
    await store.upsert(mine)
    chance = random.Random(4)
    for _ in range(5):
        query = vector(chance, DIMENSION)
        hits = await store.query(query, 10, {"user_id": "big"})
        assert [hit.id for hit in hits] == best(mine, query, 10)
    assert ways == ["_compare", "_follow", *["_compare"] * 5]


async def test_a_large_user_who_became_small_loses_no_neighbour(make, few, ways):
    store = make()
    await store.ensure(DIMENSION)
    mine = items("big", few * 3, DIMENSION)
    await store.upsert([*mine, *items("other", 500, DIMENSION)])
    query = vector(random.Random(5), DIMENSION)
    assert len(await store.query(query, 10, {"user_id": "big"})) == 10
    await store.delete({"user_id": "big", "id": [item.id for item in mine[4:]]})
    hits = await store.query(query, 10, {"user_id": "big"})
    assert [hit.id for hit in hits] == best(mine[:4], query, 10)


async def test_more_neighbours_than_the_index_keeps_candidates(make, few):
    store = make(ef_search=1)
    await store.ensure(DIMENSION)
    mine = items("big", 1_200, DIMENSION)
    await store.upsert(mine)
    hits = await store.query(vector(random.Random(6), DIMENSION), 1_100, {"user_id": "big"})
    assert len({hit.id for hit in hits}) == 1_100


async def test_nothing_of_the_search_stays_in_the_session(make, few):
    store = make(max_connections=1)
    await store.ensure(DIMENSION)
    await store.upsert(items("big", 200, DIMENSION))
    await store.query(vector(random.Random(7), DIMENSION), 3, {"user_id": "big"})
    async with store._connections.connection() as connection:
        cursor = await connection.execute(
            "SELECT current_setting('enable_sort'), current_setting('hnsw.ef_search')"
        )
        assert await cursor.fetchone() == ("on", "40")


@pytest.mark.parametrize("scan", ["strict_order", "relaxed_order"])
@pytest.mark.parametrize("migrated", [True, False])
async def test_ivfflat_is_used_once_it_was_made_from_vectors(storage, few, ways, migrated, scan):
    config = {"index_type": "ivfflat", "lists": 10, "probes": 6, "iterative_scan": scan}
    if migrated:
        await migrate(storage, DIMENSION, index="ivfflat", lists=10)
    store = beside(storage, **config)
    await store.ensure(DIMENSION, model_id="test/one")
    mine = items("big", 600, DIMENSION)
    await store.upsert(mine[:400])
    await store.ensure(DIMENSION, model_id="test/one")
    assert (await store.check()).data["index_used"] is False
    await store.upsert(mine[400:])
    query = vector(random.Random(11), DIMENSION)
    assert [hit.id for hit in await store.query(query, 10, {"user_id": "big"})] == best(
        mine, query, 10
    )
    result = await store.check()
    assert result.status is Status.WARNING
    assert "INDEX" in result.detail
    assert set(ways) == {"_compare"}
    again = beside(storage, **config)
    await again.ensure(DIMENSION, model_id="test/one")
    result = await again.check()
    assert (result.status, result.data["index_used"]) == (Status.OK, True)
    chance, found = random.Random(8), 0
    for _ in range(20):
        query = vector(chance, DIMENSION)
        hits = await again.query(query, 10, {"user_id": "big"})
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        found += len({hit.id for hit in hits} & set(best(mine, query, 10)))
    assert found >= 140
    assert "_follow" in ways


@pytest.mark.parametrize(
    ("dimension", "column", "index"),
    [(2_000, "vector", "hnsw"), (3_072, "halfvec", "hnsw"), (5_000, "vector", "none")],
)
async def test_long_vectors(make, few, dimension, column, index):
    store = make()
    await store.ensure(dimension)
    data = (await store.check()).data
    assert (data["type"], data["index_type"], data["dimension"]) == (column, index, dimension)
    mine = items("big", few + 30, dimension)
    await store.upsert(mine)
    query = vector(random.Random(9), dimension)
    for _ in range(2):
        hits = await store.query(query, 5, {"user_id": "big"})
        assert [hit.id for hit in hits] == best(mine, query, 5)
    (copy,) = await store.fetch("big", [mine[0].id])
    assert len(copy.vector) == dimension
    (hit,) = await store.query(copy.vector, 1, {"user_id": "big"})
    assert hit.id == mine[0].id
    assert hit.score == pytest.approx(1.0, abs=2e-3)


async def test_the_migrations_table_is_the_default_index(storage, postgres_database, few):
    await migrate(storage, DIMENSION)
    store = beside(storage)
    await store.ensure(DIMENSION, model_id="test/one")
    mine = items("ana", 60, DIMENSION)
    await store.upsert(mine)
    assert postgres_database.sql("SELECT count(*) FROM lum_message_embeddings") == [(60,)]
    query = vector(random.Random(10), DIMENSION)
    hits = await store.query(query, 5, {"user_id": "ana"})
    assert [hit.id for hit in hits] == best(mine, query, 5)
    assert (await store.describe()).model_id == "test/one"


async def test_further_indexes_are_made_like_the_migrations(storage, postgres_database):
    await migrate(storage, DIMENSION)
    store = beside(storage)
    await store.at("messages_2").ensure(DIMENSION)

    def columns(table):
        return postgres_database.sql(
            "SELECT column_name, data_type, collation_name, is_nullable, column_default, "
            "character_maximum_length, udt_name FROM information_schema.columns "
            f"WHERE table_name = '{table}' ORDER BY ordinal_position"
        )

    def indexes(table):
        found = postgres_database.sql(
            f"SELECT indexdef FROM pg_indexes WHERE tablename = '{table}' ORDER BY indexname"
        )
        return [row[0].replace("embeddings_2", "embeddings") for row in found]

    assert len(columns("lum_message_embeddings")) == 7
    assert columns("lum_message_embeddings_2") == columns("lum_message_embeddings")
    made, migrated = indexes("lum_message_embeddings_2"), indexes("lum_message_embeddings")
    assert [one.replace("='16'", "=16") for one in made] == [
        one.replace("='16'", "=16") for one in migrated
    ]


async def test_a_comparison_cannot_be_planned_through_the_index(make, postgres_database):
    """Whatever the planner thinks of it: that would lose neighbours of small users."""
    store = make()
    await store.ensure(3)
    await store.upsert([VectorItem(id="a", user_id="ana", vector=[1, 2, 3])])
    text, _ = store._table.compared("vector", None, 5, {"user_id": ["ana"]}, 10)
    for way in ("seqscan", "sort", "bitmapscan"):
        postgres_database.sql(f"ALTER DATABASE {postgres_database.name} SET enable_{way} = off")
    for number, value in enumerate(("'[1,2,3]'", "5", "10", "'ana'"), 1):
        text = text.replace(f"${number}", value)
    plan = "\n".join(row[0] for row in postgres_database.sql(f"EXPLAIN {text}"))
    assert "Sort Key: compared.distance" in plan
    assert "idx_message_embeddings_vector" not in plan
