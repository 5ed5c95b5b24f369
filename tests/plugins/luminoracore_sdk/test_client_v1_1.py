"""The client of v1.1: sessions on the fly, users, personalities, failures."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime

import apsw
import pytest
from luminoracore_sdk import LuminoraCoreClient, LuminoraCoreClientV11
from luminoracore_sdk.session.storage_sqlite_v11 import SQLiteStorageV11

from luminora.errors import InputError
from luminora.providers import EVERY_USER
from tests.doubles import ScriptedLLM


@pytest.fixture
async def client():
    async with LuminoraCoreClientV11(storage_v11=SQLiteStorageV11("one.db")) as opened:
        yield opened


async def test_a_user_is_known_in_every_session_and_others_are_not(client):
    await client.send_message_with_memory("s1", "Me llamo Ana", "sakura", user_id="ana")
    reply = await client.send_message_with_memory("s2", "¿Cómo me llamo?", user_id="ana")
    assert "Ana" in reply.response
    assert reply.context_used
    assert [fact.value for fact in await client.get_facts("ana")] == ["Ana"]
    assert [fact.value for fact in await client.get_facts(user_id="ana")] == ["Ana"]
    assert (await client.get_affinity(user_id="ana", personality_name="sakura")).points > 0
    assert await client.get_facts("bea") == []
    assert await client.get_episodes("bea") == []
    assert await client.search_memories("bea", "Ana") == []
    stranger = await client.send_message_with_memory("s3", "¿Cómo me llamo?", user_id="bea")
    assert "Ana" not in stranger.response
    assert not stranger.context_used


async def test_another_users_session_is_refused_and_nothing_is_written(client):
    await client.send_message_with_memory("s1", "Me llamo Ana", user_id="ana")
    before = await client.storage_v11.get_history("s1")
    reply = await client.send_message_with_memory("s1", "Hola", user_id="bea")
    assert not reply.success
    assert reply.response == str(reply) == ""
    assert "another user" in reply.error
    assert await client.storage_v11.get_history("s1") == before


async def test_another_personality_in_one_session_knows_the_same_facts(client):
    await client.send_message_with_memory("s", "Me llamo Ana", "sakura")
    reply = await client.send_message_with_memory("s", "¿Cómo me llamo?", "alicia")
    assert reply.personality_name == "alicia"
    assert reply.session_id == "s"
    assert "Ana" in reply.response
    assert (await client.send_message_with_memory("s", "Hola")).personality_name == "sakura"
    assert (await client.get_affinity("s", "alicia")).total_messages == 1
    assert (await client.get_affinity("s", "sakura")).total_messages == 2
    assert (await client.get_affinity("s")).personality_name == "sakura"
    assert (await client.get_affinity("s", "marisol")).points == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("s", "", "sakura"), "empty"),
        (("s", "Hola", "nobody_at_all"), "no personality"),
        (("", "Hola", "sakura"), "session_id"),
        (("x" * 300, "Hola", "sakura"), "limit"),
        (("s", "a\0b", "sakura"), "NUL"),
    ],
)
async def test_bad_input_is_told_not_raised(client, arguments, error):
    reply = await client.send_message_with_memory(*arguments)
    assert not reply.success
    assert reply.degraded
    assert error in reply.error
    core = await client.storage_v11.core()
    for name in ("sessions", "messages", "user_affinity"):
        assert await core.storage.count(name, EVERY_USER) == 0


async def test_a_database_that_cannot_be_used_is_told_not_raised(tmp_path):
    file = tmp_path / "no.db"
    file.write_bytes(b"this is no database, and it is long enough to see that" * 99)
    client = LuminoraCoreClientV11(storage_v11=SQLiteStorageV11(file))
    reply = await client.send_message_with_memory("s", "Hola", "sakura")
    assert not reply.success
    assert str(file) in reply.error
    await client.aclose()


async def test_a_file_of_the_original_sdk_is_left_alone_unless_a_prefix_keeps_both(monkeypatch):
    old = apsw.Connection("old.db")
    old.execute("CREATE TABLE sessions (session_id TEXT); INSERT INTO sessions VALUES ('theirs')")
    for prefix, success in {"": False, "luminora_": True}.items():
        monkeypatch.setenv("LUMINORA_MIGRATIONS__TABLE_PREFIX", prefix)
        async with LuminoraCoreClientV11(None, SQLiteStorageV11("old.db")) as client:
            reply = await client.send_message_with_memory("s", "Hola", "sakura")
        assert reply.success is success
        assert success or "table_prefix" in reply.error
        assert old.execute("SELECT * FROM sessions").fetchall() == [("theirs",)]
    old.close()


async def test_a_session_of_the_base_client_goes_on_with_memory(client):
    model = ScriptedLLM()
    base = LuminoraCoreClient(storage=client.storage_v11)
    both = LuminoraCoreClientV11(base, client.storage_v11)
    session_id = await base.create_session("sakura", model)
    await base.send_message(session_id, "Hola")
    reply = await both.send_message_with_memory(session_id, "Me llamo Ana")
    assert reply.provider == "scripted"
    assert reply.affinity_points > 0
    assert reply.warnings == []
    assert len(await base.get_conversation(session_id)) == 4


async def test_what_is_not_ours_is_replaced_and_named():
    for base, storage, named in [(object(), object(), "object"), (7, "one.db", "str")]:
        async with LuminoraCoreClientV11(base, storage) as client:
            reply = await client.send_message_with_memory("s", "Me llamo Ana", "sakura")
            assert reply.success
            assert len(reply.warnings) == 2
            assert f"storage_v11 is a {named}" in reply.warnings[1]


async def test_one_session_begun_by_many_at_once_is_one(client):
    replies = await asyncio.gather(
        *(client.send_message_with_memory("s", f"Mensaje {n}", "sakura") for n in range(20))
    )
    assert all(reply.success for reply in replies)
    assert len(await client.storage_v11.get_history("s", None)) == 40
    assert (await client.get_affinity("s")).total_messages == 20


async def test_many_sessions(client):
    async def talk(number):
        name = f"s{number}"
        await client.send_message_with_memory(name, f"Tengo {20 + number} años", "sakura")
        return [fact.value for fact in await client.get_facts(name) if fact.key == "age"]

    ages = await asyncio.gather(*(talk(number) for number in range(60)))
    assert ages == [[20 + number] for number in range(60)]


async def test_everything_handed_out_is_json_with_attributes(client):
    await client.send_message_with_memory("s", "Mi perro Max murió ayer y vivo en Roma", "sakura")
    reply = await client.send_message_with_memory("s", "¿Dónde vivo?", "sakura")
    handed = [
        reply,
        await client.get_facts("s"),
        await client.get_episodes("s"),
        await client.search_memories("s", "Max"),
        await client.get_affinity("s"),
        await client.storage_v11.get_history("s"),
    ]
    assert all(handed)
    assert json.loads(json.dumps(handed)) == handed
    fact = handed[1][0]
    assert fact.key == fact["key"]
    assert datetime.fromisoformat(fact.last_updated).utcoffset() is not None
    with pytest.raises(AttributeError, match="no 'valve', only id"):
        fact.valve  # noqa: B018 - looking is the test


async def test_an_id_is_needed(client):
    with pytest.raises(InputError, match="no id"):
        await client.get_facts()


async def test_sessions_begun_by_hand_keep_their_model(client):
    model = ScriptedLLM()
    session_id = await client.create_session("ana", "alicia", model)
    reply = await client.send_message_with_memory(session_id, "Hola")
    assert (reply.user_id, reply.personality_name) == ("ana", "alicia")
    assert reply.provider == "scripted"
    assert not reply.degraded
