"""JSON Schemas as Gemini's ``responseJsonSchema`` takes them: a part of the language.

Source: https://ai.google.dev/api/generate-content#FIELDS.response_json_schema, and the official
SDK, google-genai 3.4 (``types.py``, ``GenerateContentConfig.response_json_schema``). Keywords that
are not listed there are left out; the answer is compared with the whole schema later on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_KEPT: Final = (
    "$id",
    "$ref",
    "$anchor",
    "type",
    "format",
    "title",
    "description",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "required",
    "propertyOrdering",
)
_ONE: Final = ("items", "additionalProperties")
_LIST: Final = ("anyOf", "oneOf", "prefixItems")
_NAMED: Final = ("properties", "$defs")


def shaped(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema in Gemini's form; None where it says no more than "an object"."""
    form = _shaped(schema)
    return form if form.keys() - {"type", "title", "description"} else None


def _shaped(schema: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}  # which stands alone
    form: dict[str, Any] = {name: schema[name] for name in _KEPT if name in schema}
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if values is not None and all(isinstance(one, str | int | float) for one in values):
        form["enum"] = list(values)
        if all(isinstance(one, str) for one in values):
            form.setdefault("type", "string")
    for name in _ONE:
        if name in schema:
            one = schema[name]
            form[name] = _shaped(one) if isinstance(one, Mapping) else one
    for name in _LIST:
        if name in schema:
            form[name] = [_shaped(one) for one in schema[name]]
    for name in _NAMED:
        if name in schema:
            form[name] = {key: _shaped(one) for key, one in schema[name].items()}
    return form
