"""``luminora config edit``: the file in the user's own editor, checked before it counts."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from luminora.cli._changes import Wish, put
from luminora.cli._draft import Draft
from luminora.cli.output import note, say
from luminora.errors import InputError, LuminoraError

_BEGIN = """\
{
  // what can stand here: luminora config show; for an editor: luminora schema
}
"""
_USUAL = ("sensible-editor", "nano", "vi", "notepad")


def run(config_file: str | None) -> None:
    """Edit a copy of the file until it is valid or given up.

    Raises:
        ConfigError: What was saved is not valid.
        InputError: There is no editor, it failed, or the file was changed in the meantime.
    """
    draft = Draft.of(config_file)
    command = _editor()
    wish = Wish(None, dry_run=False, force=False, as_json=False)
    before = draft.text if draft.text.strip() else _BEGIN
    with tempfile.TemporaryDirectory(prefix="luminora-") as folder:
        copy = Path(folder) / draft.path.name
        copy.write_bytes(before.encode())
        while True:
            text = _edited(command, copy)
            if text == before:
                say(f"{draft.name}: nothing changed")
                return
            try:
                put(draft, text, wish, hint="luminora config edit")
            except LuminoraError as problem:
                if not _again(problem):
                    raise
            else:
                return


def _editor() -> list[str]:
    for name in ("VISUAL", "EDITOR"):
        if words := shlex.split(os.environ.get(name, "")):
            return words
    usual = next((name for name in _USUAL if shutil.which(name)), None)
    if usual is None:
        raise InputError("no editor is set", hint="EDITOR=nano luminora config edit")
    return [usual]


def _edited(command: list[str], copy: Path) -> str:
    """The copy's text after the editor has had it."""
    try:
        code = subprocess.call([*command, str(copy)])  # noqa: S603 - the user's own editor
    except OSError as problem:
        raise InputError(
            f"the editor cannot be started: {problem.strerror}",
            where=command[0],
            hint="set VISUAL or EDITOR",
        ) from None
    if code:
        raise InputError(f"{command[0]} ended with code {code}; nothing was written")
    try:
        return copy.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(
            f"what was saved cannot be read: {type(problem).__name__}", where=str(copy)
        ) from None


def _again(problem: LuminoraError) -> bool:
    """Whether the user wants to mend what is wrong; nobody is asked but at a terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    note(f"error: {problem}")
    for one in getattr(problem, "problems", ())[1:]:
        note(one)
    return click.confirm("Edit it again?", default=True, err=True)
