"""Find and load personas by name: the application's folders first, then the built-in ones.

A name is data that may come from a request; a path is trusted. `PersonalityLibrary` therefore
takes only names of a narrow alphabet and never follows a symbolic link out of its folder, while
`load_file` reads whatever path a developer gives it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from luminora._resources import folder
from luminora.errors import InputError, PersonalityInvalid, PersonalityNotFound
from luminora.personality.model import Personality
from luminora.personality.reader import read

if TYPE_CHECKING:
    from luminora.config import Config

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SUFFIX = ".json"


class PersonalityLibrary:
    """The personas an application can use.

    Args:
        search_paths: Folders of ``<name>.json`` files, searched in order; they may not exist yet.
        builtin: Folder searched last; the personas that come with Luminora if absent.
    """

    __slots__ = ("_folders",)

    def __init__(
        self, search_paths: Iterable[str | Path] = (), *, builtin: str | Path | None = None
    ) -> None:
        last = folder("personalities") if builtin is None else Path(builtin)
        self._folders = (*(Path(path) for path in search_paths), last)

    @classmethod
    def for_config(cls, config: Config) -> Self:
        """The personas of a configuration: its folders, the user's own, the built-in ones."""
        paths = config.document["personality"]["paths"]
        own = config.data_dir / "personalities"
        return cls([*(config.base_dir / path for path in paths), own])

    @property
    def home(self) -> Path:
        """Where a persona goes that is to be found by name: the folder searched first."""
        return self._folders[0]

    def bundled(self, path: Path) -> bool:
        """Whether a persona's file came with Luminora."""
        return path.parent == self._folders[-1]

    def names(self) -> tuple[str, ...]:
        """Names of all personas that `find` would find, sorted; files are not opened."""
        found = {
            path.stem
            for place in self._folders
            if place.is_dir()
            for path in place.glob(f"*{_SUFFIX}")
            if _NAME.fullmatch(path.stem) and path.is_file() and _inside(path, place)
        }
        return tuple(sorted(found))

    def find(self, name: str) -> Path:
        """The file of a persona.

        Args:
            name: ``alicia`` or ``alicia.json``.

        Raises:
            InputError: ``name`` is not a name, for example a path.
            PersonalityNotFound: No folder holds it; the error proposes what is similar.
            PersonalityInvalid: It is a symbolic link that leaves its folder.
        """
        plain = _checked(name)
        for place in self._folders:
            path = place / f"{plain}{_SUFFIX}"
            if not path.is_file():
                continue
            if not _inside(path, place):
                raise PersonalityInvalid(
                    "this symbolic link leaves its folder, so it is not followed",
                    where=str(path),
                    hint="copy the file into the folder, or load it by path with load_file",
                )
            return path
        raise self._unknown(plain)

    def load(self, name: str) -> Personality:
        """Load a persona by name.

        Raises:
            InputError: ``name`` is not a name.
            PersonalityNotFound: No folder holds it.
            PersonalityInvalid: The file is not a valid persona.
        """
        return self.load_file(self.find(name))

    @staticmethod
    def load_file(path: str | Path) -> Personality:
        """Load a persona from a trusted path; a well-formed file name becomes its slug.

        Raises:
            PersonalityNotFound: There is no such file.
            PersonalityInvalid: It is unreadable, over 1 MiB, not strict JSON, or no valid persona.
        """
        file = Path(path)
        slug = file.stem if _NAME.fullmatch(file.stem) else None
        return Personality.from_document(read(file), slug=slug, where=str(file))

    def _unknown(self, name: str) -> PersonalityNotFound:
        existing = self.names()
        close = difflib.get_close_matches(name, existing, n=1)
        guess = f"did you mean '{close[0]}'? " if close else ""
        listing = ", ".join(existing) if existing else "none"
        return PersonalityNotFound(
            f"there is no personality '{name}'",
            where=", ".join(str(place) for place in self._folders),
            hint=f"{guess}available: {listing}",
        )


def _checked(name: str) -> str:
    plain = name.removesuffix(_SUFFIX)
    if _NAME.fullmatch(plain):
        return plain
    raise InputError(
        f"{name[:80]!a} is not the name of a personality",
        where="personality",
        hint=(
            "a name has 1 to 64 lowercase letters, digits, '-' or '_' and starts with a letter or "
            "digit, for example 'alicia'; to load a file by path use load_file"
        ),
    )


def _inside(path: Path, place: Path) -> bool:
    return path.resolve().is_relative_to(place.resolve())
