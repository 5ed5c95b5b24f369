"""Numbers as a table, with the target beside each and whether it was met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles


class Unavailable(Exception):
    """Something that a table measures is not on this machine."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes:
        target: The highest value that is good enough, or None where there is no target.
        unit: ``ms``, ``x`` (a ratio measured side by side in one run), ``/s`` …
        note: What it was measured on.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the target is met; True without one."""
        return self.target is None or self.value <= self.target


def percentile(values: Sequence[float], percent: int) -> float:
    """The value below which ``percent`` of the values lie."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def show(title: str, figures: Sequence[Figure]) -> None:
    """Print a table."""
    print(f"\n{title}")
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        target = "" if figure.target is None else f"at most {figure.target:g} {figure.unit}"
        mark = " " if figure.target is None else ("✓" if figure.met else "✗")
        print(
            f"  {mark} {figure.name:<{width}}  {figure.value:>9.2f} {figure.unit:<3} "
            f"{target:<18} {figure.note}"
        )
