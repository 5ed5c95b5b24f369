"""Facts through the client: found by a model or by rules, kept by hand, and what they were."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from luminora.client import LuminoraCoreClient
from luminora.config import load_config
from luminora.errors import Conflict, InputError, SessionNotFound
from luminora.memory.analysis import MAX_FACTS
from luminora.providers import EVERY_USER
from luminora.stack import Stack
from tests.stacks import every_stack, stack

__all__ = ["stack"]


@pytest.fixture
async def client():
    async with await LuminoraCoreClient.from_config() as opened:
        yield opened


@pytest.fixture
async def session(client):
    return await client.create_session("diego", "sakura")


def by_key(facts):
    return {fact.key: fact.value for fact in facts}


def past(history):
    return [(row.key, row.value, row.reason) for row in history]


async def say(client, session, *texts):
    answer = None
    for text in texts:
        answer = await client.send_message(session, text)
    return answer


# the seeds' examples


async def test_the_facts_of_the_guide_offline(client, session):
    first = await say(client, session, "Soy Diego, tengo 28 años y trabajo en IT")
    await say(client, session, "Hola, soy Diego y me encanta Naruto")

    assert len(first.facts) >= 3
    known = by_key(await client.get_facts(session))
    assert (known["name"], known["age"], known["favorite_anime"]) == ("Diego", 28, "Naruto")


async def test_the_facts_of_the_guide_with_a_model(scripted, llm):
    session = await scripted.create_session("diego")
    llm.analysis = """Here is the analysis:
```json
{"facts": [
  {"category": "other", "key": "nombre", "value": "Diego", "confidence": 0.98},
  {"category": "personal_info", "key": "user_age", "value": "28 años", "confidence": 0.95},
  {"category": "work", "key": "Work Field", "value": "IT", "confidence": 0.9},
  {"category": "preferences", "key": "anime_favorito", "value": "Naruto", "confidence": 0.8}
], "sentiment": "neutral"}
```"""

    answer = await say(scripted, session, "Soy Diego, tengo 28 años y trabajo en IT")

    assert by_key(answer.facts) == {
        "name": "Diego", "age": 28, "job": "IT", "favorite_anime": "Naruto",
    }  # fmt: skip


# one thing is one fact


async def test_said_twice_is_one_fact_with_two_mentions(client, session):
    await say(client, session, "Vivo en Málaga", "vivo en  malaga", "I live in Málaga")

    (fact,) = await client.get_facts(session)
    assert (fact.value, fact.mention_count) == ("Málaga", 3)
    assert fact.first_mentioned < fact.last_updated
    assert await client.get_fact_history(session) == []


async def test_a_model_and_the_rules_mean_the_same_fact(scripted, llm):
    session = await scripted.create_session("diego")
    llm.analysis = RuntimeError("the model is away, the rules stand in")
    await say(scripted, session, "Vivo en Madrid y mi perro se llama Max")
    llm.analysis = {
        "facts": [
            {"category": "other", "key": "ciudad_actual", "value": "MADRID", "confidence": 0.9},
            {"category": "family", "key": "dog_name", "value": "max", "confidence": 0.9},
        ],
        "sentiment": "neutral",
    }
    await say(scripted, session, "De Madrid, ya sabes")

    known = {fact.key: fact.mention_count for fact in await scripted.get_facts(session)}
    assert known == {"location": 2, "pet_name": 2, "pet_type": 1}


async def test_a_second_dog_and_a_second_hobby_supersede_nothing(client, session):
    await say(
        client,
        session,
        "Mi perro se llama Max",
        "Mi gata se llama Luna",
        "Toco la guitarra",
        "Mi hobby es el ajedrez",
        "Me encanta Naruto",
        "Me encanta One Piece",
    )

    known = by_key(await client.get_facts(session))
    assert (known["pet_name"], known["pet_name_2"]) == ("Max", "Luna")
    assert {"hobby_guitarra", "hobby_ajedrez", "likes_naruto", "likes_one_piece"} <= known.keys()
    assert known["favorite_anime"] == "Naruto"
    assert await client.get_fact_history(session) == []
    cat = await say(client, session, "¿Cómo se llama mi gata?")
    dog = await say(client, session, "¿Cómo se llama mi perro?")
    assert ("Luna" in cat.text, "Max" in cat.text) == (True, False)
    assert ("Luna" in dog.text, "Max" in dog.text) == (False, True)


# what was before


@pytest.mark.parametrize(
    ("told", "question", "expected"),
    [
        (("Vivo en Madrid", "Me he mudado a Sevilla"), "¿Dónde vivía antes?", "vivías en Madrid"),
        (("I live in Leeds", "I moved to York"), "Where did I live before?", "you lived in Leeds"),
        (
            ("I work as a nurse", "Now I work as a teacher"),
            "What was my job before?",
            "you worked as a nurse",
        ),
        (("Trabajo en Google", "Ya no trabajo en Google"), "¿Dónde trabajaba antes?", "Google"),
        (("I live in Leeds", "I moved to York"), "Where do I live?", "York"),
    ],
)
async def test_the_past_can_be_asked_for(client, session, told, question, expected):
    await say(client, session, *told)

    answer = await say(client, session, question)

    assert expected in answer.text


@pytest.mark.parametrize(
    ("told", "question", "never"),
    [
        (("Vivo en Cádiz", "Me equivoqué, vivo en Sevilla"), "¿Dónde vivía antes?", "Cádiz"),
        (("Me llamo Clara", "No, me llamo Carla"), "¿Cómo me llamaba antes?", "Clara"),
        (("My name is Clara", "Actually it's Carla"), "What was my name before?", "Clara"),
        (
            ("Mi dirección es Calle Mayor 3", "Olvida mi dirección"),
            "¿Cuál era mi dirección antes?",
            "Mayor",
        ),
    ],
)
async def test_a_mistake_is_not_the_past_and_what_is_forgotten_stays_so(
    client, session, told, question, never
):
    await say(client, session, *told)

    answer = await say(client, session, question)

    assert never not in answer.text


async def test_the_history_says_when_and_why(client, session):
    await say(
        client, session, "Vivo en Lima", "Me mudé a Quito", "no, vivo en Cusco", "olvida mi ciudad"
    )

    history = await client.get_fact_history(session, "ciudad")

    assert past(history) == [
        ("location", "Cusco", "retracted"),
        ("location", "Quito", "corrected"),
        ("location", "Lima", "superseded"),
    ]
    for later, earlier in pairwise(history):
        assert earlier.valid_from <= earlier.valid_to <= later.valid_from <= later.valid_to
    assert await client.get_fact_history(session, "name") == []


async def test_corrections_and_endings_of_a_model(scripted, llm):
    session = await scripted.create_session("diego")

    async def learned(**answer):
        llm.analysis = {**answer, "sentiment": "neutral"}
        await say(scripted, session, "as I was saying")

    name = {"category": "personal_info", "key": "name", "confidence": 0.9}
    work = {"category": "work", "key": "employer", "value": "Acme", "confidence": 0.9}
    await learned(facts=[{**name, "value": "Clara"}, work])
    await learned(facts=[{**name, "value": "Carla", "correction": True}])
    await learned(facts=[], retractions=[{"key": "employer", "reason": "ended"}])

    assert past(await scripted.get_fact_history(session)) == [
        ("company", "Acme", "ended"),
        ("name", "Clara", "corrected"),
    ]


# by hand


async def test_a_fact_by_hand_is_a_fact_like_any_other(client, session):
    fact = await client.add_fact(
        session, "other", "nombre", "Diego", tags=["crm"], context="the sign-up form"
    )

    assert (fact.category, fact.key, fact.value) == ("personal_info", "name", "Diego")
    assert fact.tags == ["crm", "manual"]
    assert fact.source_message_id is None
    assert await client.get_facts(session) == [fact]
    assert "Diego" in (await say(client, session, "¿Cómo me llamo?")).text

    await say(client, session, "Me llamo Diego")
    assert (await client.get_facts(session))[0].mention_count == 2
    again = await client.add_fact(session, "personal_info", "name", "Dieguito")
    assert again.id == fact.id
    assert past(await client.get_fact_history(session)) == [("name", "Diego", "superseded")]


async def test_edit_keeps_what_is_left_out(client, session):
    fact = await client.add_fact(session, "work", "job", {"title": "nurse", "years": 3})

    edited = await client.edit_fact(session, "job", {"title": "doctor"}, confidence=0.5)
    tagged = await client.edit_fact(session, fact.id, tags=["x"])

    assert (edited.id, edited.value, edited.confidence) == (fact.id, {"title": "doctor"}, 0.5)
    assert (tagged.value, tagged.tags) == ({"title": "doctor"}, ["x"])
    assert past(await client.get_fact_history(session)) == [
        ("job", {"title": "nurse", "years": 3}, "corrected")
    ]
    assert await client.get_facts(session) == [tagged]


async def test_delete_is_soft_unless_asked_to_erase(client, session):
    await client.add_fact(session, "location", "address", "Calle Mayor 3")
    await client.delete_fact(session, "address")
    assert await client.get_facts(session) == []
    assert past(await client.get_fact_history(session)) == [
        ("address", "Calle Mayor 3", "retracted")
    ]
    with pytest.raises(InputError, match="there is no fact"):
        await client.edit_fact(session, "address", "x")

    await client.delete_fact(session, "address", erase=True)
    assert await client.get_fact_history(session) == []
    assert await client.storage.count("user_facts", EVERY_USER) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("health!", "diet", "vegan"), "no category"),
        (("helth", "diet", "vegan"), "did you mean 'health'"),
        (("other", "!!", "x"), "names nothing"),
        (("other", "x", None), "cannot be kept"),
        (("other", "x", ""), "empty"),
        (("other", "x", "a\0b"), "NUL"),
        (("other", "x", float("nan")), "cannot be kept"),
        (("other", "x", 2**60), "cannot be kept"),
        (("other", "x", "y" * 3_000), "3,000 characters"),
        (("other", "x", [1, 2]), "cannot be kept"),
    ],
)
async def test_what_cannot_be_kept_is_refused_and_leaves_no_trace(
    client, session, arguments, complaint
):
    with pytest.raises(InputError, match=complaint):
        await client.add_fact(session, *arguments)

    assert await client.get_facts(session) == []


@pytest.mark.parametrize(
    "more",
    [{"confidence": 2}, {"confidence": True}, {"tags": "text"}, {"tags": ["x" * 51]},
     {"context": ""}],
)  # fmt: skip
async def test_neither_is_what_comes_with_it(client, session, more):
    with pytest.raises(InputError):
        await client.add_fact(session, "other", "x", "y", **more)
    with pytest.raises(InputError):
        await client.edit_fact(session, "x")
    assert await client.get_facts(session) == []


async def test_nobody_reaches_into_another_users_notes(client, session):
    fact = await client.add_fact(session, "other", "secret", "x")
    other = await client.create_session("eve", "sakura")

    for change in (client.edit_fact(other, fact.id, "y"), client.delete_fact(other, fact.id)):
        with pytest.raises(InputError, match="no fact"):
            await change
    assert await client.get_facts(other) == []
    assert await client.get_facts(session) == [fact]


async def test_many_hands_at_once_lose_nothing(client, session):
    await asyncio.gather(
        *(client.add_fact(session, "other", "counter", n) for n in range(8)),
        *(client.add_fact(session, "other", f"key_{n}", n) for n in range(8)),
    )

    known = by_key(await client.get_facts(session))
    seen = [row.value for row in await client.get_fact_history(session, "counter")]
    assert sorted([known.pop("counter"), *seen]) == list(range(8))
    assert known == {f"key_{n}": n for n in range(8)}


async def test_who_was_forgotten_gets_no_fact_back(client, session, monkeypatch):
    real = client.storage.read

    async def forget_meanwhile(queries):
        rows = await real(queries)
        if queries[0].collection == "user_facts":
            await client.storage.forget_user("diego")
        return rows

    monkeypatch.setattr(client.storage, "read", forget_meanwhile)
    with pytest.raises((SessionNotFound, Conflict)):
        await client.add_fact(session, "other", "x", "y")

    assert await client.storage.count("user_facts", EVERY_USER) == 0


# what the configuration allows


async def test_categories_can_be_switched_off():
    facts = {"disabled_categories": ["health"], "min_confidence": 0.5}
    async with LuminoraCoreClient.from_config(overrides={"memory.facts": facts}) as client:
        session = await client.create_session("ana")
        await say(client, session, "Soy alérgica a los cacahuetes y me llamo Ana")

        assert by_key(await client.get_facts(session)) == {"name": "Ana"}
        with pytest.raises(InputError, match="switched off"):
            await client.add_fact(session, "other", "alergias", "polen")
        with pytest.raises(InputError, match="below the least"):
            await client.add_fact(session, "other", "x", "y", confidence=0.1)


async def test_what_is_switched_off_later_is_not_edited_but_can_be_deleted():
    async with await LuminoraCoreClient.from_config() as client:
        session = await client.create_session("ana")
        await client.add_fact(session, "health", "diet", "vegan")
    off = {"memory.facts.disabled_categories": ["health"]}
    async with LuminoraCoreClient.from_config(overrides=off) as client:
        with pytest.raises(InputError, match="switched off"):
            await client.edit_fact(session, "diet", "none")
        await client.delete_fact(session, "diet", erase=True)
        assert await client.get_facts(session) == []


async def test_a_model_is_told_what_is_switched_off_and_is_not_trusted(llm):
    config = load_config(overrides={"memory.facts.disabled_categories": ["health", "work"]})
    found = [
        ("other", "allergies", "nuts"),
        ("health", "mood_disorder", "yes"),
        ("personal_info", "occupation", "spy"),
        ("personal_info", "name", "Ana"),
    ]
    llm.analysis = {
        "facts": [
            {"category": category, "key": key, "value": value, "confidence": 0.9}
            for category, key, value in found
        ],
        "sentiment": "neutral",
    }
    async with LuminoraCoreClient(replace(Stack.build(config), llm=llm)) as client:
        session = await client.create_session("ana")
        await say(client, session, "hello")

        assert by_key(await client.get_facts(session)) == {"name": "Ana"}
        told = llm.asked("analysis")[0].messages[0].content
        assert "facts of these categories, under whatever key: health, work" in told


# bad input


async def test_ten_thousand_facts_and_worse_leave_what_can_be_used(scripted, llm):
    session = await scripted.create_session("ana")
    odd = [
        ("x" * 5_000, "y" * 50_000),
        ("thing", {"a": {"b": [1, {"c": None}]}}),
        ("!!", "x"),
        ("empty", ""),
        ("big", 10**40),
        ("huge", {"a": "z" * 5_000}),
        *((f"k{n}", n) for n in range(10_000)),
    ]
    llm.analysis = {
        "facts": [
            {"category": "other", "key": key, "value": value, "confidence": 0.9}
            for key, value in odd
        ],
        "sentiment": "neutral",
    }

    answer = await say(scripted, session, "hello")

    known = by_key(await scripted.get_facts(session))
    assert known == by_key(answer.facts)
    assert known.pop("thing") == {"a": {"b": [1, {"c": None}]}}
    assert len(known.pop("x" * 100)) == 2_000
    assert set(known) == {f"k{n}" for n in range(MAX_FACTS - 6)}


# on every storage


@pytest.mark.parametrize(
    "stack", every_stack("sqlite", "postgresql", "mysql", "mongodb", "dynamodb"), indirect=True
)
async def test_a_life_of_facts_on_every_storage(stack):
    async with await LuminoraCoreClient.from_config(stack.path) as client:
        session = await client.create_session("diego", "sakura")
        await say(client, session, "Vivo en Madrid", "vivo en MADRID", "Me he mudado a Sevilla")
        await client.add_fact(session, "work", "job", {"title": "nurse", "since": 2019})
        await asyncio.gather(
            client.edit_fact(session, "job", {"title": "doctor"}),
            client.add_fact(session, "hobbies", "hobby", "chess"),
            client.delete_fact(session, "location"),
        )

        assert by_key(await client.get_facts(session)) == {
            "job": {"title": "doctor"}, "hobby_chess": "chess",
        }  # fmt: skip
        assert sorted(past(await client.get_fact_history(session)), key=str) == [
            ("job", {"title": "nurse", "since": 2019}, "corrected"),
            ("location", "Madrid", "superseded"),
            ("location", "Sevilla", "retracted"),
        ]
        await say(client, session, "Vivo en Lima", "Me mudé a Quito")
        answer = await say(client, session, "¿Dónde vivía antes?")
        assert "Lima" in answer.text
        assert "Sevilla" not in answer.text
        await client.delete_fact(session, "location", erase=True)
        assert await client.get_fact_history(session, "location") == []
