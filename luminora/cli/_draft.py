"""A configuration file as it is and as it would be: changed, checked, shown, then written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luminora import _jsonc, schema
from luminora._edit import REMOVE, edited
from luminora._index import Index
from luminora._shapes import PROVIDERS, SECTIONS
from luminora.config import display, find_file, load_config
from luminora.errors import ConfigError, InputError

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.schema import Problem

Steps = tuple[str, ...]
_MODE = 0o644  # there are no secrets in it


@dataclass(frozen=True, slots=True)
class Draft:
    """The file that a command is about to change.

    Attributes:
        path: Where it is, or will be.
        text: What it holds now; empty if it does not exist.
        exists: Whether it does.
    """

    path: Path
    text: str
    exists: bool
    _read: dict[str, Config] = field(default_factory=dict, repr=False, compare=False)
    _index: list[Index] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(cls, named: str | None) -> Draft:
        """The file named, else the one in use, else a new ``luminora.json`` here.

        Raises:
            ConfigError: It cannot be read.
        """
        here = Path.cwd()
        named = named or os.environ.get("LUMINORA_CONFIG")
        if named:
            path = here / Path(named).expanduser()
        else:
            path = find_file(env=os.environ, cwd=here) or here / "luminora.json"
        try:
            with path.open("rb") as file:
                text = file.read(_jsonc.MAX_BYTES + 1).decode()
        except FileNotFoundError:
            return cls(path, "", exists=False)
        except UnicodeDecodeError:
            raise ConfigError(
                "not UTF-8; save the file with that encoding", where=str(path)
            ) from None
        except OSError as problem:
            reason = "this is a folder" if path.is_dir() else problem.strerror
            raise ConfigError(f"cannot be read: {reason}", where=str(path)) from None
        return cls(path, text, exists=True)

    def reread(self) -> Draft:
        """The file as it is now.

        Raises:
            ConfigError: It cannot be read.
        """
        return Draft.of(str(self.path))

    @property
    def name(self) -> str:
        """What to call the file in messages."""
        return display(self.path, Path.cwd())

    def config(self, text: str | None = None) -> Config:
        """What the file alone says, or what it would say with this text.

        Raises:
            ConfigError: It is malformed, contradicts itself or holds a secret.
        """
        given = self.text if text is None else text
        given = given if given.strip() else "{}"
        if given in self._read:
            return self._read[given]
        if not self._index:
            self._index.append(Index.load())
        env = {
            name: value
            for name, value in os.environ.items()
            if name.removeprefix("LUMINORA_").partition("__")[0].lower() not in SECTIONS
        }
        self._read[given] = load_config(self.path, env=env, text=given, index=self._index[0])
        return self._read[given]

    def with_values(self, config: Config, wanted: Mapping[Steps, Any]) -> str:
        """The text with these values, at the places where its author has written them.

        Args:
            config: What the file says now.
            wanted: Values, or :data:`~luminora._edit.REMOVE`, by path in the canonical document.
                Another provider's name takes the place of the old one's settings.

        Raises:
            ConfigError: A path leads through a value that can hold nothing.
        """
        changes: dict[Steps, Any] = {}
        for path, value in wanted.items():
            if path[0] in PROVIDERS and len(path) == 1 and isinstance(value, str):
                path = (*path, "name")  # noqa: PLW2901 - the short form of it
            if is_other_provider(config, path, value):
                for gone in beside_name(config, path[0]):
                    changes |= self._placed(config, gone, REMOVE)
            changes |= self._placed(config, path, value)
        return edited(self.text, changes, self.name)

    def new_problems(self, text: str) -> tuple[list[Problem], list[Problem]]:
        """What would be wrong with the text that was not wrong before, and what was already.

        Raises:
            ConfigError: The text is malformed, contradicts itself or holds a secret.
        """
        found = schema.validate(self.config(text))
        try:
            before = {(one.pointer, one.message) for one in schema.validate(self.config())}
        except ConfigError:  # it could not even be read: nothing in it was in order
            before = set()
        fresh = [one for one in found if (one.pointer, one.message) not in before]
        return fresh, [one for one in found if one not in fresh]

    def refuse(self, problems: list[Problem], hint: str | None = None) -> ConfigError:
        """The error that says why the file is left as it is."""
        first = problems[0]
        many = f"{len(problems)} problems" if len(problems) > 1 else first.message
        return ConfigError(
            f"{many}; {self.name} {'is as it was' if self.exists else 'was not written'}",
            where=None if len(problems) > 1 else first.where,
            hint=first.hint or hint or "luminora config show",
            problems=tuple(f"{one.where}: {one.message}" for one in problems),
        )

    def diff(self, text: str) -> str:
        """The lines that differ; the whole text of a new file."""
        if not self.exists:
            return text
        from difflib import unified_diff

        lines = unified_diff(
            self.text.splitlines(), text.splitlines(), self.name, self.name, lineterm=""
        )
        return "".join(f"{line}\n" for line in lines)

    def write(self, text: str) -> None:
        """Put the text into the file in one step; its mode stays, and a link stays a link.

        Raises:
            InputError: It cannot be written, or somebody else has changed it since it was read.
        """
        from luminora._state import replacing

        if Draft.of(str(self.path)) != self:
            raise InputError(
                "the file was changed by somebody else in the meantime; nothing was written",
                where=self.name,
                hint="look at it, and try again",
            )
        target = self.path.resolve()
        try:
            mode = target.stat().st_mode & 0o7777 if self.exists else _MODE
            with replacing(target, mode=mode) as file:
                if self.exists and hasattr(os, "fchmod"):
                    os.fchmod(file.fileno(), mode)  # whatever the umask
                file.write(text.encode())
        except OSError as problem:
            raise InputError(
                f"the file cannot be written: {problem.strerror}", where=self.name
            ) from None

    def _placed(self, config: Config, path: Steps, value: Any) -> dict[Steps, Any]:
        """The changes of the text that give the canonical ``path`` this value.

        An old shape is kept where it can hold the value; else it goes and the canonical one comes.
        """
        written, length = config.written(), len(path)
        own = written.get(path, path)
        moved = own != path[: len(own)]
        alike = _found(_parsed(self.text), own) == _found(config.document, path)
        if moved and alike and value is not REMOVE:
            return {own: value}
        old = [
            raw
            for place, raw in written.items()
            if place[:length] == path and raw != path[: len(raw)]
            if value is REMOVE or raw[:length] != path  # what stands in its place is merged
        ]
        return {**dict.fromkeys(old, REMOVE), path: value}


def is_other_provider(config: Config, path: Steps, value: Any) -> bool:
    """Whether ``value`` at ``path`` gives a section another provider than it has."""
    section = path[0]
    if section not in PROVIDERS or path[1:] != ("name",) or not isinstance(value, str):
        return False
    old, kind = provider(config, section), schema.kind_of(section)
    return old is None or config.index.own_name(kind, old) != config.index.own_name(kind, value)


def provider(config: Config, section: str) -> str | None:
    """The name of the section's provider, if it has one."""
    part = config.document.get(section)
    name = part.get("name") if isinstance(part, Mapping) else None
    return name if isinstance(name, str) else None


def beside_name(config: Config, section: str) -> list[Steps]:
    """The paths of everything that the file says of a section beside its provider's name."""
    named = (section, "name")
    found = [path for path in config.written() if path[0] == section and path != named]
    return [*found, (section, "config"), (section, "package")]


def said(config: Config, path: Steps) -> Steps:
    """``path``, if the file says something there.

    Raises:
        InputError: It does not.
    """
    from luminora._index import suggestion

    places = [*config.written()]
    if any(place[: len(path)] == path for place in places):
        return path
    dotted = ".".join(path)
    near = [place for place in places if place[0] == path[0]] or places
    words = {".".join(place[:end]) for place in near for end in range(1, len(place) + 1)}
    raise InputError(
        f"the file does not set '{dotted}'{suggestion(dotted, sorted(words))}",
        hint="luminora config show tells where each value comes from",
    )


def _parsed(text: str) -> Any:
    return _jsonc.parse(text, "") if text.strip() else {}


def _found(document: Any, path: Steps) -> Any:
    for step in path:
        document = document.get(step) if isinstance(document, Mapping) else None
    return document
