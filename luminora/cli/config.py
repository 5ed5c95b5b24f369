"""``luminora config``: what is configured, where each value comes from, whether it can work."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luminora.cli.output import Group, config_options, emit_json, json_option, note, say, table

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.schema import Problem


_CHANGING = {
    **dict.fromkeys(("llm", "embeddings", "storage", "vector-store", "cache"), "_sections"),
    **dict.fromkeys(("get", "set", "unset"), "_paths"),
}
"""Commands that live in modules of their own, imported when they are typed."""


class _Config(Group):
    """The group, which imports what changes the file only when it is to be changed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See :meth:`click.Group.list_commands`."""
        return sorted({*super().list_commands(ctx), *_CHANGING})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See :meth:`click.Group.get_command`."""
        if cmd_name not in _CHANGING:
            return super().get_command(ctx, cmd_name)
        from importlib import import_module

        module = import_module(f"luminora.cli.{_CHANGING[cmd_name]}")
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(module, name, None) or getattr(module, f"{name}_")
        return command


@click.group(cls=_Config)
def config() -> None:
    """Show, check and change luminora.json.

    Example: luminora config llm --provider deepseek --api-key-env DEEPSEEK_API_KEY
    """


@config.command()
@config_options
@json_option
@click.option(
    "--unsafe", is_flag=True, help="Reveal the values of secrets: on this screen, to anybody near."
)
def show(config: Config, *, as_json: bool, unsafe: bool) -> None:
    """Show every value and where it comes from.

    Of secrets only the variables are shown, and whether they are set.

    Example: luminora config show
    """
    if as_json:
        emit_json(
            {
                "path": str(config.path) if config.path else None,
                "config": config.document,
                "sources": config.sources,
                "secrets": {
                    pointer: _secret(config, variable, unsafe=unsafe)
                    for pointer, variable in config.secrets.items()
                },
                "notes": config.notes,
            }
        )
        return
    show_values(config)
    if unsafe:
        for variable in dict.fromkeys(config.secrets.values()):
            say(f"{variable}={config.env.get(variable, '')}")
    _notes(config)


@config.command()
@config_options
@json_option
@click.option("--no-secrets", is_flag=True, help="Do not insist that secrets are set.")
def validate(config: Config, *, as_json: bool, no_secrets: bool) -> int:
    """Check the configuration against the installed plugins.

    Example: luminora config validate --no-secrets
    """
    from luminora import schema
    from luminora.errors import ConfigError, CredentialsMissing

    problems = schema.validate(config)
    missing = [] if no_secrets else schema.credentials(config)
    code = 0
    if problems or missing:
        code = ConfigError.exit_code if problems else CredentialsMissing.exit_code
    if as_json:
        emit_json(
            {
                "valid": not problems,
                "problems": [_plain(problem) for problem in problems],
                "missing_secrets": [_plain(problem) for problem in missing],
                "notes": config.notes,
            }
        )
        return code
    _notes(config)
    for problem in [*problems, *missing]:
        say(str(problem))
    name = config.path or "the embedded default"
    say(f"{name}: {_counted(len(problems), len(missing))}" if code else f"{name}: ok")
    return code


@config.command()
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    help="The file, made if it does not exist; left out: the one in use, else ./luminora.json.",
)
def edit(config_file: str | None) -> None:
    """Edit the file in $VISUAL or $EDITOR.

    What is edited is a copy: what is saved is taken over if it is valid and different.

    Example: EDITOR=nano luminora config edit
    """
    from luminora.cli._editor import run

    run(config_file)


@config.command()
@json_option
@click.option("--config", "config_file", metavar="FILE", help="The configuration.")
def path(config_file: str | None, *, as_json: bool) -> None:
    """Show which file is used, or where one is looked for.

    Example: luminora config path
    """
    from luminora.config import find_file, search_path

    here = Path.cwd()
    found = find_file(config_file, env=os.environ, cwd=here)
    places = [str(place) for place in search_path(here)]
    if as_json:
        emit_json({"path": str(found) if found else None, "searched": places})
    elif found:
        say(str(found))
    else:
        note("no configuration: the embedded default is used; looked for")
        for place in places:
            note(f"  {place}")


def show_values(config: Config, section: str | None = None) -> None:
    """A table of every value in use, or those of one section, and where each comes from."""
    from luminora._shapes import flatten, pointer

    table(
        ["setting", "value", "from"],
        [
            [
                ".".join(path),
                json.dumps(leaf.value, ensure_ascii=False),
                config.sources[pointer(path)],
            ]
            for path, leaf in flatten(config.redacted(), "")
            if section in {None, path[0]}
        ],
    )


def _secret(config: Config, variable: str, *, unsafe: bool) -> dict[str, Any]:
    value = config.env.get(variable, "")
    told = {"variable": variable, "set": bool(value.strip())}
    return {**told, "value": value} if unsafe else told


def _notes(config: Config) -> None:
    for text in config.notes:
        note(f"note: {text}")


def _plain(problem: Problem) -> dict[str, Any]:
    return {
        "message": problem.message,
        "pointer": problem.pointer,
        "where": problem.where,
        "hint": problem.hint,
    }


def _counted(problems: int, missing: int) -> str:
    counts = ((problems, "problem"), (missing, "missing secret"))
    return ", ".join(f"{count} {what}{'s'[: count != 1]}" for count, what in counts if count)
