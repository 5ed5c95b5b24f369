from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from luminora.builtin.sqlite.database import Database, open_database
from luminora.builtin.sqlite.errors import translate
from luminora.errors import (
    Conflict,
    InputError,
    SchemaPending,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = open_database(tmp_path / "a.db")
    await opened.write(lambda c: c.execute("CREATE TABLE t(n INTEGER PRIMARY KEY)"))
    yield opened
    opened.close()


def insert(number: int):
    return lambda c: c.execute("INSERT INTO t VALUES (?)", (number,)) and None


def numbers(connection: apsw.Connection) -> list[int]:
    return [n for (n,) in connection.execute("SELECT n FROM t ORDER BY n")]


async def test_concurrent_writes_share_commits(database):
    before = database.commits
    await asyncio.gather(*(database.write(insert(n)) for n in range(200)))
    assert await database.read(numbers) == list(range(200))
    assert database.commits - before < 100


async def test_a_failing_unit_is_undone_alone(database):
    def half(connection):
        insert(1000)(connection)
        raise ValueError("changed my mind")

    outcomes = await asyncio.gather(
        database.write(insert(1)),
        database.write(half),
        database.write(insert(2)),
        database.write(insert(1)),
        database.write(insert(3)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        ValueError,
        type(None),
        Conflict,
        type(None),
    ]
    assert await database.read(numbers) == [1, 2, 3]


async def test_when_a_batch_fails_as_a_whole_its_units_run_one_by_one(database):
    tries: list[int] = []

    def fatal(connection):
        tries.append(1)
        connection.execute("ROLLBACK")  # as SQLite does by itself when the disk is full
        raise apsw.FullError("database or disk is full")

    outcomes = await asyncio.gather(
        database.write(insert(1)),
        database.write(fatal),
        database.write(insert(2)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), StorageFull, type(None)]
    assert await database.read(numbers) == [1, 2]
    assert tries


async def test_a_cancelled_caller_disturbs_nobody(database):
    blocked = threading.Event()
    holding = asyncio.create_task(database.write(lambda _: blocked.wait(5)))
    await asyncio.sleep(0.05)
    doomed = [asyncio.create_task(database.write(insert(n))) for n in range(10)]
    others = [asyncio.create_task(database.write(insert(n))) for n in range(10, 20)]
    await asyncio.sleep(0)
    for task in doomed:
        task.cancel()
    blocked.set()
    await asyncio.gather(holding, *others)
    assert await database.read(numbers) == list(range(10, 20))
    reading = asyncio.create_task(database.read(numbers))
    await asyncio.sleep(0)
    reading.cancel()
    await database.write(insert(99))
    assert 99 in await database.read(numbers)


async def test_readers_see_what_was_acknowledged_and_wait_for_no_write(database):
    for number in range(50):
        await database.write(insert(number))
        assert (await database.read(numbers))[-1] == number
    release = threading.Event()
    slow = asyncio.create_task(database.write(lambda _: release.wait(5)))
    await asyncio.sleep(0.05)
    assert len(await asyncio.wait_for(database.read(numbers), 1)) == 50
    release.set()
    await slow


async def test_readers_cannot_write(database):
    with pytest.raises(StorageReadOnly):
        await database.read(insert(1))


def test_one_database_serves_many_loops(tmp_path):
    database = open_database(tmp_path / "a.db")
    asyncio.run(
        database.write(lambda c: c.execute("CREATE TABLE t(n INTEGER PRIMARY KEY)") and None)
    )

    async def ten(first: int) -> None:
        await asyncio.gather(*(database.write(insert(n)) for n in range(first, first + 10)))

    threads = [threading.Thread(target=lambda k=k: asyncio.run(ten(k * 10))) for k in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asyncio.run(database.read(numbers)) == list(range(50))
    database.close()


def test_a_loop_that_is_gone_holds_nothing_up(tmp_path):
    database = open_database(tmp_path / "a.db")
    release = threading.Event()

    async def leave() -> None:
        task = asyncio.create_task(database.write(lambda _: release.wait(5)))
        await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(leave())
    release.set()
    assert asyncio.run(database.write(lambda _: 7)) == 7
    database.close()


async def test_a_file_is_opened_once_and_closed_with_its_last_user(tmp_path):
    one = open_database(tmp_path / "a.db")
    (tmp_path / "link").symlink_to(tmp_path)
    two = open_database(tmp_path / "link" / "a.db")
    assert one is two
    one.close()
    await two.write(lambda c: c.execute("CREATE TABLE t(n)") and None)
    two.close()
    two.close()
    with pytest.raises(StorageUnavailable, match="closed"):
        await two.write(lambda _: None)
    assert sorted(path.name for path in tmp_path.glob("a.db*")) == ["a.db"]
    assert open_database(tmp_path / "a.db") is not one
    open_database(tmp_path / "a.db").close()
    open_database(tmp_path / "a.db").close()
    gc.collect()


async def test_closing_finishes_what_is_queued(tmp_path):
    database = open_database(tmp_path / "a.db")
    await database.write(lambda c: c.execute("CREATE TABLE t(n INTEGER PRIMARY KEY)") and None)
    tasks = [asyncio.create_task(database.write(insert(n))) for n in range(50)]
    await asyncio.sleep(0)
    await asyncio.to_thread(database.close)
    await asyncio.gather(*tasks)
    with sqlite3.connect(tmp_path / "a.db") as other:
        assert other.execute("SELECT count(*) FROM t").fetchone() == (50,)
    other.close()


async def test_extensions_reach_every_connection_once(database):
    calls: list[apsw.Connection] = []
    database.extend(calls.append)
    database.extend(calls.append)
    await database.write(lambda _: None)
    await asyncio.gather(*(database.read(lambda _: time.sleep(0.01)) for _ in range(6)))
    assert 2 <= len(calls) == len(set(calls)) <= 3


async def test_a_failing_extension_fails_its_caller_alone(tmp_path):
    database = open_database(tmp_path / "a.db")

    def broken(_: apsw.Connection) -> None:
        raise apsw.ExtensionLoadingError("no such file")

    database.extend(broken)
    with pytest.raises(StorageError, match="no such file"):
        await database.read(lambda _: None)
    with pytest.raises(StorageError, match="no such file"):
        await database.write(lambda _: None)
    database.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
async def test_a_forked_child_is_told_to_open_anew(database):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            asyncio.set_event_loop(None)
            asyncio._set_running_loop(None)
            try:
                asyncio.run(database.write(insert(1)))
            except StorageUnavailable:
                again = open_database(database.path)
                asyncio.run(again.write(insert(2)))
                again.close()
                code = 0
        finally:
            os._exit(code)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    await database.write(insert(3))
    assert await database.read(numbers) == [2, 3]


async def test_another_writer_is_waited_for_and_then_reported(tmp_path):
    other = apsw.Connection(str(tmp_path / "a.db"))
    other.execute("PRAGMA journal_mode=wal; CREATE TABLE t(n INTEGER PRIMARY KEY)").fetchall()
    database = open_database(tmp_path / "a.db", busy_timeout=0.3)
    other.execute("BEGIN IMMEDIATE")
    outcomes = await asyncio.gather(
        *(database.write(insert(n)) for n in range(3)), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {StorageUnavailable}
    assert outcomes[0].retryable
    waiting = asyncio.create_task(database.write(insert(1)))
    await asyncio.sleep(0.05)
    other.execute("COMMIT")
    await waiting
    other.close()
    database.close()


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda path: path.mkdir(), StorageUnavailable),
        (lambda path: path.write_bytes(b"this is no database at all " * 99), StorageCorrupt),
        (lambda path: path.parent.joinpath("a.db").symlink_to("/dev/null/x"), StorageUnavailable),
    ],
)
def test_what_cannot_be_opened_says_why(tmp_path, spoil, error):
    path = tmp_path / "a.db"
    spoil(path)
    with pytest.raises(error) as caught:
        open_database(path)
    assert str(tmp_path) in str(caught.value) or "/dev/null" in str(caught.value)
    assert caught.value.hint


def test_a_folder_that_cannot_be_made_says_why(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageUnavailable, match="folder"):
        open_database(tmp_path / "file" / "deeper" / "a.db")


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SELECT * FROM nowhere", SchemaPending),
        ("SELECT absent FROM t", SchemaPending),
        ("INSERT INTO t VALUES (1), (1)", Conflict),
        ("INSERT INTO u VALUES (NULL)", InputError),
        ("INSERT INTO u VALUES (-1)", InputError),
        ("SELEC", StorageError),
    ],
)
async def test_errors_are_ours(database, statement, error):
    await database.write(
        lambda c: c.execute("CREATE TABLE IF NOT EXISTS u(n NOT NULL CHECK (n > 0))") and None
    )
    with pytest.raises(error) as caught:
        await database.write(lambda c: c.execute(statement).fetchall())
    assert caught.value.where == str(database.path)
    assert isinstance(caught.value.__cause__, apsw.Error)


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (apsw.BusyError, StorageUnavailable),
        (apsw.LockedError, StorageUnavailable),
        (apsw.CantOpenError, StorageUnavailable),
        (apsw.ReadOnlyError, StorageReadOnly),
        (apsw.FullError, StorageFull),
        (apsw.NotADBError, StorageCorrupt),
        (apsw.CorruptError, StorageCorrupt),
        (apsw.IOError, StorageError),
        (apsw.NoMemError, StorageError),
        (apsw.TooBigError, InputError),
    ],
)
def test_every_kind_of_error_has_its_own(error, ours):
    assert type(translate(error("why"), Path("/x/a.db"))) is ours
