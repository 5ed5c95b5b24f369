"""What the client hands out: messages, facts, episodes, affinity, mood, search results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, Self

from luminora.memory import account
from luminora.memory.account import MILESTONE, AffinityStep
from luminora.memory.clock import now
from luminora.memory.fading import decay_of
from luminora.providers import Attempt, Row, Usage

Sentiment = Literal["very_negative", "negative", "neutral", "positive", "very_positive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One conversation of a user with a personality."""

    session_id: str
    user_id: str
    personality_name: str
    personality_document: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime
    last_activity: datetime

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """From a row of ``sessions``."""
        return cls(**{**row, "metadata": row["metadata"] or {}})

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names of the people who speak in it, as far as imported messages told."""
        return tuple(self.metadata.get("speakers", ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message as it was said.

    Attributes:
        id: The id it was imported with, else Luminora's own.
        role: ``"user"``, ``"assistant"`` or ``"system"``; ``"revoked"`` once it was taken back.
        speaker: Name of the speaker, if one was given.
        timestamp: When it was said, in UTC.
    """

    id: str
    session_id: str
    role: str
    content: str
    timestamp: datetime
    speaker: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """From a row of ``messages``."""
        return cls(
            id=row["external_id"] or row["id"],
            session_id=row["session_id"],
            role=row["speaker"],
            content=row["content"],
            timestamp=row["timestamp"],
            speaker=row["speaker_name"],
            metadata=row["metadata"] or {},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something known of a user.

    Attributes:
        key: What it is about, such as ``name``; with ``category`` it names one fact of a user.
        value: Text, number, boolean or object.
        confidence: From 0 to 1.
        source_message_id: The message it was learned from.
        context: The words it was learned from, quoted.
        mention_count: How often the user has said it.
    """

    id: str
    category: str
    key: str
    value: Any
    confidence: float
    source_message_id: str | None
    context: str | None
    mention_count: int
    first_mentioned: datetime
    last_updated: datetime
    personality_name: str
    tags: Sequence[str] = ()
    is_active: bool = True

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """From a row of ``user_facts``."""
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True, kw_only=True)
class FactVersion:
    """A value that a fact had before.

    Attributes:
        fact_id: The fact's id.
        valid_from: When it was learned; ``valid_to`` is when it stopped, never before that.
        reason: ``superseded`` (another value took its place), ``ended`` (it is no longer so),
            ``corrected`` (it was never so) or ``retracted`` (the user wants it forgotten).
    """

    id: str
    fact_id: str
    category: str
    key: str
    value: Any
    confidence: float
    source_message_id: str | None
    valid_from: datetime
    valid_to: datetime
    reason: str

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """From a row of ``fact_history``."""
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A moment worth remembering as a whole.

    Attributes:
        importance: How much it mattered when it was told, 0 to 10.
        context_messages: Ids of the messages that tell of it.
        temporal_decay: The share of its importance that it still has, above 0 and at most 1; see
            :mod:`luminora.memory.fading`.
        related_facts: Ids of the facts it is about.
        related_episodes: Ids of earlier episodes about the same. One that went into a summary
            since stands in that summary's ``metadata["sources"]``.
        metadata: ``count`` is how often it was told; of a summary, how many it stands for.
    """

    id: str
    session_id: str
    type: str
    title: str
    summary: str
    importance: float
    sentiment: str
    tags: Sequence[str]
    context_messages: Sequence[str]
    timestamp: datetime
    personality_name: str
    temporal_decay: float = 1.0
    related_facts: Sequence[str] = ()
    related_episodes: Sequence[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Row, at: datetime | None = None) -> Self:
        """From a row of ``episodes``, as it has faded by ``at`` (now if left out)."""
        kept = {name: row[name] for name in cls.__dataclass_fields__}
        decay = decay_of(row, at or now())
        return cls(**{**kept, "temporal_decay": decay, "metadata": row["metadata"] or {}})

    @property
    def effective_importance(self) -> float:
        """What is left of its importance, 0 to 10."""
        return self.importance * self.temporal_decay


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """What kind of message one is.

    Attributes:
        message_id: The id it was imported with, else Luminora's own.
        category: What it is about, such as ``pets``.
        importance: 0 to 10.
        privacy: ``public``, ``private`` or ``sensitive``.
        permanence: ``short_term``, ``long_term`` or ``permanent``.
    """

    message_id: str
    category: str
    importance: float
    sentiment: str
    privacy: str
    permanence: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AffinityInfo:
    """How close a user and a personality are: 0 to 100 points, and the level's name.

    Attributes:
        faded: Points that silence has taken since the last exchange; ``points`` is without them.
    """

    personality_name: str
    points: int
    level: str
    total_messages: int = 0
    positive_interactions: int = 0
    negative_interactions: int = 0
    last_interaction: datetime | None = None
    faded: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AffinityEvent:
    """One change of affinity: what the message was, and the points it really moved.

    Attributes:
        event: Name of the interaction type, ``decay``, or ``milestone:`` and the milestone's name.
        points: What was added; the sum of the steps.
        message_id: The message that caused it; None of decay.
        reason: Why the analysis chose the event.
        steps: How the points came about; ``str(step)`` says it in words.
    """

    event: str
    points: int
    points_after: int
    level_after: str
    message_id: str | None
    reason: str | None
    created_at: datetime
    steps: Sequence[AffinityStep] = ()

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """From a row of ``affinity_events``."""
        reason, steps = account.read(row["reason"])
        names = cls.__dataclass_fields__.keys() & row.keys()
        return cls(**{**{name: row[name] for name in names}, "reason": reason, "steps": steps})

    @property
    def milestone(self) -> str | None:
        """Name of the milestone that this event tells of, or None."""
        return self.event.removeprefix(MILESTONE) if self.event.startswith(MILESTONE) else None

    @property
    def explanation(self) -> str:
        """The steps in one line."""
        return ", ".join(map(str, self.steps))


@dataclass(frozen=True, slots=True, kw_only=True)
class MoodInfo:
    """The personality's mood in a session; ``intensity`` is from 0 to 1.

    Attributes:
        since: When it came; of a mood that has faded away, when it was gone.
    """

    name: str = "neutral"
    intensity: float = 1.0
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoodSpan:
    """A mood from its coming to its end; ``until`` is None for the one that lasts.

    Attributes:
        intensity: How strongly it was felt when an exchange last stirred it, 0 to 1.
    """

    name: str
    intensity: float
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySearchResult:
    """A message that a search found.

    Attributes:
        id: The id the message was imported with, else Luminora's own.
        score: Higher is better; comparable within one search.
        reasons: Why it was found, as :mod:`luminora.memory.ranking` explains: ``lexical`` and
            ``vector`` scores (within the search), ``similarity`` (cosine), ``sitting``,
            ``speaker``, ``recency``, ``boost``.
        words: The words of the question, or like them, that it or the turns around it hold.
    """

    id: str
    content: str
    role: str
    session_id: str
    timestamp: datetime
    score: float
    speaker: str | None = None
    reasons: Mapping[str, float] = field(default_factory=dict)
    words: Sequence[str] = ()

    @property
    def message_id(self) -> str:
        """The same as ``id``."""
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The companion's answer to one message.

    Attributes:
        text: What it says.
        message_id: Id of the user's message.
        reply_id: Id of the answer.
        provider: Who said it; of a gateway, the one of its chain that answered.
        degraded: True when no configured model could answer (or finish) and the embedded
            responder stood in; ``degraded_reason`` says what happened.
        attempts: What a gateway tried to get the answer; kept with the answer if it took more
            than one.
        affinity_event: What moved affinity; None when analysis runs in the background.
        facts: What was learned from the message. Empty when analysis runs in the background.
        memories: The earlier messages the answer could rely on.
        analysis: Who analysed the message, what it cost, and ``degraded`` or ``skipped`` with the
            reason if the rules stood in for the model (docs/analysis.md). Empty when analysis
            runs in the background.
        duplicate: True when the idempotency key was known and this is the stored answer.
    """

    text: str
    session_id: str
    message_id: str
    reply_id: str
    model: str
    provider: str
    degraded: bool = False
    degraded_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    attempts: Sequence[Attempt] = ()
    affinity: AffinityInfo | None = None
    affinity_event: AffinityEvent | None = None
    mood: MoodInfo | None = None
    facts: Sequence[Fact] = ()
    memories: Sequence[MemorySearchResult] = ()
    analysis: Mapping[str, Any] = field(default_factory=dict)
    duplicate: bool = False

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ResponseChunk:
    """A piece of a streamed answer; the last piece is empty and carries the whole response."""

    text: str
    response: Response | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: messages stored, known already, and not searchable by meaning yet."""

    imported: int = 0
    skipped: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """Background work that is not done yet.

    Attributes:
        status: ``ready``, ``leased`` (a worker is at it until ``leased_until``) or ``dead``.
        attempts: How often it was tried.
        run_at: When it is due.
        last_error: Why the last attempt failed.
    """

    id: str
    user_id: str
    kind: str
    status: str
    attempts: int
    run_at: datetime
    leased_until: datetime | None
    last_error: str | None
    created_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """The job that a row of ``jobs`` tells of."""
        return cls(**{field.name: row[field.name] for field in fields(cls)})
