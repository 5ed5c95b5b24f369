"""``luminora completion``: the script that lets a shell complete; and ``luminora help``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from luminora.cli import _terminal
from luminora.cli.output import emit_json, json_option, note, say
from luminora.errors import InputError

_ALIAS = "luminora-cli"
_SHELLS = ("bash", "zsh", "fish")
_HOW = {
    "bash": 'eval "$(luminora completion bash)"   in ~/.bashrc',
    "zsh": 'eval "$(luminora completion zsh)"   in ~/.zshrc, behind compinit',
    "fish": "luminora completion fish | source   in ~/.config/fish/config.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS), required=False)
@click.option("--install", is_flag=True, help="Write it to where the shell finds it by itself.")
@json_option
def completion(shell: str | None, *, install: bool, as_json: bool) -> None:
    """Print the script that lets a shell complete commands, options and names.

    SHELL is bash, zsh or fish; left out, the one you use. --install writes the script into your
    home instead; nothing else is changed.

    \b
    Examples:
      eval "$(luminora completion bash)"
      luminora completion zsh --install
      luminora completion fish | source
    """  # noqa: D301 - click's own mark for text that keeps its lines
    shell = shell or _used()
    text = script(shell)
    if not install:
        if as_json:
            emit_json({"shell": shell, "script": text})
        else:
            say(text.rstrip("\n"))
            if _terminal.terminal(sys.stdout):  # not whenever a shell starts
                note(f"# to have it in every {shell}:  {_HOW[shell]}")
        return
    paths = _install(shell, text)
    if as_json:
        emit_json({"shell": shell, "written": [str(path) for path in paths]})
        return
    for path in paths:
        say(f"written: {path}")
    if shell == "zsh":
        note(f"~/.zshrc has to say, before compinit:  fpath=({paths[0].parent} $fpath)")
    note(f"it works in every new {shell}")


@click.command("help")
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@click.pass_context
def help_(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Explain a command, as COMMAND --help does, or the exit codes.

    Examples: luminora help migrate · luminora help plugins list · luminora help exit-codes
    """
    root = ctx.find_root()
    command, place = root.command, root
    for word in words:
        if not isinstance(command, click.Group):
            raise click.UsageError(f"'{command.name}' has no command '{word}'", place)
        name, found, _ = command.resolve_command(place, [word])
        if found is None:
            raise click.UsageError(f"there is no command '{word}'", place)
        command, place = found, click.Context(found, info_name=name, parent=place)
    say(command.get_help(place))


def script(shell: str) -> str:
    """The script for a shell, for both names of the command."""
    from click.shell_completion import get_completion_class

    from luminora.cli import _values
    from luminora.cli._run import VARIABLE, app

    _values.register()
    made = get_completion_class(shell)
    if made is None:
        raise InputError(
            f"there is no completion for '{shell}'", hint=f"one of {', '.join(_SHELLS)}"
        )
    text = made(app(), {}, "luminora", VARIABLE).source()
    return _both(shell, text)


def _both(shell: str, text: str) -> str:
    match shell:
        case "bash":
            return text.replace(" luminora\n", f" luminora {_ALIAS}\n")
        case "zsh":
            text = text.replace("#compdef luminora\n", f"#compdef luminora {_ALIAS}\n")
            return text.replace("_completion luminora\n", f"_completion luminora {_ALIAS}\n")
    return f"{text.rstrip()}\ncomplete --command {_ALIAS} --wraps luminora\n"


def _used() -> str:
    """The shell in use, as far as ``SHELL`` tells."""
    name = Path(os.environ.get("SHELL", "")).name
    if name not in _SHELLS:
        raise click.UsageError(f"which shell? luminora completion {'|'.join(_SHELLS)}")
    return name


def _install(shell: str, text: str) -> list[Path]:
    from luminora._state import write_atomically

    paths = _places(shell)
    for path in paths:
        try:
            write_atomically(path, text, mode=0o644)
        except OSError as problem:
            raise InputError(
                f"cannot be written: {problem.strerror}", where=str(path), hint=_HOW[shell]
            ) from None
    return paths


def _places(shell: str) -> list[Path]:
    """Where a shell looks for what completes a command."""
    home = Path("~").expanduser()
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share")
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    if shell == "bash":
        return [data / "bash-completion/completions" / name for name in ("luminora", _ALIAS)]
    if shell == "fish":
        return [settings / "fish/completions" / f"{name}.fish" for name in ("luminora", _ALIAS)]
    return [home / ".zfunc" / "_luminora"]
