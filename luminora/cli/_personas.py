"""``luminora personality blend``, ``import`` and ``export``: those that write files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luminora.cli._companion import Who, printable
from luminora.cli.output import config_options, emit_json, json_option, note, say
from luminora.errors import InputError

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.personality import Personality, PersonalityLibrary

_output = click.option("--output", metavar="FILE", help="Where to write it.")
_force = click.option("--force", is_flag=True, help="Replace the file if it exists.")


@click.command()
@click.argument("first")
@click.argument("second")
@click.option(
    "--weight",
    metavar="N",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Share of SECOND, 0 to 1.",
)
@click.option("--name", metavar="NAME", help="What the new one is called.")
@_output
@_force
@config_options
@json_option
def blend(
    config: Config,
    first: str,
    second: str,
    weight: float,
    name: str | None,
    output: str | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Blend two personalities into a third; without --output it is printed.

    Example: luminora personality blend sakura cassian --weight 0.3 --output personalities/mika.json
    """
    from luminora.personality import blend_personas

    one, two = loaded_persona(config, first), loaded_persona(config, second)
    document = blend_personas(one.document, two.document, weight, name=name)
    if output:
        write_persona(Path(output), persona_bytes(document), force=force)
        _report(document, Path(output), (), as_json=as_json)
    elif as_json:
        emit_json({"document": document})
    else:
        say(persona_bytes(document).decode().rstrip("\n"))


@click.command("import")
@click.argument("card")
@click.option("--name", metavar="NAME", help="What to call it, in place of the card's name.")
@click.option("--language", metavar="CODE", help="What the card is written in; en if left out.")
@_output
@_force
@config_options
@json_option
def import_(
    config: Config,
    card: str,
    name: str | None,
    language: str | None,
    output: str | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Make a personality of a Character Card V2 or V3: a JSON, PNG or CHARX file.

    Left out, --output is a file in the first folder of personality.paths, where chat finds it by
    name; without such a folder, in the current one.

    Example: luminora personality import mira.png
    """
    from luminora.personality import Personality, from_card, read_card
    from luminora.personality.cards import notes

    parsed = read_card(card)
    document = from_card(parsed, name=name, language=language, where=card)
    slug = Personality.from_document(document, where=card).slug
    path, called = (Path(output), output) if output else _home(config, slug)
    write_persona(path, persona_bytes(document), force=force)
    _report(document, path, notes(parsed), as_json=as_json)
    note(f"→ luminora chat --personality {called}")


@click.command()
@click.argument("name")
@click.option(
    "--format", "version", type=click.Choice(["v2", "v3"]), default="v3", show_default=True,
    help="The card's version.",
)  # fmt: skip
@click.option(
    "--png", is_flag=True, help="Write a PNG that carries the card, as for a name in .png."
)
@click.option("--picture", metavar="FILE", help="The PNG picture to use; a plain one if left out.")
@click.option("--output", metavar="FILE", required=True, help="Where to write it.")
@_force
@config_options
def export(
    config: Config,
    name: str,
    version: Any,
    picture: str | None,
    output: str,
    *,
    png: bool,
    force: bool,
) -> None:
    """Write a personality as a character card, for other applications and for import.

    Example: luminora personality export sakura --format v3 --png --output sakura.png
    """
    from luminora.personality import card_json, card_png, to_card

    png = png or output.lower().endswith(".png")
    if picture and not png:
        raise click.UsageError("--picture goes with --png")
    card = to_card(loaded_persona(config, name).document, version=version)
    data = card_png(card, _read(Path(picture)) if picture else None) if png else card_json(card)
    write_persona(Path(output), data, force=force)
    note(f"wrote {output}")


def persona_library(config: Config) -> PersonalityLibrary:
    """The personalities that the configuration makes available."""
    from luminora.personality import PersonalityLibrary

    return PersonalityLibrary.for_config(config)


def loaded_persona(config: Config, name: str) -> Personality:
    """The personality of a name, or in a file if it is a path."""
    wanted = Who(personality=name).persona
    library = persona_library(config)
    return library.load_file(wanted) if isinstance(wanted, Path) else library.load(name)


def _home(config: Config, slug: str) -> tuple[Path, str]:
    """Where an imported personality goes, and what ``chat --personality`` calls it there."""
    paths = config.document["personality"]["paths"]
    if not paths:
        path = Path(f"{slug}.json")
        return path, f"./{path}"
    return config.base_dir / str(paths[0]) / f"{slug}.json", slug


def persona_bytes(document: dict[str, Any]) -> bytes:
    """A persona's file.

    Raises:
        InputError: It would be too large to be read again.
    """
    from luminora.personality.reader import MAX_BYTES

    data = (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()
    if len(data) > MAX_BYTES:
        raise InputError(
            f"the persona would have {len(data):,} bytes, and {MAX_BYTES:,} is the most",
            where="output",
            hint="shorten the card's texts or its lorebook",
        )
    return data


def _read(path: Path) -> bytes:
    from luminora.personality.carriers import MAX_FILE_BYTES

    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"the picture cannot be read: {error.strerror}", where=str(path), hint="check the path"
        ) from error
    if len(data) > MAX_FILE_BYTES:
        raise InputError("the picture is too large", where=str(path), hint="make it smaller")
    return data


def write_persona(
    path: Path,
    data: bytes,
    *,
    force: bool,
    hint: str = "choose another --output, or replace a file with --force",
) -> None:
    """Write a file whole or not at all.

    Raises:
        InputError: There is one already and ``force`` is off, or it cannot be written.
    """
    from luminora._state import replacing

    if path.exists() and (not force or not path.is_file()):
        raise InputError(
            "there is something of that name already",
            where=str(path),
            hint=hint,
        )
    try:
        with replacing(path.absolute(), mode=0o644) as file:
            file.write(data)
    except OSError as error:
        raise InputError(
            f"the file cannot be written: {error.strerror}",
            where=str(path),
            hint="check the folder",
        ) from error


def _report(
    document: dict[str, Any], path: Path, remarks: tuple[str, ...], *, as_json: bool
) -> None:
    called = document["persona"]["name"]
    if as_json:
        emit_json({"name": path.stem, "called": called, "file": str(path), "notes": remarks})
        return
    say(printable(f"{called}: {path}"))
    for remark in remarks:
        note(printable(remark))
