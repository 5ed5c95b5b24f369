"""``luminora health``: whether every part of the configured stack works, and what to do if not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from luminora.cli.output import (
    config_options,
    emit_json,
    json_option,
    note,
    run_async,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from luminora.config import Config

_MARKS = {"ok": ("[✓]", "green"), "warning": ("[!]", "yellow"), "error": ("[✗]", "red")}


@click.command()
@click.option(
    "--timeout",
    "within",
    metavar="SECONDS",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    help="Longest wait for each provider.",
)
@config_options
@json_option
def health(config: Config, within: float, *, as_json: bool) -> int:
    """Ask every provider of the configured stack how it is.

    The exit code is 1 if any of them does not work. Nothing is created or changed.

    Example: luminora health --json
    """
    from luminora.checkup import check_stack
    from luminora.health import summary

    checks = run_async(check_stack(config, within=within))

    found = summary(checks)
    names = {name: _named(config, name) for name in checks}
    if as_json:
        path = str(config.path) if config.path else None
        for name, check in found["checks"].items():
            check["provider"] = names[name]
        emit_json({"config": path, **found})
    else:
        _show(found, names)
        note(_verdict(found))
    return 1 if found["status"] == "error" else 0


def _show(found: dict[str, Any], names: Mapping[str, str]) -> None:
    wide = max(map(len, names))
    long = max(map(len, names.values()))
    for name, check in found["checks"].items():
        mark, colour = _MARKS[check["status"]]
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
