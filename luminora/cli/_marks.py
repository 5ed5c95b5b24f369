"""Marks in front of lines: the pretty ones where the output's encoding has them, else plain."""

from __future__ import annotations

import sys

_PLAIN = {
    "⏳": "..",
    "✓": "ok",
    "✗": "x",
    "⚠": "!",
    "→": "->",
    "━": "-",
    "─": "-",
    "✅": "OK:",
    "❌": "FAILED:",
    "🚀": "",
}


def shown(text: str) -> str:
    """``text`` with plain words for the marks that standard output cannot show."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    for mark, plain in _PLAIN.items():
        if mark in text and not _encodes(mark, encoding):
            text = text.replace(mark, plain)
    return text


def rule(width: int = 54) -> str:
    """A line across."""
    return shown("━" * width)


def _encodes(mark: str, encoding: str) -> bool:
    try:
        mark.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
