"""What no persona document may hold, though Python's JSON parser lets it through."""

from __future__ import annotations

import math
from typing import Any

MAX_DEPTH = 64
"""Deepest nesting of objects and lists."""

_TOO_DEEP = f"objects and lists are nested more than {MAX_DEPTH} deep"


def flaw(document: Any) -> tuple[str, str] | None:
    """The first flaw of a document as message and hint, or None.

    Flaws are nesting beyond ``MAX_DEPTH`` (an object inside itself included), numbers that are not
    finite, and halves of surrogate pairs, which no database stores. The walk does not recurse.
    """
    waiting: list[tuple[Any, int]] = [(document, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                return too_deep()
            children = [*value, *value.values()] if isinstance(value, dict) else value
            waiting.extend((child, depth + 1) for child in children)
        elif isinstance(value, str) and not _encodable(value):
            return (
                f"the text {value[:40]!a} holds half of a surrogate pair, which is no character",
                "write the character itself, or both halves of its \\u escape",
            )
        elif isinstance(value, float) and not math.isfinite(value):
            return f"{value} is not a JSON number, or too large for one", "use an ordinary number"
    return None


def too_deep() -> tuple[str, str]:
    """Message and hint for nesting that has gone too deep."""
    return _TOO_DEEP, "flatten the document"


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
