"""Races and crashes, on the emulator that keeps its conditions and its data.

dynalite knows no TransactWriteItems, which every insert of a user's row needs (the row and the
claim on its key belong together). So rows are put there from outside, and what is tested is what
one request does: changes of a row that is there, and the tables that belong to no user.
"""

from __future__ import annotations

import asyncio
import random
import signal

import pytest
from luminora_dynamodb.client import Client
from luminora_dynamodb.errors import Refused
from luminora_dynamodb.items import (
    MAX_ITEM,
    attributes,
    claim_item,
    claims_of,
    item_of,
    place_of,
    size_of,
)
from luminora_dynamodb.storage import DynamoDBStorage

from luminora.errors import Conflict, InputError, StorageError, StorageUnavailable
from luminora.providers import COLLECTIONS, EVERY_USER, Insert, Is, Status, Update, Upsert
from luminora.testing.data import START, affinity, new_id
from tests.servers.dynamodb import DynaliteServer

pytestmark = [
    pytest.mark.backend("dynamodb storage", against="dynalite"),
    pytest.mark.xdist_group("dynalite"),
]


@pytest.fixture
async def storage(dynalite):
    storage = await dynalite.storage()
    yield storage
    await storage.aclose()


@pytest.fixture
async def others(storage):
    """Storages that share nothing with the first but the database, as other processes would."""
    some = [DynamoDBStorage(storage.settings) for _ in range(4)]
    for one in some:
        await one.connect()
    yield some
    for one in some:
        await one.aclose()


async def put(storage, name, row):
    """A row as the storage would have stored it."""
    collection, client = COLLECTIONS[name], storage._client
    place = place_of(collection, row)
    prefix = storage.settings.table_prefix
    await client.call("put_item", TableName=f"{prefix}{name}", Item=item_of(collection, row))
    for claim in claims_of(collection, row):
        item = claim_item(claim, place)
        await client.call("put_item", TableName=f"{prefix}row_keys", Item=item)


def state(name="messages", **changes):
    return {
        "index_name": name,
        "provider": "static",
        "model": "m",
        "dimension": 8,
        "metric": "cosine",
        "status": "active",
        "progress": None,
        "created_at": START,
        "updated_at": START,
        **changes,
    }


async def test_what_the_emulator_lacks_is_named(storage):
    row = affinity("ana")
    with pytest.raises(
        StorageError, match=r"does not know TransactWriteItems[\s\S]*DynamoDB Local"
    ):
        await storage.insert("user_affinity", "ana", row)
    assert await storage.count("user_affinity", "ana") == 0


async def test_increments_of_several_processes_all_count(storage, others):
    user = new_id("user")
    await put(storage, "user_affinity", affinity(user, affinity_points=0))
    change = Update(
        "user_affinity",
        user,
        {"personality_name": "sakura"},
        increment={"total_messages": 1, "affinity_points": 3},
        clamp={"affinity_points": (0, 100)},
    )
    touched = await asyncio.gather(*(others[n % 4].update(change) for n in range(60)))
    assert touched == [1] * 60
    (row,) = await storage.find("user_affinity", user)
    assert (row["total_messages"], row["affinity_points"]) == (60, 100)


async def test_one_of_many_processes_wins_a_compare_and_set(storage, others):
    user = new_id("user")
    await put(storage, "user_affinity", affinity(user))

    async def attempt(one, number):
        change = Update(
            "user_affinity",
            user,
            {"revision": 0},
            set={"affinity_points": number, "revision": 1},
            expect=1,
        )
        try:
            return await one.update(change)
        except Conflict:
            return 0

    won = await asyncio.gather(*(attempt(others[n % 4], n) for n in range(40)))
    assert sum(won) == 1
    (row,) = await storage.find("user_affinity", user)
    assert row["affinity_points"] == won.index(1)


async def test_a_job_is_leased_once_by_twenty_workers(storage, others):
    user, kind = new_id("user"), new_id("kind")[:60]
    for _ in range(6):
        await put(storage, "jobs", storage.job_row(user, kind, {"n": 1}))
    leased = []
    for _ in range(6):
        rounds = await asyncio.gather(
            *(others[n % 4].lease_jobs(2, 60, kinds=[kind]) for n in range(20))
        )
        leased += [job["id"] for jobs in rounds for job in jobs]
    assert len(leased) == len(set(leased)) == 6


async def test_an_index_is_claimed_by_one_of_many(storage, others):
    name = new_id("index")
    inserts = [
        Insert("embedding_state", EVERY_USER, state(name, model=f"m{n}"), ignore_conflict=True)
        for n in range(20)
    ]
    touched = await asyncio.gather(
        *(others[n % 4].transaction([insert]) for n, insert in enumerate(inserts))
    )
    assert sorted(touched) == [[0]] * 19 + [[1]]
    row = await storage.get("embedding_state", EVERY_USER, index_name=name)
    assert row == state(name, model=f"m{touched.index([1])}")
    with pytest.raises(Conflict):
        await storage.insert("embedding_state", EVERY_USER, state(name))
    await storage.transaction([Upsert("embedding_state", EVERY_USER, state(name, dimension=9))])
    found = await storage.find("embedding_state", EVERY_USER, {"dimension": Is(">", 8)})
    assert [one["index_name"] for one in found] == [name]
    assert await storage.delete("embedding_state", EVERY_USER, {"index_name": name}) == 1


async def test_the_largest_row_that_we_let_through_is_stored(storage):
    """A byte more is refused by us, with its size; our count is never below the server's."""
    collection = COLLECTIONS["embedding_state"]
    row = state(new_id("index"), progress="")
    room = MAX_ITEM - size_of(item_of(collection, row))
    fitting = {**row, "progress": "ñ" * (room // 2) + "x" * (room % 2)}
    assert size_of(item_of(collection, fitting)) == MAX_ITEM
    await storage.insert("embedding_state", EVERY_USER, fitting)
    name = row["index_name"]
    assert await storage.get("embedding_state", EVERY_USER, index_name=name) == fitting
    with pytest.raises(InputError, match="would take 409,601 bytes, 'progress' 40"):
        await storage.upsert(
            "embedding_state", EVERY_USER, {**fitting, "progress": fitting["progress"] + "x"}
        )


async def test_what_was_acknowledged_survives_kill_9_and_the_storage_recovers_by_itself():
    with DynaliteServer().running() as server:
        storage = await server.storage(connect_timeout=1.0, read_timeout=2.0, max_attempts=1)
        await put(storage, "user_affinity", affinity("ana"))
        acknowledged = unknown = 0
        change = Update("user_affinity", "ana", {}, increment={"total_messages": 1})
        for _ in range(3):
            writes = [asyncio.create_task(storage.update(change)) for _ in range(40)]
            await asyncio.sleep(random.uniform(0.02, 0.15))
            server.kill()
            for outcome in await asyncio.gather(*writes, return_exceptions=True):
                if outcome == 1:
                    acknowledged += 1
                else:
                    assert isinstance(outcome, StorageUnavailable), outcome
                    unknown += 1
            assert (await storage.check()).status is Status.ERROR
            server.start()
            (row,) = await storage.find("user_affinity", "ana")
            assert acknowledged <= row["total_messages"] <= acknowledged + unknown
            acknowledged, unknown = row["total_messages"], 0
            assert await storage.update(change) == 1
            acknowledged += 1
        await storage.aclose()


async def test_a_server_that_hangs_is_given_up_at_the_deadline():
    with DynaliteServer().running() as server:
        storage = await server.storage(read_timeout=0.5, max_attempts=2)
        server.signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(10):
                with pytest.raises(StorageUnavailable, match="no answer within the deadline"):
                    await storage.find("messages", "ana")
        finally:
            server.signal(signal.SIGCONT)
        assert await storage.find("messages", "ana") == []
        await storage.aclose()


async def test_a_write_whose_answer_was_lost_is_not_done_twice(storage, monkeypatch):
    user = new_id("user")
    await put(storage, "user_affinity", affinity(user))
    real = Client.call

    async def call(self, operation, **parameters):
        if operation == "update_item":  # done, then sent again because no answer came
            await real(self, operation, **parameters)
        return await real(self, operation, **parameters)

    monkeypatch.setattr(Client, "call", call)
    change = Update("user_affinity", user, {}, increment={"total_messages": 1})
    assert await storage.update(change) == 1
    (row,) = await storage.find("user_affinity", user)
    assert row["total_messages"] == 1


async def test_one_storage_serves_one_loop_after_the_other(dynalite):
    def lives(storage):
        async def live():
            await storage.connect()
            return await storage.count("messages", "ana")

        return asyncio.run(live())

    storage = await dynalite.storage()
    assert await asyncio.to_thread(lives, storage) == 0
    assert await asyncio.to_thread(lives, storage) == 0
    await storage.aclose()
    with pytest.raises(StorageUnavailable, match="not connected"):
        await storage.count("messages", "ana")


async def test_conditions_are_the_only_way_to_overtake(storage):
    """The version of a row differs after every write, also of the same values."""
    user = new_id("user")
    row = affinity(user)
    await put(storage, "user_affinity", row)
    client, table = storage._client, f"{storage.settings.table_prefix}user_affinity"
    collection = COLLECTIONS["user_affinity"]
    (image,) = await storage._reader.images(collection, user, {})
    await put(storage, "user_affinity", row)
    with pytest.raises(Refused):
        await client.call(
            "put_item",
            TableName=table,
            Item=attributes(collection, row, row),
            ConditionExpression="#v = :v",
            ExpressionAttributeNames={"#v": "_v"},
            ExpressionAttributeValues={":v": {"S": image.version}},
        )
