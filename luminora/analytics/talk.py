"""Figures of what was said: each conversation in its order, each message once."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import get_args

from luminora.analytics.days import Days
from luminora.analytics.figures import Engagement, Messages, MoodShare, Sentiment
from luminora.analytics.period import Period
from luminora.analytics.spending import Spending
from luminora.analytics.tallies import Sample, streaks
from luminora.analytics.topics import TopicTally
from luminora.memory.models import Sentiment as Feeling
from luminora.memory.mood import MAX_HISTORY, mood_at
from luminora.personality import NEUTRAL, Personality
from luminora.providers import Row

SILENCE = timedelta(minutes=30)
"""How long nobody says anything between two sittings."""

FEELINGS: tuple[str, ...] = get_args(Feeling)
"""The sentiments, from the worst to the best."""

_WEIGHT = {feeling: place / 2 - 1 for place, feeling in enumerate(FEELINGS)}


class Talk:
    """Takes in messages, conversation by conversation.

    Users must come one after another, as sessions sorted by user do: only the active days of the
    users under way are remembered.

    Args:
        period: Messages outside of it are passed over.
        days: Where the days are counted.
        now: The present, at which streaks end.
    """

    def __init__(self, period: Period, days: Days, now: datetime) -> None:
        self.period, self._days, self._now = period, days, now
        self.spending, self.topics = Spending(), TopicTally()
        self.users = 0
        self._roles: Counter[str] = Counter()
        self._feelings: Counter[str] = Counter()
        self._moods: Counter[str] = Counter()
        self._moods_begun: Counter[str] = Counter()
        self.moodless = self.unclassified = self.future = self.sessions = self.answered = 0
        self.degraded = 0
        self.sittings, self.reply_seconds, self.words = Sample(), Sample(), Sample()
        self._sat = 0
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._hours, self._weekdays = [0] * 24, [0] * 7
        self._active: dict[str, set[date]] = {}
        self._talked: set[str] = set()

    def conversation(
        self, user_id: str, mood: Row | None, persona: Personality | None
    ) -> Conversation:
        """A session about to be read; ``mood`` is its row of ``session_moods``."""
        spans = MoodSpans(mood, persona, self._now)
        self._moods_begun.update(spans.begun(self.period))
        return Conversation(self, user_id, spans)

    def user_spoke(self, user_id: str, row: Row, classified: Row | None) -> None:
        """A message of the user."""
        moment, day = row["timestamp"], self._days.at(row["timestamp"])
        day.user_messages += 1
        self.spending.analysis(row, day)
        self.words.add(self.topics.add(row["content"]))
        if moment <= self._now:
            self._first = min(self._first or moment, moment)
            self._last = max(self._last or moment, moment)
            self._hours[moment.hour] += 1
            self._weekdays[moment.weekday()] += 1
            self._active.setdefault(user_id, set()).add(moment.date())
        if classified is None:
            self.unclassified += 1
            return
        self.topics.categories.add(classified["category"])
        feeling = classified["sentiment"]
        self._feelings[feeling] += 1
        if feeling in _WEIGHT:
            day.classified += 1
            day.mood += _WEIGHT[feeling]

    def companion_spoke(self, row: Row, mood: str | None) -> None:
        """A message of the assistant, and the mood it was said in if it was made here."""
        day = self._days.at(row["timestamp"])
        day.replies += 1
        self.spending.reply(row, day)
        if row["reply_to"] is None:
            return
        self.degraded += "degraded" in (row["metadata"] or {})
        if mood is None:
            self.moodless += 1
        else:
            self._moods[mood] += 1

    def anyone_spoke(self, user_id: str, row: Row) -> None:
        """A message of whomever."""
        self._roles[row["speaker"]] += 1
        self.future += row["timestamp"] > self._now
        self._talked.add(user_id)

    def sat(self, minutes: float, messages: int) -> None:
        """A sitting is over."""
        self.sittings.add(minutes)
        self._sat += messages

    def settle(self, coming: str | None = None) -> None:
        """All conversations of all users but ``coming`` have been read."""
        for user in [user for user in self._active if user != coming]:
            for day in self._active.pop(user):
                self._days.on(day).users += 1
        done = {user for user in self._talked if user != coming}
        self.users += len(done)
        self._talked -= done

    def messages(self) -> Messages:
        """How many there were."""
        return Messages(
            total=self._roles.total(),
            user=self._roles["user"],
            assistant=self._roles["assistant"],
            system=self._roles["system"],
            sessions=self.sessions,
        )

    def sentiment(self) -> Sentiment:
        """How they sound."""
        known = {feeling: self._feelings[feeling] for feeling in FEELINGS}
        count = sum(known.values())
        total = sum(_WEIGHT[feeling] * many for feeling, many in known.items())
        return Sentiment(
            mean=total / count if count else None,
            counts=known,
            unclassified=self.unclassified + self._feelings.total() - count,
        )

    def moods(self) -> list[MoodShare]:
        """The moods that replies were said in, the most frequent first."""
        total = self._moods.total()
        names = self._moods.keys() | self._moods_begun.keys()
        return [
            MoodShare(
                mood=name,
                replies=self._moods[name],
                share=self._moods[name] / total if total else 0.0,
                times=self._moods_begun[name],
            )
            for name in sorted(names, key=lambda name: (-self._moods[name], name))
        ]

    def engagement(self) -> Engagement:
        """How much and how regularly they talk."""
        active = [day.date for day in self._days.told() if day.user_messages]
        end = self._now if self.period.until is None else min(self._now, self.period.until)
        longest, current = streaks(active, end.date())
        sittings = self.sittings.spread()
        return Engagement(
            first=self._first,
            last=self._last,
            active_days=len(active),
            longest_streak=longest,
            current_streak=current,
            sittings=sittings,
            messages_per_sitting=self._sat / sittings.count if sittings.count else None,
            answered=self.answered,
            reply_seconds=self.reply_seconds.spread(),
            degraded=self.degraded,
            words=self.words.spread(),
            hours=tuple(self._hours),
            weekdays=tuple(self._weekdays),
        )


class Conversation:
    """One session, its messages in the order they were said."""

    def __init__(self, talk: Talk, user_id: str, moods: MoodSpans) -> None:
        self._talk, self._user_id, self._moods = talk, user_id, moods
        self._waiting: datetime | None = None
        self._begun: datetime | None = None
        self._latest: datetime | None = None
        self._count = self._seen = 0

    def add(self, row: Row, classified: Row | None) -> None:
        """The next message."""
        moment = row["timestamp"]
        if moment not in self._talk.period:
            return
        self._seen += 1
        self._sit(moment)
        self._talk.anyone_spoke(self._user_id, row)
        match row["speaker"]:
            case "user":
                self._waiting = moment
                self._talk.user_spoke(self._user_id, row, classified)
            case "assistant":
                self._talk.companion_spoke(row, self._moods.at(moment))
                self._answer(moment)

    def close(self) -> None:
        """There are no more."""
        self._rise()
        self._talk.sessions += self._seen > 0

    def _answer(self, moment: datetime) -> None:
        if self._waiting is not None:
            self._talk.answered += 1
            # a clock that went back between the two tells nothing of how long it took
            if moment >= self._waiting:
                self._talk.reply_seconds.add((moment - self._waiting).total_seconds())
        self._waiting = None

    def _sit(self, moment: datetime) -> None:
        if self._latest is not None and abs(moment - self._latest) > SILENCE:
            self._rise()
        self._begun = min(self._begun or moment, moment)
        self._latest = max(self._latest or moment, moment)
        self._count += 1

    def _rise(self) -> None:
        if self._begun is not None and self._latest is not None:
            self._talk.sat((self._latest - self._begun).total_seconds() / 60, self._count)
        self._begun = self._latest = None
        self._count = 0


class MoodSpans:
    """Which mood held when.

    Args:
        row: The session's row of ``session_moods``.
        persona: Says how fast the latest mood fades; unknown, it lasts.
        now: The present.
    """

    def __init__(self, row: Row | None, persona: Personality | None, now: datetime) -> None:
        history = (row["mood_history"] if row else None) or []
        spans = [span for span in map(_span, history) if span is not None]
        if row is not None:
            spans.append((row["mood_started_at"], str(row["current_mood"])))
            felt = mood_at(row, persona, now) if persona else None
            if felt and felt.since and felt.name != row["current_mood"]:
                spans.append((felt.since, felt.name))
        spans.sort(key=lambda span: span[0])
        self._starts = [start for start, _ in spans]
        self._moods = [mood for _, mood in spans]
        self._whole = len(history) < MAX_HISTORY

    def at(self, moment: datetime) -> str | None:
        """The mood at a moment; None where the history no longer reaches back so far."""
        place = bisect_right(self._starts, moment)
        if place:
            return self._moods[place - 1]
        return NEUTRAL if self._whole else None

    def begun(self, period: Period) -> list[str]:
        """The moods that began within a period."""
        return [
            mood for start, mood in zip(self._starts, self._moods, strict=True) if start in period
        ]


def _span(entry: object) -> tuple[datetime, str] | None:
    """The beginning and name in an entry of ``mood_history``; None if it has none."""
    if not isinstance(entry, Mapping):
        return None
    try:
        start = datetime.fromisoformat(str(entry.get("from")))
    except ValueError:
        return None
    return (start, str(entry.get("mood"))) if start.tzinfo else None
