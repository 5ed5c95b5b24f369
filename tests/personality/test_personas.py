"""The personas that ship with Luminora are complete, and their sentences can be spoken as is."""

from __future__ import annotations

import json

import pytest

from luminora._resources import folder
from luminora.personality import TRIGGERS, PersonalityLibrary, PersonalityTree, validate

NAMES = ("alicia", "cassian", "marisol", "ottoline", "sakura")
SHARED_MOODS = {"neutral", "happy", "sad", "excited", "shy", "playful", "worried"}


@pytest.fixture(params=NAMES)
def persona(request):
    return PersonalityLibrary(builtin=folder("personalities")).load(request.param)


def test_five_personas_ship():
    assert set(NAMES) <= set(PersonalityLibrary().names())


def test_there_is_nothing_to_complain_about(persona):
    assert validate(persona.document) == []


def test_the_name_is_the_capitalised_slug(persona):
    assert persona.name == persona.slug.capitalize()


def test_five_levels_and_more_than_seven_moods_all_change_something(persona):
    assert [(level.low, level.high) for level in persona.levels] == [
        (0, 20),
        (21, 40),
        (41, 60),
        (61, 80),
        (81, 100),
    ]
    assert set(persona.moods) > SHARED_MOODS
    modifiers = [level.modifier for level in persona.levels]
    modifiers += [mood.modifier for name, mood in persona.moods.items() if name != "neutral"]
    for modifier in modifiers:
        assert modifier.advanced_parameters
        assert modifier.tone_additions
        assert modifier.expression_additions


def test_every_mood_but_neutral_has_triggers(persona):
    assert set(persona.mood_triggers) == set(persona.moods) - {"neutral"}


def test_formality_falls_from_stranger_to_soulmate(persona):
    tree = PersonalityTree(persona)
    formality = [tree.parameters(x)["formality"] for x in (10, 30, 50, 70, 90)]
    assert formality == sorted(formality, reverse=True)
    assert formality[0] - formality[-1] >= 0.3


def test_triggers_are_whole_sentences(persona):
    for trigger in TRIGGERS:
        sentences = persona.trigger_responses[trigger]
        assert len(sentences) >= 4
        assert len(set(sentences)) == len(sentences)
        assert all(sentence[-1] in ".!?…" for sentence in sentences)


def test_affinity_has_ways_up_and_down_and_its_milestones_in_order(persona):
    points = persona.affinity.interaction_types.values()
    assert min(points) <= -5
    assert max(points) >= 4
    assert persona.affinity.interaction_types["message_exchanged"] == 1
    assert [m.affinity for m in persona.affinity.milestones] == [21, 41, 61, 81]


def test_files_are_readable_text_for_people():
    for name in NAMES:
        text = (folder("personalities") / f"{name}.json").read_text("utf-8")
        assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n"
