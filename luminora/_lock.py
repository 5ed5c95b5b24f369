"""``luminora.lock``: which plugins may be imported, down to the content of their files.

A plugin runs with all the rights of its user, and nothing here changes that: this is no sandbox.
The lock makes sure that what is imported is what somebody has looked at: the same distribution and
version, the same files, the same hosts and secrets declared. It is compared before anything of the
plugin is imported, by reading metadata and files alone.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luminora import _jsonc, _state, schema
from luminora._manifests import Discovery, normal
from luminora._shapes import PROVIDERS
from luminora._version import __version__
from luminora.errors import ConfigError, LuminoraError, PluginNotLocked

if TYPE_CHECKING:
    from luminora._index import Index
    from luminora.config import Config

FILE = "luminora.lock"
_FORMAT = 1
_OURS = "luminora"
_COMPARED = ("version", "api", "record", "content", "hosts", "secrets", "providers")
_WORDS = {
    "version": "its version",
    "api": "the API it works with",
    "record": "the list of its files",
    "content": "the content of its files",
    "hosts": "the hosts it talks to",
    "secrets": "the secrets it reads",
    "providers": "the providers it offers",
}

Entry = Mapping[str, Any]


def place(config: Config) -> Path:
    """Where the lock of a configuration lies: beside it."""
    return (config.path.parent if config.path else config.base_dir) / FILE


def read(path: Path) -> dict[str, Entry]:
    """The plugins that the lock lets in, by distribution.

    Raises:
        ConfigError: It is absent, cannot be read, or is of another form.
    """
    hint = "luminora plugins lock writes it"
    try:
        found = _jsonc.parse(path.read_bytes(), str(path))
        plugins = {normal(name): entry for name, entry in found["plugins"].items()}
        if found["format"] != _FORMAT:
            raise ConfigError(f"its format is {found['format']!r}, not {_FORMAT}", where=str(path))
    except FileNotFoundError:
        raise ConfigError(
            "plugins are locked, and there is no lock", where=str(path), hint=hint
        ) from None
    except OSError as problem:
        raise ConfigError(f"cannot be read: {problem.strerror}", where=str(path)) from None
    except (LookupError, TypeError, AttributeError):
        raise ConfigError("it is no lock of plugins", where=str(path), hint=hint) from None
    return plugins


def compose(discoveries: list[Discovery]) -> dict[str, Any]:
    """The lock of these plugins, as it stands in the file."""
    plugins = {one.distribution.name: entry_of(one) for one in discoveries if not _own(one)}
    return {
        "format": _FORMAT,
        "luminora": __version__,
        "plugins": {name: plugins[name] for name in sorted(plugins)},
    }


def write(path: Path, lock: Mapping[str, Any]) -> None:
    """Put the lock into its file in one step.

    Raises:
        OSError: It cannot be written.
    """
    text = json.dumps(lock, indent=2, ensure_ascii=False)
    _state.write_atomically(path, f"{text}\n", mode=0o644)


def used(config: Config) -> list[Discovery]:
    """The plugins that a configuration imports, and those that they import in turn."""
    index, found = config.index, {}
    parts = [(schema.kind_of(name), config.document.get(name)) for name in PROVIDERS]
    parts += [(one.kind, one.part) for one in schema.members(index, config.document)]
    for kind, part in parts:
        name = part.get("name") if isinstance(part, Mapping) else None
        offer = index.peek(kind, str(name), part.get("package")) if name else None  # type: ignore[union-attr]
        if offer is not None:
            found[offer.discovery.distribution] = offer.discovery
    for name in schema.strings(config.document, "plugins", "enabled"):
        discovery = index.plugin(name)
        found[discovery.distribution] = discovery
    for discovery in list(found.values()):
        for other in needed(discovery, index):
            found[other.distribution] = other
    return list(found.values())


def needed(discovery: Discovery, index: Index) -> Iterator[Discovery]:
    """The other plugins that this one imports, as far as its manifest says so."""
    providers = discovery.manifest.data.get("providers", {}) if discovery.manifest else {}
    modules = {
        module.partition(".")[0]
        for entries in providers.values()
        for entry in entries.values()
        for module in entry.get("requires", {})
    }
    for other in index.discoveries:
        if other.distribution.package in modules and other is not discovery:
            yield other


class Lock:
    """The lock of one configuration; looks at each plugin once.

    Args:
        path: The file.
        index: The installed plugins.
    """

    def __init__(self, path: Path, index: Index) -> None:
        self._path = path
        self._index = index
        self._passed: set[str] = set()

    def require(self, discovery: Discovery) -> None:
        """Let a plugin pass, and those that it imports.

        Raises:
            PluginNotLocked: It is not in the lock, or is not what the lock has.
            ConfigError: The lock cannot be read.
        """
        if _own(discovery) or discovery.distribution.name in self._passed:
            return
        plugins = read(self._path)
        for one in (discovery, *needed(discovery, self._index)):
            self._compare(one, plugins.get(normal(one.distribution.name)))
            self._passed.add(one.distribution.name)

    def _compare(self, discovery: Discovery, locked: Entry | None) -> None:
        if _own(discovery):
            return
        changed = differences(locked, entry_of(discovery))
        if changed:
            raise PluginNotLocked(
                f"{discovery.distribution} is not imported: {'; '.join(changed)}",
                where=str(self._path),
                hint="look at what changed, then: luminora plugins lock",
            )


def differences(locked: Entry | None, found: Entry | None) -> list[str]:
    """What differs between what the lock has and what is installed, a line each."""
    if locked is None:
        return ["it is not in the lock"] if found is not None else []
    if found is None:
        return ["it is in the lock and not installed"]
    changed = [name for name in _COMPARED if locked.get(name) != found.get(name)]
    return [
        f"{_WORDS[name]} changed{_shown(locked.get(name), found.get(name))}" for name in changed
    ]


def entry_of(discovery: Discovery) -> Entry:
    """What the lock keeps of an installed plugin.

    ``record`` is the SHA-256 of the wheel's own list of files and hashes (None for a plugin that is
    installed in place, for development), ``content`` that of the files as they are now.
    """
    manifest = discovery.manifest
    data = manifest.data if manifest else {}
    entries = [
        (kind, name, entry)
        for kind, offers in data.get("providers", {}).items()
        for name, entry in offers.items()
    ]
    record, content = _hashes(discovery.distribution.name, discovery.distribution.package)
    return {
        "version": discovery.distribution.version,
        "api": manifest.api if manifest else None,
        "record": record,
        "content": content,
        "hosts": sorted({host for _, _, entry in entries for host in entry.get("hosts", ())}),
        "secrets": sorted({name for _, _, one in entries for name in _secrets(one)}),
        "providers": sorted(f"{kind}:{name}" for kind, name, _ in entries),
    }


def _secrets(entry: Mapping[str, Any]) -> Iterator[str]:
    """The variables that a provider reads secrets from, else the settings that name one."""
    for name, part in entry["config_schema"].get("properties", {}).items():
        if isinstance(part, Mapping) and part.get("x-luminora-secret"):
            yield str(part.get("default") or name)


def _hashes(name: str, package: str) -> tuple[str | None, str]:
    """The hash of the list of a distribution's files, and that of their content."""
    listed = _recorded(name)
    files = {path: place for path, (place, _) in listed.items()}
    root = _package(package)
    for file in sorted(root.rglob("*")) if root else ():
        if file.is_file() and "__pycache__" not in file.parts:
            files.setdefault(f"{package}/{file.relative_to(root).as_posix()}", file)  # type: ignore[arg-type]
    content = [f"{path}\0{_digest(files[path])}" for path in sorted(files)]
    record = [f"{path}\0{listed[path][1]}" for path in sorted(listed)]
    return _joined(record) if record else None, _joined(content)


def _recorded(name: str) -> dict[str, tuple[Path, str]]:
    """The code of a wheel by its RECORD: places and hashes; nothing for one installed in place."""
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return {}
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        return {}
    found: dict[str, tuple[Path, str]] = {}
    for row in csv.reader(io.StringIO(distribution.read_text("RECORD") or "")):
        path, digest = row[0], row[1] if len(row) > 1 else ""
        installer = ".dist-info/" in path and not path.endswith(("/METADATA", "/entry_points.txt"))
        if digest and not installer and not path.endswith(".pyc"):
            found[path] = (Path(str(distribution.locate_file(path))), digest)
    return found


def _package(package: str) -> Path | None:
    from importlib.util import find_spec  # noqa: PLC0415 - only where plugins are locked

    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return "missing"


def _joined(lines: list[str]) -> str:
    return "sha256:" + hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _own(discovery: Discovery) -> bool:
    """Whether it is Luminora itself: who looks cannot look at itself."""
    return normal(discovery.distribution.name) == _OURS


def _shown(old: Any, new: Any) -> str:
    """Both values where they are short enough to be read."""
    if isinstance(old, str) and old.startswith("sha256:"):
        return ""
    if isinstance(old, list) and isinstance(new, list):
        more = [f"+{one}" for one in new if one not in old]
        less = [f"-{one}" for one in old if one not in new]
        return f" ({', '.join([*more, *less])})"
    return f" ({old} → {new})"


def compared(path: Path, discoveries: list[Discovery]) -> dict[str, list[str]]:
    """What differs between a lock and the plugins that it is for, by distribution.

    Raises:
        ConfigError: The lock cannot be read.
    """
    locked = read(path)
    found = {normal(one.distribution.name): one for one in discoveries if not _own(one)}
    changed: dict[str, list[str]] = {}
    for name in sorted({*locked, *found}):
        try:
            entry = entry_of(found[name]) if name in found else None
        except LuminoraError as problem:
            changed[name] = [problem.message]
            continue
        if lines := differences(locked.get(name), entry):
            changed[name] = lines
    return changed
