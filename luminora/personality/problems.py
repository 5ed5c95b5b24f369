"""One thing that is wrong with a persona document, and how such things are worded."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

_LONGEST_QUOTE = 40


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding of `validate`.

    Attributes:
        severity: ``error`` keeps the persona from loading, ``warning`` does not.
        pointer: JSON pointer to the place; empty for the whole document.
        message: What is wrong.
        hint: What to write instead.
    """

    severity: Literal["error", "warning"]
    pointer: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.message} → {self.hint}"


def pointer(path: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901) from its steps."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def quoted(value: object) -> str:
    """A value as an error message shows it: short, and by kind where it holds others."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"


def similar(name: str, known: Iterable[str]) -> str:
    """A proposal such as ``did you mean 'shy'? ``, or nothing where no known name is close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean '{close[0]}'? " if close else ""
