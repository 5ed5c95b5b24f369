from __future__ import annotations

import pytest

from luminora.personality import defaults
from luminora.personality.validate import validate


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_defaults_are_themselves_a_valid_persona(plain, language):
    document = {
        **plain,
        "hierarchical_config": {"relationship_levels": defaults.levels(language)},
        "mood_config": {
            "moods": defaults.moods(language),
            "mood_triggers": {
                mood: list(phrases) for mood, phrases in defaults.mood_triggers(language).items()
            },
        },
        "affinity_config": {"interaction_types": defaults.INTERACTION_TYPES},
    }
    assert validate(document) == []


def test_five_levels_cover_the_scale():
    ranges = [tuple(level["affinity_range"]) for level in defaults.levels("en")]
    assert ranges == [(0, 20), (21, 40), (41, 60), (61, 80), (81, 100)]


def test_at_least_seven_moods_and_only_neutral_changes_nothing():
    moods = defaults.moods("en")
    assert len(moods) >= 7
    still = [name for name, mood in moods.items() if not mood["modifiers"]["advanced_parameters"]]
    assert still == ["neutral"]


def test_the_two_languages_differ_in_words_but_not_in_numbers():
    for english, spanish in zip(defaults.levels("en"), defaults.levels("es"), strict=True):
        assert english["description"] != spanish["description"]
        assert english["affinity_range"] == spanish["affinity_range"]
        numbers = [x["modifiers"]["advanced_parameters"] for x in (english, spanish)]
        assert numbers[0] == numbers[1]
    assert defaults.moods("en").keys() == defaults.moods("es").keys()


@pytest.mark.parametrize(
    ("code", "spanish"),
    [("es", True), ("ES", True), ("es-MX", True), ("es_AR", True), ("en", False), ("est", False)],
)
def test_spanish_is_recognised_by_its_primary_code(code, spanish):
    assert defaults.is_spanish(code) is spanish
