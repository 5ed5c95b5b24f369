"""``luminora affinity``, ``mood``: how two stand, and what made it so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from luminora.cli._companion import (
    Who,
    emit_about,
    in_session,
    only_behind,
    printable,
    when,
    who_options,
)
from luminora.cli.output import Group, config_options, json_option, note, run_async, say, table

if TYPE_CHECKING:
    from luminora.client import LuminoraCoreClient
    from luminora.config import Config
    from luminora.memory.models import AffinityEvent, AffinityInfo, MoodInfo, MoodSpan, Session


@click.group(cls=Group, invoke_without_command=True)
@who_options
@click.option(
    "--events",
    "most",
    metavar="N",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Show the last N changes.",
)
@click.option("--explain", is_flag=True, help="Show how each change came about, step by step.")
@config_options
@json_option
@click.pass_context
def affinity(
    ctx: click.Context, config: Config, who: Who, most: int, *, explain: bool, as_json: bool
) -> None:
    """Show how close a user and a companion are, and what made it so.

    Example: luminora affinity --user diego --personality sakura --explain
    """
    if ctx.invoked_subcommand is not None:
        only_behind(ctx)
        return

    async def look(
        client: LuminoraCoreClient, session: Session
    ) -> tuple[AffinityInfo, list[AffinityEvent]]:
        info = await client.get_affinity(session.session_id)
        return info, await client.get_affinity_events(session.session_id, most) if most else []

    session, (info, events) = run_async(in_session(config, who, look))
    if as_json:
        emit_about(session, affinity=info, events=events)
        return
    show_affinity(info)
    if explain:
        show_accounts(events)
    else:
        show_events(events)


@affinity.command("set")
@click.argument("points", type=click.IntRange(0, 100))
@click.option("--reason", metavar="TEXT", help="Why, kept with the change.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@who_options
@config_options
@json_option
def set_(
    config: Config, who: Who, points: int, reason: str | None, *, dry_run: bool, as_json: bool
) -> None:
    """Set how close a user and a companion are, from 0 to 100 points.

    It stands in the list of changes, so it can be set back. Silence counts anew from now.

    Examples: luminora affinity set 40 --user diego --personality sakura --reason "was reset by
    mistake"
    """

    async def change(
        client: LuminoraCoreClient, session: Session
    ) -> tuple[AffinityInfo, AffinityInfo]:
        before = await client.get_affinity(session.session_id)
        if dry_run:
            return before, before
        return before, await client.set_affinity(session.session_id, points, reason)

    session, (before, after) = run_async(in_session(config, who, change))
    if as_json:
        emit_about(
            session, before=before, **({"would_set": points} if dry_run else {"after": after})
        )
    elif dry_run:
        say(f"would set {before.points} to {points} points")
    else:
        level = after.level.replace("_", " ")
        say(f"{session.personality_name}: {before.points} → {after.points} points, {level}")


@click.command()
@who_options
@click.option("--history", is_flag=True, help="Show the moods it went through too.")
@config_options
@json_option
def mood(config: Config, who: Who, *, history: bool, as_json: bool) -> None:
    """Show a companion's mood in a conversation.

    Example: luminora mood --user diego --history
    """

    async def look(client: LuminoraCoreClient, session: Session) -> tuple[MoodInfo, list[MoodSpan]]:
        found = await client.get_mood(session.session_id)
        return found, await client.get_mood_history(session.session_id) if history else []

    session, (found, spans) = run_async(in_session(config, who, look))
    if as_json:
        emit_about(session, mood=found, **({"history": spans} if history else {}))
        return
    show_mood(found)
    if history:
        show_moods(spans)


def show_affinity(info: AffinityInfo) -> None:
    """Print how close two are."""
    say(f"{info.personality_name}: {info.level.replace('_', ' ')}, {info.points} of 100 points")
    if info.faded:
        say(f"silence since {when(info.last_interaction)} has taken {info.faded} points")
    say(
        f"messages: {info.total_messages}, {info.positive_interactions} brought them closer, "
        f"{info.negative_interactions} apart"
    )


def show_events(events: Sequence[AffinityEvent]) -> None:
    """Print changes of affinity."""
    if not events:
        return
    say()
    table(
        ["when", "change", "points", "because of", "reason"],
        [
            [
                when(event.created_at),
                f"{event.points:+d}",
                event.points_after,
                event.event,
                printable(event.reason or ""),
            ]
            for event in events
        ],
    )


def show_accounts(events: Sequence[AffinityEvent]) -> None:
    """Print changes of affinity, each with the steps that led to it."""
    for event in events:
        say()
        level = event.level_after.replace("_", " ")
        say(
            f"{when(event.created_at)}  {event.event} {event.points:+d}, "
            f"which makes {event.points_after} ({level})"
        )
        if event.reason:
            say(f"    {printable(event.reason)}")
        for step in event.steps:
            say(f"    {step.points:+4d}  {printable(step.note)}")


def show_mood(found: MoodInfo) -> None:
    """Print a mood."""
    since = f" since {when(found.since)}" if found.since else ""
    say(f"{found.name} ({found.intensity:.0%}){since}")


def show_moods(spans: Sequence[MoodSpan]) -> None:
    """Print the moods of a conversation, oldest first."""
    if not spans:
        note("nothing has stirred it yet")
        return
    say()
    table(
        ["from", "until", "mood", "intensity"],
        [
            [when(span.since), when(span.until), span.name, f"{span.intensity:.0%}"]
            for span in spans
        ],
    )
