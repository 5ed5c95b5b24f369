"""``luminora facts``: what is known of a user: show it, note it, mend it, strike it out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from luminora.cli._ask import agreed, loss_options
from luminora.cli._companion import (
    Who,
    in_session,
    only_behind,
    plain,
    printable,
    value_text,
    when,
    who_options,
    whose,
)
from luminora.cli.memory import show_facts
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
    from collections.abc import Sequence

    from luminora.client import LuminoraCoreClient
    from luminora.config import Config
    from luminora.memory.models import Fact, FactVersion, Session


@click.group(cls=Group, invoke_without_command=True)
@who_options
@click.option("--category", metavar="NAME", help="Only these, for example personal_info.")
@click.option("--history", is_flag=True, help="Show what was known before, and why it changed.")
@config_options
@json_option
@click.pass_context
def facts(
    ctx: click.Context,
    config: Config,
    who: Who,
    category: str | None,
    *,
    history: bool,
    as_json: bool,
) -> None:
    """Show what is known about a user, how surely, and from which words.

    Examples: luminora facts --user diego · luminora facts --user diego --history
    """
    if ctx.invoked_subcommand is not None:
        only_behind(ctx)
        return
    if history:
        session, past = run_async(
            in_session(config, who, lambda client, one: client.get_fact_history(one.session_id))
        )
        past = [row for row in past if category in {None, row.category}]
        if as_json:
            emit_json({**whose(session), "history": plain(past)})
        else:
            show_history(past)
        return
    session, found = run_async(
        in_session(config, who, lambda client, one: client.get_facts(one.session_id, category))
    )
    if as_json:
        emit_json({**whose(session), "facts": plain(found)})
    else:
        show_facts(found)


@facts.command()
@click.argument("name", metavar="CATEGORY.KEY")
@click.argument("value")
@click.option(
    "--confidence",
    metavar="SHARE",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="How sure it is, from 0 to 1.",
)
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag; may be repeated.")
@click.option("--context", metavar="TEXT", help="Where you have it from.")
@who_options
@config_options
@json_option
def add(
    config: Config,
    who: Who,
    name: str,
    value: str,
    confidence: float,
    tags: Sequence[str],
    context: str | None,
    *,
    as_json: bool,
) -> None:
    """Note a fact. VALUE is text, or JSON: 28, true, '{"city": "Lima"}', '"28"'.

    Example: luminora facts add personal_info.name Diego --user diego
    """
    category, dot, key = name.partition(".")
    if not dot:
        raise click.BadParameter(f"'{name}' is not CATEGORY.KEY", param_hint="CATEGORY.KEY")
    session, fact = run_async(
        in_session(
            config,
            who,
            lambda client, one: client.add_fact(
                one.session_id,
                category,
                key,
                _literal(value),
                confidence=confidence,
                tags=tags,
                context=context,
            ),
        )
    )
    _report(session, fact, "noted", as_json=as_json)


@facts.command()
@click.argument("fact", metavar="KEY|ID")
@click.argument("value")
@click.option("--was-true", is_flag=True, help="The old value held until now; it was no mistake.")
@who_options
@config_options
@json_option
def edit(
    config: Config,
    who: Who,
    fact: str,
    value: str,
    *,
    was_true: bool,
    as_json: bool,
) -> None:
    """Give a fact another value; the old one moves to the history.

    Example: luminora facts edit location Sevilla --was-true --user diego
    """
    session, found = run_async(
        in_session(
            config,
            who,
            lambda client, one: client.edit_fact(
                one.session_id,
                fact,
                _literal(value),
                reason="superseded" if was_true else "corrected",
            ),
        )
    )
    _report(session, found, "changed", as_json=as_json)


@facts.command()
@click.argument("fact", metavar="KEY|ID")
@click.option("--erase", is_flag=True, help="Delete it and its history for good.")
@loss_options
@who_options
@config_options
@json_option
def delete(
    config: Config,
    who: Who,
    fact: str,
    *,
    erase: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take a fact back; it moves to the history unless --erase is given.

    Examples: luminora facts delete address --user diego · luminora facts delete address --user
    diego --erase --dry-run
    """
    if dry_run:
        session, found = run_async(
            in_session(config, who, lambda client, one: _named(client, one, fact))
        )
        _report(session, found, "would erase" if erase else "would take back", as_json=as_json)
        return
    if erase:
        agreed(f"Delete '{printable(fact)}' and its history for good?", yes=yes)
    session, found = run_async(
        in_session(
            config,
            who,
            lambda client, one: client.delete_fact(one.session_id, fact, erase=erase),
        )
    )
    _report(session, found, "erased" if erase else "taken back", as_json=as_json)


async def _named(client: LuminoraCoreClient, session: Session, fact: str) -> Fact:
    """The active fact of that id or key."""
    found = await client.get_facts(session.session_id)
    for one in found:
        if fact in {one.id, one.key}:
            return one
    raise InputError(
        f"there is no fact {fact!r:.80} of '{session.user_id:.80}'",
        hint="luminora facts lists them",
    )


def show_history(past: Sequence[FactVersion]) -> None:
    """Print what was known before as a table."""
    if not past:
        note("nothing has changed yet")
        return
    table(
        ["about", "value", "from", "until", "why"],
        [
            [
                f"{row.category}.{row.key}",
                value_text(row.value),
                when(row.valid_from),
                when(row.valid_to),
                row.reason,
            ]
            for row in past
        ],
    )


def _literal(text: str) -> Any:
    """JSON where it is a number, a truth or an object, or text in quotes; else the text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if value is None or isinstance(value, list) else value


def _report(session: Session, fact: Fact, done: str, *, as_json: bool) -> None:
    if as_json:
        emit_json({**whose(session), done.replace(" ", "_"): plain(fact)})
    else:
        say(f"{done}: {fact.category}.{fact.key} = {value_text(fact.value)}")
