"""``luminora test-connection`` and ``luminora test``: does the stack work, tried for real."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from luminora.cli import _terminal
from luminora.cli.output import config_options, emit_json, json_option, note, run_async, say
from luminora.errors import ConfigError, CredentialsMissing, LuminoraError

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.probes import Probe, Step

_T = TypeVar("_T")
_BAR = "━" * 54
_TITLES = {
    "llm": "LLM Provider",
    "embedding": "Embedding Provider",
    "storage": "Database",
    "vector_store": "Vector Store",
    "cache": "Cache",
}
_LATENCIES = {
    "llm": "LLM latency:",
    "embedding": "Embedding latency:",
    "storage": "Database latency:",
    "vector_store": "Vector latency:",
    "cache": "Cache latency:",
}
_PARTS = {
    "llm": "llm",
    "embeddings": "embedding",
    "storage": "storage",
    "vector-store": "vector_store",
    "cache": "cache",
}
_MARKS = {
    None: ("⏳", None),
    "ok": ("✓", "green"),
    "warning": ("⚠", "yellow"),
    "error": ("✗", "red"),
}


def _within(command: Callable[..., _T]) -> Callable[..., _T]:
    return click.option(
        "--timeout",
        "within",
        metavar="SECONDS",
        type=click.FloatRange(min=0.1),
        default=30.0,
        show_default=True,
        help="Longest time for each part.",
    )(command)


@click.command("test-connection")
@_within
@config_options
@json_option
def connection(config: Config, within: float, *, as_json: bool) -> int:
    """Try every part of the stack: a request, an embedding, a query, a search, a round trip.

    All are tried at once. Nothing is created and nothing is left behind. A request to a hosted
    model costs a few tokens. Exit codes: 1 if a part does not work, 3 if the configuration is
    invalid, 4 if a secret is missing.

    Examples: luminora test-connection · luminora test-connection --json
    """
    return _run(config, list(_PARTS.values()), within, as_json=as_json)


@click.command()
@click.argument("part", type=click.Choice(list(_PARTS)))
@_within
@config_options
@json_option
def test(config: Config, part: str, within: float, *, as_json: bool) -> int:
    """Try one part of the stack, and show all that it says of itself.

    Examples: luminora test llm · luminora test storage --json
    """
    return _run(config, [_PARTS[part]], within, as_json=as_json, verbose=True)


def _run(
    config: Config, parts: Sequence[str], within: float, *, as_json: bool, verbose: bool = False
) -> int:
    from luminora.probes import as_data, probe_stack

    names = {part: _named(config, part) for part in parts}
    if as_json:
        probes = run_async(probe_stack(config, parts, within=within))
        found = as_data(probes)
        for part, check in found["checks"].items():
            check["provider"] = names.get(part)
        path = str(config.path) if config.path else None
        code = _code(config, probes)
        emit_json({"config": path, **found})
        return code
    if len(parts) > 1:
        _headline("Testing Connections")
    story = _Story(parts, names)
    with _waiting(story) as moved:

        def hear(part: str, news: Step | Probe) -> None:
            story.hear(part, news)
            moved()

        probes = run_async(probe_stack(config, parts, within=within, listener=hear))
    story.finish(probes)
    if verbose:
        _details(probes)
    elif all(one.result.status.value != "error" for one in probes.values()):
        _success(probes)
    code = _code(config, probes)
    if code:
        bad = sum(one.result.status.value == "error" for one in probes.values())
        note(f"{bad} of {len(probes)} parts do not work → luminora doctor")
    return code


class _Story:
    """What is told of the parts: each whole and in order, however mixed they happen."""

    def __init__(self, parts: Sequence[str], names: Mapping[str, str]) -> None:
        self.parts = list(parts)
        self._names = names
        self._told = 0
        self._steps: dict[str, list[Step]] = {part: [] for part in parts}
        self._done: dict[str, Probe] = {}

    @property
    def busy(self) -> list[str]:
        """The parts still at work."""
        return [_TITLES[part] for part in self.parts if part not in self._done]

    def hear(self, part: str, news: Step | Probe) -> None:
        """Take note of what happened; tell the parts whose turn has come."""
        from luminora.probes import Probe

        if isinstance(news, Probe):
            self._done[part] = news
        else:
            self._steps[part].append(news)
        while self._told < len(self.parts) and self.parts[self._told] in self._done:
            self._tell(self._done[self.parts[self._told]])

    def finish(self, probes: Mapping[str, Probe]) -> None:
        """Tell of the parts that could not even be tried, and of the rest."""
        for part in self.parts[self._told :]:
            self._tell(probes[part])
        for part, probe in probes.items():
            if part not in self.parts:
                _line(probe.result.status.value, probe.result.detail)

    def _tell(self, probe: Probe) -> None:
        self._told += 1
        part, result = probe.part, probe.result
        number = f"[{self._told}/{len(self.parts)}] " if len(self.parts) > 1 else ""
        say(f"{number}Testing {_TITLES[part]} ({self._names[part]})")
        for step in self._steps[part]:
            if step.status is None:
                say(f"⏳ {step.text}...")
            else:
                _line(step.status.value, step.text)
        if result.status.value == "ok":
            took = "" if result.latency_ms is None else _milliseconds(result.latency_ms)
            _line("ok", f"{_TITLES[part]} working!{f' (latency: {took})' if took else ''}")
        elif not self._steps[part]:
            _line(result.status.value, result.detail)
        say()


def _line(status: str, text: str) -> None:
    mark, colour = _MARKS[status]
    indented = text.replace("\n", "\n  ")
    say(f"{click.style(mark, fg=colour)} {indented}")


@contextlib.contextmanager
def _waiting(story: _Story) -> Iterator[Callable[[], None]]:
    """What is still under way, at the foot of a terminal."""
    if not (_terminal.colours(sys.stdout) and _terminal.colours(sys.stderr)):
        yield lambda: None
        return
    from rich.console import Console

    console = Console(stderr=True)

    def text() -> str:
        return f"Testing {', '.join(story.busy)}"

    with console.status(text()) as status:
        yield lambda: status.update(text())


def _success(probes: Mapping[str, Probe]) -> None:
    _headline("✅ All Connections Working!")
    say("Performance Summary:")
    width = max(map(len, _LATENCIES.values())) + 2
    for part, probe in probes.items():
        if probe.result.latency_ms is not None:
            say(f"  {_LATENCIES[part]:<{width}}{_milliseconds(probe.result.latency_ms)}")
    say()
    reserved = [part for part, one in probes.items() if one.result.status.value == "warning"]
    if reserved:
        note("Ready, with the reservations above.")
    else:
        say("Your setup is ready! 🚀")


def _details(probes: Mapping[str, Probe]) -> None:
    """All that the part says of itself."""
    for probe in probes.values():
        if probe.result.latency_ms is not None:
            say(f"  latency: {_milliseconds(probe.result.latency_ms)}")
        for key, value in probe.result.data.items():
            if isinstance(value, list | tuple):
                shown = ", ".join(map(str, value)) or "none"
            elif isinstance(value, dict):
                shown = ", ".join(f"{name} {one}" for name, one in value.items())
            else:
                shown = str(value)
            say(f"  {key.replace('_', ' ')}: {shown}")


def _headline(text: str) -> None:
    for line in (_BAR, f"  {text}", _BAR):
        say(line)
    say()


def _milliseconds(value: float) -> str:
    return f"{value:.0f}ms" if value >= 1 else f"{value:.1f}ms"


def _named(config: Config, part: str) -> str:
    """How people call the provider of a part."""
    section = config.document.get(f"{part}_provider")
    name = str(section.get("name", "")) if isinstance(section, dict) else ""
    offer = config.index.peek(part, name)
    return str(offer.entry.get("title", name)) if offer else name or "none"


def _code(config: Config, probes: Mapping[str, Probe]) -> int:
    """The exit code: why it does not work, where the configuration tells."""
    from luminora import schema

    if all(one.result.status.value != "error" for one in probes.values()):
        return 0
    wrong = {
        problem.pointer.split("/")[1] for problem in schema.validate(config) if problem.pointer
    }
    unset = {problem.pointer.split("/")[1] for problem in schema.credentials(config)}
    sections = {
        f"{part}_provider" for part, one in probes.items() if one.result.status.value == "error"
    }
    if wrong & sections or "configuration" in probes:
        return ConfigError.exit_code
    return CredentialsMissing.exit_code if unset & sections else LuminoraError.exit_code
