"""Read values out of a persona document whose structure has been validated.

The schema lets authors write one phrase where a list is meant, and leave nearly everything out;
these helpers turn both into one shape, so that the model never has to ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def section(document: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The object at ``path``, or an empty one where any step is absent or not an object."""
    found: Any = document
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def text(document: Mapping[str, Any], key: str, default: str = "") -> str:
    """The string under ``key`` without surrounding blanks, or ``default``."""
    value = document.get(key)
    return value.strip() if isinstance(value, str) else default


def texts(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The strings under ``key``; a lone string counts as a list of one, blanks are dropped."""
    value = document.get(key)
    items = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(item.strip() for item in items if isinstance(item, str) and item.strip())


def number(document: Mapping[str, Any], key: str, default: float) -> float:
    """The number under ``key``, or ``default``; true and false are not numbers."""
    value = document.get(key)
    return float(value) if value is not None and is_number(value) else default


def numbers(document: Mapping[str, Any], key: str) -> dict[str, float]:
    """The name → number mapping under ``key``, in the order it was written."""
    return {
        name: float(value) for name, value in section(document, key).items() if is_number(value)
    }


def is_number(value: object) -> bool:
    """Whether ``value`` is a JSON number: Python counts booleans as integers, JSON does not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def flag(document: Mapping[str, Any], key: str, *, default: bool) -> bool:
    """The boolean under ``key``, or ``default``."""
    value = document.get(key)
    return value if isinstance(value, bool) else default
