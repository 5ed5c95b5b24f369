"""``luminora affinity``, ``mood``, ``episodes``, ``history``: what is remembered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from luminora.cli._companion import (
    Who,
    known_session,
    opened,
    plain,
    printable,
    quoted,
    value_text,
    when,
    who_options,
)
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
    from luminora.client import LuminoraCoreClient
    from luminora.config import Config
    from luminora.memory.models import (
        AffinityEvent,
        AffinityInfo,
        Episode,
        Fact,
        Message,
        MoodInfo,
        Session,
    )

_T = TypeVar("_T")
_Look = Callable[["LuminoraCoreClient", "Session"], Awaitable[_T]]


@click.command()
@who_options
@click.option("--events", "most", metavar="N", default=10, show_default=True, help="Last changes.")
@config_options
@json_option
def affinity(config: Config, who: Who, most: int, *, as_json: bool) -> None:
    """Show how close a user and a companion are, and what made it so.

    Example: luminora affinity --user diego --personality sakura
    """

    async def look(
        client: LuminoraCoreClient, session: Session
    ) -> tuple[AffinityInfo, list[AffinityEvent]]:
        info = await client.get_affinity(session.session_id)
        return info, await client.get_affinity_events(session.session_id, max(most, 0))

    session, (info, events) = run_async(_look(config, who, look))
    if as_json:
        _emit(session, affinity=info, events=events)
    else:
        show_affinity(info)
        show_events(events)


@click.command()
@who_options
@config_options
@json_option
def mood(config: Config, who: Who, *, as_json: bool) -> None:
    """Show a companion's mood in a conversation.

    Example: luminora mood --user diego
    """
    session, found = run_async(
        _look(config, who, lambda client, session: client.get_mood(session.session_id))
    )
    if as_json:
        _emit(session, mood=found)
    else:
        show_mood(found)


@click.command()
@who_options
@click.option(
    "--min-importance",
    metavar="N",
    type=click.FloatRange(0, 10),
    default=0.0,
    help="Only those of at least this importance, 0 to 10.",
)
@config_options
@json_option
def episodes(config: Config, who: Who, min_importance: float, *, as_json: bool) -> None:
    """Show the moments that are remembered as a whole.

    Example: luminora episodes --user diego --min-importance 7
    """
    session, found = run_async(
        _look(
            config,
            who,
            lambda client, session: client.get_episodes(session.session_id, min_importance),
        )
    )
    if as_json:
        _emit(session, episodes=found)
    else:
        show_episodes(found)


@click.command()
@who_options
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="Show the last N messages.",
)
@config_options
@json_option
def history(config: Config, who: Who, limit: int, *, as_json: bool) -> None:
    """Show the last messages of a conversation, oldest first.

    Example: luminora history --user diego --limit 10
    """
    session, found = run_async(
        _look(config, who, lambda client, session: client.get_history(session.session_id, limit))
    )
    if as_json:
        _emit(session, messages=found)
    else:
        show_history(found)


def show_facts(found: Sequence[Fact]) -> None:
    """Print facts as a table."""
    if not found:
        note("nothing is known yet")
        return
    table(
        ["about", "value", "sure", "said", "from"],
        [
            [
                f"{fact.category}.{fact.key}",
                value_text(fact.value),
                f"{fact.confidence:.0%}",
                f"{fact.mention_count} times" if fact.mention_count > 1 else "once",
                quoted(fact.context, 60) if fact.context else "",
            ]
            for fact in found
        ],
    )


def show_affinity(info: AffinityInfo) -> None:
    """Print how close two are."""
    say(f"{info.personality_name}: {info.level.replace('_', ' ')}, {info.points} of 100 points")
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


def show_mood(found: MoodInfo) -> None:
    """Print a mood."""
    since = f" since {when(found.since)}" if found.since else ""
    say(f"{found.name} ({found.intensity:.0%}){since}")


def show_episodes(found: Sequence[Episode]) -> None:
    """Print episodes, each with its summary."""
    if not found:
        note("no episode yet")
    for episode in found:
        say(f"{when(episode.timestamp)}  {episode.importance:.1f}  {printable(episode.title)}")
        say(f"    {' '.join(printable(episode.summary).split())}")


def show_history(found: Sequence[Message]) -> None:
    """Print messages, one paragraph each."""
    if not found:
        note("nothing was said yet")
    for message in found:
        speaker = printable(message.speaker or message.role)
        say(f"{when(message.timestamp)}  {speaker}: {printable(message.content)}")


async def _look(config: Config, who: Who, look: _Look[_T]) -> tuple[Session, _T]:
    async with opened(config) as (client, _):
        session = await known_session(client, who)
        return session, await look(client, session)


def _emit(session: Session, **found: Any) -> None:
    emit_json({**whose(session), **plain(found)})


def whose(session: Session) -> Mapping[str, str]:
    """What every JSON document about a session begins with."""
    return {
        "user_id": session.user_id,
        "personality": session.personality_name,
        "session_id": session.session_id,
    }
