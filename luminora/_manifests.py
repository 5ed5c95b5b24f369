"""Find the installed plugins and read their manifests without importing a line of their code.

What was found is remembered in the user's cache folder together with the time stamps of every
``sys.path`` entry, distribution and manifest, so that a warm discovery costs some ``stat`` calls
and one small file. A manifest's body is read again only when somebody asks for it.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import zlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from luminora import _jsonc, _resources, _state
from luminora._version import API_VERSION, __version__
from luminora.errors import LuminoraError, PluginBroken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.metadata import Distribution as Installed

GROUP = "luminora.plugins"
MANIFEST = "luminora-plugin.json"
KINDS = ("llm", "embedding", "storage", "vector_store", "cache")
_FRESH_SECONDS = 2  # a folder changed so recently may change again within its time stamp


class Distribution(NamedTuple):
    """Where a plugin comes from.

    Attributes:
        name: The distribution's name, as pip knows it.
        version: Its version.
        entry: Name of the entry point: the plugin's id.
        package: The top-level package the entry point names.
    """

    name: str
    version: str
    entry: str
    package: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Manifest:
    """A plugin's manifest: its outline at once, its body when it is asked for.

    Args:
        file: Its path, as text: a thousand plugins' paths are parsed only when they matter.
        outline: What the index keeps of it.

    Attributes:
        name: What the plugin calls itself.
        api: The range of the plugin API it works with.
        module: The module with its hook implementations.
        offers: Names of its providers by kind, each with its aliases.
        commands: Commands it adds, with one line of help each.
    """

    def __init__(self, file: str, outline: Mapping[str, Any]) -> None:
        self._file = file
        self.name: str = outline["name"]
        self.api: str = outline["api"]
        self.module: str = outline["module"]
        self.offers: Mapping[str, Mapping[str, list[str]]] = outline["offers"]
        self.commands: Mapping[str, str] = outline["commands"]

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self._file)

    @cached_property
    def data(self) -> Mapping[str, Any]:
        """The whole manifest.

        Raises:
            PluginBroken: The file changed under our feet and cannot be read any more.
        """
        try:
            source = self.path.read_bytes()
        except OSError as problem:
            raise PluginBroken(
                f"cannot be read: {problem.strerror}", where=str(self.path)
            ) from None
        data: Mapping[str, Any] = _jsonc.parse(source, str(self.path), error=PluginBroken)
        return data

    def provider(self, kind: str, name: str) -> Mapping[str, Any]:
        """What the manifest says of one provider."""
        found: Mapping[str, Any] = self.data["providers"][kind][name]
        return found


class Discovery(NamedTuple):
    """One entry point: its manifest if that can be understood, and what is wrong if anything is.

    Both are present when the manifest is fine but the plugin cannot be used, as when it wants
    another version of the plugin API.
    """

    manifest: Manifest | None
    distribution: Distribution
    error: str | None


def discover(*, fresh: bool = False) -> list[Discovery]:
    """All installed plugins, usable or not; imports none of them and never raises.

    Args:
        fresh: Look again instead of trusting the cache.
    """
    try:
        cache = _state.user_dir("cache") / f"plugins-{zlib.crc32(repr(_paths()).encode()):08x}.json"
    except (OSError, RuntimeError):  # no home, no working directory
        return [_discovery(row) for row in _scan()]
    found = None if fresh else _remembered(cache)
    if found is None:
        rows = _scan()
        _remember(cache, rows)
        found = [_discovery(row) for row in rows]
    return found


def normal(name: str) -> str:
    """A distribution's name as the package index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _discovery(row: Mapping[str, Any]) -> Discovery:
    outline = row["outline"]
    return Discovery(
        Manifest(row["path"], outline) if outline else None,
        Distribution(row["name"], row["version"], row["entry"], row["package"]),
        row["error"],
    )


# --- the cache -----------------------------------------------------------------------------------


def _paths() -> list[str]:
    return [entry or str(Path.cwd()) for entry in sys.path]


def _stamp(path: str) -> list[Any]:
    try:
        status = os.stat(path)  # noqa: PTH116 - called for every plugin at every start
    except OSError:
        return [path, None, None]
    return [path, status.st_mtime_ns, status.st_size]


def _installed(folder: str) -> dict[str, int]:
    """The distributions' metadata in a folder of ``sys.path``, each with its time stamp."""
    try:
        with os.scandir(folder) as entries:
            return {
                entry.name: entry.stat().st_mtime_ns
                for entry in entries
                if entry.name.endswith((".dist-info", ".egg-info"))
            }
    except OSError:
        return {}


def _same(old: list[Any], installed: Any) -> bool:
    """Whether a file, or what is installed in a folder that changed otherwise, is as it was.

    A current folder on ``sys.path`` changes with every file that an application writes.
    """
    return _stamp(old[0]) == old or (installed is not None and _installed(old[0]) == installed)


def _head() -> dict[str, Any]:
    """All but the files that the answer depends on."""
    return {"format": 1, "luminora": __version__, "api": API_VERSION, "paths": _paths()}


def _remembered(cache: Path) -> list[Discovery] | None:
    try:
        document = json.loads(cache.read_bytes())
        installed = document["installed"]
        stamps = document["stamps"]
        if document["head"] != _head() or not all(_same(o, installed.get(o[0])) for o in stamps):
            return None
        return [_discovery(row) for row in document["rows"]]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # absent, of another version or damaged: all the same, it is made again


def _remember(cache: Path, rows: list[dict[str, Any]]) -> None:
    try:
        files = [str(_schema_file()), *(row["path"] for row in rows if row["path"])]
        installed = {path: _installed(path) for path in _paths()}
        document = {
            "head": _head(),
            "stamps": [_stamp(path) for path in [*_paths(), *files]],
            # a package that is missing may come without any metadata's changing
            "installed": installed if all(row["path"] for row in rows) else {},
            "rows": rows,
        }
        changes = [stamp for found in installed.values() for stamp in found.values()]
        changes += [_stamp(path)[1] or 0 for path in files]
        if max(changes) / 1e9 > time.time() - _FRESH_SECONDS:
            return
        text = json.dumps(document, separators=(",", ":"))
        _state.write_atomically(cache, text)
    except OSError:
        return  # a read-only home: discovery is slower, not wrong


# --- the search ----------------------------------------------------------------------------------


def _scan() -> list[dict[str, Any]]:
    from importlib import metadata  # noqa: PLC0415 - dear, and a warm start does without

    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for installed in metadata.distributions():
        for name, version, entry, value in _entries(installed, seen):
            package = re.split(r"[.:\s\[]", value.strip(), maxsplit=1)[0]
            path, error = _find(package)
            data, summary = None, None
            if path and not error:
                data, error = _read(path)
            if data is not None:
                summary, error = _judged(data, package)
            rows.append(
                {
                    "name": name,
                    "version": version,
                    "entry": entry,
                    "package": package,
                    "path": str(path) if path else None,
                    "outline": summary,
                    "error": error,
                }
            )
    return sorted(rows, key=lambda row: (row["name"], row["entry"]))


def _entries(installed: Installed, seen: set[str]) -> Iterator[tuple[str, str, str, str]]:
    """Name, version, entry and value of each of our entry points; the first of a name counts."""
    try:
        text = installed.read_text("entry_points.txt") or ""
        name = installed.metadata["Name"] or "unknown"
        version = installed.version or "unknown"
        shadowed = normal(name) in seen
        seen.add(normal(name))
        if shadowed or GROUP not in text:
            return
        entries = list(installed.entry_points.select(group=GROUP))
    except Exception:  # noqa: BLE001 - somebody else's damaged metadata; pip reports it
        return
    for entry in entries:
        yield name, version, entry.name, entry.value


def _find(package: str) -> tuple[Path | None, str | None]:
    """The manifest's place, or the place where it is missing and why."""
    from importlib import util  # noqa: PLC0415 - a warm start does without

    try:
        spec = util.find_spec(package) if package.isidentifier() else None
    except Exception as problem:  # noqa: BLE001 - finders are anybody's code
        return None, f"its package '{package}' cannot be found: {problem!r}"
    if spec is None:
        return None, f"its entry point names the package '{package}', which does not exist"
    if not spec.submodule_search_locations:
        return None, f"'{package}' is a single module; a plugin is a package that holds {MANIFEST}"
    places = [Path(place) / MANIFEST for place in spec.submodule_search_locations]
    for place in places:
        if place.is_file():
            return place, None
    return places[0], f"there is no {MANIFEST} in the package '{package}'"


def _read(path: Path) -> tuple[Any, str | None]:
    try:
        return _jsonc.parse(path.read_bytes(), MANIFEST), None
    except OSError as problem:
        return None, f"{MANIFEST} cannot be read: {problem.strerror}"
    except LuminoraError as problem:
        return None, str(problem)


def _judged(data: Any, package: str) -> tuple[dict[str, Any] | None, str | None]:
    try:
        if found := problems(data, package=package):
            return None, "; ".join(found[:3])
        return outline(data), api_problem(data["api"])
    except Exception as problem:  # noqa: BLE001 - discovery never raises, whatever it reads
        return None, f"its manifest cannot be checked: {problem!r}"


def outline(data: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a manifest that discovery remembers."""
    providers = data.get("providers", {})
    offers = {
        kind: {name: entry.get("aliases", []) for name, entry in providers[kind].items()}
        for kind in KINDS
        if kind in providers
    }
    outline = {key: data[key] for key in ("name", "api", "module")}
    return {**outline, "offers": offers, "commands": data.get("commands", {})}


# --- what a manifest must be ---------------------------------------------------------------------


def api_problem(wanted: str) -> str | None:
    """Why a plugin that works with the API range ``wanted`` cannot be used, or None."""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - see _scan

    if SpecifierSet(wanted).contains(API_VERSION, prereleases=True):
        return None
    return (
        f"it works with plugin API {wanted}, and luminora {__version__} has API {API_VERSION}; "
        "upgrade the plugin or luminora"
    )


def problems(data: Any, *, package: str | None = None, strict: bool = False) -> list[str]:
    """What is wrong with a manifest, one line each.

    Args:
        data: The manifest.
        package: The top-level package it lies in, if known.
        strict: Judge as an author wants it judged: unknown fields and missing descriptions are
            errors too. At run time they are not, so that newer manifests work with older kernels.
    """
    import jsonschema_rs  # noqa: PLC0415 - see _scan
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415

    schema = json.loads(_schema_file().read_bytes())
    validator = jsonschema_rs.validator_for(schema if strict else _relaxed(schema))
    found = [
        f"/{'/'.join(str(step) for step in error.instance_path)}: {error.message[:200]}"
        for error in validator.iter_errors(data)
    ]
    if found:
        return found
    try:
        SpecifierSet(data["api"])
    except InvalidSpecifier:
        found.append(f"/api: '{data['api']}' is not a version range such as '>=1,<2'")
    if package and data["module"].split(".")[0] != package:
        found.append(f"/module: '{data['module']}' is not inside the package '{package}'")
    for kind in KINDS:
        for name, entry in data.get("providers", {}).get(kind, {}).items():
            place = f"/providers/{kind}/{name}/config_schema"
            found += [f"{place}: {text}" for text in _schema_problems(entry["config_schema"])]
    return found


def _schema_problems(schema: dict[str, Any]) -> list[str]:
    import jsonschema_rs  # noqa: PLC0415 - see _scan

    if "2020-12" not in schema.get("$schema", "2020-12"):
        return ["it is not JSON Schema 2020-12"]
    if any(target != "#" and not target.startswith("#/") for target in _references(schema)):
        return ["it refers to another document; a config_schema is self-contained"]
    try:
        jsonschema_rs.validator_for(schema)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as problem:
        return [str(problem).partition("\n")[0][:200]]
    defaults = {
        name: value["default"]
        for name, value in schema.get("properties", {}).items()
        if isinstance(value, dict) and "default" in value
    }
    partial = {**schema, "required": []}
    return [
        f"the default of {'/'.join(str(step) for step in error.instance_path)} breaks it: "
        f"{error.message[:200]}"
        for error in jsonschema_rs.validator_for(partial).iter_errors(defaults)
        if error.instance_path
    ]


def requirements(data: Mapping[str, Any]) -> dict[str, str]:
    """The modules that a manifest's providers need, each with the command that installs it."""
    return {
        module: command
        for offers in data.get("providers", {}).values()
        for entry in offers.values()
        for module, command in entry.get("requires", {}).items()
    }


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"$ref", "$dynamicRef"} and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _relaxed(schema: dict[str, Any]) -> dict[str, Any]:
    """The strict schema without what only authors need to be held to."""

    def relax(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: relax(value)
                for key, value in node.items()
                if (key, value) != ("additionalProperties", False)
            }
        return [relax(value) for value in node] if isinstance(node, list) else node

    relaxed: dict[str, Any] = relax(schema)
    relaxed["$defs"]["property"] = True
    relaxed["$defs"]["line"] = {"type": "string"}
    relaxed["$defs"]["provider"]["properties"]["capabilities"] = {"type": "object"}
    return relaxed


def _schema_file() -> Path:
    return _resources.folder("schemas") / "plugin.schema.json"
