"""``luminora copy``: move everything from one stack to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from luminora.cli._companion import plain
from luminora.cli.output import (
    emit_json,
    json_option,
    loaded_config,
    note,
    progress,
    run_async,
    say,
    table,
)

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.moving import Report


@click.command()
@click.option("--from", "origin", required=True, metavar="FILE", help="The stack to copy.")
@click.option("--to", "target", required=True, metavar="FILE", help="The stack to copy it to.")
@json_option
def copy(origin: str, target: str, *, as_json: bool) -> None:
    """Copy everything that is remembered from one stack to any other.

    FILE is a luminora.json. Sessions, messages, facts, episodes, affinity, moods and jobs are
    copied; vectors too where both sides use the same embedding model, else they are made anew. The
    source is only read. At the end both sides are compared row by row. If it is interrupted, or
    the source has changed meanwhile, run it again: it copies what is missing or different.

    Example: luminora copy --from laptop.json --to server.json
    """
    source, destination = loaded_config(origin), loaded_config(target)
    report = run_async(_copy(source, destination, quiet=as_json))
    if as_json:
        emit_json(plain(report))
        return
    table(
        ("Collection", "Rows", "Written", "Checksum"),
        [
            (name, f"{tally.rows:,}", f"{tally.written:,}", tally.checksum[:16])
            for name, tally in report.collections.items()
        ],
    )
    note(f"{report.vectors:,} vectors copied, {report.embedded:,} made anew")
    say("✓ Both sides are equal")


async def _copy(source: Config, destination: Config, *, quiet: bool) -> Report:
    from luminora.client import LuminoraCoreClient
    from luminora.moving import Move
    from luminora.stack import Stack

    # both are built before either is opened: a mistake in one leaves the other alone
    origin = LuminoraCoreClient(Stack.build(source))
    target = LuminoraCoreClient(Stack.build(destination))
    try:
        with progress("Copying", "rows", quiet=quiet) as advance:
            return await Move(origin, target).run(advance)
    finally:
        await target.aclose()
        await origin.aclose()
