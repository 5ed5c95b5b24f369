"""``luminora jobs`` and ``worker``: background work, to look at, to mend and to do."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from luminora.cli._ask import agreed, loss_options
from luminora.cli._companion import opened, plain, printable, when
from luminora.cli.output import (
    config_options,
    emit_json,
    json_option,
    note,
    run_async,
    say,
    table,
)

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.memory.models import Job
    from luminora.memory.worker import Worked

_ERROR_WIDTH = 60
_MANY = 100_000


@click.command()
@click.option("--status", type=click.Choice(["ready", "leased", "dead"]), help="Only these.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    metavar="N",
    help="Show at most N.",
)
@click.option("--retry", metavar="ID", multiple=True, help="Try a dead job again; may be repeated.")
@click.option("--retry-all", is_flag=True, help="Try all dead jobs again.")
@click.option("--discard", metavar="ID", multiple=True, help="Delete a job without doing it.")
@loss_options
@config_options
@json_option
def jobs(
    config: Config,
    *,
    status: str | None,
    limit: int,
    retry: Sequence[str],
    retry_all: bool,
    discard: Sequence[str],
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Show background work that is not done yet, or mend it.

    A job is ready until a worker leases it; one that failed five times is dead, and says why.

    Examples: luminora jobs --status dead · luminora jobs --retry-all · luminora jobs --discard ID
    --yes
    """
    if sum(map(bool, (retry, retry_all, discard))) > 1:
        raise click.UsageError("--retry, --retry-all and --discard exclude each other")
    if dry_run and not discard:
        raise click.UsageError("--dry-run goes with --discard")
    if dry_run:
        _would(run_async(_known(config, discard)), as_json=as_json)
    elif retry or retry_all:
        count = run_async(_retry(config, None if retry_all else retry))
        _done("retried", count, "will be tried again", as_json=as_json)
    elif discard:
        agreed(f"Delete {_jobs(len(discard))} without doing them?", yes=yes)
        _done("discarded", run_async(_discard(config, discard)), "deleted", as_json=as_json)
    else:
        counts, found = run_async(_look(config, status, limit))
        if as_json:
            emit_json({"counts": counts, "jobs": [plain(job) for job in found]})
        else:
            _show(counts, found)


@click.command()
@click.option("--once", is_flag=True, help="Do what is due now, then stop.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    metavar="N",
    help="Jobs under way at once.",
)
@config_options
@json_option
def worker(config: Config, *, once: bool, concurrency: int, as_json: bool) -> None:
    """Do background work: learn from what was said, index what still waits for it.

    Start as many as you like, on as many machines as you like, against the same database: each
    job is done by one of them. SIGTERM or Ctrl-C lets a worker finish what it is at.

    Example: luminora worker --concurrency 20
    """
    worked = run_async(_work(config, concurrency, once=once))
    if as_json:
        emit_json({"jobs": worked.jobs, "indexed": worked.indexed, "failures": worked.failures})
    else:
        say(f"{_jobs(worked.jobs)} done, {worked.indexed:,} messages indexed")


async def _look(config: Config, status: str | None, limit: int) -> tuple[dict[str, int], list[Job]]:
    async with opened(config) as (client, _):
        return await client.count_jobs(), await client.get_jobs(status, limit)


async def _retry(config: Config, ids: Sequence[str] | None) -> int:
    async with opened(config) as (client, _):
        return await client.retry_jobs(ids)


async def _discard(config: Config, ids: Sequence[str]) -> int:
    async with opened(config) as (client, _):
        return await client.discard_jobs(ids)


async def _known(config: Config, ids: Sequence[str]) -> list[Job]:
    async with opened(config) as (client, _):
        return [job for job in await client.get_jobs(None, _MANY) if job.id in ids]


async def _work(config: Config, concurrency: int, *, once: bool) -> Worked:
    import asyncio

    stop = asyncio.Event()
    async with opened(config) as (client, stack):
        if once:
            return await client.work(concurrency=concurrency)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        note(f"worker on {stack.storage.name}: waiting for jobs, Ctrl-C ends it")
        return await client.work(stop, concurrency=concurrency)


def _show(counts: dict[str, int], found: Sequence[Job]) -> None:
    if found:
        table(
            ("Job", "User", "Kind", "Status", "Tries", "Due", "Last error"),
            [
                (
                    job.id,
                    job.user_id,
                    job.kind,
                    job.status,
                    job.attempts,
                    when(job.run_at),
                    _first_line(job.last_error),
                )
                for job in found
            ],
        )
    note(", ".join(f"{count:,} {status}" for status, count in counts.items()))
    if counts["dead"]:
        note("dead jobs come again with: luminora jobs --retry-all")


def _would(found: Sequence[Job], *, as_json: bool) -> None:
    if as_json:
        emit_json({"would_discard": [plain(job) for job in found]})
        return
    for job in found:
        say(f"would delete: {job.id}, {job.kind} of '{printable(job.user_id)}', {job.status}")
    if not found:
        say("no such job")


def _first_line(text: str | None) -> str:
    line = (text or "").partition("\n")[0]
    return line if len(line) <= _ERROR_WIDTH else f"{line[:_ERROR_WIDTH]}…"


def _done(what: str, count: int, told: str, *, as_json: bool) -> None:
    if as_json:
        emit_json({what: count})
    else:
        say(f"{_jobs(count)} {told}" if count else "no such job")


def _jobs(count: int) -> str:
    return f"{count:,} {'job' if count == 1 else 'jobs'}"
