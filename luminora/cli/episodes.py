"""``luminora episodes``: the moments that are remembered as a whole, and what is left of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from luminora.cli._ask import agreed, loss_options
from luminora.cli._companion import (
    Who,
    in_session,
    only_behind,
    opened,
    plain,
    printable,
    when,
    who_options,
    whose,
)
from luminora.cli.output import (
    Group,
    config_options,
    emit_json,
    json_option,
    note,
    run_async,
    say,
)

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.memory.consolidation import Consolidated
    from luminora.memory.models import Episode


@click.group(cls=Group, invoke_without_command=True)
@who_options
@click.option(
    "--min-importance",
    metavar="N",
    type=click.FloatRange(0, 10),
    default=0.0,
    help="Only those of at least this importance, 0 to 10, when they were told.",
)
@click.option("--consolidate", is_flag=True, help="Sum up old small ones, one summary a month.")
@click.option("--ids", is_flag=True, help="Show their ids too, which 'delete' asks for.")
@config_options
@json_option
@click.pass_context
def episodes(
    ctx: click.Context,
    config: Config,
    who: Who,
    min_importance: float,
    *,
    consolidate: bool,
    ids: bool,
    as_json: bool,
) -> None:
    """Show the moments that are remembered as a whole, what matters most today first.

    Examples: luminora episodes --user diego --min-importance 7 · luminora episodes --user diego
    --ids
    """
    if ctx.invoked_subcommand is not None:
        only_behind(ctx)
        return
    if consolidate:
        _consolidated(who, run_async(_consolidate(config, who)), as_json=as_json)
        return
    session, found = run_async(
        in_session(
            config, who, lambda client, one: client.get_episodes(one.session_id, min_importance)
        )
    )
    if as_json:
        emit_json({**whose(session), "episodes": [_with_rest(one) for one in found]})
    else:
        show_episodes(found, ids=ids)


@episodes.command()
@click.argument("episode", metavar="ID")
@loss_options
@who_options
@config_options
@json_option
def delete(
    config: Config, who: Who, episode: str, *, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Delete an episode for good; the messages it was made of stay.

    Examples: luminora episodes delete ID --user diego --dry-run · luminora episodes delete ID
    --user diego --yes
    """
    session, found = run_async(
        in_session(config, who, lambda client, one: client.get_episode(one.session_id, episode))
    )
    if not dry_run:
        agreed(f"Delete “{printable(found.title)}” for good?", yes=yes)
        run_async(
            in_session(
                config, who, lambda client, one: client.delete_episode(one.session_id, found.id)
            )
        )
    if as_json:
        emit_json({**whose(session), "would_delete" if dry_run else "deleted": _with_rest(found)})
    else:
        say(f"{'would delete' if dry_run else 'deleted'}: {printable(found.title)}")


def show_episodes(found: Sequence[Episode], *, ids: bool = False) -> None:
    """Print episodes: what is left of their importance, type, date, title, tags, summary."""
    if not found:
        note("no episode yet")
    for one in found:
        if ids:
            say(one.id)
        faded = f"{one.effective_importance:.1f} of {one.importance:.1f}"
        say(f"{when(one.timestamp)}  {faded}  {printable(one.type)}  {printable(one.title)}")
        if one.tags:
            say(f"    # {printable(', '.join(one.tags))}")
        say(f"    {' '.join(printable(one.summary).split())}")


def _consolidated(who: Who, done: Consolidated, *, as_json: bool) -> None:
    if as_json:
        emit_json({"user_id": who.user_id, **plain(done)})
    elif not done.summaries:
        say(f"nothing of '{who.user_id}' is old and small enough to be summed up")
    else:
        into = "1 summary" if done.summaries == 1 else f"{done.summaries:,} summaries"
        say(f"{done.episodes:,} episodes of '{who.user_id}' became {into}")


def _with_rest(one: Episode) -> dict[str, Any]:
    return {**plain(one), "effective_importance": one.effective_importance}


async def _consolidate(config: Config, who: Who) -> Consolidated:
    async with opened(config) as (client, _):
        return await client.consolidate(who.user_id)
