from __future__ import annotations

import pytest

from luminora.personality import MoodRules, MoodTransitions


def test_an_empty_section_gives_the_fallbacks():
    rules = MoodRules.from_document({})
    assert rules == MoodRules()
    assert (rules.method, rules.confidence_threshold, rules.hourly_loss) == ("automatic", 0.6, 0.15)
    assert rules.transitions.inertia == 0.5
    assert rules.transitions.opposed("happy", "hurt")
    assert rules.transitions.opposed("hurt", "happy")
    assert not rules.transitions.opposed("happy", "shy")
    assert rules.transitions.may_follow("hurt", "happy")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"decay_rate": 0.3}, 0.3),
        ({"decay_rate": 7}, 1.0),
        ({"decay_rate": "fast"}, 0.15),
        ({"decay_enabled": False, "half_life_hours": 2}, 0.0),
        ({"half_life_hours": 1, "decay_rate": 0.1}, 0.5),
        ({"half_life_hours": 2}, 1 - 0.5**0.5),
        ({"half_life_hours": -1}, 0.15),
        ({"half_life_hours": 1e-300}, 1.0),
    ],
)
def test_decay_is_a_rate_or_a_half_life(written, read):
    loss = MoodRules.from_document({"mood_detection": written}).hourly_loss
    assert loss == pytest.approx(read)


def test_a_method_may_be_written_in_any_case_and_an_unknown_one_is_automatic():
    def method(name):
        return MoodRules.from_document({"mood_detection": {"method": name}}).method

    assert [method(name) for name in ("Trigger", "off", "astrology", 3)] == [
        "trigger",
        "off",
        "automatic",
        "automatic",
    ]


def test_transitions_take_one_name_for_a_list_and_replace_the_default_opposites():
    rules = MoodTransitions.from_document({"allowed": {"hurt": "sad"}, "opposites": {}})
    assert rules.may_follow("hurt", "sad")
    assert not rules.may_follow("hurt", "happy")
    assert not rules.opposed("happy", "hurt")
