"""``luminora reindex`` and ``reembed``: finish the index, or build it with another model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from luminora.cli._companion import opened
from luminora.cli.output import config_options, emit_json, json_option, run_async, say

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
    _told(run_async(_index(config, anew=False)), as_json=as_json)


@click.command()
@config_options
@json_option
def reembed(config: Config, *, as_json: bool) -> None:
    """Rebuild the vector index with the embedding model that is configured now.

    The old vectors are deleted; until all messages have new ones, a search finds the rest by
    their words. If it is interrupted, run it again: it goes on where it stopped.

    Example: luminora reembed
    """
    _told(run_async(_index(config, anew=True)), as_json=as_json)


def _told(count: int, *, as_json: bool) -> None:
    if as_json:
        emit_json({"indexed": count})
    else:
        say(f"{count} messages indexed" if count else "nothing was waiting to be indexed")


async def _index(config: Config, *, anew: bool) -> int:
    async with opened(config) as (client, _):
        return await (client.reembed() if anew else client.reindex())
