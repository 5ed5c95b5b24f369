"""``luminora config``: what is configured, where each value comes from, whether it can work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luminora.cli._paths import get, set_, unset
from luminora.cli._sections import section_commands, show_values
from luminora.cli.output import Group, config_options, emit_json, json_option, note, say

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.schema import Problem


@click.group(cls=Group)
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
    """Show every value in use and where it comes from; of secrets, whether they are set.

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
    """Open the file in $VISUAL or $EDITOR, and take over what is saved if it is valid.

    What is edited is a copy: nothing is written if it is not valid or not different.

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


for command in (get, set_, unset, *section_commands()):
    config.add_command(command)


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
