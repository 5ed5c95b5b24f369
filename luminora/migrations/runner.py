"""Running migrations: plan, apply, undo, and put a ledger in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from luminora._version import __version__
from luminora.errors import DimensionMismatch, InputError, MigrationError
from luminora.migrations.ledger import Standing, State, compare
from luminora.migrations.names import created, endangered
from luminora.migrations.render import (
    CORE,
    Parameters,
    Rendered,
    Template,
    load,
    load_core,
    render,
)
from luminora.providers.migration import LedgerEntry, MigrationDriver

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.providers import EmbeddingProvider, StorageProvider

TemplateSet = tuple[str, Path]
"""A component's name and the folder of its templates."""


@dataclass(frozen=True, slots=True)
class Step:
    """A migration about to be applied or undone."""

    template: Template
    rendered: Rendered
    entry: LedgerEntry

    @property
    def label(self) -> str:
        """The file's name."""
        return self.template.label


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did.

    Attributes:
        applied: The files applied, in order; empty if there was nothing to do.
        warnings: What is strange and yet no reason to stop.
    """

    applied: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rollback:
    """What a rollback would do.

    Attributes:
        target: The version that will be the latest applied, as ``component@NNN``.
        steps: The migrations to undo, latest first.
        rows: Tables that would be dropped or changed, and the rows in each.
    """

    target: str
    steps: tuple[Step, ...]
    rows: dict[str, int]


Progress = Callable[[Step], None]


class MigrationRunner:
    """Brings one database's schema to where this version wants it.

    Args:
        driver: The database's side.
        sets: The plugins' template sets; Luminora's own always comes first.
        parameters: What the templates are rendered with.
        probe: Finds the embedding dimension when ``parameters`` name none and a template wants
            it; called at most once.
    """

    def __init__(
        self,
        driver: MigrationDriver,
        sets: Sequence[TemplateSet] = (),
        parameters: Parameters | None = None,
        *,
        probe: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        self._driver = driver
        self._sets = tuple(sets)
        self._parameters = parameters or Parameters(table_prefix=driver.table_prefix)
        self._probe = probe

    @classmethod
    def for_config(
        cls,
        config: Config,
        storage: StorageProvider,
        embedding: EmbeddingProvider | None = None,
        **overrides: Any,
    ) -> Self:
        """The runner for a configured storage.

        Args:
            config: Names the embedding model and how its vectors are indexed.
            storage: Whose database is migrated.
            embedding: Is asked for its dimension where neither config nor manifest tell it.
            overrides: ``dimension`` or ``index``, over what the config says.
        """
        from luminora.migrations.settings import parameters, plugin_sets  # noqa: PLC0415

        driver = storage.migrations()
        chosen, open_question = parameters(config, driver, **overrides)
        probe = embedding.get_dimension if embedding is not None and open_question else None
        return cls(driver, plugin_sets(config), chosen, probe=probe)

    @cached_property
    def templates(self) -> tuple[Template, ...]:
        """All templates for the driver's dialect, set by set."""
        return tuple(load_all(self._driver.dialect, self._sets))

    async def status(self) -> Standing:
        """Where each migration stands; writes nothing."""
        return compare(self.templates, await self._driver.ledger())

    async def plan(self, target: str | None = None) -> tuple[Step, ...]:
        """What :meth:`migrate` would apply; writes nothing.

        Raises:
            SchemaDirty, SchemaDrift, DimensionMismatch: It would refuse.
        """
        return await self._steps(await self.status(), target)

    async def migrate(
        self,
        target: str | None = None,
        *,
        timeout: float = 60,  # noqa: ASYNC109 - how long another process may hold the lock
        on_progress: Progress | None = None,
    ) -> Outcome:
        """Apply what is pending.

        Of several processes at once one applies; the others wait, then find nothing to do.

        Args:
            target: The last version to apply; see :meth:`Standing.steps`.
            timeout: Seconds to wait for a process that is migrating.
            on_progress: Called after each migration.

        Raises:
            SchemaDirty, SchemaDrift: Nothing was done.
            DimensionMismatch: The database holds vectors of another dimension; nothing was done.
            MigrationLockTimeout: Another process is still at it.
            MigrationError: A statement failed; what was applied before it stays.
        """
        standing = await self.status()
        # A dirty entry may be another process at work: only who holds the lock can tell.
        if standing.sound and not await self._steps(standing, target):
            return Outcome((), standing.warnings)
        async with self._driver.lock(timeout):
            standing = await self.status()
            steps = await self._steps(standing, target)
            for step in steps:
                await self._driver.apply(step.entry, step.rendered.statements)
                if on_progress is not None:
                    on_progress(step)
        return Outcome(tuple(step.label for step in steps), standing.warnings)

    async def rollback_plan(self, target: str | None = None) -> Rollback:
        """What :meth:`rollback` would undo and which rows it would cost; writes nothing.

        Args:
            target: The version that shall be the latest applied, ``"000"`` for none; None undoes
                the latest migration of the core.

        Raises:
            SchemaDirty, SchemaDrift: The schema has to be put in order first.
            MigrationError: A migration cannot be undone.
        """
        standing = await self.status()
        steps = self._undo_steps(standing, target)
        statements = [one for step in steps for one in step.rendered.statements]
        rows = endangered(statements, await self._driver.tables())
        if target is None:
            core = [
                line.version for line in standing.lines if line.entry and line.component == CORE
            ]
            target = core[-2] if len(core) > 1 else "000"
        return Rollback(target, steps, rows)

    async def rollback(
        self,
        target: str,
        *,
        timeout: float = 60,  # noqa: ASYNC109 - how long another process may hold the lock
        on_progress: Progress | None = None,
    ) -> Outcome:
        """Undo every migration above ``target``, latest first, with its rows.

        Raises:
            SchemaDirty, SchemaDrift, MigrationLockTimeout, MigrationError: As for
                :meth:`migrate`.
        """
        async with self._driver.lock(timeout):
            standing = await self.status()
            steps = self._undo_steps(standing, target)
            for step in steps:
                await self._driver.revert(step.entry, step.rendered.statements)
                if on_progress is not None:
                    on_progress(step)
        return Outcome(tuple(step.label for step in steps), standing.warnings)

    async def baseline(self, target: str | None = None, *, timeout: float = 60) -> Outcome:  # noqa: ASYNC109
        """Record migrations as applied that somebody else ran, without running them.

        Args:
            target: The last of them; None is the latest of every set.
            timeout: Seconds to wait for a process that is migrating.

        Raises:
            MigrationError: The ledger knows applied migrations already, or a table that they
                create is absent; nothing was recorded.
        """
        async with self._driver.lock(timeout):
            standing = await self.status()
            steps = await self._steps(standing, target)
            if any(line.entry for line in standing.lines if line.state is not State.NEWER):
                raise MigrationError(
                    "this database has a ledger already: a baseline is for one without",
                    hint="luminora migrate --status",
                )
            tables = await self._driver.tables()
            for step in steps:
                if missing := created(step.rendered.statements) - tables.keys():
                    raise MigrationError(
                        f"{step.label} creates {', '.join(sorted(missing))}, which is not there",
                        hint="name the last migration that was run: --baseline --version NNN",
                    )
            for step in steps:
                await self._driver.record(_finished(step.entry))
        return Outcome(tuple(step.label for step in steps), standing.warnings)

    async def resolve(
        self,
        verdict: Literal["applied", "rolled-back"],
        *,
        timeout: float = 60,  # noqa: ASYNC109 - how long another process may hold the lock
    ) -> Outcome:
        """Say what became of the migrations that were begun and never finished.

        Args:
            verdict: ``"applied"``: somebody completed them. ``"rolled-back"``: somebody removed
                what they had done; they are pending again.
            timeout: Seconds to wait for a process that is migrating.

        Raises:
            InputError: No migration is dirty.
        """
        async with self._driver.lock(timeout):
            standing = await self.status()
            dirty = standing.having(State.DIRTY)
            if not dirty:
                raise InputError("no migration is dirty", hint="luminora migrate --status")
            for line in dirty:
                if line.entry is None:
                    continue
                if verdict == "applied":
                    await self._driver.record(_finished(line.entry))
                else:
                    await self._driver.erase(line.entry)
        return Outcome(tuple(line.label for line in dirty), standing.warnings)

    async def sql(self) -> str:
        """All migrations rendered, for a DBA or another tool; asks the database nothing."""
        parts = []
        for template in self.templates:
            text = render(template, await self._values(template)).text.strip()
            comment = "//" if template.path.suffix == ".json" else "--"
            parts.append(f"{comment} {template.label}\n{text}\n")
        return "\n".join(parts)

    async def _steps(self, standing: Standing, target: str | None) -> tuple[Step, ...]:
        templates = standing.steps(target)
        await self._refuse_other_dimension()
        return tuple([await self._step(template) for template in templates])

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

    def _undo_steps(self, standing: Standing, target: str | None) -> tuple[Step, ...]:
        # What was created under other parameters has to be undone under them.
        now = self._parameters.values()
        return tuple(
            Step(template, render(template, {**now, **entry.parameters}, undo=True), entry)
            for template, entry in standing.undoable(target)
        )

    async def _values(self, template: Template) -> dict[str, str | int]:
        if template.dimensional and self._parameters.dimension is None and self._probe is not None:
            self._parameters = replace(self._parameters, dimension=await self._probe())
        return self._parameters.values()

    async def _refuse_other_dimension(self) -> None:
        held = await self._driver.vector_dimension()
        if held is None:
            return
        for template in self.templates:
            wanted = (await self._values(template)).get("EMBEDDING_DIMENSION")
            if isinstance(wanted, int) and wanted != held:
                raise DimensionMismatch(
                    f"the database holds vectors of {held} dimensions, but the embedding provider "
                    f"yields {wanted}",
                    expected=held,
                    found=wanted,
                    hint="change the embedding provider back, or rebuild the vectors: luminora "
                    "reembed",
                )


def load_all(dialect: str, sets: Iterable[TemplateSet]) -> Iterable[Template]:
    """The templates of the core and of plugins' sets; a set named ``core`` stands in for ours.

    Raises:
        InputError: Nobody has templates for that dialect.
        MigrationError: A file is misnamed, or two sets have the same name.
    """
    named: dict[str, Path] = {}
    for component, root in sets:
        if named.setdefault(component, root) != root:
            raise MigrationError(
                f"two plugins call their migrations '{component}'",
                where=f"{named[component]}, {root}",
                hint="disable one of them: luminora plugins disable NAME",
            )
    own = named.pop(CORE, None)
    yield from load_core(dialect) if own is None else load(CORE, own, dialect)
    for component, root in sorted(named.items()):
        yield from load(component, root, dialect)


def _finished(entry: LedgerEntry) -> LedgerEntry:
    return replace(
        entry,
        finished_at=datetime.now(UTC),
        statements_done=entry.statements_total,
        error=None,
    )
