"""Running migrations: plan, apply, undo, and put a ledger in order."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from luminora._version import __version__
from luminora.errors import DimensionMismatch, InputError, MigrationError
from luminora.migrations.ledger import Standing, State, compare
from luminora.migrations.render import (
    Parameters,
    Rendered,
    Template,
    TemplateSet,
    load_all,
    render,
)
from luminora.providers.migration import LedgerEntry, MigrationDriver

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.providers import EmbeddingProvider, StorageProvider

_CREATES = re.compile(r'\s*CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?[`"]?(\w+)', re.IGNORECASE)
_HARMS = re.compile(
    r"\s*(?:(?:DROP|ALTER|TRUNCATE)\s+TABLE|DELETE\s+FROM)\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?"
    r'[`"]?(\w+)',
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Step:
    """A migration to be applied or undone, rendered, with its entry in the ledger."""

    template: Template
    rendered: Rendered
    entry: LedgerEntry


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did.

    Attributes:
        done: The files applied, undone, recorded or resolved, in that order; perhaps none.
        warnings: What is strange and yet no reason to stop.
    """

    done: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rollback:
    """What a rollback would do.

    Attributes:
        target: The version that will be the latest applied; give it to the runner's ``rollback``.
        steps: The migrations to undo, latest first.
        rows: Tables that would be dropped or changed, and the rows in each.
    """

    target: str
    steps: tuple[Step, ...]
    rows: dict[str, int]


Progress = Callable[[Step], None]


class MigrationRunner:
    """Brings one database's schema to where this version wants it.

    Every method that writes takes the migration lock first (MigrationLockTimeout when another
    process keeps it too long), and raises SchemaDirty or SchemaDrift, having done nothing, when the
    ledger has to be put in order first.

    Args:
        driver: The database's side.
        sets: The plugins' template sets; Luminora's own always comes first.
        parameters: What the templates are rendered with.
        probe: Finds the embedding dimension when ``parameters`` name none and a template wants
            it; called at most once.
        timeout: Seconds to wait for another process that is migrating.
    """

    def __init__(
        self,
        driver: MigrationDriver,
        sets: Sequence[TemplateSet] = (),
        parameters: Parameters | None = None,
        *,
        probe: Callable[[], Awaitable[int]] | None = None,
        timeout: float = 60,
    ) -> None:
        self._driver = driver
        self._sets = tuple(sets)
        self._parameters = parameters or Parameters(table_prefix=driver.table_prefix)
        self._probe = probe
        self.timeout = timeout

    @classmethod
    def for_config(
        cls,
        config: Config,
        storage: StorageProvider,
        embedding: EmbeddingProvider | None = None,
        sets: Sequence[TemplateSet] = (),
    ) -> Self:
        """The runner for a configured storage; ``embedding`` is asked only what nobody declares."""
        probe = embedding.get_dimension if embedding else None
        return cls.for_driver(config, storage.migrations(), sets, probe)

    @classmethod
    def for_driver(
        cls,
        config: Config,
        driver: MigrationDriver,
        sets: Sequence[TemplateSet] = (),
        probe: Callable[[], Awaitable[int]] | None = None,
        **chosen: Any,
    ) -> Self:
        """The runner for a driver, with what the config says of dimension and index.

        Args:
            config: Names the embedding model and how its vectors are indexed.
            driver: The database's side.
            sets: The plugins' template sets.
            probe: Finds the dimension where neither config nor manifest tells it.
            chosen: ``dimension`` or ``index``, in place of the config's.

        Raises:
            InputError: A value is of the wrong type or out of bounds.
        """
        if not any(template.dimensional for template in load_all(driver.dialect, sets)):
            # nothing here asks for them, but a value that makes no sense is refused all the same
            Parameters(**{name: value for name, value in chosen.items() if value is not None})
            return cls(driver, sets)
        from luminora.migrations.settings import parameters_of, undeclared  # noqa: PLC0415

        parameters, unknown = parameters_of(config, table_prefix=driver.table_prefix, **chosen)
        return cls(driver, sets, parameters, probe=(probe or undeclared) if unknown else None)

    @cached_property
    def templates(self) -> tuple[Template, ...]:
        """All templates for the driver's dialect, set by set."""
        return load_all(self._driver.dialect, self._sets)

    async def status(self) -> Standing:
        """Where each migration stands; writes nothing."""
        return compare(self.templates, await self._driver.ledger())

    async def plan(self, target: str | None = None) -> tuple[Step, ...]:
        """What :meth:`migrate` would apply; writes nothing and raises what it would raise."""
        return await self._steps(await self.status(), target)

    async def migrate(
        self,
        target: str | None = None,
        on_progress: Progress | None = None,
        *,
        adapt: bool = False,
    ) -> Outcome:
        """Apply what is pending.

        Of several processes at once one applies; the others wait, then find nothing to do.

        Args:
            target: The last version to apply; see :meth:`Standing.steps`.
            on_progress: Called after each migration.
            adapt: Render with the dimension of the vectors that the database holds, if it holds
                any, instead of refusing it.

        Raises:
            DimensionMismatch: The database holds vectors of another dimension; nothing was done.
            MigrationError: A statement failed; what was applied before it stays.
        """
        if adapt:
            self._parameters = await self._as_held()
        standing = await self.status()
        # A dirty entry may be another process at work: only who holds the lock can tell.
        if standing.sound and not await self._steps(standing, target):
            return Outcome((), standing.warnings)
        async with self._locked() as standing:
            steps = await self._steps(standing, target)
            await _each(self._driver.apply, steps, on_progress)
        return _outcome(standing, steps)

    async def rollback_plan(self, target: str | None = None) -> Rollback:
        """What :meth:`rollback` would undo and which rows it would cost; writes nothing.

        Args:
            target: The version that shall be the latest applied, ``"000"`` for none; None undoes
                the latest migration of the core.

        Raises:
            MigrationError: A migration cannot be undone.
        """
        standing = await self.status()
        target = target or standing.before_latest()
        steps = self._undo_steps(standing, target)
        tables = await self._driver.tables()
        harmed = _named(steps, _HARMS, "drop", "delete_table")
        return Rollback(target, steps, {name: tables[name] for name in tables if name in harmed})

    async def rollback(self, target: str, on_progress: Progress | None = None) -> Outcome:
        """Undo every migration above ``target``, latest first, with the rows they held.

        Raises:
            MigrationError: A statement failed, or a migration cannot be undone.
        """
        async with self._locked() as standing:
            steps = self._undo_steps(standing, target)
            await _each(self._driver.revert, steps, on_progress)
        return _outcome(standing, steps)

    async def baseline(self, target: str | None = None) -> Outcome:
        """Record migrations as applied that somebody else ran, without running them.

        Args:
            target: The last of them; None is the latest of every set.

        Raises:
            MigrationError: The ledger is not empty, or a table that they create is absent.
        """
        async with self._locked() as standing:
            if any(line.entry for line in standing.lines):
                raise MigrationError(
                    "this database has a ledger already: a baseline is for one without",
                    hint="luminora migrate --status",
                )
            steps = await self._steps(standing, target)
            expected = _named(steps, _CREATES, "create", "create_table")
            if absent := expected - (await self._driver.tables()).keys():
                raise MigrationError(
                    f"not everything was run: {', '.join(sorted(absent))} is absent",
                    hint="name the last migration that was: luminora migrate --baseline "
                    "--version NNN",
                )
            for step in steps:
                await self._driver.record(_finished(step.entry))
        return _outcome(standing, steps)

    async def resolve(self, verdict: Literal["applied", "rolled-back"]) -> Outcome:
        """Say what became of the migrations that were begun and never finished.

        Args:
            verdict: ``"applied"``: somebody completed them. ``"rolled-back"``: somebody undid what
                they had done, and they are pending again.
            timeout: Seconds to wait for another process that is migrating.

        Raises:
            InputError: No migration is dirty.
        """
        async with self._locked() as standing:
            dirty = standing.having(State.DIRTY)
            if not dirty:
                raise InputError("no migration is dirty", hint="luminora migrate --status")
            for entry in filter(None, (line.entry for line in dirty)):
                if verdict == "applied":
                    await self._driver.record(_finished(entry))
                else:
                    await self._driver.erase(entry)
        return Outcome(tuple(line.label for line in dirty), standing.warnings)

    async def sql(self) -> str:
        """All migrations rendered, for a DBA or another tool; asks the database nothing."""
        return script([await self._step(template) for template in self.templates])

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[Standing]:
        async with self._driver.lock(self.timeout):
            yield await self.status()

    async def _steps(self, standing: Standing, target: str | None) -> tuple[Step, ...]:
        steps = tuple([await self._step(template) for template in standing.steps(target)])
        held, wanted = await self._driver.vector_dimension(), self._parameters.dimension
        if held is not None and wanted is not None and wanted != held:
            raise DimensionMismatch(
                f"the database holds vectors of {held} dimensions, but the embedding provider "
                f"yields {wanted}",
                expected=held,
                found=wanted,
                hint="change the embedding provider back, or build new vectors: luminora reembed",
            )
        return steps

    async def _as_held(self) -> Parameters:
        held = await self._driver.vector_dimension()
        return self._parameters if held is None else replace(self._parameters, dimension=held)

    async def _step(self, template: Template) -> Step:
        rendered = render(template, await self._values(template))
        entry = LedgerEntry(
            component=template.component,
            version=template.version,
            name=template.name,
            checksum=template.checksum,
            parameters=rendered.parameters,
            started_at=datetime.now(UTC),
            statements_total=len(rendered.statements),
            tool_version=__version__,
        )
        return Step(template, rendered, entry)

    def _undo_steps(self, standing: Standing, target: str) -> tuple[Step, ...]:
        # What was created under other parameters has to be undone under them.
        now = self._parameters.values()
        return tuple(
            Step(template, render(template, {**now, **entry.parameters}, undo=True), entry)
            for template, entry in standing.undoable(target)
        )

    async def _values(self, template: Template) -> dict[str, str | int]:
        if self._probe is not None and self._parameters.dimension is None and template.dimensional:
            self._parameters = replace(self._parameters, dimension=await self._probe())
        return self._parameters.values()


def script(steps: Sequence[Step]) -> str:
    """What the steps would execute: one SQL script, or one JSON object with commands by file."""
    if any(step.template.path.suffix == ".json" for step in steps):
        commands = {step.template.label: step.rendered.statements for step in steps}
        return f"{json.dumps(commands, indent=2, ensure_ascii=False)}\n"
    return "\n".join(f"-- {step.template.label}\n{step.rendered.text.strip()}\n" for step in steps)


async def _each(
    work: Callable[[LedgerEntry, Sequence[Any]], Awaitable[None]],
    steps: Iterable[Step],
    on_progress: Progress | None,
) -> None:
    for step in steps:
        await work(step.entry, step.rendered.statements)
        if on_progress is not None:
            on_progress(step)


def _outcome(standing: Standing, steps: Iterable[Step]) -> Outcome:
    return Outcome(tuple(step.template.label for step in steps), standing.warnings)


def _finished(entry: LedgerEntry) -> LedgerEntry:
    done = entry.statements_total
    return replace(entry, finished_at=datetime.now(UTC), statements_done=done, error=None)


def _named(steps: Iterable[Step], sql: re.Pattern[str], *verbs: str) -> set[str]:
    """The tables that statements create or harm, as far as that can be read off them."""
    names = set()
    for statement in (one for step in steps for one in step.rendered.statements):
        if isinstance(statement, str):
            names |= {match[1] for match in [sql.match(statement)] if match}
        else:
            values = [statement[verb] for verb in verbs if verb in statement]
            names |= {one["TableName"] if isinstance(one, dict) else one for one in values}
    return names
