"""Which personalities there are: the shipped ones, a folder's, and those loaded by hand."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from luminora.errors import InputError, PersonalityNotFound
from luminora.personality import Personality, PersonalityLibrary
from luminoracore_sdk.session.rows import Persona

DEFAULT = "default"
"""What v1.1 called the personality of a call that names none."""


class PersonalityManager:
    """Personalities by name.

    Args:
        personalities_dir: A folder of persona files, beside the shipped ones and those on
            ``personality.paths`` of ``luminora.json``.
    """

    def __init__(self, personalities_dir: str | Path | None = None) -> None:
        self.personalities_dir = Path(personalities_dir) if personalities_dir else None
        folders = [self.personalities_dir] if self.personalities_dir else []
        self._library = PersonalityLibrary(folders)
        self._own = [PersonalityLibrary(builtin=folder) for folder in folders]
        self._loaded: dict[str, Personality] = {}

    def cast(self, name: str | None) -> Persona:
        """What Luminora is told for a name: a document of this manager's own, or the name.

        Raises:
            PersonalityInvalid: The folder's file of that name is no persona.
        """
        if name is None or name in self._loaded:
            return name and self._loaded[name].to_document()
        for library in self._own:
            with suppress(PersonalityNotFound, InputError):  # then it is Luminora's to look for
                return library.load(name).to_document()
        if name == DEFAULT and DEFAULT not in self._library.names():
            return None
        return name

    async def load_personality(self, name: str, config: Mapping[str, Any]) -> Personality:
        """Take in a persona document under a name.

        Args:
            name: What sessions call it.
            config: The document, or v1.0's short form: ``description`` and ``system_prompt``.

        Raises:
            PersonalityInvalid: It is neither.
        """
        document = config if "persona" in config else _grown(name, config)
        persona = Personality.from_document(document, where=name)
        self._loaded[name] = persona
        return persona

    async def load_personality_from_file(self, file_path: str | Path) -> Personality:
        """Take in a persona file under its file's name.

        Raises:
            PersonalityNotFound, PersonalityInvalid: There is none, or it is no persona.
        """
        persona = self._library.load_file(file_path)
        self._loaded[Path(file_path).stem] = persona
        return persona

    async def get_personality(self, name: str) -> Personality | None:
        """The personality of that name, if there is one."""
        if name in self._loaded:
            return self._loaded[name]
        with suppress(PersonalityNotFound, InputError):
            return self._library.load(name)
        return None

    async def list_personalities(self) -> list[str]:
        """The names there are, sorted."""
        return sorted({*self._loaded, *self._library.names()})


def _grown(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """v1.0's short form as a persona document."""
    prompt = config.get("system_prompt")
    return {
        "persona": {"name": name, "description": config.get("description") or ""},
        "core_traits": {},
        "linguistic_profile": {},
        "behavioral_rules": [prompt] if prompt else [],
    }
