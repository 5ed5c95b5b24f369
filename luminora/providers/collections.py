"""The collections every storage keeps, declared once.

Migrations create them, a test compares each real database with this file, and every storage reads
keys and field types from here. The tables and columns are those of the project's founding
documents (``sessions``, ``messages``, ``user_affinity``, ``user_facts``, ``episodes``,
``session_moods``), widened by what the design adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class FieldType(StrEnum):
    """How a field's values look in Python and, roughly, in a database."""

    STRING = "string"
    """Short text that can be a key: at most 255 characters."""
    TEXT = "text"
    """Text of any length."""
    INTEGER = "integer"
    """64 bits, signed."""
    FLOAT = "float"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    """An aware datetime, kept in UTC to the microsecond."""
    JSON = "json"
    """Any JSON value."""
    STRINGS = "strings"
    """A list of text."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its type and whether it may be None."""

    type: FieldType
    nullable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One collection.

    Attributes:
        name: Also the table's name, after the configured prefix.
        fields: In the order of the table's columns.
        key: The primary key.
        unique: Further groups of fields whose values are unique together (rows in which one of
            them is None do not count).
        indexes: Groups of fields that reads filter and sort by.
        per_user: Whether rows belong to a user and every operation is confined to one.
        text: The fields that full-text search looks in.
    """

    name: str
    fields: Mapping[str, Field]
    key: tuple[str, ...]
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    per_user: bool = True
    text: tuple[str, ...] = field(default=())


_TYPES = {
    "s": FieldType.STRING,
    "t": FieldType.TEXT,
    "i": FieldType.INTEGER,
    "f": FieldType.FLOAT,
    "b": FieldType.BOOLEAN,
    "ts": FieldType.TIMESTAMP,
    "j": FieldType.JSON,
    "ss": FieldType.STRINGS,
}


def _fields(**kinds: str) -> Mapping[str, Field]:
    """Fields from short type names; a trailing ``?`` makes one nullable."""
    return MappingProxyType(
        {
            name: Field(_TYPES[kind.rstrip("?")], nullable=kind.endswith("?"))
            for name, kind in kinds.items()
        }
    )


SESSIONS = Collection(
    name="sessions",
    fields=_fields(
        session_id="s",
        user_id="s",
        personality_name="s",
        personality_document="j?",
        metadata="j?",
        created_at="ts",
        last_activity="ts",
    ),
    key=("session_id",),
    indexes=(("user_id", "last_activity"),),
)

MESSAGES = Collection(
    name="messages",
    fields=_fields(
        id="s",
        session_id="s",
        user_id="s",
        personality_name="s",
        speaker="s",
        speaker_name="s?",
        content="t",
        timestamp="ts",
        seq="i",
        external_id="s?",
        reply_to="s?",
        embedding_state="s",
        metadata="j?",
    ),
    key=("id",),
    unique=(("session_id", "external_id"),),
    indexes=(("user_id", "seq"), ("session_id", "seq"), ("embedding_state", "seq")),
    text=("speaker_name", "content"),
)

USER_AFFINITY = Collection(
    name="user_affinity",
    fields=_fields(
        id="s",
        user_id="s",
        personality_name="s",
        affinity_points="i",
        current_level="s",
        total_messages="i",
        positive_interactions="i",
        negative_interactions="i",
        last_interaction="ts?",
        revision="i",
        created_at="ts",
        updated_at="ts",
    ),
    key=("id",),
    unique=(("user_id", "personality_name"),),
)

AFFINITY_EVENTS = Collection(
    name="affinity_events",
    fields=_fields(
        id="s",
        user_id="s",
        personality_name="s",
        session_id="s",
        message_id="s?",
        event="s",
        points="i",
        points_after="i",
        level_after="s",
        reason="t?",
        created_at="ts",
    ),
    key=("id",),
    indexes=(("user_id", "personality_name", "created_at"),),
)

USER_FACTS = Collection(
    name="user_facts",
    fields=_fields(
        id="s",
        user_id="s",
        personality_name="s",
        session_id="s",
        category="s",
        key="s",
        value="j",
        confidence="f",
        source_message_id="s?",
        first_mentioned="ts",
        last_updated="ts",
        mention_count="i",
        tags="ss",
        context="t?",
        is_active="b",
        revision="i",
        created_at="ts",
        updated_at="ts",
    ),
    key=("id",),
    unique=(("user_id", "personality_name", "category", "key"),),
    indexes=(("user_id", "is_active", "last_updated"),),
)

FACT_HISTORY = Collection(
    name="fact_history",
    fields=_fields(
        id="s",
        fact_id="s",
        user_id="s",
        category="s",
        key="s",
        value="j",
        confidence="f",
        source_message_id="s?",
        valid_from="ts",
        valid_to="ts",
        reason="s",
        created_at="ts",
    ),
    key=("id",),
    indexes=(("user_id", "fact_id", "valid_from"),),
)

EPISODES = Collection(
    name="episodes",
    fields=_fields(
        id="s",
        user_id="s",
        session_id="s",
        personality_name="s",
        type="s",
        title="t",
        summary="t",
        importance="f",
        sentiment="s",
        tags="ss",
        context_messages="ss",
        timestamp="ts",
        temporal_decay="f",
        related_facts="ss",
        related_episodes="ss",
        metadata="j?",
        created_at="ts",
        updated_at="ts",
    ),
    key=("id",),
    indexes=(("user_id", "timestamp"), ("user_id", "importance")),
)

SESSION_MOODS = Collection(
    name="session_moods",
    fields=_fields(
        session_id="s",
        user_id="s",
        current_mood="s",
        mood_intensity="f",
        mood_started_at="ts",
        mood_history="j",
        updated_at="ts",
    ),
    key=("session_id",),
    indexes=(("user_id", "updated_at"),),
)

MEMORY_CLASSIFICATIONS = Collection(
    name="memory_classifications",
    fields=_fields(
        message_id="s",
        user_id="s",
        category="s",
        importance="f",
        sentiment="s",
        privacy="s",
        permanence="s",
        created_at="ts",
    ),
    key=("message_id",),
    indexes=(("user_id", "category"), ("user_id", "importance")),
)

EMBEDDING_STATE = Collection(
    name="embedding_state",
    fields=_fields(
        index_name="s",
        provider="s",
        model="s",
        dimension="i",
        metric="s",
        status="s",
        progress="j?",
        created_at="ts",
        updated_at="ts",
    ),
    key=("index_name",),
    per_user=False,
)

JOBS = Collection(
    name="jobs",
    fields=_fields(
        id="s",
        user_id="s",
        kind="s",
        payload="j",
        status="s",
        attempts="i",
        run_at="ts",
        leased_until="ts?",
        lease_token="s?",  # noqa: S106 - a field type
        last_error="t?",
        created_at="ts",
        updated_at="ts",
    ),
    key=("id",),
    indexes=(("status", "run_at"), ("user_id", "status")),
)

SCHEMA_MIGRATIONS = Collection(
    name="schema_migrations",
    fields=_fields(
        component="s",
        version="s",
        name="s",
        checksum="s",
        parameters="j",
        started_at="ts",
        finished_at="ts?",
        statements_done="i",
        statements_total="i",
        error="t?",
        tool_version="s",
    ),
    key=("component", "version"),
    per_user=False,
)

COLLECTIONS: Mapping[str, Collection] = MappingProxyType(
    {
        collection.name: collection
        for collection in (
            SESSIONS,
            MESSAGES,
            USER_AFFINITY,
            AFFINITY_EVENTS,
            USER_FACTS,
            FACT_HISTORY,
            EPISODES,
            SESSION_MOODS,
            MEMORY_CLASSIFICATIONS,
            EMBEDDING_STATE,
            JOBS,
            SCHEMA_MIGRATIONS,
        )
    }
)
"""All of them, by name, in an order in which they can be created, copied and restored."""
