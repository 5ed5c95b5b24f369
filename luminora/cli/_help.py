"""How a command's help is laid out: examples keep their lines, narrow terminals get one column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import click

_EXAMPLES = re.compile(r"Examples?:\s*")
_COMFORTABLE = 60
_NARROWEST = 20


class Help(click.HelpFormatter):
    r"""Lays out help.

    A paragraph that begins with ``Example:`` or ``Examples:`` holds commands, each on one line,
    whole, so that it can be copied. Several stand on lines of their own behind click's ``\b``, or
    between dots: ``Examples: luminora jobs · luminora jobs --retry-all``.
    """

    def __init__(
        self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None
    ) -> None:
        super().__init__(indent_increment, width, max_width)
        if width is None:
            self.width = _columns(max_width or 80)

    def write_text(self, text: str) -> None:
        """See :meth:`click.HelpFormatter.write_text`."""
        for number, paragraph in enumerate(paragraphs(text)):
            if number:
                self.write_paragraph()
            found = _EXAMPLES.match(paragraph.removeprefix("\b").lstrip())
            if found is None:
                super().write_text(paragraph)
                continue
            margin = " " * self.current_indent
            commands = examples(paragraph)
            if len(commands) == 1:
                self.write(f"{margin}Example: {commands[0]}\n")
                continue
            self.write(f"{margin}Examples:\n")
            for command in commands:
                self.write(f"{margin}  {command}\n")

    def write_heading(self, heading: str) -> None:
        """See :meth:`click.HelpFormatter.write_heading`."""
        self.write(f"{'':>{self.current_indent}}{click.style(f'{heading}:', bold=True)}\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """See :meth:`click.HelpFormatter.write_dl`; in a narrow terminal one below the other."""
        if self.width < _COMFORTABLE:
            col_max = 4
        super().write_dl(rows, col_max, col_spacing)


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a help text; click's mark may be written in a raw docstring too."""
    return re.split(r"\n\s*\n", text.replace("\\b\n", "\b\n"))


def examples(text: str) -> list[str]:
    """The example commands in a help text, each in one line."""
    return list(_examples(text))


def _examples(text: str) -> Iterator[str]:
    for paragraph in paragraphs(text):
        kept = paragraph.lstrip().startswith("\b")
        body = paragraph.replace("\b", "").strip()
        begin = _EXAMPLES.match(body)
        if begin is None:
            continue
        body = body[begin.end() :]
        lines = body.splitlines() if kept else " ".join(body.split()).split(" · ")
        yield from (line.strip() for line in lines if line.strip())


def _columns(most: int) -> int:
    import shutil

    return max(min(shutil.get_terminal_size().columns, most) - 2, _NARROWEST)
