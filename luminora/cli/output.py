"""What all commands share: how they print, and how they get their configuration.

Results go to standard output and everything else to standard error. ``--json`` prints one object
with a ``version``; the exit code is the same with and without it.
"""

from __future__ import annotations

import functools
import json
import shutil
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

import click

from luminora.cli import _terminal
from luminora.cli._run import Group

if TYPE_CHECKING:
    from luminora.config import Config

__all__ = [
    "MARKS",
    "Group",
    "colourful",
    "config_options",
    "emit_json",
    "json_option",
    "json_text",
    "loaded_config",
    "note",
    "progress",
    "run_async",
    "say",
    "table",
    "timeout_option",
    "waiting",
]

MARKS = {"ok": ("[✓]", "green"), "warning": ("[!]", "yellow"), "error": ("[✗]", "red")}
"""How a status is shown: the mark and its colour."""

_LINE_SECONDS = 2.0
_LEAST = 14
"""Columns below which a folded cell is hard to read."""


class Progress(Protocol):
    """Takes note of how far a long run has come."""

    def __call__(self, done: int, total: int, what: str = ..., /) -> None:
        """``done`` of ``total``; ``what`` says anew what is being done."""


_P = ParamSpec("_P")
_T = TypeVar("_T")


_spoken = False
_barred: list[str] = []
"""The bars that are being drawn."""


def begin() -> None:
    """Nothing was printed yet: a new command begins."""
    global _spoken  # noqa: PLW0603 - standard output is one
    _spoken = False


def spoken() -> bool:
    """Whether something of a result was printed."""
    return _spoken


def emit_json(document: Mapping[str, Any], *, version: int = 1) -> None:
    """Print one JSON object: ``version`` (of its form) and then ``document``."""
    say(json_text({"version": version, **document}, indent=2))


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON that standard output can show: where it takes no Unicode, in escapes of JSON's own."""
    plain = not _terminal.unicode(sys.stdout)
    return json.dumps(value, ensure_ascii=plain, indent=indent, default=str)


def say(text: str = "") -> None:
    """Print a line of the result."""
    global _spoken  # noqa: PLW0603 - see begin
    _spoken = True
    # given a stream, click takes it as it is: an ASCII one would be written to in UTF-8 else
    click.echo(text, file=sys.stdout)


def note(text: str) -> None:
    """Print a line that is not part of the result: progress, advice, a warning."""
    click.echo(text, file=sys.stderr)


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under headings: with rich on a terminal, plain and aligned in a pipe.

    In a terminal too narrow for columns, every row is a block of lines.
    """
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    if _terminal.terminal(sys.stdout) and not _fits(widths):
        _blocks(headings, cells)
    elif colourful():
        _drawn(headings, cells)
    else:
        for row in [list(headings), *cells]:
            line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            say(line.rstrip())


def _fits(widths: Sequence[int]) -> bool:
    """Whether columns of these widths can stand side by side, if need be folded."""
    least = sum(min(width, _LEAST) for width in widths) + 2 * (len(widths) - 1)
    columns = shutil.get_terminal_size().columns
    return sum(widths) + 2 * (len(widths) - 1) <= columns or (least <= columns and colourful())


def _drawn(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        drawn.add_column(heading, overflow="fold")
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)


def _blocks(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    for number, row in enumerate(cells):
        if number:
            say()
        for heading, cell in zip(headings, row, strict=True):
            if cell:
                say(f"{heading}: {cell}")
    if not cells:
        say("  ".join(headings))


def colourful() -> bool:
    """Whether standard output is a terminal that takes colour and motion."""
    return _terminal.colours(sys.stdout)


@contextmanager
def progress(what: str, unit: str, *, quiet: bool = False) -> Iterator[Progress]:
    """Show how far a long run has come, on standard error: a bar on a terminal, else some lines.

    Args:
        what: Said in front: ``Embedding``.
        unit: What is counted: ``messages``.
        quiet: Show nothing.

    Yields:
        A function of what is done and what there is in all; a third argument says anew what.
    """
    if quiet:
        yield lambda _done, _total, _what="": None
    elif _terminal.colours(sys.stderr) and not _terminal.unattended():
        _barred.append(what)
        try:
            with _bar(what, unit) as advance:
                yield advance
        finally:
            _barred.pop()
    else:
        yield _Lines(what, unit)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """While something short lasts, say so on a terminal; no trace of it stays.

    Nothing else may be printed meanwhile; beside a bar of :func:`progress` nothing is said.
    """
    if _barred or not _terminal.colours(sys.stderr) or _terminal.unattended():
        yield
        return
    click.echo(f"⏳ {what}…", file=sys.stderr, nl=False)
    try:
        yield
    finally:
        click.echo("\r\x1b[K", file=sys.stderr, nl=False)


@contextmanager
def _bar(what: str, unit: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total, now=what: bar.update(
            task, completed=done, total=total, description=now
        )


class _Lines:
    """A line of progress at most every two seconds, for logs and pipes."""

    def __init__(self, what: str, unit: str) -> None:
        self._what, self._unit = what, unit
        self._next = monotonic() + _LINE_SECONDS

    def __call__(self, done: int, total: int, what: str = "") -> None:
        if monotonic() >= self._next:
            note(f"{what or self._what}: {done:,} of {total:,} {self._unit}")
            self._next = monotonic() + _LINE_SECONDS


def json_option(command: Callable[_P, _T]) -> Callable[_P, _T]:
    """Add ``--json``; the command gets it as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def timeout_option(command: Callable[_P, _T]) -> Callable[_P, _T]:
    """Add ``--timeout`` of ten seconds; the command gets it as ``within``."""
    return click.option(
        "--timeout",
        "within",
        metavar="SECONDS",
        type=click.FloatRange(min=0.1),
        default=10.0,
        show_default=True,
        help="Longest wait for each part of the stack.",
    )(command)


def config_options(command: Callable[..., _T]) -> Callable[..., _T]:
    """Add ``--config`` and ``--set``; the command gets the loaded configuration as ``config``."""

    @click.option(
        "--config",
        "config_file",
        metavar="FILE",
        help="The configuration; left out, luminora.json is looked for.",
    )
    @click.option(
        "--set",
        "settings",
        metavar="PATH=VALUE",
        multiple=True,
        help="Override one value, as in llm_provider.name=offline; may be repeated.",
    )
    @functools.wraps(command)
    def with_config(
        *args: Any, config_file: str | None, settings: Sequence[str], **rest: Any
    ) -> _T:
        with waiting("reading the configuration"):
            config = loaded_config(config_file, settings)
        return command(*args, config=config, **rest)

    return with_config


def loaded_config(file: str | None = None, settings: Sequence[str] = ()) -> Config:
    """The configuration that ``--config`` and ``--set`` ask for."""
    from luminora.config import literal, load_config

    overrides = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path:
            raise click.BadParameter(f"'{path}' is not PATH=VALUE", param_hint="--set")
        overrides[path.strip()] = literal(text)
    return load_config(file, overrides=overrides)


def run_async(work: Coroutine[Any, Any, _T]) -> _T:
    """The result of a coroutine, on an event loop of its own."""
    from luminora.cli._loop import run

    return run(work)
