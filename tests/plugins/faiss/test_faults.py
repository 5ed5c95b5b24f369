"""Kills, full disks, damage, other processes: what was acknowledged is there, once, or refused."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from luminora_faiss import disk
from luminora_faiss.frames import FIRST_LINE, HEAD_BYTES
from luminora_faiss.store import FaissStore

from luminora.errors import (
    InputError,
    SchemaPending,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)
from luminora.providers import Status, VectorItem

pytestmark = pytest.mark.backend("faiss vectors", against="faiss-cpu, in the process")

ROOT = Path(__file__).parents[3]
DIMENSION = 8


def item(number: int, user: str = "ana") -> VectorItem:
    chance = random.Random(f"{user} {number}")
    vector = [chance.gauss(0, 1) for _ in range(DIMENSION)]
    return VectorItem(id=f"{user}-{number}", user_id=user, vector=vector, session_id="s")


async def filled(folder: Path, count: int, *, close: bool = True) -> FaissStore:
    store = FaissStore(folder)
    await store.ensure(DIMENSION, model_id="test/one")
    for number in range(count):
        await store.upsert([item(number)])
    if close:
        await store.aclose()
    return store


async def held(folder: Path, user: str = "ana") -> set[str]:
    store = FaissStore(folder)
    try:
        hits = await store.query([1.0] * DIMENSION, 4096, {"user_id": user})
        ids = [hit.id for hit in hits]
        assert len(ids) == len(set(ids)) == await store.count({"user_id": user})
        assert len(ids) == (await store.describe()).count
        return set(ids)
    finally:
        await store.aclose()


def run(code: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **options,
    )


WRITER = """
    import asyncio, sys
    from luminora_faiss.store import FaissStore
    from tests.plugins.faiss.test_faults import DIMENSION, item

    async def main(folder, first):
        store = FaissStore(folder)
        await store.ensure(DIMENSION)
        numbers = iter(range(first, first + 1_000_000))

        async def worker(n):
            for number in numbers:
                if number % 50 == 49:
                    gone = number - 40
                    print("?", gone, flush=True)  # from here on it may be gone or there
                    await store.delete({"user_id": "ana", "id": f"ana-{gone}"})
                    print("-", gone, flush=True)
                else:
                    await store.upsert([item(number)])
                    print("+", number, flush=True)

        print("ready", flush=True)
        await asyncio.gather(*(worker(n) for n in range(8)))

    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_what_was_acknowledged_survives_kills(tmp_path):
    said: dict[str, set[str]] = {"+": set(), "?": set(), "-": set()}
    for round_ in range(5):
        child = run(WRITER, tmp_path / "v", round_ * 1_000_000)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        heard = [child.stdout.readline() for _ in range(60)]
        await asyncio.sleep(0.03 * round_)
        child.send_signal(signal.SIGKILL)
        heard += child.stdout.read().splitlines(keepends=True)
        child.communicate()
        for line in heard:
            if line.endswith("\n"):
                sign, number = line.split()
                said[sign].add(f"ana-{number}")
        there = await held(tmp_path / "v")
        assert said["+"] - said["?"] <= there
        assert not said["-"] & there
    assert len(said["+"]) > 200


async def test_a_file_cut_anywhere_keeps_every_whole_commit(tmp_path):
    store = FaissStore(tmp_path / "v")
    await store.ensure(DIMENSION)
    file = tmp_path / "v" / "messages.vectors"
    begun = file.stat().st_size
    ends = []
    for number in range(4):
        await store.upsert([item(number)])
        ends.append(file.stat().st_size)
    whole = file.read_bytes()
    await store.aclose()
    other = tmp_path / "cut"
    other.mkdir()
    for length in range(begun, len(whole) + 1, 3):
        (other / "messages.vectors").write_bytes(whole[:length])
        expected = {f"ana-{number}" for number, end in enumerate(ends) if end <= length}
        assert await held(other) == expected, length
    for length in range(0, begun, 7):
        (other / "messages.vectors").write_bytes(whole[:length])
        with pytest.raises(StorageCorrupt, match=r"messages\.vectors"):
            await held(other)


async def test_after_an_unfinished_write_one_can_go_on(tmp_path, caplog):
    await filled(tmp_path / "v", 3)
    file = tmp_path / "v" / "messages.vectors"
    file.write_bytes(file.read_bytes()[:-25])  # the seal, and some of the last commit
    store = FaissStore(tmp_path / "v")
    assert await store.count({"user_id": "ana"}) == 2
    assert "was not finished" in caplog.text
    assert (await store.check()).data["dropped_bytes"] > 0
    await store.upsert([item(7)])
    await store.aclose()
    assert await held(tmp_path / "v") == {"ana-0", "ana-1", "ana-7"}


async def test_room_that_the_disk_made_and_never_filled_is_an_unfinished_write(tmp_path):
    await filled(tmp_path / "v", 3)
    with (tmp_path / "v" / "messages.vectors").open("ab") as file:
        file.write(bytes(4096))
    assert len(await held(tmp_path / "v")) == 3


async def test_every_flipped_bit_is_noticed(tmp_path):
    await filled(tmp_path / "v", 3)
    file = tmp_path / "v" / "messages.vectors"
    whole = file.read_bytes()
    seal = len(whole) - (HEAD_BYTES + 11)
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << (position % 8)
        file.write_bytes(damaged)
        if position < seal + HEAD_BYTES:
            with pytest.raises(StorageCorrupt) as caught:
                await held(tmp_path / "v")
            assert str(file) in str(caught.value)
            assert "luminora reembed" in str(caught.value)
        else:  # only the seal itself is damaged
            assert len(await held(tmp_path / "v")) == 3
    assert whole.startswith(FIRST_LINE)


async def test_a_damaged_index_is_reported_and_can_be_dropped(tmp_path):
    await filled(tmp_path / "v", 3)
    file = tmp_path / "v" / "messages.vectors"
    file.write_bytes(b"something else entirely")
    store = FaissStore(tmp_path / "v")
    result = await store.check()
    assert result.status is Status.ERROR
    assert "not that of a luminora-faiss file" in result.detail
    with pytest.raises(StorageCorrupt):
        await store.upsert([item(1)])
    await store.drop()
    await store.ensure(DIMENSION)
    await store.upsert([item(1)])
    await store.aclose()
    assert await held(tmp_path / "v") == {"ana-1"}


FULL = """
    import asyncio, resource, sys
    from luminora.errors import StorageFull
    from luminora_faiss.store import FaissStore
    from tests.plugins.faiss.test_faults import DIMENSION, item

    async def main(folder):
        store = FaissStore(folder)
        await store.ensure(DIMENSION)
        await store.upsert([item(n) for n in range(10)])
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, hard))
        stored, refused = 10, 0
        for number in range(10, 200):
            try:
                await store.upsert([item(number)])
                stored += 1
            except StorageFull as error:
                assert "no space" in str(error), error
                refused += 1
        assert refused > 100, refused
        assert await store.count({"user_id": "ana"}) == stored
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await store.upsert([item(1000)])
        print(stored + 1)
        sys.stdout.flush()
        import os
        os._exit(0)

    asyncio.run(main(sys.argv[1]))
"""


async def test_a_full_disk_is_said_and_earlier_vectors_stay(tmp_path):
    out, errors = await asyncio.to_thread(run(FULL, tmp_path / "v").communicate)
    assert out.strip(), errors
    there = await held(tmp_path / "v")
    assert len(there) == int(out)
    assert "ana-1000" in there


async def test_a_disk_that_cannot_flush_stores_nothing_until_it_can(tmp_path, monkeypatch):
    store = await filled(tmp_path / "v", 3, close=False)

    def broken(descriptor):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("luminora_faiss.log.flush", broken)
        patch.setattr("luminora_faiss.disk.flush", broken)
        for number in (10, 11):
            with pytest.raises(StorageUnavailable, match="Input/output error"):
                await store.upsert([item(number)])
        with pytest.raises(StorageUnavailable):
            await store.delete({"user_id": "ana", "id": "ana-0"})
        assert await store.count({"user_id": "ana"}) == 3
    await store.upsert([item(12)])
    await store.aclose()
    assert await held(tmp_path / "v") == {"ana-0", "ana-1", "ana-2", "ana-12"}


HOLDER = """
    import asyncio, sys
    from luminora_faiss.store import FaissStore

    async def main(folder):
        store = FaissStore(folder)
        await store.ensure(8)
        print("held", flush=True)
        sys.stdin.read()

    asyncio.run(main(sys.argv[1]))
"""


async def test_a_second_process_is_refused_by_name_and_gets_the_folder_afterwards(tmp_path):
    child = run(HOLDER, tmp_path / "v", stdin=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    store = FaissStore(tmp_path / "v", lock_seconds=0.1)
    with pytest.raises(StorageUnavailable) as caught:
        await store.count({"user_id": "ana"})
    assert f"process {child.pid} has this folder open" in str(caught.value)
    assert "sqlite-vec" in str(caught.value)
    result = await store.check()
    assert result.status is Status.ERROR
    child.kill()
    child.communicate()
    assert (await store.describe()).dimension == 8
    await store.aclose()


async def test_stores_of_one_process_share_the_folder(tmp_path):
    one, two = FaissStore(tmp_path / "v"), FaissStore(tmp_path / "v")
    await one.ensure(DIMENSION)
    await two.upsert([item(1)])
    assert await one.count({"user_id": "ana"}) == 1
    await one.aclose()
    assert await two.count({"user_id": "ana"}) == 1
    await two.aclose()
    await two.aclose()


FORKER = """
    import asyncio, os, sys
    from luminora.errors import StorageUnavailable
    from luminora_faiss.store import FaissStore
    from tests.plugins.faiss.test_faults import DIMENSION, item

    store = FaissStore(sys.argv[1], lock_seconds=0.1)
    asyncio.run(store.ensure(DIMENSION))
    child = os.fork()
    if child == 0:
        for one in (store, FaissStore(sys.argv[1], lock_seconds=0.1)):
            try:
                asyncio.run(one.upsert([item(1)]))
            except StorageUnavailable as error:
                print(error, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    asyncio.run(store.upsert([item(2)]))
    asyncio.run(store.aclose())
"""


async def test_a_forked_child_is_told_and_leaves_the_parent_alone(tmp_path):
    child = run(FORKER, tmp_path / "v")
    out, errors = await asyncio.to_thread(child.communicate, timeout=30)
    assert child.returncode == 0, errors
    assert "before this process forked" in out
    assert f"process {child.pid} has this folder open" in out
    assert await held(tmp_path / "v") == {"ana-2"}


async def test_a_file_that_was_replaced_underneath_is_not_written(tmp_path):
    store = await filled(tmp_path / "v", 2, close=False)
    file = tmp_path / "v" / "messages.vectors"
    copy = file.read_bytes()
    file.unlink()
    with pytest.raises(StorageUnavailable, match="deleted or replaced"):
        await store.upsert([item(5)])
    file.write_bytes(copy)
    with pytest.raises(StorageUnavailable, match="deleted or replaced"):
        await store.delete({"user_id": "ana"})
    await store.aclose()
    assert await held(tmp_path / "v") == {"ana-0", "ana-1"}


async def test_places_that_cannot_be_a_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    for place, kind in (
        (tmp_path / "file", StorageUnavailable),
        (tmp_path / "file" / "below", StorageUnavailable),
        (Path("/proc/luminora"), StorageError),
    ):
        store = FaissStore(place)
        with pytest.raises(kind) as caught:
            await store.ensure(DIMENSION)
        assert "persist_directory" in str(caught.value)
        assert (await store.check()).status is Status.ERROR
        await store.aclose()


async def test_a_folder_without_the_right_to_write(tmp_path, monkeypatch):
    real = os.open

    def refusing(path, flags, *rest):
        if str(path).endswith("lock"):
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *rest)

    monkeypatch.setattr("luminora.providers.folders.os.open", refusing)
    with pytest.raises(StorageReadOnly, match="Permission denied"):
        await FaissStore(tmp_path / "v").ensure(DIMENSION)


async def test_without_an_index_nothing_can_be_stored(tmp_path):
    store = FaissStore(tmp_path / "v")
    with pytest.raises(SchemaPending, match="luminora migrate"):
        await store.upsert([item(1)])
    await store.aclose()


async def test_more_than_one_commit_may_hold_is_refused_whole(tmp_path, monkeypatch):
    store = await filled(tmp_path / "v", 1, close=False)
    monkeypatch.setattr("luminora_faiss.log.MAX_PAYLOAD", 1_000)
    with pytest.raises(InputError, match="several calls"):
        await store.upsert([item(number) for number in range(50)])
    assert await store.count({"user_id": "ana"}) == 1
    await store.aclose()


async def test_a_rewrite_that_was_killed_leaves_the_old_file(tmp_path):
    await filled(tmp_path / "v", 3)
    left = tmp_path / "v" / f"messages.vectors{disk.TEMPORARY}"
    left.write_bytes(b"half a file")
    assert len(await held(tmp_path / "v")) == 3
    assert not left.exists()


async def test_a_rewrite_without_space_keeps_everything_and_is_tried_again(
    tmp_path, monkeypatch, caplog
):
    store = await filled(tmp_path / "v", 5, close=False)

    def full(descriptor, data, position):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("luminora_faiss.disk.write_all", full)
        await store.delete({"user_id": "ana", "id": "ana-1"})
        folder = await store.opened()
        await folder.do(folder.shelves.tidy)
        assert "still in the file" in caplog.text
        assert folder.shelves.untidy
    assert await store.count({"user_id": "ana"}) == 4
    with pytest.raises(StorageFull), monkeypatch.context() as patch:
        patch.setattr("luminora_faiss.log.write_all", full)
        await store.upsert([item(9)])
    await store.upsert([item(10)])
    await store.aclose()
    assert await held(tmp_path / "v") == {"ana-0", "ana-2", "ana-3", "ana-4", "ana-10"}
