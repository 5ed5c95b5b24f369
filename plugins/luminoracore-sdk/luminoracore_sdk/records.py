"""What the SDK hands out: dictionaries whose items are attributes as well."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from luminora.errors import LuminoraError
from luminora.memory.models import AffinityInfo, Episode, Response, Session


class Record(dict[str, Any]):
    """A dictionary; ``record.key`` is ``record["key"]``. It can be written as JSON as it is."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no '{name}', only {', '.join(self)}") from None


def record(value: Any, **more: Any) -> Record:
    """One of Luminora's values as a record: its fields by name, moments as ISO 8601."""
    return Record({one.name: _plain(getattr(value, one.name)) for one in fields(value)}, **more)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def affinity_record(info: AffinityInfo) -> Record:
    """Affinity, under Luminora's names and under those of v1.1."""
    return record(info, affinity_points=info.points, current_level=info.level)


def episode_record(episode: Episode) -> Record:
    """An episode, its type under both names."""
    return record(episode, episode_type=episode.type)


class Reply(Record):
    """The answer to one message.

    Items, each an attribute too:
        success: False when nothing could be said or remembered; ``error`` says why.
        response: The companion's words; ``""`` without success.
        error: One sentence, or None.
        degraded: Whether the embedded responder answered because no model could.
        degraded_reason: Why, or None.
        warnings: What is wrong with the configuration, one sentence each.
        session_id, user_id, personality_name: As they were addressed.
        provider, model, usage: Who answered, and the tokens it took.
        new_facts, facts_learned: What was learned from the message, and how much that is.
        affinity, affinity_points, affinity_level: Where the relationship stands now.
        affinity_change: Points that the message moved.
        mood: The personality's mood.
        memories: Earlier messages that the answer could rely on.
        context_used: Whether anything was known before: such messages, or earlier turns.
    """

    @property
    def text(self) -> str:
        """The companion's words."""
        return str(self["response"])

    @property
    def content(self) -> str:
        """The companion's words, as v1.0 called them."""
        return str(self["response"])

    def __str__(self) -> str:
        return self.text


def answered(response: Response, session: Session) -> Reply:
    """The reply that Luminora's response makes."""
    unconfigured = None
    if response.provider == "offline" and not response.degraded:
        unconfigured = (
            "no language model: pass provider_config=ProviderConfig(name=…, api_key=…), or name "
            "one in luminora.json"
        )
    affinity = response.affinity and affinity_record(response.affinity)
    event = response.affinity_event
    return Reply(
        success=True,
        response=response.text,
        error=None,
        degraded=response.degraded or unconfigured is not None,
        degraded_reason=response.degraded_reason or unconfigured,
        warnings=[],
        session_id=session.session_id,
        user_id=session.user_id,
        personality_name=session.personality_name,
        provider=response.provider,
        model=response.model,
        usage=record(response.usage, total_tokens=response.usage.total_tokens),
        new_facts=[record(fact) for fact in response.facts],
        facts_learned=len(response.facts),
        affinity=affinity,
        affinity_points=affinity["points"] if affinity else 0,
        affinity_level=affinity["level"] if affinity else None,
        affinity_change=event.points if event else 0,
        mood=response.mood.name if response.mood else None,
        memories=[record(memory) for memory in response.memories],
        context_used=bool(response.memories or (affinity and affinity["total_messages"] > 1)),
    )


def unanswered(error: LuminoraError, *, user_id: str, persona: str | None) -> Reply:
    """The reply that says why there is none."""
    return Reply(
        success=False,
        response="",
        error=str(error),
        degraded=True,
        degraded_reason=f"{type(error).__name__}: {error.message}",
        warnings=[],
        session_id=None,
        user_id=user_id,
        personality_name=persona,
        provider=None,
        model=None,
        usage=None,
        new_facts=[],
        facts_learned=0,
        affinity=None,
        affinity_points=0,
        affinity_level=None,
        affinity_change=0,
        mood=None,
        memories=[],
        context_used=False,
    )
