"""Facts as an analysis states them: checked, normalised, and told apart where one holds several."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luminora.memory.fact_keys import canonical, is_family, member, normal_key
from luminora.memory.validate import clean

MAX_VALUE = 2_000
"""Longest value, in characters; of an object, in characters of its JSON."""
MANUAL = "manual"
"""The tag of what an application noted by hand; an analysis cannot claim it."""
_SAFE = 2**53
_MAX_LIST = 20
_DEFAULT_SURENESS = 0.7
_COUNTS = frozenset({"age", "children", "siblings"})
_COUNTED = re.compile(
    r"\s*(\d{1,3})(?:\s*(?:years?(?:\s+old)?|anos|años|yo|kids?|children|hij[oa]s?|siblings"
    r"|herman[oa]s?))?\s*",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?:an?|un|una|my|mi)?\s*(?P<kind>[\w ]{2,30}?),?\s+(?:is\s+)?(?:named|called|llamad[oa]"
    r"|que se llama)\s+(?P<name>[^\s,.]{1,60}(?: [^\W\d_a-z]\S{1,30})?)\s*",
    re.IGNORECASE,
)
_KINDS = ("type", "species", "kind", "animal", "tipo", "especie")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFact:
    """A fact as the analysis states it, checked and normalised.

    Attributes:
        correction: Whether the user says that an earlier value was wrong, rather than that things
            have changed.
    """

    category: str
    key: str
    value: Any
    confidence: float
    quote: str | None = None
    tags: Sequence[str] = ()
    correction: bool = False


def read_fact(item: Mapping[str, Any]) -> list[FoundFact]:
    """The facts in one item of an analysis; none if it is malformed. Never raises."""
    key = normal_key(item.get("key"))
    if key is None:
        return []
    category = item.get("category")
    category, key = canonical(category if isinstance(category, str) else "other", key)
    found = []
    for name, value in _told_apart(key, item.get("value")):
        if (kept := _typed(name, fact_value(value))) is None or (kept is False and is_family(name)):
            continue
        home, own = canonical(category, name)
        own, kept = member(own, kept)
        found.append(
            FoundFact(
                category=home,
                key=own,
                value=kept,
                confidence=_sureness(item.get("confidence")),
                quote=_line(item.get("quote"), 500),
                tags=_tags(item.get("tags")),
                correction=item.get("correction") is True,
            )
        )
    return found


def _told_apart(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A list and a pet with its name hold several facts."""
    if isinstance(value, list):
        parts = [part for part in value[:_MAX_LIST] if isinstance(part, str | int | float)]
        if is_family(key) or key.endswith("_name"):
            yield from ((key, part) for part in parts)
        elif parts:
            yield key, parts[0] if len(parts) == 1 else ", ".join(map(str, parts))
    elif key == "pet_type" and isinstance(value, Mapping):
        kind = next((value[name] for name in _KINDS if value.get(name)), None)
        told = [("pet_type", kind), ("pet_name", value.get("name") or value.get("nombre"))]
        usable = [(name, part) for name, part in told if isinstance(part, str)]
        yield from usable
        if not usable:
            yield key, value
    elif key == "pet_type" and isinstance(value, str) and (both := _NAMED.fullmatch(value[:200])):
        yield "pet_type", both["kind"]
        yield "pet_name", both["name"]
    else:
        yield key, value


def _typed(key: str, value: Any) -> Any:
    """A count is a number, however it was written."""
    if key in _COUNTS and isinstance(value, str) and (count := _COUNTED.fullmatch(value)):
        return int(count[1])
    if key in _COUNTS and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def fact_value(value: Any) -> Any:
    """``value`` as every database can keep it, or None if none can: text, number, truth or object.

    A number has to be finite and within 2⁵³, and an object to be plain JSON of 2,000 characters.
    """
    match value:
        case str():
            return clean(value)[:MAX_VALUE].strip() or None
        case bool():
            return value
        case int() | float():
            return value if abs(value) <= _SAFE else None  # NaN is not, either
        case Mapping():
            return _object(value)
    return None


def _object(value: Mapping[str, Any]) -> Any:
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        if not value or len(text) > MAX_VALUE:
            return None
        return json.loads(clean(text.replace("\\u0000", "")))
    except (ValueError, TypeError, RecursionError):
        return None


def _sureness(value: Any) -> float:
    """A confidence within 0 to 1; what is none gets the usual one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _SAFE:
        return _DEFAULT_SURENESS  # not a number, or none that is finite
    return min(max(float(value), 0.0), 1.0)


def _line(value: Any, limit: int) -> str | None:
    return clean(value)[:limit].strip() or None if isinstance(value, str) else None


def _tags(value: Any) -> list[str]:
    found = (_line(tag, 50) for tag in (value if isinstance(value, list) else [])[:20])
    return [tag for tag in found if tag and tag != MANUAL]
