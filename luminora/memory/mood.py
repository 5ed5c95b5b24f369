"""The personality's mood in a session."""

from __future__ import annotations

from datetime import datetime

from luminora.memory.analysis import Analysis
from luminora.memory.models import Session
from luminora.providers import Row, Upsert, Write

MAX_HISTORY = 50


def mood_writes(
    session: Session, analysis: Analysis, old: Row | None, at: datetime
) -> tuple[list[Write], Row | None]:
    """The write that follows an analysis, if it named a mood, and the row as it will be."""
    if analysis.mood is None:
        return [], old
    changed = old is None or old["current_mood"] != analysis.mood
    if old is not None and not changed and old["mood_intensity"] == analysis.mood_intensity:
        return [], old
    past = list(old["mood_history"]) if old else []
    if changed and old is not None:
        since = old["mood_started_at"].isoformat()
        past.append({"mood": old["current_mood"], "from": since, "to": at.isoformat()})
    row: Row = {
        "session_id": session.session_id,
        "user_id": session.user_id,
        "current_mood": analysis.mood,
        "mood_intensity": analysis.mood_intensity,
        "mood_started_at": at if changed or old is None else old["mood_started_at"],
        "mood_history": past[-MAX_HISTORY:],
        "updated_at": at,
    }
    return [Upsert("session_moods", session.user_id, row)], row
