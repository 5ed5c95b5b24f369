"""What is wrong with a plugin in its author's eyes: manifest, secrets, hosts, entry point, imports.

Users are spared most of it: at run time Luminora takes what it can use. Before a plugin is
published, everything here should be in order.
"""

from __future__ import annotations

import ast
import json
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from luminora._manifests import (
    GROUP,
    MANIFEST,
    Discovery,
    Distribution,
    Manifest,
    api_problem,
    outline,
    problems,
    requirements,
)
from luminora.errors import InputError, LuminoraError

BUDGET = 3.0
"""How many times what ``luminora.providers`` costs a plugin may cost to import."""

_SECRET = re.compile(r"(^|_)(api_?key|key|token|secret|password|passphrase|credential)s?$")
_NO_SECRET = re.compile(r"^(ssl|tls|max|primary|partition|sort)_|_(count|prefix|file|path)$")
_SCHEMES = {"http", "https", "ws", "wss"}
_HOST = re.compile(r"[a-z0-9.-]+\.[a-z]{2,}")
_EXAMPLE = re.compile(r"(^|\.)example\.(com|org|net)$|\.(example|invalid|test|localhost)$")
_SECONDS = 60
_MEASURE = """
import json, sys, time
started = time.perf_counter()
import luminora.providers, luminora.hookspecs
between = time.perf_counter()
before = set(sys.modules)
__import__(sys.argv[1])
ended = time.perf_counter()
more = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
print(json.dumps([(ended - between) * 1000, (between - started) * 1000, more]))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What importing a plugin costs.

    Attributes:
        ms: Milliseconds beyond Luminora's contracts, the median of several fresh Pythons.
        base_ms: What the contracts cost there.
        modules: The top-level modules that came with it.
    """

    ms: float
    base_ms: float
    modules: tuple[str, ...]


def subject(path: Path) -> Discovery:
    """The plugin at ``path``: a manifest, the package that holds one, or a project's folder.

    Raises:
        InputError: There is no manifest there.
    """
    file = path / MANIFEST if path.is_dir() else path
    if path.is_dir() and not file.exists():
        file = _in_project(path)
    package = file.parent.name
    owner = Distribution(package, "(not installed)", package, package)
    empty = {"name": package, "api": "", "module": package, "offers": {}, "commands": {}}
    return Discovery(Manifest(str(file.absolute()), empty), owner, None)


def faults(discovery: Discovery, *, imports: bool = False, path: Path | None = None) -> list[str]:
    """Everything that is wrong, a line each; empty if nothing is.

    Args:
        discovery: The plugin.
        imports: Also import it, which runs its code.
        path: Where its author pointed, for what only a project has.
    """
    if discovery.manifest is None:
        return [discovery.error or "it has no manifest"]
    try:
        data = discovery.manifest.data
    except LuminoraError as problem:
        return [str(problem)]
    package = discovery.distribution.package
    found = problems(data, package=package, strict=True)
    if found:
        return found
    if discovery.error:
        return [discovery.error]
    if problem_ := api_problem(data["api"]):
        found.append(f"/api: {problem_}")
    found += _secret_faults(data)
    found += _host_faults(data, discovery.manifest.path.parent)
    found += _model_faults(data)
    if path is not None and path.is_dir() and (path / "pyproject.toml").exists():
        found += _entry_faults(path, package)
    return found or (_import_faults(discovery) if imports else [])


def cost(module: str, folder: Path | None = None, *, runs: int = 3) -> Cost | None:
    """What importing a plugin's module costs in fresh Pythons; None if it cannot be imported."""
    measured = [one for one in (_measured(module, folder) for _ in range(runs)) if one is not None]
    if not measured:
        return None
    times, bases, modules = zip(*measured, strict=True)
    return Cost(statistics.median(times), statistics.median(bases), tuple(modules[0]))


def _entries(data: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for kind, offers in data.get("providers", {}).items():
        for name, entry in offers.items():
            yield kind, name, entry


def _in_project(folder: Path) -> Path:
    """The manifest of the plugin that a project's entry points name."""
    for package in _entry_packages(folder):
        for place in (folder / "src" / package, folder / package):
            if (place / MANIFEST).exists():
                return place / MANIFEST
    raise InputError(
        f"there is no {MANIFEST} here, nor in a package that an entry point of the group "
        f"{GROUP} in pyproject.toml names",
        where=str(folder),
        hint="give the package's folder, or the manifest itself",
    )


def _entry_packages(folder: Path) -> list[str]:
    file = folder / "pyproject.toml"
    try:
        project = tomllib.loads(file.read_text("utf-8"))
        entries = project["project"]["entry-points"][GROUP]
    except ValueError as problem:
        raise InputError(f"it is not valid TOML: {problem}", where=str(file)) from None
    except (OSError, KeyError, TypeError):
        return []
    return [re.split(r"[.:\s\[]", str(value).strip(), maxsplit=1)[0] for value in entries.values()]


def _entry_faults(folder: Path, package: str) -> Iterator[str]:
    if package not in _entry_packages(folder):
        yield (
            f'pyproject.toml: no entry point of the group {GROUP} names "{package}"; without one '
            "the plugin is not found when it is installed"
        )


def _secret_faults(data: Mapping[str, Any]) -> Iterator[str]:
    """Settings that would hold a secret, and names of variables that are not marked as such."""
    for kind, name, entry in _entries(data):
        place = f"/providers/{kind}/{name}/config_schema/properties"
        for setting, part in _properties(entry["config_schema"]):
            plain = setting.removesuffix("_env")
            if not _SECRET.search(plain) or _NO_SECRET.search(plain):
                continue
            types = part.get("type", "string")
            if plain == setting and "string" in types and "enum" not in part:
                yield (
                    f"{place}/{setting}: a secret does not stand in a configuration: call it "
                    f"'{setting}_env', for the name of a variable, and mark it x-luminora-secret"
                )
            elif plain != setting and not part.get("x-luminora-secret"):
                yield f'{place}/{setting}: mark it "x-luminora-secret": true'


def _properties(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, part in schema.get("properties", {}).items():
        if isinstance(part, Mapping):
            yield name, part
            yield from _properties(part)


def _host_faults(data: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Hosts that defaults and the code name and the manifest does not declare."""
    declared = {host for _, _, entry in _entries(data) for host in entry.get("hosts", ())}
    for kind, name, entry in _entries(data):
        for setting, part in _properties(entry["config_schema"]):
            host = _host(part.get("default"))
            if host and host not in declared:
                yield (
                    f"/providers/{kind}/{name}/hosts: the default of '{setting}' is at {host}, "
                    "which is not declared"
                )
    # Luminora's own code is a kernel beside its plugin, and speaks of schemas and documentation
    code = [] if folder.name == "luminora" else sorted(folder.rglob("*.py"))
    for file in code:
        for host, line in _literal_hosts(file):
            if host not in declared:
                yield f"{file.name}:{line}: it names the host {host}, which no provider declares"


def _literal_hosts(file: Path) -> Iterator[tuple[str, int]]:
    """Addresses among a module's texts; prose and documentation are none."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in prose and (host := _host(node.value)):
            yield host, node.lineno


def _host(value: Any) -> str | None:
    """The host of a text that is an address and nothing else."""
    if not isinstance(value, str) or " " in value or "://" not in value:
        return None
    try:
        address = urlsplit(value)
    except ValueError:  # brackets that are no IPv6 address
        return None
    host = address.hostname or ""
    real = address.scheme in _SCHEMES and _HOST.fullmatch(host) and not _EXAMPLE.search(host)
    return host if real else None


def _model_faults(data: Mapping[str, Any]) -> Iterator[str]:
    """Embedding models whose dimension nobody says."""
    for kind, name, entry in _entries(data):
        model = entry.get("models", {}).get("embeddings")
        known = entry.get("dimensions")
        if kind == "embedding" and model and known and model not in known:
            yield (
                f"/providers/{kind}/{name}/dimensions: the default model '{model}' has none; "
                "say it, or it takes a call to find out"
            )


def _import_faults(discovery: Discovery) -> list[str]:
    """What importing and registering the plugin brings to light, and what that costs."""
    from luminora.config import load_config  # noqa: PLC0415 - loads the plugin machinery
    from luminora.plugins import Activation, Index  # noqa: PLC0415

    if discovery.manifest is None:
        return []
    path, data = discovery.manifest.path, discovery.manifest.data
    whole = Discovery(Manifest(str(path), outline(data)), discovery.distribution, None)
    index = Index([whole])
    folder = path.parent.parent
    sys.path.insert(0, str(folder))
    try:
        module = Activation(load_config({}, env={}, index=index), index).load(whole)
    except LuminoraError as problem:
        return [problem.message]
    finally:
        sys.path.remove(str(folder))
    return [*_modelled(module, data), *_dear(data, folder)]


def _dear(data: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Imports that every command would pay for."""
    found = cost(data["module"], folder)
    if found is None:
        return
    needed = {module.partition(".")[0] for module in requirements(data)}
    early = sorted(needed & {*found.modules})
    if early:
        yield (
            f"{data['module']} imports {', '.join(early)} when it is loaded; import it where the "
            "provider is built"
        )
    elif found.ms > BUDGET * found.base_ms:
        yield (
            f"{data['module']} takes {found.ms:.0f} ms to import, more than {BUDGET:g} times "
            f"Luminora's contracts ({found.base_ms:.0f} ms); import late what it needs late"
        )


def _modelled(module: Any, data: Mapping[str, Any]) -> Iterator[str]:
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


def _measured(module: str, folder: Path | None) -> tuple[float, float, list[str]] | None:
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n{_MEASURE}" if folder else _MEASURE
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, a module's name
            [sys.executable, "-c", code, module],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
        ms, base, modules = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError):
        return None
    return ms, base, modules
