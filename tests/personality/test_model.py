from __future__ import annotations

import copy
import dataclasses

import pytest

from luminora.errors import PersonalityInvalid
from luminora.personality import (
    TRIGGERS,
    MemoryPreferences,
    Personality,
    PersonalityModifier,
    SafetyGuards,
    SampleResponse,
)

FULL = {
    "persona": {
        "name": "Dr. Núria",
        "version": "1.1.0",
        "description": "Explains things.",
        "author": "Someone",
        "tags": ["science"],
        "language": "en",
        "compatibility": ["openai"],
    },
    "core_traits": {
        "archetype": "scientist",
        "temperament": "energetic",
        "communication_style": "conversational",
    },
    "linguistic_profile": {
        "tone": ["enthusiastic"],
        "syntax": "varied",
        "vocabulary": ["remarkable"],
        "fillers": ["oh!"],
        "punctuation_style": "liberal",
    },
    "behavioral_rules": ["Be curious"],
    "trigger_responses": {"on_greeting": ["Hello!"], "on_goodbye": "Bye!", "on_rain": ["Drip."]},
    "advanced_parameters": {"humor": 0.6, "verbosity": 1},
    "safety_guards": {
        "forbidden_topics": ["weapons"],
        "tone_limits": {"max_aggression": 0.1, "max_informality": 0.6},
        "content_filters": ["violence"],
    },
    "examples": {"sample_responses": [{"input": "Hi", "output": "Hello", "context": "greeting"}]},
    "metadata": {"downloads": 0, "rating": 0.0, "license": "MIT"},
    "hierarchical_config": {
        "enabled": True,
        "relationship_levels": [
            {"name": "near", "affinity_range": [51, 100], "description": "Near."},
            {
                "name": "far",
                "affinity_range": [0, 50],
                "description": "Far.",
                "modifiers": {
                    "advanced_parameters": {"humor": -0.2},
                    "linguistic_profile": {
                        "tone_additions": ["cool"],
                        "expression_additions": ["hm"],
                    },
                    "system_prompt_additions": {"prefix": "Before.", "suffix": "After."},
                    "behavioral_adjustments": ["Keep away"],
                },
            },
        ],
    },
    "mood_config": {
        "enabled": True,
        "moods": {"grumpy": {"description": "Cross.", "modifiers": {}}},
        "mood_triggers": {"grumpy": ["monday"]},
        "mood_detection": {"method": "automatic"},
    },
    "memory_preferences": {
        "fact_categories": ["goals"],
        "episode_types": ["milestone"],
        "importance_threshold": 6.0,
        "remember_questions": False,
    },
    "affinity_config": {"interaction_types": {"positive": 3, "negative": -2}},
    "from_the_future": {"kept": True},
}


def test_every_section_is_read():
    persona = Personality.from_document(FULL, slug="nuria")

    assert (persona.slug, persona.name, persona.language) == ("nuria", "Dr. Núria", "en")
    assert (persona.archetype, persona.temperament) == ("scientist", "energetic")
    assert (persona.syntax, persona.punctuation_style) == ("varied", "liberal")
    assert persona.behavioral_rules == ("Be curious",)
    assert persona.advanced_parameters == {"humor": 0.6, "verbosity": 1.0}
    assert persona.safety_guards == SafetyGuards(("weapons",), ("violence",), 0.1, 0.6)
    assert persona.sample_responses == (SampleResponse("Hi", "Hello", "greeting"),)
    assert persona.memory_preferences == MemoryPreferences(
        ("goals",), ("milestone",), 6.0, remember_questions=False
    )
    assert persona.affinity.interaction_types == {"positive": 3, "negative": -2}
    assert persona.mood_triggers == {"grumpy": ("monday",)}


def test_levels_are_sorted_by_range_and_carry_their_modifier():
    far, near = Personality.from_document(FULL).levels

    assert (far.name, far.low, far.high) == ("far", 0, 50)
    assert far.modifier == PersonalityModifier(
        advanced_parameters={"humor": -0.2},
        tone_additions=("cool",),
        expression_additions=("hm",),
        prefix="Before.",
        suffix="After.",
        behavioral_adjustments=("Keep away",),
    )
    assert near.modifier == PersonalityModifier()


def test_a_document_survives_the_round_trip_and_is_not_shared():
    before = copy.deepcopy(FULL)
    persona = Personality.from_document(FULL)

    written = persona.to_document()
    assert written == before

    written["persona"]["name"] = "Other"
    assert persona.to_document() == before
    assert before == FULL


def test_all_five_triggers_exist_and_others_are_kept(plain):
    persona = Personality.from_document(FULL)
    assert persona.trigger_responses == {
        "on_greeting": ("Hello!",),
        "on_confusion": (),
        "on_success": (),
        "on_error": (),
        "on_goodbye": ("Bye!",),
        "on_rain": ("Drip.",),
    }
    assert tuple(Personality.from_document(plain).trigger_responses) == TRIGGERS


def test_a_persona_with_only_the_required_sections_gets_defaults(plain):
    persona = Personality.from_document(plain)

    assert (persona.slug, persona.language, persona.version) == ("plain", "en", "1.0.0")
    assert [level.name for level in persona.levels] == [
        "stranger",
        "acquaintance",
        "friend",
        "close_friend",
        "soulmate",
    ]
    assert persona.moods["shy"].modifier.advanced_parameters["directness"] < 0
    assert persona.affinity.interaction_types["insult"] == -5
    assert "shy" in persona.mood_triggers
    assert persona.to_document() == plain


def test_defaults_are_never_mixed_with_what_a_persona_gives():
    persona = Personality.from_document(FULL)
    assert set(persona.moods) == {"grumpy", "neutral"}
    assert [level.name for level in persona.levels] == ["far", "near"]
    assert "insult" not in persona.affinity.interaction_types


def test_disabled_levels_keep_their_names_and_change_nothing():
    config = {**FULL["hierarchical_config"], "enabled": False}
    persona = Personality.from_document({**FULL, "hierarchical_config": config})
    assert [level.name for level in persona.levels] == ["far", "near"]
    assert all(level.modifier == PersonalityModifier() for level in persona.levels)


def test_disabled_moods_leave_only_neutral():
    config = {**FULL["mood_config"], "enabled": False}
    persona = Personality.from_document({**FULL, "mood_config": config})
    assert set(persona.moods) == {"neutral"}
    assert persona.mood_triggers == {}


def test_rules_of_an_older_draft_are_read(plain):
    rules = {"always_do": ["listen"], "never_do": ["shout"]}
    english = Personality.from_document({**plain, "behavioral_rules": rules})
    assert english.behavioral_rules == ("listen", "Never: shout")

    persona = {"name": "Llano", "language": "es-MX"}
    spanish = Personality.from_document({**plain, "persona": persona, "behavioral_rules": rules})
    assert spanish.behavioral_rules == ("listen", "Nunca: shout")


def test_expressions_stand_in_for_missing_fillers(plain):
    speech = {"expressions": ["um", " "]}
    assert Personality.from_document({**plain, "linguistic_profile": speech}).fillers == ("um",)


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Dr. Núria", "dr_nuria"), ("  Zero  Cool ", "zero_cool"), ("桜", "persona")],
)
def test_a_slug_is_made_from_the_name(plain, name, slug):
    assert Personality.from_document({**plain, "persona": {"name": name}}).slug == slug


def test_values_cannot_be_reassigned(plain):
    persona = Personality.from_document(plain)
    with pytest.raises(dataclasses.FrozenInstanceError):
        persona.name = "Other"
    assert isinstance(hash(persona), int)


def test_an_invalid_document_is_refused_with_every_problem(plain):
    broken = {**plain, "persona": {}, "advanced_parameters": {"humor": 2}}
    with pytest.raises(PersonalityInvalid) as caught:
        Personality.from_document(broken, where="broken.json")
    assert len(caught.value.problems) == 2
    assert "broken.json" in str(caught.value)
    assert "(and 1 more)" in str(caught.value)
