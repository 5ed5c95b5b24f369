"""``luminora reindex`` and ``reembed``: finish the index, or build it with another model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from luminora.cli._companion import opened
from luminora.cli.output import config_options, emit_json, json_option, progress, run_async, say

if TYPE_CHECKING:
    from luminora.config import Config


@click.command()
@config_options
@json_option
def reindex(config: Config, *, as_json: bool) -> None:
    """Index the messages of all users that are still waiting for it.

    Messages wait when the embedding provider or the vector store was down as they were said;
    until then a search finds them by their words, not by their meaning.

    Example: luminora reindex
    """
    _told(run_async(_reindex(config)), as_json=as_json)


@click.command()
@click.option("--drop-old", is_flag=True, help="Then delete the indexes of earlier models.")
@config_options
@json_option
def reembed(config: Config, *, drop_old: bool, as_json: bool) -> None:
    """Build the vector index with the embedding model that is configured now.

    It is built beside the old one; search goes on meanwhile, and what is said meanwhile is taken
    in too. When it is complete it takes the old one's place in one step. If it is interrupted, run
    it again: it goes on where it stopped. The old index stays, so that going back to the old model
    is cheap, until --drop-old.

    Example: luminora reembed --drop-old
    """
    count = run_async(_reembed(config, drop_old=drop_old, quiet=as_json))
    if as_json:
        emit_json({"indexed": count, "dropped_old": drop_old})
    elif count:
        say(f"✓ {_messages(count)} embedded; the new index is in use")
    else:
        say("✓ the index is that of the configured model already, and complete")


def _told(count: int, *, as_json: bool) -> None:
    if as_json:
        emit_json({"indexed": count})
    else:
        say(f"{_messages(count)} indexed" if count else "nothing was waiting to be indexed")


def _messages(count: int) -> str:
    return f"{count:,} {'message' if count == 1 else 'messages'}"


async def _reindex(config: Config) -> int:
    async with opened(config) as (client, _):
        return await client.reindex()


async def _reembed(config: Config, *, drop_old: bool, quiet: bool) -> int:
    from luminora.client import LuminoraCoreClient
    from luminora.stack import Stack

    client = LuminoraCoreClient(Stack.build(config))
    try:
        with progress("Embedding", "messages", quiet=quiet) as advance:
            return await client.reembed(advance, drop_old=drop_old)
    finally:
        await client.aclose()
