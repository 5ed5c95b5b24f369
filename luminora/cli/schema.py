"""``luminora schema``: the schema of luminora.json, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click

from luminora.cli.output import note, say


@click.command()
@click.option("--output", metavar="FILE", help="Write it there instead of printing it.")
def schema(output: str | None) -> None:
    """Print the JSON Schema of luminora.json, composed from the installed plugins.

    In VS Code, put "$schema": "./luminora.schema.json" at the top of luminora.json.
    """
    from luminora import _state
    from luminora.plugins import Index
    from luminora.schema import compose

    text = json.dumps(compose(Index.load()), ensure_ascii=False, indent=2)
    if output is None:
        say(text)
        return
    _state.write_atomically(Path(output).absolute(), f"{text}\n", mode=0o644)
    note(f"written: {output}")
