"""How a personality changes with the relationship."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PersonalityConfig:
    """What moves a personality; nothing unless it is switched on.

    Attributes:
        enable_hierarchical: Affinity, and the levels of relationship it leads through.
        enable_moods: Moods.
        enable_all: Both.
    """

    enable_hierarchical: bool = False
    enable_moods: bool = False
    enable_all: bool = False
