"""``luminora classify``: say of messages what they are about and how much they matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from luminora.cli._companion import Who, in_session, plain, who_options, whose
from luminora.cli.output import config_options, emit_json, json_option, run_async, say

if TYPE_CHECKING:
    from luminora.config import Config


@click.command()
@who_options
@config_options
@json_option
def classify(config: Config, who: Who, *, as_json: bool) -> None:
    """Classify the messages of a conversation that have no classification, imported ones above all.

    Example: luminora classify --user diego
    """
    session, done = run_async(
        in_session(config, who, lambda client, one: client.classify(one.session_id))
    )
    if as_json:
        emit_json({**whose(session), **plain(done)})
        return
    say(f"{_messages(done.classified)} classified, {done.cached:,} from the cache")
    if done.skipped:
        say(f"{_messages(done.skipped)} without a usable answer: run the same again to try those")


def _messages(count: int) -> str:
    return f"{count:,} {'message' if count == 1 else 'messages'}"
