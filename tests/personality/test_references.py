from __future__ import annotations

from luminora.personality import validate


def warnings(plain, **sections):
    found = validate({**plain, **sections})
    assert all(problem.severity == "warning" for problem in found)
    return [(problem.pointer, problem.message, problem.hint) for problem in found]


def test_limits_on_interactions_that_do_not_exist(plain):
    found = warnings(
        plain,
        affinity_config={
            "caps_per_day": {"total": 5, "interactions": {"complimnt": 3}},
            "cooldown_minutes": {"gift": 3, "compliment": 2},
        },
    )
    assert [place for place, *_ in found] == [
        "/affinity_config/caps_per_day/interactions",
        "/affinity_config/cooldown_minutes",
    ]
    assert "'complimnt'" in found[0][1]
    assert "did you mean 'compliment'?" in found[0][2]


def test_transitions_of_moods_that_do_not_exist(plain):
    found = warnings(
        plain,
        mood_config={"transitions": {"allowed": {"hurt": ["sda"]}, "opposites": {"glad": "sad"}}},
    )
    assert ["'sda'" in found[0][1], "'glad'" in found[1][1]] == [True, True]
    assert len(found) == 2
    assert warnings(plain, mood_config={"transitions": {"allowed": {"hurt": "neutral"}}}) == []


def test_a_method_that_does_not_exist(plain):
    ((place, message, hint),) = warnings(
        plain, mood_config={"mood_detection": {"method": "triger"}}
    )
    assert place == "/mood_config/mood_detection/method"
    assert "automatic stands in" in message
    assert "did you mean 'trigger'?" in hint
