"""``luminora doctor``: everything that may be wrong, why, and what mends it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from luminora.cli.output import (
    MARKS,
    emit_json,
    json_option,
    loaded_config,
    note,
    run_async,
    say,
    table,
    timeout_option,
)

if TYPE_CHECKING:
    from luminora.doctor import Check, Finding

_DOTS = {"ok": "•", "warning": "!", "error": "✗"}


@click.command()
@click.argument("names", metavar="[CHECK]...", nargs=-1)
@click.option("--fix", is_flag=True, help="Mend what can be mended safely; ask before the rest.")
@click.option("--yes", is_flag=True, help="With --fix: do not ask.")
@click.option("--list-checks", is_flag=True, help="List the checks, and run none.")
@timeout_option
@click.option("--config", "config_file", metavar="FILE", help="The configuration to look at.")
@click.option("--set", "settings", metavar="PATH=VALUE", multiple=True, help="Override one value.")
@json_option
def doctor(
    names: Sequence[str],
    *,
    fix: bool,
    yes: bool,
    list_checks: bool,
    within: float,
    config_file: str | None,
    settings: Sequence[str],
    as_json: bool,
) -> int:
    """Look for everything that may be wrong, say why, and how to mend it.

    Configuration, plugins, versions, permissions, disk, clocks, schema, dimension, jobs, index and
    connections; with names, only those checks. The exit code is 1 if anything is broken ([✗]);
    warnings ([!]) leave it 0.

    Examples: luminora doctor · luminora doctor schema jobs · luminora doctor --fix
    """
    from luminora.checks import CHECKS
    from luminora.doctor import worst

    _refuse_unknown(names, [check.name for check in CHECKS])
    if list_checks:
        _list(CHECKS, as_json=as_json)
        return 0
    asking = _Asking(fix=fix, yes=yes)
    found = run_async(
        _examined(lambda: loaded_config(config_file, settings), names, within, asking, as_json)
    )
    if as_json:
        emit_json(_document(found))
    else:
        _verdict([finding for _, findings in found for finding in findings], fixing=fix)
    every = [finding for _, findings in found for finding in findings]
    return 1 if worst(every).value == "error" else 0


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question: a running event loop would wait for the answer first."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Asking:
    """Whether something may be mended: asked where that matters and somebody can answer."""

    def __init__(self, *, fix: bool, yes: bool) -> None:
        self._fix, self._yes = fix, yes

    def may(self, finding: Finding) -> bool:
        if not self._fix or finding.mend is None:
            return False
        if self._yes or finding.mend.confirm is None:
            return True
        if not sys.stdin.isatty():
            note(f"left alone without --yes: {finding.what}")
            return False
        with _interruptible():
            return click.confirm(finding.mend.confirm, err=True)


async def _examined(
    load: Any, names: Sequence[str], within: float, asking: _Asking, quiet: bool
) -> list[tuple[Check, list[Finding]]]:
    from luminora.checks import CHECKS
    from luminora.doctor import Patient, examine, mend

    patient = Patient.of(load, within)
    done: list[tuple[Check, list[Finding]]] = []
    group: list[Finding] = []
    title = ""
    try:
        async for check, findings in examine(patient, CHECKS, names):
            if check.group != title and not quiet:
                _show(title, group)
                group = []
            title = check.group
            after = [await mend(one) if asking.may(one) else one for one in findings]
            group += after
            done.append((check, after))
        if not quiet:
            _show(title, group)
    finally:
        await patient.aclose()
    return done


def _show(title: str, findings: Sequence[Finding]) -> None:
    from luminora.doctor import worst

    if not findings:
        return
    mark, colour = MARKS[worst(findings).value]
    say(f"{click.style(mark, fg=colour)} {click.style(title, bold=True)}")
    for one in findings:
        dot = "✓" if one.fixed else _DOTS[one.status.value]
        first, *more = one.what.splitlines() or [""]
        say(f"    {dot} {'mended: ' if one.fixed else ''}{first}")
        for line in [*more, *one.cause.splitlines()]:
            say(f"      {line.strip()}")
        if one.fix:
            page = f"  (docs/{one.doc}.md)" if one.doc else ""
            say(f"      → {one.fix}{page}")


def _verdict(findings: Sequence[Finding], *, fixing: bool) -> None:
    counts = {state: sum(one.status.value == state for one in findings) for state in MARKS}
    mended = sum(one.fixed for one in findings)
    mendable = sum(one.mend is not None for one in findings)
    say()
    if mended:
        say(f"{mended} {'thing was' if mended == 1 else 'things were'} mended.")
    if counts["error"]:
        what = "problem" if counts["error"] == 1 else "problems"
        also = f", {_warnings(counts['warning'])}" if counts["warning"] else ""
        say(f"{counts['error']} {what}{also}.")
    elif counts["warning"]:
        say(f"Your system is ready, with {_warnings(counts['warning'])}.")
    elif findings:
        say("Your system is ready!")
    else:
        say("There was nothing to look at.")
    if mendable and not fixing:
        say(f"  → luminora doctor --fix mends {mendable} of them")


def _warnings(count: int) -> str:
    return f"{count} {'warning' if count == 1 else 'warnings'}"


def _document(found: Sequence[tuple[Check, list[Finding]]]) -> dict[str, Any]:
    from luminora.doctor import worst

    every = [(check, one) for check, findings in found for one in findings]
    states = [one.status.value for _, one in every]
    return {
        "status": worst([one for _, one in every]).value,
        "counts": {state: states.count(state) for state in MARKS},
        "findings": [
            {
                "check": one.check,
                "group": check.group,
                "status": one.status.value,
                "what": one.what,
                "cause": one.cause or None,
                "fix": one.fix,
                "doc": f"docs/{one.doc}.md" if one.doc else None,
                "mendable": one.mend is not None,
                "fixed": one.fixed,
            }
            for check, one in every
        ],
    }


def _refuse_unknown(names: Sequence[str], known: Sequence[str]) -> None:
    from luminora._index import suggestion

    for name in names:
        if name not in known:
            text = f"there is no check '{name}'{suggestion(name, known)}"
            raise click.UsageError(f"{text}\nluminora doctor --list-checks shows them all")


def _list(checks: Sequence[Check], *, as_json: bool) -> None:
    if as_json:
        rows = [{"name": one.name, "group": one.group, "about": one.about} for one in checks]
        emit_json({"checks": rows})
    else:
        table(("Check", "Group", "Looks whether"), [(c.name, c.group, c.about) for c in checks])
