"""What goes wrong: for people on standard error, for programs as an object on standard output.

With ``--json`` a command that fails prints one object with ``error`` where its result would have
been, unless it printed its result already. The text for people and the exit code are the same with
and without it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import click

from luminora.cli import _terminal
from luminora.errors import ConfigError, LuminoraError

_REPORT = "run with LUMINORA_DEBUG=1 for the traceback, and please report it"
_CHOICE = re.compile(r"'(?P<word>.*)' is not one of ")


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether the command line asks for JSON."""
    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    return "--json" in arguments[:end]


def tell_usage(problem: click.ClickException, *, as_json: bool) -> int:
    """Tell of wrong usage; the exit code."""
    if isinstance(problem, click.BadParameter) and (guess := _meant(problem)):
        problem = click.BadParameter(
            problem.message + guess, problem.ctx, problem.param, problem.param_hint
        )
    problem.show()
    if as_json:
        context = getattr(problem, "ctx", None)
        hint = f"{context.command_path} --help" if context else None
        _emit("UsageError", problem.format_message(), None, hint, problem.exit_code)
    return problem.exit_code


def tell(problem: Exception, *, as_json: bool) -> int:
    """Tell of an error; the exit code."""
    name, code = type(problem).__name__, 1
    where: str | None = None
    hint: str | None = _REPORT
    if isinstance(problem, LuminoraError):
        message, where, hint, code = problem.message, problem.where, problem.hint, problem.exit_code
        lines = [str(problem)]
        if isinstance(problem, ConfigError) and len(problem.problems) > 1:
            lines += problem.problems
    else:
        message = f"unexpected {name}: {str(problem).partition(chr(10))[0]}"
        lines = [message, f"  → {hint}"]
    sys.stderr.write("\n".join([f"{_head()} {lines[0]}", *lines[1:]]) + "\n")
    if as_json:
        several = getattr(problem, "problems", ())
        _emit(name, message, where, hint, code, several if len(several) > 1 else ())
    return code


def _head() -> str:
    return "\x1b[31merror:\x1b[0m" if _terminal.colours(sys.stderr) else "error:"


def _emit(
    name: str,
    message: str,
    where: str | None,
    hint: str | None,
    code: int,
    problems: Sequence[str] = (),
) -> None:
    from luminora.cli import output

    if output.spoken():
        return
    error: dict[str, Any] = {
        "type": name,
        "message": message,
        "where": where,
        "hint": hint,
        "exit_code": code,
    }
    if problems:
        error["problems"] = list(problems)
    output.emit_json({"error": error})


def _meant(problem: click.BadParameter) -> str:
    """What was probably meant by a word that is none of the choices."""
    from luminora._index import suggestion

    kind = getattr(problem.param, "type", None)
    found = _CHOICE.match(problem.message)
    if not isinstance(kind, click.Choice) or found is None:
        return ""
    return suggestion(found["word"], map(str, kind.choices))
