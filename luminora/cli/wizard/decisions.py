"""What has been decided so far: the file as it was, and what is to change in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luminora import schema
from luminora._edit import REMOVE
from luminora._index import Index
from luminora.cli._draft import Draft, provider
from luminora.cli._sections import SECTIONS

if TYPE_CHECKING:
    from luminora.config import Config

Steps = tuple[str, ...]


class Decisions:
    """The file and the values decided for it.

    Args:
        draft: The file to be made or changed.

    Attributes:
        wanted: The values decided, by their path in the configuration.
        before: What the file says now.
        index: The plugins there are; read again after one was installed.
    """

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.wanted: dict[Steps, Any] = {}
        self.before = draft.config()
        self.index = self.before.index

    def text(self) -> str:
        """What the file would hold."""
        return self.draft.with_values(self.before, self.wanted)

    def config(self) -> Config:
        """What that would mean."""
        return self.draft.config(self.text())

    def look_again(self) -> None:
        """Find the plugins that there are now."""
        self.index = Index.load()

    def choose(self, word: str, name: str) -> None:
        """Take a provider for a part."""
        self.wanted[SECTIONS[word][0], "name"] = name

    def set(self, word: str, path: Steps, value: Any) -> None:
        """Give the part's provider a setting; None takes away what the file has."""
        place = (SECTIONS[word][0], "config", *path)
        if value is not None:
            self.wanted[place] = value
        elif self.old(word).get(path) is not None:
            self.wanted[place] = REMOVE

    def without(self, word: str) -> dict[Steps, Any]:
        """What is decided about the other parts."""
        section = SECTIONS[word][0]
        return {path: value for path, value in self.wanted.items() if path[0] != section}

    def leave_out(self, word: str) -> None:
        """Say nothing of the part, so that what goes with the others holds."""
        self.wanted = self.without(word)
        if self.written(word):
            self.wanted[(SECTIONS[word][0],)] = REMOVE

    def name(self, word: str) -> str:
        """The provider of a part as things are decided."""
        return provider(self.config(), SECTIONS[word][0]) or ""

    def current(self, word: str) -> str:
        """What holds today, by its own name; for a part without one, what would follow."""
        section = SECTIONS[word][0]
        name = provider(self.before, section) or self.name(word)
        return self.index.own_name(schema.kind_of(section), name)

    def written(self, word: str) -> str | None:
        """What the file itself names, if it does."""
        section = SECTIONS[word][0]
        return self.current(word) if (section, "name") in self.before.written() else None

    def old(self, word: str) -> dict[Steps, Any]:
        """The settings that the file gives the provider that is chosen now."""
        section = SECTIONS[word][0]
        name = self.wanted.get((section, "name"))
        if name is None or name != self.current(word):
            return {}
        found: dict[Steps, Any] = {}
        for path in self.before.written():
            if path[:2] == (section, "config"):
                value: Any = self.before.document
                for step in path:
                    value = value.get(step) if isinstance(value, Mapping) else None
                found[path[2:]] = value
        return found

    @property
    def env_file(self) -> Path:
        """The file that variables are read from beside the environment.

        One that is there already is the one: another, nearer to the configuration, would hide it.
        """
        near = self.draft.path.parent / ".env"
        places = (near, Path.cwd() / ".env")
        return next((file for file in places if file.is_file()), near)
