"""Moods: found, felt, faded, and what gives way to what."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora.memory.analysis import Analysis
from luminora.memory.models import MoodInfo, Session
from luminora.memory.mood import (
    CALM,
    FAINT,
    MAX_HISTORY,
    TRIGGERED,
    Feeling,
    evidence,
    mood_at,
    mood_history,
    mood_writes,
    moved,
)
from luminora.personality import MoodTransitions, Personality
from tests.memory.standing import START, clock, companion, heard, persona, says

__all__ = ["clock", "companion", "heard"]

PLAIN = Personality.from_document(persona())
RULES = PLAIN.mood_rules.transitions
SESSION = Session(
    session_id="s", user_id="ana", personality_name="plain", created_at=START, last_activity=START
)


def with_moods(**config) -> Personality:
    return Personality.from_document(persona(moods=config))


def row(mood: str = "hurt", intensity: float = 0.8, history=()):
    return {
        "session_id": "s",
        "user_id": "ana",
        "current_mood": mood,
        "mood_intensity": intensity,
        "mood_started_at": START - timedelta(hours=1),
        "mood_history": list(history),
        "updated_at": START,
    }


# fading


def test_a_mood_loses_its_share_every_hour_until_it_is_gone():
    fading = with_moods(mood_detection={"decay_rate": 0.5})
    assert mood_at(row(), fading, START).intensity == 0.8
    assert mood_at(row(), fading, START + timedelta(hours=2)).intensity == 0.2
    assert mood_at(row(), fading, START + timedelta(hours=3)).name == "hurt"  # 0.1, just felt
    gone = mood_at(row(), fading, START + timedelta(hours=9))
    assert (gone.name, gone.intensity) == ("neutral", 1.0)
    assert abs(gone.since - (START + timedelta(hours=3))) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("detection", "left"),
    [
        ({"half_life_hours": 4}, 0.4),
        ({"decay_enabled": False, "decay_rate": 0.9}, 0.8),
        ({"decay_rate": 0}, 0.8),
        ({}, round(0.8 * 0.85**4, 4)),
    ],
)
def test_the_persona_says_how_fast(detection, left):
    later = mood_at(row(), with_moods(mood_detection=detection), START + timedelta(hours=4))
    assert (later.name, later.intensity) == ("hurt", left)


def test_at_a_rate_of_1_a_mood_lasts_for_its_exchange_only():
    brief = with_moods(mood_detection={"decay_rate": 1})
    assert mood_at(row(), brief, START).name == "hurt"
    assert mood_at(row(), brief, START + timedelta(seconds=1)).name == "neutral"


def test_no_mood_and_a_mood_that_the_persona_lost_are_neutral():
    assert mood_at(None, PLAIN, START) == MoodInfo()
    assert mood_at(row("furious"), PLAIN, START).name == "neutral"
    assert mood_at(row(), with_moods(enabled=False), START).name == "neutral"


INTENSITY = st.floats(0, 1)
HOURS = st.floats(-1e6, 1e6)


@given(INTENSITY, INTENSITY, HOURS, HOURS)
def test_time_only_weakens_a_mood_and_a_clock_set_back_changes_nothing(much, rate, one, other):
    fading = with_moods(mood_detection={"decay_rate": rate})
    sooner, later = (
        mood_at(row(intensity=much), fading, START + timedelta(hours=hours))
        for hours in sorted((one, other))
    )
    if sooner.name == "neutral":
        assert later.name == "neutral" or much < FAINT
    if later.name == "hurt":
        assert later.intensity <= sooner.intensity <= round(much, 4)
    if one <= 0:
        felt = mood_at(row(intensity=much), fading, START + timedelta(hours=one))
        assert felt.name == ("hurt" if much >= FAINT else "neutral")


# finding


def test_a_sure_analysis_comes_first_then_triggers_then_calm():
    persona_ = with_moods(
        mood_triggers={"hurt": ["te odio"]}, mood_detection={"confidence_threshold": 0.6}
    )

    def found(mood, confidence, text="te odio"):
        analysis = Analysis(mood=mood, mood_intensity=0.5, mood_confidence=confidence)
        return evidence(analysis, persona_, text)

    assert found("sad", 0.6) == Feeling("sad", 0.5)
    assert found("sad", 0.59) == Feeling("hurt", TRIGGERED)
    assert found("neutral", 1) == Feeling("hurt", TRIGGERED)
    assert found("neutral", 1, "hola") == Feeling("neutral", 0.5)
    assert found("neutral", 0.1, "hola") is None
    assert found("furious", 1, "hola") is None
    assert found(None, 1, "hola") is None


def test_the_method_decides_who_is_asked():
    triggers = {"mood_triggers": {"hurt": ["te odio"]}}
    only = with_moods(**triggers, mood_detection={"method": "trigger"})
    off = with_moods(**triggers, mood_detection={"method": "off"})
    sad = Analysis(mood="sad")
    assert evidence(sad, only, "te odio") == Feeling("hurt", TRIGGERED)
    assert evidence(sad, only, "hola") is None
    assert evidence(sad, off, "te odio") is None


# giving way


@pytest.mark.parametrize(
    ("now", "called", "then"),
    [
        (CALM, Feeling("happy", 0.6), Feeling("happy", 0.6)),
        (CALM, Feeling("neutral", 0.9), CALM),
        (CALM, Feeling("happy", 0.05), CALM),
        # again
        (Feeling("happy", 0.5), Feeling("happy", 0.5), Feeling("happy", 0.75)),
        # an opposite weakens first, then wins
        (Feeling("hurt", 0.75), Feeling("happy", 0.5), Feeling("hurt", 0.25)),
        (Feeling("hurt", 0.25), Feeling("happy", 0.75), Feeling("happy", 0.5)),
        (Feeling("hurt", 0.5), Feeling("happy", 0.5), CALM),
        (Feeling("hurt", 0.5), Feeling("happy", 0.55), CALM),
        # another takes over if it is stronger than what inertia keeps
        (Feeling("hurt", 0.8), Feeling("worried", 0.5), Feeling("worried", 0.5)),
        (Feeling("hurt", 0.8), Feeling("worried", 0.4), Feeling("hurt", 0.4)),
        # nothing calls for it any more
        (Feeling("hurt", 0.8), Feeling("neutral", 0.3), Feeling("hurt", 0.4)),
        (Feeling("hurt", 0.15), Feeling("neutral", 0.3), CALM),
    ],
)
def test_what_gives_way_to_what(now, called, then):
    assert moved(now, called, RULES) == then


def test_the_persona_says_what_may_follow_what():
    rules = MoodTransitions.from_document(
        {
            "inertia": 0.75,
            "allowed": {"hurt": ["sad"], "neutral": ["happy"], "proud": ["happy"]},
            "opposites": {"proud": "shy"},
        }
    )
    hurt = Feeling("hurt", 0.8)
    assert moved(hurt, Feeling("happy", 1), rules) == Feeling("hurt", 0.8 * 0.75)
    assert moved(Feeling("proud", 0.5), Feeling("shy", 0.2), rules) == Feeling("proud", 0.3)
    assert moved(hurt, Feeling("sad", 0.7), rules) == Feeling("sad", 0.7)
    assert moved(CALM, Feeling("sad", 0.7), rules) == CALM
    assert moved(Feeling("proud", 0.5), Feeling("shy", 0.9), rules) == CALM  # worn down, no more
    assert moved(Feeling("shy", 0.75), Feeling("proud", 0.25), rules) == Feeling("shy", 0.5)
    assert moved(Feeling("sad", 0.2), Feeling("happy", 0.9), rules) == Feeling("happy", 0.9)


MOODS = st.sampled_from([*PLAIN.moods])


@given(st.lists(st.tuples(MOODS, INTENSITY, st.floats(-5, 5)), max_size=80), INTENSITY)
def test_a_mood_is_always_one_of_the_personas_within_bounds_and_the_history_is_whole(
    calls, inertia
):
    persona_ = with_moods(transitions={"inertia": inertia})
    state, at = None, START
    for mood, intensity, hours in calls:
        at += timedelta(hours=max(hours, 0))
        found = Analysis(mood=mood, mood_intensity=intensity)
        before = mood_at(state, persona_, at)
        writes, state = mood_writes(
            SESSION, {"content": "x", "timestamp": at}, found, persona_, state
        )
        felt = mood_at(state, persona_, at)
        assert felt.name in persona_.moods
        assert felt.name == "neutral" or FAINT <= felt.intensity <= 1
        if mood == felt.name == before.name != "neutral":
            assert felt.intensity >= before.intensity
        assert not writes or writes[0].row == state
    spans = mood_history(state, persona_, at)
    assert len(spans) <= MAX_HISTORY + 2
    for span, following in pairwise(spans):
        assert span.since <= span.until
        assert span.until <= following.since + timedelta(milliseconds=1)
        assert span.name != following.name
    if spans:
        assert spans[-1].until is None
        assert spans[-1].name == mood_at(state, persona_, at).name


# with a client


async def test_mood_prompt_response_and_history_show_the_same_faded_state(companion, llm, clock):
    client, session = await companion(moods={"mood_detection": {"decay_rate": 0.5}})
    llm.analysis = says(mood="hurt", intensity=0.8)
    answer = await client.send_message(session, "shut up")
    assert (answer.mood.name, answer.mood.intensity) == ("hurt", 0.8)
    clock.passes(hours=1)
    llm.analysis = says()
    answer = await client.send_message(session, "here I am again")
    assert (
        answer.mood
        == await client.get_mood(session)
        == MoodInfo(name="hurt", intensity=0.4, since=START)
    )
    assert '"mood": "hurt"' in llm.asked("conversation")[-1].messages[-2].content
    clock.passes(hours=30)
    assert (await client.get_mood(session)).name == "neutral"
    await client.send_message(session, "anyone there?")
    assert '"mood": "neutral"' in llm.asked("conversation")[-1].messages[-2].content

    llm.analysis = says(mood="happy", intensity=0.6)
    await client.send_message(session, "good news!")
    spans = await client.get_mood_history(session)
    assert [span.name for span in spans] == ["hurt", "neutral", "happy"]
    assert abs(spans[0].until - (START + timedelta(hours=3))) < timedelta(seconds=1)
    assert spans[1].until == spans[2].since == clock.at
    assert spans[2].until is None


async def test_the_history_keeps_the_last_moods(companion, llm, clock):
    client, session = await companion()
    for number in range(MAX_HISTORY + 5):
        llm.analysis = says(mood=("shy", "worried")[number % 2], intensity=0.9)
        await client.send_message(session, f"message {number}")
        clock.passes(minutes=1)
    spans = await client.get_mood_history(session)
    assert len(spans) == MAX_HISTORY + 1
    assert spans[0].since == START + timedelta(minutes=4)


async def test_moods_that_change_at_once_leave_a_whole_history(companion, llm):
    client, session = await companion()

    def analysis(request):
        text = json.loads(request.messages[1].content)["message"]
        return says(mood=text.split()[0], intensity=0.9)

    llm.analysis = analysis
    moods = ("shy", "worried", "happy", "hurt")
    await asyncio.gather(*(client.send_message(session, f"{moods[n % 4]} {n}") for n in range(24)))
    spans = await client.get_mood_history(session)
    assert len(spans) > 2
    for span, following in pairwise(spans):
        assert span.until == following.since
        assert span.name != following.name


async def test_an_unsure_analysis_leaves_the_mood_alone(companion, llm):
    client, session = await companion(moods={"mood_detection": {"confidence_threshold": 0.7}})
    llm.analysis = says(mood="sad", intensity=0.9, confidence=0.6)
    await client.send_message(session, "here I am again")
    assert (await client.get_mood(session)).name == "neutral"
    assert await client.get_mood_history(session) == []
    llm.analysis = says(mood="sad", intensity=0.9)
    await client.send_message(session, "here I am again")
    assert (await client.get_mood(session)).name == "sad"


async def test_an_insult_hurts_and_kindness_heals_in_spanish_and_english(client):
    for insult, kind in (
        ("Eres idiota", "¡Qué alegría, me han contratado!"),
        ("You are stupid", "I'm so happy, I got the job!"),
    ):
        session = await client.create_session("ana", "sakura")
        await client.send_message(session, insult)
        hurt = await client.get_mood(session)
        assert hurt.name == "hurt"
        answer = await client.send_message(session, kind)
        assert answer.mood.intensity < hurt.intensity or answer.mood.name != "hurt"
        await client.send_message(session, kind)
        assert (await client.get_mood(session)).name in {"happy", "excited"}
