"""``luminora test-connection`` and ``test``: every part of the stack tried in earnest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from luminora.cli.output import (
    colourful,
    config_options,
    emit_json,
    json_option,
    run_async,
    say,
    timeout_option,
)

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.probes import Probed, Step

_TITLES = {
    "llm": "LLM Provider",
    "embedding": "Embedding Provider",
    "storage": "Database",
    "vector_store": "Vector Store",
    "cache": "Cache",
    "configuration": "Configuration",
}
_LATENCIES = {
    "llm": "LLM latency:",
    "embedding": "Embedding latency:",
    "storage": "Database latency:",
    "vector_store": "Vector search latency:",
    "cache": "Cache latency:",
}
_WORDS = {
    "llm": "llm",
    "embeddings": "embedding",
    "storage": "storage",
    "vector-store": "vector_store",
    "cache": "cache",
}
_RULE = "━" * 54
_MARKS = {"ok": ("✓", "green"), "warning": ("⚠", "yellow"), "error": ("✗", "red")}


@click.command("test-connection")
@timeout_option
@config_options
@json_option
def test_connection(config: Config, within: float, *, as_json: bool) -> int:
    """Try all five parts of the stack: a request, an embedding, a query, a search, a round trip.

    Nothing is left behind. The exit code is 0 if all of them work, with or without warnings; 3 if
    the configuration is invalid, 4 if a credential is missing or refused, 1 if anything else fails.

    Examples: luminora test-connection · luminora test-connection --timeout 3 --json
    """
    from luminora.checkup import PARTS
    from luminora.probes import as_dict, summary_code

    found = _probe(config, PARTS, within, quiet=as_json, heading="Testing Connections")
    code = summary_code(found)
    if as_json:
        emit_json(
            {
                "status": _worst(found),
                "parts": {part: as_dict(one) for part, one in found.items()},
            }
        )
    else:
        _sum_up(found)
    return code


@click.command()
@click.argument("part", metavar="PART", type=click.Choice(list(_WORDS)))
@timeout_option
@config_options
@json_option
def test(config: Config, part: str, within: float, *, as_json: bool) -> int:
    """Try one part of the stack, and show all it says of itself.

    PART is llm, embeddings, storage, vector-store or cache. Nothing is left behind. The exit code
    is that of luminora test-connection.

    Examples: luminora test llm · luminora test storage --json
    """
    from luminora.probes import as_dict, summary_code

    found = _probe(config, (_WORDS[part],), within, quiet=as_json)
    one = found[_WORDS[part]]
    if as_json:
        emit_json({"part": _WORDS[part], **as_dict(one)})
    else:
        for name, value in one.data.items():
            say(f"  {name.replace('_', ' ')}: {_value(value)}")
    return summary_code(found)


def _probe(
    config: Config, parts: Sequence[str], within: float, *, quiet: bool, heading: str = ""
) -> dict[str, Probed]:
    from luminora.probes import probe_stack

    every = len(parts) > 1
    if quiet:
        return run_async(probe_stack(config, None if every else parts, within=within))
    if heading:
        say()
        _box(heading)
    with _screen() as (line, waiting):
        order = _InOrder(config, parts, line, waiting)
        work = probe_stack(config, None if every else parts, within=within, report=order.hear)
        return run_async(work)


class _InOrder:
    """Steps come mixed, for the parts are tried together; they are told part by part.

    Args:
        config: Names the providers.
        parts: The parts, in order.
        line: Prints one line.
        waiting: Shows what every part that is not done is at.
    """

    def __init__(
        self,
        config: Config,
        parts: Sequence[str],
        line: Callable[[str], None],
        waiting: Callable[[Mapping[str, str]], None],
    ) -> None:
        from luminora.probes import provider_of

        self._parts = list(parts)
        self._names = {part: config.index.title(part, provider_of(config, part)) for part in parts}
        self._lines: dict[str, list[str]] = {part: [] for part in parts}
        self._under_way = dict.fromkeys(parts, "waiting...")
        self._ended: set[str] = set()
        self._line, self._waiting = line, waiting
        self._at = 0
        self._head()

    def hear(self, step: Step) -> None:
        """Take one step in, and tell what can be told."""
        if step.part not in self._lines:  # the configuration itself
            self._parts.append(step.part)
            self._lines[step.part], self._names[step.part] = [], ""
        if step.ended:
            self._ended.add(step.part)
            self._under_way.pop(step.part, None)
        else:
            self._lines[step.part] += _told(step)
            if step.status is None:
                self._under_way[step.part] = step.text
        self._flush()

    def _flush(self) -> None:
        while self._at < len(self._parts):
            part = self._parts[self._at]
            for line in self._lines[part]:
                self._line(line)
            self._lines[part] = []
            if part not in self._ended:
                break
            self._line("")
            self._at += 1
            self._head()
        self._waiting({_TITLES[part]: text for part, text in self._under_way.items()})

    def _head(self) -> None:
        if self._at < len(self._parts):
            part = self._parts[self._at]
            count = f"[{self._at + 1}/{len(self._parts)}] " if len(self._parts) > 1 else ""
            name = f" ({self._names[part]})" if self._names[part] else ""
            self._line(click.style(f"{count}Testing {_TITLES[part]}{name}", bold=True))


def _told(step: Step) -> list[str]:
    """A step's lines."""
    if step.status is None:
        return [f"⏳ {step.text}"]
    mark, colour = _MARKS[step.status.value]
    first, *more = step.text.splitlines() or [""]
    lines = [f"{click.style(mark, fg=colour)} {first}", *(f"  {one}" for one in more)]
    return [*lines, f"  → {step.hint}"] if step.hint else lines


@contextmanager
def _screen() -> Iterator[tuple[Callable[[str], None], Callable[[Mapping[str, str]], None]]]:
    """What prints a line, and what shows the parts under way: spinners on a terminal."""
    if not colourful():
        yield say, lambda _parts: None
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.text import Text

    console = Console()
    spinners: dict[str, Spinner] = {}
    with Live(
        console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as live:

        def waiting(parts: Mapping[str, str]) -> None:
            for title, text in parts.items():
                spinner = spinners.setdefault(title, Spinner("dots"))
                spinner.update(text=Text(f"{title}: {text}", style="dim", overflow="ellipsis"))
            live.update(Group(*(spinners[title] for title in parts)))

        yield lambda line: console.print(Text.from_ansi(line) if line else ""), waiting


def _sum_up(found: Mapping[str, Probed]) -> None:
    worst = _worst(found)
    failed = [part for part, one in found.items() if one.status.value == "error"]
    if failed:
        tried = f"{len(failed)} of {len(found)}"
        _box(f"❌ {tried} {'does' if len(failed) == 1 else 'do'} not work", "red")
    elif worst == "warning":
        _box("✅ All Connections Working! (see the warnings above)", "green")
    else:
        _box("✅ All Connections Working!", "green")
    say("Performance Summary:")
    wide = max(map(len, _LATENCIES.values())) + 2
    for part, label in _LATENCIES.items():
        latency = found[part].latency_ms
        say(f"  {label:<{wide}}{'-' if latency is None else _milliseconds(latency)}")
    say()
    hints = [one.hint for one in found.values() if one.hint]
    if failed:
        say("What to do next:")
        for hint in dict.fromkeys(hints):
            say(f"  → {hint}")
    else:
        say("Your setup is ready! 🚀")
        say("  → luminora chat")


def _box(text: str, colour: str | None = None) -> None:
    say(_RULE)
    say(f"  {click.style(text, fg=colour, bold=True)}")
    say(_RULE)
    say()


def _worst(found: Mapping[str, Probed]) -> str:
    states = {one.status.value for one in found.values()}
    return next((state for state in ("error", "warning") if state in states), "ok")


def _milliseconds(latency: float) -> str:
    return f"{latency:.0f}ms" if latency >= 1 else f"{latency:.1f}ms"


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)
