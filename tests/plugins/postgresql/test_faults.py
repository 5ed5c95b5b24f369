import asyncio
import json
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from time import monotonic

import pytest
from luminora_postgresql.connection import Settings

from luminora.errors import (
    AuthenticationFailed,
    ConfigError,
    Conflict,
    CredentialsMissing,
    PermissionRefused,
    SchemaPending,
    StorageError,
    StorageReadOnly,
    StorageUnavailable,
)
from luminora.providers import Count, Find, Insert, ProviderContext, Status, Update
from luminora.testing.data import affinity, fact, message, new_id, session
from luminora.testing.servers.postgresql import PostgresServer, create_database
from luminora.testing.servers.proxy import Proxy
from tests.plugins.postgresql import databases

pytestmark = [
    pytest.mark.backend("postgresql storage", against="postgresql"),
    pytest.mark.xdist_group("postgresql"),
]


@pytest.fixture
async def storage(migrated_database):
    one = databases.storage(migrated_database, statement_timeout_seconds=1)
    await one.connect()
    yield one
    await one.aclose()


@pytest.fixture
async def opened(migrated_database):
    """Makes storages on the database and closes them."""
    made = []

    def make(**changes):
        made.append(databases.storage(migrated_database, **changes))
        return made[-1]

    yield make
    for one in made:
        await one.aclose()


@pytest.fixture
def proxy(migrated_database):
    with Proxy(migrated_database.config["port"]) as one:
        yield one


async def test_a_killed_server_is_a_retryable_error_and_its_return_is_noticed(
    postgres_server, storage
):
    user = new_id("user")
    kept = message(user, 1)
    await storage.insert("messages", user, kept)
    postgres_server.kill()
    for attempt in (
        storage.find("messages", user),
        storage.insert("messages", user, message(user, 2)),
        storage.read([Count("messages", user), Find("messages", user)]),
    ):
        with pytest.raises(StorageUnavailable) as failure:
            await attempt
        assert failure.value.retryable
        assert str(postgres_server.port) in str(failure.value)
    assert (await storage.check()).status is Status.ERROR
    postgres_server.start()
    assert await storage.find("messages", user) == [kept]
    assert (await storage.check()).status is Status.OK


async def test_connections_that_died_unnoticed_are_replaced(postgres_server, storage):
    user = new_id("user")
    await asyncio.gather(*(storage.insert("messages", user, message(user, n)) for n in range(10)))
    postgres_server.restart()
    # Nobody told the storage; not one of these fails.
    await asyncio.gather(*(storage.insert("messages", user, message(user, n)) for n in range(10)))
    assert await storage.count("messages", user) == 20


async def test_a_server_that_hangs_is_given_up_in_time(postgres_server, storage):
    user = new_id("user")
    await storage.insert("messages", user, message(user, 1))
    postgres_server.signal(signal.SIGSTOP)
    try:
        started = monotonic()
        with pytest.raises(StorageUnavailable, match="no answer within 3 seconds"):
            await storage.find("messages", user)
        with pytest.raises(StorageUnavailable, match=r"timeout|no connection within"):
            await databases.storage_like(storage, connect_timeout_seconds=1).connect()
        assert monotonic() - started < 10
    finally:
        postgres_server.signal(signal.SIGCONT)
    assert await storage.count("messages", user) == 1


async def test_a_cancelled_operation_leaves_nothing_behind(storage):
    user = new_id("user")
    async with storage.connections.connection() as connection:
        await connection.execute("BEGIN")
        await connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        blocked = asyncio.create_task(storage.insert("messages", user, message(user, 1)))
        await asyncio.sleep(0.2)
        blocked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await blocked
        await connection.execute("ROLLBACK")
    assert await storage.count("messages", user) == 0
    await storage.insert("messages", user, message(user, 1))


async def test_a_statement_that_takes_too_long_is_stopped_by_the_server(storage):
    async with storage.connections.connection() as connection:
        await connection.execute("BEGIN")
        await connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StorageUnavailable, match="statement timeout") as failure:
            await storage.count("messages", "ana")
        assert "statement_timeout_seconds" in str(failure.value)
        await connection.execute("ROLLBACK")


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
    storage = opened(port=proxy.port)
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


WORKER = """
import asyncio, json, sys
from luminora_postgresql.connection import Settings
from luminora_postgresql.storage import PostgresStorage

async def main(config):
    parameters = {name: config[name] for name in ("host", "port", "user")}
    parameters["dbname"] = config["database"]
    storage = PostgresStorage(Settings(parameters=parameters, direct=parameters))
    taken = []
    await storage.connect()
    print("ready", flush=True)
    sys.stdin.readline()
    while jobs := await storage.lease_jobs(3, 60):
        taken += [job["id"] for job in jobs]
    print(json.dumps(taken))
    await storage.aclose()

asyncio.run(main(json.loads(sys.argv[1])))
"""


async def test_two_processes_never_lease_the_same_job(migrated_database, storage):
    user = new_id("user")
    jobs = [storage.job_row(user, "digest", {"n": n}) for n in range(200)]
    await storage.transaction([Insert("jobs", user, job) for job in jobs])
    command = [sys.executable, "-c", WORKER, json.dumps(migrated_database.config)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen(command, cwd="/", **pipes) for _ in range(2)]
    assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 2
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    lists = [json.loads(worker.communicate(timeout=60)[0]) for worker in workers]
    taken = [job for one in lists for job in one]
    assert sorted(taken) == sorted(job["id"] for job in jobs)
    assert all(lists), "both worked"


async def test_leases_go_to_the_expired_first_and_then_by_time(storage):
    user = new_id("user")
    jobs = [storage.job_row(user, "digest", {"n": n}) for n in range(4)]
    await storage.transaction([Insert("jobs", user, job) for job in jobs])
    (late,) = await storage.lease_jobs(1, -1)
    assert late["id"] == jobs[0]["id"]
    taken = await storage.lease_jobs(3, 60)
    assert [job["id"] for job in taken] == [job["id"] for job in jobs[:3]]
    assert taken[0]["attempts"] == 2
    assert await storage.lease_jobs(0, 60) == []
    assert await storage.lease_jobs(5, 60, kinds=[]) == []


def test_one_provider_serves_two_event_loops(migrated_database):
    storage = databases.storage(migrated_database)

    async def use() -> int:
        await storage.connect()
        return await storage.count("messages", "ana")

    assert asyncio.run(use()) == asyncio.run(use()) == 0
    asyncio.run(storage.aclose())
    asyncio.run(storage.aclose())


async def test_no_more_connections_than_allowed_and_none_left_waiting(migrated_database, opened):
    storage = opened(max_connections=2, connect_timeout_seconds=1)
    async with storage.connections.connection(), storage.connections.connection():
        with pytest.raises(StorageUnavailable, match="all 2 connections were in use"):
            await storage.count("messages", "ana")
    assert await storage.count("messages", "ana") == 0
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    assert migrated_database.sql(f"{count} AND pid <> pg_backend_pid()") == [(2,)]


async def test_an_update_of_a_text_is_found_by_its_new_words(storage):
    user = new_id("user")
    rows = [message(user, n, content="el perro ladra", speaker_name="Ana") for n in range(2)]
    await storage.transaction([Insert("messages", user, row) for row in rows])
    await storage.update(Update("messages", user, {"seq": 1}, set={"content": "el gato maúlla"}))
    assert [row["seq"] for row, _ in await storage.search_text("messages", user, "perro")] == [0]
    assert [row["seq"] for row, _ in await storage.search_text("messages", user, "gato")] == [1]
    await storage.update(
        Update("messages", user, {"content": "el gato maúlla"}, set={"content": "x"})
    )
    assert await storage.search_text("messages", user, "gato") == []
    await storage.upsert("messages", user, {"id": rows[0]["id"], "speaker_name": "Berta"})
    assert [
        row["seq"] for row, _ in await storage.search_text("messages", user, "berta perro")
    ] == [0]
    assert [row["seq"] for row, _ in await storage.search_text("messages", user, "ana")] == [1]


async def test_a_text_with_more_words_than_a_tsvector_holds_is_kept(storage):
    user = new_id("user")
    endless = " ".join(f"word{number}" for number in range(150_000))
    await storage.insert("messages", user, message(user, 1, content=endless))
    (row,) = await storage.find("messages", user)
    assert row["content"] == endless
    assert await storage.search_text("messages", user, "word7")


async def test_scores_follow_the_formula(storage):
    from luminora.providers import lexical
    from luminora.providers.rows import ranked

    user = new_id("user")
    texts = ["perro gato", "perro", "gato loro", "perro loro pez", "nada", "pez"]
    rows = [message(user, n, content=text) for n, text in enumerate(texts)]
    await storage.transaction([Insert("messages", user, row) for row in rows])
    query = "perro pez loro"
    candidates = [(row["seq"], lexical.terms(row["content"])) for row in reversed(rows)]
    expected = ranked(candidates, lexical.query_words(query), len(rows))
    found = await storage.search_text("messages", user, query)
    assert [(row["seq"], pytest.approx(score)) for row, score in found] == expected


async def test_a_second_import_of_the_same_changes_nothing_and_anothers_is_refused(storage):
    user = new_id("user")
    place = session(user)
    await storage.insert("sessions", user, place)
    rows = [
        message(user, n, session_id=place["session_id"], external_id=f"x{n}") for n in range(1200)
    ]
    writes = storage.message_writes(user, [*rows, rows[0]])
    assert await storage.transaction(writes) == [1] * 1200 + [0, 1]
    again = [{**row, "id": new_id()} for row in rows]
    assert await storage.transaction(storage.message_writes(user, again)) == [0] * 1200 + [1]
    assert await storage.count("messages", user) == 1200
    foreign = [Insert("messages", "eve", {**row, "user_id": "eve"}, True) for row in rows[:5]]
    with pytest.raises(Conflict):
        await storage.transaction(foreign)


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"port": 1}, StorageUnavailable, "Connection refused"),
        ({"host": "nowhere.invalid"}, StorageUnavailable, "resolve"),
        ({"database": "nope"}, StorageError, "createdb nope"),
        ({"user": "nobody2"}, AuthenticationFailed, "nobody2"),
        ({"sslmode": "require"}, StorageError, "sslmode"),
    ],
)
async def test_wrong_settings_say_what_to_do(opened, changes, kind, words):
    storage = opened(**changes)
    with pytest.raises(kind, match=words) as failure:
        await storage.connect()
    assert failure.value.hint
    assert failure.value.where
    check = await storage.check()
    assert check.status is Status.ERROR
    assert words in check.detail


async def test_a_wrong_password_is_named_and_never_shown(postgres_admin):
    with PostgresServer().running() as server:
        hba = server.data / "pg_hba.conf"
        server.sql("CREATE ROLE ana LOGIN PASSWORD 'right'")
        hba.write_text("host all ana all scram-sha-256\nhost all all all trust\n")
        server.sql("SELECT pg_reload_conf()")
        config = {"host": "127.0.0.1", "port": server.port, "database": "postgres", "user": "ana"}

        async def attempt(env, **more):
            context = ProviderContext(data_dir=None, env=env)
            storage = databases.PostgresStorage(Settings.of({**config, **more}, context))
            await storage.connect()
            await storage.aclose()

        for _ in range(50):  # the server reads the new rules in its own time
            try:
                await attempt({})
            except AuthenticationFailed:
                break
            await asyncio.sleep(0.05)
        await attempt({"PW": "right"}, password_env="PW")
        with pytest.raises(AuthenticationFailed, match="password_env") as failure:
            await attempt({"PW": "s3cret-wrong"}, password_env="PW")
        assert "s3cret" not in str(failure.value)
        url = f"postgresql://ana:right@127.0.0.1:{server.port}/postgres"
        await attempt({"URL": url}, url_env="URL", port=1)
        with pytest.raises(ConfigError, match="URL") as failure:
            await attempt({"URL": "postgresql://ana:s3cret@[::1"}, url_env="URL")
        assert "s3cret" not in str(failure.value)
        with pytest.raises(CredentialsMissing, match="PW"):
            await attempt({}, password_env="PW")


async def test_rights_and_modes_that_forbid_writing_are_told_apart(
    migrated_database, postgres_admin
):
    role = f"reader_{new_id()[3:15]}"
    migrated_database.sql(f"CREATE ROLE {role} LOGIN")
    migrated_database.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    storage = databases.storage(migrated_database, user=role)
    assert await storage.count("messages", "ana") == 0
    with pytest.raises(PermissionRefused, match="messages"):
        await storage.insert("messages", "ana", message("ana", 1))
    await storage.aclose()
    migrated_database.sql(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
    migrated_database.sql(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    with pytest.raises(StorageReadOnly):
        await storage.insert("messages", "ana", message("ana", 1))
    assert (await storage.check()).data["writable"] is False
    await storage.aclose()
    migrated_database.sql(f"DROP OWNED BY {role}")
    migrated_database.sql(f"DROP ROLE {role}")


async def test_a_database_without_tables_says_luminora_migrate(postgres_database):
    storage = databases.storage(postgres_database)
    for attempt in (
        storage.find("messages", "ana"),
        storage.insert("messages", "ana", message("ana", 1)),
    ):
        with pytest.raises(SchemaPending) as failure:
            await attempt
        assert failure.value.hint == "luminora migrate"
    check = await storage.check()
    assert (check.status, "luminora migrate" in check.detail) == (Status.ERROR, True)
    await storage.aclose()


async def test_an_old_server_is_refused_with_both_versions(migrated_database, opened, proxy):
    ((version,),) = migrated_database.sql("SHOW server_version")
    told = b"server_version\x00"
    proxy.rewrite = (told + version[:2].encode(), told + b"12")
    with pytest.raises(StorageError, match=r"PostgreSQL 12\.\d+; 13 or newer is needed"):
        await opened(port=proxy.port).connect()


def test_too_many_connections_are_told_apart(postgres_admin):
    with PostgresServer(
        "max_connections=8", "superuser_reserved_connections=1"
    ).running() as server:
        database = create_database(server.url)

        async def crowd() -> None:
            storage = databases.storage(database, max_connections=20)
            async with AsyncExitStack() as held:
                held.push_async_callback(storage.aclose)
                for _ in range(12):
                    await held.enter_async_context(storage.connections.connection())

        with pytest.raises(StorageUnavailable, match=r"too many clients|connection slots"):
            asyncio.run(crowd())
