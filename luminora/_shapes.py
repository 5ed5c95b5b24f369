"""Every shape ``luminora.json`` has ever had, brought to the one canonical shape.

A layer (the file, the environment, flags) is a flat mapping from a path to a leaf that knows where
it came from. Old shapes are renamed paths, so nothing loses its line number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from luminora import _jsonc
from luminora._index import closest
from luminora.errors import ConfigError

PROVIDERS = (
    "llm_provider",
    "fallback_provider",
    "embedding_provider",
    "storage_provider",
    "vector_store_provider",
    "cache_provider",
)
SECTIONS = (*PROVIDERS, "memory", "personality", "migrations", "plugins")
_OWN = ("name", "config", "package")
_SERVERS = ("storage_provider", "vector_store_provider", "cache_provider")

Path = tuple[str, ...]


class Leaf(NamedTuple):
    """A value and where it was given.

    Attributes:
        value: A scalar, a list or an empty mapping.
        source: ``file``, ``env NAME``, ``.env NAME`` or ``flag PATH``.
        pointer: Its place in the file, in the shape the file has.
    """

    value: Any
    source: str
    pointer: str


Leaves = dict[Path, Leaf]
Declared = Mapping[str, Collection[str]]


def flatten(value: Any, source: str, path: Path = ()) -> Iterator[tuple[Path, Leaf]]:
    """The leaves of ``value``, which stands at ``path``."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from flatten(inner, source, (*path, key))
    else:
        yield path, Leaf(value, source, pointer(path))


def unflatten(leaves: Mapping[Path, Leaf]) -> dict[str, Any]:
    """The document that has these leaves; where one stands above another, the scalar wins."""
    document: dict[str, Any] = {}
    for path, leaf in leaves.items():
        node: Any = document
        for step in path[:-1]:
            node = node.setdefault(step, {}) if isinstance(node, dict) else node
        if not isinstance(node, dict):
            continue
        if isinstance(leaf.value, Mapping):
            node.setdefault(path[-1], {})
        else:
            node[path[-1]] = leaf.value
    return document


def pointer(path: Path) -> str:
    """``path`` as a JSON pointer."""
    return "".join(f"/{_jsonc.escape(step)}" for step in path)


def canonical(layer: Leaves, origin: str, declared: Declared, notes: list[str]) -> Leaves:
    """The layer in the canonical shape.

    Args:
        layer: The leaves as they were written.
        origin: What the layer is called in errors.
        declared: Properties that the sections' providers know by the names old shapes used.
        notes: Gets a line for everything that has no effect any more.

    Raises:
        ConfigError: Two spellings of the same thing disagree.
    """
    moved: Leaves = {}
    for path, leaf in layer.items():
        target, value = _target(path, leaf, layer, declared, notes)
        if target is None:
            continue
        known = moved.get(target)
        if known and known.value != value:
            raise ConfigError(
                f"{known.pointer} and {leaf.pointer} disagree: {known.value!r} and {value!r}",
                where=origin,
                hint=f"keep one of them; both mean {pointer(target)}",
            )
        if not known:
            moved[target] = leaf._replace(value=value)
    return moved


def overlay(base: Leaves, layer: Leaves, notes: list[str]) -> Leaves:
    """``base`` with ``layer`` on top; another provider does not inherit the old one's config."""
    merged = dict(base)
    for path, leaf in sorted(layer.items(), key=lambda item: item[0][-1] != "name"):
        section = path[0]
        if path == (section, "name") and section in PROVIDERS:
            old = merged.get(path)
            dropped = [place for place in merged if place[0] == section and place != path]
            if dropped and (old is None or old.value != leaf.value):
                notes.append(f"{leaf.source}: the other settings of {section} are not used")
                merged = {place: merged[place] for place in merged if place not in dropped}
        merged = {
            place: merged[place]
            for place in merged
            if place[: len(path)] != path and path[: len(place)] != place
        }
        merged[path] = leaf
    return merged


_Target = tuple[Path | None, Any]


def _target(path: Path, leaf: Leaf, layer: Leaves, declared: Declared, notes: list[str]) -> _Target:
    """Where the leaf belongs and with which value; None drops it."""
    match path:
        case ("optimizations", group, *rest):
            return _optimization(group, tuple(rest), leaf, layer, notes)
        case ("migrations", key):
            return _migration(key, leaf, notes)
        case (section,) if section in PROVIDERS and isinstance(leaf.value, str):
            return (section, "name"), leaf.value
        case (section,) if section in SECTIONS and leaf.value is None:
            return (path, None) if section == "fallback_provider" else (None, None)
        case (section, _, *_) if section in PROVIDERS:
            return _section(path, leaf, declared.get(section, ()), notes)
    return path, leaf.value


def _section(path: Path, leaf: Leaf, declared: Collection[str], notes: list[str]) -> _Target:
    """Settings once stood beside ``name``; now all of them are in ``config``."""
    section, first, *rest = path
    if path[1:] == ("config",) and leaf.value is None:
        return None, None
    inner = tuple(rest) if first == "config" else (first, *rest)
    misspelt = first not in _OWN and closest(first, _OWN, cutoff=0.7)
    if first in {"name", "package"} or misspelt or not inner:
        return path, leaf.value  # what is misspelt is for validation to report
    if inner[0] in declared:
        return (section, "config", *inner), leaf.value
    return _setting(section, inner[0], inner[1:], leaf, notes)


def _setting(section: str, key: str, rest: Path, leaf: Leaf, notes: list[str]) -> _Target:  # noqa: PLR0911 - a table
    """A provider's setting, wherever in its section it was written."""
    config = (section, "config")
    match key, rest:
        case "connection", () if leaf.value == "use_storage_provider":
            return (*config, "use_storage_connection"), True
        case (("connection" | "pool"), (_, *_)) if section in _SERVERS:
            return (*config, *rest), leaf.value
        case "migrations", (name,) if section == "storage_provider":
            return _migration(name, leaf, notes)
        case "batch_processing", ("enabled",):
            return (None, None) if leaf.value is True else ((*config, "batch_size"), 1)
        case "batch_processing", (_, *_):
            return (*config, *rest), leaf.value
        case "dimension", () if section == "vector_store_provider":
            return ("embedding_provider", "config", "dimension"), leaf.value
        case "models", ("embeddings",) if section == "embedding_provider":
            return (*config, "model"), leaf.value
    return (*config, key, *rest), leaf.value


def _migration(key: str, leaf: Leaf, notes: list[str]) -> _Target:
    if key in {"path", "scripts_path"}:
        notes.append(f"{leaf.pointer} has no effect: migrations ship with Luminora")
        return None, None
    return ("migrations", "auto" if key == "auto_migrate" else key), leaf.value


def _optimization(group: str, rest: Path, leaf: Leaf, layer: Leaves, notes: list[str]) -> _Target:  # noqa: PLR0911 - a table
    caching = ("optimizations", "caching")
    off = layer.get((*caching, "enabled"))
    match group, rest:
        case "batch_processing", ("embeddings", *inner):
            path = ("batch_processing", *inner)
            return _setting("embedding_provider", path[0], path[1:], leaf, notes)
        case "batch_processing", (_, *_):
            return _setting("embedding_provider", group, rest, leaf, notes)
        case "selective_processing", ("episode_check_frequency",):
            return ("memory", "episode_check_frequency"), leaf.value
        case (("selective_processing" | "caching"), ("enabled",)):
            if leaf.value is not True:
                notes.append(f"{leaf.pointer} is off: the default is used instead")
            return None, None
        case "caching", (_,) if off and off.value is False:
            return None, None
        case "caching", ("backend",):
            return ("cache_provider", "name"), leaf.value
        case "caching", (name,) if name.endswith("_url_env"):
            return ("cache_provider", "config", "url_env"), leaf.value
        case "caching", (_, *_):
            return ("cache_provider", "config", *rest), leaf.value
    return ("optimizations", group, *rest), leaf.value
