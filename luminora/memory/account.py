"""The account of a change of affinity: step by step, how its points came about.

It is kept in the event's ``reason`` as compact JSON that people can read too::

    {"why":"thanks the companion","steps":[["base",3,"gratitude is worth +3"],
     ["bonus",1,"more than 100 characters"],["cap",-2,"at most 6 a day for gratitude"]]}

The points of all steps add up to those of the event.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

MILESTONE = "milestone:"
"""Begins the name of an event that tells of a milestone."""


@dataclass(frozen=True, slots=True)
class AffinityStep:
    """One step of the sum.

    Attributes:
        name: ``base``, ``bonus``, ``plea``, ``cooldown``, ``cap``, ``day_cap``, ``bounds`` or
            ``decay``.
        points: What it adds or takes.
        note: Why, in words.
    """

    name: str
    points: int
    note: str

    def __str__(self) -> str:
        return f"{self.points:+d} {self.note}"


def written(why: str | None, steps: Sequence[AffinityStep]) -> str:
    """An account as it is stored."""
    account = {"why": why, "steps": [[step.name, step.points, step.note] for step in steps]}
    return json.dumps(account, ensure_ascii=False, separators=(",", ":"))


def read(reason: str | None) -> tuple[str | None, tuple[AffinityStep, ...]]:
    """Why the event was chosen, and the steps; a reason of plain text has none."""
    if reason is None or not reason.startswith('{"why":'):
        return reason, ()
    try:
        account = json.loads(reason)
        steps = tuple(AffinityStep(*step) for step in account["steps"])
    except (ValueError, KeyError, TypeError):
        return reason, ()
    return account["why"], steps
