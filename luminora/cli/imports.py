"""``luminora import``: read in conversations that were held elsewhere."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from luminora import _jsonc
from luminora.cli import _terminal
from luminora.cli._companion import Who, opened, read_lines, session_for, who_options, whose
from luminora.cli.output import (
    Group,
    config_options,
    emit_json,
    json_option,
    note,
    run_async,
    say,
)
from luminora.errors import InputError, LuminoraError

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.memory.models import ImportReport, Session

_BYTES_PER_CHARACTER = 12  # a character outside the first plane, as two \u escapes
_BESIDES_CONTENT = 1 << 16
_ITEM = re.compile(r"item (\d+)")
_SHOW_EVERY = 500


@click.group("import", cls=Group)
def import_() -> None:
    """Read in conversations held elsewhere.

    Example: luminora import messages chat.jsonl --user diego
    """


@import_.command()
@click.argument("file", metavar="FILE.jsonl")
@who_options
@click.option("--new", is_flag=True, help="Into a new conversation.")
@config_options
@json_option
def messages(config: Config, file: str, who: Who, *, new: bool, as_json: bool) -> None:
    """Read in messages, one JSON object per line; no replies are made.

    Each has "role" (user, assistant or system) and "content", and may have "speaker" (a name),
    "timestamp" (ISO 8601, or seconds since 1970) and "id". A message whose id the conversation
    has already is skipped, so an import that stopped can be repeated. "-" is standard input.

    Example: luminora import messages chat.jsonl --user diego --personality sakura
    """
    with ExitStack() as stack:
        source = Source(file, _opened_file(file, stack))
        session, report = run_async(_imported(config, who, source, new=new))
    source.finish()
    if as_json:
        counts = {"imported": report.imported, "skipped": report.skipped}
        emit_json({**whose(session), "file": file, **counts, "pending": report.pending})
        return
    skipped = f", {report.skipped:,} were there already" if report.skipped else ""
    say(f"{report.imported:,} messages imported{skipped} (session {session.session_id})")
    if report.pending:
        note(f"{report.pending:,} cannot be found by meaning yet: luminora reindex")


class Source:
    """The messages of a file, and where each of them stands.

    Args:
        name: The file's name, for errors.
        file: Its bytes.
    """

    def __init__(self, name: str, file: BinaryIO) -> None:
        self._name = "standard input" if name == "-" else name
        self._file = file
        self._lines: list[int] = []
        self._progress = _terminal.colours(sys.stderr) and not _terminal.unattended()

    def items(self, max_chars: int) -> Iterator[Mapping[str, Any]]:
        """One object after the other.

        Raises:
            InputError: A line is none; the error names it.
        """
        limit = min(max_chars * _BYTES_PER_CHARACTER + _BESIDES_CONTENT, _jsonc.MAX_BYTES)
        for number, line in read_lines(self._file, limit):
            where = f"{self._name}:{number}"
            if isinstance(line, InputError):
                raise InputError(line.message, where=where)
            self._lines.append(number)
            self._show()
            yield _object(line, where)

    def place(self, where: str | None) -> str:
        """The line of an error that names an item by its number."""
        match = _ITEM.match(where or "")
        if match is None:
            return where or self._name
        rest = (where or "")[match.end() :].removeprefix(", ")
        line = self._lines[int(match[1]) - 1]
        return f"{self._name}:{line} ({rest})" if rest else f"{self._name}:{line}"

    def finish(self) -> None:
        """Clear the progress line."""
        if self._progress and len(self._lines) >= _SHOW_EVERY:
            click.echo("\r\x1b[K", nl=False, err=True)

    def _show(self) -> None:
        if self._progress and len(self._lines) % _SHOW_EVERY == 0:
            click.echo(f"\r{len(self._lines):,} messages read", nl=False, err=True)


_EXAMPLE = 'as in {"role": "user", "content": "Hola"}'


def _object(line: bytes, where: str) -> Mapping[str, Any]:
    try:
        found = _jsonc.parse(line, "line", error=InputError)
    except InputError as problem:
        pointer = (problem.where or "").partition(" ")[2]
        place = f"{where} {pointer}" if pointer else where
        raise InputError(problem.message, where=place, hint=_EXAMPLE) from None
    if not isinstance(found, Mapping):
        raise InputError("expected a JSON object", where=where, hint=_EXAMPLE)
    return found


def _opened_file(file: str, stack: ExitStack) -> BinaryIO:
    if file == "-":
        if sys.stdin is None:
            raise InputError("standard input is closed")
        return sys.stdin.buffer
    try:
        return stack.enter_context(Path(file).open("rb"))
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise InputError(f"cannot be read: {reason}", where=file) from None


async def _imported(
    config: Config, who: Who, source: Source, *, new: bool
) -> tuple[Session, ImportReport]:
    max_chars: int = config.document["memory"]["max_message_chars"]
    async with opened(config) as (client, stack):
        session = await session_for(client, who, new=new)
        own = {"session_id": session.session_id}
        before = await stack.storage.count("messages", session.user_id, own)
        try:
            report = await client.import_messages(session.session_id, source.items(max_chars))
        except LuminoraError as problem:
            source.finish()
            stored = await stack.storage.count("messages", session.user_id, own) - before
            raise _stopped(problem, source, session, stored) from problem
        return session, report


def _stopped(
    problem: LuminoraError, source: Source, session: Session, stored: int
) -> LuminoraError:
    """The same error, saying where the file is wrong and what has been done so far."""
    if not isinstance(problem, InputError):
        return problem
    parts = [
        problem.hint,
        f"{stored:,} messages before it were imported into session {session.session_id}",
        "correct it and run the same command again: messages with an id are not stored twice",
    ]
    hint = "\n  → ".join(part for part in parts if part)
    return InputError(problem.message, where=source.place(problem.where), hint=hint)
