"""Another embedding model: built beside the old index, switched in one step, nothing lost."""

from __future__ import annotations

import asyncio

import pytest

from luminora.client import LuminoraCoreClient
from luminora.errors import Conflict, ConnectionFailed, DimensionMismatch
from luminora.memory.indexes import next_name, unfinished
from luminora.providers import EVERY_USER
from tests.doubles import ScriptedEmbedding, stack_with


def model(dimension: int, name: str = "") -> ScriptedEmbedding:
    embedding = ScriptedEmbedding(dimension=dimension, batch=1_000)
    embedding.model_id = name or f"model-{dimension}"
    embedding.vector = lambda text: [1.0, *(float(len(text) % n) for n in range(2, dimension + 1))]
    return embedding


def client_with(embedding: ScriptedEmbedding) -> LuminoraCoreClient:
    return LuminoraCoreClient(stack_with(embedding=embedding))


def turns(count: int, begin: int = 0) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"turn {n} of many"} for n in range(begin, begin + count)]


async def by_meaning(client: LuminoraCoreClient, session: str) -> bool:
    found = await client.search_memories(session, "words nobody used", 5)
    return bool(found) and all("similarity" in one.reasons for one in found)


async def states(client: LuminoraCoreClient) -> dict[str, str]:
    rows = await client._storage.find("embedding_state", EVERY_USER)
    return {row["index_name"]: row["status"] for row in rows}


async def test_the_old_index_answers_while_the_new_one_is_built_and_after():
    async with client_with(model(4)) as old, client_with(model(5)) as new:
        session = await old.create_session("u")
        await old.import_messages(session, turns(700))
        answered = []

        async def ask() -> None:
            while True:
                answered.append(await by_meaning(old, session))
                await asyncio.sleep(0)

        asking = asyncio.create_task(ask())
        shown = []
        assert await new.reembed(lambda done, total: shown.append((done, total))) == 700
        asking.cancel()

        assert answered
        assert all(answered)
        assert shown[0] == (0, 700)
        assert shown[-1] == (700, 700)
        assert await states(new) == {"messages": "retired", "messages_2": "active"}
        assert await by_meaning(new, session)
        assert await by_meaning(old, session), "whoever still runs with the old model"
        with pytest.raises(DimensionMismatch, match=r"(?s)5 dimensions.*yields 4"):
            async with client_with(model(4)) as late:
                await late.search_memories(session, "turn")
        assert await new.reembed() == 0


async def test_what_is_said_meanwhile_is_in_the_new_index_whoever_hears_it():
    async with client_with(model(4)) as old, client_with(model(5)) as new:
        session = await old.create_session("u")
        await old.import_messages(session, turns(20))
        embedding = new._index.embedding
        real, said = embedding.embed, []

        async def embed(texts, **rest):
            if not said:
                said.append(await old.import_messages(session, turns(5, begin=100)))
            return await real(texts, **rest)

        embedding.embed = embed
        assert await new.reembed() == 25
        late = await old.import_messages(session, turns(5, begin=200))
        assert late.imported == 5
        assert await new.reindex() == 5
        assert await new._index.vectors.count({"user_id": "u"}) == 30
        assert await old.reindex() == 0, "the old one takes nothing back"


async def test_a_client_of_the_new_model_may_work_while_its_index_is_built():
    async with client_with(model(4)) as old:
        session = await old.create_session("u")
        await old.import_messages(session, turns(600))
    builder = model(5)
    async with client_with(builder) as new:
        real = builder.create_embeddings_batch

        async def fails_late(texts, *, purpose="document"):
            if builder.calls:
                raise ConnectionFailed("interrupted")
            return await real(texts, purpose=purpose)

        builder.create_embeddings_batch = fails_late
        with pytest.raises(ConnectionFailed):
            await new.reembed()
    async with client_with(model(5)) as other:
        found = await other.search_memories(session, "turn 599 of many")
        assert found[0].content == "turn 599 of many"
        assert (await other.send_message(session, "turn 1000 of many")).text
        assert await states(other) == {"messages": "active", "messages_2": "building"}
        assert await other.reembed() == 600 - 512
        assert await states(other) == {"messages": "retired", "messages_2": "active"}


async def test_drop_old_removes_what_is_not_in_use_and_no_name_comes_back():
    async with client_with(model(4)) as old:
        session = await old.create_session("u")
        await old.import_messages(session, turns(10))
        store = old._stack.vector_store
    async with client_with(model(5)) as new:
        store = new._stack.vector_store
        assert await new.reembed(drop_old=True) == 10
        assert (await store.describe()).dimension is None
        assert (await store.at("messages_2").describe()).count == 10
        assert await states(new) == {"messages": "dropped", "messages_2": "active"}
        assert (await new.forget("u"))["message_embeddings"] == 10
    async with client_with(model(6)) as third:
        await third.reembed(drop_old=True)
        assert (await states(third))["messages_3"] == "active"


async def test_going_back_to_a_kept_index_costs_only_what_came_since():
    async with client_with(model(4)) as one:
        session = await one.create_session("u")
        await one.import_messages(session, turns(30))
    async with client_with(model(5)) as two:
        await two.reembed()
        await two.import_messages(session, turns(3, begin=30))
    again = model(4)
    async with client_with(again) as back:
        assert await back.reembed() == 33
        assert await states(back) == {"messages": "active", "messages_2": "retired"}
        assert await by_meaning(back, session)


async def test_the_same_dimension_of_another_model_is_another_index():
    async with client_with(model(4)) as one:
        session = await one.create_session("u")
        await one.import_messages(session, turns(3))
    async with client_with(model(4, "another")) as other:
        with pytest.raises(DimensionMismatch, match="another"):
            await other.send_message(session, "not written")
        assert await other.reembed() == 3
        assert await by_meaning(other, session)


async def test_of_two_rebuilds_with_different_models_the_later_one_wins():
    async with client_with(model(4)) as first:
        session = await first.create_session("u")
        await first.import_messages(session, turns(1_200))
    async with client_with(model(5)) as five, client_with(model(6)) as six:
        embedding = five._index.embedding
        real, other = embedding.embed, []

        async def embed(texts, **rest):
            if not other:
                other.append(await six.reembed())
            return await real(texts, **rest)

        embedding.embed = embed
        with pytest.raises(Conflict):
            await five.reembed()
        assert await six.reembed() == 512, "what the loser had under its hands"
        assert (await states(six))["messages_3"] == "active"
        assert await six._index.vectors.count({"user_id": "u"}) == 1_200


async def test_vectors_that_are_gone_are_made_again():
    async with client_with(model(4)) as client:
        session = await client.create_session("u")
        await client.import_messages(session, turns(9))
        await client._stack.vector_store.drop()
        assert await client.reembed() == 9
        assert await by_meaning(client, session)


async def test_two_first_users_with_different_models_do_not_both_get_the_lock():
    one, two = client_with(model(4)), client_with(model(5))
    async with one, two:
        sessions = await asyncio.gather(one.create_session("a"), two.create_session("b"))
        outcomes = await asyncio.gather(
            one.send_message(sessions[0], "hello there"),
            two.send_message(sessions[1], "hello there"),
            return_exceptions=True,
        )
        rows = await one._storage.find("embedding_state", EVERY_USER)
        assert [row["index_name"] for row in rows] == ["messages"]
        assert all(
            not isinstance(each, Exception) or isinstance(each, DimensionMismatch)
            for each in outcomes
        )


def test_only_the_newest_index_takes_over_what_others_hold():
    rows = [
        {"index_name": "messages", "status": "active"},
        {"index_name": "messages_2", "status": "building"},
    ]
    assert unfinished(rows, "messages") == ["pending"]
    assert unfinished(rows, "messages_2") == ["pending", "done", "skipped"]
    assert next_name(rows) == "messages_3"
