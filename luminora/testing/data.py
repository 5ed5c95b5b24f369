"""Rows to test with: complete, valid, and of users that nobody else has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from luminora.providers.operations import Row

START: Final = datetime(2026, 11, 20, 13, 35, 25, 123456, tzinfo=UTC)


def new_id(what: str = "id") -> str:
    """An id that was never used before."""
    return f"{what}-{uuid4().hex}"


def session(user: str, **changes: Any) -> Row:
    """A row of ``sessions``."""
    return {
        "session_id": new_id("session"),
        "user_id": user,
        "personality_name": "sakura",
        "personality_document": None,
        "metadata": None,
        "created_at": START,
        "last_activity": START,
        **changes,
    }


def message(user: str, seq: int = 0, **changes: Any) -> Row:
    """A row of ``messages``, ``seq`` seconds after the start of time."""
    return {
        "id": new_id("message"),
        "session_id": f"session-of-{user}"[:255],
        "user_id": user,
        "personality_name": "sakura",
        "speaker": "user",
        "speaker_name": None,
        "content": f"message number {seq}",
        "timestamp": START + timedelta(seconds=seq),
        "seq": seq,
        "external_id": None,
        "reply_to": None,
        "embedding_state": "pending",
        "metadata": None,
        **changes,
    }


def affinity(user: str, **changes: Any) -> Row:
    """A row of ``user_affinity``."""
    return {
        "id": new_id("affinity"),
        "user_id": user,
        "personality_name": "sakura",
        "affinity_points": 50,
        "current_level": "friend",
        "total_messages": 0,
        "positive_interactions": 0,
        "negative_interactions": 0,
        "last_interaction": None,
        "revision": 0,
        "created_at": START,
        "updated_at": START,
        **changes,
    }


def fact(user: str, key: str = "name", **changes: Any) -> Row:
    """A row of ``user_facts``."""
    return {
        "id": new_id("fact"),
        "user_id": user,
        "personality_name": "sakura",
        "session_id": f"session-of-{user}"[:255],
        "category": "personal",
        "key": key,
        "value": "Diego",
        "confidence": 0.9,
        "source_message_id": None,
        "first_mentioned": START,
        "last_updated": START,
        "mention_count": 1,
        "tags": [],
        "context": None,
        "is_active": True,
        "revision": 0,
        "created_at": START,
        "updated_at": START,
        **changes,
    }
