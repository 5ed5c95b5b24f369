"""``luminora benchmark``: how fast one's own stack is, step by step, and whether it has changed."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luminora.cli._ask import agreed
from luminora.cli._companion import open_client, plain, printable
from luminora.cli.output import (
    config_options,
    emit_json,
    json_option,
    note,
    progress,
    run_async,
    say,
    table,
)
from luminora.errors import InputError

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.measuring import Measured

VERSION = 1
"""Form of the saved files and of what ``--json`` prints."""

_BAR = 24
_HUNDRED = 100
_MAX_BYTES = 1 << 26


@click.command()
@click.option(
    "--messages",
    "count",
    metavar="N",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="How many messages to send, one after another.",
)
@click.option("--save", metavar="FILE", help="Keep the result, to compare with it later.")
@click.option("--compare", metavar="FILE", help="Tell what has changed since a saved result.")
@click.option("--yes", is_flag=True, help="Do not ask before calls that cost money.")
@click.option("--dry-run", is_flag=True, help="Only say what would be asked of whom.")
@config_options
@json_option
def benchmark(
    config: Config,
    count: int,
    save: str | None,
    compare: str | None,
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Measure your own stack, end to end and step by step.

    A user that exists for this alone sends messages and is removed at the end, also after an
    error or Ctrl-C. Each step is told by its median (p50) and by what 95 and 99 of 100 stay
    below. Steps that are part of another stand indented; analysing and indexing run side by side.

    With --compare, a change is called noise where chance explains it.

    Examples: luminora benchmark --messages 100 · luminora benchmark --save before.json · luminora
    benchmark --compare before.json --json
    """
    earlier = _read(compare) if compare else None
    if save:
        _check_target(save)
    billed = _billed(config)
    if dry_run:
        _plan(config, count, billed, as_json=as_json)
        return
    if billed:
        asked = f"{count + 1:,} messages cost money: {', '.join(billed)}. Go on?"
        agreed(asked, yes=yes, why="it would spend money")
    found = run_async(_measured(config, count, quiet=as_json))
    document = {**_document(config, found), **_difference(config, earlier, found)}
    if save:
        _write(save, document, found)
    if as_json:
        emit_json({**document, "saved": save}, version=VERSION)
        return
    _show(found)
    if config.document["memory"]["analysis"] != "inline":
        note("what is learned in the background (memory.analysis) is not timed")
    if earlier is not None:
        _show_changes(compare or "", document)
    if save:
        note(f"saved: {save}; luminora benchmark --compare {save} tells what has changed")


async def _measured(config: Config, count: int, *, quiet: bool) -> Measured:
    from luminora.measuring import measure

    client, _ = await open_client(config)
    async with client:
        with progress("Measuring", "messages", quiet=quiet) as advance:
            return await measure(client, count, advance)


def _stack(config: Config) -> dict[str, str]:
    """The providers' names by kind, and what else decides how fast it is."""
    from luminora._manifests import KINDS

    names = {kind: str(config.section(kind).get("name")) for kind in KINDS}
    return {**names, "analysis": str(config.document["memory"]["analysis"])}


def _billed(config: Config) -> list[str]:
    """The configured providers that somebody may send a bill for."""
    from luminora.plugins import activate
    from luminora.providers import Kind

    llm = activate(config).build(Kind.LLM)
    found = [f"llm '{llm.name}'"] if llm.metered else []
    for kind in (Kind.EMBEDDING, Kind.VECTOR_STORE):
        name = config.section(kind)["name"]
        offer = config.index.peek(kind, name)
        hosts = [
            one for one in (offer.entry.get("hosts", ()) if offer else ()) if one != "localhost"
        ]
        if hosts:
            found.append(f"{kind.value.replace('_', ' ')} '{name}' at {', '.join(hosts)}")
    return found


def _plan(config: Config, count: int, billed: Sequence[str], *, as_json: bool) -> None:
    stack = _stack(config)
    if as_json:
        plan = {"would_measure": {"stack": stack, "messages": count + 1, "may_cost": list(billed)}}
        emit_json(plan, version=VERSION)
        return
    for kind, name in stack.items():
        say(f"{kind.replace('_', ' '):<13} {name}")
    say(f"{count + 1:,} messages, each with a reply and an analysis, as a user made for this")
    say(f"may cost money: {', '.join(billed)}" if billed else "costs nothing")


def _document(config: Config, found: Measured) -> dict[str, Any]:
    from luminora import __version__

    return {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "luminora": __version__,
        "python": platform.python_version(),
        "stack": _stack(config),
        "messages": found.messages,
        "seconds": round(found.seconds, 3),
        "messages_per_second": round(found.per_second, 2),
        "warm_up_ms": round(found.warm_up_ms, 3),
        "degraded": found.degraded,
        "degraded_reason": found.reason,
        "steps": plain(found.timings),
    }


def _difference(
    config: Config, earlier: Mapping[str, Any] | None, found: Measured
) -> dict[str, Any]:
    if earlier is None:
        return {}
    from luminora.measuring import compared

    stack, then = _stack(config), earlier["document"].get("stack")
    then = then if isinstance(then, Mapping) else {}
    other = {name: [then.get(name), now] for name, now in stack.items() if then.get(name) != now}
    changes = compared(earlier["samples"], found.samples)
    return {"compared": {"stack_differs": other, "steps": plain(changes)}}


def _show(found: Measured) -> None:
    from luminora.cli._sparks import Marks
    from luminora.measuring import STEPS, WITHIN

    timings = found.timings
    most = max(timings[name].p50_ms for name in STEPS if name in timings and name != "message")
    marks = Marks.printable()
    rows = [
        [
            f"{'  ' if name in WITHIN else ''}{name}",
            *(_ms(value) for value in (timing.p50_ms, timing.p95_ms, timing.p99_ms)),
            "" if name == "message" else marks.bar(timing.p50_ms / most if most else 0.0, _BAR),
        ]
        for name, timing in timings.items()
    ]
    table(["step", "p50", "p95", "p99", "median"], rows)
    say()
    say(
        f"{found.messages:,} messages in {found.seconds:.2f} s: {found.per_second:.1f} a second, "
        f"one after another"
    )
    note(f"the first message, not counted, took {_ms(found.warm_up_ms).strip()}")
    if found.degraded:
        note(
            f"⚠ {found.degraded:,} of {found.messages:,} replies came from the embedded responder: "
            f"{printable(found.reason or '')}"
        )


def _show_changes(file: str, document: Mapping[str, Any]) -> None:
    found = document["compared"]
    say()
    say(f"Since {file}:")
    table(
        ["step", "then", "now", "change", ""],
        [
            [
                name,
                _ms(change["before_ms"]),
                _ms(change["now_ms"]),
                f"{change['percent']:+.1f} %",
                _verdict(change),
            ]
            for name, change in found["steps"].items()
        ],
    )
    for name, (then, now) in found["stack_differs"].items():
        note(f"⚠ {name.replace('_', ' ')} was {then}, is {now}")


def _verdict(change: Mapping[str, Any]) -> str:
    if change["noise"]:
        return "noise"
    return "slower" if change["percent"] > 0 else "faster"


def _ms(value: float) -> str:
    """Milliseconds with the digits worth reading."""
    digits = 2 if value < 1 else 1 if value < _HUNDRED else 0
    return f"{value:,.{digits}f} ms"


def _read(file: str) -> dict[str, Any]:
    """A saved result: the document, and its samples.

    Raises:
        InputError: It cannot be read, or is none.
    """
    from luminora.measuring import read_samples

    try:
        with Path(file).open("rb") as opened:
            document = json.loads(opened.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not JSON"
        raise InputError(f"cannot be read: {reason}", where=file) from None
    return {"document": document, "samples": read_samples(document, file)}


def _check_target(file: str) -> None:
    """Refuse, before anything is spent, a file that is something else or cannot be there.

    Raises:
        InputError: It is.
    """
    path = Path(file)
    if path.exists():
        _read(file)
    elif not path.absolute().parent.is_dir():
        raise InputError(
            "there is no such folder", where=str(path.parent), hint=f"mkdir -p {path.parent}"
        )


def _write(file: str, document: Mapping[str, Any], found: Measured) -> None:
    from luminora._state import write_atomically
    from luminora.measuring import kept

    kept_document = {"version": VERSION, **document, "samples": kept(found.samples)}
    try:
        write_atomically(Path(file), json.dumps(kept_document, indent=1) + "\n", mode=0o644)
    except OSError as problem:
        raise InputError(f"cannot be written: {problem.strerror}", where=file) from None
