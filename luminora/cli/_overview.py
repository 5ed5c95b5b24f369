"""What ``luminora --help`` and ``luminora help exit-codes`` print; nothing dear is imported."""

from __future__ import annotations

import os
import sys

from luminora.cli import COMMANDS

SECTIONS: dict[str, tuple[str, ...]] = {
    "Start": ("demo", "init", "chat"),
    "Talk": ("sessions", "messages", "history", "search", "explain", "import"),
    "Remember": (
        "facts",
        "episodes",
        "affinity",
        "mood",
        "memory",
        "classify",
        "analytics",
        "forget",
    ),
    "Configure": ("config", "personality", "load-personality", "info", "schema", "lock"),
    "Operate": (
        "health",
        "doctor",
        "test-connection",
        "test",
        "stats",
        "benchmark",
        "migrate",
        "jobs",
        "worker",
        "reindex",
        "reembed",
        "copy",
        "snapshot",
    ),
    "Extend": ("plugins", "completion", "help"),
}
"""The commands in the order in which people come to need them."""

EXIT_CODES: dict[int, str] = {
    0: "done",
    1: "failed, or a check found something wrong",
    2: "used wrongly: an option or a confirmation is missing or unknown",
    3: "the configuration is invalid, or a plugin it needs cannot be used",
    4: "credentials are missing or were refused",
    5: "the database's schema is pending, dirty, or made for other vectors",
    6: "another process is migrating and did not finish in time",
    130: "interrupted with Ctrl-C",
}
"""What each exit code means."""

_COMFORTABLE = 60
"""Columns from which two stand side by side."""


def help_text(*, plain: bool = False) -> str:
    """What ``luminora --help`` prints, as wide as the terminal is; without colour if ``plain``."""
    columns = _columns()
    bold = str if plain else _bold
    lines = [
        "Usage: luminora [OPTIONS] COMMAND [ARGS]...",
        "",
        *_wrapped("AI companions that remember, on whatever stack you already have.", columns, 2),
    ]
    for title, names in _sections():
        lines += ["", bold(f"{title}:")]
        lines += _pairs([(name, COMMANDS[name][1]) for name in names], columns)
    options = [
        ("-V, --version", "Show the version."),
        ("-h, --help", "Show this; 'luminora COMMAND --help' tells more."),
        ("--no-color", "No colour; so do NO_COLOR and TERM=dumb."),
    ]
    lines += ["", bold("Options:"), *_pairs(options, columns), ""]
    for text in (
        "Start with:  luminora demo",
        "Exit codes:  luminora help exit-codes",
        "Plugins may add commands of their own:  luminora plugins list",
    ):
        lines += _wrapped(text, columns)
    return "\n".join(lines)


def exit_codes_text() -> str:
    """What ``luminora help exit-codes`` prints."""
    rows = [(str(code), meaning) for code, meaning in EXIT_CODES.items()]
    columns = _columns()
    closing = (
        "They are the same with --json. A command that fails then prints one object with "
        '"error" (type, message, where, hint, exit_code) where its result would be, and the text '
        "for people on standard error as ever."
    )
    lines = ["Exit codes:", *_pairs(rows, columns), "", *_wrapped(closing, columns)]
    return "\n".join(lines)


def _sections() -> list[tuple[str, list[str]]]:
    """Titles and the commands that exist; what stands nowhere comes last."""
    placed = {name for names in SECTIONS.values() for name in names}
    found = {title: [one for one in names if one in COMMANDS] for title, names in SECTIONS.items()}
    rest = [name for name in COMMANDS if name not in placed]
    return [(title, names) for title, names in {**found, "More": rest}.items() if names]


def _columns() -> int:
    """Columns to write in, 80 at most: a line of text should not be longer."""
    try:
        known = int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size(1).columns
    except (ValueError, OSError):
        known = 80
    return max(min(known or 80, 80), 20)


def _pairs(rows: list[tuple[str, str]], columns: int) -> list[str]:
    if columns >= _COMFORTABLE:
        width = max(len(name) for name in [*COMMANDS, *(name for name, _ in rows)])
        return [f"  {name:<{width}}  {line}" for name, line in rows]
    return [
        text for name, line in rows for text in (f"  {name}", *_wrapped(line, columns, indent=6))
    ]


def _wrapped(text: str, columns: int, indent: int = 0) -> list[str]:
    margin = " " * indent
    if len(text) + indent <= columns:
        return [margin + text]
    import textwrap  # in narrow terminals alone

    return textwrap.wrap(text, columns, initial_indent=margin, subsequent_indent=margin)


def _bold(text: str) -> str:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain or not sys.stdout.isatty() else f"\x1b[1m{text}\x1b[0m"
