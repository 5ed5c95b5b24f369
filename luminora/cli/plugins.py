"""``luminora plugins``: every one of these commands works while every plugin is broken."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luminora.cli._new_plugin import new
from luminora.cli.output import Group, emit_json, json_option, note, say, table

if TYPE_CHECKING:
    from luminora.plugins import Discovery, Index


@click.group(cls=Group)
def plugins() -> None:
    """List, check and switch plugins."""


plugins.add_command(new)


@plugins.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the installed plugins and what they offer."""
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
        note(_conflict(*conflict))


@plugins.command()
@click.argument("name")
@json_option
def info(name: str, *, as_json: bool) -> None:
    """Show what a plugin is, offers, needs and talks to."""
    index = _index()
    discovery = index.plugin(name)
    plugin = _plain(index, discovery)
    manifest = discovery.manifest
    providers: Any = manifest.data.get("providers", {}) if manifest else {}
    if as_json:
        emit_json({**plugin, "providers": providers})
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
    say("\nA plugin runs with all of your rights: install only what you trust.")


@plugins.command()
@click.argument("path", required=False)
@click.option("--imports", is_flag=True, help="Also import it; this runs the plugin's code.")
@json_option
def validate(path: str | None, *, imports: bool, as_json: bool) -> int:
    """Check manifests as strictly as an author wants it.

    PATH is a manifest, or the package that holds one; left out, all installed plugins are checked.
    """
    found: dict[str, list[str]] = {}
    for discovery, package in _subjects(path):
        name = str(discovery.manifest.path if discovery.manifest else discovery.distribution)
        found[name] = _faults(discovery, package, imports=imports)
    if as_json:
        emit_json({"valid": not any(found.values()), "problems": found})
    else:
        for name, faults in found.items():
            say(f"{name}: {f'{len(faults)} problems' if faults else 'ok'}")
            for fault in faults:
                say(f"  {fault}")
    return 1 if any(found.values()) else 0


@plugins.command()
@click.option("--time", "timed", is_flag=True, help="Also measure how long each takes to import.")
@json_option
def doctor(*, timed: bool, as_json: bool) -> int:
    """Look for plugins that cannot work, and say what to do about each."""
    from luminora import _state
    from luminora.plugins import Index, discover

    index = Index(discover(fresh=True), _state.disabled())
    found = {
        str(discovery.distribution): list(_ailments(index, discovery))
        for discovery in index.discoveries
    }
    conflicts = [_conflict(*conflict) for conflict in index.conflicts()]
    times = {
        str(discovery.distribution): _import_ms(discovery)
        for discovery in index.discoveries
        if timed and discovery.manifest and not discovery.error and index.enabled(discovery)
    }
    ill = any(found.values()) or bool(conflicts)
    if as_json:
        document: dict[str, Any] = {"ok": not ill, "plugins": found, "conflicts": conflicts}
        emit_json({**document, "import_ms": times} if timed else document)
        return 1 if ill else 0
    for name, ailments in found.items():
        cost = f"  (imported in {times[name]:.0f} ms)" if times.get(name) is not None else ""
        say(f"[{'✗' if ailments else '✓'}] {name}{cost}")
        for ailment in ailments:
            say(f"      {ailment}")
    for text in conflicts:
        say(f"[!] {text}")
    return 1 if ill else 0


@plugins.command()
@click.argument("name")
def disable(name: str) -> None:
    """Keep a plugin from being imported, in every project of yours."""
    from luminora import plugins as machinery

    owner = machinery.disable(name)
    say(f"{owner.name} is disabled")
    note(f"luminora plugins enable {owner.name} undoes it")


@plugins.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let a disabled plugin be imported again."""
    from luminora import plugins as machinery

    say(f"{machinery.enable(name).name} is enabled")


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


def _conflict(kind: str, name: str, owners: list[str]) -> str:
    return (
        f"{kind} '{name}' is offered by {' and '.join(owners)}: disable one, or write "
        f'{{"name": "{name}", "package": "{owners[0]}"}}'
    )


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {inner}" for key, inner in value.items())
    return ", ".join(map(str, value))


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


def _import_ms(discovery: Discovery) -> float | None:
    """Milliseconds that a fresh Python takes to import the plugin beyond luminora's contracts."""
    import subprocess

    module = discovery.manifest.module if discovery.manifest else ""
    code = (
        "import sys, time, luminora.providers, luminora.hookspecs; start = time.perf_counter(); "
        "__import__(sys.argv[1]); print((time.perf_counter() - start) * 1000)"
    )
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, a module's name
            [sys.executable, "-c", code, module],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return float(done.stdout.split()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError):
        return None


def _subjects(path: str | None) -> Iterator[tuple[Discovery, str | None]]:
    """What to check, with the name of the package it lies in."""
    from luminora._manifests import MANIFEST, Discovery, Distribution, Manifest

    if path is None:
        for discovery in _index().discoveries:
            yield discovery, discovery.distribution.package
        return
    file = Path(path).absolute()
    file = file / MANIFEST if file.is_dir() else file
    package = file.parent.name
    owner = Distribution(package, "(not installed)", package, package)
    outline = {"name": package, "api": "", "module": package, "offers": {}, "commands": {}}
    yield Discovery(Manifest(str(file), outline), owner, None), package


def _faults(discovery: Discovery, package: str | None, *, imports: bool) -> list[str]:
    from luminora.errors import LuminoraError
    from luminora.plugins import problems

    if discovery.manifest is None:
        return [discovery.error or "it has no manifest"]
    try:
        data = discovery.manifest.data
    except LuminoraError as problem:
        return [str(problem)]
    found = problems(data, package=package, strict=True)
    if discovery.error and not found:
        found.append(discovery.error)
    return found or (_import_faults(discovery) if imports else [])


def _import_faults(discovery: Discovery) -> list[str]:
    """What importing and registering the plugin brings to light."""
    from luminora._manifests import outline
    from luminora.config import load_config
    from luminora.errors import LuminoraError
    from luminora.plugins import Activation, Discovery, Index, Manifest

    path, data = discovery.manifest.path, discovery.manifest.data  # type: ignore[union-attr]
    whole = Discovery(Manifest(str(path), outline(data)), discovery.distribution, None)
    index = Index([whole])
    sys.path.insert(0, str(path.parent.parent))
    try:
        module = Activation(load_config({}, env={}, index=index), index).load(whole)
    except LuminoraError as problem:
        return [problem.message]
    finally:
        sys.path.remove(str(path.parent.parent))
    return list(_model_faults(module, data))


def _model_faults(module: Any, data: Any) -> Iterator[str]:
    """Where ``CONFIG_MODELS`` (pydantic models by ``kind/name``) and the manifest disagree."""
    for key, model in getattr(module, "CONFIG_MODELS", {}).items():
        kind, _, name = key.partition("/")
        entry = data.get("providers", {}).get(kind, {}).get(name)
        if entry is None:
            yield f"CONFIG_MODELS has '{key}', which the manifest does not offer"
            continue
        declared = set(entry["config_schema"].get("properties", {}))
        modelled = set(model.model_json_schema().get("properties", {}))
        for extra in sorted(declared ^ modelled):
            where = "manifest" if extra in declared else "model"
            yield f"{key}: only the {where} has the property '{extra}'"
