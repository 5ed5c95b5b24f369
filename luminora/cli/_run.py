"""Find the command that was typed, run it, and turn what goes wrong into a message and a code."""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from luminora.cli import COMMANDS, help_text, hush
from luminora.errors import ConfigError, LuminoraError

_INTERRUPTED = 130


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
        return sorted({*COMMANDS, *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            module, _, attribute = COMMANDS[cmd_name][0].partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            return command
        return super().get_command(ctx, cmd_name) or self._plugged(ctx, cmd_name)

    def get_help(self, ctx: click.Context) -> str:  # noqa: ARG002 - click's
        return help_text()

    def _plugged(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of a plugin whose manifest announces it; only that plugin is imported."""
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


def run(arguments: list[str]) -> int:
    """Run the command and return its exit code.

    A command function returns None, or its exit code.
    """
    _prepare()
    try:
        code = _app().main(arguments, prog_name=_program(), standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
        return _INTERRUPTED
    except LuminoraError as problem:
        if _debugging():
            raise
        sys.stderr.write(f"{_told(problem)}\n")
        return problem.exit_code
    except BrokenPipeError:
        hush()
        return 0
    except Exception as problem:
        if _debugging():
            raise
        text = str(problem).partition("\n")[0]
        sys.stderr.write(
            f"error: unexpected {type(problem).__name__}: {text}\n"
            "  → run with LUMINORA_DEBUG=1 for the traceback, and please report it\n"
        )
        return 1
    return code if isinstance(code, int) else 0


def _prepare() -> None:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # never fail for a terminal's charset
    if not _debugging():
        # what the library warns of is told by the commands, once and in their words
        logging.getLogger("luminora").addHandler(logging.NullHandler())


def _app() -> Any:
    return _Luminora(
        "luminora", context_settings={"help_option_names": ["-h", "--help"], "color": _colour()}
    )


def _colour() -> bool | None:
    """Click looks at the terminal but not at these two."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None


def _program() -> str:
    name = Path(sys.argv[0]).name
    return name if name in {"luminora", "luminora-cli"} else "luminora"


def _debugging() -> bool:
    return os.environ.get("LUMINORA_DEBUG", "") not in {"", "0"}


def _told(problem: LuminoraError) -> str:
    text = f"error: {problem}"
    if isinstance(problem, ConfigError) and len(problem.problems) > 1:
        return "\n".join([text, *problem.problems])
    return text
