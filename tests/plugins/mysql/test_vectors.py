"""The vector store on MariaDB 11.7 or newer, where there is one.

An older MariaDB gets what it lacks written in SQL: the vectors lie in VARBINARY columns, and
VEC_DISTANCE_COSINE is a function that takes them apart. That proves all but the type itself.
"""

from __future__ import annotations

import pytest
from luminora_mysql import vectortable
from luminora_mysql.connection import Connections
from luminora_mysql.vectors import MySqlVectorStore
from luminora_mysql.wire import Version

from luminora.errors import StorageError
from luminora.providers import Status
from luminora.providers.vector_store import VectorItem
from luminora.testing import VectorStoreConformance, declared_capabilities
from luminora.testing.servers.mariadb import version_of
from tests.plugins.mysql import databases

pytestmark = [
    pytest.mark.backend("mysql vector store", against="MariaDB 10.11 with vector functions in SQL"),
    pytest.mark.xdist_group("mariadb"),
]

SINCE = vectortable.SINCE
DISTANCE = """
CREATE FUNCTION VEC_DISTANCE_COSINE(a VARBINARY(4096), b VARBINARY(4096)) RETURNS DOUBLE
DETERMINISTIC
BEGIN
    DECLARE place INT DEFAULT 1;
    DECLARE x, y, xy, xx, yy DOUBLE DEFAULT 0;
    WHILE place < LENGTH(a) DO
        SET x = FLOAT_AT(a, place), y = FLOAT_AT(b, place);
        SET xy = xy + x * y, xx = xx + x * x, yy = yy + y * y, place = place + 4;
    END WHILE;
    RETURN 1 - xy / SQRT(xx) / SQRT(yy);
END
"""
FLOAT = """
CREATE FUNCTION FLOAT_AT(v VARBINARY(4096), place INT) RETURNS DOUBLE DETERMINISTIC
BEGIN
    DECLARE bits BIGINT UNSIGNED DEFAULT CONV(HEX(REVERSE(SUBSTR(v, place, 4))), 16, 10);
    DECLARE power INT DEFAULT (bits >> 23) & 255;
    DECLARE rest DOUBLE DEFAULT bits & 8388607;
    RETURN IF(bits >> 31, -1, 1)
        * IF(power = 0, rest * POW(2, -149), (1 + rest / 8388608) * POW(2, power - 127));
END
"""


@pytest.fixture(scope="module")
def server_with_vectors(mariadb_shared):
    version = version_of(mariadb_shared)
    product, _, number = version.partition(" ")
    if product != "MariaDB":
        pytest.skip(f"{version} keeps no vectors")
    with pytest.MonkeyPatch.context() as patch:
        if tuple(map(int, number.split("."))) < (11, 7):
            mariadb_shared.run(FLOAT, DISTANCE)
            patch.setattr(vectortable, "SINCE", ("MariaDB", (10, 6, 0)))
            patch.setattr(
                vectortable, "column_type", lambda dimension: f"VARBINARY({dimension * 4})"
            )
        yield mariadb_shared


async def opened(database):
    store = MySqlVectorStore(Connections(databases.settings(database)), table_prefix="v_")
    for name in ("messages", "messages_2"):
        await store.at(name).drop()
    return store


class TestMySqlVectors(VectorStoreConformance):
    capabilities = declared_capabilities("luminora_mysql", "vector_store", "mysql")

    async def make_provider(self) -> MySqlVectorStore:
        return await opened(self.request.getfixturevalue("server_with_vectors"))


async def test_a_model_is_noted_once_it_is_known(server_with_vectors):
    store = await opened(server_with_vectors)
    await store.ensure(3)
    await store.ensure(3, model_id="it's \\ a 'model' ñ")
    assert (await store.describe()).model_id == "it's \\ a 'model' ñ"
    await store.aclose()


async def test_a_table_of_somebody_else_is_not_adopted(server_with_vectors):
    store = await opened(server_with_vectors)
    server_with_vectors.run("CREATE TABLE v_message_embeddings (id INT)")
    with pytest.raises(StorageError, match="another program"):
        await store.ensure(3)
    assert (await store.describe()).dimension is None
    await store.drop()
    await store.aclose()


async def test_a_server_without_vectors_is_named_with_the_ways_out(mariadb_shared, monkeypatch):
    version = version_of(mariadb_shared)
    if Version.of(version.replace(" ", "-")) >= SINCE:
        pytest.skip(f"{version} keeps vectors")
    monkeypatch.setattr(vectortable, "SINCE", SINCE)
    store = MySqlVectorStore(Connections(databases.settings(mariadb_shared)))
    with pytest.raises(StorageError) as failure:
        await store.ensure(8)
    result = await store.check()
    for said in (str(failure.value), result.detail):
        assert f"{version} keeps no vectors: MariaDB 11.7 or newer does" in said
        assert '"vector_store_provider": {"name": "sqlite-vec"}' in said
    assert result.status is Status.ERROR
    assert (await store.describe()).dimension is None
    assert await store.delete({"user_id": "ana"}) == 0
    assert await store.query([1.0, 2.0], 3, {"user_id": "ana"}) == []
    await store.aclose()


async def test_many_vectors_are_deleted_in_portions(server_with_vectors):
    store = await opened(server_with_vectors)
    await store.ensure(2)
    await store.upsert(
        [VectorItem(id=f"i{n}", user_id="ana", vector=[1.0, n]) for n in range(5000)]
    )
    assert await store.delete({"user_id": "ana"}) == 5000
    assert await store.count({"user_id": "ana"}) == 0
    await store.aclose()
