"""``luminora stats``: how much is remembered, of all users or of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from luminora.cli._companion import printable
from luminora.cli.output import config_options, emit_json, json_option, note, run_async, say, table
from luminora.errors import LuminoraError

if TYPE_CHECKING:
    from luminora.config import Config

NOTHING = "nothing yet: the first conversation begins it, or luminora migrate"
"""What is said of a database that does not exist or holds none of our tables."""

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024


@click.command()
@click.option("--user", metavar="NAME", help="Only what is remembered about this user.")
@config_options
@json_option
def stats(config: Config, user: str | None, *, as_json: bool) -> None:
    """Count what the database holds: users, messages, facts, vectors and what still waits.

    Nothing is created or changed.

    Example: luminora stats --user ana
    """
    found = run_async(_counted(config, user))
    if as_json:
        emit_json(found)
        return
    place = f"{found['storage']}, {found['vector_store']['provider']}"
    if found["empty"]:
        say(f"{place}: {NOTHING}")
        return
    table(["what", "how many"], [[what, _number(count)] for what, count in _rows(found)])
    if user is not None and not (found["sessions"] or found["messages"] or found["facts"]):
        note(f"nothing is remembered about '{printable(user)}' → luminora sessions lists others")
    for error in found["errors"]:
        note(printable(f"note: {error}"))
    if found["unindexed"]:
        note("→ luminora reindex")
    if found["jobs"]["dead"]:
        note("→ luminora jobs --status dead")


async def _counted(config: Config, user: str | None) -> dict[str, Any]:
    from luminora.inventory import inventory
    from luminora.providers import Kind

    async with inventory(config, [Kind.VECTOR_STORE]) as held:
        errors = [str(problem) for problem in held.failed.values()]
        empty = held.empty
        vectors, index, size = None, None, None
        if not empty:
            try:
                index = await held.active()
                vectors = await held.vectors(index, user)
            except LuminoraError as problem:  # what else there is can be told all the same
                errors.append(str(problem))
            size = await held.size() if user is None else None
        return {
            "user": user,
            "storage": config.section(Kind.STORAGE)["name"],
            "empty": empty,
            **await held.counts(user),
            "vector_store": {
                "provider": config.section(Kind.VECTOR_STORE)["name"],
                "index": index,
                "vectors": vectors,
            },
            "size_bytes": size,
            "errors": errors,
        }


def _rows(found: dict[str, Any]) -> list[tuple[str, Any]]:
    """What is shown, in the order in which people ask for it."""
    names = ("users", "sessions", "messages", "facts", "episodes")
    rows: list[tuple[str, Any]] = [(name, found[name]) for name in names if name in found]
    rows.append(("vectors", found["vector_store"]["vectors"]))
    rows.append(("messages not indexed yet", found["unindexed"]))
    waiting = found["jobs"]["ready"] + found["jobs"]["leased"]
    rows.append(("pending jobs", waiting))
    if found["jobs"]["dead"]:
        rows.append(("dead jobs", found["jobs"]["dead"]))
    if found["size_bytes"] is not None:
        rows.append(("size of the database", _bytes(found["size_bytes"])))
    return rows


def _number(count: Any) -> str:
    return "unknown" if count is None else f"{count:,}" if isinstance(count, int) else str(count)


def _bytes(size: float) -> str:
    unit = 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size, unit = size / _STEP, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"
