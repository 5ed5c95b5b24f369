"""Episodes: detected over a window, fading, told again, related, summed up."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import timedelta

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora.builtin.offline.analysis import analyse
from luminora.client import LuminoraCoreClient
from luminora.config import load_config
from luminora.errors import ConnectionFailed, InputError
from luminora.memory.consolidation import extract
from luminora.memory.episodes import for_message
from luminora.memory.fading import FADING, ORDINARY, decay_of, half_life, temporal_decay
from luminora.memory.models import Episode
from luminora.providers import EVERY_USER, ChatMessage, Grounding, Is
from luminora.stack import Stack
from tests.doubles import NOTHING_LEARNED, stack_with
from tests.memory.rows import NOW, row

KINDS = st.sampled_from([*FADING, "moment", "party"])
IMPORTANCE = st.floats(0, 10)
AGE = st.floats(0, 1e7)


def told(**fields):
    """An analysis that finds an episode."""
    found = {"type": "milestone", "title": "T", "summary": "S", "importance": 8, **fields}
    return {**NOTHING_LEARNED, "episode": found}


async def keep(client, *rows):
    for one in rows:
        await client.storage.insert("episodes", one["user_id"], one)


# fading


@given(KINDS, IMPORTANCE, AGE, AGE)
def test_decay_is_a_share_that_only_falls(kind, importance, one, two):
    younger, older = sorted((one, two))
    before = temporal_decay(kind, importance, younger)
    after = temporal_decay(kind, importance, older)
    assert 0 < after <= before <= 1
    assert after >= FADING.get(kind, ORDINARY).floor


@given(IMPORTANCE, AGE)
def test_a_milestone_keeps_more_than_half(importance, age):
    assert temporal_decay("milestone", importance, age) >= 0.6


@given(KINDS, IMPORTANCE, IMPORTANCE, AGE)
def test_what_mattered_more_fades_more_slowly(kind, one, two, age):
    small, great = sorted((one, two))
    assert temporal_decay(kind, small, age) <= temporal_decay(kind, great, age)


@given(KINDS, IMPORTANCE, st.timedeltas(timedelta(0), timedelta(days=36_500)))
def test_a_clock_set_back_takes_nothing(kind, importance, ahead):
    future = row(type=kind, importance=importance, timestamp=NOW + ahead)
    assert decay_of(future, NOW) == 1.0


def test_the_half_life_is_one():
    days = half_life("conflict", 5)
    assert days == 60
    assert half_life("conflict", 10) == 4 * days
    assert half_life("conflict", 0) == days / 4
    floor = FADING["conflict"].floor
    assert temporal_decay("conflict", 5, days) == pytest.approx(floor + (1 - floor) / 2)


def test_an_episode_knows_what_is_left_of_it():
    one = Episode.from_row(row(type="conflict", timestamp=NOW - timedelta(days=60)), NOW)
    assert one.temporal_decay == pytest.approx(0.55)
    assert one.effective_importance == pytest.approx(5 * 0.55)


def test_what_a_message_is_about_outranks_what_mattered_a_little_more():
    exam = row(1, title="Aprobé el examen de conducir", importance=6.0)
    moved = row(2, title="Me mudé a Lisboa", importance=7.0)
    old = row(3, title="Me peleé con Ana", importance=7.0, timestamp=NOW - timedelta(days=3_000))

    def order(text):
        return [one.title for one in for_message([exam, moved, old], text, NOW, 3)]

    assert order("¿Cuándo fueron mis exámenes?")[0] == exam["title"]
    assert order("hola") == [moved["title"], exam["title"], old["title"]]
    assert len(for_message([exam, moved, old], "hola", NOW, 2)) == 2


async def test_get_episodes_filters_by_what_was_and_sorts_by_what_is(client):
    session = await client.create_session("ana", "sakura")
    ancient = row(1, importance=9.0, timestamp=NOW - timedelta(days=5_000))
    fresh = row(2, importance=6.0, timestamp=NOW)
    await keep(client, ancient, fresh, row(3, importance=4.0, timestamp=NOW))

    assert [one.id for one in await client.get_episodes(session)] == ["e2", "e1"]
    assert [one.id for one in await client.get_episodes(session, 8)] == ["e1"]
    stored = await client.storage.find("episodes", "ana")
    assert {one["temporal_decay"] for one in stored} == {1.0}


# the founding documents' examples


@pytest.mark.parametrize(
    ("turns", "kind", "tag"),
    [
        (("Mi perro murió ayer", "Era mi mejor amigo"), "emotional_moment", "sad"),
        (("My dog died yesterday", "He was my best friend"), "emotional_moment", "sad"),
        (("Mi novia me ha dejado", "Todavía me siento fatal"), "emotional_moment", "breakup"),
        (("¡He aprobado el examen!", "Estoy muy feliz"), "achievement", "success"),
    ],
)
async def test_a_moment_told_over_two_messages_is_one_episode(client, turns, kind, tag):
    session = await client.create_session("ana", "alicia")
    first, second = [await client.send_message(session, text) for text in turns]

    (one,) = await client.get_episodes(session)

    assert one.importance >= 7
    assert one.type == kind
    assert tag in one.tags
    assert one.context_messages == [first.message_id, first.reply_id, second.message_id]
    assert turns[1] in one.summary
    assert one.metadata["count"] == 2


async def test_the_same_through_a_language_model(scripted, llm):
    def analysis(request):
        if "mejor amigo" not in request.grounding.user_text:
            return NOTHING_LEARNED
        assert [turn.content for turn in request.grounding.history] == [
            "Mi perro murió ayer",
            "Lo siento mucho",
        ]
        return told(type="emotional_moment", tags=["sad", "pet"], importance=9, turns=2)

    llm.conversation, llm.analysis = "Lo siento mucho", analysis
    session = await scripted.create_session("ana")
    first = await scripted.send_message(session, "Mi perro murió ayer")
    second = await scripted.send_message(session, "Era mi mejor amigo")

    (one,) = await scripted.get_episodes(session)

    assert (one.type, one.importance) == ("emotional_moment", 9)
    assert "sad" in one.tags
    assert one.context_messages == [first.message_id, first.reply_id, second.message_id]


CONVERSATION = [
    {"content": "Mi perro murió ayer", "speaker": "user"},
    {"content": "Lo siento mucho", "speaker": "assistant"},
    {"content": "Era mi mejor amigo", "speaker": "user"},
]


async def test_detect_episode_high_importance(client):
    episode = await client.detect_episode(CONVERSATION)

    assert episode is not None
    assert episode.importance >= 7.0
    assert episode.type == "emotional_moment"
    assert "sad" in episode.tags
    assert episode.context_messages == ["0", "1", "2"]
    assert await client.storage.count("episodes", EVERY_USER) == 0


async def test_detection_through_a_language_model(scripted, llm):
    llm.analysis = told(type="emotional_moment", tags=["sad"], importance=9, turns=2)
    session = await scripted.create_session("ana")
    await scripted.import_messages(
        session,
        [{**one, "role": one["speaker"], "id": f"m{n}"} for n, one in enumerate(CONVERSATION)],
    )
    episode = await scripted.detect_episode(await scripted.get_history(session))
    assert (episode.type, episode.importance) == ("emotional_moment", 9)
    assert episode.context_messages == ["m0", "m1", "m2"]
    assert episode.session_id == session
    llm.analysis = NOTHING_LEARNED
    assert await scripted.detect_episode(CONVERSATION) is None


@pytest.mark.parametrize(
    "messages",
    [
        [],
        CONVERSATION[1:2],
        ["hola"],
        [{"role": "bot", "content": "hola"}],
        [{"role": "user"}],
        [{"role": "user", "content": "\0"}],
    ],
)
async def test_what_cannot_be_looked_at_is_refused(client, messages):
    with pytest.raises(InputError):
        await client.detect_episode(messages)


async def test_max(client):
    session = await client.create_session("diego")
    await client.send_message(session, "Hola, soy Diego y me encanta Naruto")
    await client.send_message(session, "Tengo un perro que se llama Max")
    response = await client.send_message(session, "Mi perro Max murió ayer")

    one = (await client.get_episodes(session))[0]

    assert one.importance >= 7.0
    assert one.context_messages[-1] == response.message_id
    about = {fact.id: fact.value for fact in await client.get_facts(session)}
    assert "Max" in {about.get(fact) for fact in one.related_facts}
    assert any("Max" in hit.content for hit in await client.search_memories(session, "mi mascota"))


async def test_what_has_nothing_to_do_with_it_stays_out(client):
    session = await client.create_session("ana")
    await client.send_message(session, "Mi perro murió ayer")
    await client.send_message(session, "¿Qué tiempo hace en Lisboa?")
    await client.send_message(session, "El lunes tengo reunión a las diez")

    (one,) = await client.get_episodes(session)
    assert len(one.context_messages) == 1


async def test_two_losses_are_two_and_what_led_up_to_one_belongs_to_it(client):
    session = await client.create_session("ana")
    texts = (
        "Mi gato está muy enfermo",
        "Mi gato murió ayer",
        "Mi perro murió hoy",
        "Era tan bueno",
    )
    ill, cat, dog, good = [await client.send_message(session, text) for text in texts]

    found = {one.title: one.context_messages for one in await client.get_episodes(session)}

    assert found == {
        "Mi gato murió ayer": [ill.message_id, ill.reply_id, cat.message_id],
        "Mi perro murió hoy": [dog.message_id, dog.reply_id, good.message_id],
    }


# what becomes one


async def test_the_same_told_again_is_one_episode_with_the_greater_importance(scripted, llm):
    session = await scripted.create_session("ana")
    llm.analysis = told(title="Max died", summary="Her dog Max died", importance=7, tags=["sad"])
    first = await scripted.send_message(session, "Max died")
    llm.analysis = told(title="Her dog died", summary="Her old dog Max died", tags=["dog"])
    second = await scripted.send_message(session, "I told you that Max died")
    llm.analysis = told(title="Luna died", summary="Her old dog Luna died", importance=7)
    await scripted.send_message(session, "And now Luna died")

    luna, max_ = sorted(await scripted.get_episodes(session), key=lambda one: len(one.tags))

    assert (max_.importance, max_.title, max_.tags) == (8, "Her dog died", ["sad", "dog"])
    assert max_.summary == "Her old dog Max died"
    assert max_.context_messages == [first.message_id, second.message_id]
    assert max_.metadata == {"count": 2}
    assert luna.title == "Luna died"


async def test_the_same_long_after_is_another_and_related(scripted, llm):
    session = await scripted.create_session("ana")
    before = row(1, type="milestone", title="New job", summary="She began at Acme", tags=["a", "b"])
    await keep(scripted, before)
    llm.analysis = told(title="New job", summary="She began at Acme", tags=["a", "b"])
    await scripted.send_message(session, "A new job, at Acme again")

    found = {one.id: one for one in await scripted.get_episodes(session)}
    assert len(found) == 2
    (new,) = [one for name, one in found.items() if name != "e1"]
    assert new.related_episodes == ["e1"]


async def test_nothing_merges_across_users_or_personalities(scripted, llm):
    llm.analysis = told(title="Max died", summary="Her dog Max died")
    for user, personality in (("ana", "sakura"), ("eva", "sakura"), ("ana", "cassian")):
        session = await scripted.create_session(user, personality)
        await scripted.send_message(session, "Max died")
    assert await scripted.storage.count("episodes", EVERY_USER) == 3


async def test_two_that_tell_it_at_once_lose_nothing(llm):
    llm.analysis = told(title="Max died", summary="Her dog Max died")
    async with (
        await LuminoraCoreClient(stack_with(llm=llm)) as one,
        await LuminoraCoreClient(stack_with(llm=llm)) as two,
    ):
        session = await one.create_session("ana")
        clients = (one, two) * 3
        await asyncio.gather(*(client.send_message(session, "Max died") for client in clients))
        (kept,) = await two.get_episodes(session)
    assert kept.metadata["count"] == 6
    assert len(kept.context_messages) == 6


async def test_a_persona_keeps_what_it_cares_for_and_what_is_weighty(scripted, llm):
    session = await scripted.create_session("ana", "sakura")  # keeps no achievements
    llm.analysis = told(type="achievement", title="Won", summary="Won a game", importance=6)
    for number in range(5):
        await scripted.send_message(session, f"won {number}")
    assert await scripted.get_episodes(session, 0) == []
    llm.analysis = told(type="achievement", title="Degree", summary="Has a degree", importance=7)
    await scripted.send_message(session, "I have a degree")
    assert len(await scripted.get_episodes(session, 0)) == 1


@pytest.mark.parametrize(
    ("named", "kept"),
    [("Emotional Moment", "emotional_moment"), ("summary", "moment"), ("!", "moment")],
)
async def test_a_type_is_kept_in_one_spelling(scripted, llm, named, kept):
    llm.analysis = told(type=named)
    session = await scripted.create_session("ana")
    await scripted.send_message(session, "hola")
    assert [one.type for one in await scripted.get_episodes(session)] == [kept]


_TURN = st.builds(
    ChatMessage,
    st.sampled_from(["user", "assistant", "system"]),
    st.sampled_from(["Mi perro murió", "I got the job", "era mi amigo", "hola", "", "¿?"])
    | st.text(),
)


@given(st.lists(_TURN, max_size=9), st.sampled_from(["Mi perro murió", "Era bueno"]) | st.text())
def test_any_window_can_be_looked_at(history, text):
    found = analyse(Grounding(user_text=text, history=history))["episode"]
    assert found is None or 0 <= found["turns"] <= min(len(history), 6)


@pytest.mark.parametrize("turns", [99, -1, "two", None, 2.9, True, [1], 1e308])
async def test_a_strange_window_does_no_harm(scripted, llm, turns):
    llm.analysis = told(turns=turns)
    session = await scripted.create_session("ana")
    response = await scripted.send_message(session, "hola")
    found = await scripted.get_episodes(session)
    assert all(one.context_messages == [response.message_id] for one in found)


# summing up

OLD = [row(number, tags=["small", f"t{number % 2}"]) for number in range(4)]


async def test_old_small_episodes_become_one_summary_that_knows_them(client):
    session = await client.create_session("ana")
    month = {"timestamp": NOW - timedelta(days=100)}
    spared = [
        row(10, type="milestone", **month),
        row(11, importance=8.0, **month),
        row(12, timestamp=NOW),
        row(13, personality_name="cassian", **month),
    ]
    await keep(client, *(one | month for one in OLD), *spared)

    done = await client.consolidate("ana")

    assert (done.summaries, done.episodes) == (1, 4)
    found = {one.id: one for one in await client.get_episodes(session, 0)}
    (summary,) = [one for one in found.values() if one.type == "summary"]
    assert found.keys() == {summary.id, *(one["id"] for one in spared)}
    assert summary.context_messages == ["m0", "m1", "m2", "m3"]
    assert summary.metadata["count"] == 4
    assert summary.metadata["summarised_by"] == "extract"
    assert [one["id"] for one in summary.metadata["sources"]] == ["e0", "e1", "e2", "e3"]
    assert all(one["summary"] in summary.summary for one in OLD)
    assert summary.tags[0] == "small"
    assert (await client.consolidate("ana")).summaries == 0
    assert await client.storage.count("episodes", "ana") == 5


async def test_a_model_writes_the_summary_in_one_call(scripted, llm):
    await scripted.create_session("ana")
    month = {"timestamp": NOW - timedelta(days=100)}
    await keep(scripted, *(one | month for one in OLD))
    llm.analysis = {"title": "A quiet August", "summary": "Four small things happened."}

    await scripted.consolidate("ana")

    (one,) = await scripted.storage.find("episodes", "ana")
    assert (one["title"], one["summary"]) == ("A quiet August", "Four small things happened.")
    assert one["metadata"]["summarised_by"] == "scripted"
    assert len(llm.requests) == 1


@pytest.mark.parametrize(
    "answer", ["no idea", {}, {"title": 3, "summary": ["x"]}, {"title": "only"}, OSError("down")]
)
async def test_without_a_usable_answer_the_summary_is_an_extract(scripted, llm, answer):
    month = {"timestamp": NOW - timedelta(days=100)}
    await keep(scripted, *(one | month for one in OLD))
    llm.analysis = answer
    await scripted.consolidate("ana")
    (one,) = await scripted.storage.find("episodes", "ana")
    assert one["metadata"]["summarised_by"] == "extract"
    assert OLD[3]["summary"] in one["summary"]


async def test_without_a_stand_in_the_failure_is_raised_and_nothing_is_lost(llm):
    llm.analysis = ConnectionFailed("no route")
    month = {"timestamp": NOW - timedelta(days=100)}
    async with await LuminoraCoreClient(stack_with(llm=llm, fallback=None)) as client:
        await keep(client, *(one | month for one in OLD))
        with pytest.raises(ConnectionFailed):
            await client.consolidate("ana")
        assert await client.storage.count("episodes", "ana") == 4


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM episodes WHERE id = 'e1'",
        "UPDATE episodes SET updated_at = '2999' || substr(updated_at, 5) WHERE id = 'e1'",
    ],
)
async def test_an_episode_that_changes_meanwhile_is_left_for_the_next_run(
    scripted, llm, private_world, change
):
    month = {"timestamp": NOW - timedelta(days=100)}
    await keep(scripted, *(one | month for one in OLD))
    before = await scripted.storage.find("episodes", "ana", {"id": Is("!=", "e1")})

    def meanwhile(request):
        with closing(apsw.Connection(str(private_world / "data" / "luminora.db"))) as other:
            other.execute(change)
        return {"title": "T", "summary": "S"}

    llm.analysis = meanwhile
    assert (await scripted.consolidate("ana")).summaries == 0
    assert await scripted.storage.find("episodes", "ana", {"id": Is("!=", "e1")}) == before


async def test_a_run_that_breaks_off_leaves_whole_months_for_the_next(client, monkeypatch):
    for number, days in enumerate((100, 100, 100, 200, 200, 200)):
        await keep(client, row(number, timestamp=NOW - timedelta(days=days)))
    write = client.storage.transaction

    async def breaks(operations):
        if any(one.user_id == "ana" for one in operations) and broken.pop():
            raise ConnectionFailed("the database went away")
        return await write(operations)

    broken = [True, False]
    monkeypatch.setattr(client.storage, "transaction", breaks)
    with pytest.raises(ConnectionFailed):
        await client.consolidate("ana")
    monkeypatch.undo()
    kinds = [one["type"] for one in await client.storage.find("episodes", "ana")]
    assert sorted(kinds) == ["moment"] * 3 + ["summary"]

    assert (await client.consolidate("ana")).episodes == 3
    assert await client.storage.count("episodes", "ana") == 2


def test_an_extract_keeps_to_its_size_and_to_the_order_of_time():
    long = [
        row(number, summary=f"{number} " + "x" * 400, importance=number / 10)
        for number in range(60)
    ]
    found = extract(long)
    lines = found["summary"].splitlines()
    assert len(found["summary"]) <= 2_000
    assert lines == sorted(lines, key=lambda line: int(line.split()[1]))
    assert lines[-1].split()[1] == "59"  # the weightiest is in
    assert "(+57)" in found["title"]


async def test_the_worker_sums_up_when_a_new_episode_finds_enough_old_ones(scripted, llm):
    month = {"timestamp": NOW - timedelta(days=100)}
    await keep(scripted, *(one | month for one in OLD))
    llm.analysis = told(title="Degree", summary="She has a degree")
    session = await scripted.create_session("ana")
    for _ in range(2):
        await scripted.send_message(session, "I have a degree")
    assert [job.kind for job in await scripted.get_jobs()] == ["consolidate"]

    llm.analysis = {"title": "August", "summary": "Small things."}
    worked = await scripted.work()

    assert worked.jobs == 1
    assert await scripted.get_jobs() == []
    assert {one.title for one in await scripted.get_episodes(session, 0)} == {"Degree", "August"}


async def test_a_job_that_fails_comes_again(llm):
    llm.analysis = told(title="Degree", summary="She has a degree")
    month = {"timestamp": NOW - timedelta(days=100)}
    async with await LuminoraCoreClient(stack_with(llm=llm, fallback=None)) as client:
        await keep(client, *(one | month for one in OLD))
        await client.send_message(await client.create_session("ana"), "I have a degree")
        llm.analysis = ConnectionFailed("no route")
        assert await client.run_jobs() == 1
        (job,) = await client.get_jobs()
    assert (job.status, job.attempts) == ("ready", 1)
    assert "no route" in job.last_error


async def test_consolidation_can_be_switched_off():
    config = load_config(overrides={"memory.episodes.consolidate_after_days": 0})
    async with await LuminoraCoreClient(Stack.build(config)) as client:
        month = {"timestamp": NOW - timedelta(days=100)}
        await keep(client, *(one | month for one in OLD))
        assert (await client.consolidate("ana")).summaries == 0
        session = await client.create_session("ana")
        await client.send_message(session, "Mi perro murió ayer")
        assert await client.get_jobs() == []
