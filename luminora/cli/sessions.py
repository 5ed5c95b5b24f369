"""``luminora sessions``: conversations, to look at and to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from luminora.cli._ask import loss_options, typed
from luminora.cli._companion import (
    Who,
    opened,
    plain,
    printable,
    quoted,
    told_counts,
    when,
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
    table,
)
from luminora.errors import InputError

if TYPE_CHECKING:
    from luminora.client import LuminoraCoreClient
    from luminora.config import Config
    from luminora.memory.models import AffinityInfo, Message, MoodInfo, Session

_LAST = 6
"""Messages that ``show`` ends with."""


@dataclass(frozen=True, slots=True)
class _Portrait:
    """A conversation and how it stands."""

    session: Session
    messages: int
    last: Sequence[Message]
    affinity: AffinityInfo
    mood: MoodInfo


@click.group(cls=Group, invoke_without_command=True)
@click.option("--user", metavar="NAME", help="Whose; your login name if left out.")
@click.option("--all-users", is_flag=True, help="Those of everybody, for operators.")
@click.option("--personality", metavar="NAME", help="Only those with this companion.")
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="Show the N latest active.",
)
@config_options
@json_option
@click.pass_context
def sessions(
    ctx: click.Context,
    config: Config,
    user: str | None,
    personality: str | None,
    limit: int,
    *,
    all_users: bool,
    as_json: bool,
) -> None:
    """List a user's conversations, the latest active first.

    Examples: luminora sessions --user diego · luminora sessions --all-users --limit 100 · luminora
    sessions show ID
    """
    if ctx.invoked_subcommand is not None:
        from luminora.cli._companion import only_behind

        only_behind(ctx)
        return
    if all_users and user is not None:
        raise click.UsageError("--user and --all-users exclude each other")
    found = run_async(_listed(config, Who(user, personality), limit, all_users=all_users))
    if as_json:
        emit_json({"sessions": [_brief(session) for session in found]})
    elif not found:
        note("no conversation yet: luminora chat begins one")
    else:
        table(
            ["session", "user", "with", "begun", "last active"],
            [
                [
                    printable(one.session_id),
                    printable(one.user_id),
                    one.personality_name,
                    when(one.created_at),
                    when(one.last_activity),
                ]
                for one in found
            ],
        )


@sessions.command()
@click.argument("session", metavar="ID")
@click.option("--user", metavar="NAME", help="Refuse it if it is another user's.")
@config_options
@json_option
def show(config: Config, session: str, user: str | None, *, as_json: bool) -> None:
    """Show a conversation: whose, how long, how the two stand, and its last words.

    Example: luminora sessions show ID --json
    """
    found = run_async(_portrait(config, session, user))
    if as_json:
        emit_json(
            {
                **_brief(found.session),
                "messages": found.messages,
                "affinity": plain(found.affinity),
                "mood": plain(found.mood),
                "last": plain(found.last),
            }
        )
        return
    one = found.session
    rows = [
        ("session", printable(one.session_id)),
        ("user", printable(one.user_id)),
        ("with", one.personality_name),
        ("begun", when(one.created_at)),
        ("last active", when(one.last_activity)),
        ("messages", f"{found.messages:,}"),
        ("affinity", f"{found.affinity.points} of 100, {found.affinity.level.replace('_', ' ')}"),
        ("mood", f"{found.mood.name} ({found.mood.intensity:.0%})"),
    ]
    for name, value in rows:
        say(f"{name:<12} {value}")
    for message in found.last:
        say(f"  {printable(message.speaker or message.role)}: {quoted(message.content, 100)}")


@sessions.command()
@click.argument("session", metavar="ID")
@click.option("--user", metavar="NAME", help="Refuse it if it is another user's.")
@loss_options
@config_options
@json_option
def delete(
    config: Config, session: str, user: str | None, *, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Delete a conversation for good, and what it alone told of.

    Its messages go with their vectors, its episodes and mood, and facts told nowhere else. How
    close the two are stays: that is between the user and the companion.

    Examples: luminora sessions delete ID --dry-run · luminora sessions delete ID --yes
    """
    found, counts = run_async(_counted(config, session, user))
    if not dry_run:
        lost = [f"About to delete for good, of '{printable(found.user_id)}':", told_counts(counts)]
        typed(found.session_id, lost, yes=yes)
        counts = run_async(_deleted(config, found))
    what = "would_delete" if dry_run else "deleted"
    if as_json:
        emit_json({**whose(found), what: counts})
    else:
        say(f"{what.replace('_', ' ')}, of '{printable(found.user_id)}':")
        say(told_counts(counts))


async def _listed(config: Config, who: Who, limit: int, *, all_users: bool) -> list[Session]:
    async with opened(config) as (client, _):
        if all_users:
            return await client.list_all_sessions(personality=who.slug, limit=limit)
        return await client.list_sessions(who.user_id, personality=who.slug, limit=limit)


async def _portrait(config: Config, session_id: str, user: str | None) -> _Portrait:
    async with opened(config) as (client, _):
        session = await _own(client, session_id, user)
        return _Portrait(
            session,
            await client.storage.count("messages", session.user_id, {"session_id": session_id}),
            await client.get_history(session_id, _LAST),
            await client.get_affinity(session_id),
            await client.get_mood(session_id),
        )


async def _counted(
    config: Config, session_id: str, user: str | None
) -> tuple[Session, dict[str, int]]:
    async with opened(config) as (client, _):
        session = await _own(client, session_id, user)
        return session, await client.forget_session(session_id, dry_run=True)


async def _deleted(config: Config, session: Session) -> dict[str, int]:
    async with opened(config) as (client, _):
        return await client.forget_session(session.session_id)


async def _own(client: LuminoraCoreClient, session_id: str, user: str | None) -> Session:
    """The session, if it is that user's.

    Raises:
        InputError: It is not.
    """
    session = await client.get_session(session_id)
    if user is not None and user != session.user_id:
        raise InputError(
            f"the session '{session_id:.80}' is not '{user:.80}'s",
            hint=f"luminora sessions --user {user:.80}",
        )
    return session


def _brief(session: Session) -> dict[str, Any]:
    return {
        **whose(session),
        "created_at": session.created_at.isoformat(),
        "last_activity": session.last_activity.isoformat(),
        "speakers": list(session.speakers),
    }
