"""What no persona document may hold, though Python's JSON parser lets it through."""

from __future__ import annotations

import math
import sys
from typing import Any

MAX_DEPTH = 64
"""Deepest nesting of objects and lists."""

MAX_VALUES = 1 << 20
"""Most values in a document, keys included; a file within the reader's limit never holds more."""

_TOO_DEEP = f"objects and lists are nested more than {MAX_DEPTH} deep"


def flaw(document: Any) -> tuple[str, str] | None:
    """The first flaw of a document as message and hint, or None.

    Flaws are nesting beyond ``MAX_DEPTH`` (an object inside itself included), more than
    ``MAX_VALUES`` values, numbers that are not finite or that no double holds, tuples, and halves
    of surrogate pairs, which no database stores. The walk does not recurse, and what is shared
    counts wherever it appears: a few lists inside each other twice would be endless to check.
    """
    waiting: list[tuple[Any, int]] = [(document, 1)]
    met = 1
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                return too_deep()
            children = [*value, *value.values()] if isinstance(value, dict) else value
            met += len(children)
            if met > MAX_VALUES:
                return f"it holds more than {MAX_VALUES:,} values", "shorten the document"
            waiting.extend((child, depth + 1) for child in children)
        elif found := _odd(value):
            return found
    return None


def too_deep() -> tuple[str, str]:
    """Message and hint for nesting that has gone too deep."""
    return _TOO_DEEP, "flatten the document"


def _odd(value: Any) -> tuple[str, str] | None:
    """What is wrong with a value that holds no others."""
    if isinstance(value, tuple):
        return "a tuple is no JSON list", "pass a list, as json.loads does"
    if isinstance(value, str) and not _encodable(value):
        return (
            f"the text {value[:40]!a} holds half of a surrogate pair, which is no character",
            "write the character itself, or both halves of its \\u escape",
        )
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not a JSON number, or too large for one", "use an ordinary number"
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        return f"a number of {value.bit_length()} bits is too large", "use an ordinary number"
    return None


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
