"""Episodes: moments told over one message or several, kept once, beside what they are related to.

The one analysis call says what a moment is and how many of the turns before the message belong to
it. Here it becomes a row, or part of the row that tells of the same moment already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self
from uuid import NAMESPACE_URL, uuid5

from luminora.memory.fading import SUMMARY, age_days
from luminora.memory.jobs import JobQueue
from luminora.memory.models import Episode, Session
from luminora.personality import MemoryPreferences
from luminora.providers import Count, Find, Insert, Is, Row, StorageProvider, Update, Write
from luminora.providers.lexical import query_words

WEIGHTY: Final = 7.0
"""Importance from which a moment becomes an episode at once, 0 to 10."""
CONSOLIDATE: Final = "consolidate"
"""The kind of the job that turns old small episodes into summaries."""
MAX_CONTEXT: Final = 50
MAX_TAGS: Final = 20
MAX_RELATED: Final = 10
MAX_SUMMARY: Final = 2_000

_NEARBY = 50  # latest episodes that a new one is compared with
_ALIKE = 0.7  # share of the shorter one's words that the same moment told again has
_NEIGHBOURS = 0.5  # the same where both tell of the same messages
_FEW = 2  # tags that related episodes share at least
_RELEVANCE = 2.0
_NAME = re.compile(r"(?<=[\w,;:] )[A-ZÁÉÍÓÚÑÜ]\w+")


@dataclass(frozen=True, slots=True)
class EpisodeRules:
    """The settings of ``memory.episodes``.

    Attributes:
        merge_within_days: The same moment told again within so many days is one episode.
        consolidate_after_days: Age from which small episodes go into summaries; 0 for never.
        consolidate_below: What is small: an importance below this, 0 to 10.
        consolidate_at_least: Episodes that make a summary worthwhile.
    """

    merge_within_days: float = 3.0
    consolidate_after_days: int = 90
    consolidate_below: float = 6.0
    consolidate_at_least: int = 3

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """From the section ``memory`` of a configuration."""
        return cls(**settings["episodes"])

    def old(self, at: datetime) -> dict[str, Any]:
        """The filter for what is old and small enough for a summary."""
        return {
            "timestamp": Is("<", at - timedelta(days=self.consolidate_after_days)),
            "importance": Is("<", self.consolidate_below),
            "type": Is("!=", SUMMARY),
        }


@dataclass(frozen=True, slots=True)
class Moment:
    """What an analysis found, and where.

    Attributes:
        message: The row of the message it was found with.
        history: The rows of the turns before it, oldest first.
        found: Type, title, summary, importance, sentiment, tags; ``turns`` is how many of the
            turns right before the message belong to it.
        facts: The rows of the facts known by now; those learned from the message come first.
        learned: How many of ``facts`` were learned from the message.
    """

    session: Session
    message: Row
    history: Sequence[Row]
    found: Mapping[str, Any]
    facts: Sequence[Row] = ()
    learned: int = 0


@dataclass(frozen=True, slots=True)
class Nearby:
    """What a new episode is compared with: the latest rows, and how many are old and small."""

    rows: Sequence[Row]
    old: int


class Episodes:
    """Keeps moments."""

    def __init__(self, storage: StorageProvider, rules: EpisodeRules | None = None) -> None:
        self._storage = storage
        self._rules = rules or EpisodeRules()

    async def nearby(self, session: Session, at: datetime) -> Nearby:
        """Read what :meth:`writes` needs."""
        own = {"personality_name": session.personality_name}
        old = {**own, **self._rules.old(at)}
        rows, count = await self._storage.read(
            [
                Find("episodes", session.user_id, own, order=("-timestamp",), limit=_NEARBY),
                Count("episodes", session.user_id, old),
            ]
        )
        return Nearby(rows, count)

    def writes(self, moment: Moment, nearby: Nearby, at: datetime) -> list[Write]:
        """The writes that keep a moment: a new row, or more in the row that has it already.

        A row that has changed since it was read makes the transaction a
        :class:`~luminora.errors.Conflict`. When enough old small episodes have gathered, the job
        that consolidates them is among the writes.
        """
        row = _new(moment, nearby.rows, at)
        old = _same(row, nearby.rows, self._rules.merge_within_days)
        kept = Insert("episodes", row["user_id"], row, ignore_conflict=True)
        writes: list[Write] = [_told_again(old, row, at) if old else kept]
        rules = self._rules
        if rules.consolidate_after_days and nearby.old >= rules.consolidate_at_least:
            writes.append(JobQueue.put(consolidation_job(self._storage, row["user_id"])))
        return writes


def consolidation_job(storage: StorageProvider, user_id: str) -> Row:
    """The job that consolidates a user's episodes; there is at most one at a time."""
    identity = uuid5(NAMESPACE_URL, f"luminora:consolidate:{user_id}").hex
    return storage.job_row(user_id, CONSOLIDATE, {}, job_id=identity)


def worth_keeping(found: Mapping[str, Any], wanted: MemoryPreferences, *, due: bool) -> bool:
    """Whether a moment becomes an episode.

    It has to reach the persona's ``importance_threshold``. A weighty one then does; a lesser one
    only when it is ``due``, and of a type that the persona keeps if it names any.
    """
    importance, kind = found["importance"], _kind(found)
    if importance < wanted.importance_threshold:
        return False
    kept = not wanted.episode_types or kind in wanted.episode_types
    return bool(importance >= WEIGHTY or (due and kept))


def for_message(rows: Iterable[Row], text: str, at: datetime, limit: int) -> list[Episode]:
    """The episodes that matter most to a message, best first.

    ``effective importance * (1 + 2 * overlap)``, where overlap is the share of the message's
    words, by stem, that the episode has.
    """
    asked = _words(text)

    def score(one: Episode) -> float:
        told = _words(one.title, one.summary, *one.tags)
        overlap = _common(asked, told) / (len(asked) or 1)
        return one.effective_importance * (1.0 + _RELEVANCE * overlap)

    found = [Episode.from_row(row, at) for row in rows]
    return sorted(found, key=lambda one: (-score(one), -one.timestamp.timestamp(), one.id))[:limit]


def _kind(found: Mapping[str, Any]) -> str:
    """The type a model names, as it is kept: ``Emotional moment`` is ``emotional_moment``.

    Only consolidation makes summaries, whatever a model calls its episodes.
    """
    kind = re.sub(r"\W+", "_", found["type"].strip().lower()).strip("_")
    return kind if kind and kind != SUMMARY else "moment"


def episode_id(message: Row) -> str:
    """The id of the episode that a message makes."""
    return uuid5(NAMESPACE_URL, f"luminora:episode:{message['id']}").hex


def _new(moment: Moment, others: Sequence[Row], at: datetime) -> Row:
    session, message, found = moment.session, moment.message, moment.found
    before = moment.history[max(len(moment.history) - int(found.get("turns", 0)), 0) :]
    row: Row = {
        "id": episode_id(message),
        "user_id": session.user_id,
        "session_id": session.session_id,
        "personality_name": session.personality_name,
        "type": _kind(found),
        "title": found["title"],
        "summary": found["summary"],
        "importance": found["importance"],
        "sentiment": found["sentiment"],
        "tags": list(dict.fromkeys(found["tags"]))[:MAX_TAGS],
        "context_messages": [turn["external_id"] or turn["id"] for turn in (*before, message)],
        "timestamp": message["timestamp"],
        "temporal_decay": 1.0,  # as it is now; what it will be is worked out when it is read
        "metadata": None,
        "created_at": at,
        "updated_at": at,
    }
    row["related_facts"] = _facts_in(row, moment)
    row["related_episodes"] = [other["id"] for other in others if _related(row, other)]
    row["related_episodes"] = row["related_episodes"][:MAX_RELATED]
    return row


def _facts_in(row: Row, moment: Moment) -> list[str]:
    """The facts that were learned with a moment, and those whose values it names."""
    told = _words(row["title"], row["summary"], *row["tags"])
    named = [
        fact["id"]
        for place, fact in enumerate(moment.facts)
        if place < moment.learned
        or (isinstance(fact["value"], str) and _holds(told, _words(fact["value"])))
    ]
    return list(dict.fromkeys(named))[:MAX_TAGS]


def _related(row: Row, other: Row) -> bool:
    """Whether two episodes are about the same: a name, a fact, or several tags in common."""
    return bool(
        _names(row) & _names(other)
        or set(row["related_facts"]) & set(other["related_facts"])
        or len(set(row["tags"]) & set(other["tags"])) >= _FEW
    )


def _same(row: Row, others: Sequence[Row], days: float) -> Row | None:
    """The episode that tells of the same moment already, the most alike of several."""
    near = [one for one in others if abs(age_days(one["timestamp"], row["timestamp"])) <= days]
    scored = [(_likeness(row, one), place, one) for place, one in enumerate(near)]
    found = min(((-score, place) for score, place, _ in scored if score > 0), default=None)
    return None if found is None else near[found[1]]


def _likeness(row: Row, other: Row) -> float:
    """How surely two episodes are one moment, 0 if they are two.

    Names decide against it where each has some and none in common.
    """
    if row["type"] != other["type"] or other["type"] == SUMMARY:
        return 0.0
    if (names := _names(row)) and (others := _names(other)) and not names & others:
        return 0.0
    one, two = (_words(each["title"], each["summary"]) for each in (row, other))
    alike = min(_common(one, two), _common(two, one)) / (min(len(one), len(two)) or 1)
    shared = set(row["context_messages"]) & set(other["context_messages"])
    return alike if alike >= (_NEIGHBOURS if shared else _ALIKE) else 0.0


def _told_again(old: Row, new: Row, at: datetime) -> Update:
    """More of a moment that is known: the weightier telling gives its title and sentiment."""
    main = new if new["importance"] > old["importance"] else old
    metadata = old["metadata"] or {}
    changes = {
        "title": main["title"],
        "sentiment": main["sentiment"],
        "importance": main["importance"],
        "summary": _joined(old["summary"], new["summary"]),
        "tags": _union(old["tags"], new["tags"], MAX_TAGS),
        "context_messages": _union(old["context_messages"], new["context_messages"], MAX_CONTEXT),
        "related_facts": _union(old["related_facts"], new["related_facts"], MAX_TAGS),
        "related_episodes": [
            one
            for one in _union(old["related_episodes"], new["related_episodes"], MAX_RELATED)
            if one != old["id"]
        ],
        "metadata": {**metadata, "count": metadata.get("count", 1) + 1},
        "updated_at": at,
    }
    unchanged = {"id": old["id"], "updated_at": old["updated_at"]}
    return Update("episodes", old["user_id"], unchanged, set=changes, expect=1)


def _joined(one: str, two: str) -> str:
    """Two summaries of the same: the fuller one, or both if each tells something of its own."""
    known, told = _words(one), _words(two)
    if _holds(known, told):
        return one
    joined = two if _holds(told, known) else f"{one.rstrip(' .')}. {two}"
    return joined if len(joined) <= MAX_SUMMARY else f"{joined[: MAX_SUMMARY - 1]}…"


def _union(one: Iterable[str], two: Iterable[str], most: int) -> list[str]:
    return list(dict.fromkeys((*one, *two)))[:most]


_Words = Sequence[tuple[str, ...]]


def _words(*texts: str) -> _Words:
    """The distinct words of some texts, each as its stems."""
    return query_words(" ".join(texts), 500)


def _common(some: _Words, others: _Words) -> int:
    """How many of some words are among the others, by any of their stems."""
    stems = {stem for word in others for stem in word}
    return sum(not stems.isdisjoint(word) for word in some)


def _holds(text: _Words, part: _Words) -> bool:
    """Whether a text has all the words of a part, which has some."""
    return 0 < len(part) == _common(part, text)


def _names(row: Row) -> set[str]:
    """Words written large within a sentence: people, pets, places."""
    return set(_NAME.findall(row["summary"]))
