"""``luminora migrate``: create, upgrade, look at and put in order the database's tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from luminora.cli.output import config_options, emit_json, json_option, note, run_async, say, table
from luminora.errors import InputError, LuminoraError, ProviderUnknown, StorageUnavailable

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.migrations import MigrationRunner, Outcome, Standing, Step
    from luminora.plugins import Activation
    from luminora.providers import LedgerEntry, MigrationDriver

_NAMES = {
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "mysql": "MySQL",
    "dynamodb": "DynamoDB",
    "mongodb": "MongoDB",
}
_WITHOUT = {"redis": "Redis"}
"""Databases whose data needs no migrations of ours, though a plugin may bring some."""
_USAGE, _PENDING = 2, 5


@dataclass(frozen=True)
class _Options:
    """What was typed."""

    action: str
    target: str | None
    database: str | None
    dimension: int | None
    index: str | None
    timeout: float
    verdict: Any
    dry_run: bool
    yes: bool
    as_json: bool
    unreachable: bool = False

    @property
    def on_paper(self) -> bool:
        """Whether the templates alone can answer."""
        return self.action == "sql" or (self.action == "migrate" and self.dry_run)


@click.command()
@click.option("--status", is_flag=True, help="Show where each migration stands; change nothing.")
@click.option("--dry-run", is_flag=True, help="Show the SQL that would run; change nothing.")
@click.option("--sql", is_flag=True, help="Print all migrations, for a DBA or another tool.")
@click.option("--rollback", is_flag=True, help="Undo the latest, or all above --version.")
@click.option("--baseline", is_flag=True, help="Record as applied what was run by other means.")
@click.option(
    "--resolve",
    type=click.Choice(["applied", "rolled-back"]),
    help="Say what became of a migration that stopped half-way.",
)
@click.option("--version", "target", metavar="NNN", help="The version to go to, as in 003.")
@click.option("--yes", is_flag=True, help="Do roll back, with the loss of rows it shows.")
@click.option("--database", metavar="NAME", help="The dialect, by default the storage's.")
@click.option("--dimension", type=int, metavar="N", help="The embeddings' dimension.")
@click.option("--index", type=click.Choice(["hnsw", "ivfflat", "none"]), help="Index of vectors.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, 86_400),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another process that is migrating.",
)
@config_options
@json_option
def migrate(
    config: Config,
    *,
    status: bool,
    sql: bool,
    rollback: bool,
    baseline: bool,
    resolve: str | None,
    **rest: Any,
) -> int:
    """Create or upgrade the tables of the configured storage.

    --version names the last migration to apply; with --rollback the one that stays the latest
    (000 undoes all). A plugin's own migrations are written PLUGIN@NNN. With the name of another
    database, --database --dry-run shows its tables without a plugin or a server.

    Exit codes: 5 when --status finds the schema pending, dirty or drifted; 6 when another process
    is still migrating after --timeout.

    Examples: luminora migrate · luminora migrate --status · luminora migrate --rollback --version
    002 · luminora migrate --database postgresql --dimension 1024 --dry-run
    """
    actions = {
        "status": status,
        "sql": sql,
        "rollback": rollback,
        "baseline": baseline,
        "resolve": resolve is not None,
    }
    chosen = [name for name, given in actions.items() if given]
    if len(chosen) > 1:
        raise click.UsageError(f"--{chosen[0]} and --{chosen[1]} exclude each other")
    action = chosen[0] if chosen else "migrate"
    if rest["dry_run"] and action not in {"migrate", "rollback"}:
        raise click.UsageError(f"--dry-run has no meaning for --{action}")
    return run_async(_run(config, _Options(action=action, verdict=resolve, **rest)))


async def _run(config: Config, options: _Options) -> int:
    try:
        return await _act(config, options)
    except StorageUnavailable as error:
        if not options.on_paper or options.unreachable:
            raise
        note(f"⚠ {error}\nEvery migration is shown, applied or not")
        return await _act(config, replace(options, unreachable=True))


async def _act(config: Config, options: _Options) -> int:
    async with _runner(config, options) as (runner, dialect):
        match options.action:
            case "status":
                return _show_status(await runner.status(), dialect, options)
            case "sql":
                if not runner.templates:
                    note(f"{_title(dialect)} needs no migrations")
                else:
                    say((await runner.sql()).rstrip("\n"))
            case "rollback":
                return await _roll_back(runner, dialect, options)
            case "baseline":
                _report(await runner.baseline(options.target), "recorded as applied", options)
            case "resolve":
                _report(await runner.resolve(options.verdict), f"is {options.verdict}", options)
            case _ if options.dry_run:
                _show_plan(await runner.plan(options.target), dialect, options)
            case _:
                await _apply(runner, dialect, options)
    return 0


@asynccontextmanager
async def _runner(config: Config, options: _Options) -> AsyncIterator[tuple[MigrationRunner, str]]:
    """The runner for the configured storage, or for one that exists on paper only."""
    from luminora.cli._paper import Paper
    from luminora.migrations import MigrationRunner
    from luminora.plugins import activate

    active = activate(config)
    sets = active.migration_sets()

    driver, storage = _driver(config, active, options)
    try:
        runner = MigrationRunner.for_driver(
            config, driver, sets, active.dimension, dimension=options.dimension, index=options.index
        )
        runner.timeout = options.timeout
        if isinstance(driver, Paper) and not runner.templates:
            raise InputError(
                f"there are no migrations for '{driver.dialect}'",
                hint=f"there are for {', '.join(_NAMES)}",
            )
        yield runner, driver.dialect
    finally:
        if storage is not None:
            await storage.aclose()


def _driver(config: Config, active: Activation, options: _Options) -> tuple[MigrationDriver, Any]:
    """The driver, and the storage it belongs to if there is one."""
    from luminora.cli._paper import Paper
    from luminora.providers import Kind

    own_name = config.index.own_name
    configured = own_name(Kind.STORAGE, config.section(Kind.STORAGE)["name"])
    wanted = own_name(Kind.STORAGE, options.database) if options.database else configured
    prefix = config.document.get("migrations", {}).get("table_prefix", "")
    paper = Paper(wanted, prefix)
    if wanted != configured:
        if not options.on_paper:
            raise click.UsageError(
                f"the configuration stores in {configured}; of {wanted}, only --dry-run and --sql "
                "can show something"
            )
        return paper, None
    if options.unreachable:
        return paper, None
    try:
        storage = active.build(Kind.STORAGE)
    except ProviderUnknown:
        if not options.on_paper:
            raise
        note(f"{wanted} is not installed: every migration is shown, applied or not")
        return paper, None
    return storage.migrations(), storage


async def _apply(runner: MigrationRunner, dialect: str, options: _Options) -> None:
    new = not any(line.entry for line in (await runner.status()).lines)
    started = False

    def tell(step: Step) -> None:
        nonlocal started
        if not started:
            note(f"⏳ Running {_title(dialect)} migrations…")
            started = True
        dimension = step.rendered.parameters.get("EMBEDDING_DIMENSION")
        say(f"  ✓ {step.template.label}" + (f" (dimension={dimension})" if dimension else ""))

    outcome = await runner.migrate(options.target, None if options.as_json else tell)
    if options.as_json:
        emit_json({"database": dialect, "applied": outcome.done, "warnings": outcome.warnings})
        return
    _warn(outcome.warnings)
    if outcome.done:
        say(f"\n✓ Database {'initialized' if new else 'upgraded'}!")
    else:
        say(f"✓ {_title(dialect)} is already up to date")


async def _roll_back(runner: MigrationRunner, dialect: str, options: _Options) -> int:
    from luminora.migrations import script

    plan = await runner.rollback_plan(options.target)
    labels = [step.template.label for step in plan.steps]
    if not plan.steps or (options.yes and not options.dry_run):
        if plan.steps and not options.as_json:
            note(f"⏳ Rolling {_title(dialect)} back to {plan.target}…")
        done = (await runner.rollback(plan.target)).done if plan.steps else ()
        if options.as_json:
            emit_json({"database": dialect, "undone": done, "rows_lost": plan.rows})
        else:
            for label in done:
                say(f"  ✓ {label} undone")
            say(f"\n✓ Rolled back to {plan.target}" if done else "✓ There is nothing to undo")
        return 0
    if options.as_json:
        emit_json({"database": dialect, "would_undo": labels, "rows_at_risk": plan.rows})
    else:
        say(script(plan.steps).rstrip("\n"))
    for lost, rows in plan.rows.items():
        if rows:
            note(f"⚠ {lost}: {rows} {'row' if rows == 1 else 'rows'} would be lost")
    again = f"luminora migrate --rollback --version {plan.target} --yes"
    note(f"Nothing was changed. To undo {', '.join(labels)}: {again}")
    return 0 if options.dry_run else _USAGE


def _show_plan(steps: Sequence[Step], dialect: str, options: _Options) -> None:
    from luminora.migrations import script

    if options.as_json:
        files = [
            {
                "file": step.template.label,
                "checksum": step.template.checksum,
                "parameters": step.rendered.parameters,
                "statements": step.rendered.statements,
            }
            for step in steps
        ]
        emit_json({"database": dialect, "pending": files})
    elif steps:
        say(script(steps).rstrip("\n"))
        note(f"{len(steps)} {_title(dialect)} migrations pending; nothing was changed")
    else:
        say(f"✓ {_title(dialect)} is already up to date")


def _show_status(standing: Standing, dialect: str, options: _Options) -> int:
    problem: LuminoraError | None = None
    try:
        standing.require_sound()
    except LuminoraError as error:
        problem = error
    rows = [_row(line.label, line.state.value, line.entry) for line in standing.lines]
    if options.as_json:
        emit_json(
            {
                "database": dialect,
                "current": standing.sound and not standing.pending,
                "migrations": [
                    dict(zip(("file", "state", "applied_at", "by"), row, strict=True))
                    for row in rows
                ],
                "warnings": standing.warnings,
                "problem": problem and problem.message,
            }
        )
    elif rows:
        table(("Migration", "State", "Applied", "By"), rows)
        _warn(standing.warnings)
    else:
        say(f"✓ {_title(dialect)} needs no migrations")
    if problem is not None:
        raise problem
    if standing.pending:
        note(f"{len(standing.pending)} pending: luminora migrate")
        return _PENDING
    return 0


def _row(label: str, state: str, entry: LedgerEntry | None) -> tuple[str, str, str, str]:
    when = entry.finished_at if entry else None
    shown = f"{when:%Y-%m-%d %H:%M:%S} UTC" if when else ""
    return label, state, shown, f"luminora {entry.tool_version}" if entry else ""


def _title(dialect: str) -> str:
    return {**_NAMES, **_WITHOUT}.get(dialect, dialect)


def _report(outcome: Outcome, what: str, options: _Options) -> None:
    if options.as_json:
        emit_json({options.action: outcome.done, "warnings": outcome.warnings})
        return
    for label in outcome.done:
        say(f"  ✓ {label} {what}")
    _warn(outcome.warnings)


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        note(f"⚠ {warning}")
