"""What the terminal can show, and whether somebody sits at it.

Signs beyond its character set are written as plain ones that mean the same; letters that it does
not have are written as escapes, which lose nothing.
"""

from __future__ import annotations

import os
import sys

_NO = {"", "0", "false", "no"}

_PLAIN = {
    "✓": "+",
    "✅": "OK",
    "✗": "x",
    "✘": "x",
    "⚠": "!",
    "⏳": "...",
    "🚀": "",
    "\N{VARIATION SELECTOR-16}": "",
    "→": "->",
    "←": "<-",
    "·": "-",
    "•": "*",
    "●": "*",
    "○": "o",
    "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}": ">",
    "»": ">>",
    "«": "<<",
    "…": "...",
    "—": "-",
    "\N{EN DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "“": '"',
    "”": '"',
    "„": '"',
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{MULTIPLICATION SIGN}": "x",
    "±": "+-",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "°": " deg",
    "█": "#",
    "▓": "#",
    "▒": ".",
    "░": ".",
    "\N{REPLACEMENT CHARACTER}": "?",
}
"""Signs that we print, and what stands for them where there are only ASCII's."""
_BOX = (0x2500, 0x257F)
_BLOCKS = (0x2581, 0x2590)
_BRAILLE = (0x2800, 0x28FF)


def prepare() -> None:
    """Let nothing that we print fail for the sake of the terminal's character set."""
    for stream in (sys.stdout, sys.stderr):
        if not hasattr(stream, "reconfigure"):
            continue
        if unicode(stream):
            stream.reconfigure(errors="backslashreplace")
        else:
            import codecs

            codecs.register_error("luminora", _stand_in)
            stream.reconfigure(errors="luminora")


def unicode(stream: object) -> bool:
    """Whether a stream takes every character."""
    encoding = getattr(stream, "encoding", None) or ""
    return encoding.lower().replace("-", "").startswith("utf")


def colours(stream: object) -> bool:
    """Whether a stream is a terminal that takes colour and motion, and nobody minds."""
    return not colourless() and terminal(stream)


def colourless() -> bool:
    """Whether colour is not wanted, or not possible, wherever it goes."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def terminal(stream: object) -> bool:
    """Whether a stream is a terminal; a closed one is none."""
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]
    except (AttributeError, ValueError):
        return False


def unattended() -> bool:
    """Whether this runs where nobody watches: ``CI`` says so."""
    return os.environ.get("CI", "").strip().lower() not in _NO


def _stand_in(problem: UnicodeError) -> tuple[str, int]:
    """The handler of encoding errors."""
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    signs = problem.object[problem.start : problem.end]
    return "".join(map(_plain, signs)), problem.end


def _plain(sign: str) -> str:
    if sign in _PLAIN:
        return _PLAIN[sign]
    code = ord(sign)
    if _BOX[0] <= code <= _BOX[1]:
        return {"─": "-", "━": "-", "│": "|", "┃": "|"}.get(sign, "+")
    if _BLOCKS[0] <= code <= _BLOCKS[1]:
        return "#"
    if _BRAILLE[0] <= code <= _BRAILLE[1]:
        return "*"
    return sign.encode("ascii", "backslashreplace").decode()
