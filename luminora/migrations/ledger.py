"""Where each migration stands: the templates of this version against the database's ledger.

Pure functions; nothing here touches a database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

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
    label: str
    state: State
    template: Template | None = None
    entry: LedgerEntry | None = None


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
        unknown = "was applied by a newer Luminora, or by a plugin that is not installed here"
        return tuple(f"{line.label} {unknown}" for line in self.having(State.NEWER))

    def having(self, *states: State) -> tuple[Line, ...]:
        """The lines in one of these states."""
        return tuple(line for line in self.lines if line.state in states)

    def require_sound(self) -> None:
        """Refuse to go on from a dirty or drifted schema.

        Raises:
            SchemaDirty, SchemaDrift: Names the files.
        """
        for line in self.having(State.DIRTY):
            raise SchemaDirty(
                _dirt(line.entry),
                where=line.label,
                hint="complete it by hand, or undo by hand what it did, and say which: luminora "
                "migrate --resolve applied, or --resolve rolled-back",
            )
        if drifted := self.having(*_DRIFT):
            raise SchemaDrift(
                "; ".join(f"{line.label} {_DRIFT[line.state]}" for line in drifted),
                hint="put the files back as they were; a change goes into a new migration",
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
        pending = [line.template for line in self.pending if line.template]
        if target is not None:
            component, last = self.locate(target)
            pending = [one for one in pending if one.component == component and one.number <= last]
        return tuple(pending)

    def undoable(self, target: str) -> tuple[tuple[Template, LedgerEntry], ...]:
        """What to undo, latest first.

        Args:
            target: The version that shall be the latest applied; ``"000"`` undoes the whole set.

        Raises:
            SchemaDirty, SchemaDrift: The schema has to be put in order first, or was made by a
                newer version.
            InputError: No such version.
        """
        self.require_sound()
        component, last = self.locate(target)
        above = [
            line
            for line in reversed(self.having(State.APPLIED, State.NEWER))
            if line.component == component and int(line.version) > last
        ]
        if any(line.template is None for line in above):
            raise SchemaDrift(
                "; ".join(self.warnings), hint="roll back with the version that applied it"
            )
        return tuple((line.template, line.entry) for line in above if line.template and line.entry)

    def before_latest(self) -> str:
        """The version to roll back to in order to undo the latest migration of the core."""
        versions = [line.version for line in self.lines if line.entry and line.component == CORE]
        return versions[-2] if len(versions) > 1 else "000"

    def locate(self, target: str) -> tuple[str, int]:
        """The component and number that ``[component@]NNN`` names; 0 is before the first.

        Raises:
            InputError: No such version.
        """
        match = re.fullmatch(r"(?:([a-z][a-z0-9_-]*)@)?([0-9]{1,9})", target)
        component = (match[1] if match else None) or CORE
        known = [line.version for line in self.lines if line.component == component]
        if match is None or int(match[2]) not in {0, *map(int, known)}:
            raise InputError(
                f"there is no migration '{target}'",
                hint=f"there are {', '.join(known)}" if known else "write NNN, or component@NNN",
            )
        return component, int(match[2])


def compare(templates: Sequence[Template], entries: Iterable[LedgerEntry]) -> Standing:
    """Where each migration stands: sets in the order of ``templates``, unknown ones last."""
    offered = {(one.component, one.number): one for one in templates}
    recorded = {(one.component, int(one.version)): one for one in entries}
    sets = list(dict.fromkeys(component for component, _ in (*offered, *sorted(recorded))))
    keys = sorted({*offered, *recorded}, key=lambda key: (sets.index(key[0]), key[1]))
    last_offered, last_recorded = _last(offered), _last(recorded)
    lines = []
    for key in keys:
        component, number = key
        template, entry = offered.get(key), recorded.get(key)
        if entry is None:
            later = number < last_recorded.get(component, 0)
            state = State.OUT_OF_ORDER if later else State.PENDING
        elif entry.dirty:
            state = State.DIRTY
        elif template is None:
            state = State.MISSING if number < last_offered.get(component, 0) else State.NEWER
        else:
            state = State.APPLIED if entry.checksum == template.checksum else State.EDITED
        lines.append(_line(component, state, template, entry))
    return Standing(tuple(lines))


def _last(keys: Mapping[tuple[str, int], Any]) -> dict[str, int]:
    return dict(sorted(keys))  # the last of each component remains


def _line(
    component: str, state: State, template: Template | None, entry: LedgerEntry | None
) -> Line:
    version = template.version if template else entry.version if entry else ""
    stem = f"{version}_{entry.name}" if entry else ""
    label = template.label if template else stem if component == CORE else f"{component}/{stem}"
    return Line(
        component=component,
        version=version,
        label=label,
        state=state,
        template=template,
        entry=entry,
    )


def _dirt(entry: LedgerEntry | None) -> str:
    if entry is None:
        return "it was never finished"
    reached = min(entry.statements_done + 1, entry.statements_total)
    return (
        f"it stopped at statement {reached} of {entry.statements_total}, begun "
        f"{entry.started_at:%Y-%m-%d %H:%M:%S} UTC: {entry.error or 'the process was cut short'}"
    )
