"""``luminora config get``, ``set`` and ``unset``: one value by its path."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click

from luminora.cli._changes import FORCE_HINT, Wish, put, wish_options
from luminora.cli._settings import described, value_of
from luminora.cli.output import config_options, emit_json, json_option, note, say
from luminora.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from luminora.config import Config

Steps = tuple[str, ...]
_NONE = object()


@click.command()
@click.argument("path")
@config_options
@json_option
def get(config: Config, path: str, *, as_json: bool) -> None:
    """Print one value in use.

    PATH has dots, as config show has it, or is a JSON pointer. A value that is not set and has no
    default is an error, with exit code 1.

    Example: luminora config get storage_provider.name
    """
    from luminora._shapes import flatten, pointer

    steps = steps_of(path)
    try:
        value = _value(config.document, steps)
    except LookupError:
        raise _absent(config, steps) from None
    if as_json:
        places = [pointer(place) for place, _ in flatten(value, "", steps)]
        sources = {place: config.sources[place] for place in places if place in config.sources}
        emit_json({"path": ".".join(steps), "value": value, "sources": sources})
    elif isinstance(value, str):
        say(value)
    else:
        say(json.dumps(value, ensure_ascii=False, indent=2))


class _Numbers(click.Command):
    """A command that takes ``-1`` for what it is: no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See :meth:`click.Command.parse_args`."""
        ctx.ignore_unknown_options = any(re.fullmatch(r"-[\d.]+", word) for word in args)
        return super().parse_args(ctx, args)


@click.command("set", cls=_Numbers)
@click.argument("path")
@click.argument("value")
@wish_options
def set_(path: str, value: str, *, wish: Wish) -> None:
    """Write one value into the file.

    Comments and everything else in it stay. VALUE is taken as the setting's type wants it; lists
    and objects are JSON. PATH has dots, as config show has it, or is a JSON pointer where a name
    has dots itself.

    Example: luminora config set memory.recall_limit 12
    """
    from luminora.cli._draft import Draft

    steps = steps_of(path)
    draft = Draft.of(wish.file)
    config = draft.config()
    try:
        wanted = value_of(described(config, steps), value)
    except InputError as problem:
        raise click.BadParameter(problem.message, param_hint=path) from None
    text = draft.with_values(config, {steps: wanted})
    put(draft, text, wish, hint=FORCE_HINT, advice=_next(steps))


@click.command()
@click.argument("path")
@wish_options
def unset(path: str, *, wish: Wish) -> None:
    """Take a value out of the file.

    Then its default holds again.

    Example: luminora config unset llm_provider.config.api_base
    """
    from luminora._edit import REMOVE
    from luminora.cli._draft import Draft, said

    draft = Draft.of(wish.file)
    config = draft.config()
    steps = said(config, steps_of(path))
    text = draft.with_values(config, {steps: REMOVE})
    put(draft, text, wish, hint=FORCE_HINT)
    if not wish.as_json and not wish.dry_run and (left := _left(draft.config(text), steps)):
        note(left)


def steps_of(path: str) -> Steps:
    """The steps of ``llm_provider.config.api_base`` or ``/llm_provider/config/api_base``."""
    if path.startswith("/"):
        steps = tuple(step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:])
    else:
        steps = tuple(path.split("."))
    from luminora.cli._sections import SECTIONS

    if steps[0] in SECTIONS:
        raise click.BadParameter(
            f"there is no '{steps[0]}' in the file; did you mean '{SECTIONS[steps[0]][0]}'?",
            param_hint="PATH",
        )
    if not all(steps):
        raise click.BadParameter(
            f"'{path}' is not a path such as llm_provider.name", param_hint="PATH"
        )
    return steps


def _value(document: Any, steps: Steps) -> Any:
    """The value at a path; a step into a list is an item's number.

    Raises:
        LookupError: There is none.
    """
    for step in steps:
        if isinstance(document, list):
            document = dict(enumerate(document)).get(int(step) if step.isdecimal() else -1, _NONE)
        else:
            document = document.get(step, _NONE) if isinstance(document, dict) else _NONE
        if document is _NONE:
            raise LookupError(step)
    return document


def _absent(config: Config, steps: Steps) -> InputError:
    from luminora._index import suggestion

    dotted = ".".join(steps)
    if described(config, steps):
        return InputError(
            f"'{dotted}' is not set and has no default", hint=f"luminora config set {dotted} …"
        )
    words = sorted({".".join(path) for path in (*_all(config.document), *_known(config, steps))})
    return InputError(
        f"there is no setting '{dotted}'{suggestion(dotted, words)}",
        hint="luminora config show lists them",
    )


def _all(document: Mapping[str, Any], path: Steps = ()) -> Iterator[Steps]:
    for key, value in document.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from _all(value, (*path, key))


def _known(config: Config, steps: Steps) -> Iterator[Steps]:
    """The settings that there could be beside ``steps``."""
    above = steps[:-1]
    if above:
        for name in described(config, above).get("properties", {}):
            yield (*above, name)


def _left(config: Config, steps: Steps) -> str | None:
    try:
        value = _value(config.document, steps)
    except LookupError:
        return None
    return f"{'.'.join(steps)} is {json.dumps(value, ensure_ascii=False)} now"


def _next(steps: Steps) -> str | None:
    from luminora.cli._sections import SECTIONS

    words = {section: word for word, (section, _) in SECTIONS.items()}
    return f"luminora test {words[steps[0]]}" if steps[0] in words else None
