"""The same companion on every stack, chosen by luminora.json and by nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from luminora.client import LuminoraCoreClient
from luminora.config import load_config
from luminora.errors import DimensionMismatch
from luminora.moving import MOVED, Move
from luminora.providers import EVERY_USER, StorageProvider
from luminora.stack import Stack
from tests.doubles import ScriptedLLM
from tests.stacks import StackFile, every_stack, stack

__all__ = ["stack"]

pytestmark = pytest.mark.parametrize("stack", every_stack(), indirect=True)

STRANGE = [
    "familia 👩‍👩‍👧‍👦 y bandera 🏳️‍🌈",
    "שלום \u202e עולם \u202c fin",
    "café cafe\u0301",
    "\U0001d4b3 𠜎 \U0010ffff",
    "tab\tline\nquote' \" \\ % _ ` $1 :x ?",
    " spaces ",
]


def chat(*lines: str) -> list[dict[str, Any]]:
    """What a ``luminora chat`` of its own process answers."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "luminora",
            "chat",
            "--json",
            "--user",
            "carlos",
            "--personality",
            "sakura",
        ],
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_conversation_of_the_founding_documents(stack: StackFile):
    (first,) = chat("Me llamo Carlos, voy al Himalaya")
    facts = {fact["key"]: fact for fact in first["facts"]}
    assert facts["name"]["value"] == "Carlos"
    assert facts["travel_destination"]["value"] == "Himalaya"
    assert facts["name"]["source_message_id"] == first["message_id"]
    (second,) = chat("¿Cómo te llamas?")
    assert "Sakura" in second["reply"]
    *_, third = chat("Vaya, ¿no lo sabes?", "¿Cómo me llamo?")
    assert "Carlos" in third["reply"]
    assert third["affinity"]["points"] > first["affinity"]["points"] > 0


async def everything(client: LuminoraCoreClient) -> dict[str, list[dict[str, Any]]]:
    return {name: await client.storage.find(name, EVERY_USER) for name in MOVED}


async def test_moving_in_and_out_changes_nothing(stack: StackFile, tmp_path):
    sections = [
        {"storage_provider": {"name": "sqlite", "config": {"database_path": f"{name}.db"}}}
        for name in ("before", "after")
    ]
    files = []
    for number, section in enumerate(sections):
        files.append(tmp_path / f"stack{number}.json")
        files[-1].write_text(json.dumps(section))
    before, after = (LuminoraCoreClient.from_config(path) for path in files)
    async with before, after, LuminoraCoreClient.from_config(stack.path) as here:
        for user in ("ana", "ana ", "Ana", "ñandú 👩‍👩‍👧‍👦"):
            session = await before.create_session(user, metadata={"$a.b": [1, None, {"": 1.5}]})
            for text in STRANGE:
                await before.send_message(session, text)
            await before.import_messages(
                session,
                [{"role": "user", "content": f"turn {n}", "id": f"t{n}"} for n in range(60)],
            )
        await before.send_message(session, "Me llamo Ana y ayer murió mi perro Max")
        inward = await Move(before, here).run()
        outward = await Move(here, after).run()
        assert await everything(before) == await everything(after)
        checksums = [
            {name: tally.checksum for name, tally in report.collections.items()}
            for report in (inward, outward)
        ]
        assert checksums[0] == checksums[1]
        assert inward.vectors == outward.vectors > 0
        assert inward.embedded == outward.embedded == 0
        again = await Move(before, here).run()
        assert all(tally.written == 0 for tally in again.collections.values())
        history = await here.get_history(session, limit=None)
        assert [one.content for one in history if one.role == "user"][:6] == STRANGE
        counts = await here.forget("ana")
        assert counts["messages"] == 72
        assert await here.storage.count("messages", "ana") == 0
        assert await here.storage.count("messages", "ana ") == 72


async def test_what_is_kept_can_be_looked_at_and_mended(stack: StackFile):
    async with LuminoraCoreClient.from_config(stack.path) as client:
        await client.create_session("ana", "sakura", session_id="s1")
        await client.create_session("ana", "sakura", session_id="s2")
        await client.create_session("leo", "sakura", session_id="s3")
        first = await client.send_message("s1", "Hola, soy Ana y vivo en Lima")
        await client.send_message("s1", "Me casé ayer con mi novio Luis, el mejor día de mi vida")
        await client.send_message("s2", "Mi hermano se llama Pablo")
        await client.send_message("s3", "Vivo en Quito")

        listed = await client.list_all_sessions()
        assert [one.session_id for one in listed] == ["s3", "s2", "s1"]
        said = await client.list_messages("ana")
        assert [one.session_id for one in said] == ["s1"] * 4 + ["s2"] * 2
        assert await client.list_messages("ana", before=said[2].timestamp, limit=1) == said[1:2]
        assert await client.reindex_messages("s2", [first.message_id]) == 1

        assert (await client.set_affinity("s1", 55, "by hand")).points == 55
        assert (await client.get_affinity_events("s1"))[0].event == "manual"
        (moment,) = await client.get_episodes("s1", 0)
        await client.delete_episode("s2", moment.id)
        assert await client.get_episodes("s1", 0) == []

        tried = await client.forget_session("s1", dry_run=True)
        gone = await client.forget_session("s1")
        assert gone.pop("message_embeddings") == 4
        assert gone == tried
        assert await client.list_messages("ana") == said[4:]
        assert [fact.value for fact in await client.get_facts("s2")] == ["Pablo"]
        assert len(await client.list_messages("leo")) == 2
        assert (await client.get_affinity("s2")).points == 55


async def test_many_at_once_lose_and_double_nothing(stack: StackFile):
    async with LuminoraCoreClient.from_config(stack.path) as client:
        sessions = [await client.create_session("ana") for _ in range(4)]
        answers = await asyncio.gather(
            *(
                client.send_message(sessions[n % 4], f"Me gusta el número {n}", f"key {n // 2}")
                for n in range(0, 40, 2)
            ),
        )
        again = await asyncio.gather(
            *(
                client.send_message(sessions[n % 4], f"Me gusta el número {n}", f"key {n // 2}")
                for n in range(0, 40, 2)
            )
        )
        assert [one.message_id for one in again] == [one.message_id for one in answers]
        assert all(one.duplicate for one in again)
        assert await client.storage.count("messages", "ana") == 40
        info = await client.get_affinity(sessions[0])
        assert info.total_messages == 20
        events = await client.get_affinity_events(sessions[0], 100)
        assert sum(event.points for event in events) == info.points
        assert await client.count_jobs() == {"ready": 0, "leased": 0, "dead": 0}


async def test_two_clients_at_once_exceed_no_cap(stack: StackFile):
    persona = {
        "persona": {"name": "Miser"},
        "core_traits": {},
        "linguistic_profile": {},
        "behavioral_rules": [],
        "affinity_config": {
            "interaction_types": {"message_exchanged": 1, "gratitude": 2},
            "caps_per_day": {"total": 19, "interactions": {"gratitude": 15}},
            "milestones": {"tea": 5},
        },
    }
    async with AsyncExitStack() as opened:
        one = await opened.enter_async_context(LuminoraCoreClient.from_config(stack.path))
        other = one
        if not stack.alone:
            other = await opened.enter_async_context(LuminoraCoreClient.from_config(stack.path))
        session = await one.create_session("ana", persona)
        await asyncio.gather(
            *((one, other)[n % 2].send_message(session, f"gracias {n}") for n in range(14)),
            *((one, other)[n % 2].send_message(session, f"nada nuevo, {n}") for n in range(6)),
        )
        assert await one.count_jobs() == {"ready": 0, "leased": 0, "dead": 0}
        events = await one.get_affinity_events(session, 100)
        info = await one.get_affinity(session)
    days: dict[Any, dict[str, int]] = {}
    for event in events:
        day = days.setdefault(event.created_at.date(), {})
        day[event.event] = day.get(event.event, 0) + event.points
    assert all(day.get("gratitude", 0) <= 15 and sum(day.values()) <= 19 for day in days.values())
    assert info.total_messages == 20
    assert sum(event.points for event in events) == info.points >= 19
    assert [event.milestone for event in events if event.milestone] == ["tea"]


async def test_another_model_gets_an_index_beside_the_old_one(stack: StackFile):
    other = stack.changed(embedding_provider={"name": "static", "config": {"dimension": 128}})
    turns = [f"we talked about the {what}" for what in ("lighthouse", "guitar", "harbour")]
    async with LuminoraCoreClient.from_config(stack.path) as old:
        session = await old.create_session("ana")
        await old.import_messages(session, [{"role": "user", "content": one} for one in turns])
        if stack.alone:  # nobody else may open it meanwhile
            await old.aclose()
        with pytest.raises(DimensionMismatch, match=r"256 dimensions.*128"):
            async with LuminoraCoreClient.from_config(other) as refused:
                await refused.send_message(session, "not written")
        async with AsyncExitStack() as closing:
            new = LuminoraCoreClient.from_config(other)
            closing.push_async_callback(new.aclose)
            assert await new.reembed() == 3
            for client in (new,) if stack.alone else (old, new):
                found = await client.search_memories(session, "musical instrument")
                assert "similarity" in found[0].reasons
                assert found[0].content == turns[1]
            assert await new.reembed(drop_old=True) == 0
            assert (await new.health_check())["checks"]["vector_store"]["status"] == "ok"
    async with LuminoraCoreClient.from_config(other) as later:
        assert (await later.send_message(session, "and about the sea")).text
        assert (await later.forget("ana"))["message_embeddings"] == 5


async def test_a_message_takes_few_round_trips(stack: StackFile):
    """At most four before the model is asked and three behind it; more would be felt far away.

    Behind it the answer is saved, what limits affinity is read (after the affinity row, so that
    daily caps are exact), and what was learned is saved.
    """
    llm = ScriptedLLM()
    built = replace(Stack.build(load_config(stack.path)), llm=llm)
    made = counted(built.storage)
    asked: list[int] = []
    llm.conversation = lambda _: asked.append(len(made)) or "Entendido."
    async with LuminoraCoreClient(built) as client:
        session = await client.create_session("ana")
        for text in ("Me llamo Ana", "Vivo en Madrid", "¿Dónde vivo?"):
            made.clear()
            await client.send_message(session, text)
            assert asked[-1] <= 4, made
            assert len(made) - asked[-1] <= 3, made


def counted(storage: StorageProvider) -> list[str]:
    """The calls of the storage's primitives from now on, without those they make themselves."""
    made: list[str] = []
    inside = ContextVar("inside", default=False)

    def counting(name: str) -> None:
        real = getattr(storage, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            if inside.get():
                return await real(*args, **kwargs)
            made.append(name)
            token = inside.set(True)
            try:
                return await real(*args, **kwargs)
            finally:
                inside.reset(token)

        setattr(storage, name, call)

    for name in ("transaction", "find", "count", "read", "search_text"):
        counting(name)
    return made
