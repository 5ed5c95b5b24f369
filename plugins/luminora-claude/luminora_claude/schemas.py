"""JSON Schemas as Claude's structured outputs take them: a part of the language, with conditions.

Source: the official SDK, anthropic 2.12 (``lib/_parse/_transform.py``), and
https://platform.claude.com/docs/en/build-with-claude/structured-outputs: every object is closed
(``additionalProperties: false``), bounds of numbers, texts and arrays are not enforced, and an
object whose properties are not named cannot be asked for. What is left out here is told to the
model as part of a description; the answer is compared with the whole schema later on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

_KEPT: Final = ("type", "title", "description", "enum", "const", "default", "$ref")
_REFUSED: Final = frozenset({"not", "if", "then", "else", "patternProperties", "dependentSchemas"})
_FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
_BOUNDS: Final = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "uniqueItems",
)


class NotExpressible(ValueError):
    """A schema that structured outputs cannot hold an answer to."""


def held(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema in Claude's form; None where an answer cannot be held to it."""
    if schema.get("type", "object") != "object":
        return None
    try:
        return _held({"type": "object", **schema})
    except NotExpressible:
        return None


def _held(schema: Mapping[str, Any]) -> dict[str, Any]:
    if _REFUSED & schema.keys():
        raise NotExpressible(str(sorted(_REFUSED & schema.keys())))
    form: dict[str, Any] = {name: schema[name] for name in _KEPT if name in schema}
    for name in {"$defs", "definitions"} & schema.keys():
        form[name] = {key: _held(one) for key, one in schema[name].items()}
    for name, alike in (("anyOf", "anyOf"), ("oneOf", "anyOf"), ("allOf", "allOf")):
        if name in schema:
            form[alike] = [_held(one) for one in schema[name]]
    if _is(schema, "array"):
        form["items"] = _held(schema.get("items", {}))
    if _is(schema, "object"):
        _close(form, schema)
    if not form:
        raise NotExpressible("a value of any kind")
    return _bounded(form, schema)


def _bounded(form: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The form with the bounds it can have, and a description with the others."""
    bounds = {name: schema[name] for name in _BOUNDS if name in schema}
    if bounds.get("format") in _FORMATS:
        form["format"] = bounds.pop("format")
    if bounds.get("minItems") in {0, 1}:
        form["minItems"] = bounds.pop("minItems")
    if bounds:
        words = json.dumps(bounds, ensure_ascii=False)
        form["description"] = f"{schema.get('description', '')} {words}".strip()
    return form


def _is(schema: Mapping[str, Any], kind: str) -> bool:
    types = schema.get("type")
    return kind in types if isinstance(types, list) else types == kind


def _close(form: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """Close an object; one of unknown properties gives way to its alternatives, if it has any."""
    if schema.get("properties"):
        form["properties"] = {name: _held(one) for name, one in schema["properties"].items()}
        form["required"] = list(schema.get("required", ()))
        form["additionalProperties"] = False
        return
    others = [kind for kind in schema["type"] if kind != "object"]
    if not isinstance(schema["type"], list) or not others:
        raise NotExpressible("an object of unknown properties")
    form["type"] = others
