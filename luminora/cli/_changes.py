"""What every command that changes the configuration does with the changed text."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

from luminora.cli.output import emit_json, json_option, note, say

if TYPE_CHECKING:
    from luminora.cli._draft import Draft, Steps
    from luminora.config import Config

_T = TypeVar("_T")

FORCE_HINT = "luminora config show, or --force to write it all the same"
"""What to do about a refusal, where there is nothing better."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a change is wanted, as the options say.

    Attributes:
        file: The configuration named, if one is.
        dry_run: Show what would be written instead of writing it.
        force: Write it even if it is not valid.
        as_json: Report in JSON.
    """

    file: str | None
    dry_run: bool
    force: bool
    as_json: bool


def wish_options(command: Callable[..., _T]) -> Callable[..., _T]:
    """Add ``--config``, ``--dry-run``, ``--force`` and ``--json``; the command gets a ``wish``."""

    @click.option(
        "--config",
        "config_file",
        metavar="FILE",
        help="The file to change, made if it does not exist; left out: the one in use, "
        "else ./luminora.json.",
    )
    @click.option("--dry-run", is_flag=True, help="Show what would change and write nothing.")
    @click.option("--force", is_flag=True, help="Write it even if it is not valid (yet).")
    @json_option
    @functools.wraps(command)
    def with_wish(
        *args: Any, config_file: str | None, dry_run: bool, force: bool, as_json: bool, **rest: Any
    ) -> _T:
        return command(*args, wish=Wish(config_file, dry_run, force, as_json), **rest)

    return with_wish


@dataclass(frozen=True, slots=True)
class Report:
    """What a changed text changes.

    Attributes:
        set: The values that the file says now and did not say before, by dotted path.
        removed: What it no longer says.
        follows: Providers of other sections that change along, by section: old and new name.
        notes: For people: what to know, and what to do.
    """

    set: Mapping[str, Any]
    removed: tuple[str, ...]
    follows: Mapping[str, tuple[str | None, str | None]]
    notes: list[str] = field(default_factory=list)


def put(
    draft: Draft, text: str, wish: Wish, *, hint: str | None = None, advice: str | None = None
) -> None:
    """Check the changed text, write it unless only a look at it is wanted, and tell about it.

    Args:
        draft: The file.
        text: What it is to hold.
        wish: How the change is wanted.
        hint: What to do if it is refused.
        advice: The next command, once it is written.

    Raises:
        ConfigError: Something would be wrong that was not before; nothing is written.
        InputError: The file cannot be written.
    """
    fresh, known = draft.new_problems(text)
    if fresh and not wish.force:
        raise draft.refuse(fresh, hint)
    report = compared(draft, text)
    report.notes.extend(f"not valid yet: {one}" for one in [*fresh, *known])
    changed = text != draft.text
    if changed and not wish.dry_run:
        draft.write(text)
    if wish.as_json:
        emit_json(_plain(draft, text, report, wish))
    elif wish.dry_run:
        say(draft.diff(text).rstrip("\n") or f"{draft.name}: nothing to change")
    elif changed:
        _tell(draft, report)
    else:
        say(f"{draft.name}: nothing to change")
    for line in report.notes:
        note(f"note: {line}")
    if wish.dry_run:
        note("nothing was written")
    elif changed and advice:
        note(f"→ {advice}")


def compared(draft: Draft, text: str) -> Report:
    """What ``text`` says differently from the file, and what follows from it."""
    from luminora import schema
    from luminora._shapes import PROVIDERS
    from luminora.cli._draft import provider

    before, after = draft.config(), draft.config(text)
    said, says = _said(before), _said(after)
    names = {name: (provider(before, name), provider(after, name)) for name in PROVIDERS}
    report = Report(
        set={
            ".".join(path): value
            for path, value in says.items()
            if path not in said or json.dumps(said[path]) != json.dumps(value)
        },
        removed=tuple(".".join(path) for path in said if path not in says),
        follows={
            section: (old, new)
            for section, (old, new) in names.items()
            if old != new and not {(section,), (section, "name")} & {*said, *says}
        },
    )
    for section, (old, new) in report.follows.items():
        report.notes.append(f"{section} follows: {old or 'none'} before, {new or 'none'} now")
    report.notes.extend(_overridden(draft, text, report.set))
    before_missing = {one.message for one in schema.credentials(before)}
    missing = {one.message: one.hint for one in schema.credentials(after)}
    report.notes.extend(
        f"{message} → {hint}" for message, hint in missing.items() if message not in before_missing
    )
    return report


def _said(config: Config) -> dict[Steps, Any]:
    """What the file itself says, by canonical path."""
    from luminora._shapes import flatten

    written = config.written()
    return {path: leaf.value for path, leaf in flatten(config.document, "") if path in written}


def _overridden(draft: Draft, text: str, changed: Mapping[str, Any]) -> list[str]:
    """The variables that win over what was just set."""
    from luminora._shapes import pointer
    from luminora.config import load_config

    sources = load_config(draft.path, text=text if text.strip() else "{}").sources
    found = {path: sources.get(pointer(tuple(path.split("."))), "") for path in changed}
    return [
        f"{source} wins over the file's {path}"
        for path, source in found.items()
        if source.startswith(("env ", ".env "))
    ]


def _plain(draft: Draft, text: str, report: Report, wish: Wish) -> dict[str, Any]:
    found: dict[str, Any] = {
        "path": str(draft.path),
        "written": text != draft.text and not wish.dry_run,
        "set": report.set,
        "removed": report.removed,
        "follows": {section: new for section, (_, new) in report.follows.items()},
        "notes": report.notes,
    }
    return {**found, "text": text} if wish.dry_run else found


def _tell(draft: Draft, report: Report) -> None:
    say(f"{draft.name} {'changed' if draft.exists else 'written'}")
    for path, value in report.set.items():
        say(f"  {path} = {json.dumps(value, ensure_ascii=False)}")
    for path in report.removed:
        say(f"  {path} removed")
