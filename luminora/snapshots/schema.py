"""The JSON Schema of snapshots, which follows from the declared collections.

``tools/snapshot_schema.py`` writes it to ``schemas/snapshot.schema.json``; that file is what
snapshots are checked against, and what others can check theirs against.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

from luminora._resources import folder
from luminora.providers import COLLECTIONS, FieldType
from luminora.snapshots.lines import (
    FOOTER,
    FORMAT,
    FORMAT_VERSION,
    GROUPS,
    HEADER,
    PERSONAS,
    VECTORS,
)

SCHEMA_FILE: Final = "snapshot.schema.json"
_MOMENT: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"
_SHA256: Final = "^[0-9a-f]{64}$"
_TYPES: Final[dict[FieldType, dict[str, Any]]] = {
    FieldType.STRING: {"type": "string", "maxLength": 255},
    FieldType.TEXT: {"type": "string"},
    FieldType.INTEGER: {"type": "integer"},
    FieldType.FLOAT: {"type": "number"},
    FieldType.BOOLEAN: {"type": "boolean"},
    FieldType.TIMESTAMP: {"type": "string", "pattern": _MOMENT},
    FieldType.JSON: {},
    FieldType.STRINGS: {"type": "array", "items": {"type": "string"}},
}


def compose() -> dict[str, Any]:
    """The schema of a snapshot in one piece; ``$defs`` has that of every line."""
    rows = {group: {"type": "array", "items": {"$ref": f"#/$defs/{group}"}} for group in GROUPS}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://luminora.dev/schemas/{SCHEMA_FILE}",
        "title": "Luminora snapshot",
        "description": "A snapshot in one piece. As a file it is a line for each row: "
        '{"header": …}, then {"GROUP": row} group by group, then {"footer": …}.',
        "type": "object",
        "required": [HEADER, FOOTER],
        "additionalProperties": False,
        "properties": {
            HEADER: {"$ref": f"#/$defs/{HEADER}"},
            **rows,
            FOOTER: {"$ref": f"#/$defs/{FOOTER}"},
        },
        "$defs": {
            HEADER: _header(),
            PERSONAS: _object({"name": _short(), "document": {"type": "object"}}),
            VECTORS: _object({"id": _short(), "vector": {"type": "string", "minLength": 1}}),
            **{group: _row(group) for group in GROUPS if group in COLLECTIONS},
            FOOTER: _footer(),
        },
    }


def _header() -> dict[str, Any]:
    model = _object(
        {"provider": _short(), "model": {"type": "string"}, "dimension": {"type": "integer"}}
    )
    header = _object(
        {
            "format": {"const": FORMAT},
            "format_version": {"const": FORMAT_VERSION},
            "luminora_version": _short(),
            "created_at": _TYPES[FieldType.TIMESTAMP],
            "scope": {"enum": ["user", "session"]},
            "user_id": {**_short(), "minLength": 1},
            "session_id": {"type": ["string", "null"]},
            "embedding": {"anyOf": [{"type": "null"}, model]},
            "redacted": _TYPES[FieldType.STRINGS],
        }
    )
    descriptions = {
        "format_version": "Version of the format; higher ones are for newer Luminoras.",
        "scope": "Whether this is all there is of a user, or what one session draws on.",
        "session_id": "The session, or null where the scope is a user.",
        "embedding": "The model that made the vectors, or null where there are none.",
        "redacted": "The rules by which something was masked or left out.",
    }
    for name, text in descriptions.items():
        header["properties"][name] = {"description": text, **header["properties"][name]}
    return header


def _footer() -> dict[str, Any]:
    count = {"type": "integer", "minimum": 0}
    return _object(
        {
            "counts": _object(dict.fromkeys(GROUPS, count)),
            "sha256": {
                "description": "Of all bytes before the footer's line.",
                "type": "string",
                "pattern": _SHA256,
            },
        }
    )


def _row(name: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for field, declared in COLLECTIONS[name].fields.items():
        kind = _TYPES[declared.type]
        loose = declared.nullable and "type" in kind
        fields[field] = {"anyOf": [{"type": "null"}, kind]} if loose else kind
    return _object(fields)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def _short() -> dict[str, Any]:
    return dict(_TYPES[FieldType.STRING])


@cache
def _validators() -> dict[str, Any]:
    import jsonschema_rs  # noqa: PLC0415 - a compiled library, for validation alone

    schema = json.loads((folder("schemas") / SCHEMA_FILE).read_text("utf-8"))
    definitions = schema["$defs"]
    return {
        name: jsonschema_rs.validator_for({"$ref": f"#/$defs/{name}", "$defs": definitions})
        for name in definitions
    }


def flaw(name: str, value: Any) -> str | None:
    """How the value of a line breaks the schema; None if it does not."""
    validator = _validators()[name]
    if validator.is_valid(value):
        return None
    error = next(iter(validator.iter_errors(value)))
    place = "".join(f"/{step}" for step in error.instance_path)
    if type(error.kind).__name__ == "AdditionalProperties":
        return f"/{name}{place}: {', '.join(error.kind.unexpected)} is not known here"
    return f"/{name}{place}: {error.message[:200]}"
