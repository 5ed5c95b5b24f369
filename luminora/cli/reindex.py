"""``luminora reindex``: finish what could not be indexed when it was said."""

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
    count = run_async(_reindex(config))
    if as_json:
        emit_json({"indexed": count})
    else:
        say(f"{count} messages indexed" if count else "nothing was waiting to be indexed")


async def _reindex(config: Config) -> int:
    async with opened(config) as (client, _):
        return await client.reindex()
