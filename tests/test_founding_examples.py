"""The tests that the founding plan prints as examples, offline and with a model that answers."""

from __future__ import annotations

import json

import pytest

from luminora.client import LuminoraCoreClient
from tests.doubles import ScriptedLLM, stack_with

ANSWERS = {
    "Hola, soy Diego y me encanta Naruto": {
        "facts": [
            {"category": "personal_info", "key": "nombre", "value": "Diego", "confidence": 0.98},
            {
                "category": "preferences",
                "key": "favorite_anime",
                "value": "Naruto",
                "confidence": 0.9,
                "quote": "me encanta Naruto",
            },
        ],
        "sentiment": "positive",
        "mood": {"name": "happy", "intensity": 0.5},
        "affinity": {"event": "share_personal", "reason": "tells their name"},
    },
    "Mi perro Max murió ayer": {
        "facts": [
            {"category": "pets", "key": "dog_name", "value": "Max", "confidence": 0.95},
        ],
        "sentiment": "very_negative",
        "mood": {"name": "sad", "intensity": 0.8},
        "affinity": {"event": "share_personal", "reason": "a loss"},
        "classification": {
            "category": "pets",
            "importance": 9,
            "privacy": "private",
            "permanence": "permanent",
        },
        "episode": {
            "type": "emotional_moment",
            "title": "Muere Max",
            "summary": "El perro de Diego, Max, murió ayer.",
            "importance": 8.5,
            "sentiment": "very_negative",
            "tags": ["sad", "pet"],
        },
    },
    "Soy Diego, tengo 28 años y trabajo en IT": {
        "facts": [
            {"category": "personal_info", "key": "name", "value": "Diego", "confidence": 0.98},
            {"category": "personal_info", "key": "age", "value": 28, "confidence": 0.98},
            {"category": "work", "key": "job", "value": "IT", "confidence": 0.9},
        ],
        "sentiment": "neutral",
    },
}


def answered(request):
    """What a model would say of the message that it is asked about."""
    answer = ANSWERS[json.loads(request.messages[1].content)["message"]]
    return f"```json\n{json.dumps(answer, ensure_ascii=False, indent=2)}\n```"


@pytest.fixture(params=["offline", "model"])
async def companion(request):
    if request.param == "offline":
        made = LuminoraCoreClient.from_config()
    else:
        llm = ScriptedLLM()
        llm.analysis = answered
        made = LuminoraCoreClient(stack_with(llm=llm))
    async with made as client:
        yield client


async def test_conversation_with_memory(companion):
    session = await companion.create_session("diego", "sakura")

    await companion.send_message(session, "Hola, soy Diego y me encanta Naruto")
    facts = await companion.get_facts(session)
    assert any(fact.key == "name" and fact.value == "Diego" for fact in facts)
    assert any(fact.key == "favorite_anime" for fact in facts)

    await companion.send_message(session, "Mi perro Max murió ayer")
    episodes = await companion.get_episodes(session)
    assert len(episodes) >= 1
    assert episodes[0].importance >= 7.0
    assert episodes[0].type == "emotional_moment"
    assert "sad" in episodes[0].tags

    found = await companion.search_memories(session, "cuando hablamos de mi mascota")
    assert "Max" in found[0].content


async def test_fact_extraction(companion):
    session = await companion.create_session("diego", "sakura")

    answer = await companion.send_message(session, "Soy Diego, tengo 28 años y trabajo en IT")

    assert len(answer.facts) >= 3
    assert any(fact.key == "name" and fact.value == "Diego" for fact in answer.facts)
    assert any(fact.key == "age" and fact.value == 28 for fact in answer.facts)


async def test_an_episode_of_several_messages(client):
    episode = await client.detect_episode(
        [
            {"content": "Mi perro murió ayer", "speaker": "user"},
            {"content": "Lo siento mucho", "speaker": "assistant"},
            {"content": "Era mi mejor amigo", "speaker": "user"},
        ]
    )

    assert episode is not None
    assert episode.importance >= 7.0
    assert episode.type == "emotional_moment"
    assert "sad" in episode.tags
