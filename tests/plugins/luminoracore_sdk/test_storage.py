"""The verbs of a storage, and the modules over it."""

from __future__ import annotations

import asyncio

import pytest
from luminoracore_sdk import LuminoraCoreClientV11
from luminoracore_sdk.session.manager import SessionManager
from luminoracore_sdk.session.memory import MemoryManager
from luminoracore_sdk.session.state import SessionState
from luminoracore_sdk.session.storage import StorageProvider
from luminoracore_sdk.session.storage_sqlite_v11 import SQLiteStorageV11

from luminora.errors import InputError, PersonalityNotFound, SessionNotFound
from tests.stacks import every_stack, stack

__all__ = ["stack"]


@pytest.fixture
async def storage():
    async with SQLiteStorageV11("one.db") as opened:
        yield opened


async def test_messages_are_kept_in_order_and_found(storage):
    ids = [
        await storage.save_message("s", role, text, user_id="ana", personality_name="alicia")
        for role, text in [("user", "Mi perro se llama Max"), ("assistant", "Qué nombre")]
    ]
    history = await storage.get_history("s")
    assert [(one.id, one["role"], one.content) for one in history] == [
        (ids[0], "user", "Mi perro se llama Max"),
        (ids[1], "assistant", "Qué nombre"),
    ]
    (last,) = await storage.get_history("s", 1)
    assert last.content == "Qué nombre"
    (best, *_) = await MemoryManager(storage).search_memories("s", "perro")
    assert best.id == ids[0]
    with pytest.raises(InputError):
        await storage.save_message("s", "nobody", "Hola")
    with pytest.raises(SessionNotFound):
        await storage.get_history("unknown")


async def test_state_is_kept_with_its_session(storage):
    state = SessionState(storage, await SessionManager(storage).create_session(user_id="ana"))
    assert await state.load() == {}
    await state.save({"step": 2, "seen": ["a"]})
    await state.save({"step": 3})
    assert await state.load() == {"step": 3}
    await storage.save_message(state.session_id, "user", "Hola")
    await storage.aclose()
    assert await state.load() == {"step": 3}
    with pytest.raises(SessionNotFound):
        await storage.save_state("unknown", {})


async def test_a_fact_by_hand_supersedes_and_leaves_a_history(storage):
    for value in ("Madrid", "madrid", "Roma"):
        fact = await storage.save_fact(
            "ana", "location", "city", value, confidence=0.8, context="by hand", tags=["x"]
        )
    assert (fact.value, fact["mention_count"], fact.tags) == ("Roma", 1, ["x"])
    (kept,) = await storage.get_facts("ana", "location")
    assert kept.value == "Roma"
    assert await storage.get_facts("ana", "work") == []
    assert await storage.get_facts("bea") == []
    core = await storage.core()
    (old,) = await core.storage.find("fact_history", "ana", {})
    assert (old["value"], old["reason"]) == ("Madrid", "superseded")
    for value in (28, 1.5, True, {"a": [1]}):
        assert (await storage.save_fact("ana", "other", "k", value)).value == value


async def test_facts_by_hand_from_many_at_once_are_one_fact(storage):
    await asyncio.gather(*(storage.save_fact("ana", "work", "job", "poeta") for _ in range(10)))
    (fact,) = await storage.get_facts("ana")
    assert fact.mention_count == 10


async def test_an_episode_by_hand(storage):
    one = await storage.save_episode("ana", "milestone", "Boda", "Ana se casó.", 9, "positive")
    await storage.save_episode("ana", "routine", "Té", "Tomó té.", 2)
    assert [found.title for found in await storage.get_episodes("ana")] == ["Boda"]
    assert [found.title for found in await storage.get_episodes("ana", 0)] == ["Boda", "Té"]
    assert one["episode_type"] == one.type == "milestone"
    assert await storage.get_episodes("bea", 0) == []


async def test_affinity_by_hand_is_bounded_exact_and_logged(storage):
    assert await storage.get_affinity("ana", "sakura") is None
    await asyncio.gather(*(storage.update_affinity("ana", "sakura", 2) for _ in range(10)))
    found = await storage.get_affinity("ana", "sakura")
    assert found.points == found.affinity_points == 20
    assert (await storage.update_affinity("ana", "sakura", 500, "gift")).points == 100
    top = await storage.update_affinity("ana", "sakura", -1000)
    assert (top.points, top.current_level) == (0, top.level)
    core = await storage.core()
    events = await core.storage.find("affinity_events", "ana", {}, order=("created_at",))
    assert [event["points"] for event in events] == [2] * 10 + [80, -100]
    assert events[-2]["event"] == "gift"
    assert await storage.get_affinity("bea", "sakura") is None


@pytest.mark.parametrize(
    "act",
    [
        lambda storage: storage.save_fact("ana", "", "k", 1),
        lambda storage: storage.save_fact("", "c", "k", 1),
        lambda storage: storage.save_fact("ana", "c", "k", None),
        lambda storage: storage.save_fact("ana", "c", "k", "a\0"),
        lambda storage: storage.save_fact("ana", "c", "k", 1, confidence=2),
        lambda storage: storage.save_fact("ana", "c", "k", 1, confidense=1),
        lambda storage: storage.save_episode("ana", "t", "t", "s", 11),
        lambda storage: storage.save_episode("ana", "t", "t", "", 5),
        lambda storage: storage.save_episode("ana", "t", "t", "s", 5, "great"),
        lambda storage: storage.update_affinity("ana", "sakura", 1.5),
        lambda storage: storage.update_affinity("ana", "sakura", 1, ""),
    ],
)
async def test_what_cannot_be_kept_is_refused_and_leaves_no_trace(storage, act):
    with pytest.raises(InputError):
        await act(storage)
    kept = (await storage.core()).storage
    for name in ("user_facts", "episodes", "user_affinity", "affinity_events"):
        assert await kept.count(name, "ana") == 0


async def test_affinity_with_nobody_is_refused(storage):
    with pytest.raises(PersonalityNotFound):
        await storage.update_affinity("ana", "nobody", 1)


@pytest.mark.parametrize("path", [":memory:", "", "file:x?mode=memory"])
def test_a_database_that_would_forget_is_refused(path):
    with pytest.raises(InputError, match="not the path of a file"):
        SQLiteStorageV11(path)


async def test_without_a_path_it_is_the_database_of_luminora_json(tmp_path):
    (tmp_path / "work" / "luminora.json").write_text(
        '{"storage_provider": {"name": "sqlite", "config": {"database_path": "mine.db"}}}'
    )
    async with StorageProvider() as storage:
        await storage.save_message("s", "user", "Hola")
    assert (tmp_path / "work" / "mine.db").is_file()
    async with SQLiteStorageV11("other.db") as storage:
        await storage.save_message("s", "user", "Hola")
    assert (tmp_path / "work" / "other.db").is_file()


@pytest.mark.parametrize("stack", every_stack("sqlite", "postgresql"), indirect=True)
async def test_a_companion_on_the_stack_of_luminora_json(stack):
    async with LuminoraCoreClientV11() as client:
        first = await client.send_message_with_memory("s", "Me llamo Carlos", "sakura")
        await client.save_fact("s", "location", "city", "Roma")
        await client.update_affinity("s", "sakura", 30)
        await client.save_episode("s", "milestone", "Viaje", "Carlos se fue a Roma.", 8)
    async with LuminoraCoreClientV11() as client:
        reply = await client.send_message_with_memory("s", "¿Cómo me llamo?", "sakura")
        assert "Carlos" in reply.response
        assert reply.affinity_points > first.affinity_points + 30 - 1
        assert {fact.value for fact in await client.get_facts("s")} == {"Carlos", "Roma"}
        assert [one.title for one in await client.get_episodes("s")] == ["Viaje"]
    assert "luminora.json is used" in reply.warnings[1]
