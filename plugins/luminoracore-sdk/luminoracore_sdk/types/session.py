"""Which kinds of memory a client has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class MemoryConfig:
    """What is remembered beyond the conversation; nothing unless it is switched on.

    Attributes:
        enable_episodic_memory: Moments worth remembering.
        enable_semantic_search: Earlier messages, found by words and by meaning.
        enable_fact_extraction: What the user says about themselves.
        enable_all: All three.
    """

    enable_episodic_memory: bool = False
    enable_semantic_search: bool = False
    enable_fact_extraction: bool = False
    enable_all: bool = False
