"""``luminora load-personality``: a persona file or character card, from then on known by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luminora.cli._companion import printable
from luminora.cli._personas import persona_bytes, write_persona
from luminora.cli.output import config_options, emit_json, json_option, note, say
from luminora.errors import PersonalityNotFound

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.personality import Personality, PersonalityLibrary

_CARD = {"spec", "data", "first_mes"}


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What was found, and what is to be done with it."""

    persona: Personality
    path: Path
    data: bytes | None
    remarks: tuple[str, ...] = ()
    bundled: bool = False


@click.command("load-personality")
@click.argument("file")
@click.option("--default", is_flag=True, help="Let it be who speaks where nobody is named.")
@click.option("--force", is_flag=True, help="Replace one of the same name.")
@config_options
@json_option
def load_personality(
    config: Config, file: str, *, default: bool, force: bool, as_json: bool
) -> None:
    """Check a persona file or character card and keep it, so that it is found by its name.

    FILE is a persona in JSON, or a Character Card V2 or V3 as JSON, PNG or CHARX. It goes to the
    first folder of personality.paths, else to the user's own folder. The name of a persona that
    comes with Luminora will do, too.

    Example: luminora load-personality alicia.json
    """
    from luminora.personality import PersonalityLibrary

    library = PersonalityLibrary.for_config(config)
    found = _from_file(Path(file), library) if Path(file).exists() else _by_name(file, library)
    change = _defaulting(config, found.persona.slug) if default else None
    if found.data is not None and not _same(found):
        hint = "replace it with --force, or give the file another name"
        write_persona(found.path, found.data, force=force, hint=hint)
    if change is not None:
        draft, text = change
        draft.write(text)
    if as_json:
        emit_json(
            {
                "name": found.persona.slug,
                "called": found.persona.name,
                "file": str(found.path),
                "bundled": found.bundled,
                "default": default,
                "notes": found.remarks,
            }
        )
    else:
        _tell(found, str(change[0].name) if change else None)
    for remark in found.remarks:
        note(printable(f"note: {remark}"))
    note(f"→ luminora chat{'' if default else f' --personality {found.persona.slug}'}")


def _from_file(file: Path, library: PersonalityLibrary) -> _Loaded:
    from luminora.personality import Personality, from_card, validate
    from luminora.personality.cards import notes
    from luminora.personality.carriers import parse_card, read_file

    data = read_file(file)  # a persona is kept as it was written, comments and all
    document = parse_card(data, where=str(file))
    if "persona" in document or not _CARD.intersection(document):
        slug = file.stem if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", file.stem) else None
        persona = Personality.from_document(document, slug=slug, where=str(file))
        remarks = [f"{one.pointer or '/'}: {one.message}" for one in validate(document)]
    else:
        persona = Personality.from_document(from_card(document, where=str(file)), where=str(file))
        remarks, data = list(notes(document)), persona_bytes(persona.to_document())
    path = library.home / f"{persona.slug}.json"
    if _bundled(persona.slug, library):
        remarks.append(f"it takes the place of the '{persona.slug}' that comes with Luminora")
    return _Loaded(persona, path, data, tuple(remarks))


def _by_name(file: str, library: PersonalityLibrary) -> _Loaded:
    """A persona that is known already, where there is no such file.

    Raises:
        PersonalityNotFound: It is not known either.
    """
    if Path(file).name != file:
        raise PersonalityNotFound("there is no such file", where=file, hint="check the path")
    try:
        path = library.find(file)
    except PersonalityNotFound as problem:
        raise PersonalityNotFound(
            f"there is no such file, and {problem.message}", where=file, hint=problem.hint
        ) from None
    return _Loaded(library.load_file(path), path, None, bundled=library.bundled(path))


def _bundled(slug: str, library: PersonalityLibrary) -> bool:
    try:
        return library.bundled(library.find(slug))
    except PersonalityNotFound:
        return False


def _same(found: _Loaded) -> bool:
    return found.path.is_file() and found.path.read_bytes() == found.data


def _defaulting(config: Config, slug: str) -> tuple[Any, str]:
    """The configuration with this persona as its default; nothing is written yet.

    Raises:
        ConfigError: It cannot be changed, or would not be valid.
    """
    from luminora.cli._draft import Draft

    draft = Draft.of(str(config.path) if config.path else None)
    text = draft.with_values(draft.config(), {("personality", "default"): slug})
    fresh, _ = draft.new_problems(text)
    if fresh:
        raise draft.refuse(fresh)
    return draft, text


def _tell(found: _Loaded, config: str | None) -> None:
    one = found.persona
    if found.bundled:
        say(printable(f"{one.name} ({one.slug}) comes with Luminora; there is nothing to load"))
    else:
        say(printable(f"{one.name} ({one.slug}): {found.path}"))
    if config:
        say(f"{config}: personality.default is {one.slug} now")
