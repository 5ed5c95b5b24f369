from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest

from luminora.builtin.sqlite import storage as module
from luminora.builtin.sqlite.storage import SqliteStorage
from luminora.errors import InputError, SchemaPending, StorageCorrupt, StorageUnavailable
from luminora.providers import COLLECTIONS, EVERY_USER, FieldType, Find, SearchText, Status
from luminora.testing import migrate
from luminora.testing.data import message, new_id, session
from tests.providers.sqlite_files import migrated


async def test_a_new_file_wants_its_migrations(tmp_path):
    storage = SqliteStorage(tmp_path / "deep" / "folder" / "luminora.db")
    assert (await storage.check()).status is Status.WARNING
    assert not storage.path.parent.exists()
    with pytest.raises(StorageUnavailable, match="connect"):
        await storage.count("messages", "ana")
    await storage.connect()
    with pytest.raises(SchemaPending, match="luminora migrate"):
        await storage.count("messages", "ana")
    with pytest.raises(SchemaPending, match="luminora migrate"):
        await storage.insert("messages", "ana", message("ana"))
    result = await storage.check()
    assert result.status is Status.ERROR
    assert set(result.data["missing_tables"]) == {*COLLECTIONS, "messages_fts"}
    await migrate(storage)
    assert (await storage.check()).status is Status.OK
    await storage.insert("messages", "ana", message("ana"))
    await storage.aclose()


async def test_check_tells_the_facts(tmp_path):
    storage = await migrated(tmp_path / "luminora.db", table_prefix="app_")
    result = await storage.check()
    assert result.status is Status.OK
    assert result.data["path"] == str(storage.path)
    assert result.data["journal_mode"] == "wal"
    assert result.data["writable"] is True
    assert result.data["integrity"] == "ok"
    assert set(result.data["tables"]) == {*COLLECTIONS, "messages_fts"}
    assert result.latency_ms is not None
    await storage.aclose()
    assert (await storage.check()).status is Status.OK
    with pytest.raises(StorageUnavailable):
        _ = storage.database


async def test_check_never_raises(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "garbage.db").write_bytes(b"no database" * 1000)
    for name in ("folder", "garbage.db"):
        result = await SqliteStorage(tmp_path / name).check()
        assert result.status is Status.ERROR
        assert name in result.detail
    with pytest.raises(StorageCorrupt):
        await SqliteStorage(tmp_path / "garbage.db").connect()
    storage = await migrated(tmp_path / "luminora.db")
    other = apsw.Connection(str(storage.path))
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(module, "_LOCK_SECONDS", 0.1)
    assert (await storage.check()).status is Status.WARNING
    other.execute("ROLLBACK")
    other.close()
    await storage.aclose()


async def test_tables_are_as_declared(tmp_path):
    storage = await migrated(tmp_path / "luminora.db")
    columns = await storage.database.read(
        lambda c: {
            name: c.execute(
                'SELECT name, type, "notnull", pk FROM pragma_table_info(?)', (name,)
            ).fetchall()
            for name in COLLECTIONS
        }
    )
    numbers = {FieldType.INTEGER: "INTEGER", FieldType.BOOLEAN: "INTEGER", FieldType.FLOAT: "REAL"}
    for name, collection in COLLECTIONS.items():
        found = {column: (kind, bool(required)) for column, kind, required, _ in columns[name]}
        found.pop("num", None)
        assert found == {
            field: (numbers.get(kind.type, "TEXT"), not kind.nullable)
            for field, kind in collection.fields.items()
        }
    await storage.aclose()


async def test_connecting_twice_at_once_opens_once(tmp_path):
    storage = await migrated(tmp_path / "luminora.db")
    await storage.aclose()
    await asyncio.gather(*(storage.connect() for _ in range(5)))
    assert storage.database.users == 1
    await storage.aclose()


def test_a_storage_outlives_its_event_loop(tmp_path):
    storage = asyncio.run(migrated(tmp_path / "luminora.db"))
    for seq in range(3):
        asyncio.run(storage.insert("messages", "ana", message("ana", seq)))
    assert asyncio.run(storage.count("messages", "ana")) == 3
    asyncio.run(storage.aclose())


async def test_search_is_of_messages_and_of_one_user(tmp_path):
    storage = await migrated(tmp_path / "luminora.db")
    with pytest.raises(InputError, match="full-text"):
        await storage.search_text("user_facts", "ana", "x")
    with pytest.raises(InputError, match="one user"):
        await storage.search_text("messages", EVERY_USER, "x")
    with pytest.raises(InputError):
        await storage.search_text("messages", "ana", "x", limit=-1)
    with pytest.raises(InputError):
        await storage.search_text("messages", "ana", "nul \0")
    await storage.aclose()


async def test_reads_at_once_are_of_one_moment(tmp_path):
    storage = await migrated(tmp_path / "luminora.db")
    stop = asyncio.Event()

    async def write() -> None:
        seq = 0
        while not stop.is_set():
            row = message("ana", seq, content="word")
            await storage.insert("messages", "ana", row)
            seq += 1

    writer = asyncio.create_task(write())
    for _ in range(50):
        rows, hits, again = await storage.read(
            [
                Find("messages", "ana"),
                SearchText("messages", "ana", "word", limit=10_000),
                Find("messages", "ana"),
            ]
        )
        assert len(rows) == len(hits) == len(again)
    stop.set()
    await writer
    await storage.aclose()


def plan_of(storage: SqliteStorage, query: Find):
    statement = storage._statements.find(query)
    return storage.database.read(
        lambda c: " / ".join(
            row[3] for row in c.execute(f"EXPLAIN QUERY PLAN {statement.text}", statement.params)
        )
    )


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (Find("messages", "ana", order=("-seq",), limit=50), "idx_messages_user"),
        (
            Find("messages", "ana", {"session_id": "s"}, order=("-seq",), limit=50),
            "messages_session",
        ),
        (Find("messages", "ana", {"id": "m"}), "autoindex_messages"),
        (
            Find("messages", EVERY_USER, {"embedding_state": "pending"}, order=("seq",), limit=9),
            "embedding",
        ),
        (
            Find("user_facts", "ana", {"is_active": True}, order=("-last_updated",)),
            "idx_facts_user",
        ),
        (Find("episodes", "ana", order=("-timestamp",), limit=5), "idx_episodes_user"),
        (Find("jobs", EVERY_USER, {"status": "ready"}, order=("run_at",), limit=5), "idx_jobs_due"),
    ],
)
async def test_reads_use_an_index(tmp_path, query, index):
    storage = await migrated(tmp_path / "luminora.db")
    plan = await plan_of(storage, query)
    assert index in plan, plan
    assert "SCAN" not in plan
    await storage.aclose()


async def test_pages_cost_the_same_wherever_they_begin(tmp_path):
    storage = await migrated(tmp_path / "luminora.db")
    last = message("ana", 7)
    query = Find("messages", "ana", order=("seq",), limit=10, after=last)
    plan = await plan_of(storage, query)
    assert "user_id=? AND seq>?" in plan, plan
    await storage.aclose()


async def test_numbers_of_messages_never_show(tmp_path: Path):
    storage = await migrated(tmp_path / "luminora.db")
    await storage.insert("sessions", "ana", session("ana"))
    row = message("ana", 1, id=new_id())
    await storage.insert("messages", "ana", row)
    (found,) = await storage.find("messages", "ana")
    assert list(found) == list(COLLECTIONS["messages"].fields)
    with pytest.raises(InputError):
        await storage.find("messages", "ana", {"num": 1})
    await storage.aclose()
