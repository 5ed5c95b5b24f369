"""Counting without remembering what was counted: memory stays bounded however much comes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, timedelta

from luminora.analytics.figures import Spread, Topic

_FORMS = 6
_STEP = math.log(1.01)
_LEAST = 1e-6


class Top:
    """Counts names and knows the most frequent.

    When more than twice ``most`` different names have come, the rarest are let go of; from then
    on counts are at least true of what was frequent all along, and ``exact`` is False.

    Args:
        most: Names that are always kept.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._counts: dict[str, int] = {}
        self._forms: dict[str, dict[str, int]] = {}
        self.exact = True

    def add(self, name: str, form: str | None = None) -> None:
        """Count a name once; ``form`` is how it was written this time."""
        self._counts[name] = self._counts.get(name, 0) + 1
        if form is not None:
            forms = self._forms.setdefault(name, {})
            if form in forms or len(forms) < _FORMS:
                forms[form] = forms.get(form, 0) + 1
        if len(self._counts) > 2 * self._most:
            self._let_go()

    def best(self, count: int, least: int = 1) -> list[Topic]:
        """The most frequent, each as it was written most, if it came ``least`` times."""
        ranked = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        return [Topic(self._written(name), many) for name, many in ranked[:count] if many >= least]

    def _written(self, name: str) -> str:
        forms = self._forms.get(name)
        if not forms:
            return name
        return max(forms, key=lambda form: (forms[form], -len(form), form))

    def _let_go(self) -> None:
        self.exact = False
        kept = sorted(self._counts, key=self._counts.__getitem__, reverse=True)[: self._most]
        self._counts = {name: self._counts[name] for name in kept}
        self._forms = {name: self._forms[name] for name in kept if name in self._forms}


class Sample:
    """A quantity's mean, median and highest, from numbers of 0 or more that are not kept.

    Numbers are gathered in buckets one percent apart; a bucket answers with its mean, so that
    equal numbers give their own median exactly.
    """

    def __init__(self) -> None:
        self._count = 0
        self._total = 0.0
        self._highest = 0.0
        self._buckets: dict[int, tuple[int, float]] = {}

    def add(self, number: float) -> None:
        """Take a number in."""
        self._count += 1
        self._total += number
        self._highest = max(self._highest, number)
        bucket = round(math.log(max(number, _LEAST)) / _STEP)
        count, total = self._buckets.get(bucket, (0, 0.0))
        self._buckets[bucket] = count + 1, total + number

    def spread(self) -> Spread:
        """What came in so far."""
        if not self._count:
            return Spread()
        return Spread(
            count=self._count,
            mean=self._total / self._count,
            median=self._median(),
            highest=self._highest,
        )

    def _median(self) -> float:
        passed = 0
        for bucket in sorted(self._buckets):
            count, total = self._buckets[bucket]
            passed += count
            if passed * 2 >= self._count:
                return total / count
        raise AssertionError("unreachable")


def streaks(days: Iterable[date], today: date) -> tuple[int, int]:
    """The most days in a row, and those in a row up to ``today`` or the day before it."""
    longest = run = current = 0
    before: date | None = None
    for day in sorted(set(days)):
        run = run + 1 if before is not None and day - before == timedelta(days=1) else 1
        longest, before = max(longest, run), day
        if timedelta() <= today - day <= timedelta(days=1):
            current = run
    return longest, current
