"""Rows that tests put into a storage by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime.now(UTC)


def row(number: int = 0, **fields: Any) -> dict[str, Any]:
    """A row of ``episodes``, a hundred days old."""
    told = fields.pop("timestamp", NOW - timedelta(days=100 - number / 100))
    return {
        "id": f"e{number}",
        "user_id": "ana",
        "session_id": "s",
        "personality_name": "sakura",
        "type": "moment",
        "title": f"Moment {number}",
        "summary": f"Something small happened, number {number}",
        "importance": 5.0,
        "sentiment": "neutral",
        "tags": ["small"],
        "context_messages": [f"m{number}"],
        "timestamp": told,
        "temporal_decay": 1.0,
        "related_facts": [],
        "related_episodes": [],
        "metadata": None,
        "created_at": told,
        "updated_at": told,
        **fields,
    }
