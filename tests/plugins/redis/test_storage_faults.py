from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from luminora_redis.connection import Connections
from luminora_redis.errors import translate
from luminora_redis.storage import RedisStorage
from redis.exceptions import BusyLoadingError, ExecAbortError, MovedError, ResponseError

from luminora.client import LuminoraCoreClient
from luminora.errors import (
    AuthenticationFailed,
    Conflict,
    PermissionRefused,
    SchemaDrift,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)
from luminora.providers import EVERY_USER, Insert, Status, Update
from luminora.testing import migrate
from luminora.testing.data import affinity, message, new_id, session
from luminora.testing.servers.base import free_port
from luminora.testing.servers.redis import URL, RedisPlace, RedisServer
from tests.plugins.redis.made import cache_at, storage_at

pytestmark = [
    pytest.mark.backend("storage redis", against="redis"),
    pytest.mark.xdist_group("redis"),
]


@contextmanager
def private(*options: str) -> Iterator[tuple[RedisServer, RedisPlace]]:
    """A server of one test's own."""
    server = RedisServer(*options)
    with server.running():
        yield server, RedisPlace(server.url, "luminora")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """One to kill: it is nobody else's."""
    with private() as (made, _):
        yield made


@pytest.fixture
def place(server: RedisServer) -> RedisPlace:
    return RedisPlace(server.url, "luminora")


async def test_a_server_that_is_down_is_named(place: RedisPlace, server: RedisServer) -> None:
    server.kill()
    storage = storage_at(place)
    for ask in (storage.connect(), storage.find("messages", "ana"), migrate(storage)):
        with pytest.raises(StorageUnavailable, match=f"127.0.0.1:{server.port}/0") as caught:
            await ask
        assert caught.value.retryable
    assert (await storage.check()).status is Status.ERROR


async def test_it_comes_back_without_a_new_process(place: RedisPlace, server: RedisServer) -> None:
    storage = storage_at(place)
    await asyncio.gather(*(storage.insert("messages", "ana", message("ana", n)) for n in range(20)))
    server.kill()
    with pytest.raises(StorageUnavailable):
        await storage.insert("messages", "ana", message("ana", 20))
    server.start()
    await storage.insert("messages", "ana", message("ana", 21))
    assert await storage.count("messages", "ana") == 21
    server.restart()  # every idle connection is dead, and every script forgotten
    found = await asyncio.gather(*(storage.find("messages", "ana", limit=3) for _ in range(20)))
    assert {len(rows) for rows in found} == {3}
    server.restart()
    await storage.insert("messages", "ana", message("ana", 22))
    await storage.aclose()


async def test_what_was_acknowledged_survives_a_kill(
    place: RedisPlace, server: RedisServer
) -> None:
    storage = storage_at(place)
    await storage.insert("user_affinity", "ana", affinity("ana"))
    said: list[str] = []

    async def talk() -> None:
        while True:
            row = message("ana", len(said))
            steps = Update("user_affinity", "ana", {}, increment={"total_messages": 1})
            await storage.transaction([Insert("messages", "ana", row), steps])
            said.append(row["id"])

    talking = [asyncio.create_task(talk()) for _ in range(8)]
    while len(said) < 200:
        await asyncio.sleep(0.01)
    server.kill()
    outcomes = await asyncio.gather(*talking, return_exceptions=True)
    assert all(isinstance(one, StorageUnavailable) for one in outcomes), outcomes
    server.start()
    kept = {row["id"] for row in await storage.find("messages", "ana")}
    assert kept >= set(said)
    (row,) = await storage.find("user_affinity", "ana")
    assert row["total_messages"] == len(kept)  # each transaction wholly or not at all
    assert len(kept) - len(said) <= 8
    await storage.aclose()


async def test_a_conversation_goes_on_after_a_kill(place: RedisPlace, server: RedisServer) -> None:
    os.environ["REDIS_URL"] = place.url
    try:
        overrides = {"storage_provider.name": "redis", "storage_provider.config": place.config}
        overrides["vector_store_provider.name"] = "sqlite-vec"
        async with LuminoraCoreClient.from_config(overrides=overrides) as client:
            here = await client.create_session("diego")
            await client.send_message(here, "Hola, soy Diego")
            server.kill()
            with pytest.raises(StorageUnavailable) as caught:
                await client.send_message(here, "¿Cómo me llamo?", "once")
            assert caught.value.retryable
            server.start()
            answer = await client.send_message(here, "¿Cómo me llamo?", "once")
            assert "Diego" in answer.text
            assert len(await client.get_history(here)) == 4
            await client.forget("diego")
        left = [name for name in place.names() if "diego" in name]
        assert left == []
    finally:
        del os.environ["REDIS_URL"]


async def test_a_server_that_hangs_is_waited_for_no_longer_than_set(
    place: RedisPlace, server: RedisServer
) -> None:
    storage = storage_at(place, timeout_seconds=0.3, connect_timeout_seconds=0.3)
    await storage.insert("messages", "ana", message("ana", 1))
    server.signal(signal.SIGSTOP)
    started = monotonic()
    for _ in range(2):  # on a connection from before, and on a new one
        with pytest.raises(StorageUnavailable, match=r"0\.3 seconds"):
            await storage.count("messages", "ana")
    assert monotonic() - started < 2
    server.signal(signal.SIGCONT)
    assert await storage.count("messages", "ana") == 1
    await storage.aclose()


async def test_a_cancelled_read_leaves_its_answer_to_nobody(redis_place: RedisPlace) -> None:
    storage = storage_at(redis_place, max_connections=1)
    await storage.insert("messages", "ana", message("ana", 1))
    for pause in (0, 0.0001, 0.0003, 0.001):
        reading = asyncio.create_task(storage.find("messages", "ana"))
        await asyncio.sleep(pause)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert await storage.count("messages", "ana") == 1
    await storage.aclose()


async def test_a_hundred_writers_on_one_user_from_two_processes(redis_place: RedisPlace) -> None:
    storages = [storage_at(redis_place, max_connections=10) for _ in range(2)]
    await storages[0].insert("user_affinity", "ana", affinity("ana", affinity_points=0))
    before = await storages[0].find("user_affinity", "ana")

    async def write(number: int) -> None:
        change = Update(
            "user_affinity",
            "ana",
            {"personality_name": "sakura"},
            increment={"affinity_points": 1, "revision": 1},
            clamp={"affinity_points": (0, 70)},
            expect=1,
        )
        said = Insert("messages", "ana", message("ana", number))
        await storages[number % 2].transaction([said, change])

    await asyncio.gather(*(write(number) for number in range(100)))
    (row,) = await storages[1].find("user_affinity", "ana")
    assert row == {**before[0], "affinity_points": 70, "revision": 100}
    assert await storages[1].count("messages", "ana") == 100
    for storage in storages:
        await storage.aclose()


async def test_one_of_many_users_gets_a_key_and_a_unique_value(redis_place: RedisPlace) -> None:
    storages = [storage_at(redis_place) for _ in range(2)]
    key = new_id()

    async def claim(number: int, **changes: Any) -> bool:
        user = f"user-{number}"
        row = message(user, number, session_id="s", **changes)
        try:
            await storages[number % 2].insert("messages", user, row)
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*(claim(n, id=key) for n in range(30)))) == 1
    won = await asyncio.gather(*(claim(n, external_id="telegram-1") for n in range(30)))
    assert sum(won) == 1
    assert await storages[0].count("messages", EVERY_USER) == 2
    for storage in storages:
        await storage.aclose()


async def test_many_workers_share_the_jobs(redis_place: RedisPlace) -> None:
    storages = [storage_at(redis_place) for _ in range(4)]
    for number in range(40):
        job = storages[0].job_row(f"user-{number % 7}", "kit", {"n": number})
        await storages[0].insert("jobs", job["user_id"], job)

    async def work(storage: RedisStorage) -> list[str]:
        done: list[str] = []
        while jobs := await storage.lease_jobs(3, 60, kinds=["kit"]):
            done += [job["id"] for job in jobs]
        return done

    shares = await asyncio.gather(*(work(storage) for storage in storages))
    taken = [one for share in shares for one in share]
    assert len(taken) == len(set(taken)) == 40
    for storage in storages:
        await storage.aclose()


async def test_a_full_server_says_so_and_keeps_what_it_has(
    place: RedisPlace, server: RedisServer
) -> None:
    storage = storage_at(place)
    await storage.insert("sessions", "ana", session("ana"))
    server.run("CONFIG", "SET", "maxmemory", "1mb")
    with pytest.raises(StorageFull, match="maxmemory") as caught:
        await storage.transaction(
            [Insert("messages", "ana", message("ana", n, content="x" * 9_000)) for n in range(50)]
        )
    assert "CONFIG SET maxmemory" in str(caught.value.hint)
    assert await storage.count("messages", "ana") == 0
    assert await storage.count("sessions", "ana") == 1
    server.run("CONFIG", "SET", "maxmemory", "0")
    await storage.insert("messages", "ana", message("ana", 1))
    await storage.aclose()


async def test_a_replica_can_be_read_but_not_written(
    place: RedisPlace, server: RedisServer
) -> None:
    storage = storage_at(place)
    await storage.insert("sessions", "ana", session("ana"))
    server.run("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(StorageReadOnly, match="replica"):
        await storage.insert("sessions", "ana", session("ana"))
    assert await storage.count("sessions", "ana") == 1
    result = await storage.check()
    assert result.status is Status.WARNING
    assert "connect to its primary" in result.detail
    await storage.aclose()


async def test_without_persistence_there_are_warnings_with_the_commands_that_mend_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with private("--appendonly", "no") as (server, place):
        storage = storage_at(place)
        with caplog.at_level(logging.WARNING):
            await storage.connect()
        assert "a restart costs everything" in caplog.text
        result = await storage.check()
        assert result.status is Status.WARNING
        assert "CONFIG SET appendonly yes" in result.detail
        strict = storage_at(place, require_persistence=True)
        with pytest.raises(StorageError, match="a restart costs everything"):
            await strict.connect()
        server.run("CONFIG", "SET", "save", "60 1")
        assert "only snapshots" in (await storage.check()).detail
        for command in ("appendonly yes", "appendfsync always", "save "):
            server.run("CONFIG", "SET", *command.split(" "))
        result = await storage.check()
        assert (result.status, "on disk" in result.detail) == (Status.OK, True)
        await strict.connect()
        server.run("CONFIG", "SET", "appendfsync", "everysec")
        result = await storage.check()
        assert (result.status, "the last second" in result.detail) == (Status.OK, True)
        server.run("CONFIG", "SET", "maxmemory", "100mb")
        server.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        result = await storage.check()
        assert result.status is Status.WARNING
        assert "CONFIG SET maxmemory-policy noeviction" in result.detail
        await storage.aclose()
        await strict.aclose()


async def test_waiting_for_the_disk_needs_a_server_that_can_be_asked(
    redis_place: RedisPlace,
) -> None:
    storage = storage_at(redis_place, wait_for_fsync=True)
    version = (await storage.facts()).version
    if version >= (7, 2):
        await storage.connect()
        await storage.insert("sessions", "ana", session("ana"))
    else:
        with pytest.raises(StorageError, match=r"wait_for_fsync needs Redis 7\.2"):
            await storage.connect()
    await storage.aclose()


async def test_a_hosted_server_that_hides_its_settings_is_unknown_and_usable() -> None:
    with private() as (server, place):
        server.run(
            *["ACL", "SETUSER", "lumi", "on", ">secret", "~*", "+@all", "-config", "-info"],
        )
        url = place.url.replace("redis://", "redis://lumi:secret@")
        storage = storage_at(RedisPlace(url, "luminora"))
        await storage.connect()
        result = await storage.check()
        assert result.status is Status.OK
        assert "unknown" in result.detail
        await storage.insert("sessions", "ana", session("ana"))
        await storage.aclose()


async def test_wrong_doors(place: RedisPlace, server: RedisServer) -> None:
    server.run("CONFIG", "SET", "requirepass", "right")
    at = f"127.0.0.1:{server.port}"
    for url, kind, words in (
        (f"redis://{at}/0", AuthenticationFailed, "password_env"),
        (f"redis://:wr0ng-one@{at}/0", AuthenticationFailed, "password_env"),
        (f"redis://nobody:right@{at}/0", AuthenticationFailed, "password_env"),
        (f"redis://:right@{at}/99", StorageError, "lower db"),
        ("redis://127.0.0.1:1/0", StorageUnavailable, "host and port"),
        ("redis://no-such-host.invalid:6379/0", StorageUnavailable, "host and port"),
        (f"rediss://:right@{at}/0", StorageUnavailable, "TLS"),
    ):
        storage = storage_at(RedisPlace(url, "luminora"), connect_timeout_seconds=0.5)
        with pytest.raises(kind, match=r"/0|/99") as caught:
            await storage.connect()
        shown = str(caught.value)
        assert words in shown, shown
        assert "wr0ng-one" not in shown
        await storage.aclose()


async def test_a_user_without_rights_is_told_which(place: RedisPlace, server: RedisServer) -> None:
    server.run(
        *[
            "ACL",
            "SETUSER",
            "reader",
            "on",
            ">secret",
            "~*",
            "+@read",
            "+@connection",
            "+info",
            "+evalsha",
            "+eval",
        ]
    )
    url = place.url.replace("redis://", "redis://reader:secret@")
    storage = storage_at(RedisPlace(url, "luminora"))
    assert await storage.find("messages", "ana") == []
    with pytest.raises(PermissionRefused, match=r"watch|multi"):
        await storage.insert("sessions", "ana", session("ana"))
    await storage.aclose()


async def test_another_protocol_is_an_error_and_not_a_wait() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    double = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = double.sockets[0].getsockname()[1]
    storage = storage_at(RedisPlace(f"redis://127.0.0.1:{port}/0", "luminora"), timeout_seconds=2)
    with pytest.raises(StorageError, match=f"127.0.0.1:{port}"):
        await storage.connect()
    await storage.aclose()
    double.close()


async def test_keys_of_somebody_else_are_not_overwritten(redis_place: RedisPlace) -> None:
    redis_place.call("SET", f"{{{redis_place.prefix}}}:sessions:rows:ana", "theirs")
    storage = storage_at(redis_place)
    with pytest.raises(StorageCorrupt, match="key_prefix"):
        await storage.insert("sessions", "ana", session("ana"))
    await storage.aclose()


async def test_data_of_a_newer_version_is_refused(redis_place: RedisPlace) -> None:
    storage = storage_at(redis_place)
    await storage.insert("sessions", "ana", session("ana"))
    redis_place.call("SET", storage.layout.format_key, "2")
    for ask in (storage.connect(), migrate(storage)):
        with pytest.raises(SchemaDrift, match="newer"):
            await ask
    await storage.aclose()


async def test_a_cluster_of_one_node_serves_everything_in_one_slot() -> None:
    with private("--cluster-enabled", "yes", "--cluster-port", str(free_port())) as (server, place):
        storage = storage_at(place)
        with pytest.raises(StorageUnavailable, match="CLUSTERDOWN"):
            await storage.find("messages", "ana")
        assert server.run("CLUSTER", "ADDSLOTSRANGE", 0, 16383) == "OK"
        while "cluster_state:ok" not in server.run("CLUSTER", "INFO"):
            await asyncio.sleep(0.05)
        here = session("ana")
        await storage.insert("sessions", "ana", here)
        row = message("ana", 1, session_id=here["session_id"], content="kittens", external_id="x")
        assert await storage.save_message("ana", row)
        assert await storage.find("messages", EVERY_USER, {"id": row["id"]}) == [row]
        assert [hit for hit, _ in await storage.search_text("messages", "ana", "kitten")] == [row]
        await storage.forget_user("ana")
        assert place.names() == [storage.layout.format_key]
        await storage.aclose()


def test_one_provider_on_two_event_loops_in_a_row(redis_place: RedisPlace) -> None:
    storage = storage_at(redis_place)
    for number in (1, 2, 3):
        asyncio.run(storage.insert("messages", "ana", message("ana", number)))
        assert asyncio.run(storage.count("messages", "ana")) == number
    asyncio.run(storage.aclose())


async def test_prefixes_are_apart(redis_place: RedisPlace) -> None:
    one, two = storage_at(redis_place), storage_at(redis_place, table_prefix="app_")
    await one.insert("sessions", "ana", session("ana"))
    assert await two.count("sessions", EVERY_USER) == 0
    await two.insert("sessions", "ana", session("ana"))
    assert await two.migrations().tables() == {"app_sessions": 1}
    assert await one.migrations().tables() == {"sessions": 1}
    await one.aclose()
    await two.aclose()


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (
            BusyLoadingError("Redis is loading the dataset", status_code="LOADING"),
            StorageUnavailable,
        ),
        (MovedError("3999 127.0.0.1:6381", status_code="MOVED"), StorageError),
        (
            ResponseError("MISCONF Errors writing to the AOF file: No space left on device"),
            StorageFull,
        ),
        (ResponseError("MISCONF Redis is configured to save RDB snapshots, but"), StorageReadOnly),
        (ExecAbortError("Transaction discarded because of: OOM command not allowed"), StorageFull),
        (ResponseError("ERR max number of clients reached"), StorageUnavailable),
        (ResponseError("ERR unknown command 'EVALSHA'"), StorageError),
        (ResponseError("BUSY Redis is busy running a script"), StorageUnavailable),
    ],
)
def test_replies_of_the_server_become_our_errors(reply: Exception, kind: type[Exception]) -> None:
    found = translate(reply, "127.0.0.1:6379/0")
    assert type(found) is kind
    assert found.hint


async def test_a_connection_is_opened_only_when_needed(redis_place: RedisPlace) -> None:
    storage = storage_at(redis_place)
    assert isinstance(storage.connections, Connections)
    await storage.aclose()
    await storage.aclose()


@pytest.mark.skipif(bool(os.environ.get(URL)), reason="not ours to flush")
async def test_scripts_that_the_server_forgot_are_sent_again(redis_place: RedisPlace) -> None:
    storage = storage_at(redis_place)
    await storage.insert("messages", "ana", message("ana", 1))
    assert len(await storage.find("messages", EVERY_USER, limit=5)) == 1
    redis_place.call("SCRIPT", "FLUSH")
    assert len(await storage.find("messages", EVERY_USER, limit=5)) == 1
    await storage.aclose()


async def test_the_commands_that_the_readme_lists_are_all_it_takes() -> None:
    readme = Path("plugins/luminora-redis/README.md")
    text = (Path(__file__).parents[3] / readme).read_text("utf-8")
    (rights,) = re.findall(r"ACL SETUSER luminora on (.*)", text)
    with private() as (server, place):
        assert server.run("ACL", "SETUSER", "luminora", "on", *rights.split()) == "OK"
        url = place.url.replace("redis://", "redis://luminora:PASSWORD@")
        there = RedisPlace(url, "luminora")
        storage, cache = storage_at(there), cache_at(there, key_prefix="luminora-cache")
        await migrate(storage)
        await storage.connect()
        assert (await storage.check()).data["appendfsync"] == "always"
        here = session("ana")
        await storage.insert("sessions", "ana", here)
        row = message("ana", 1, session_id=here["session_id"], content="kittens")
        await storage.save_message("ana", row)
        assert await storage.find("messages", EVERY_USER, limit=1) == [row]
        assert len(await storage.search_text("messages", "ana", "kitten")) == 1
        assert await storage.count("messages", EVERY_USER, {"embedding_state": "pending"}) == 1
        driver = storage.migrations()
        async with driver.lock(1):
            assert await driver.tables()
        await storage.forget_user("ana")
        assert (await cache.check()).status is Status.OK
        await cache.set("space", "key", b"1")
        assert await cache.get("space", "key") == b"1"
        await cache.delete("space", "key")
        await cache.clear("space")
        await storage.aclose()
        await cache.aclose()
