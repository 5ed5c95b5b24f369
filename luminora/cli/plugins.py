"""``luminora plugins``: every one of these commands works while every plugin is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from luminora.cli._new_plugin import new
from luminora.cli._plugin_checks import conflict_text, doctor, validate
from luminora.cli.lock import lock
from luminora.cli.output import Group, emit_json, json_option, note, say, table

if TYPE_CHECKING:
    from luminora.plugins import Discovery, Index


@click.group(cls=Group)
def plugins() -> None:
    """List, check and switch plugins.

    Examples: luminora plugins list · luminora plugins new echo --kind llm
    """


plugins.add_command(new)
plugins.add_command(lock)
plugins.add_command(validate)
plugins.add_command(doctor)


@plugins.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the installed plugins and what they offer.

    Example: luminora plugins list
    """
    index = _index()
    conflicts = index.conflicts()
    found = [_plain(index, discovery) for discovery in index.discoveries]
    if as_json:
        clashes = [
            dict(zip(("kind", "name", "distributions"), one, strict=True)) for one in conflicts
        ]
        emit_json({"plugins": found, "conflicts": clashes})
        return
    table(
        ["plugin", "version", "state", "offers", "capabilities"],
        [
            [plugin["distribution"], plugin["version"], plugin["state"], *offer]
            for plugin in found
            for offer in _offered(plugin) or [("", "")]
        ],
    )
    for plugin in found:
        if plugin["error"]:
            note(f"{plugin['distribution']}: {plugin['error']}")
    for conflict in conflicts:
        note(conflict_text(*conflict))


@plugins.command()
@click.argument("name")
@json_option
def info(name: str, *, as_json: bool) -> None:
    """Show what a plugin is, offers, needs and talks to, and its conformance report.

    Example: luminora plugins info luminora-redis
    """
    from luminora import _reports

    index = _index()
    discovery = index.plugin(name)
    plugin = _plain(index, discovery)
    manifest = discovery.manifest
    providers: Any = manifest.data.get("providers", {}) if manifest else {}
    report = _reports.read(manifest.path.parent) if manifest else None
    if as_json:
        emit_json({**plugin, "providers": providers, "conformance": report})
        return
    for key, value in plugin.items():
        if value and key not in {"offers", "capabilities"}:
            say(f"{key:<13} {value}")
    for kind, entries in providers.items():
        for own, entry in entries.items():
            say(f"\n{kind} '{own}': {entry.get('description', '')}")
            for key in ("aliases", "models", "dimensions", "capabilities", "requires", "hosts"):
                if entry.get(key):
                    say(f"  {key:<12} {_short(entry[key])}")
            for setting, schema in entry["config_schema"].get("properties", {}).items():
                say(f"  config.{setting}: {schema.get('description', '')}")
    _show_report(report)
    say("\nA plugin runs with all of your rights: install only what you trust.")


@plugins.command()
@click.argument("name")
def disable(name: str) -> None:
    """Keep a plugin from being imported, in every project of yours.

    Example: luminora plugins disable luminora-redis
    """
    from luminora import plugins as machinery

    owner = machinery.disable(name)
    say(f"{owner.name} is disabled")
    note(f"luminora plugins enable {owner.name} undoes it")


@plugins.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let a disabled plugin be imported again.

    Example: luminora plugins enable luminora-redis
    """
    from luminora import plugins as machinery

    say(f"{machinery.enable(name).name} is enabled")


def _show_report(report: dict[str, Any] | None) -> None:
    from luminora import _reports

    if report is None:
        say("\nconformance: no report; its author can make one: pytest --luminora-report")
        return
    made = f" of {report['tested_at'][:10]}, kit {report['kit']}" if "tested_at" in report else ""
    say(f"\nconformance report{made}")
    for remark in report["remarks"]:
        say(f"  ! {remark}")
    for line in _reports.told(report):
        say(f"  {line}")


def _index() -> Index:
    from luminora._index import Index

    return Index.load()


def _plain(index: Index, discovery: Discovery) -> dict[str, Any]:
    owner, manifest = discovery.distribution, discovery.manifest
    state = "broken" if discovery.error else "ok"
    return {
        "distribution": owner.name,
        "version": owner.version,
        "name": manifest.name if manifest else owner.entry,
        "state": state if index.enabled(discovery) else "disabled",
        "error": discovery.error,
        "package": owner.package,
        "manifest": str(manifest.path) if manifest else None,
        "api": manifest.api if manifest else None,
        "offers": {kind: sorted(names) for kind, names in manifest.offers.items()}
        if manifest
        else {},
        "capabilities": {
            kind: {name: dict(entry.get("capabilities", {})) for name, entry in entries.items()}
            for kind, entries in (manifest.data.get("providers", {}) if manifest else {}).items()
        },
        "commands": dict(manifest.commands) if manifest else {},
    }


def _offered(plugin: dict[str, Any]) -> list[tuple[str, str]]:
    """Each provider and command, and what the provider can do."""
    providers = [
        (f"{kind}:{name}", _able(plugin["capabilities"].get(kind, {}).get(name, {})))
        for kind, names in plugin["offers"].items()
        for name in names
    ]
    return [*providers, *((f"command:{name}", "") for name in plugin["commands"])]


def _able(capabilities: dict[str, str]) -> str:
    """What is supported, and what is so in part."""
    marks = {"full": "", "partial": " (in part)"}
    return ", ".join(
        f"{name.replace('_', ' ')}{marks[state]}"
        for name, state in capabilities.items()
        if state in marks
    )


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {inner}" for key, inner in value.items())
    return ", ".join(map(str, value))
