"""Write ``docs/cli.md``, the reference of the command line, from the commands themselves.

Run ``python tools/cli_doc.py`` after changing a command; a test fails while the page differs. Only
what this repository has is told: the commands of installed plugins are left out.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click

from luminora.cli import COMMANDS
from luminora.cli._help import examples, paragraphs
from luminora.cli._overview import EXIT_CODES, SECTIONS

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "docs" / "cli.md"

_HEAD = """\
<!-- Written by tools/cli_doc.py from the commands; do not edit. -->

# The command line

`luminora` and `luminora-cli` are the same command. `luminora --help` lists what it can do,
`luminora COMMAND --help` tells more, and `luminora help COMMAND` does too. Plugins may add commands
of their own; `luminora plugins list` shows them.

## What holds for every command

- Results go to standard output, everything else (progress, advice, questions) to standard error.
- `--json` prints one object with a `version`. If the command fails, that object has an `error` with
  `type`, `message`, `where`, `hint` and `exit_code`, unless the result was printed already; the
  text for people stands on standard error as ever, and the exit code is the same. After Ctrl-C
  there is no object.
- Colour and motion need a terminal. `--no-color` (anywhere on the line), `NO_COLOR` and `TERM=dumb`
  switch them off, and `CI` switches motion off.
- Nothing is asked where nobody can answer: without a terminal, or with `CI` set, what is missing is
  named and the exit code is 2. What cannot be undone wants `--yes` then, and has `--dry-run`.
- A name that does not exist is answered with the closest one that does.
- A terminal that lacks a sign gets a plain one in its place; JSON is escaped where need be.
- `--config FILE` and `--set PATH=VALUE` beat the environment, which beats `.env`, which beats
  `luminora.json`. `LUMINORA_DEBUG=1` shows the traceback of an error.

## Completion

```sh
eval "$(luminora completion bash)"       # in ~/.bashrc
eval "$(luminora completion zsh)"        # in ~/.zshrc, behind compinit
luminora completion fish | source        # in ~/.config/fish/config.fish
```

`luminora completion SHELL --install` writes the script to where the shell looks for it instead.
Commands, options, choices, the names of providers, plugins and personalities are completed, and
files where a file is expected. No plugin is imported for that.
"""


def page() -> str:
    """The page's text."""
    parts = [_HEAD, _exit_codes()]
    for title, names in _sections():
        parts.append(f"## {title}\n")
        parts += [_command(["luminora", name], _loaded(name), 3) for name in names]
    return "\n".join(parts).rstrip() + "\n"


def commands() -> Iterator[tuple[list[str], click.Command]]:
    """Every command and every one inside it, with the words that call it."""
    for name in COMMANDS:
        yield from _below(["luminora", name], _loaded(name))


def _below(words: list[str], command: click.Command) -> Iterator[tuple[list[str], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _below([*words, name], inner)


def _sections() -> Iterator[tuple[str, list[str]]]:
    placed = {name for names in SECTIONS.values() for name in names}
    for title, names in SECTIONS.items():
        if there := [name for name in names if name in COMMANDS]:
            yield title, there
    if rest := [name for name in COMMANDS if name not in placed]:
        yield "More", rest


def _loaded(name: str) -> click.Command:
    module, _, attribute = COMMANDS[name][0].partition(":")
    command: click.Command = getattr(import_module(module), attribute)
    return command


def _exit_codes() -> str:
    rows = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n".join(["## Exit codes\n", "| Code | Meaning |", "|---:|---|", *rows, ""])


def _command(words: list[str], command: click.Command, level: int) -> str:
    name = " ".join(words)
    lines = [f"{'#' * level} `{name}`", ""]
    lines += _prose(command.help or "")
    lines += ["```text", f"{name} {_usage(command)}".rstrip(), "```", ""]
    lines += _options(command)
    if found := examples(command.help or ""):
        lines += ["```sh", *found, "```", ""]
    if isinstance(command, click.Group):
        for inner, one in sorted(command.commands.items()):
            lines.append(_command([*words, inner], one, level + 1))
    return "\n".join(lines).rstrip() + "\n"


def _usage(command: click.Command) -> str:
    pieces = ["[OPTIONS]"] if any(isinstance(one, click.Option) for one in command.params) else []
    for param in command.params:
        if isinstance(param, click.Argument):
            pieces += [_argument(param)]
    if isinstance(command, click.Group):
        inner = "COMMAND [ARGS]..."
        pieces.append(f"[{inner}]" if command.invoke_without_command else inner)
    return " ".join(pieces)


def _argument(param: click.Argument) -> str:
    name = param.metavar or str(param.name).upper()
    if isinstance(param.type, click.Choice) and param.metavar is None:
        name = "|".join(map(str, param.type.choices))
    if param.nargs == -1 and "..." not in name:
        name += "..."
    return name if param.required or name.startswith("[") else f"[{name}]"


def _prose(text: str) -> Iterator[str]:
    """The paragraphs that are no examples, each in one line."""
    for paragraph in paragraphs(inspect.cleandoc(text)):
        body = paragraph.replace("\b", "").strip()
        if not re.match(r"Examples?:", body) and body:
            yield from (_escaped(" ".join(body.split())), "")


def _options(command: click.Command) -> list[str]:
    rows = [_row(one) for one in command.params if isinstance(one, click.Option) and not one.hidden]
    return ["| Option | |", "|---|---|", *rows, ""] if rows else []


def _row(option: click.Option) -> str:
    spelt = ", ".join([*option.opts, *option.secondary_opts])
    value = "" if option.is_flag else f" {_value(option)}"
    notes = [_escaped(option.help or "")]
    if option.show_default and option.default is not None and not callable(option.default):
        notes.append(f"Default: {option.default}.")
    if option.required:
        notes.append("Required.")
    cell = f"{spelt}{value}".replace("|", "\\|")
    return f"| `{cell}` | {' '.join(notes).replace('|', chr(92) + '|')} |"


def _value(option: click.Option) -> str:
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    return option.type.name.upper()


def _escaped(text: str) -> str:
    """Markdown that shows the text as it is."""
    return re.sub(r"([<>*])", r"\\\1", text)


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
    print(f"written: {TARGET.relative_to(ROOT)}")  # noqa: T201 - a script
