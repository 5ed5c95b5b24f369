from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from luminora_qdrant.hooks import luminora_vector_store
from luminora_qdrant.links import Local, Remote, address_of
from luminora_qdrant.store import QdrantStore

from luminora.errors import (
    ConfigError,
    CredentialsMissing,
    SchemaPending,
    StorageCorrupt,
    StorageReadOnly,
    StorageUnavailable,
)
from luminora.providers import ProviderContext, Status, VectorItem

pytestmark = pytest.mark.backend("qdrant vectors", against="qdrant-client's local mode")

DIMENSION = 64


def item(number: int, user: str = "ana") -> VectorItem:
    vector = [1.0 + number % (place + 2) for place in range(DIMENSION)]
    return VectorItem(id=f"m{number}", user_id=user, vector=vector)


async def test_what_was_stored_is_there_after_opening_again(tmp_path):
    store = QdrantStore(Local(str(tmp_path / "v")))
    await store.ensure(DIMENSION, model_id="test/one")
    await store.upsert([item(1), item(2)])
    await store.aclose()
    again = QdrantStore(Local(str(tmp_path / "v")))
    described = await again.describe()
    assert (described.count, described.model_id) == (2, "test/one")
    await again.aclose()
    await again.aclose()


@pytest.mark.filterwarnings("ignore:unclosed file.*lock:ResourceWarning")  # the client's own
async def test_a_second_opening_is_refused_with_the_way_out(tmp_path):
    first, second = (QdrantStore(Local(str(tmp_path / "v"))) for _ in range(2))
    await first.ensure(DIMENSION)
    with pytest.raises(StorageUnavailable) as caught:
        await second.count({"user_id": "ana"})
    assert "set url instead of path" in str(caught.value)
    assert (await second.check()).status is Status.ERROR
    await first.aclose()
    assert (await second.describe()).dimension == DIMENSION
    await second.aclose()
    del caught
    gc.collect()


@pytest.mark.parametrize(
    "text", ["", "{", '{"collections": 3}', '{"collections": {"a": {"x": 1}}}']
)
async def test_a_damaged_folder(tmp_path, text):
    folder = tmp_path / "v"
    store = QdrantStore(Local(str(folder)))
    await store.ensure(DIMENSION)
    await store.aclose()
    (folder / "meta.json").write_text(text)
    with pytest.raises(StorageCorrupt, match="luminora reembed"):
        await store.count({"user_id": "ana"})
    assert (await store.check()).status is Status.ERROR
    await store.aclose()


async def test_places_that_cannot_be_a_folder(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/luminora")):
        store = QdrantStore(Local(str(place)))
        with pytest.raises(StorageUnavailable, match="set path"):
            await store.ensure(DIMENSION)
        await store.aclose()

    def refusing(*arguments, **named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("luminora_qdrant.links.QdrantClient", refusing)
    with pytest.raises(StorageReadOnly, match="Permission denied"):
        await QdrantStore(Local(str(tmp_path / "w"))).ensure(DIMENSION)


async def test_the_event_loop_goes_on_while_it_works():
    store = QdrantStore(Local(":memory:"))
    await store.ensure(DIMENSION)
    longest, running = 0.0, True

    async def pulse():
        nonlocal longest
        while running:
            before = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - before)

    beat = asyncio.create_task(pulse())
    started = time.perf_counter()
    await store.upsert([item(number) for number in range(1500)])
    took = time.perf_counter() - started
    running = False
    await beat
    assert longest < took / 2
    await store.aclose()


async def test_without_an_index_nothing_can_be_stored():
    store = QdrantStore(Local(":memory:"))
    with pytest.raises(SchemaPending, match="luminora migrate"):
        await store.upsert([item(1)])
    await store.aclose()


async def test_the_same_id_of_two_users_is_two_points():
    store = QdrantStore(Local(":memory:"))
    await store.ensure(DIMENSION)
    await store.upsert([item(1, "ana")])
    await store.upsert([item(1, "bob")])
    assert await store.delete({"user_id": "ana", "id": "m1"}) == 1
    assert [i.id for i in await store.fetch("bob", ["m1", "m1"])] == ["m1"]
    await store.aclose()


def test_two_loops_in_a_row(tmp_path):
    store = QdrantStore(Local(str(tmp_path / "v")))
    asyncio.run(store.ensure(DIMENSION))
    asyncio.run(store.upsert([item(1)]))
    assert asyncio.run(store.count({"user_id": "ana"})) == 1
    asyncio.run(store.aclose())


@pytest.mark.parametrize(
    ("config", "key", "expected"),
    [
        ({}, None, "http://localhost:6333"),
        ({"host": "db"}, None, "http://db:6333"),
        ({"host": "db", "port": 7}, "k", "https://db:7"),
        ({"host": "localhost"}, "k", "http://localhost:6333"),
        ({"host": "::1", "https": True}, None, "https://[::1]:6333"),
        ({"url": "https://x.cloud.qdrant.io"}, "k", "https://x.cloud.qdrant.io:6333"),
        ({"url": "http://x:80/qdrant/"}, None, "http://x:80/qdrant"),
        ({"url": "http://[::1]/q"}, None, "http://[::1]:6333/q"),
    ],
)
def test_addresses(config, key, expected):
    known = {"url": None, "host": "localhost", "port": 6333, "https": None, **config}
    url = known.pop("url")
    assert address_of(url, **known, key=key) == expected


def built(tmp_path, config, env=None, prefix="") -> QdrantStore:
    context = ProviderContext(
        data_dir=tmp_path / "data", base_dir=tmp_path, env=env or {}, table_prefix=prefix
    )
    store = luminora_vector_store("qdrant", config, context)
    assert isinstance(store, QdrantStore)
    return store


def test_settings_reach_the_store(tmp_path):
    assert luminora_vector_store("other", {}, ProviderContext(data_dir=tmp_path)) is None
    assert built(tmp_path, {"path": "vectors"})._link.where == str(tmp_path / "vectors")
    assert built(tmp_path, {"path": ":memory:"})._link.where == ":memory:"
    assert built(tmp_path, {}, prefix="app_").collection == "app_luminora_messages"
    named = built(tmp_path, {"collection_name": "mine"}, prefix="app_")
    assert (named.collection, named.at("messages_2").collection) == ("mine", "mine_2")
    keyed = built(tmp_path, {"host": "db", "api_key_env": "KEY"}, {"KEY": "secret"})
    assert keyed._link.where == "https://db:6333"
    assert "secret" not in repr(vars(keyed))


def test_settings_that_contradict_each_other(tmp_path):
    for config in ({"path": "v", "url": "http://x"}, {"url": "http://x", "host": "y"}):
        with pytest.raises(ConfigError, match="keep"):
            built(tmp_path, config)
    with pytest.raises(CredentialsMissing, match="export QDRANT_KEY"):
        built(tmp_path, {"api_key_env": "QDRANT_KEY"})


async def test_a_key_in_clear_is_a_warning(monkeypatch):
    link = Remote("http://db.example:6333", key="secret")

    async def answer(method, *arguments, **named):
        from luminora_qdrant.errors import Absent
        from qdrant_client import models

        if method == "info":
            return models.VersionInfo(title="qdrant", version="1.17.0")
        raise Absent

    monkeypatch.setattr(link, "call", answer)
    result = await QdrantStore(link).check()
    assert result.status is Status.WARNING
    assert "use https" in result.detail
    assert "secret" not in json.dumps(dict(result.data)) + result.detail


def test_listing_plugins_imports_nothing_of_it():
    code = (
        "import atexit, sys;"
        "atexit.register(lambda: print([m for m in sys.modules if 'qdrant' in m]));"
        "from luminora.cli import main; main(['plugins', 'list'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "vector_store:qdrant" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
