"""``luminora health``: whether every part of the configured stack works, and what to do if not."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from time import sleep
from typing import TYPE_CHECKING, Any

import click

from luminora.cli.output import (
    MARKS,
    colourful,
    config_options,
    emit_json,
    json_option,
    note,
    run_async,
    say,
    timeout_option,
)

if TYPE_CHECKING:
    from luminora.config import Config

_INTERRUPTED = 130


@click.command()
@timeout_option
@click.option(
    "--watch",
    "every",
    metavar="[SECONDS]",
    type=click.FloatRange(min=0.1),
    is_flag=False,
    flag_value=5.0,
    help="Ask again and again until Ctrl-C, by default every 5 seconds.",
)
@config_options
@json_option
def health(config: Config, within: float, every: float | None, *, as_json: bool) -> int:
    """Ask every provider of the configured stack how it is.

    The exit code is 1 if any of them does not work. Nothing is created or changed. With --watch the
    screen is drawn anew each time; in a pipe each round is one line, or with --json one object on
    one line.

    Examples: luminora health --json · luminora health --watch 10
    """
    if every is not None:
        return _watch(config, within, every, as_json=as_json)
    found = _asked(config, within)
    if as_json:
        emit_json(found)
    else:
        _show(found)
        note(_verdict(found))
    return 1 if found["status"] == "error" else 0


def _asked(config: Config, within: float) -> dict[str, Any]:
    """What all of them say, with their providers' names."""
    from luminora.checkup import check_stack
    from luminora.health import summary

    found = summary(run_async(check_stack(config, within=within)))
    for name, check in found["checks"].items():
        check["provider"] = _named(config, name)
    return {"config": str(config.path) if config.path else None, **found}


def _watch(config: Config, within: float, every: float, *, as_json: bool) -> int:
    """Round after round until Ctrl-C, which is how it is meant to end: nothing is said of it."""
    drawn = colourful() and not as_json
    try:
        while True:
            found = _asked(config, within)
            moment = datetime.now(UTC)
            if as_json:
                line = {"version": 1, "time": moment.isoformat(timespec="milliseconds"), **found}
                say(json.dumps(line, ensure_ascii=False, default=str))
            elif drawn:
                click.clear()
                _show(found)
                clock = moment.astimezone().strftime("%H:%M:%S")
                say(f"\n{_verdict(found)}  ({clock}, every {every:g} s, Ctrl-C ends)")
            else:
                say(f"{moment.astimezone().isoformat(timespec='seconds')}  {_line(found)}")
            sys.stdout.flush()
            sleep(every)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _line(found: dict[str, Any]) -> str:
    """A round in one line."""
    told = []
    for name, check in found["checks"].items():
        took = f" {check['latency_ms']:.0f}ms" if check["latency_ms"] is not None else ""
        detail = check["detail"].partition("\n")[0]
        why = f" ({detail})" if check["status"] == "error" else ""
        told.append(f"{name} {check['status']}{took}{why}")
    return f"{found['status']}: {', '.join(told)}"


def _show(found: dict[str, Any]) -> None:
    names = {name: check["provider"] for name, check in found["checks"].items()}
    wide = max(map(len, names))
    long = max(map(len, names.values()))
    for name, check in found["checks"].items():
        mark, colour = MARKS[check["status"]]
        took = f"  ({check['latency_ms']:.1f} ms)" if check["latency_ms"] is not None else ""
        detail = check["detail"].replace("\n", f"\n{'':>{wide + long + 8}}")
        head = f"{click.style(mark, fg=colour)} {name:<{wide}}  {names[name]:<{long}}"
        say(f"{head}  {detail}{took}".rstrip())


def _verdict(found: dict[str, Any]) -> str:
    total, bad = len(found["checks"]), len(found["errors"])
    if bad:
        return f"{bad} of {total} parts do not work"
    if found["status"] == "warning":
        return "ready, with the reservations above"
    return "everything works"


def _named(config: Config, part: str) -> str:
    section = config.document.get(f"{part}_provider")
    return str(section.get("name", "")) if isinstance(section, dict) else ""
