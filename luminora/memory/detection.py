"""Finding the moment that some messages tell of together, without keeping anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from luminora.errors import InputError
from luminora.memory.analysis import Analysis, analysis_request, read_analysis
from luminora.memory.models import Episode, Message
from luminora.memory.validate import checked_text
from luminora.memory.voice import Voice
from luminora.providers import ChatMessage, Grounding, Row

Told = Message | Mapping[str, Any]
"""A message, or its ``content`` with ``role`` (or ``speaker``) and perhaps ``id``."""


async def detect(
    voice: Voice, messages: Sequence[Told], at: datetime, *, limit: int
) -> Episode | None:
    """The moment that the last of the user's messages tells of, with those before it.

    Args:
        voice: Analyses it, in one call.
        messages: A conversation, oldest first.
        at: The time of a message that has none.
        limit: Characters a message may have.

    Raises:
        InputError: None of the messages is the user's, or one cannot be used.
    """
    rows = [_row(place, one, limit) for place, one in enumerate(messages)]
    places = [place for place, row in enumerate(rows) if row["role"] == "user"]
    if not places:
        raise InputError(
            "none of the messages is the user's",
            where="messages",
            hint="pass at least one with the role 'user'",
        )
    *before, last = rows[: places[-1] + 1]
    history = [ChatMessage(row["role"], row["content"]) for row in before]
    analysis = await _analysed(voice, Grounding(user_text=last["content"], history=history))
    if analysis.episode is None:
        return None
    found = dict(analysis.episode)
    turns = found.pop("turns", 0)
    context = [row["id"] for row in (*before[max(len(before) - turns, 0) :], last)]
    return Episode(
        **found,
        id=uuid5(NAMESPACE_URL, "luminora:detected:" + "\n".join(context)).hex,
        session_id=last["session_id"],
        personality_name="",
        context_messages=context,
        timestamp=last["timestamp"] or at,
    )


async def _analysed(voice: Voice, grounding: Grounding) -> Analysis:
    request = analysis_request(grounding)
    try:
        found = await voice.extract(request)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        voice.failure(error)
        found = await voice.by_rules(request)
    return read_analysis(found.answer, grounding)


def _row(place: int, told: Told, limit: int) -> Row:
    where = f"messages[{place}]"
    if isinstance(told, Message):
        names = ("id", "role", "content", "session_id", "timestamp")
        return {name: getattr(told, name) for name in names}
    if not isinstance(told, Mapping):
        raise InputError(f"expected a message, found {type(told).__name__}", where=where)
    role = told.get("role", told.get("speaker"))
    if role not in {"user", "assistant", "system"}:
        raise InputError(
            f"the role is {role!r:.40}", where=where, hint="use user, assistant or system"
        )
    said = told.get("timestamp")
    return {
        "id": str(told.get("id", place)),
        "role": role,
        "content": checked_text(told.get("content"), limit, where),
        "session_id": "",
        "timestamp": said if isinstance(said, datetime) else None,
    }
