"""Where each migration stands: the templates of this version against the database's ledger.

Pure functions; nothing here touches a database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from luminora.errors import InputError, SchemaDirty, SchemaDrift
from luminora.migrations.render import CORE, Template
from luminora.providers.migration import LedgerEntry


class State(StrEnum):
    """What the ledger says of a migration."""

    APPLIED = "applied"
    PENDING = "pending"
    DIRTY = "dirty"
    """Begun and not finished."""
    EDITED = "edited"
    """Applied, but its file reads differently now."""
    MISSING = "missing"
    """Applied, but its file is gone while later ones are there."""
    OUT_OF_ORDER = "out of order"
    """Not applied, though a later one of its set is."""
    NEWER = "newer"
    """Applied by a newer version, or by a plugin that is not installed here."""


_DRIFT = {
    State.EDITED: "was edited after it was applied",
    State.MISSING: "was applied, but its file is missing",
    State.OUT_OF_ORDER: "comes before migrations that are applied already",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One migration: its template, its entry in the ledger, or both."""

    component: str
    version: str
    state: State
    template: Template | None = None
    entry: LedgerEntry | None = None

    @property
    def label(self) -> str:
        """The file's name, or what the ledger remembers of it."""
        if self.template is not None:
            return self.template.label
        name = self.entry.name if self.entry else ""
        stem = f"{self.version}_{name}"
        return stem if self.component == CORE else f"{self.component}/{stem}"


@dataclass(frozen=True, slots=True)
class Standing:
    """All migrations, set by set and in order."""

    lines: tuple[Line, ...]

    @property
    def pending(self) -> tuple[Line, ...]:
        """What remains to be applied."""
        return self.having(State.PENDING)

    @property
    def sound(self) -> bool:
        """Whether nothing is dirty and nothing has drifted."""
        return not self.having(State.DIRTY, *_DRIFT)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is strange and yet no reason to stop."""
        return tuple(
            f"{line.label} is unknown here: a newer Luminora or a plugin that is not installed "
            "applied it"
            for line in self.having(State.NEWER)
        )

    def having(self, *states: State) -> tuple[Line, ...]:
        """The lines in one of these states."""
        return tuple(line for line in self.lines if line.state in states)

    def require_sound(self) -> None:
        """Refuse to go on from a dirty or drifted schema.

        Raises:
            SchemaDirty, SchemaDrift: Names every file concerned.
        """
        for line in self.having(State.DIRTY):
            raise SchemaDirty(_dirt(line.entry), where=line.label, hint=RESOLVE)
        drifted = self.having(*_DRIFT)
        if drifted:
            raise SchemaDrift(
                "; ".join(f"{line.label} {_DRIFT[line.state]}" for line in drifted),
                hint="put back the files as they were released, and make changes in a new migration",
            )

    def steps(self, target: str | None = None) -> tuple[Template, ...]:
        """What to apply, in order.

        Args:
            target: The last version to apply, ``"003"`` or ``"plugin@003"``; other sets then stay
                as they are. None applies everything.

        Raises:
            SchemaDirty, SchemaDrift: The schema has to be put in order first.
            InputError: No such version.
        """
        self.require_sound()
        pending = (line.template for line in self.pending if line.template)
        if target is None:
            return tuple(pending)
        component, last = self.locate(target)
        return tuple(one for one in pending if one.component == component and one.number <= last)

    def undoable(self, target: str | None = None) -> tuple[tuple[Template, LedgerEntry], ...]:
        """What to undo, latest first.

        Args:
            target: The version that shall be the latest applied; ``"000"`` undoes the whole set.
                None undoes the latest migration of the core.

        Raises:
            SchemaDirty, SchemaDrift: The schema has to be put in order first, or was made by a
                newer version.
            InputError: No such version.
        """
        self.require_sound()
        component, last = self.locate(target or "000")
        lines = [line for line in self.lines if line.entry and line.component == component]
        above = [line for line in reversed(lines) if int(line.version) > last]
        chosen = above if target else above[:1]
        if any(line.state is State.NEWER for line in chosen):
            raise SchemaDrift(
                "; ".join(self.warnings), hint="roll back with the version that applied it"
            )
        return tuple((line.template, line.entry) for line in chosen if line.template and line.entry)

    def locate(self, target: str) -> tuple[str, int]:
        """The component and number that ``[component@]NNN`` names; 0 is before the first.

        Raises:
            InputError: No such version.
        """
        match = re.fullmatch(r"(?:([a-z][a-z0-9_-]*)@)?([0-9]{1,9})", target)
        component, number = (match[1] or CORE, int(match[2])) if match else ("", -1)
        known = [line.version for line in self.lines if line.component == component]
        if number not in {0, *map(int, known)} or not match:
            raise InputError(
                f"there is no migration '{target}'",
                hint=f"there are {', '.join(known)}" if known else "write NNN or component@NNN",
            )
        return component, number


RESOLVE = (
    "bring the tables by hand to where they were before it, or complete it, then say which: "
    "luminora migrate --resolve rolled-back, or --resolve applied"
)


def compare(templates: Sequence[Template], entries: Iterable[LedgerEntry]) -> Standing:
    """Where each migration stands, sets in the order of ``templates``."""
    recorded = {(entry.component, int(entry.version)): entry for entry in entries}
    offered = {(template.component, template.number): template for template in templates}
    sets = dict.fromkeys(component for component, _ in (*offered, *sorted(recorded)))
    lines = []
    for component in sets:
        numbers = sorted(number for owner, number in {*offered, *recorded} if owner == component)
        last_offered = max((n for n in numbers if (component, n) in offered), default=-1)
        last_recorded = max((n for n in numbers if (component, n) in recorded), default=-1)
        for number in numbers:
            template = offered.get((component, number))
            entry = recorded.get((component, number))
            known = template or entry
            assert known is not None  # noqa: S101 - the number came from one of the two
            lines.append(
                Line(
                    component=component,
                    version=known.version,
                    state=_state(template, entry, number, last_offered, last_recorded),
                    template=template,
                    entry=entry,
                )
            )
    return Standing(tuple(lines))


def _state(
    template: Template | None,
    entry: LedgerEntry | None,
    number: int,
    last_offered: int,
    last_recorded: int,
) -> State:
    if entry is None:
        return State.PENDING if number > last_recorded else State.OUT_OF_ORDER
    if entry.dirty:
        return State.DIRTY
    if template is None:
        return State.NEWER if number > last_offered else State.MISSING
    return State.APPLIED if entry.checksum == template.checksum else State.EDITED


def _dirt(entry: LedgerEntry | None) -> str:
    """What is known of an entry that was never finished."""
    if entry is None:
        return "it was never finished"
    return (
        f"it stopped at statement {min(entry.statements_done + 1, entry.statements_total)} of "
        f"{entry.statements_total}, begun {entry.started_at:%Y-%m-%d %H:%M:%S} UTC"
        + (f": {entry.error}" if entry.error else "; the process was cut short")
    )
