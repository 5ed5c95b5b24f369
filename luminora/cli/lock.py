"""``luminora plugins lock``: write down which plugins may be imported, and compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from luminora.cli.output import config_options, emit_json, json_option, note, say
from luminora.errors import InputError

if TYPE_CHECKING:
    from luminora._manifests import Discovery
    from luminora.config import Config


@click.command("lock")
@click.option("--check", is_flag=True, help="Compare only; exit code 1 if anything differs.")
@click.option("--all", "every", is_flag=True, help="All installed plugins, not only those in use.")
@config_options
@json_option
def lock(config: Config, *, check: bool, every: bool, as_json: bool) -> int:
    """Write luminora.lock: the plugins in use, with versions, file hashes, hosts and secrets.

    With luminora --locked, LUMINORA_LOCKED=1, or "plugins": {"locked": true}, a plugin that is not
    in the lock, or is not what the lock has, is not imported. This is no sandbox: a plugin that
    is imported can do all that you can.

    Examples: luminora plugins lock · luminora plugins lock --check · luminora --locked chat
    """
    from luminora import _lock

    path = _lock.place(config)
    discoveries = _chosen(config, every=every, strict=not check)
    if check:
        changed = _lock.compared(path, discoveries, config.index)
        if as_json:
            emit_json({"path": str(path), "ok": not changed, "changed": changed})
        else:
            for name, lines in changed.items():
                for line in lines:
                    say(f"{name}: {line}")
            count = len(changed)
            say(f"{path}: {_differ(count) if count else 'as it is installed'}")
        return 1 if changed else 0
    document = _lock.compose(discoveries)
    try:
        _lock.write(path, document)
    except OSError as problem:
        raise InputError(f"cannot be written: {problem.strerror}", where=str(path)) from None
    if as_json:
        emit_json({"path": str(path), "plugins": document["plugins"]})
        return 0
    for name, entry in document["plugins"].items():
        hosts = ", ".join(entry["hosts"]) or "no host of its own"
        in_place = "" if entry["record"] else ", installed in place"
        say(f"  {name} {entry['version']}{in_place}: {hosts}")
    say(f"{path} written: {_plugins(len(document['plugins']))} beside Luminora's own")
    note("→ luminora --locked COMMAND imports these and no others, unchanged")
    return 0


def _chosen(config: Config, *, every: bool, strict: bool) -> list[Discovery]:
    from luminora import _lock

    if not every:
        return _lock.used(config, strict=strict)
    index = config.index
    return [
        one for one in index.discoveries if one.manifest and not one.error and index.enabled(one)
    ]


def _plugins(count: int) -> str:
    return "1 plugin" if count == 1 else f"{count} plugins"


def _differ(count: int) -> str:
    return f"{_plugins(count)} {'differs' if count == 1 else 'differ'}"
