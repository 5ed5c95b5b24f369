"""Small charts in a line of text."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

_BLOCKS = "▁▂▃▄▅▆▇█"
_EIGHTHS = "▏▎▍▌▋▊▉█"
_ASCII = "_.-=+*%#"


@dataclass(frozen=True, slots=True)
class Marks:
    """Draws with block characters, or in ASCII.

    Attributes:
        blocks: Whether block characters can be printed.
    """

    blocks: bool

    @classmethod
    def printable(cls) -> Marks:
        """As standard output's encoding allows."""
        try:
            (_BLOCKS + _EIGHTHS).encode(sys.stdout.encoding or "ascii")
        except UnicodeEncodeError:
            return cls(blocks=False)
        return cls(blocks=True)

    def spark(
        self, values: Sequence[float | None], low: float | None = None, high: float | None = None
    ) -> str:
        """One mark for each value, a space where there is none.

        Args:
            values: From left to right.
            low: What the lowest mark stands for; left out, the lowest value.
            high: What the highest mark stands for; left out, the highest value.
        """
        known = [value for value in values if value is not None]
        if not known:
            return ""
        low = min(known) if low is None else low
        high = max(known) if high is None else high
        marks = _BLOCKS if self.blocks else _ASCII
        steps = len(marks) - 1

        def mark(value: float) -> str:
            place = (value - low) / (high - low) if high > low else float(value > 0)
            return marks[round(min(max(place, 0.0), 1.0) * steps)]

        return "".join(" " if value is None else mark(value) for value in values).rstrip()

    def bar(self, part: float, width: int = 24) -> str:
        """A bar as long as ``part`` (0 to 1) of ``width`` characters; what is not 0 is seen."""
        if part <= 0:
            return ""
        if not self.blocks:
            return "#" * max(round(part * width), 1)
        eighths = max(round(min(part, 1.0) * width * 8), 1)
        whole, rest = divmod(eighths, 8)
        return "█" * whole + (_EIGHTHS[rest - 1] if rest else "")
