from __future__ import annotations

import pytest

from luminora.personality import (
    INTERACTION_MEANINGS,
    AffinityDecay,
    AffinityLimits,
    AffinityRules,
    Milestone,
)
from luminora.personality.affinity import MAX_COOLDOWN


def test_an_empty_section_gives_the_fallbacks():
    rules = AffinityRules.from_document({})
    assert rules == AffinityRules()
    assert rules.max_change == 10
    assert (rules.long_message_length, rules.long_message_bonus) == (100, 1)
    assert rules.decay.enabled is False


def test_every_default_interaction_is_documented():
    assert INTERACTION_MEANINGS.keys() == AffinityRules().interaction_types.keys()
    assert all(INTERACTION_MEANINGS.values())


def test_points_are_capped_and_unknown_interactions_earn_none():
    rules = AffinityRules.from_document(
        {"interaction_types": {"gift": 25, "theft": -25, "nod": 1}, "max_change": 8}
    )
    assert rules.points("gift") == 8
    assert rules.points("theft") == -8
    assert rules.points("nod") == 1
    assert rules.points("unheard_of") == 0


def test_fallbacks_are_not_shared_between_personas():
    first, second = AffinityRules(), AffinityRules()
    assert first.interaction_types is not second.interaction_types


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (None, AffinityDecay()),
        (False, AffinityDecay()),
        (True, AffinityDecay(enabled=True)),
        (0.5, AffinityDecay(enabled=True, points_per_day=0.5)),
        (0, AffinityDecay(enabled=False, points_per_day=0)),
        ({"points_per_day": 2}, AffinityDecay(enabled=True, points_per_day=2)),
        ({"enabled": False}, AffinityDecay()),
        (
            {"points_per_day": 2, "grace_days": 3, "floor": 20},
            AffinityDecay(enabled=True, points_per_day=2, grace_days=3, floor=20),
        ),
    ],
)
def test_decay_may_be_written_long_or_short(written, read):
    assert AffinityRules.from_document({"decay": written}).decay == read


def test_milestones_may_be_written_long_or_short():
    long = [{"affinity": 60, "name": "b"}, {"affinity": 20, "name": "a", "description": "First."}]
    assert AffinityRules.from_document({"milestones": long}).milestones == (
        Milestone(20, "a", "First."),
        Milestone(60, "b"),
    )
    short = {"b": 60, "a": 20}
    assert AffinityRules.from_document({"milestones": short}).milestones == (
        Milestone(20, "a"),
        Milestone(60, "b"),
    )


def test_limits_may_be_written_long_or_short():
    long = AffinityRules.from_document(
        {
            "caps_per_day": {"total": 20, "interactions": {"humor": 6}},
            "cooldown_minutes": {"humor": 7.5, "insult": 0, "gift": 1e300},
        }
    ).limits
    assert long == AffinityLimits(20, {"humor": 6}, {"humor": 7.5, "gift": MAX_COOLDOWN})
    assert AffinityRules.from_document({"caps_per_day": 20}).limits == AffinityLimits(20)
    assert AffinityRules.from_document({"caps_per_day": 0}).limits.per_day == 0
    assert AffinityRules.from_document({}).limits == AffinityLimits()
    assert AffinityRules.from_document({"caps_per_day": "few"}).limits == AffinityLimits()
