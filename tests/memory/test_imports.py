from __future__ import annotations

from datetime import UTC, datetime

import pytest

from luminora.client import LuminoraCoreClient
from luminora.errors import InputError
from tests.doubles import ScriptedEmbedding, stack_with


def turns(count: int) -> list[dict]:
    return [
        {
            "role": "user" if n % 2 == 0 else "assistant",
            "content": f"message number {n} about topic {n % 7}",
            "speaker": "Caroline" if n % 2 == 0 else "Melanie",
            "timestamp": f"2023-05-08T13:{n // 60 % 60:02}:{n % 60:02}Z",
            "id": f"D1:{n}",
        }
        for n in range(count)
    ]


async def test_an_imported_conversation_is_there_in_order_and_searchable_at_once(client):
    session = await client.create_session("caroline")
    items = [
        {
            "role": "user",
            "content": "I adopted a puppy named Oliver",
            "id": "D1:1",
            "speaker": "Mel",
        },
        {
            "role": "assistant",
            "content": "He likes the beach",
            "id": "D1:2",
            "timestamp": 1683550000,
        },
        {"role": "user", "content": "My guitar lessons start on Monday", "id": "D1:3"},
    ]

    report = await client.import_messages(session, items)

    assert (report.imported, report.skipped, report.pending) == (3, 0, 0)
    best = (await client.search_memories(session, "what is the dog called?"))[0]
    assert best.id == best.message_id == "D1:1"
    assert best.content == items[0]["content"]
    assert best.speaker == "Mel"
    assert not await client.get_facts(session)
    assert (await client.get_affinity(session)).total_messages == 0


async def test_order_is_that_of_the_times_and_the_file(client):
    session = await client.create_session("u")
    await client.import_messages(session, turns(1200))

    history = await client.get_history(session, limit=None)

    assert [f"D1:{n}" for n in range(1200)] == [message.id for message in history]
    assert history[61].timestamp == datetime(2023, 5, 8, 13, 1, 1, tzinfo=UTC)


async def test_importing_again_skips_what_is_there(client):
    session = await client.create_session("u")
    await client.import_messages(session, turns(600))

    report = await client.import_messages(session, turns(610))

    assert (report.imported, report.skipped) == (10, 600)
    assert len(await client.get_history(session, limit=None)) == 610


async def test_an_asynchronous_source_works_too(client):
    async def source():
        for item in turns(5):
            yield item

    session = await client.create_session("u")
    assert (await client.import_messages(session, source())).imported == 5


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        ({"content": "x"}, "role is None"),
        ({"role": "robot", "content": "x"}, "role is 'robot'"),
        ({"role": "user"}, "expected text, found NoneType"),
        ({"role": "user", "content": ""}, "the text is empty"),
        ({"role": "user", "content": "a\0b"}, "NUL"),
        ({"role": "user", "content": "\ud800"}, "surrogate"),
        ({"role": "user", "content": "x" * 100_001}, "100,001 characters"),
        ({"role": "user", "content": "x", "timestamp": "yesterday"}, "is not a time"),
        ({"role": "user", "content": "x", "timestamp": float("inf")}, "is not a time"),
        ({"role": "user", "content": "x", "timestamp": True}, "is not a time"),
        ({"role": "user", "content": "x", "id": "i" * 256}, "256 characters"),
        ({"role": "user", "content": "x", "speaker": ["a"]}, "expected text"),
        ("just text", "expected an object"),
    ],
)
async def test_a_bad_item_is_named_and_its_batch_is_not_stored(client, item, complaint):
    session = await client.create_session("u")

    with pytest.raises(InputError, match=complaint) as caught:
        await client.import_messages(session, [*turns(3), item])

    assert "item 4" in str(caught.value)
    assert await client.get_history(session) == []


async def test_messages_stay_pending_while_the_embedding_provider_is_down_and_are_finished_later():
    embedding = ScriptedEmbedding(batch=1000)
    embedding.failures = [RuntimeError("down")]
    async with await LuminoraCoreClient(stack_with(embedding=embedding)) as client:
        session = await client.create_session("u")

        report = await client.import_messages(session, turns(20))
        assert (report.imported, report.pending) == (20, 20)
        assert (await client.search_memories(session, "topic number 3"))[0].reasons["lexical"] > 0

        assert await client.reindex() == 20
        assert await client.reindex() == 0
        found = await client.search_memories(session, "topic number 3")
        assert any("similarity" in one.reasons for one in found)
