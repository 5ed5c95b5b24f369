"""Telling listeners what was learned, when an exchange is answered or digested later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from luminora.memory.learning import Exchange, Lesson
from luminora.memory.models import AffinityEvent, Fact

Emit = Callable[..., Awaitable[None]]
"""``emit(hook, **arguments)`` calls every listener of an event hook."""


async def announce(emit: Emit, exchange: Exchange, lesson: Lesson) -> None:
    """Emit the hooks for facts, changes of level and milestones."""
    session = exchange.session
    who = {"session_id": session.session_id, "user_id": session.user_id}
    if lesson.facts:
        facts = [Fact.from_row(row) for row in lesson.facts]
        await emit("luminora_memory_stored", **who, facts=facts)
    if lesson.affinity is None:
        return
    pair = {"user_id": session.user_id, "personality_name": session.personality_name}
    for before, after in lesson.affinity.level_changes:
        await emit("luminora_level_changed", **pair, before=before, after=after)
    for row in lesson.affinity.milestones:
        event = AffinityEvent.from_row(row)
        await emit(
            "luminora_milestone_reached",
            **pair,
            milestone=event.milestone,
            description=event.reason,
            points=event.points_after,
        )
