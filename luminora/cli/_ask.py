"""Questions before something is lost; where nobody can answer, the flag that does is named."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

import click

from luminora.cli import _terminal
from luminora.cli.output import note

_T = TypeVar("_T")


def attended() -> bool:
    """Whether somebody is there to answer: standard input is a terminal, and this is not CI."""
    return _terminal.terminal(sys.stdin) and not _terminal.unattended()


def loss_options(command: Callable[..., _T]) -> Callable[..., _T]:
    """Add ``--yes`` and ``--dry-run``."""
    command = click.option("--dry-run", is_flag=True, help="Only show what would change.")(command)
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


def agreed(question: str, *, yes: bool, why: str = "this cannot be undone") -> None:
    """Go on only if the answer is yes.

    Args:
        question: One sentence that ends with a question mark.
        yes: Whether ``--yes`` was given.
        why: Why somebody has to be asked.

    Raises:
        click.UsageError: There is nobody to ask.
        click.exceptions.Exit: The answer is no; the exit code is 1.
    """
    if yes:
        return
    _require_somebody(why)
    if not click.confirm(question, default=False, err=True):
        _declined("nothing was changed")


def typed(name: str, lost: Sequence[str], *, yes: bool) -> None:
    """Go on only if the name of what is lost for good is typed.

    Args:
        name: What has to be typed.
        lost: What is told first, a line each.
        yes: Whether ``--yes`` was given.

    Raises:
        click.UsageError: There is nobody to ask.
        click.exceptions.Exit: The answer is another; the exit code is 1.
    """
    if yes:
        return
    _require_somebody("this cannot be undone")
    for line in lost:
        note(line)
    answer: str = click.prompt(f"Type {name} to go on", default="", show_default=False, err=True)
    if answer != name:
        _declined("nothing was deleted")


def _declined(text: str) -> NoReturn:
    note(text)
    raise click.exceptions.Exit(1)


def _require_somebody(why: str) -> None:
    if not attended():
        raise click.UsageError(f"{why} and there is nobody to ask: confirm it with --yes")
