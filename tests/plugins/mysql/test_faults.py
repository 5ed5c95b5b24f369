import asyncio
import gc
import json
import signal
import subprocess
import sys
from time import monotonic

import pytest
from luminora_mysql.settings import Settings
from luminora_mysql.storage import MySqlStorage

from luminora.errors import (
    AuthenticationFailed,
    ConfigError,
    Conflict,
    CredentialsMissing,
    InputError,
    PermissionRefused,
    SchemaPending,
    StorageError,
    StorageReadOnly,
    StorageUnavailable,
)
from luminora.providers import (
    EVERY_USER,
    Count,
    Delete,
    Find,
    Insert,
    Is,
    ProviderContext,
    Status,
    Update,
    lexical,
)
from luminora.providers.rows import ranked
from luminora.testing.data import affinity, fact, message, new_id, session
from luminora.testing.servers.mariadb import MariaServer, new_database
from luminora.testing.servers.proxy import Proxy
from tests.plugins.mysql import databases

pytestmark = [
    pytest.mark.backend("mysql storage", against="mariadb"),
    pytest.mark.xdist_group("mariadb"),
]


LEFT = pytest.mark.filterwarnings(
    "ignore:unclosed", "ignore::pytest.PytestUnraisableExceptionWarning"
)
"""Sockets of an event loop that has ended."""


@pytest.fixture
async def opened(mariadb_shared):
    """Makes storages on the shared database and closes them."""
    await (await databases.migrated(mariadb_shared)).aclose()
    made = []

    def make(**changes):
        made.append(databases.storage(mariadb_shared, **changes))
        return made[-1]

    yield make
    for one in made:
        await one.aclose()


@pytest.fixture
def storage(opened):
    return opened(statement_timeout_seconds=2)


@pytest.fixture
def proxy(mariadb_shared):
    with Proxy(mariadb_shared.port) as one:
        yield one


# --- a server that goes ---------------------------------------------------------------------------


async def test_a_killed_server_is_a_retryable_error_and_its_return_is_noticed(
    private_mariadb, storage
):
    user = new_id("user")
    kept = message(user, 1)
    await storage.insert("messages", user, kept)
    private_mariadb.kill()
    for attempt in (
        storage.find("messages", user),
        storage.insert("messages", user, message(user, 2)),
        storage.read([Count("messages", user), Find("messages", user)]),
    ):
        with pytest.raises(StorageUnavailable) as failure:
            await attempt
        assert failure.value.retryable
        assert str(private_mariadb.port) in str(failure.value)
    assert (await storage.check()).status is Status.ERROR
    private_mariadb.start()
    assert await storage.find("messages", user) == [kept]
    assert (await storage.check()).status is Status.OK


async def test_connections_that_died_unnoticed_are_replaced(private_mariadb, storage):
    user = new_id("user")
    await asyncio.gather(*(storage.insert("messages", user, message(user, n)) for n in range(10)))
    private_mariadb.restart()
    await asyncio.gather(*(storage.insert("messages", user, message(user, n)) for n in range(10)))
    assert await storage.count("messages", user) == 20


async def test_a_connection_that_the_server_killed_is_replaced(mariadb_server, storage):
    await storage.count("messages", "ana")
    async with storage.connections.connection() as connection:
        number = connection.raw.thread_id()
    mariadb_server.root.run(f"KILL {number[0] if isinstance(number, tuple) else number}")
    await asyncio.sleep(0.05)
    assert await storage.count("messages", "ana") >= 0


async def test_a_server_that_hangs_is_given_up_in_time(private_mariadb, opened):
    storage = opened(statement_timeout_seconds=1, connect_timeout_seconds=1)
    user = new_id("user")
    await storage.insert("messages", user, message(user, 1))
    private_mariadb.signal(signal.SIGSTOP)
    try:
        started = monotonic()
        with pytest.raises(StorageUnavailable, match="no answer within 3 seconds"):
            await storage.find("messages", user)
        with pytest.raises(StorageUnavailable, match="no connection within 1 seconds"):
            await storage.find("messages", user)
        assert monotonic() - started < 6
    finally:
        private_mariadb.signal(signal.SIGCONT)
    assert await storage.count("messages", user) == 1


async def test_a_cancelled_operation_leaves_nothing_behind(storage):
    user = new_id("user")
    row = fact(user)
    await storage.insert("user_facts", user, row)
    async with storage.connections.connection() as connection:
        await connection.run("BEGIN")
        await connection.run("UPDATE user_facts SET revision = 7 WHERE id = %s", [row["id"]])
        change = Update("user_facts", user, {"id": row["id"]}, set={"revision": 8}, expect=1)
        blocked = asyncio.create_task(
            storage.transaction([Insert("messages", user, message(user, 1)), change])
        )
        await asyncio.sleep(0.2)
        blocked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await blocked
        await connection.run("ROLLBACK")
    assert await storage.count("messages", user) == 0
    assert await storage.find("user_facts", user) == [row]


async def test_a_wait_for_rows_ends_and_nothing_was_written(opened):
    storage = opened(statement_timeout_seconds=1)
    user = new_id("user")
    row = fact(user)
    await storage.insert("user_facts", user, row)
    async with storage.connections.connection(60) as connection:
        await connection.run("BEGIN")
        await connection.run("UPDATE user_facts SET revision = 7 WHERE id = %s", [row["id"]])
        started = monotonic()
        with pytest.raises(StorageUnavailable, match=r"max_statement_time|no answer"):
            await storage.run(
                [storage.statements.write(Update("user_facts", user, {}, set={"revision": 8}))]
            )
        assert monotonic() - started < 30
        await connection.run("ROLLBACK")
    assert await storage.find("user_facts", user) == [row]


# --- commits --------------------------------------------------------------------------------------


async def test_a_commit_that_was_not_acknowledged_is_not_repeated(opened, proxy):
    storage = opened(port=proxy.port)
    user = new_id("user")
    place = session(user)
    await storage.insert("sessions", user, place)
    said = message(user, 1, session_id=place["session_id"])
    proxy.cut_behind = b"COMMIT"
    with pytest.raises(StorageUnavailable, match="nobody knows whether it was written") as failure:
        await storage.save_message(user, said)
    assert "idempotency key" in str(failure.value)
    assert proxy.cuts == 1
    assert await storage.save_message(user, said) is False, "it was there already"
    assert await storage.find("messages", user) == [said]


async def test_what_was_cut_off_before_it_arrived_is_not_there(opened, proxy):
    storage = opened(port=proxy.port)
    user = new_id("user")
    await storage.connect()
    proxy.cut_before = b"COMMIT"
    rows = [message(user, 1), message(user, 2)]
    with pytest.raises(StorageUnavailable):
        await storage.transaction([Insert("messages", user, row) for row in rows])
    assert await storage.count("messages", user) == 0


async def test_a_message_costs_one_round_trip_and_so_do_several_reads(opened, proxy):
    storage = opened(port=proxy.port, ssl_mode="disabled")
    user = new_id("user")
    place = session(user)
    await storage.insert("sessions", user, place)
    before = proxy.trips
    await storage.save_message(user, message(user, 1, session_id=place["session_id"]))
    assert proxy.trips == before + 1
    await storage.read([Count("messages", user), Find("messages", user), Find("sessions", user)])
    assert proxy.trips == before + 2
    with pytest.raises(Conflict):
        await storage.save_message(user, message(user, 2, session_id="gone"))
    assert proxy.trips <= before + 5, "one, and what it takes to roll back"
    assert await storage.count("messages", user) == 1


# --- many at once ---------------------------------------------------------------------------------


async def test_a_hundred_writers_lose_nothing_and_stay_within_bounds(opened):
    storage = opened(max_connections=8)
    user = new_id("user")
    place = session(user)
    await storage.insert("sessions", user, place)
    await storage.insert("user_affinity", user, affinity(user, affinity_points=50))

    async def writer(number: int) -> None:
        said = message(user, number, session_id=place["session_id"])
        change = Update(
            "user_affinity",
            user,
            {"personality_name": "sakura"},
            increment={"affinity_points": 1, "total_messages": 1},
            clamp={"affinity_points": (0, 100)},
            expect=1,
        )
        # In both orders: without the retry of deadlocks some of these would fail.
        writes = [*storage.message_writes(user, [said]), change]
        await storage.transaction(writes if number % 2 else writes[::-1])

    await asyncio.gather(*(writer(number) for number in range(100)))
    (row,) = await storage.find("user_affinity", user)
    assert (row["affinity_points"], row["total_messages"]) == (100, 100)
    assert await storage.count("messages", user) == 100
    assert len(await storage.search_text("messages", user, "message", limit=200)) == 100


async def test_a_deadlock_is_run_again(storage):
    user = new_id("user")
    first, second = fact(user, "a"), fact(user, "b")
    await storage.insert("user_facts", user, first)
    await storage.insert("user_facts", user, second)

    def crossing(*rows):
        return storage.transaction(
            [
                Update("user_facts", user, {"id": row["id"]}, increment={"mention_count": 1})
                for row in rows
            ]
        )

    rounds = [crossing(first, second) if n % 2 else crossing(second, first) for n in range(40)]
    await asyncio.gather(*rounds)
    found = await storage.find("user_facts", user)
    assert [row["mention_count"] for row in found] == [41, 41]


async def test_the_same_message_saved_twenty_times_at_once_is_one(opened):
    storage = opened()
    user = new_id("user")
    place = session(user)
    await storage.insert("sessions", user, place)
    said = message(user, 1, session_id=place["session_id"], external_id="x")
    fresh = await asyncio.gather(*(storage.save_message(user, said) for _ in range(20)))
    assert sum(fresh) == 1
    assert len(await storage.search_text("messages", user, "message")) == 1


WORKER = """
import asyncio, json, sys
from pathlib import Path
from luminora.providers import ProviderContext
from luminora_mysql.settings import Settings
from luminora_mysql.storage import MySqlStorage

async def main(config, env, kind):
    context = ProviderContext(data_dir=Path("data"), env=env)
    storage = MySqlStorage(Settings.of(config, context))
    await storage.connect()
    print("ready", flush=True)
    sys.stdin.readline()
    taken = []
    while jobs := await storage.lease_jobs(3, 60, kinds=[kind]):
        taken += [job["id"] for job in jobs]
    print(json.dumps(taken))
    await storage.aclose()

asyncio.run(main(*json.loads(sys.argv[1])))
"""


async def test_two_processes_never_lease_the_same_job(mariadb_shared, storage):
    user, kind = new_id("user"), new_id("kind")
    jobs = [storage.job_row(user, kind, {"n": n}) for n in range(200)]
    await storage.transaction([Insert("jobs", user, job) for job in jobs])
    config = mariadb_shared.config(password_env="PW")
    given = json.dumps([config, {"PW": mariadb_shared.password}, kind])
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
        )
        for _ in range(2)
    ]
    assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 2
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    lists = [json.loads(worker.communicate(timeout=60)[0]) for worker in workers]
    taken = [job for one in lists for job in one]
    assert sorted(taken) == sorted(job["id"] for job in jobs)
    assert all(lists), "both worked"


async def test_no_more_connections_than_allowed(opened):
    storage = opened(max_connections=2, connect_timeout_seconds=1)
    async with storage.connections.connection(), storage.connections.connection():
        with pytest.raises(StorageUnavailable, match="all 2 connections were in use"):
            await storage.count("messages", "ana")
    assert await storage.count("messages", "ana") >= 0


@LEFT
def test_one_provider_serves_two_event_loops(mariadb_shared):
    storage = asyncio.run(databases.migrated(mariadb_shared))

    async def use() -> int:
        await storage.connect()
        return await storage.count("messages", new_id("nobody"))

    assert asyncio.run(use()) == asyncio.run(use()) == 0
    asyncio.run(storage.aclose())
    asyncio.run(storage.aclose())
    gc.collect()  # what the first loop left behind


# --- words and values -----------------------------------------------------------------------------


async def test_an_update_of_a_text_is_found_by_its_new_words(storage):
    user = new_id("user")
    rows = [message(user, n, content="el perro ladra", speaker_name="Ana") for n in range(2)]
    await storage.transaction([Insert("messages", user, row) for row in rows])

    async def found(text):
        return [row["seq"] for row, _ in await storage.search_text("messages", user, text)]

    await storage.update(Update("messages", user, {"seq": 1}, set={"content": "el gato maúlla"}))
    assert (await found("perro"), await found("gato")) == ([0], [1])
    where = {"content": "el gato maúlla"}
    await storage.update(Update("messages", user, where, set={"content": "x"}))
    assert await found("gato") == []
    await storage.upsert("messages", user, {"id": rows[0]["id"], "speaker_name": "Berta"})
    assert (await found("berta perro"), await found("ana")) == ([0], [1])


async def test_no_posting_outlives_its_message(storage, mariadb_shared):
    user = new_id("user")
    rows = [message(user, n, content=f"gato {n}") for n in range(6)]
    await storage.transaction([Insert("messages", user, row) for row in rows])
    await storage.update(Update("messages", user, {"seq": 5}, set={"content": "perro"}))
    await storage.transaction([Delete("messages", user, {"seq": Is("<", 3)})])
    await storage.forget_user(user)
    orphans = (
        "SELECT count(*) FROM message_terms t LEFT JOIN messages m ON m.num = t.num "
        "WHERE m.num IS NULL"
    )
    assert mariadb_shared.run(orphans) == [(0,)]


async def test_a_user_with_many_messages_is_forgotten_in_portions(storage, monkeypatch):
    monkeypatch.setattr("luminora_mysql.storage._PORTION", 10)
    ana, bob = new_id("ana"), new_id("bob")
    for user in (ana, bob):
        rows = [message(user, n) for n in range(35)]
        await storage.transaction([Insert("messages", user, row) for row in rows])
    counts = await storage.forget_user(ana)
    assert counts["messages"] == 35
    assert await storage.count("messages", ana) == 0
    assert await storage.search_text("messages", ana, "message") == []
    assert await storage.count("messages", bob) == 35
    assert len(await storage.search_text("messages", bob, "message")) == 35


async def test_scores_follow_the_formula(storage):
    user = new_id("user")
    texts = ["perro gato", "perro", "gato loro", "perro loro pez", "nada", "pez", "corriendo corre"]
    rows = [message(user, n, content=text) for n, text in enumerate(texts)]
    await storage.transaction([Insert("messages", user, row) for row in rows])
    query = "perro pez loro corremos running"
    candidates = [(row["seq"], lexical.terms(row["content"])) for row in reversed(rows)]
    expected = ranked(candidates, lexical.query_words(query), len(rows))
    found = await storage.search_text("messages", user, query)
    assert [(row["seq"], pytest.approx(score)) for row, score in found] == expected


async def test_a_text_of_very_many_words_is_kept_and_found(storage):
    user = new_id("user")
    endless = " ".join(f"word{number}" for number in range(20_000))
    await storage.insert("messages", user, message(user, 1, content=endless))
    (row,) = await storage.find("messages", user)
    assert row["content"] == endless
    assert await storage.search_text("messages", user, "word19999")


async def test_a_second_import_of_the_same_changes_nothing_and_anothers_is_refused(opened):
    storage = opened()
    user = new_id("user")
    place = session(user)
    await storage.insert("sessions", user, place)
    rows = [
        message(user, n, session_id=place["session_id"], external_id=f"x{n}") for n in range(600)
    ]
    writes = storage.message_writes(user, [*rows, rows[0]])
    assert await storage.transaction(writes) == [1] * 600 + [0, 1]
    again = [{**row, "id": new_id()} for row in rows]
    assert await storage.transaction(storage.message_writes(user, again)) == [0] * 600 + [1]
    assert await storage.count("messages", user) == 600
    foreign = [
        Insert("messages", "eve", {**row, "user_id": "eve"}, ignore_conflict=True)
        for row in rows[:5]
    ]
    with pytest.raises(Conflict):
        await storage.transaction(foreign)


async def test_users_that_look_alike_are_others(storage):
    base = new_id("ana")
    users = [base, f"{base} ", f" {base}", base.upper(), f"{base}á", f"{base}a\u0301", f"{base}a"]
    for user in users:
        await storage.upsert("user_facts", user, fact(user, value=user))
    for user in users:
        (row,) = await storage.find("user_facts", user)
        assert (row["user_id"], row["value"]) == (user, user)
    assert await storage.count("user_facts", EVERY_USER, {"user_id": Is("in", users)}) == len(users)


async def test_documents_may_be_as_deep_as_everywhere_and_keep_their_order(storage):
    user = new_id("user")
    deep: object = {"z": 1, "a": 2, "é": 1.0, "e": 1e300}
    for _ in range(60):
        deep = [deep]
    row = fact(user, value=deep)
    await storage.insert("user_facts", user, row)
    (found,) = await storage.find("user_facts", user)
    assert json.dumps(found["value"]) == json.dumps(deep)


async def test_a_value_larger_than_the_server_takes_is_refused_as_such(storage):
    user = new_id("user")
    huge = "x" * (17 << 20)
    with pytest.raises(InputError, match="max_allowed_packet"):
        await storage.insert("messages", user, message(user, 1, content=huge))
    assert await storage.count("messages", user) == 0


# --- wrong settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"port": 1}, StorageUnavailable, "Connect call failed|refused"),
        ({"host": "nowhere.invalid"}, StorageUnavailable, "nowhere.invalid"),
        ({"database": "nope_nope"}, PermissionRefused, "nope_nope"),
        ({"user": "nobody2"}, AuthenticationFailed, "nobody2"),
        ({"password": "s3cret"}, AuthenticationFailed, "password_env"),
        ({"unix_socket": "/nowhere/socket"}, StorageUnavailable, "/nowhere/socket"),
    ],
)
async def test_wrong_settings_say_what_to_do(opened, changes, kind, words):
    storage = opened(**changes)
    with pytest.raises(kind, match=words) as failure:
        await storage.connect()
    assert failure.value.hint
    assert failure.value.where
    assert "s3cret" not in str(failure.value)
    assert (await storage.check()).status is Status.ERROR


async def test_a_database_that_is_not_there_is_named_with_the_remedy(mariadb_server):
    root = mariadb_server.root
    context = ProviderContext(data_dir=None, env={"PW": root.password or "none"})
    given = {
        **root.config(database="nope_nope"),
        **({"password_env": "PW"} if root.password else {}),
    }
    storage = MySqlStorage(Settings.of(given, context))
    with pytest.raises(StorageError, match="nope_nope") as failure:
        await storage.connect()
    assert "CREATE DATABASE" in str(failure.value)


async def test_tables_that_are_missing_are_named(mariadb_database):
    storage = databases.storage(mariadb_database)
    with pytest.raises(SchemaPending, match="luminora migrate"):
        await storage.count("messages", "ana")
    with pytest.raises(SchemaPending, match="luminora migrate"):
        await storage.transaction([Insert("messages", "ana", message("ana", 1))] * 2)
    result = await storage.check()
    assert result.status is Status.ERROR
    assert "messages" in result.detail
    await storage.aclose()


async def test_a_url_takes_the_place_of_the_single_settings(mariadb_shared):
    from urllib.parse import quote

    await (await databases.migrated(mariadb_shared)).aclose()

    def made(url, **more):
        context = ProviderContext(data_dir=None, env={"URL": url})
        return MySqlStorage(Settings.of({"url_env": "URL", "port": 1, **more}, context))

    password = quote(mariadb_shared.password, safe="")
    where = f"{mariadb_shared.host}:{mariadb_shared.port}/{mariadb_shared.name}"
    storage = made(f"mysql://{mariadb_shared.user}:{password}@{where}?ssl_mode=disabled")
    assert (await storage.check()).status is Status.OK
    await storage.aclose()
    for bad in (
        "postgresql://u:s3cret@h/d",
        "mysql://u:s3cret@h:port/d",
        "mysql://u:s3cret@h/d?colour=red",
        "u:s3cret@h",
    ):
        with pytest.raises(ConfigError, match="URL") as failure:
            made(bad)
        assert "s3cret" not in str(failure.value)
    with pytest.raises(CredentialsMissing, match="PW"):
        Settings.of({"password_env": "PW"}, ProviderContext(data_dir=None, env={}))


async def test_rights_and_modes_that_forbid_writing_are_told_apart(
    mariadb_shared, mariadb_server, opened
):
    name = f"reader_{new_id()[3:12]}"
    mariadb_server.root.run(
        f"CREATE USER '{name}'@'%' IDENTIFIED BY 'Reading-1'",
        f"GRANT SELECT ON `{mariadb_shared.name}`.* TO '{name}'@'%'",
    )
    storage = opened(user=name, password="Reading-1")
    try:
        assert await storage.count("messages", "ana") >= 0
        with pytest.raises(PermissionRefused, match="messages"):
            await storage.insert("messages", "ana", message("ana", 1))
    finally:
        mariadb_server.root.run(f"DROP USER '{name}'@'%'")


async def test_a_server_that_is_read_only_says_so(private_mariadb, opened):
    storage = opened()
    private_mariadb.root.run("SET GLOBAL read_only = 1")
    try:
        with pytest.raises(StorageReadOnly, match="primary server"):
            await storage.insert("messages", "ana", message("ana", 1))
        result = await storage.check()
        assert result.status is Status.ERROR
        assert result.data["writable"] is False
    finally:
        private_mariadb.root.run("SET GLOBAL read_only = 0")


@pytest.mark.parametrize("said", ["5.5.5-10.5.28-MariaDB", "8.0.16"])
async def test_an_old_server_is_refused(opened, proxy, mariadb_server, said):
    """As the proxy makes the server introduce itself."""
    ((version,),) = mariadb_server.root.run("SELECT VERSION()")
    spoken = f"5.5.5-{version}" if "MariaDB" in version else version
    proxy.rewrite = (spoken.encode(), said.encode().ljust(len(spoken), b" "))
    with pytest.raises(
        StorageError, match=r"MySQL 8\.0\.17 or MariaDB 10\.6\.0, or newer"
    ) as failure:
        await opened(port=proxy.port).connect()
    assert said.removeprefix("5.5.5-").removesuffix("-MariaDB") in str(failure.value)


# --- encryption -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    for name in ("server", "other"):
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ]
        command += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", f"{name}.key"]
        command += ["-addext", "subjectAltName=DNS:localhost", "-out", f"{name}.crt"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    server = MariaServer(f"--ssl-cert={folder}/server.crt", f"--ssl-key={folder}/server.key")
    with server.running():
        database = new_database(server)
        yield next(database), folder


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"ssl_mode": "required"}, None),
        ({"ssl_mode": "preferred"}, None),
        ({"ssl_mode": "verify_ca", "ssl_ca": "server.crt"}, None),
        ({"ssl_mode": "verify_identity", "ssl_ca": "server.crt", "host": "localhost"}, None),
        ({"ssl_mode": "verify_identity", "ssl_ca": "server.crt"}, "IP address mismatch"),
        ({"ssl_mode": "verify_ca", "ssl_ca": "other.crt"}, "certificate verify failed"),
        ({"ssl_mode": "verify_ca"}, "certificate verify failed"),
    ],
)
async def test_encryption(encrypted, changes, problem):
    database, folder = encrypted
    files = {name: str(folder / changes[name]) for name in changes if name == "ssl_ca"}
    storage = databases.storage(database, **{**changes, **files})
    if problem:
        with pytest.raises(StorageError, match=problem) as failure:
            await storage.connect()
        assert "ssl_ca" in failure.value.hint
        return
    async with storage.connections.connection() as connection:
        ((_, cipher),) = await connection.rows("SHOW STATUS LIKE 'Ssl_cipher'")
    assert cipher
    await storage.aclose()


async def test_an_encrypted_connection_is_closed_at_once(encrypted):
    storage = databases.storage(encrypted[0], ssl_mode="required")
    async with storage.connections.connection() as connection:
        socket = connection.raw._transport.get_extra_info("socket")
        assert socket.fileno() >= 0
    await storage.aclose()
    await asyncio.sleep(0)  # the transport closes its socket at the loop's next turn
    assert socket.fileno() == -1


async def test_a_server_without_encryption(private_mariadb, opened):
    assert (await opened(ssl_mode="preferred").check()).status is Status.OK
    with pytest.raises(StorageError, match="the server offers no encryption"):
        await opened(ssl_mode="required").connect()
    with pytest.raises(ConfigError, match="certificates"):
        await opened(ssl_mode="verify_ca", ssl_ca="/nowhere.pem").connect()
