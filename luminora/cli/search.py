"""``luminora search``: what was said that answers to a question, and why it was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from luminora.cli._companion import (
    Who,
    in_session,
    plain,
    printable,
    quoted,
    when,
    who_options,
    whose,
)
from luminora.cli.output import config_options, emit_json, json_option, note, run_async, say

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.memory.models import MemorySearchResult


@click.command()
@click.argument("query")
@who_options
@click.option(
    "--top-k", metavar="N", default=10, show_default=True, help="At most this many messages."
)
@config_options
@json_option
def search(config: Config, query: str, who: Who, top_k: int, *, as_json: bool) -> None:
    """Search a user's messages by words and by meaning.

    Example: luminora search "viaje a la montaña" --user diego
    """
    session, found = run_async(
        in_session(
            config, who, lambda client, one: client.search_memories(one.session_id, query, top_k)
        )
    )
    if as_json:
        emit_json({**whose(session), "query": query, "results": plain(found)})
        return
    if not found:
        note(f"nothing that {session.user_id} and their companions said answers to that")
    show_results(found)


def show_results(found: Sequence[MemorySearchResult]) -> None:
    """Print what a search found: score, date, speaker, words, reasons."""
    for result in found:
        speaker = printable(result.speaker or result.role)
        say(f"{result.score:5.3f}  {when(result.timestamp)}  {speaker}: {quoted(result.content)}")
        say(f"       {reasons(result.reasons)}")


def reasons(found: Mapping[str, float]) -> str:
    """Why a message was found, in one line: what speaks for it, the neutral left out."""
    neutral = {"boost": 1.0}
    telling = {name: value for name, value in found.items() if value != neutral.get(name, 0.0)}
    return ", ".join(f"{name} {value:.2f}" for name, value in telling.items())
