"""A stretch of time, as it is asked for and as a storage is asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self

from luminora.errors import InputError
from luminora.providers import Is, Row


@dataclass(frozen=True, slots=True)
class Period:
    """From ``since``, included, to ``until``, excluded; None is no bound."""

    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of(cls, since: date | None, until: date | None) -> Self:
        """From what a caller gives: moments (naive ones are UTC), or whole UTC days.

        Raises:
            InputError: Not a date, or nothing lies between the two.
        """
        start = _moment(since, "since")
        end = _moment(until, "until")
        if until is not None and not isinstance(until, datetime) and end is not None:
            end += timedelta(days=1)
        if start is not None and end is not None and start >= end:
            raise InputError(
                f"the period ends ({end.isoformat()}) before it begins ({start.isoformat()})",
                hint="give since a date before until's",
            )
        return cls(start, end)

    def __contains__(self, moment: datetime) -> bool:
        return (self.since is None or moment >= self.since) and (
            self.until is None or moment < self.until
        )

    def where(self, field: str) -> dict[str, Any]:
        """The condition a storage can help with: one bound; the caller checks the other."""
        if self.since is not None:
            return {field: Is(">=", self.since)}
        return {} if self.until is None else {field: Is("<", self.until)}

    def meets(self, start: datetime, end: datetime) -> bool:
        """Whether it has anything in common with the time from ``start`` to before ``end``."""
        return (self.since is None or end > self.since) and (
            self.until is None or start < self.until
        )

    def holds(self, row: Row, field: str) -> bool:
        """Whether the row's moment lies within."""
        return row[field] in self


def _moment(given: date | None, name: str) -> datetime | None:
    match given:
        case None:
            return None
        case datetime():
            return given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
        case date():
            return datetime.combine(given, time(), UTC)
    raise InputError(
        f"{name} is {given!r:.60}, which is not a date", hint="give a date or datetime"
    )
