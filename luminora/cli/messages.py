"""``luminora messages``: single messages, to look at and to mend."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from luminora.cli._ask import loss_options
from luminora.cli._companion import (
    Who,
    in_session,
    known_session,
    only_behind,
    opened,
    plain,
    printable,
    quoted,
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
    table,
)
from luminora.cli.sources import show_source, take_back

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.memory.models import Message

_WIDTH = 60


def _moment(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """A date, or a date and a time, in ISO 8601; without a zone it is this machine's."""
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value).astimezone()
    except (ValueError, OverflowError):
        text = f"'{value}' is no moment: write 2026-03-31 or 2026-03-31T18:00"
        raise click.BadParameter(text, ctx, param) from None


@click.group(cls=Group, invoke_without_command=True)
@who_options
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="Show the last N.",
)
@click.option("--before", metavar="TIME", callback=_moment, help="Only those said before it.")
@config_options
@json_option
@click.pass_context
def messages(
    ctx: click.Context,
    config: Config,
    who: Who,
    limit: int,
    before: datetime | None,
    *,
    as_json: bool,
) -> None:
    """List a user's last messages with their ids, oldest first.

    Without --session those of all conversations. 'luminora history' shows whole texts.

    Examples: luminora messages --user diego · luminora messages --user diego --before 2026-03-31
    --limit 100 · luminora messages show ID --user diego
    """
    if ctx.invoked_subcommand is not None:
        only_behind(ctx)
        return
    user, found = run_async(_listed(config, who, limit, before))
    if as_json:
        emit_json({"user_id": user, "messages": plain(found)})
    elif not found:
        note(f"nothing was said by or to '{printable(user)}' yet")
    else:
        table(
            ["id", "when", "who", "said"],
            [
                [
                    printable(one.id),
                    when(one.timestamp),
                    printable(one.speaker or one.role),
                    quoted(one.content, _WIDTH),
                ]
                for one in found
            ],
        )


@messages.command()
@click.argument("message", metavar="ID")
@who_options
@config_options
@json_option
def show(config: Config, who: Who, message: str, *, as_json: bool) -> None:
    """Show a message whole, and what was learned from it.

    Example: luminora messages show ID --user diego
    """
    session, source = run_async(
        in_session(config, who, lambda client, one: client.get_source(one.session_id, message))
    )
    if as_json:
        emit_json({**whose(session), "message": plain(source)})
        return
    show_source(source)
    say()
    say(printable(source.content))


@messages.command()
@click.argument("message", metavar="ID")
@loss_options
@who_options
@config_options
@json_option
def delete(
    config: Config, who: Who, message: str, *, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Empty a message and its answer, and take back what was learned from it.

    The two stay as empty rows, so that importing the conversation again does not bring them back.
    'luminora memory revoke' is the same.

    Examples: luminora messages delete ID --user diego --dry-run · luminora messages delete ID
    --user diego --yes
    """
    take_back(config, who, message, yes=yes, dry_run=dry_run, as_json=as_json)


@messages.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@who_options
@config_options
@json_option
def reindex(config: Config, who: Who, ids: Sequence[str], *, as_json: bool) -> None:
    """Put messages into the index by meaning once more.

    For when a search does not find what was said. All of a conversation's messages that were
    never indexed: luminora reindex.

    Example: luminora messages reindex ID --user diego
    """
    session, count = run_async(
        in_session(config, who, lambda client, one: client.reindex_messages(one.session_id, ids))
    )
    if as_json:
        emit_json({**whose(session), "indexed": count})
    else:
        say(f"{count:,} {'message' if count == 1 else 'messages'} indexed")


async def _listed(
    config: Config, who: Who, limit: int, before: datetime | None
) -> tuple[str, list[Message]]:
    async with opened(config) as (client, _):
        session_id, user = None, who.user_id
        if who.session_id is not None or who.personality is not None:
            session = await known_session(client, who)
            session_id, user = session.session_id, session.user_id
        return user, await client.list_messages(
            user, session_id=session_id, before=before, limit=limit
        )
