"""``luminora.lock``: which plugins may be imported, down to the content of their files.

A plugin runs with all the rights of its user, and nothing here changes that: this is no sandbox.
The lock makes sure that what is imported is what somebody has looked at: the same distribution and
version, the same files, the same hosts and secrets declared. It is compared before anything of the
plugin is imported, by reading metadata and files alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luminora import _contents, _jsonc, _state, schema
from luminora._manifests import Discovery, Distribution, normal, requirements
from luminora._shapes import PROVIDERS
from luminora._version import __version__
from luminora.errors import (
    ConfigError,
    LuminoraError,
    PluginBroken,
    PluginError,
    PluginNotLocked,
)

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
        plugins: dict[str, Entry] = {
            normal(name): dict(entry) for name, entry in found["plugins"].items()
        }
        if found["format"] != _FORMAT:
            raise ConfigError(f"its format is {found['format']!r}, not {_FORMAT}", where=str(path))
    except FileNotFoundError:
        raise ConfigError(
            "plugins are locked, and there is no lock", where=str(path), hint=hint
        ) from None
    except OSError as problem:
        raise ConfigError(f"cannot be read: {problem.strerror}", where=str(path)) from None
    except (LookupError, TypeError, ValueError, AttributeError):
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


def used(config: Config, *, strict: bool = True) -> list[Discovery]:
    """The plugins that a configuration imports, and those that they import in turn.

    Args:
        config: What is activated.
        strict: Insist that each can be used; else those that cannot are left out.

    Raises:
        PluginError: One is absent, disabled, broken or in conflict.
    """
    index, found = config.index, {}
    parts = [(schema.kind_of(name), config.document.get(name)) for name in PROVIDERS]
    parts += [(one.kind, one.part) for one in schema.members(index, config.document)]
    for kind, part in parts:
        name = part.get("name") if isinstance(part, Mapping) else None
        if not isinstance(part, Mapping) or not isinstance(name, str):
            continue
        with _lenient(strict=strict):
            offer = index.find(kind, name, part.get("package"))
            found[offer.discovery.distribution] = offer.discovery
    for name in schema.strings(config.document, "plugins", "enabled"):
        with _lenient(strict=strict):
            discovery = _usable(index, name)
            found[discovery.distribution] = discovery
    for discovery in list(found.values()):
        found |= {other.distribution: other for other in needed(discovery, index)}
    return list(found.values())


def _lenient(*, strict: bool) -> AbstractContextManager[None]:
    return nullcontext() if strict else suppress(PluginError)


def _usable(index: Index, name: str) -> Discovery:
    discovery = index.plugin(name)
    owner = discovery.distribution
    if not index.enabled(discovery):
        hint = f"luminora plugins enable {owner.name}"
        raise PluginError("the plugin is disabled", where=str(owner), hint=hint)
    if discovery.error:
        hint = f"luminora plugins info {owner.name}"
        raise PluginBroken(f"it cannot be used: {discovery.error}", where=str(owner), hint=hint)
    return discovery


def needed(discovery: Discovery, index: Index) -> list[Discovery]:
    """The other plugins that this one imports, and those in turn, as far as manifests say so."""
    found = {discovery.distribution: discovery}
    waiting = [discovery]
    while waiting:
        modules = _required(waiting.pop())
        for other in index.discoveries:
            if other.distribution.package in modules and other.distribution not in found:
                found[other.distribution] = other
                waiting.append(other)
    return [one for one in found.values() if one is not discovery]


def _required(discovery: Discovery) -> set[str]:
    """The top-level packages that its manifest requires."""
    data = discovery.manifest.data if discovery.manifest else {}
    return {module.partition(".")[0] for module in requirements(data)}


class Lock:
    """The lock of one configuration; looks at each plugin once.

    Args:
        path: The file.
        index: The installed plugins.
    """

    def __init__(self, path: Path, index: Index) -> None:
        self._path = path
        self._index = index
        self._passed: set[Distribution] = set()

    def require(self, discovery: Discovery) -> None:
        """Let a plugin pass, and those that it imports.

        Raises:
            PluginNotLocked: It is not in the lock, or is not what the lock has.
            ConfigError: The lock cannot be read.
        """
        if _own(discovery) or discovery.distribution in self._passed:
            return
        plugins = read(self._path)
        for one in (discovery, *needed(discovery, self._index)):
            self._compare(one, plugins.get(normal(one.distribution.name)))
            self._passed.add(one.distribution)

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


def differences(locked: Entry | None, found: Entry) -> list[str]:
    """What differs between what the lock has and what is installed, a line each."""
    if locked is None:
        return ["it is not in the lock"]
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
    record, content = _contents.hashes(discovery.distribution.name, discovery.distribution.package)
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


def compared(path: Path, discoveries: list[Discovery], index: Index) -> dict[str, list[str]]:
    """What differs between a lock and the plugins that it is for, by distribution.

    Raises:
        ConfigError: The lock cannot be read.
    """
    locked = read(path)
    found = {normal(one.distribution.name): one for one in discoveries if not _own(one)}
    changed: dict[str, list[str]] = {}
    for name in sorted({*locked, *found}):
        try:
            lines = (
                differences(locked.get(name), entry_of(found[name]))
                if name in found
                else [_absence(name, index)]
            )
        except LuminoraError as problem:
            lines = [problem.message]
        if lines:
            changed[name] = lines
    return changed


def _absence(name: str, index: Index) -> str:
    """Why a plugin of the lock is not among those in use."""
    for one in index.discoveries:
        if normal(one.distribution.name) == name:
            if not index.enabled(one):
                return "it is in the lock and disabled"
            if one.error:
                return f"it is in the lock and cannot be used: {one.error}"
            return "it is in the lock and no longer used"
    return "it is in the lock and not installed"
