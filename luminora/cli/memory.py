"""``luminora history``: what was said last, and how facts are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from luminora.cli._companion import (
    Who,
    emit_about,
    in_session,
    printable,
    quoted,
    value_text,
    when,
    who_options,
)
from luminora.cli.output import (
    config_options,
    json_option,
    note,
    run_async,
    say,
    table,
)

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.memory.models import (
        Fact,
        Message,
    )


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
        in_session(
            config, who, lambda client, session: client.get_history(session.session_id, limit)
        )
    )
    if as_json:
        emit_about(session, messages=found)
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


def show_history(found: Sequence[Message]) -> None:
    """Print messages, one paragraph each."""
    if not found:
        note("nothing was said yet")
    for message in found:
        speaker = printable(message.speaker or message.role)
        say(f"{when(message.timestamp)}  {speaker}: {printable(message.content)}")
