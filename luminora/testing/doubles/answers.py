"""What doubles answer with when nobody says otherwise: texts in pieces, vectors, examples."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

_WORDS = re.compile(r"\w+")
_EMPTY = {"a", "at", "of", "the"}


def in_pieces(text: str, size: int = 5) -> list[str]:
    """A text as a model hands it out."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def vector_of(text: str, dimension: int) -> list[float]:
    """A vector of length one for a text: equal texts are equal, shared words are near."""
    stems = [word[:4] for word in _WORDS.findall(text.lower()) if word not in _EMPTY]
    whole = sum(_of_word(word, dimension) for word in [*stems, text])
    found: list[float] = (whole / np.linalg.norm(whole)).tolist()
    return found


@lru_cache(10_000)
def _of_word(word: str, dimension: int) -> Any:
    return np.random.default_rng(zlib.crc32(word.encode())).standard_normal(dimension)


def example(schema: Mapping[str, Any]) -> Any:
    """The smallest value that fits a simple JSON Schema, as an obedient model would answer."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return example(schema[key][0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        known = schema.get("properties", {})
        return {name: example(known.get(name, {})) for name in schema.get("required", known)}
    if kind == "array":
        return [example(schema.get("items", {})) for _ in range(schema.get("minItems", 0))]
    simple: dict[str, Any] = {
        "integer": schema.get("minimum", 1),
        "number": schema.get("minimum", 0.5),
        "boolean": True,
        "null": None,
    }
    return simple.get(kind, "calm")
