"""Which personality a session speaks with."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from luminora.memory.models import Session
from luminora.personality import Personality, PersonalityLibrary, PersonalityTree

if TYPE_CHECKING:
    from luminora.config import Config

MAX_KEPT = 256
"""Personas kept with sessions that stay compiled in memory."""


class Personas:
    """Personalities by name, loaded once each.

    Args:
        library: Where names are looked up.
        default: The name used where none is given.
    """

    def __init__(self, library: PersonalityLibrary, default: str) -> None:
        self._library = library
        self._default = default
        self._trees: dict[str, PersonalityTree] = {}
        self._own: OrderedDict[str, PersonalityTree] = OrderedDict()

    @classmethod
    def for_config(cls, config: Config) -> Self:
        """With the search path and default of a configuration."""
        default = config.document["personality"]["default"]
        return cls(PersonalityLibrary.for_config(config), default)

    def choose(
        self, wanted: str | Path | Mapping[str, Any] | None
    ) -> tuple[Personality, dict[str, Any] | None]:
        """A personality and, if it is not on the search path, its document to keep.

        Raises:
            PersonalityError, InputError: There is no such persona, or it is not valid.
        """
        if isinstance(wanted, Mapping):
            given = Personality.from_document(wanted)
        elif isinstance(wanted, Path):
            given = self._library.load_file(wanted)
        else:
            return self._tree(wanted or self._default).personality, None
        return given, given.to_document()

    def of(self, session: Session) -> tuple[Personality, PersonalityTree]:
        """The personality of a session and its tree.

        Raises:
            PersonalityNotFound: It is no longer on the search path.
        """
        if session.personality_document is None:
            tree = self._tree(session.personality_name)
        else:
            tree = self._kept(session)
        return tree.personality, tree

    def _kept(self, session: Session) -> PersonalityTree:
        """The tree of a persona that is kept with its session."""
        if session.session_id not in self._own:
            document = session.personality_document or {}
            persona = Personality.from_document(document, slug=session.personality_name)
            self._own[session.session_id] = PersonalityTree(persona)
            if len(self._own) > MAX_KEPT:
                self._own.popitem(last=False)
        return self._own[session.session_id]

    def _tree(self, name: str) -> PersonalityTree:
        if name not in self._trees:
            persona = self._library.load(name)
            self._trees[name] = self._trees.setdefault(persona.slug, PersonalityTree(persona))
        return self._trees[name]
