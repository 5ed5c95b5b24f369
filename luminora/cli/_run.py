"""Find the command that was typed, run it, and turn what goes wrong into a message and a code."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from luminora.cli import COMMANDS, _terminal, hush
from luminora.cli._help import Help
from luminora.errors import LuminoraError

VARIABLE = "_LUMINORA_COMPLETE"
"""Set by a shell that asks what may come next."""

_INTERRUPTED = 130
_SWITCHES = {"--no-color": "NO_COLOR", "--locked": "LUMINORA_LOCKED"}
"""Options of every command, and the variables that ask for the same."""


class Group(click.Group):
    """A click group that suggests the command that was probably meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See :meth:`click.Group.resolve_command`."""
        name = args[0]
        if name.startswith("-") or self.get_command(ctx, name):
            return super().resolve_command(ctx, args)
        from luminora._index import suggestion

        text = f"there is no command '{name}'{suggestion(name, self.list_commands(ctx))}"
        raise click.UsageError(text, ctx)


class _Luminora(Group):
    """The commands of :data:`~luminora.cli.COMMANDS`, and those that plugins announce."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Ours, and those that the manifests of usable plugins announce."""
        return sorted({*COMMANDS, *self.commands, *_announced()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            module, _, attribute = COMMANDS[cmd_name][0].partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            return command
        return super().get_command(ctx, cmd_name) or self._plugged(ctx, cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """See :meth:`click.Group.shell_complete`; no command is imported for its line of help."""
        from click.shell_completion import CompletionItem

        lines = {**_announced(), **{name: line for name, (_, line) in COMMANDS.items()}}
        found = [
            CompletionItem(name, help=line)
            for name, line in sorted(lines.items())
            if name.startswith(incomplete)
        ]
        return found or click.Command.shell_complete(self, ctx, incomplete)

    def get_help(self, ctx: click.Context) -> str:  # noqa: ARG002 - click's
        from luminora.cli._overview import help_text

        return help_text()

    def _plugged(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of a plugin whose manifest announces it; only that plugin is imported."""
        if completing():
            return None  # a plugin is not run because somebody pressed a key
        from luminora._index import Index

        index = Index.load()
        for discovery in index.discoveries:
            if (
                discovery.manifest
                and name in discovery.manifest.commands
                and index.enabled(discovery)
            ):
                from luminora.config import load_config
                from luminora.plugins import Activation

                config = load_config(index=index)
                activation = Activation(config, config.index)
                activation.load(discovery)
                activation.add_commands(self)
                return super().get_command(ctx, name)
        return None


def _announced() -> dict[str, str]:
    """The commands of plugins, each with its line of help."""
    from luminora._index import Index

    index = Index.load()
    return {
        name: line
        for discovery in index.discoveries
        if discovery.manifest and index.enabled(discovery)
        for name, line in discovery.manifest.commands.items()
    }


def run(arguments: list[str]) -> int:
    """Run the command and return its exit code.

    A command function returns None, or its exit code.
    """
    from luminora.cli import output

    arguments, given = _without_switches(arguments)
    if completing():
        from luminora.cli import _values

        _values.register()
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(dict.fromkeys(given, "1"))  # for everything, rich and plugins included
    output.begin()
    _prepare()
    try:
        return _guarded(arguments)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]


def _guarded(arguments: list[str]) -> int:
    """Run the command; whatever goes wrong is a message and a code."""
    from luminora.cli import _failure

    as_json = _failure.wants_json(arguments)
    if completing():
        with suppress(click.ClickException, LuminoraError, OSError):  # a shell shows what it gets
            app().main(
                arguments, prog_name=_program(), standalone_mode=False, complete_var=VARIABLE
            )
        return 0
    try:
        code = _called(arguments)
        sys.stdout.flush()
    except click.ClickException as problem:
        return _failure.tell_usage(problem, as_json=as_json)
    except (click.Abort, EOFError, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
        return _INTERRUPTED
    except BrokenPipeError:
        hush()
        return 0
    except Exception as problem:
        if _debugging():
            raise
        return _failure.tell(problem, as_json=as_json)
    return code if isinstance(code, int) else 0


def _called(arguments: list[str]) -> Any:
    """What the command returns. Click's own ``main`` would make a broken pipe a failure."""
    root = app()
    try:
        with root.make_context(_program(), list(arguments)) as context:
            return root.invoke(context)
    except click.exceptions.Exit as ending:
        return ending.exit_code


def _without_switches(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The command line without the options of every command, and the variables they stand for."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [one for one in arguments[:end] if one not in _SWITCHES]
    given = [name for option, name in _SWITCHES.items() if option in arguments[:end]]
    return [*kept, *arguments[end:]], given


def _prepare() -> None:
    _terminal.prepare()
    click.Context.formatter_class = Help
    if not (_debugging() or completing()):
        import logging

        # what the library warns of is told by the commands, once and in their words
        logging.getLogger("luminora").addHandler(logging.NullHandler())


def completing() -> bool:
    """Whether a shell asks what may come next."""
    return VARIABLE in os.environ


def app() -> Any:
    """The command as click sees it."""
    settings = {
        "help_option_names": ["-h", "--help"],
        "color": False if _terminal.colourless() else None,  # click looks at the terminal alone
    }
    return _Luminora("luminora", context_settings=settings, params=_options())


def _options() -> list[click.Parameter]:
    """What is answered before click is asked; it is here to be completed."""
    return [
        click.Option(["-V", "--version"], is_flag=True, expose_value=False),
        *(click.Option([name], is_flag=True, expose_value=False) for name in _SWITCHES),
    ]


def _program() -> str:
    name = Path(sys.argv[0]).name
    return name if name in {"luminora", "luminora-cli"} else "luminora"


def _debugging() -> bool:
    return os.environ.get("LUMINORA_DEBUG", "") not in {"", "0"}
