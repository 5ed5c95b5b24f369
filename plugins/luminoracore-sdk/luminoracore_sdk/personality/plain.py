"""Personalities as v1.0 knew them: the same whoever they speak with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.memory.models import Session
from luminora.memory.personas import Personas
from luminora.personality import Personality, PersonalityLibrary, PersonalityTree
from luminoracore_sdk.features import Features

_STILL = {"interaction_types": {"message_exchanged": 0}, "long_message": {"bonus": 0}}
"""Affinity that nothing moves."""


class PlainPersonas(Personas):
    """Personalities without the levels or the moods that are switched off.

    Sessions are kept as they always are, so that a client which has them on can go on in one.
    """

    def __init__(self, library: PersonalityLibrary, default: str) -> None:
        super().__init__(library, default)
        self.features = Features()
        self._still: dict[str, tuple[Personality, PersonalityTree]] = {}

    def of(self, session: Session) -> tuple[Personality, PersonalityTree]:
        """The personality of a session and its tree."""
        full, tree = super().of(session)
        if self.features.levels and self.features.moods:
            return full, tree
        known, still = self._still.get(full.slug, (None, tree))
        if known is not full:
            document = plain(full.document, self.features)
            still = PersonalityTree(Personality.from_document(document, slug=full.slug))
            self._still[full.slug] = full, still
        return still.personality, still


def plain(document: Mapping[str, Any], features: Features) -> dict[str, Any]:
    """A persona document without what is switched off."""
    off: dict[str, Any] = {}
    if not features.levels:
        levels = document.get("hierarchical_config") or {}
        off["hierarchical_config"] = {**levels, "enabled": False}
        off["affinity_config"] = _STILL
    if not features.moods:
        off["mood_config"] = {**(document.get("mood_config") or {}), "enabled": False}
    return {**document, **off}
