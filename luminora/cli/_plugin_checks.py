"""``luminora plugins validate`` and ``doctor``: what an author, and what a user has to mend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luminora.cli.output import emit_json, json_option, note, say, table

if TYPE_CHECKING:
    from luminora.plugins import Discovery, Index
    from luminora.vetting import Cost


@click.command()
@click.argument("path", required=False)
@click.option("--imports", is_flag=True, help="Also import it; this runs the plugin's code.")
@json_option
def validate(path: str | None, *, imports: bool, as_json: bool) -> int:
    """Check plugins as strictly as an author wants it: manifest, secrets, hosts, entry point.

    PATH is a project's folder, the package that holds the manifest, or the manifest itself; left
    out, all installed plugins are checked. With --imports it is imported too, and what that costs
    every command is part of the verdict.

    Examples: luminora plugins validate . · luminora plugins validate --imports .
    """
    from luminora import vetting
    from luminora._index import Index

    place = Path(path) if path is not None else None
    subjects = Index.load().discoveries if place is None else (vetting.subject(place),)
    found = {
        str(one.manifest.path if one.manifest else one.distribution): vetting.faults(
            one, imports=imports, path=place
        )
        for one in subjects
    }
    if as_json:
        emit_json({"valid": not any(found.values()), "problems": found})
    else:
        for name, faults in found.items():
            say(f"{name}: {f'{len(faults)} problems' if faults else 'ok'}")
            for fault in faults:
                say(f"  {fault}")
    return 1 if any(found.values()) else 0


@click.command()
@click.option("--time", "timed", is_flag=True, help="Also measure what each costs to import.")
@json_option
def doctor(*, timed: bool, as_json: bool) -> int:
    """Look for plugins that cannot work, and say what to do about each.

    Examples: luminora plugins doctor · luminora plugins doctor --time
    """
    from luminora import _state
    from luminora.plugins import Index, discover

    index = Index(discover(fresh=True), _state.disabled())
    found = {
        str(discovery.distribution): list(_ailments(index, discovery))
        for discovery in index.discoveries
    }
    conflicts = [conflict_text(*conflict) for conflict in index.conflicts()]
    costs = _costs(index) if timed else {}
    ill = any(found.values()) or bool(conflicts)
    if as_json:
        document: dict[str, Any] = {"ok": not ill, "plugins": found, "conflicts": conflicts}
        if timed:
            document |= {
                "import_ms": {name: cost and round(cost.ms, 1) for name, cost in costs.items()},
                "imports": {name: cost.modules if cost else () for name, cost in costs.items()},
            }
        emit_json(document)
        return 1 if ill else 0
    for name, ailments in found.items():
        say(f"[{'✗' if ailments else '✓'}] {name}")
        for ailment in ailments:
            say(f"      {ailment}")
    for text in conflicts:
        say(f"[!] {text}")
    if timed:
        say()
        _show_costs(costs)
    return 1 if ill else 0


def conflict_text(kind: str, name: str, owners: list[str]) -> str:
    """What to say of a provider that several distributions offer."""
    return (
        f"{kind} '{name}' is offered by {' and '.join(owners)}: disable one, or write "
        f'{{"name": "{name}", "package": "{owners[0]}"}}'
    )


def _costs(index: Index) -> dict[str, Cost | None]:
    """What each plugin costs to import, the dearest first."""
    from luminora import vetting

    found = {
        str(one.distribution): vetting.cost(one.manifest.module)
        for one in index.discoveries
        if one.manifest and not one.error and index.enabled(one)
    }
    return dict(sorted(found.items(), key=lambda pair: -(pair[1].ms if pair[1] else 0)))


def _show_costs(costs: dict[str, Cost | None]) -> None:
    rows = [
        (
            name,
            f"{cost.ms:.1f}" if cost else "failed",
            f"{cost.ms / cost.base_ms:.2f}x" if cost and cost.base_ms else "",
            ", ".join(cost.modules[:6]) if cost else "luminora plugins validate --imports",
        )
        for name, cost in costs.items()
    ]
    table(["plugin", "import ms", "of luminora.providers", "brings"], rows)
    note("Nothing of this is paid before a configuration names a plugin's provider.")


def _ailments(index: Index, discovery: Discovery) -> Iterator[str]:
    from luminora.schema import importable

    if discovery.error:
        yield discovery.error
        name = discovery.distribution.name
        yield f"→ luminora plugins validate, or luminora plugins disable {name}"
        return
    if not discovery.manifest or not index.enabled(discovery):
        return
    for entries in discovery.manifest.data.get("providers", {}).values():
        for name, entry in entries.items():
            for module, command in entry.get("requires", {}).items():
                if not importable(module):
                    yield f"'{name}' needs the Python package '{module}' → {command}"
