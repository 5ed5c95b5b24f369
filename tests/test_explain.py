"""``client.explain`` and ``luminora explain``: what is recalled, why, and at what price."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from luminora.cli import main
from luminora.client import LuminoraCoreClient
from luminora.config import load_config
from luminora.errors import InputError, SessionNotFound
from luminora.memory.explain import PRESENT
from luminora.providers import EVERY_USER
from luminora.providers.tokens import count_tokens
from luminora.stack import Stack
from luminora.sync import LuminoraCoreClient as SyncClient

LINES = [
    "Hola, soy Diego y me encanta Naruto",
    "Mi perro se llama Max",
    "Max murió ayer",
    "En verano quiero ir al Himalaya",
]


async def told(client: LuminoraCoreClient) -> str:
    session = await client.create_session("diego", "sakura")
    for text in LINES:
        await client.send_message(session, text)
    return session


async def test_it_says_what_was_looked_for_and_what_is_chosen(client):
    session = await told(client)

    found = await client.explain(session, "¿cuándo hablamos de mi mascota?")

    assert "mascota" in found.words
    assert found.added["max"] == "the fact pet_name"
    assert found.speakers == ["user"]
    facts = {one.record["fact"]: one for one in found.chosen if one.kind == "fact"}
    assert "the message touches it" in facts["pet_name"].reasons
    assert found.tokens == count_tokens(found.block) <= found.budget == 2_000
    assert found.prompt_tokens > found.tokens
    assert {one.left_out for one in found.left_out} == {PRESENT}


async def test_nothing_is_saved(client):
    session = await told(client)
    before = await client.storage.count("messages", EVERY_USER)

    await client.explain(session, "mi mascota")

    assert await client.storage.count("messages", EVERY_USER) == before


async def test_messages_beyond_the_recent_turns_are_recalled_with_their_reasons():
    overrides = {"memory.history_limit": 2, "memory.recall_limit": 2}
    async with LuminoraCoreClient.from_config(overrides=overrides) as client:
        session = await told(client)

        found = await client.explain(session, "¿cuándo hablamos de mi mascota?")

    messages = [one for one in found.chosen if one.kind == "message"]
    assert [one.record["said"] for one in messages] == ["Mi perro se llama Max", "Max murió ayer"]
    assert any("words" in reason and "max" in reason for reason in messages[0].reasons)
    assert "others answered better" in found.left_out[-1].left_out


async def test_a_small_budget_is_kept_and_says_what_it_left_out():
    async with LuminoraCoreClient.from_config(overrides={"memory.prompt_budget": 90}) as client:
        session = await told(client)

        found = await client.explain(session, "mi mascota")

    assert 0 < found.tokens <= 90
    assert any("budget" in one.left_out for one in found.left_out)


async def test_a_model_may_be_asked_to_reword_questions(llm):
    llm.analysis = lambda request: (
        {"words": ["barco", "velero"]}
        if "words" in request.schema["properties"]
        else {"facts": [], "sentiment": "neutral"}
    )
    config = load_config(overrides={"memory.rewriting": "model"})
    async with LuminoraCoreClient(replace(Stack.build(config), llm=llm)) as client:
        session = await client.create_session("ana")
        turns = ("Hoy ha llovido sin parar", "Me duele una muela", "Ayer pintamos el velero entero")
        for day, text in enumerate(turns, 1):
            said = {"role": "user", "content": text, "timestamp": f"2026-03-0{day}T12:00:00Z"}
            await client.import_messages(session, [said])

        found = await client.search_memories(session, "¿qué hicimos con la nave?")

    assert found[0].content == turns[2]
    assert "velero" in found[0].words
    assert len(llm.asked("analysis")) == 1


async def test_bad_input_is_refused(client):
    session = await client.create_session("diego")

    with pytest.raises(InputError):
        await client.explain(session, "")
    with pytest.raises(SessionNotFound):
        await client.explain("nobody", "hola")


def test_the_command_tells_it_in_under_a_hundred_lines(capsys):
    with SyncClient.from_config() as client:
        session = client.create_session("diego", "sakura")
        for number in range(60):
            client.send_message(session, f"Mi amiga número {number} se llama Ana{number}x")
        client.send_message(session, "Tengo pensado ir al Himalaya en verano")

    assert main(["explain", "--user", "diego", "¿Qué planes tenía?"]) == 0

    out = capsys.readouterr().out
    assert "planes" in out
    assert "of 2,000 tokens" in out
    assert 10 < len(out.splitlines()) < 100


def test_json_holds_everything(capsys):
    with SyncClient.from_config() as client:
        client.send_message(client.create_session("diego", "sakura"), LINES[0])

    assert main(["explain", "--user", "diego", "Naruto", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["version"] == 1
    assert found["chosen"][0]["reasons"]
    assert found["block"].startswith("<memory>")
