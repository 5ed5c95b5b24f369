"""``luminora memory``: where memories came from, what looks planted, and taking it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from luminora.cli._ask import agreed, loss_options
from luminora.cli._companion import (
    Who,
    in_session,
    plain,
    printable,
    quoted,
    value_text,
    when,
    who_options,
)
from luminora.cli._run import Group
from luminora.cli.output import (
    config_options,
    emit_json,
    json_option,
    note,
    run_async,
    say,
)

if TYPE_CHECKING:
    from luminora.client import LuminoraCoreClient
    from luminora.config import Config
    from luminora.memory.models import Session
    from luminora.memory.revocation import Revocation, Source


@click.group(cls=Group)
def memory() -> None:
    """See where memories came from, and take back what was planted.

    Example: luminora memory list --suspicious --user diego
    """


@memory.command("list")
@click.option("--suspicious", is_flag=True, help="Messages that give the companion orders.")
@click.option("--from", "message_id", metavar="MESSAGE", help="What one message brought.")
@who_options
@config_options
@json_option
def list_(
    config: Config, who: Who, message_id: str | None, *, suspicious: bool, as_json: bool
) -> None:
    """Show messages and what was learned from them.

    Examples: luminora memory list --suspicious --user diego · luminora memory list --from ID
    """
    if suspicious == (message_id is not None):
        raise click.UsageError("give either --suspicious or --from MESSAGE")
    found = run_async(_look(config, who, message_id))
    if as_json:
        emit_json({"sources": plain(found)})
        return
    if not found:
        note("nothing gives the companion orders")
    for source in found:
        show_source(source)


@memory.command()
@click.argument("message_id", metavar="MESSAGE")
@loss_options
@who_options
@config_options
@json_option
def revoke(
    config: Config, who: Who, message_id: str, *, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Take back a message, its answer, and everything that was learned from it.

    Examples: luminora memory revoke ID --user diego --dry-run · luminora memory revoke ID --user
    diego --yes
    """
    take_back(config, who, message_id, yes=yes, dry_run=dry_run, as_json=as_json)


def take_back(
    config: Config, who: Who, message_id: str, *, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Revoke a message after showing what goes with it."""
    if dry_run:
        found = run_async(_look(config, who, message_id))
        if as_json:
            emit_json({"would_revoke": plain(found)})
        for source in [] if as_json else found:
            show_source(source)
        return
    agreed(f"Empty the message {printable(message_id)} and what was learned from it?", yes=yes)
    done = run_async(_revoke(config, who, message_id))
    if as_json:
        emit_json(plain(done))
        return
    if not done.message_ids:
        note("it was revoked before")
        return
    say(f"revoked, with its answer: {len(done.message_ids)} messages")
    for verb, names in (("restored", done.restored), ("removed", done.removed)):
        if names:
            say(f"{verb}: {printable(', '.join(names))}")
    say(f"episodes removed: {done.episodes}, affinity: {done.points:+d}")


async def _look(config: Config, who: Who, message_id: str | None) -> list[Source]:
    async def look(client: LuminoraCoreClient, session: Session) -> list[Source]:
        if message_id is None:
            return await client.get_suspicious(session.user_id)
        return [await client.get_source(session.session_id, message_id)]

    return (await in_session(config, who, look))[1]


async def _revoke(config: Config, who: Who, message_id: str) -> Revocation:
    _, done = await in_session(
        config, who, lambda client, one: client.revoke(one.session_id, message_id)
    )
    return done


def show_source(source: Source) -> None:
    """Print a message and what was learned from it."""
    how = f"  [{', '.join(source.techniques)}]" if source.techniques else ""
    who = printable(source.speaker or source.role)
    say(f"{source.message_id}  {when(source.timestamp)}  {who}, {source.origin}{how}")
    say(f"    {quoted(source.content)}")
    for fact in source.facts:
        say(f"    fact: {printable(f'{fact.category}.{fact.key}')} = {value_text(fact.value)}")
    for episode in source.episodes:
        say(f"    episode: {printable(episode.title)}")
    if source.points:
        say(f"    affinity: {source.points:+d}")
