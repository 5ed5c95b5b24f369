"""How long messages are kept: what is past its retention goes, with what was learned from it alone.

Off unless ``memory.retention`` sets a limit. A message that was never classified has none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from luminora.memory.classify import FADE_AFTER_DAYS
from luminora.memory.clock import now
from luminora.memory.fading import age_days
from luminora.memory.semantic import SemanticIndex
from luminora.providers import Delete, Find, Is, Row, StorageProvider, Update, Write

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Retention:
    """The settings of ``memory.retention``, in days; None keeps for ever.

    Attributes:
        fade_after_days: When short-term messages begin to count less in search; 0 for never.
        short_term_days: How long short-term messages are kept.
        long_term_days: How long long-term ones are; permanent ones have no limit of this kind.
        sensitive_days: How long sensitive ones are, permanent ones too.
    """

    fade_after_days: float = FADE_AFTER_DAYS
    short_term_days: float | None = None
    long_term_days: float | None = None
    sensitive_days: float | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """From the section ``memory`` of a configuration."""
        return cls(**settings["retention"])

    def limit(self, classification: Row) -> float | None:
        """Days a message of this classification is kept: the shortest limit that applies."""
        limits = [
            {"short_term": self.short_term_days, "long_term": self.long_term_days}.get(
                classification["permanence"]
            ),
            self.sensitive_days if classification["privacy"] == "sensitive" else None,
        ]
        return min((days for days in limits if days is not None), default=None)

    @property
    def limited(self) -> list[dict[str, str]]:
        """Filters that between them find every classification with a limit."""
        limits = {
            ("permanence", "short_term"): self.short_term_days,
            ("permanence", "long_term"): self.long_term_days,
            ("privacy", "sensitive"): self.sensitive_days,
        }
        return [{name: value} for (name, value), days in limits.items() if days is not None]


class Expiry:
    """Deletes what is past its retention."""

    def __init__(
        self, storage: StorageProvider, index: SemanticIndex, retention: Retention
    ) -> None:
        self._storage = storage
        self._index = index
        self._retention = retention

    async def expire(self, user_id: str, *, dry_run: bool = False) -> dict[str, int]:
        """Delete a user's expired messages and what only they told of; rows by collection.

        Along with a message go its vector, its classification, the companion's answer to it,
        facts that it alone told of, episodes of which no message is left, and of a sensitive one
        every episode that it is part of. A fact that was told again later stays, without the
        quotation. Each page is one transaction.

        Args:
            user_id: Whose.
            dry_run: Only count.

        Raises:
            StorageError, ProviderError: Not everything was deleted; call it again.
        """
        counts: Counter[str] = Counter()
        done: set[str] = set()
        at = now()
        for where in self._retention.limited:
            async for page in self._pages(user_id, where):
                messages = await self._expired(user_id, page, at, done)
                gone = await belongings(self._storage, user_id, messages)
                ids = [row["id"] for row in gone["messages"] if row["id"] not in done]
                done.update(ids)
                counts.update({name: len(rows) for name, rows in gone.items()})
                if ids and not dry_run:
                    counts["message_embeddings"] += await self._index.discard(user_id, ids)
                    await self._storage.transaction(deletions(user_id, gone))
        return {name: count for name, count in counts.items() if count}

    async def _pages(self, user_id: str, where: Mapping[str, str]) -> AsyncIterator[list[Row]]:
        """The classifications that match, page by page."""
        last: Row | None = None
        while page := await self._storage.find(
            "memory_classifications", user_id, where, limit=_PAGE, after=last
        ):
            yield page
            last = page[-1]

    async def _expired(
        self, user_id: str, page: Sequence[Row], at: datetime, done: Collection[str]
    ) -> list[Row]:
        """The messages of these classifications that are past their limit and still to be done."""
        limits = {row["message_id"]: self._retention.limit(row) for row in page}
        ids = [one for one in limits if one not in done]
        rows = await self._storage.find("messages", user_id, {"id": Is("in", ids)})
        return [row for row in rows if _past(limits[row["id"]], row, at)]


async def belongings(
    storage: StorageProvider, user_id: str, messages: Sequence[Row]
) -> dict[str, list[Row]]:
    """Everything that goes with some messages of a user, by collection."""
    if not messages:
        return {"messages": []}
    asked = [row["id"] for row in messages]
    answers = await storage.find("messages", user_id, {"reply_to": Is("in", asked)})
    everything = list({row["id"]: row for row in (*messages, *answers)}.values())
    ids = [row["id"] for row in everything]
    told = _public(everything)
    kinds, facts, past, episodes = await storage.read(
        [
            Find("memory_classifications", user_id, {"message_id": Is("in", ids)}),
            Find("user_facts", user_id, {"source_message_id": Is("in", told)}),
            Find("fact_history", user_id, {"source_message_id": Is("in", told)}),
            Find("episodes", user_id),
        ]
    )
    sensitive = {row["message_id"] for row in kinds if row["privacy"] == "sensitive"}
    secret = set(_public([row for row in everything if row["id"] in sensitive]))
    return {
        "messages": everything,
        "memory_classifications": kinds,
        "user_facts": [row for row in facts if row["mention_count"] <= 1],
        "fact_history": past,
        "episodes": [row for row in episodes if _lost(row, set(told), secret)],
    }


def deletions(user_id: str, gone: Mapping[str, list[Row]]) -> list[Write]:
    """The writes that delete what :func:`belongings` found."""
    keys = {"memory_classifications": "message_id"}
    deletions: list[Write] = [
        Delete(name, user_id, {key: Is("in", [row[key] for row in rows])})
        for name, rows in gone.items()
        for key in [keys.get(name, "id")]
        if rows
    ]
    told = _public(gone["messages"])
    unquoted = Update(
        "user_facts", user_id, {"source_message_id": Is("in", told)}, set={"context": None}
    )
    return [*deletions, unquoted]


def _lost(episode: Row, gone: set[str], secret: set[str]) -> bool:
    """Whether an episode goes: nothing of it is left, or some of it was sensitive."""
    told = set(episode["context_messages"])
    return told <= gone or not told.isdisjoint(secret)


def _past(days: float | None, message: Row, at: datetime) -> bool:
    return days is not None and age_days(message["timestamp"], at) > days


def _public(messages: Sequence[Row]) -> list[str]:
    """The ids by which facts and episodes know messages."""
    return [row["external_id"] or row["id"] for row in messages]
