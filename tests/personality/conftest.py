"""Personas for the tests: one of 1.0 shape, one of 1.1 shape, and levels with chosen ranges."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luminora.personality import PersonalityLibrary, PersonalityTree

Document = dict[str, Any]


@pytest.fixture
def plain() -> Document:
    """A 1.0 persona with nothing but what is required."""
    return {
        "persona": {"name": "Plain"},
        "core_traits": {},
        "linguistic_profile": {},
        "behavioral_rules": [],
    }


@pytest.fixture
def with_ranges(plain: Document) -> Callable[..., Document]:
    """Make a 1.1 persona whose levels ``a``, ``b`` … have the given ranges and humor deltas."""

    def make(*levels: tuple[float, float, float]) -> Document:
        listed = [
            {
                "name": "abcdefgh"[index],
                "affinity_range": [low, high],
                "modifiers": {"advanced_parameters": {"humor": delta}},
            }
            for index, (low, high, delta) in enumerate(levels)
        ]
        return {
            **plain,
            "advanced_parameters": {"humor": 0.5},
            "hierarchical_config": {"enabled": True, "relationship_levels": listed},
        }

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a persona file into the temporary folder."""

    def make(name: str, content: Document | str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content) if isinstance(content, dict) else content
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return make


@pytest.fixture(scope="session")
def sakura() -> PersonalityTree:
    return PersonalityTree(PersonalityLibrary().load("sakura"))
