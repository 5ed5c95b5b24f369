"""More writes than one request takes, cut short at every point."""

from __future__ import annotations

import asyncio

import pytest
from luminora_dynamodb import changes, journal, records
from luminora_dynamodb.client import Client
from luminora_dynamodb.storage import DynamoDBStorage

from luminora.errors import Conflict, InputError, StorageUnavailable
from luminora.providers import EVERY_USER, Delete, Insert, Update
from luminora.testing.data import fact, message, new_id, session

pytestmark = [
    pytest.mark.backend("dynamodb storage", against="moto"),
    pytest.mark.xdist_group("moto"),
]
PART = 9
"""Actions of one request in these tests, so that a dozen rows are many."""


class Died(BaseException):
    """The process is gone: nothing is tidied up."""


@pytest.fixture
def small(monkeypatch):
    for module in (changes, journal):
        monkeypatch.setattr(module, "MAX_ACTIONS", PART)
    # a default argument is bound when the function is made
    monkeypatch.setitem(changes.portions.__kwdefaults__, "room", PART)


@pytest.fixture
async def storage(moto):
    storage = await moto.storage()
    yield storage
    await storage.aclose()


def dies_at(monkeypatch, number):
    """The process dies before its write of that number; the answer counts them."""
    count = [0]
    real = Client.call

    async def call(self, operation, **parameters):
        if operation in {"put_item", "update_item", "delete_item", "transact_write_items"}:
            count[0] += 1
            if count[0] == number:
                raise Died
        return await real(self, operation, **parameters)

    monkeypatch.setattr(Client, "call", call)
    return count


def rest_in_peace(monkeypatch):
    """Calls work again, and whoever was silent for a moment counts as dead."""
    monkeypatch.undo()
    monkeypatch.setattr(records, "ALIVE_SECONDS", -1)


async def leftovers(storage):
    """Marks and records of large transactions, claims without rows, rows without claims."""
    client, prefix = storage._client, storage.settings.table_prefix

    async def all_of(name):
        pages = client.pages("scan", TableName=f"{prefix}{name}", ConsistentRead=True)
        return [item async for page in pages for item in page]

    rows = [item for name in ("sessions", "messages", "user_facts") for item in await all_of(name)]
    ours = {item["id" if "id" in item else "session_id"]["S"] for item in rows}
    claims = [item for item in await all_of("row_keys") if "+" not in item["claim"]["S"]]
    marked = [item for item in rows if any(name in item for name in journal._MARKS)]
    return marked, await all_of("transactions"), ours ^ {item["key"]["S"] for item in claims}


async def test_a_batch_of_an_import_is_stored_and_forgotten_at_once(storage):
    user = new_id("user")
    here = session(user)
    await storage.insert("sessions", user, here)
    rows = [
        message(user, seq, session_id=here["session_id"], external_id=f"e-{seq}")
        for seq in range(60)
    ]
    touched = await storage.transaction(storage.message_writes(user, rows))
    assert touched == [1] * 61
    assert len(await storage.get_history(user, here["session_id"], None)) == 60
    assert await storage.transaction(storage.message_writes(user, rows)) == [0] * 60 + [1]
    counts = await storage.forget_user(user)
    assert (counts["messages"], counts["sessions"]) == (60, 1)
    assert await storage.count("messages", EVERY_USER) == 0
    assert await leftovers(storage) == ([], [], set())


@pytest.mark.usefixtures("small")
async def test_a_conflict_in_the_last_write_undoes_all(storage):
    ana, bob = new_id("ana"), new_id("bob")
    taken = message(bob, 1)
    await storage.insert("messages", bob, taken)
    rows = [message(ana, seq) for seq in range(20)]
    with pytest.raises(Conflict):
        await storage.transaction(
            [Insert("messages", ana, row) for row in (*rows, message(ana, 99, id=taken["id"]))]
        )
    assert await storage.count("messages", ana) == 0
    assert await storage.find("messages", bob) == [taken]
    assert await leftovers(storage) == ([], [], set())


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("opened", [True, False], ids=["next writer", "next opener"])
async def test_wherever_a_writer_dies_it_is_all_or_nothing(moto, monkeypatch, opened):
    """Added, changed and removed rows; somebody else then writes, or opens the database."""
    outcomes = set()
    for number in range(1, 40):
        moto.reset()
        storage = await moto.storage()
        user = new_id("user")
        old = [message(user, seq, content="old") for seq in range(4)]
        for row in old:
            await storage.insert("messages", user, row)
        new = [fact(user, f"key-{n}") for n in range(6)]
        writes = [
            *(Insert("user_facts", user, row) for row in new),
            Update("messages", user, {"seq": 0}, set={"content": "new", "external_id": "x"}),
            Update("messages", user, {"seq": 1}, set={"content": "new"}),
            Delete("messages", user, {"seq": 2}),
            Delete("messages", user, {"seq": 3}),
        ]
        with monkeypatch.context() as patch:
            count = dies_at(patch, number)
            try:
                await storage.transaction(writes)
            except Died:
                pass
            else:
                break
        del count
        survivor = DynamoDBStorage(storage.settings)
        await survivor.connect()
        seen = await survivor.find("messages", user, order=("seq",))
        facts = await survivor.find("user_facts", user)
        contents = [row["content"] for row in seen]
        after = (contents, len(facts))
        assert after in [(["old"] * 4, 0), (["new"] * 2, 6)], number
        assert await survivor.count("messages", user) == len(seen)
        found = await survivor.search_text("messages", user, "new")
        assert bool(found) == (len(facts) == 6)
        outcomes.add(len(facts))
        # its writer is dead from now on
        for item in (await leftovers(storage))[1]:
            await storage._client.call(
                "put_item",
                TableName=f"{storage.settings.table_prefix}transactions",
                Item={**item, "until": {"N": "1"}},
            )
        if opened:
            await survivor.update(Update("messages", user, {}, set={"speaker": "user"}))
            await survivor.update(Update("user_facts", user, {}, set={"context": "x"}))
            await survivor.transaction(
                [Insert("messages", user, row, ignore_conflict=True) for row in old[2:]]
                + [Insert("user_facts", user, row, ignore_conflict=True) for row in new]
            )
            kept = {row["content"] for row in await survivor.find("messages", user, {"seq": 0})}
            assert kept == {contents[0]}
            assert await survivor.count("user_facts", user) == 6
        await survivor.aclose()
        await survivor.connect()
        assert await leftovers(survivor) == ([], [], set())
        await survivor.aclose()
        await storage.aclose()
    else:
        pytest.fail("more than forty writes")
    assert outcomes == {0, 6}


@pytest.mark.usefixtures("small")
async def test_a_reader_sees_all_of_it_or_nothing_at_every_moment(storage, monkeypatch):
    user = new_id("user")
    await storage.transaction([Insert("messages", user, message(user, seq)) for seq in range(12)])
    seen = []
    real = Client.call

    async def call(self, operation, **parameters):
        answer = await real(self, operation, **parameters)
        if operation == "transact_write_items":
            with monkeypatch.context() as patch:
                patch.setattr(Client, "call", real)
                rows = await storage.find("messages", user, order=("-seq",), limit=20)
                seen.append((len(rows), await storage.count("messages", user)))
        return answer

    monkeypatch.setattr(Client, "call", call)
    await storage.delete("messages", user)
    assert len(seen) > 4
    assert set(seen) == {(12, 12), (0, 0)}
    assert seen == sorted(seen, reverse=True)


@pytest.mark.usefixtures("small")
async def test_two_large_transactions_on_the_same_rows_follow_each_other(storage):
    user = new_id("user")
    await storage.transaction([Insert("user_facts", user, fact(user, str(n))) for n in range(12)])
    other = DynamoDBStorage(storage.settings)
    await other.connect()
    change = Update("user_facts", user, {}, increment={"mention_count": 1})
    await asyncio.gather(storage.update(change), other.update(change), storage.update(change))
    await other.aclose()
    rows = await storage.find("user_facts", user)
    assert {row["mention_count"] for row in rows} == {4}
    assert await leftovers(storage) == ([], [], set())


@pytest.mark.usefixtures("small")
async def test_the_server_going_away_in_the_middle_is_told_and_undone(storage, monkeypatch):
    user = new_id("user")
    real = Client.call
    count = [0]

    async def call(self, operation, **parameters):
        count[0] += operation == "transact_write_items"
        if count[0] > 3:  # the two before were the first large one's beginning
            raise StorageUnavailable("not reachable")
        return await real(self, operation, **parameters)

    with monkeypatch.context() as patch:
        patch.setattr(Client, "call", call)
        with pytest.raises(StorageUnavailable):
            await storage.transaction(
                [Insert("messages", user, message(user, seq)) for seq in range(20)]
            )
    assert await storage.find("messages", user) == []
    rest_in_peace(monkeypatch)
    assert await storage.count("messages", user) == 0


@pytest.mark.usefixtures("small")
async def test_a_unique_value_cannot_be_handed_on_among_many_rows(storage):
    user = new_id("user")
    old = [fact(user, str(n)) for n in range(12)]
    await storage.transaction([Insert("user_facts", user, row) for row in old])
    with pytest.raises(InputError, match="takes over a unique value"):
        await storage.transaction(
            [
                Delete("user_facts", user),
                *(Insert("user_facts", user, fact(user, str(n))) for n in range(12)),
            ]
        )
    assert len(await storage.find("user_facts", user)) == 12
    few = [Delete("user_facts", user, {"key": "0"}), Insert("user_facts", user, fact(user, "0"))]
    assert await storage.transaction(few) == [1, 1]


@pytest.mark.usefixtures("small")
async def test_a_cancelled_writer_takes_everything_back(storage, monkeypatch):
    user = new_id("user")
    real = Client.call
    begun = asyncio.Event()

    async def call(self, operation, **parameters):
        if operation == "transact_write_items":
            if begun.is_set():
                await asyncio.sleep(60)
            begun.set()
        return await real(self, operation, **parameters)

    with monkeypatch.context() as patch:
        patch.setattr(Client, "call", call)
        task = asyncio.create_task(
            storage.transaction([Insert("user_facts", user, fact(user, str(n))) for n in range(12)])
        )
        await begun.wait()
        await asyncio.sleep(0.3)
        patch.setattr(Client, "call", real)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await storage.count("user_facts", user) == 0
    assert await leftovers(storage) == ([], [], set())
