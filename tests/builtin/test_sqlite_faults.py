"""Kills, full disks and other processes: what was acknowledged is there, once, and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import apsw
import pytest

from luminora.builtin.sqlite.storage import SqliteStorage
from luminora.errors import StorageError, StorageFull
from luminora.providers import EVERY_USER, Status
from luminora.testing.data import fact, message
from tests.providers.sqlite_files import migrated

WRITER = """
    import asyncio, sys
    from luminora.builtin.sqlite.storage import SqliteStorage
    from luminora.testing.data import message

    async def main(path, user, first, count):
        storage = SqliteStorage(path)
        await storage.connect()

        async def say(seq):
            row = message(user, seq, id=f"{user}-{seq}", content=f"said {seq} " + "x" * 500)
            await storage.insert("messages", user, row)
            print(seq, flush=True)

        numbers = iter(range(first, first + count))

        async def worker():
            for seq in numbers:
                await say(seq)

        await asyncio.gather(*(worker() for _ in range(8)))
        await storage.aclose()

    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


def start(path: Path, user: str, first: int, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(path), user, str(first), str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


async def test_what_was_acknowledged_survives_a_kill(tmp_path):
    path = tmp_path / "luminora.db"
    await (await migrated(path)).aclose()
    acknowledged: set[int] = set()
    for round_ in range(3):
        child = start(path, "ana", round_ * 100_000, 100_000)
        assert child.stdout is not None
        heard = [child.stdout.readline() for _ in range(20)]
        await asyncio.sleep(0.05 * (round_ + 1))
        child.send_signal(signal.SIGKILL)
        heard += child.stdout.read().splitlines(keepends=True)
        child.communicate()
        acknowledged |= {int(line) for line in heard if line.endswith("\n")}
    storage = await opened(path)
    rows = await storage.find("messages", "ana", order=("seq",))
    seqs = [row["seq"] for row in rows]
    assert acknowledged <= set(seqs)
    assert len(seqs) == len(set(seqs))
    for row in rows[:: max(1, len(rows) // 20)]:
        hits = await storage.search_text("messages", "ana", f"said {row['seq']}", limit=1)
        assert hits[0][0]["id"] == row["id"]
    result = await storage.check()
    assert (result.status, result.data["integrity"]) == (Status.OK, "ok")
    await storage.aclose()


async def test_two_processes_write_at_once(tmp_path):
    path = tmp_path / "luminora.db"
    await (await migrated(path)).aclose()
    children = [start(path, user, 0, 300) for user in ("ana", "bob")]
    storage = await opened(path)
    for seq in range(100):
        await storage.insert("messages", "eve", message("eve", seq))
    for child in children:
        _, errors = await asyncio.to_thread(child.communicate)
        assert child.returncode == 0, errors
    counts = [await storage.count("messages", user) for user in ("ana", "bob", "eve")]
    assert counts == [300, 300, 100]
    assert (await storage.search_text("messages", "bob", "said 299"))[0][0]["seq"] == 299
    await storage.aclose()


OPENER = """
    import asyncio, sys
    from luminora.builtin.sqlite.database import open_database

    database = open_database(sys.argv[1])
    make = lambda c: c.execute("CREATE TABLE IF NOT EXISTS t(n)") and None
    asyncio.run(database.write(make))
    asyncio.run(database.write(lambda c: c.execute("INSERT INTO t VALUES (1)") and None))
    database.close()
"""


async def test_processes_that_meet_a_new_file_wait_for_each_other(tmp_path):
    path = tmp_path / "new.db"
    command = [sys.executable, "-c", textwrap.dedent(OPENER), str(path)]
    children = [
        await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        for _ in range(5)
    ]
    for child in children:
        _, errors = await child.communicate()
        assert child.returncode == 0, errors
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM t").fetchone() == (5,)
    database.close()


async def test_a_full_disk_is_said_and_earlier_data_stay(tmp_path):
    storage = await migrated(tmp_path / "luminora.db")
    await storage.insert("messages", "ana", message("ana", 0, content="before"))
    pages = await storage.database.read(lambda c: c.pragma("page_count"))
    await storage.database.write(lambda c: c.pragma("max_page_count", pages + 20))
    outcomes = await asyncio.gather(
        *(
            storage.insert("messages", "ana", message("ana", seq, content="x" * 20_000))
            for seq in range(1, 40)
        ),
        return_exceptions=True,
    )
    full = [outcome for outcome in outcomes if outcome is not None]
    assert full
    assert {type(outcome) for outcome in full} == {StorageFull}
    rows = await storage.find("messages", "ana", order=("seq",))
    assert rows[0]["content"] == "before"
    assert len(rows) == 1 + len(outcomes) - len(full)
    assert await storage.count("messages", EVERY_USER) == len(rows)
    await storage.database.write(lambda c: c.pragma("max_page_count", 1 << 30))
    await storage.insert("messages", "ana", message("ana", 99, content="after"))
    assert (await storage.check()).data["integrity"] == "ok"
    await storage.aclose()


LIMITED = """
    import asyncio, resource, sys
    from luminora.builtin.sqlite.storage import SqliteStorage
    from luminora.errors import StorageFull
    from luminora.testing.data import message

    async def main(path):
        storage = SqliteStorage(path)
        await storage.connect()
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
        stored = 0
        try:
            for seq in range(1000):
                row = message("ana", seq, id=f"m{seq}", content="x" * 10_000)
                await storage.insert("messages", "ana", row)
                stored += 1
        except StorageFull as error:
            assert "space" in str(error), error
            assert await storage.count("messages", "ana") == stored
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            await storage.insert("messages", "ana", message("ana", 5000, id="after"))
            print(stored)
        await storage.aclose()

    asyncio.run(main(sys.argv[1]))
"""


async def test_a_refused_write_of_the_file_system_is_a_full_disk(tmp_path):
    path = tmp_path / "luminora.db"
    await (await migrated(path)).aclose()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED), str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    stored = int(done.stdout)
    assert stored > 10
    storage = await opened(path)
    assert await storage.count("messages", "ana") == stored + 1
    assert (await storage.check()).data["integrity"] == "ok"
    await storage.aclose()


async def test_a_damaged_page_is_reported(tmp_path):
    storage = await migrated(tmp_path / "luminora.db")
    for number in range(200):
        await storage.upsert("user_facts", "ana", fact("ana", f"k{number}", value="v" * 500))
    root = await storage.database.read(
        lambda c: next(c.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'user_facts'"))[0]
    )
    await storage.aclose()
    with storage.path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(os.urandom(4096))
    await storage.connect()
    result = await storage.check()
    assert result.status is Status.ERROR
    assert "damaged" in result.detail or "malformed" in result.detail
    with pytest.raises(StorageError):
        await storage.find("user_facts", "ana")
    await storage.aclose()


async def test_a_reader_of_another_library_disturbs_nobody(tmp_path):
    storage = await migrated(tmp_path / "luminora.db")
    other = apsw.Connection(str(storage.path))
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM messages").fetchall()
    for seq in range(50):
        await storage.insert("messages", "ana", message("ana", seq))
    assert other.execute("SELECT count(*) FROM messages").fetchall() == [(0,)]
    other.execute("COMMIT")
    assert other.execute("SELECT count(*) FROM messages").fetchall() == [(50,)]
    other.close()
    await storage.aclose()


async def opened(path: Path) -> SqliteStorage:
    storage = SqliteStorage(path)
    await storage.connect()
    return storage
