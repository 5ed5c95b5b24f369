"""``luminora analytics``: what conversations add up to, in the terminal or as a page."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from luminora.cli._companion import Who, opened, plain
from luminora.cli.output import config_options, emit_json, json_option, note, run_async
from luminora.errors import InputError

if TYPE_CHECKING:
    from luminora.analytics import Report
    from luminora.config import Config


def _moment(text: str) -> date:
    """A day, or a moment in ISO 8601; without a time zone it is in UTC."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"'{text:.40}' is not a date such as 2026-11-20") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command()
@click.option("--user", metavar="NAME", help="Only this user's; all users' if left out.")
@click.option("--personality", metavar="NAME", help="Only with this companion, by name or path.")
@click.option("--since", metavar="DATE", type=_moment, help="From this day, or moment, on.")
@click.option("--until", metavar="DATE", type=_moment, help="Up to this day, itself included.")
@click.option(
    "--html", metavar="FILE", type=click.Path(path_type=Path), help="Write a page of charts there."
)
@click.option("--force", is_flag=True, help="Let --html replace a file.")
@config_options
@json_option
def analytics(
    config: Config,
    user: str | None,
    personality: str | None,
    since: date | None,
    until: date | None,
    html: Path | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Show what conversations add up to: messages, sentiment, moods, topics, affinity, cost.

    Days are UTC days. Everything is read from the storage; no model is asked.

    Examples:
      luminora analytics --user diego --since 2026-11-01
      luminora analytics --html report.html
    """
    _check_target(html, force=force)
    report = run_async(_report(config, Who(user, personality), since, until))
    if html is not None:
        _write(html, report)
    if as_json:
        emit_json(plain(report))
    elif html is None:
        from luminora.cli._figures import show

        show(report)


async def _report(config: Config, who: Who, since: date | None, until: date | None) -> Report:
    async with opened(config) as (client, _):
        if who.user is not None:
            return await client.analytics.user(
                who.user, since=since, until=until, personality=who.slug
            )
        if who.slug is not None:
            return await client.analytics.personality(who.slug, since=since, until=until)
        return await client.analytics.overall(since=since, until=until)


def _check_target(html: Path | None, *, force: bool) -> None:
    """Before anything is read: a page is not written over something else by mistake."""
    if html is None:
        return
    if html.is_dir():
        raise InputError(f"{html} is a folder", hint="name a file in it, such as report.html")
    if html.exists() and not force:
        raise InputError(f"{html} exists already", hint="choose another name, or add --force")


def _write(html: Path, report: Report) -> None:
    from luminora import _state
    from luminora.analytics.page import page

    try:
        # the page tells of people: it is the owner's alone, as the database is
        _state.write_atomically(html.absolute(), page(report), mode=0o600)
    except OSError as problem:
        raise InputError(
            f"{html} cannot be written: {problem.strerror or problem}",
            hint="choose a place you may write to",
        ) from problem
    note(f"written: {html}")
