"""Which model analyses what, how many calls that takes, and what happens when they are used up."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from luminora.client import LuminoraCoreClient
from luminora.config import load_config
from luminora.errors import ContentFiltered, Overloaded
from luminora.memory.budget import DailyBudget
from luminora.memory.digest import Batch
from luminora.memory.trivial import trivial
from luminora.providers import EVERY_USER, ChatMessage, Grounding, Usage
from luminora.stack import Stack
from luminora.testing.doubles.openai import OpenAIDouble
from luminora.testing.doubles.vendor import KEY

FACT = {"category": "hobbies", "confidence": 0.9}


@asynccontextmanager
async def opened(llm, **settings):
    """A client that analyses with ``llm``; in background mode it has no worker of its own."""
    overrides = {f"memory.{name.replace('__', '.')}": value for name, value in settings.items()}
    stack = replace(Stack.build(load_config(overrides=overrides)), llm=llm)
    client = LuminoraCoreClient(stack)
    client._settings = {**client._settings, "analysis": "inline"}  # would start a worker
    async with client:
        yield client


def said(request):
    return json.loads(request.messages[1].content)


def obedient(request):
    """A model that finds a fact in everything it is asked about."""
    data = said(request)

    def learned(text):
        return {"facts": [{**FACT, "key": text, "value": text}], "sentiment": "neutral"}

    if "messages" not in data:
        return learned(data["message"])
    return {"messages": [{"id": one["id"], **learned(one["message"])} for one in data["messages"]]}


def numbered(count):
    return [f"Ayer conté {number} barcos en el puerto" for number in range(count)]


async def talk(client, texts, user="ana"):
    session = await client.create_session(user)
    return session, [await client.send_message(session, text) for text in texts]


async def test_inline_there_is_one_analysis_call_for_a_message(llm):
    llm.analysis = obedient
    async with opened(llm) as client:
        _, answers = await talk(client, numbered(5))
    assert len(llm.asked("analysis")) == 5
    assert answers[0].analysis == {
        "provider": "scripted",
        "model": "script-1",
        "prompt_tokens": 10,
        "completion_tokens": 5,
    }


async def test_a_worker_analyses_a_sessions_messages_in_one_call_and_learns_from_each_once(llm):
    llm.analysis = obedient
    async with opened(llm, analysis="background", batch__size=5) as client:
        session, answers = await talk(client, numbered(12))
        assert await client.run_jobs() == 12
        assert len(llm.asked("analysis")) == 3
        facts = await client.get_facts(session)
        assert {fact.source_message_id for fact in facts} == {one.message_id for one in answers}
        events = await client.get_affinity_events(session)
        assert len(events) == (await client.get_affinity(session)).total_messages == 12
        messages = await client.get_history(session)
        bills = [one.metadata["analysis"] for one in messages if one.role == "user"]
        assert [bill["batch"] for bill in bills] == [5] * 10 + [2] * 2
        assert sum(bill["prompt_tokens"] for bill in bills) == 30
        assert sum(bill["completion_tokens"] for bill in bills) == 15
        assert await client.run_jobs() == 0


async def test_sessions_do_not_share_a_call(llm):
    llm.analysis = obedient
    async with opened(llm, analysis="background") as client:
        await talk(client, numbered(2), "ana")
        await talk(client, numbered(3), "leo")
        await client.run_jobs()
    asked = [len(said(request)["messages"]) for request in llm.asked("analysis")]
    assert sorted(asked) == [2, 3]


async def test_invented_and_repeated_ids_are_dropped_and_missing_ones_come_alone(llm):
    def careless(request):
        answer = obedient(request)
        if "messages" in answer:
            first, second, _ = answer["messages"]
            answer["messages"] = [first, first, {**second, "id": "m99"}, "what?", second]
        return answer

    llm.analysis = careless
    async with opened(llm, analysis="background") as client:
        session, answers = await talk(client, numbered(3))
        await client.run_jobs()
        assert len(await client.get_facts(session)) == 2
        (job,) = await client.get_jobs("ready")
        assert await client.run_jobs() == 1
        facts = await client.get_facts(session)
        assert facts[0].source_message_id == answers[2].message_id
        assert (len(facts), job.attempts) == (3, 1)
    assert ["messages" in said(request) for request in llm.asked("analysis")] == [True, False]


async def test_a_message_that_the_model_refuses_does_not_take_its_neighbours_along(llm):
    def squeamish(request):
        data = said(request)
        texts = [one["message"] for one in data.get("messages", [data])]
        return ContentFiltered("no") if "Veo barcos 1" in texts else obedient(request)

    llm.analysis = squeamish
    async with opened(llm, analysis="background") as client:
        session, _ = await talk(client, ["Veo barcos 0", "Veo barcos 1", "Veo barcos 2"])
        while await client.run_jobs():
            pass
        learned = {fact.value for fact in await client.get_facts(session)}
        messages = await client.get_history(session)
        bills = [one.metadata["analysis"] for one in messages if one.role == "user"]
    assert {"Veo barcos 0", "Veo barcos 2"} <= learned
    assert ["degraded" in bill for bill in bills] == [False, True, False]


async def test_a_model_that_is_down_is_asked_once_for_a_batch(llm):
    llm.analysis = Overloaded("full")
    async with opened(llm, analysis="background") as client:
        session, _ = await talk(client, numbered(4))
        await client.run_jobs()
        messages = await client.get_history(session)
        reasons = {one.metadata["analysis"]["degraded"] for one in messages if one.role == "user"}
    assert len(llm.asked("analysis")) == 1
    assert reasons == {"scripted: Overloaded: full"}


@pytest.mark.parametrize("size", [1, 10])
async def test_episodes_have_their_turn_in_batches_as_alone(llm, size):
    def moving(request):
        answer = obedient(request)
        for one in answer.get("messages", [answer]):
            text = one["facts"][0]["value"]
            one["episode"] = {
                "type": "milestone",
                "title": text,
                "summary": text,
                "importance": 6.9,
            }
        return answer

    llm.analysis = moving
    async with opened(
        llm, analysis="background", batch__size=size, episode_check_frequency=4
    ) as client:
        things = [
            "barco",
            "cometa",
            "violín",
            "jardín",
            "volcán",
            "espejo",
            "tren",
            "desierto",
            "faro",
        ]
        session, answers = await talk(client, [f"{thing} {thing}s" for thing in things])
        await client.run_jobs()
        episodes = await client.get_episodes(session, 0)
    last = [episode.context_messages[-1] for episode in episodes]
    assert sorted(last) == sorted([answers[3].message_id, answers[7].message_id])


def test_jobs_of_a_session_fall_due_together_and_never_later_than_the_wait():
    batch = Batch(10, 60)
    start = datetime(2026, 11, 27, tzinfo=UTC)
    moments = [start + timedelta(seconds=second) for second in range(0, 240, 5)]
    due = [batch.due("session", moment) for moment in moments]
    assert all(
        timedelta(0) < one - at <= timedelta(seconds=60)
        for one, at in zip(due, moments, strict=True)
    )
    assert len(set(due)) <= 5
    assert Batch(10, 0).due("session", start) == start
    assert len({batch.due(f"s{number}", start) for number in range(20)}) > 10


@pytest.mark.parametrize(
    "text", ["ok", "Vale!", "jaja", "jajajaja", "👍", "😂😂", "...", "Sí", "haha"]
)
def test_there_is_nothing_to_learn_from_an_acknowledgement(text):
    assert trivial(Grounding(user_text=text))


@pytest.mark.parametrize(
    "text", ["Madrid", "ok, soy Ana", "te odio", "42", "no puedo más", "bueno no"]
)
def test_what_may_tell_something_is_not_trivial(text):
    question = [ChatMessage("assistant", "¿Vives en Madrid?")]
    assert not trivial(Grounding(user_text=text, history=question))
    assert not trivial(Grounding(user_text="sí", history=question))


@pytest.mark.parametrize(("skip", "calls"), [(True, 1), (False, 3)])
async def test_trivial_messages_cost_no_call_unless_the_setting_says_so(llm, skip, calls):
    llm.analysis = obedient
    async with opened(llm, skip_trivial=skip) as client:
        session, answers = await talk(client, ["Veo un barco", "ok", "jaja 👍"])
        assert (await client.get_affinity(session)).total_messages == 3
    assert len(llm.asked("analysis")) == calls
    assert not any(answer.degraded for answer in answers)
    assert ("skipped" in answers[1].analysis) is skip


async def test_when_a_users_budget_is_used_up_the_rules_stand_in_and_say_so(llm):
    llm.analysis = obedient
    async with opened(llm, daily_budget__user_calls=2) as client:
        session, answers = await talk(client, [*numbered(2), "Me llamo Ana"])
        _, others = await talk(client, numbered(1), "leo")
        facts = {fact.key: fact.value for fact in await client.get_facts(session)}
    assert len(llm.asked("analysis")) == 3
    assert facts["name"] == "Ana"
    assert "user_calls" in answers[2].analysis["degraded"]
    assert "degraded" not in others[0].analysis


async def test_the_budget_is_read_from_what_other_processes_stored(llm):
    llm.analysis = obedient
    async with opened(llm, daily_budget__tokens=30) as client:
        await talk(client, numbered(1))
        assert (await client.health_check())["checks"]["analysis"]["status"] == "ok"
    async with opened(llm, daily_budget__tokens=30) as client:
        _, answers = await talk(client, numbered(2), "leo")
        health = await client.health_check()
    assert ["degraded" in one.analysis for one in answers] == [False, True]
    assert health["status"] == "warning"
    assert "memory.daily_budget.tokens" in health["checks"]["analysis"]["detail"]


async def test_at_midnight_utc_the_budget_begins_anew(client):
    budget = DailyBudget(client.storage, {"user_calls": 1})
    midnight = round(datetime(2026, 11, 27, tzinfo=UTC).timestamp() * 1_000_000)

    def message(name, seq):
        return {"id": name, "user_id": "ana", "seq": seq}

    assert await budget.admit(message("a", midnight - 1)) is None
    assert await budget.admit(message("b", midnight - 1)) is not None
    assert await budget.admit(message("c", midnight)) is None
    budget.spend(message("c", midnight), Usage(1, 1))
    assert await budget.admit(message("d", midnight + 1)) is not None


async def test_without_rules_to_stand_in_an_exhausted_budget_teaches_nothing(llm):
    llm.analysis = obedient
    async with opened(llm, daily_budget__calls=1) as client:
        client._conversation._voice._fallback = None
        session, answers = await talk(client, numbered(2))
        assert len(await client.get_facts(session)) == 1
        assert (await client.get_affinity(session)).total_messages == 2
    assert answers[1].analysis["degraded"].startswith("memory.daily_budget.calls")


@pytest.fixture(scope="module")
def double():
    with OpenAIDouble().running() as running:
        yield running


@pytest.mark.parametrize("chained", [False, True])
async def test_conversation_goes_to_main_and_analysis_to_processing(double, monkeypatch, chained):
    double.reset()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    config = {
        "api_base": double.url + "/v1",
        "models": {"main": "gpt-5.4", "processing": "gpt-5.4-mini"},
        "task_configs": {"fact_extraction": {"max_tokens": 321}},
    }
    section = {"name": "openai", "config": config}
    if chained:
        section = {"name": "gateway", "config": {"chain": [section, "offline"]}}
    overrides = {"llm_provider": section, "embedding_provider": {"name": "static"}}
    async with LuminoraCoreClient.from_config(overrides=overrides) as client:
        answer = await client.send_message(await client.create_session("ana"), "Veo un barco azul")
    models = [asked.json["model"] for asked in double.requests]
    assert models == ["gpt-5.4", "gpt-5.4-mini"]
    assert answer.analysis["model"] == "gpt-5.4-mini"
    assert answer.analysis["provider"] == "openai"
    assert answer.analysis["prompt_tokens"] > 0


BROKEN = {
    "prose": ["I think nothing.", "Still nothing."],
    "an array": ["[1, 2]", "[]"],
    "cut off": ['{"facts": [{"category": "work", "key": "job", "value": "p'] * 2,
    "cut off later": ['{"facts": [{"category": "work", "key": "a", "value": "b"}, {"ca'] * 2,
}
USABLE = {
    "fenced": ('```json\n{"facts": [], "sentiment": "positive"}\n```', 0),
    "in prose": ('Sure! {"facts": [], "sentiment": "positive"} Done.', 0),
    "wrong types": ('{"facts": "none", "mood": 7, "affinity": [], "sentiment": 3}', 4),
    "invented events": (
        '{"facts": [], "affinity": {"event": "give_100"}, "mood": {"name": "x"}}',
        2,
    ),
    "10,000 facts": (
        json.dumps({"facts": [{**FACT, "key": f"k{n}", "value": n} for n in range(10_000)]}),
        9_950,
    ),
}


@pytest.mark.parametrize("name", USABLE)
async def test_what_is_usable_of_an_answer_is_used_in_one_call(llm, name):
    text, dropped = USABLE[name]
    llm.analysis = text
    async with opened(llm) as client:
        session, (answer,) = await talk(client, ["Veo un barco azul"])
        (message, _) = await client.get_history(session)
    assert len(llm.asked("analysis")) == 1
    assert answer.analysis.get("dropped", 0) == dropped
    assert message.metadata["analysis"] == answer.analysis
    assert "degraded" not in answer.analysis


@pytest.mark.parametrize("name", BROKEN)
async def test_an_answer_of_no_use_is_asked_again_once_then_the_rules_stand_in(llm, name):
    answers = iter(BROKEN[name])
    llm.analysis = lambda _: next(answers)
    async with opened(llm) as client:
        session, (answer,) = await talk(client, ["Me llamo Ana"])
        assert [fact.value for fact in await client.get_facts(session)] == ["Ana"]
        assert await client.storage.count("jobs", EVERY_USER) == 0
    assert len(llm.asked("analysis")) == 2
    assert "MalformedResponse" in answer.analysis["degraded"]


async def test_over_the_wire_a_broken_answer_costs_one_more_and_both_are_counted(
    double, monkeypatch
):
    double.reset()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    overrides = {
        "llm_provider": {"name": "openai", "config": {"api_base": double.url + "/v1"}},
        "embedding_provider": {"name": "static"},
    }
    double.says("Hola.", "no JSON", '{"facts": [], "sentiment": "positive"}')
    async with LuminoraCoreClient.from_config(overrides=overrides) as client:
        answer = await client.send_message(await client.create_session("ana"), "Veo un barco azul")
    assert len(double.requests) == 3
    assert answer.analysis["completion_tokens"] == 2 + 1 + 5
