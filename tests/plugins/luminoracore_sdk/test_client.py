"""The client of v1.0, and what v1.1 adds to it when asked."""

from __future__ import annotations

import json

import pytest
from luminoracore_sdk import LuminoraCoreClient, MemoryConfig, PersonalityConfig
from luminoracore_sdk.personality.manager import PersonalityManager

from luminora.errors import (
    InputError,
    PersonalityNotFound,
    SessionNotFound,
)
from tests.doubles import ScriptedLLM

TOLD = {
    "facts": [
        {"category": "personal_info", "key": "name", "value": "Diego", "confidence": 0.9},
    ],
    "retractions": [],
    "sentiment": "positive",
    "mood": {"name": "happy", "intensity": 0.9},
    "affinity": {"event": "message_exchanged", "reason": "talk"},
    "episode": {
        "type": "milestone",
        "title": "Diego arrives",
        "summary": "Diego introduces himself.",
        "importance": 9,
        "sentiment": "positive",
        "tags": [],
    },
}


@pytest.fixture
def model():
    llm = ScriptedLLM()
    llm.analysis = TOLD
    return llm


async def test_without_configurations_it_knows_the_conversation_and_nothing_else(model):
    async with LuminoraCoreClient() as client:
        session_id = await client.create_session("sakura", model)
        await client.send_message(session_id, "Hola, soy Diego")
        reply = await client.send_message(session_id, "¿Cómo me llamo?")
        said = await client.get_conversation(session_id)
        core = await client.storage.core()
        learned = {
            name: await core.storage.count(name, session_id)
            for name in ("user_facts", "episodes", "session_moods")
        }
        affinity = await core.storage.get_affinity(session_id, "sakura")
    assert reply.content == reply.text == reply["response"] == str(reply) == "Entendido."
    assert not reply.degraded
    assert reply.provider == "scripted"
    assert [one.role for one in said] == ["user", "assistant"] * 2
    assert model.asked("analysis") == []
    assert "Hola, soy Diego" in [turn.content for turn in model.requests[-1].messages]
    assert learned == {"user_facts": 0, "episodes": 0, "session_moods": 0}
    assert affinity["affinity_points"] == 0


@pytest.mark.parametrize(
    ("call", "switch"),
    [
        (lambda client, one: client.get_facts(one), "enable_fact_extraction"),
        (lambda client, one: client.get_episodes(one), "enable_episodic_memory"),
        (lambda client, one: client.search_memories(one, "Max"), "enable_semantic_search"),
        (lambda client, one: client.get_affinity(one), "enable_hierarchical"),
    ],
)
async def test_what_is_switched_off_says_how_to_switch_it_on(call, switch):
    async with LuminoraCoreClient() as client:
        session_id = await client.create_session()
        with pytest.raises(InputError) as refused:
            await call(client, session_id)
    assert switch in refused.value.hint


@pytest.mark.parametrize(
    ("memory", "personality", "learned"),
    [
        (MemoryConfig(enable_fact_extraction=True), None, {"user_facts"}),
        (MemoryConfig(enable_episodic_memory=True), None, {"episodes"}),
        (None, PersonalityConfig(enable_moods=True), {"session_moods"}),
        (None, PersonalityConfig(enable_hierarchical=True), {"affinity"}),
        (
            MemoryConfig(enable_all=True),
            PersonalityConfig(enable_all=True),
            {"user_facts", "episodes", "session_moods", "affinity"},
        ),
    ],
)
async def test_each_feature_is_switched_on_by_itself(model, memory, personality, learned):
    client = LuminoraCoreClient(memory_config=memory, personality_config=personality)
    async with client:
        session_id = await client.create_session("sakura", model)
        reply = await client.send_message(session_id, "Hola, soy Diego")
        storage = (await client.storage.core()).storage
        found = {
            name
            for name in ("user_facts", "episodes", "session_moods")
            if await storage.count(name, session_id)
        }
        affinity = await storage.get_affinity(session_id, "sakura")
    assert found | ({"affinity"} if affinity["affinity_points"] else set()) == learned
    assert len(model.asked("analysis")) == 1
    assert reply.facts_learned == len(reply.new_facts) == ("user_facts" in learned)


async def test_the_embedded_responder_learns_no_more_than_the_model_it_stands_in_for(model):
    model.conversation = model.analysis = RuntimeError("out of order")
    memory = MemoryConfig(enable_episodic_memory=True)
    async with LuminoraCoreClient(memory_config=memory) as client:
        session_id = await client.create_session("sakura", model)
        reply = await client.send_message(session_id, "Me llamo Carlos y mi perro Max murió ayer")
        assert await client.get_episodes(session_id)
        storage = (await client.storage.core()).storage
        assert await storage.count("user_facts", session_id) == 0
    assert reply.degraded
    assert "out of order" in reply.degraded_reason
    assert reply.affinity_points == 0
    assert reply.mood == "neutral"


@pytest.mark.parametrize("search", [True, False])
async def test_other_sessions_are_recalled_only_with_semantic_search(model, search):
    memory = MemoryConfig(enable_semantic_search=search)
    async with LuminoraCoreClient(memory_config=memory) as client:
        for text in ("Mi perro se llama Max", "¿Cómo se llama mi perro?"):
            session_id = await client.create_session("sakura", model, user_id="ana")
            reply = await client.send_message(session_id, text)
    prompt = "".join(turn.content for turn in model.requests[-1].messages)
    assert ("Max" in prompt) is search
    assert bool(reply.memories) is search


async def test_the_conversation_of_the_roadmap():
    client = LuminoraCoreClient(memory_config=MemoryConfig(enable_all=True))
    async with client:
        session_id = await client.create_session()
        await client.send_message(session_id, "Hola, soy Diego y me encanta Naruto")
        facts = await client.get_facts(session_id)
        assert any(f.key == "name" and f.value == "Diego" for f in facts)
        assert any(f.key == "favorite_anime" for f in facts)
        await client.send_message(session_id, "Mi perro Max murió ayer")
        episodes = await client.get_episodes(session_id)
        assert episodes[0].importance >= 7.0
        assert episodes[0]["episode_type"] == episodes[0].type
        results = await client.search_memories(session_id, "cuando hablamos de mi mascota")
        assert any("Max" in r.content for r in results)


async def test_sessions_are_users_of_their_own_unless_one_is_named():
    memory = MemoryConfig(enable_all=True)
    async with LuminoraCoreClient(memory_config=memory) as client:
        one = await client.create_session("sakura")
        other = await client.create_session("sakura")
        await client.send_message(one, "Me llamo Carlos")
        assert await client.get_facts(other) == []
        first = await client.create_session("sakura", user_id="ana")
        second = await client.create_session("alicia", user_id="ana", session_id="mine")
        await client.send_message(first, "Me llamo Ana")
        assert second == "mine"
        assert [fact.value for fact in await client.get_facts(second)] == ["Ana"]
        listed = await client.session_manager.list_sessions("ana")
        assert {session.session_id for session in listed} == {first, second}


async def test_a_stream_has_pieces_and_at_the_end_the_reply(model):
    model.pieces = ["Hola, ", "Diego."]
    async with LuminoraCoreClient() as client:
        session_id = await client.create_session("sakura", model)
        pieces = [piece async for piece in client.stream_message(session_id, "Soy Diego")]
        assert [piece.content for piece in pieces] == ["Hola, ", "Diego.", ""]
        assert pieces[-1].reply.response == "Hola, Diego."
        assert pieces[-1].reply.provider == "scripted"
        stream = client.stream_message(session_id, "¿Y ahora?")
        assert (await anext(stream)).content == "Hola, "
        await stream.aclose()
        with pytest.raises(SessionNotFound):
            await anext(client.stream_message("nobody", "Hola"))


async def test_a_call_has_parameters_of_its_own(model):
    memory = MemoryConfig(enable_fact_extraction=True)
    async with LuminoraCoreClient(memory_config=memory) as client:
        session_id = await client.create_session("sakura", model)
        await client.send_message(session_id, "Hola", temperature=0.33, max_tokens=9)
        await client.send_message(session_id, "Hola")
    (warm, plain) = model.asked("conversation")
    assert (warm.temperature, warm.max_tokens) == (0.33, 9)
    assert (plain.temperature, plain.max_tokens) == (None, None)
    assert all(asked.temperature != 0.33 for asked in model.asked("analysis"))


async def test_it_opens_again_after_it_was_closed_and_outlives_its_managers():
    client = LuminoraCoreClient(memory_config=MemoryConfig(enable_all=True))
    session_id = await client.create_session("sakura")
    await client.send_message(session_id, "Me llamo Carlos")
    await client.cleanup()
    await client.cleanup()
    client.session_manager = client.personality_manager = None
    assert (await client.get_session_info(session_id)).personality_name == "sakura"
    assert "Carlos" in str(await client.send_message(session_id, "¿Cómo me llamo?"))
    assert "sakura" in await client.list_personalities()
    await client.cleanup()


async def test_personalities_by_name_by_folder_and_by_hand(tmp_path):
    shipped = await PersonalityManager().get_personality("alicia")
    folder = tmp_path / "own"
    folder.mkdir()
    document = shipped.to_document()
    document["persona"]["name"] = "Lola"
    (folder / "lola.json").write_text(json.dumps(document), encoding="utf-8")
    manager = PersonalityManager(folder)
    prompt = "Speak like a pirate."
    await manager.load_personality("Pirata", {"description": "A pirate.", "system_prompt": prompt})
    assert {"Pirata", "lola", "sakura"} <= set(await manager.list_personalities())
    model = ScriptedLLM()
    async with LuminoraCoreClient(personality_manager=manager) as client:
        for name, slug in {"lola": "lola", "Pirata": "pirata", "default": "sakura"}.items():
            session_id = await client.create_session(name, model)
            assert (await client.get_session_info(session_id)).personality_name == slug
        with pytest.raises(PersonalityNotFound):
            await client.create_session("nobody_of_that_name")
        with pytest.raises(InputError):
            await client.create_session("../own/lola")
        assert await manager.get_personality("../own/lola") is None
        session_id = await client.create_session("Pirata", model)
        await client.send_message(session_id, "Hola")
    assert prompt in model.requests[-1].messages[0].content


async def test_bad_input_is_refused_and_leaves_no_trace():
    async with LuminoraCoreClient() as client:
        session_id = await client.create_session("sakura")
        with pytest.raises(InputError):
            await client.send_message(session_id, "")
        for config in ({"nom": "deepseek"}, {"model": "x"}, 7):
            with pytest.raises(InputError):
                await client.send_message(session_id, "Hola", provider_config=config)
            with pytest.raises(InputError):
                await client.create_session("sakura", config, session_id="never")
        assert await client.get_conversation(session_id) == []
        assert await client.get_session_info("never") is None


async def test_snapshots_are_luminoras():
    features = MemoryConfig(enable_all=True)
    async with LuminoraCoreClient(memory_config=features) as client:
        session_id = await client.create_session(user_id="diego")
        await client.send_message(session_id, "Me llamo Carlos")
        snapshot = await client.export_snapshot(session_id)
        restored = await client.import_snapshot(snapshot, "ana")
        assert [fact.value for fact in await client.get_facts(restored)] == ["Carlos"]
