from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from luminora_chromadb.hooks import luminora_vector_store
from luminora_chromadb.local import Local
from luminora_chromadb.remote import Remote
from luminora_chromadb.store import ChromaStore

from luminora.errors import (
    ConfigError,
    CredentialsMissing,
    InvalidRequest,
    SchemaPending,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)
from luminora.providers import ProviderContext, Status, VectorItem
from luminora.testing.vectors import cosine

pytestmark = pytest.mark.backend("chromadb vectors", against="a folder, in the process")

ROOT = Path(__file__).parents[3]
DIMENSION = 8
ANA = {"user_id": "ana"}


def item(number: int, user: str = "ana") -> VectorItem:
    chance = random.Random(f"{user} {number}")
    vector = [chance.gauss(0, 1) for _ in range(DIMENSION)]
    return VectorItem(id=f"m{number}", user_id=user, vector=vector)


def store_in(folder: Path) -> ChromaStore:
    return ChromaStore(Local(folder, lock_seconds=0.1))


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
    from tests.plugins.chromadb.test_folder import DIMENSION, item, store_in

    async def main(folder, first):
        store = store_in(folder)
        await store.ensure(DIMENSION)
        print("ready", flush=True)
        for number in range(first, first + 10**6):
            await store.upsert([item(number)])
            print(number, flush=True)

    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_what_was_acknowledged_survives_kills(tmp_path):
    acknowledged: set[str] = set()
    for round_ in range(2):
        child = run(WRITER, tmp_path / "v", round_ * 10**6)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        heard = [child.stdout.readline() for _ in range(60)]
        child.send_signal(signal.SIGKILL)
        heard += child.stdout.read().splitlines(keepends=True)
        child.communicate()
        acknowledged |= {f"m{line.strip()}" for line in heard if line.endswith("\n")}
        store = store_in(tmp_path / "v")
        hits = await store.query([1.0] * DIMENSION, 4096, ANA)
        there = [hit.id for hit in hits]
        assert len(there) == len(set(there)) == await store.count(ANA)
        assert acknowledged <= set(there)
        await store.aclose()


async def test_a_second_process_is_refused_by_name_and_gets_the_folder_afterwards(tmp_path):
    child = run(WRITER, tmp_path / "v", 0)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    store = store_in(tmp_path / "v")
    with pytest.raises(StorageUnavailable) as caught:
        await store.count(ANA)
    assert f"process {child.pid} has this folder open" in str(caught.value)
    assert "chroma run" in str(caught.value)
    assert (await store.check()).status is Status.ERROR
    child.kill()
    child.communicate()
    assert (await store.describe()).dimension == DIMENSION
    await store.aclose()


async def test_stores_of_one_process_share_the_folder(tmp_path):
    one, two = store_in(tmp_path / "v"), store_in(tmp_path / "v")
    await one.ensure(DIMENSION)
    await two.upsert([item(1)])
    assert await one.count(ANA) == 1
    await one.aclose()
    assert await two.count(ANA) == 1
    await two.aclose()
    await two.aclose()


async def test_a_damaged_folder(tmp_path):
    store = store_in(tmp_path / "v")
    await store.ensure(DIMENSION, model_id="m")
    await store.aclose()
    (tmp_path / "v" / "chroma.sqlite3").write_bytes(b"garbage" * 1000)
    with pytest.raises(StorageCorrupt, match="luminora reembed"):
        await store.count(ANA)
    assert (await store.check()).status is Status.ERROR
    (tmp_path / "v" / "chroma.sqlite3").unlink()
    assert (await store.describe()).dimension is None
    await store.aclose()


async def test_places_that_cannot_be_a_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/luminora")):
        store = store_in(place)
        with pytest.raises(StorageError) as caught:
            await store.ensure(DIMENSION)
        assert "persist_directory" in str(caught.value)
        await store.aclose()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("error returned from database: (code: 13) database or disk is full", StorageFull),
        ("(code: 8) attempt to write a readonly database", StorageReadOnly),
        ("(code: 11) database disk image is malformed", StorageCorrupt),
        ("(code: 5) database is locked", StorageUnavailable),
        ("something new", StorageError),
    ],
)
async def test_what_chroma_says_of_its_disk(tmp_path, monkeypatch, said, kind):
    from chromadb.errors import InternalError

    store = store_in(tmp_path / "v")
    await store.ensure(DIMENSION)

    def fail(*arguments, **named):
        raise InternalError(said)

    await store.upsert([item(1)])
    monkeypatch.setattr(type(store._handle.native), "upsert", fail)
    with pytest.raises(kind) as caught:
        await store.upsert([item(1)])
    assert type(caught.value) is kind
    assert said in str(caught.value)
    await store.aclose()


async def test_a_panic_of_its_core_is_an_error_and_not_the_end(tmp_path, monkeypatch):
    class PanicException(BaseException):
        """As Rust's panics arrive in Python."""

    store = store_in(tmp_path / "v")
    await store.ensure(DIMENSION)
    await store.upsert([item(1)])

    def fail(*arguments, **named):
        raise PanicException("index out of bounds")

    with monkeypatch.context() as patch:
        patch.setattr(type(store._handle.native), "query", fail)
        with pytest.raises(StorageError, match="panicked: index out of bounds"):
            await store.query([1.0] * DIMENSION, 3, ANA)
    assert len(await store.query([1.0] * DIMENSION, 3, ANA)) == 1
    await store.aclose()


async def test_a_user_among_many_is_compared_with_all_of_theirs(tmp_path):
    store = store_in(tmp_path / "v")
    await store.ensure(DIMENSION)
    mine = [item(number) for number in range(900)]
    await store.upsert(mine)
    await store.upsert([item(number, f"u{number % 7}") for number in range(4000)])
    for number in range(20):
        query = list(item(number, "query").vector)
        expected = sorted(mine, key=lambda one: -cosine(query, one.vector))[:20]
        hits = await store.query(query, 20, ANA)
        assert [hit.id for hit in hits] == [one.id for one in expected]
    await store.aclose()


async def test_names_that_look_like_something_else(tmp_path):
    store = store_in(tmp_path / "v")
    await store.ensure(DIMENSION)
    odd = ["a/b", "a", "a%2Fb", "' OR 1=1", "$and", "naïve 🦊", "x" * 255]
    for user in odd:
        for name in odd:
            await store.upsert([VectorItem(id=name, user_id=user, vector=[1.0] * DIMENSION)])
    for user in odd:
        hits = await store.query([1.0] * DIMENSION, 50, {"user_id": user})
        assert {hit.id for hit in hits} == set(odd)
        assert {found.id for found in await store.fetch(user, odd)} == set(odd)
    assert await store.delete({"user_id": "a"}) == len(odd)
    assert await store.count({"user_id": "a/b"}) == len(odd)
    await store.aclose()


async def test_without_an_index_nothing_can_be_stored(tmp_path):
    store = store_in(tmp_path / "v")
    with pytest.raises(SchemaPending, match="luminora migrate"):
        await store.upsert([item(1)])
    await store.aclose()


async def test_a_failure_between_two_requests_is_completed_by_the_same_call(tmp_path, monkeypatch):
    store = store_in(tmp_path / "v")
    await store.ensure(DIMENSION)
    monkeypatch.setattr("luminora_chromadb.store.REQUEST_BYTES", 4 * DIMENSION * 2)
    items, real, calls = [item(number) for number in range(7)], Local.upsert, []

    async def failing(link, *arguments):
        calls.append(1)
        if len(calls) == 3:
            raise InvalidRequest("no")
        await real(link, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Local, "upsert", failing)
        await store.upsert(items)  # a refusal is tried once more with the collection as it is now
        assert len(calls) == 5
    assert await store.count(ANA) == 7
    await store.aclose()


def test_two_loops_in_a_row(tmp_path):
    store = store_in(tmp_path / "v")
    asyncio.run(store.ensure(DIMENSION))
    asyncio.run(store.upsert([item(1)]))
    assert asyncio.run(store.count(ANA)) == 1
    asyncio.run(store.aclose())


def built(tmp_path, config, env=None, prefix="") -> ChromaStore:
    context = ProviderContext(
        data_dir=tmp_path / "data", base_dir=tmp_path, env=env or {}, table_prefix=prefix
    )
    store = luminora_vector_store("chromadb", config, context)
    assert isinstance(store, ChromaStore)
    return store


def test_settings_reach_the_store(tmp_path):
    assert luminora_vector_store("other", {}, ProviderContext(data_dir=tmp_path)) is None
    seeds = built(tmp_path, {"persist_directory": "./chroma_data"})
    assert seeds._link.where == str(tmp_path / "chroma_data")
    assert built(tmp_path, {})._link.where == str(tmp_path / "data" / "chroma")
    assert built(tmp_path, {}, prefix="app_").collection == "app_luminora_messages"
    named = built(tmp_path, {"collection_name": "mine"}, prefix="app_")
    assert (named.collection, named.at("messages_2").collection) == ("mine", "mine_2")
    server = built(tmp_path, {"host": "db", "token_env": "TOKEN"}, {"TOKEN": "secret"})
    assert isinstance(server._link, Remote)
    assert (server._link.where, server._link.in_clear) == ("https://db:8000", False)
    clear = built(tmp_path, {"host": "db", "ssl": False, "token_env": "T"}, {"T": "secret"})
    assert (clear._link.where, clear._link.in_clear) == ("http://db:8000", True)
    assert built(tmp_path, {"host": "::1", "port": 7})._link.where == "http://[::1]:7"


def test_settings_that_contradict_each_other(tmp_path):
    for config in ({"persist_directory": "v", "host": "x"}, {"ssl": True}, {"token_env": "T"}):
        with pytest.raises(ConfigError, match="host"):
            built(tmp_path, config)
    with pytest.raises(CredentialsMissing, match="export CHROMA_TOKEN"):
        built(tmp_path, {"host": "x", "token_env": "CHROMA_TOKEN"})


async def test_a_token_in_clear_is_a_warning(monkeypatch):
    link = Remote("db.example", ssl=False, token="secret")

    async def answer(*arguments):
        return None

    monkeypatch.setattr(link, "version", answer)
    monkeypatch.setattr(link, "find", answer)
    result = await ChromaStore(link).check()
    assert result.status is Status.WARNING
    assert "set ssl" in result.detail


def test_listing_plugins_imports_nothing_of_it():
    code = (
        "import atexit, sys;"
        "atexit.register(lambda: print([m for m in sys.modules if 'chroma' in m]));"
        "from luminora.cli import main; main(['plugins', 'list'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "vector_store:chromadb" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
