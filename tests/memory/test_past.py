from __future__ import annotations

import pytest

from luminora.client import LuminoraCoreClient
from luminora.memory.past import MAX_PAST, asks_for_past, tellable


@pytest.mark.parametrize(
    "text",
    [
        "¿Dónde vivía antes?",
        "dónde vivía yo",
        "¿Cuál era mi trabajo anterior?",
        "¿Cuál era mi antigua dirección?",
        "Where did I live before?",
        "what was my old job",
        "Where did I use to work before that?",
        "Do you remember my previous address?",
    ],
)
def test_a_question_about_what_was_is_known(text):
    assert asks_for_past(text)


@pytest.mark.parametrize(
    "text",
    [
        "¿Dónde vivo?",
        "Antes vivía en Lugo",
        "I used to work at Nokia",
        "What's my name?",
        "¿Qué planes tengo?",
        "Call me before noon",
        "",
    ],
)
def test_nothing_else_costs_a_read(text):
    assert not asks_for_past(text)


def row(fact_id, value, reason):
    return {"fact_id": fact_id, "value": value, "reason": reason}


def values(rows):
    return [one["value"] for one in rows]


def test_what_was_wrong_or_is_to_be_forgotten_is_not_told():
    history = [
        row("home", "Sevilla", "superseded"),
        row("home", "Madrid", "retracted"),
        row("home", "Lugo", "superseded"),
        row("name", "Clara", "corrected"),
        row("job", "nurse", "ended"),
    ]

    assert values(tellable(history)) == ["Sevilla", "nurse"]
    assert values(tellable(history, [{"id": "job"}])) == ["nurse"]


def test_no_prompt_is_flooded():
    assert len(tellable([row(str(n), n, "superseded") for n in range(500)])) == MAX_PAST


async def test_a_model_is_told_what_was_before_as_quoted_data(scripted, llm):
    session = await scripted.create_session("ana")
    for city in ("Lima", "Quito"):
        llm.analysis = {"facts": [{"category": "other", "key": "city", "value": city}]}
        await scripted.send_message(session, f"I live in {city}")
    llm.analysis = {"facts": []}
    await scripted.send_message(session, "Where did I live before?")

    *_, memory, asked = llm.asked("conversation")[-1].messages
    assert '{"earlier": "location", "value": "Lima", "from": "' in memory.content
    assert memory.content.startswith("<memory>")
    assert asked.content == "Where did I live before?"

    await scripted.send_message(session, "Where do I live?")
    assert '"earlier"' not in llm.asked("conversation")[-1].messages[-2].content


async def test_what_another_personality_heard_stays_with_it(llm):
    overrides = {"memory.scope": "personality"}
    async with LuminoraCoreClient.from_config(overrides=overrides) as client:
        theirs = await client.create_session("ana", "cassian")
        for text in ("I live in Lima", "I moved to Quito"):
            await client.send_message(theirs, text)
        own = await client.create_session("ana", "sakura")

        answer = await client.send_message(own, "Where did I live before?")
        assert "Lima" not in answer.text
        assert await client.get_fact_history(own) == []
        assert "Lima" in (await client.send_message(theirs, "Where did I live before?")).text
