"""What goes wrong with servers, connections and settings, and what a user is told."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from luminora_mongodb.storage import MongoStorage

from luminora.errors import (
    AuthenticationFailed,
    ConfigError,
    Conflict,
    CredentialsMissing,
    InputError,
    PermissionRefused,
    SchemaPending,
    StorageError,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)
from luminora.providers import Insert, ProviderContext, Status, Update
from luminora.testing import migrate
from luminora.testing.data import affinity, message, session
from luminora.testing.servers.base import free_port
from tests.plugins.mongodb.helpers import migrated, storage_on
from tests.servers.mongodb import MongoDatabase, MongoServer, database_on

pytestmark = [
    pytest.mark.backend("mongodb storage", against="mongodb"),
    pytest.mark.xdist_group("mongodb"),
    # PyMongo cancels its monitor's attempt to connect without closing that attempt's socket.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
    ),
]

SECRET = "geheim,=ñ%"
USERS = {
    "diego": {"password": "geheim", "role": "readWrite"},
    "leser": {"password": "geheim", "role": "read"},
}


@pytest.fixture(autouse=True)
def _swept():
    """Sockets that the driver left behind are found while their warning is ignored."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def guarded():
    with MongoServer(users=USERS).running() as server:
        yield server


@pytest.fixture(scope="module")
def standalone():
    with MongoServer(standalone=True).running() as server:
        yield server


@pytest.fixture
async def storage(mongo_database):
    opened = await migrated(mongo_database, timeout_seconds=5, connect_timeout_seconds=1)
    yield opened
    await opened.aclose()


def plain(port, *, secret=SECRET, **config):
    """A storage configured by host and port, without a URL."""
    place = {"host": "127.0.0.1", "port": port, "connect_timeout_seconds": 1, "database": "shop"}
    context = ProviderContext(data_dir=Path("data"), env={"SECRET": secret})
    return MongoStorage({**place, **config}, context)


# --- the place ------------------------------------------------------------------------------------


async def test_nobody_listens():
    port = free_port()
    storage = plain(port, connect_timeout_seconds=0.5)
    began = time.monotonic()
    with pytest.raises(StorageUnavailable) as caught:
        await storage.connect()
    assert time.monotonic() - began < 5
    assert caught.value.retryable
    assert caught.value.where == f"127.0.0.1:{port}/shop"
    assert "check that it runs" in caught.value.hint
    result = await storage.check()
    assert result.status is Status.ERROR
    assert f"127.0.0.1:{port}/shop" in result.detail


async def test_no_such_host():
    storage = plain(27017, host="no-such-host.invalid", connect_timeout_seconds=0.5)
    with pytest.raises(StorageUnavailable, match=r"no-such-host\.invalid"):
        await storage.connect()


@pytest.mark.parametrize(
    "answer",
    [None, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 64],
    ids=["silent", "web", "noise"],
)
async def test_something_else_listens(answer):
    listening = socket.create_server(("127.0.0.1", 0))

    accepted = []

    def serve():
        while True:
            try:
                one, _ = listening.accept()
            except OSError:
                return
            accepted.append(one)
            if answer is not None:
                with one:
                    one.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    storage = plain(listening.getsockname()[1], connect_timeout_seconds=0.5, timeout_seconds=2)
    began = time.monotonic()
    with pytest.raises(StorageUnavailable):
        await storage.connect()
    assert time.monotonic() - began < 5
    for one in (listening, *accepted):
        one.close()


async def test_a_server_that_is_too_old():
    with (
        MongoServer(wire_version=8).running() as server,
        pytest.raises(StorageError, match=r"too old|requires at least") as caught,
    ):
        await plain(server.port).connect()
    assert "4.4" in caught.value.hint


async def test_another_replica_set(mongo_server):
    with pytest.raises(StorageUnavailable):
        await plain(mongo_server.port, replica_set="other", connect_timeout_seconds=0.5).connect()


async def test_a_direct_connection_has_transactions_too(mongo_database):
    storage = await migrated(mongo_database, direct_connection=True)
    await storage.transaction([Insert("sessions", "ana", session("ana")) for _ in range(2)])
    assert (await storage.forget_user("ana"))["sessions"] == 2
    assert (await storage.check()).data["topology"] == "replica set"
    await storage.aclose()


# --- users and rights -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "secret"), [("diego", "wrong-word"), ("nobody", "geheim"), ("", None)]
)
async def test_wrong_users_and_passwords(guarded, user, secret):
    who = {"user": user, "password_env": "SECRET"} if user else {}
    storage = plain(guarded.port, secret=secret or "", **who)
    expected = AuthenticationFailed if user else PermissionRefused
    with pytest.raises(expected) as caught:
        await storage.connect()
        await storage.find("messages", "ana")
    assert "wrong-word" not in str(caught.value)
    assert "wrong-word" not in repr(storage.connection.settings)
    result = await storage.check()
    assert result.status is Status.ERROR
    await storage.aclose()


async def test_a_user_who_may_only_read(guarded):
    writer = plain(guarded.port, secret="geheim", user="diego", password_env="SECRET")
    await migrate(writer)
    await writer.connect()
    assert (await writer.check()).status is Status.OK
    reader = plain(guarded.port, secret="geheim", user="leser", password_env="SECRET")
    await reader.connect()
    assert await reader.find("messages", "ana") == []
    with pytest.raises(PermissionRefused, match="not authorized") as caught:
        await reader.insert("sessions", "ana", session("ana"))
    assert "grantRolesToUser" in caught.value.hint
    with pytest.raises(PermissionRefused):
        await reader.forget_user("ana")
    result = await reader.check()
    assert (result.status, "insert, remove, update" in result.detail) == (Status.ERROR, True)
    await reader.aclose()
    await writer.aclose()


def test_secrets_that_are_absent():
    with pytest.raises(CredentialsMissing, match="NOWHERE"):
        plain(1, user="diego", password_env="NOWHERE")
    with pytest.raises(ConfigError, match="user is set without password_env"):
        plain(1, user="diego")
    with pytest.raises(ConfigError, match="password_env is set without user"):
        plain(1, password_env="SECRET")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://diego:geheim@host/db",
        "mongodb://",
        "mongodb://diego:gehe/im@host:27017/db",
        "mongodb://diego:geheim@host:hello/db",
        "mongodb://diego:geheim@host:99999",
        "geheim",
        "mongodb://diego:geheim@[::1/db",
        "mongodb://diego:geheim@host/?tls=perhaps",
    ],
)
def test_a_url_that_cannot_be_read_is_not_quoted(url):
    with pytest.raises(ConfigError) as caught:
        storage_on(MongoDatabase(url, "x"))
    assert "MONGODB_URL" in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert "gehe" not in str(caught.value)


def test_what_errors_say_of_the_place():
    url = "mongodb://diego:geheim@one:1,two:2/shop?replicaSet=rs0"
    built = storage_on(MongoDatabase(url, None))
    assert built.connection.where == "one:1,two:2/shop"
    assert storage_on(MongoDatabase(url, "y")).connection.where == "one:1,two:2/y"
    srv = "mongodb+srv://diego:geheim@cluster0.example.net/"
    assert storage_on(MongoDatabase(srv, None)).connection.where == "cluster0.example.net/luminora"


# --- standalone -----------------------------------------------------------------------------------


async def test_a_standalone_server_is_refused_with_what_to_do(standalone):
    storage = plain(standalone.port)
    with pytest.raises(StorageError) as caught:
        await storage.connect()
    for word in ("--replSet", "rs.initiate", "docker run", "allow_standalone"):
        assert word in caught.value.hint
    assert (await storage.check()).status is Status.ERROR
    with pytest.raises(StorageError):
        await storage.migrations().ledger()


async def test_a_standalone_server_works_when_allowed_and_the_check_warns(standalone):
    with database_on(standalone.url) as database:
        storage = await migrated(database, allow_standalone=True)
        row = session("ana")
        await storage.insert("sessions", "ana", row)
        one = message("ana", 1, session_id=row["session_id"])
        assert await storage.save_message("ana", one)
        assert not await storage.save_message("ana", one)
        assert (await storage.forget_user("ana"))["messages"] == 1
        result = await storage.check()
        assert (result.status, "half of a write" in result.detail) == (Status.WARNING, True)
        await storage.aclose()


# --- killed, hanging ------------------------------------------------------------------------------


async def test_it_recovers_from_a_restart_by_itself(mongo_server, storage):
    row = session("ana")
    await storage.insert("sessions", "ana", row)
    for seq in range(3):
        mongo_server.restart()
        await storage.save_message("ana", message("ana", seq, session_id=row["session_id"]))
    assert await storage.count("messages", "ana") == 3


async def test_while_it_is_down_an_operation_fails_within_its_deadline(mongo_server, storage):
    assert await storage.count("messages", "ana") == 0
    storage._timeout = 0.5
    mongo_server.kill()
    for attempt in (
        storage.find("messages", "ana"),
        storage.insert("sessions", "ana", session("ana")),
        storage.forget_user("ana"),
        storage.search_text("messages", "ana", "rain"),
        storage.lease_jobs(1, 60),
        storage.migrations().ledger(),
    ):
        began = time.monotonic()
        with pytest.raises(StorageUnavailable) as caught:
            await attempt
        assert caught.value.where == storage.connection.where
        assert time.monotonic() - began < 3
    mongo_server.start()
    storage._timeout = 5
    assert await storage.count("messages", "ana") == 0


async def test_what_was_acknowledged_survives_kills_in_the_middle(mongo_server, storage):
    row = session("ana")
    await storage.insert("sessions", "ana", row)
    acknowledged, done = [], asyncio.Event()

    async def talk(worker):
        number = 0
        while not done.is_set():
            number += 1
            one = message("ana", number, id=f"{worker}-{number}", session_id=row["session_id"])
            try:
                assert await storage.save_message("ana", one)
            except StorageUnavailable:
                continue
            acknowledged.append(one["id"])

    talks = [asyncio.create_task(talk(worker)) for worker in range(3)]
    for _ in range(3):
        await asyncio.sleep(0.3)
        await asyncio.to_thread(mongo_server.restart)
    await asyncio.sleep(0.5)
    done.set()
    await asyncio.gather(*talks)
    assert len(acknowledged) > 10
    stored = {one["id"] for one in await storage.find("messages", "ana")}
    assert set(acknowledged) <= stored


async def test_a_server_that_hangs_costs_no_more_than_the_deadline(mongo_server, storage):
    await storage.count("messages", "ana")
    storage._timeout = 0.5
    mongo_server.signal(signal.SIGSTOP)
    for attempt in (storage.find("messages", "ana"), storage.forget_user("ana")):
        began = time.monotonic()
        with pytest.raises(StorageUnavailable):
            await attempt
        assert time.monotonic() - began < 3
    mongo_server.signal(signal.SIGCONT)
    storage._timeout = 10
    assert await storage.count("messages", "ana") == 0


async def test_writes_that_wait_for_their_turn_have_a_deadline_too(mongo_database, storage):
    storage._timeout = 0.4
    mongo_database.fail("delete", blockConnection=True, blockTimeMS=1_000, times=4)
    began = time.monotonic()
    answers = await asyncio.gather(
        *(storage.forget_user("ana") for _ in range(4)), return_exceptions=True
    )
    assert time.monotonic() - began < 2
    assert all(isinstance(one, StorageUnavailable) for one in answers)


# --- transactions ---------------------------------------------------------------------------------


async def test_a_transaction_that_lost_a_race_is_begun_anew_as_a_whole(mongo_database, storage):
    row = affinity("ana")
    await storage.insert("user_affinity", "ana", row)
    mongo_database.fail("update", times=3, errorCode=112, errorLabels=["TransientTransactionError"])
    touched = await storage.transaction(
        [
            Insert("sessions", "ana", session("ana")),
            Update("user_affinity", "ana", {}, increment={"revision": 1}),
        ]
    )
    assert touched == [1, 1]
    assert (await storage.get("user_affinity", "ana", id=row["id"]))["revision"] == 1
    assert await storage.count("sessions", "ana") == 1


async def test_a_commit_whose_answer_is_lost_is_asked_for_again(mongo_database, storage):
    row = affinity("ana")
    await storage.insert("user_affinity", "ana", row)
    mongo_database.fail("commitTransaction", times=3, closeAfter=True)
    change = Update("user_affinity", "ana", {}, increment={"revision": 1})
    await storage.transaction([Insert("sessions", "ana", session("ana")), change])
    assert (await storage.get("user_affinity", "ana", id=row["id"]))["revision"] == 1


async def test_a_commit_that_is_never_answered_is_unavailable(mongo_database, storage):
    storage._timeout = 0.7
    mongo_database.fail("commitTransaction", times=10_000, closeConnection=True)
    with pytest.raises(StorageUnavailable) as caught:
        await storage.transaction([Insert("sessions", "ana", session("ana")) for _ in range(2)])
    mongo_database.fail(times=0)
    assert caught.value.retryable
    assert "while a write was being committed" in str(caught.value)


async def test_races_that_are_lost_for_ever_are_unavailable(mongo_database, storage):
    storage._timeout = 0.7
    mongo_database.fail(
        "insert", times=10_000, errorCode=112, errorLabels=["TransientTransactionError"]
    )
    with pytest.raises(StorageUnavailable):
        await storage.transaction([Insert("sessions", "ana", session("ana")) for _ in range(2)])
    mongo_database.fail(times=0)
    assert await storage.count("sessions", "ana") == 0


async def test_two_processes_that_write_the_same_both_get_through(mongo_database, storage):
    other = await migrated(mongo_database)
    row = affinity("ana")
    await storage.insert("user_affinity", "ana", row)
    change = Update("user_affinity", "ana", {}, increment={"revision": 1})
    await asyncio.gather(*(one.update(change) for one in (storage, other) * 10))
    assert (await storage.get("user_affinity", "ana", id=row["id"]))["revision"] == 20
    await other.aclose()


async def test_a_known_message_among_new_ones_is_left_as_it_is(storage):
    row = session("ana")
    await storage.insert("sessions", "ana", row)
    rows = [message("ana", n, session_id=row["session_id"], external_id=f"x{n}") for n in range(6)]
    await storage.transaction(storage.message_writes("ana", rows[:3]))
    twin = {**rows[5], "id": "other"}
    touched = await storage.transaction(storage.message_writes("ana", [*rows, twin]))
    assert touched == [0, 0, 0, 1, 1, 1, 0, 1]
    assert await storage.count("messages", "ana") == 6


async def test_a_conflict_in_a_portion_of_inserts_undoes_all_of_it(storage):
    there = message("bob", 1)
    await storage.insert("messages", "bob", there)
    rows = [message("ana", n) for n in range(5)]
    rows[3]["id"] = there["id"]
    for ignore in (False, True):
        with pytest.raises(Conflict):
            await storage.transaction([Insert("messages", "ana", row, ignore) for row in rows])
    assert await storage.count("messages", "ana") == 0


# --- what the server refuses ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (13, PermissionRefused),
        (18, AuthenticationFailed),
        (50, StorageUnavailable),
        (89, StorageUnavailable),
        (91, StorageUnavailable),
        (278, StorageReadOnly),
        (10107, StorageUnavailable),
        (11600, StorageUnavailable),
        (14031, StorageFull),
        (121, InputError),
        (8, StorageError),
    ],
)
async def test_error_codes_have_a_meaning(mongo_database, storage, code, kind):
    storage._timeout = 2
    mongo_database.fail("insert", times=2, errorCode=code)
    with pytest.raises(kind) as caught:
        await storage.insert("sessions", "ana", session("ana"))
    assert type(caught.value) is kind
    assert storage.connection.where in str(caught.value)
    mongo_database.fail(times=0)
    await storage.insert("sessions", "ana", session("ana"))


async def test_a_value_that_is_too_large(storage):
    with pytest.raises(InputError):
        await storage.insert("messages", "ana", message("ana", content="x" * (17 << 20)))
    big = "x" * (5 << 20)
    await storage.insert("messages", "ana", message("ana", content=big))
    assert (await storage.find("messages", "ana"))[0]["content"] == big


async def test_a_stricter_validator_names_the_property(mongo_database, storage):
    db = mongo_database.client[mongo_database.name]
    rules = {"$jsonSchema": {"properties": {"speaker": {"bsonType": "int"}}}}
    db.command({"collMod": "messages", "validator": rules})
    with pytest.raises(InputError, match="speaker"):
        await storage.insert("messages", "ana", message("ana"))


async def test_without_migrations_everything_says_so_and_nothing_is_made(mongo_database):
    storage = storage_on(mongo_database)
    await storage.connect()
    for attempt in (
        storage.find("messages", "ana"),
        storage.insert("sessions", "ana", session("ana")),
        storage.count("messages", "ana"),
        storage.search_text("messages", "ana", "rain"),
        storage.lease_jobs(1, 60),
        storage.forget_user("ana"),
    ):
        with pytest.raises(SchemaPending) as caught:
            await attempt
        assert caught.value.hint == "luminora migrate"
    result = await storage.check()
    assert (result.status, "luminora migrate" in result.detail) == (Status.ERROR, True)
    assert mongo_database.client[mongo_database.name].list_collection_names() == []
    await storage.aclose()


@pytest.mark.parametrize("word", ["$gt", "$where", "$$NOW", "$user_id", "a.b", "$set"])
async def test_what_looks_like_a_query_is_a_value(storage, word):
    row = message(word, 1, speaker_name=word, metadata={word: {word: [word]}, "": {"$ref": "x"}})
    await storage.insert("messages", word, row)
    await storage.insert("messages", "bob", message("bob", 1))
    assert await storage.find("messages", word, {"speaker_name": word}) == [row]
    change = Update("messages", word, {"speaker_name": word}, set={"content": word})
    assert await storage.update(change) == 1
    points = affinity(word, current_level=word)
    await storage.insert("user_affinity", word, points)
    await storage.update(
        Update(
            "user_affinity",
            word,
            {"current_level": word},
            set={"current_level": f"${word}"},
            increment={"affinity_points": 99},
            clamp={"affinity_points": (0, 100)},
        )
    )
    (found,) = await storage.find("user_affinity", word)
    assert (found["current_level"], found["affinity_points"]) == (f"${word}", 100)
    with pytest.raises(InputError):
        await storage.find("messages", word, {"content": {"$gt": ""}})


# --- loops and closing ----------------------------------------------------------------------------


def test_two_runs_of_asyncio_in_a_row(mongo_database):
    storage = asyncio.run(migrated(mongo_database))

    async def write(number):
        await storage.insert("messages", "ana", message("ana", number))
        return await storage.count("messages", "ana")

    assert [asyncio.run(write(number)) for number in range(3)] == [1, 2, 3]
    asyncio.run(storage.aclose())
    asyncio.run(storage.aclose())


async def test_a_closed_storage_says_so(storage):
    await storage.aclose()
    await storage.aclose()
    with pytest.raises(StorageUnavailable, match="not connected"):
        await storage.find("messages", "ana")
    await storage.connect()
    assert await storage.find("messages", "ana") == []


async def test_connecting_ten_times_at_once_opens_one_client(mongo_database):
    storage = storage_on(mongo_database)
    await asyncio.gather(*(storage.connect() for _ in range(10)))
    assert (await storage.connection.live()).client is (await storage.connection.live()).client
    await storage.aclose()
