"""One conversation is deleted: all of it, once, and nothing of another."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from luminora.errors import SessionNotFound, StorageUnavailable
from luminora.providers import Delete


async def left(client, session_id):
    """How much there still is of a session."""
    own = {"session_id": session_id}
    names = ("messages", "episodes", "session_moods", "sessions")
    return [await client.storage.count(name, "ana", own) for name in names]


async def imported(client, session_id, count):
    await client.create_session("ana", session_id=session_id)
    said = [
        {"role": "user" if n % 2 == 0 else "assistant", "content": f"number {n}", "id": f"i{n}"}
        for n in range(count)
    ]
    await client.import_messages(session_id, said)


async def test_a_long_conversation_is_counted_once_and_deleted_whole(client):
    await imported(client, "long", 450)
    await client.create_session("ana", session_id="other")
    await client.send_message("other", "Vivo en Lima")
    tried = await client.forget_session("long", dry_run=True)
    assert tried == {"messages": 450, "sessions": 1}
    gone = await client.forget_session("long")
    assert gone == {**tried, "message_embeddings": 450}
    assert await left(client, "long") == [0, 0, 0, 0]
    assert await client.index.vectors.count({"user_id": "ana"}) == 2
    assert len(await client.get_history("other")) == 2
    with pytest.raises(SessionNotFound):
        await client.get_session("long")


async def test_what_is_said_while_it_is_deleted_goes_too(client, monkeypatch):
    await imported(client, "s", 4)
    transaction = client.storage.transaction
    late = False

    async def racing(operations):
        nonlocal late
        ends = any(isinstance(one, Delete) and one.collection == "sessions" for one in operations)
        if ends and not late:
            late = True
            await client.send_message("s", "one moment")
        return await transaction(operations)

    monkeypatch.setattr(client.storage, "transaction", racing)
    await client.forget_session("s")
    assert late
    assert await left(client, "s") == [0, 0, 0, 0]
    assert await client.index.vectors.count({"user_id": "ana"}) == 0
    with pytest.raises(SessionNotFound):
        await client.send_message("s", "and another")


async def test_many_who_talk_meanwhile_leave_nothing_behind(client):
    await client.create_session("ana", session_id="s")

    async def talk(number):
        with suppress(SessionNotFound):
            await client.send_message("s", f"message {number}")

    await asyncio.gather(*(talk(n) for n in range(10)), client.forget_session("s"))
    assert (await left(client, "s"))[0] == 0
    assert (await left(client, "s"))[3] == 0
    assert await client.index.vectors.count({"user_id": "ana"}) == 0


async def test_an_interrupted_run_can_be_repeated(client, monkeypatch):
    await imported(client, "s", 300)
    transaction, calls = client.storage.transaction, 0

    async def failing(operations):
        nonlocal calls
        calls += 1
        if calls == 2:
            raise StorageUnavailable("gone")
        return await transaction(operations)

    monkeypatch.setattr(client.storage, "transaction", failing)
    with pytest.raises(StorageUnavailable):
        await client.forget_session("s")
    assert await left(client, "s") == [100, 0, 0, 1]
    await client.forget_session("s")
    assert await left(client, "s") == [0, 0, 0, 0]
