"""The figures that analytics hands out.

All times are in UTC and days are UTC days. ``docs/analytics.md`` defines each figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """Messages by who said them; ``sessions`` are the conversations that have any."""

    total: int = 0
    user: int = 0
    assistant: int = 0
    system: int = 0
    sessions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What one day brought; a day on which nothing happened has none.

    Attributes:
        users: Different users who said something.
        sentiment: Mean of the user's classified messages, -1 to 1; None if there are none.
        facts: Facts first learned on it.
        tokens: Of all model calls recorded, prompt and completion.
        cost: US dollars of the calls whose price is known; None if there are none.
    """

    date: date
    user_messages: int = 0
    replies: int = 0
    users: int = 0
    sentiment: float | None = None
    classified: int = 0
    facts: int = 0
    tokens: int = 0
    cost: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentiment:
    """How the user's classified messages sound.

    Attributes:
        mean: From -1 (very negative) to 1 (very positive); None if nothing is classified.
        counts: Messages by sentiment, from very negative to very positive.
        unclassified: The user's messages of which no sentiment is known.
    """

    mean: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    unclassified: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MoodShare:
    """A mood of the personality.

    Attributes:
        replies: Replies made here that were said in it.
        share: Of all replies whose mood is known, 0 to 1.
        times: How often it began.
    """

    mood: str
    replies: int
    share: float
    times: int


@dataclass(frozen=True, slots=True)
class Topic:
    """A word, phrase, name, category or fact key, and how often it came up."""

    text: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """What the users talked about, the most frequent first.

    Words, phrases and names count once per message. Categories are those of classified messages.
    """

    words: Sequence[Topic] = ()
    phrases: Sequence[Topic] = ()
    names: Sequence[Topic] = ()
    categories: Sequence[Topic] = ()


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Affinity at a moment: 0 to 100 points."""

    at: datetime
    points: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """How close users and one personality became.

    Attributes:
        points: Of one user, after each change, thinned to 400; of several, the average of all
            who know the personality, at the end of each day.
        pairs: Users who know the personality.
        now: Points at present, the average of the pairs.
        levels: Pairs by the level they are at.
        gained: Points won in the period, all pairs together; ``lost`` those lost.
    """

    personality: str
    points: Sequence[CurvePoint] = ()
    pairs: int = 0
    now: float = 0.0
    levels: Mapping[str, int] = field(default_factory=dict)
    gained: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was learned.

    Attributes:
        learned: Facts first mentioned in the period; ``active`` of them hold still.
        mentions: How often those were said.
        changed: Values that were superseded, corrected or retracted in the period.
        categories: Facts learned by category; ``keys`` by category and key.
    """

    learned: int = 0
    active: int = 0
    mentions: int = 0
    changed: int = 0
    categories: Sequence[Topic] = ()
    keys: Sequence[Topic] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A quantity's distribution; the median is exact to one percent."""

    count: int = 0
    mean: float | None = None
    median: float | None = None
    highest: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Engagement:
    """How much and how regularly users talk.

    Attributes:
        first: When a user first said something in the period; ``last`` when last.
        active_days: Days on which a user said something.
        longest_streak: Most such days in a row; ``current_streak`` those up to today or
            yesterday (or the end of the period).
        sittings: Minutes of each stretch of a conversation without 30 minutes of silence.
        messages_per_sitting: Mean number of messages, both sides, in one.
        answered: The user's messages that were followed by a reply before the next of them.
        reply_seconds: Time from such a message to its reply.
        degraded: Replies that the embedded responder gave because no model could.
        words: Words of each message of the user.
        hours: The user's messages by hour of the day, 0 to 23; ``weekdays`` from Monday.
    """

    first: datetime | None = None
    last: datetime | None = None
    active_days: int = 0
    longest_streak: int = 0
    current_streak: int = 0
    sittings: Spread = field(default_factory=Spread)
    messages_per_sitting: float | None = None
    answered: int = 0
    reply_seconds: Spread = field(default_factory=Spread)
    degraded: int = 0
    words: Spread = field(default_factory=Spread)
    hours: Sequence[int] = (0,) * 24
    weekdays: Sequence[int] = (0,) * 7


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUse:
    """What one model was used for.

    Attributes:
        purpose: ``reply`` or ``analysis``.
        cost: US dollars of the calls whose price is known; None if none is.
        unpriced: Calls whose price is not known.
    """

    provider: str
    model: str
    purpose: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    unpriced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens and cost of the calls that were recorded.

    Attributes:
        cost: US dollars of the calls whose price is known; None if none is.
        unpriced: Calls whose price is not known, which ``cost`` leaves out.
        unrecorded: Replies made here of which no tokens are recorded.
        models: By model and purpose, the most tokens first.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    unpriced: int = 0
    unrecorded: int = 0
    models: Sequence[ModelUse] = ()

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything, of one user, one personality or all.

    Attributes:
        user_id: Whose figures; None for those of all users.
        personality: With which personality; None for any.
        since: First moment of the period; None for the beginning.
        until: First moment after it; None for no end.
        made_at: When it was read.
        users: Different users with a message in the period.
        days: In order, of what is not dated in the future.
        affinity: By personality, in the order of their names.
        gaps: What the figures leave out and why, in sentences; empty if nothing.
    """

    user_id: str | None
    personality: str | None
    since: datetime | None
    until: datetime | None
    made_at: datetime
    users: int
    messages: Messages
    days: Sequence[Day]
    sentiment: Sentiment
    moods: Sequence[MoodShare]
    topics: Topics
    affinity: Sequence[Curve]
    facts: Facts
    engagement: Engagement
    usage: Usage
    gaps: Sequence[str] = ()
