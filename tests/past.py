"""Conversations that are over, written straight into a storage: every time and number is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from luminora.client import LuminoraCoreClient
from luminora.providers import Insert, Row, Write

MONDAY = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)


def after(**passed: float) -> datetime:
    """A time so long after that Monday evening."""
    return MONDAY + timedelta(**passed)


class Past:
    """What was said, felt and learned in one session.

    Nothing is stored before :func:`store` is awaited.
    """

    def __init__(self, user: str, personality: str, session: str) -> None:
        self.user, self.personality, self.session = user, personality, session
        self._ids = (f"{session}-{number}" for number in count(1))
        self._seq = count(1)
        self._writes: list[Write] = []
        self._asked: str | None = None

    def said(self, at: datetime, text: str, **details: Any) -> str:
        """The user said something; ``classified`` is its category and sentiment."""
        classified = details.pop("classified", None)
        self._asked = self._message("user", at, text, details)
        if classified is not None:
            category, sentiment = classified
            row = {
                "message_id": self._asked,
                "category": category,
                "importance": 5.0,
                "sentiment": sentiment,
                "privacy": "public",
                "permanence": "long_term",
                "created_at": after(days=99),
            }
            self._put("memory_classifications", row)
        return self._asked

    def answered(self, at: datetime, text: str = "Ya veo.", **details: Any) -> str:
        """The companion answered what was said last."""
        return self._message("assistant", at, text, details, reply_to=self._asked)

    def imported(self, role: str, at: datetime, text: str) -> str:
        """A message that came from elsewhere."""
        return self._message(role, at, text, {})

    def _message(
        self, role: str, at: datetime, text: str, details: Row, reply_to: str | None = None
    ) -> str:
        identity = next(self._ids)
        row = {
            "id": identity,
            "session_id": self.session,
            "personality_name": self.personality,
            "speaker": role,
            "speaker_name": None,
            "content": text,
            "timestamp": at,
            "seq": next(self._seq),
            "external_id": None,
            "reply_to": reply_to,
            "embedding_state": "pending",
            "metadata": details or None,
        }
        self._put("messages", row)
        return identity

    def felt(self, current: str, since: datetime, history: Sequence[Any] = ()) -> None:
        """The companion's mood now, and its moods before."""
        row = {
            "session_id": self.session,
            "current_mood": current,
            "mood_intensity": 0.8,
            "mood_started_at": since,
            "mood_history": list(history),
            "updated_at": since,
        }
        self._put("session_moods", row)

    def grew(self, level: str, *changes: tuple[datetime, int], before: int = 0) -> None:
        """Affinity changed; ``before`` is what it was without any event to tell."""
        points = before
        for at, change in changes:
            points += change
            row = {
                "id": next(self._ids),
                "personality_name": self.personality,
                "session_id": self.session,
                "message_id": None,
                "event": "talk",
                "points": change,
                "points_after": points,
                "level_after": level,
                "reason": None,
                "created_at": at,
            }
            self._put("affinity_events", row)
        row = {
            "id": next(self._ids),
            "personality_name": self.personality,
            "affinity_points": points,
            "current_level": level,
            "total_messages": len(changes),
            "positive_interactions": 0,
            "negative_interactions": 0,
            "last_interaction": None,
            "revision": 0,
            "created_at": changes[0][0],
            "updated_at": changes[-1][0],
        }
        self._put("user_affinity", row)

    def learned(self, category: str, key: str, at: datetime, **fields: Any) -> str:
        """A fact was learned."""
        identity = next(self._ids)
        row = {
            "id": identity,
            "personality_name": self.personality,
            "session_id": self.session,
            "category": category,
            "key": key,
            "value": "something",
            "confidence": 0.9,
            "source_message_id": None,
            "first_mentioned": at,
            "last_updated": at,
            "mention_count": 1,
            "tags": [],
            "context": None,
            "is_active": True,
            "revision": 0,
            "created_at": at,
            "updated_at": at,
            **fields,
        }
        self._put("user_facts", row)
        return identity

    def changed(self, fact: str, at: datetime) -> None:
        """A fact got another value."""
        row = {
            "id": next(self._ids),
            "fact_id": fact,
            "category": "work",
            "key": "job",
            "value": "before",
            "confidence": 0.9,
            "source_message_id": None,
            "valid_from": MONDAY,
            "valid_to": at,
            "reason": "superseded",
            "created_at": at,
        }
        self._put("fact_history", row)

    def _put(self, collection: str, row: Row) -> None:
        self._writes.append(Insert(collection, self.user, {**row, "user_id": self.user}))

    def writes(self) -> list[Write]:
        """Everything so far, the session itself first."""
        session = {
            "session_id": self.session,
            "user_id": self.user,
            "personality_name": self.personality,
            "personality_document": None,
            "metadata": None,
            "created_at": MONDAY,
            "last_activity": MONDAY,
        }
        return [Insert("sessions", self.user, session), *self._writes]


async def store(client: LuminoraCoreClient, *pasts: Past) -> None:
    """Write it all down."""
    await client.open()
    writes = [write for past in pasts for write in past.writes()]
    for start in range(0, len(writes), 100):
        await client.storage.transaction(writes[start : start + 100])


async def a_week(client: LuminoraCoreClient) -> None:
    """Diego talks with sakura on two days, ana once with her and once with cassian."""
    diego = Past("diego", "sakura", "s1")
    call = {"provider": "deepseek", "model": "v3", "prompt_tokens": 50, "completion_tokens": 10}
    paid = {"prompt_tokens": 100, "completion_tokens": 20, "cost": 0.001}
    unpriced = {"prompt_tokens": 200, "completion_tokens": 30}
    openai = {"provider": "openai", "model": "gpt"}
    diego.said(
        after(),
        "Max se comió un calcetín",
        classified=("pets", "negative"),
        analysis={**call, "cost": 0.0002},
    )
    diego.answered(after(seconds=4), usage=paid, **openai)
    diego.said(after(minutes=5), "Hoy Max está mejor, Lucía", classified=("pets", "positive"))
    diego.answered(after(minutes=5, seconds=2), usage=unpriced, **openai)
    diego.said(after(hours=1), "Mañana hablo con Lucía de los perros")
    diego.said(after(hours=13), "¿Y el perro?", classified=("other", "very_positive"))
    diego.answered(after(hours=13, seconds=10), degraded="timeout", provider="offline", model="x")
    worried = {"mood": "worried", "from": after(seconds=10).isoformat(), "to": "?"}
    diego.felt("happy", after(minutes=5, seconds=30), [worried, {"mood": "lost"}, 7])
    diego.grew("friend", (after(), 3), (after(minutes=5), 4), (after(hours=13), -2))
    diego.learned("pets", "name", after(), mention_count=2)
    job = diego.learned("work", "job", after(hours=13), is_active=False)
    diego.changed(job, after(hours=13))

    ana = Past("ana", "sakura", "s2")
    ana.said(after(hours=13), "My job is great", classified=("work", "positive"))
    ana.grew("close_friend", (after(hours=13), 15), before=10)

    other = Past("ana", "cassian", "s3")
    other.imported("system", after(days=3), "They met before.")
    other.imported("user", after(days=3), "Hello from London")
    await store(client, diego, ana, other)
