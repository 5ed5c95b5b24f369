"""A companion whose clock, rules and analysis the test decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from inspect import signature
from typing import Any

import pytest

from luminora import hookspecs, relationship
from luminora.client import LuminoraCoreClient
from luminora.config import load_config
from luminora.memory import conversation, learning
from luminora.stack import Stack
from tests.doubles import ScriptedLLM

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    """Stands still until it is told to go on, or back."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def passes(self, **span: float) -> None:
        self.at += timedelta(**span)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    for module in (learning, conversation, relationship):
        monkeypatch.setattr(module, "now", found)
    return found


@pytest.fixture
def heard() -> list[tuple[str, dict[str, Any]]]:
    """What listeners heard of the relationship."""
    return []


@pytest.fixture
async def companion(llm: ScriptedLLM, heard):
    """Makes a client and a session with a persona of the given rules."""
    clients = []

    async def make(
        affinity: dict[str, Any] | None = None,
        moods: dict[str, Any] | None = None,
        **overrides: Any,
    ) -> tuple[LuminoraCoreClient, str]:
        async def emit(hook: str, **arguments: Any) -> None:
            signature(getattr(hookspecs, hook)).bind(**arguments)  # as documented
            if hook in {"luminora_level_changed", "luminora_milestone_reached"}:
                heard.append((hook.removeprefix("luminora_"), arguments))

        stack = Stack.build(load_config(overrides=overrides))
        client = await LuminoraCoreClient(replace(stack, llm=llm, emit=emit))
        clients.append(client)
        return client, await client.create_session("ana", persona(affinity, moods))

    yield make
    for client in clients:
        await client.aclose()


def persona(
    affinity: dict[str, Any] | None = None, moods: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A persona of the given rules, and otherwise of the fallbacks."""
    return {
        "persona": {"name": "Plain"},
        "core_traits": {},
        "linguistic_profile": {},
        "behavioral_rules": [],
        "affinity_config": affinity or {},
        "mood_config": moods or {},
    }


def says(event: str | None = None, mood: str | None = None, **more: Any) -> dict[str, Any]:
    """An analysis that names an interaction and a mood."""
    return {
        "facts": [],
        "sentiment": "neutral",
        "affinity": {"event": event, "reason": "because"},
        "mood": {"name": mood, **more} if mood else None,
    }
