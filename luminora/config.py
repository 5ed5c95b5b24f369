"""Read ``luminora.json``: one canonical document, and for every value where it came from.

A flag beats the environment, which beats ``.env``, which beats the file, which beats the defaults.
The file may have comments and any of the shapes it had in the past. Secrets stay out of it: it
holds the names of environment variables, and a literal that looks like a key is refused.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from luminora import _jsonc, _secrets, _shapes, _state, schema
from luminora._index import Index, closest, known
from luminora._shapes import PROVIDERS, SECTIONS, Leaf, Leaves
from luminora.errors import ConfigError

_PREFIX = "LUMINORA_"
_LOCKED = "LUMINORA_LOCKED"
_OFF = {"", "0", "false", "no", "off"}


@dataclass(frozen=True)
class _Places:
    """Where the values stand: the file's name, its text, and the leaves in canonical order."""

    name: str
    text: str
    leaves: Leaves

    def source(self, leaf: Leaf) -> str:
        if leaf.source != "file":
            return leaf.source.partition(" ")[0] if leaf.source.startswith("flag") else leaf.source
        return f"{self.name}:{self._line(leaf.pointer)}" if self.text else self.name

    def of(self, pointer: str) -> str:
        """The nearest value at or above ``pointer``, or the first one below it."""
        path = tuple(_unescape(step) for step in pointer.split("/")[1:])
        for end in range(len(path), 0, -1):
            for place, leaf in self.leaves.items():
                below = end == len(path) and place[:end] == path
                if leaf.source != "default" and (below or place == path[:end]):
                    return self._text(leaf, place, path)
        return f"{self.name} ({pointer})" if pointer else self.name

    def _text(self, leaf: Leaf, place: tuple[str, ...], path: tuple[str, ...]) -> str:
        if leaf.source != "file":
            return leaf.source.replace("flag ", "--set ").replace("env ", "environment variable ")
        steps = leaf.pointer.split("/")
        surplus = len(place) - len(path)
        steps = steps[: len(steps) - surplus] if surplus > 0 else [*steps, *path[len(place) :]]
        pointer = "/".join(steps)
        return f"{self.name}:{self._line(pointer)} ({pointer})" if self.text else pointer

    def _line(self, pointer: str) -> int:
        while pointer and pointer not in self._lines:
            pointer = pointer.rpartition("/")[0]
        return self._lines.get(pointer, 1)

    @cached_property
    def _lines(self) -> dict[str, int]:
        return _jsonc.lines(self.text)


@dataclass(frozen=True, kw_only=True)
class Config:
    """A loaded configuration; not yet validated, see :func:`luminora.schema.ensure`.

    Attributes:
        document: The canonical document, defaults filled in.
        path: The file, or None when there is none.
        base_dir: Folder that relative paths in it are relative to.
        data_dir: Folder of the embedded default's files; it may not exist yet.
        env: The environment with ``.env`` beneath it (real variables win).
        index: The plugins it was resolved against.
        notes: What was ignored or understood in an unusual way, one sentence each.
        secrets: Variables that hold secrets, by the JSON pointer of where they are named.
    """

    document: Mapping[str, Any]
    path: Path | None
    base_dir: Path
    data_dir: Path
    env: Mapping[str, str] = field(repr=False)
    index: Index = field(repr=False, compare=False)
    notes: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    _places: _Places = field(repr=False, compare=False)

    def section(self, kind: str) -> Mapping[str, Any]:
        """``name``, ``config`` and perhaps ``package`` of the provider of that kind.

        Args:
            kind: A :class:`~luminora.providers.Kind` or a section's name.

        Raises:
            ConfigError: The section is missing or not an object.
        """
        name = kind if kind in self.document else f"{kind}_provider"
        part = self.document.get(name)
        if not isinstance(part, Mapping):
            raise ConfigError(
                f"{name} is missing" if part is None else f"{name} is not an object",
                where=self.where(f"/{name}"),
                hint="luminora config validate",
            )
        return part

    @property
    def locked(self) -> bool:
        """Whether plugins are imported only as ``luminora.lock`` has them.

        ``plugins.locked`` asks for that, and so does the variable ``LUMINORA_LOCKED``.
        """
        plugins = self.document.get("plugins")
        asked = isinstance(plugins, Mapping) and plugins.get("locked") is True
        return asked or self.env.get(_LOCKED, "").strip().lower() not in _OFF

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """Where each value came from, by its pointer in ``document``.

        ``flag``, ``env NAME``, ``.env NAME``, ``luminora.json:12`` or ``default``.
        """
        leaves = self._places.leaves
        default = Leaf(None, "default", "")
        return {
            _shapes.pointer(path): self._places.source(leaves.get(path, default))
            for path, _ in _shapes.flatten(self.document, "default")
        }

    def where(self, pointer: str) -> str:
        """The place of a value as the user wrote it, for errors."""
        return self._places.of(pointer)

    def holds(self, variable: str) -> bool:
        """Whether a variable is set, to more than blanks."""
        return bool(self.env.get(variable, "").strip())

    @property
    def unset(self) -> dict[str, str]:
        """Those of :attr:`secrets` whose variables are not set."""
        return {place: name for place, name in self.secrets.items() if not self.holds(name)}

    def written(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """Where in the file's own shape each value stands that the file gives, by its path here.

        Without what the embeddings share with the language model: it is written there.
        """
        return {
            path: tuple(_unescape(step) for step in leaf.pointer.split("/")[1:])
            for path, leaf in self._places.leaves.items()
            if leaf.source == "file"
            and (path[0], leaf.pointer.split("/")[1]) != ("embedding_provider", "llm_provider")
        }

    def redacted(self) -> dict[str, Any]:
        """The document for eyes: beside a secret's variable stands whether it is set."""
        leaves = dict(_shapes.flatten(self.document, ""))
        for path, leaf in leaves.items():
            if variable := self.secrets.get(_shapes.pointer(path)):
                state = "set" if self.holds(variable) else "not set"
                leaves[path] = leaf._replace(value=f"{variable} ({state})")
        return _shapes.unflatten(leaves)


def load_config(
    path: str | Path | Mapping[str, Any] | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    index: Index | None = None,
    text: str | None = None,
) -> Config:
    """Find, read and normalise the configuration.

    The file is ``path``, else ``$LUMINORA_CONFIG``, else ``luminora.json`` or
    ``config/luminora.json`` here, else ``luminora.json`` in the user's config folder, else none:
    then everything is the embedded default.

    Args:
        path: The file, or its content as a mapping.
        overrides: Values by dotted path (``"llm_provider.config.api_base"``); they beat all else.
        env: The environment, by default the process's.
        cwd: The working directory, by default the process's.
        index: The plugins, by default those installed.
        text: What the file at ``path`` would hold, to look at that before it is written.

    Raises:
        ConfigError: The file is absent though named, cannot be read, is malformed, contradicts
            itself or holds a secret. Unknown providers and properties are *not* looked for here:
            :func:`luminora.schema.validate` does that.
    """
    real = dict(os.environ if env is None else env)
    here = Path(cwd) if cwd is not None else Path.cwd()
    file = None
    if text is not None and not isinstance(path, Mapping | None):
        file = here / path
    elif not isinstance(path, Mapping):
        file = find_file(path, env=real, cwd=here)
    name = display(file, here) if file else "the configuration"
    if text is not None:
        given = _jsonc.parse(text, name)
    else:
        given, text = _read(file, name) if file else (path or {}, "")
    if not isinstance(given, Mapping):
        raise ConfigError("a configuration is an object: {…}", where=f"{name}:1")
    base_dir = file.parent.resolve() if file else here
    dotenv = _dotenv(base_dir, here)
    merged = {**dotenv, **real}

    notes: list[str] = []
    layers = [
        dict(_shapes.flatten(given, "file")) if given else {},
        _variables(dotenv, ".env", notes),
        _variables(real, "env", notes),
        _flags(overrides or {}),
    ]
    for layer in layers:
        _refuse_secrets(_Places(name, text, layer))
    index = index or Index.load()
    declared = _declared(layers, index)
    leaves: Leaves = {}
    for layer in layers:
        moved = _shapes.canonical(layer, name, declared, notes)
        leaves = _shapes.overlay(leaves, moved, notes) if leaves else moved
    index = index.without(_disabled(leaves))
    _name_providers(leaves, index)
    _share_settings(leaves, index, notes)
    document = _completed(leaves, index)
    return Config(
        document=document,
        path=file,
        base_dir=base_dir,
        data_dir=Path(merged.get("LUMINORA_DATA_DIR") or _state.user_dir("data")).expanduser(),
        env=merged,
        index=index,
        notes=tuple(dict.fromkeys(notes)),
        secrets=_secret_variables(document, index),
        _places=_Places(name, text, leaves),
    )


def find_file(path: str | Path | None = None, *, env: Mapping[str, str], cwd: Path) -> Path | None:
    """The file that :func:`load_config` would read, or None.

    Raises:
        ConfigError: The one named by ``path`` or by ``LUMINORA_CONFIG`` does not exist.
    """
    named = path or env.get("LUMINORA_CONFIG")
    if named:
        file = cwd / Path(named).expanduser()
        if not file.exists():
            raise ConfigError(
                "there is no such file",
                where=str(named) if path else f"LUMINORA_CONFIG={named}",
                hint="luminora config path shows where configurations are looked for",
            )
        return file
    return next((file for file in search_path(cwd) if file.exists()), None)


def search_path(cwd: Path) -> list[Path]:
    """Where a configuration is looked for when none is named."""
    return [
        cwd / "luminora.json",
        cwd / "config" / "luminora.json",
        _state.user_dir("config") / "luminora.json",
    ]


def literal(text: str) -> Any:
    """A variable's or flag's text as the JSON value it is, or as text if it is none."""
    try:
        return _jsonc.parse(text, "")
    except ConfigError:
        return text


def _read(file: Path, name: str) -> tuple[Any, str]:
    try:
        with file.open("rb") as source:
            data = source.read(_jsonc.MAX_BYTES + 1)
    except IsADirectoryError:
        raise ConfigError("this is a folder, not a file", where=name) from None
    except OSError as problem:
        raise ConfigError(f"cannot be read: {problem.strerror}", where=name) from None
    return _jsonc.parse(data, name), data.decode("utf-8-sig")


def display(file: Path, here: Path) -> str:
    """What to call a file in messages: below ``here`` by its relative path."""
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)


def _dotenv(*folders: Path) -> dict[str, str]:
    file = next((folder / ".env" for folder in folders if (folder / ".env").is_file()), None)
    if file is None:
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - only who has such a file pays for it

    try:
        found = dotenv_values(file, interpolate=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"cannot be read: {type(problem).__name__}", where=str(file)) from None
    return {name: value for name, value in found.items() if value is not None}


def _variables(env: Mapping[str, str], source: str, notes: list[str]) -> Leaves:
    """The settings among the variables; an empty one counts as unset."""
    layer: Leaves = {}
    for name, text in sorted(env.items()):
        path = tuple(name.removeprefix(_PREFIX).lower().split("__"))
        if not name.startswith(_PREFIX) or not text.strip() or not all(path):
            continue
        if path[0] in SECTIONS:
            layer.update(_shapes.flatten(literal(text), f"{source} {name}", path))
        elif guess := closest(path[0], SECTIONS, cutoff=0.8):
            notes.append(f"{name} sets nothing; did you mean {_PREFIX}{guess.upper()}?")
    return layer


def _flags(overrides: Mapping[str, Any]) -> Leaves:
    layer: Leaves = {}
    for dotted, value in overrides.items():
        path = tuple(dotted.split("."))
        if not all(path):
            raise ConfigError(f"'{dotted}' is not a path such as llm_provider.name")
        layer.update(_shapes.flatten(value, f"flag {dotted}", path))
    return layer


def _refuse_secrets(places: _Places) -> None:
    for path, leaf in places.leaves.items():
        for key, text in _texts(path[-1], leaf.value):
            if why := _secrets.reason(key, text):
                name = key if key.endswith("_env") else f"{key}_env"
                raise ConfigError(
                    f"'{key}' {why}; a configuration holds the names of environment "
                    "variables, never secrets",
                    where=places.of(_shapes.pointer(path)),
                    hint=f'put it into a variable (or .env) and write its name: "{name}": "…"',
                )


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text of a leaf, which may be a list of objects, and the key it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(key, item)
    elif isinstance(value, Mapping):
        for inner, item in value.items():
            yield from _texts(inner, item)


def _declared(layers: list[Leaves], index: Index) -> _shapes.Declared:
    """The nested settings that the sections' providers have of their own, whatever old shapes say.

    A vector store's ``dimension`` is none: it is the embeddings' in every shape.
    """
    found: dict[str, set[str]] = {}
    for section in PROVIDERS:
        for layer in layers:
            leaf = layer.get((section, "name")) or layer.get((section,))
            if leaf and (offer := schema.offered(index, section, {"name": leaf.value})):
                properties = schema.config_schema(offer).get("properties", {})
                moved = {"dimension"} if section == "vector_store_provider" else set()
                found[section] = {*properties} - moved
    return found


def _disabled(leaves: Leaves) -> list[str]:
    leaf = leaves.get(("plugins", "disabled"))
    names = leaf.value if leaf and isinstance(leaf.value, list) else []
    return [name for name in names if isinstance(name, str)]


def _name(leaves: Leaves, section: str) -> str | None:
    leaf = leaves.get((section, "name"))
    return leaf.value if leaf and isinstance(leaf.value, str) else None


def _name_providers(leaves: Leaves, index: Index) -> None:
    """Name the provider of every section that does not."""

    def give(section: str, name: str | None) -> None:
        whole = leaves.get((section,))
        if whole and whole.value == {}:
            del leaves[(section,)]
        elif whole or any(path[:2] == (section, "name") for path in leaves):
            return
        if name:
            leaves[(section, "name")] = Leaf(name, "default", "")

    give("llm_provider", "offline")
    give("fallback_provider", "offline")
    give("storage_provider", "sqlite")
    storage = _name(leaves, "storage_provider") or "sqlite"
    give(
        "vector_store_provider",
        index.recommended("storage", storage, "vector_store") or "sqlite-vec",
    )
    give("cache_provider", "memory")
    give("embedding_provider", _embedding_for(_name(leaves, "llm_provider") or "", index))


def _embedding_for(llm: str, index: Index) -> str | None:
    """The LLM's own embeddings; else those recommended beside it, if they talk to nobody.

    Where nothing is recommended those are the embedded default's.
    """
    if index.peek("embedding", llm) or known("embedding", llm):
        return llm
    advice = index.recommended("llm", llm, "embedding") or "static"
    offer = index.peek("embedding", advice)
    return advice if offer and not offer.entry.get("hosts") else None


def _share_settings(leaves: Leaves, index: Index, notes: list[str]) -> None:
    """What an LLM section says for embeddings goes to the embedding section of the same name."""
    llm, embedding = _name(leaves, "llm_provider"), _name(leaves, "embedding_provider")
    own = leaves.pop(("llm_provider", "config", "models", "embeddings"), None)
    if (
        not llm
        or not embedding
        or index.own_name("llm", llm) != index.own_name("embedding", embedding)
    ):
        if own:
            notes.append(f"{own.pointer} has no effect: the embeddings are those of '{embedding}'")
        return
    offer = index.peek("embedding", embedding)
    accepted = schema.config_schema(offer).get("properties", {}) if offer else None
    for name in ("model", "api_base", "api_key_env", "proxy", "allow_insecure"):
        leaf = own if name == "model" else leaves.get(("llm_provider", "config", name))
        if leaf and (accepted is None or name in accepted):
            leaves.setdefault(("embedding_provider", "config", name), leaf)


def _completed(leaves: Leaves, index: Index) -> dict[str, Any]:
    """The document, in the canonical order, with every default."""
    found = _shapes.unflatten(leaves)
    found.setdefault("embedding_provider", None)
    for section in PROVIDERS:
        part = found.get(section)
        if not isinstance(part, dict):
            continue
        part.setdefault("config", {})
        found[section] = {key: part[key] for key in ("name", "config") if key in part} | part
        offer = schema.offered(index, section, part)
        if offer and isinstance(part["config"], dict):
            schema.defaults(schema.config_schema(offer), part["config"])
    schema.defaults(schema.base(), found)
    order = ("version", "created_at", *SECTIONS)
    return {key: found[key] for key in order if key in found} | found


def _secret_variables(document: Mapping[str, Any], index: Index) -> dict[str, str]:
    found = schema.secrets(schema.base(), document)
    for section in PROVIDERS:
        part = document.get(section)
        if not isinstance(part, Mapping):
            continue
        path = (section, "config")
        if offer := schema.offered(index, section, part):
            found |= schema.secrets(schema.config_schema(offer), part["config"], path)
        else:
            found |= {
                _shapes.pointer(place): leaf.value
                for place, leaf in _shapes.flatten(part["config"], "", path)
                if place[-1].endswith("_env") and isinstance(leaf.value, str)
            }
    for member in schema.members(index, document):
        inner = member.offer(index)
        settings = member.part.get("config", {})
        if inner is not None and isinstance(settings, Mapping):
            described = schema.config_schema(inner)
            settings = schema.defaults(described, copy.deepcopy(dict(settings)))
            found |= schema.secrets(described, settings, (*member.path, "config"))
    return found


def _unescape(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")
