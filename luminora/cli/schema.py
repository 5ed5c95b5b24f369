"""``luminora schema``: the schema of luminora.json, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click

from luminora.cli.output import json_text, note, say


@click.command()
@click.option("--output", metavar="FILE", help="Write it there instead of printing it.")
def schema(output: str | None) -> None:
    """Print the JSON Schema of luminora.json, composed from the installed plugins.

    In VS Code, put "$schema": "./luminora.schema.json" at the top of luminora.json.

    Example: luminora schema --output luminora.schema.json
    """
    from luminora import _state
    from luminora.plugins import Index
    from luminora.schema import compose

    found = compose(Index.load())
    if output is None:
        say(json_text(found, indent=2))
        return
    text = json.dumps(found, ensure_ascii=False, indent=2)
    _state.write_atomically(Path(output).absolute(), f"{text}\n", mode=0o644)
    note(f"written: {output}")
