"""Say everything that is wrong with a persona document, in sentences and all at once.

Structure is checked against ``schemas/personality.schema.json``; what a schema cannot see (gaps,
overlaps, names that lead nowhere) is checked in ``semantics``. Personas with gaps and overlaps
exist and work, so those are warnings; only errors keep a persona from loading.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from luminora._resources import folder
from luminora.errors import PersonalityInvalid
from luminora.personality.problems import Problem, pointer, quoted
from luminora.personality.semantics import semantic_problems
from luminora.personality.strict import flaw

if TYPE_CHECKING:
    import jsonschema_rs

SCHEMA_FILE = "personality.schema.json"

_TYPES = {
    "object": "an object { }",
    "array": "a list [ ]",
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}


def validate(document: object) -> list[Problem]:
    """Check a persona document.

    Args:
        document: Parsed JSON of any shape.

    Returns:
        Errors first, then warnings, each in document order; empty when all is well.
    """
    if flawed := flaw(document):
        return [Problem("error", "", *flawed)]
    problems = _structural_problems(document)
    if isinstance(document, Mapping):
        problems += semantic_problems(document)
    return sorted(problems, key=lambda problem: problem.severity != "error")


def require_valid(document: object, *, where: str | None = None) -> None:
    """Raise if the document has errors; warnings pass.

    Args:
        document: Parsed JSON of any shape.
        where: File to name in the error.

    Raises:
        PersonalityInvalid: With one line per error in ``problems``.
    """
    errors = [problem for problem in validate(document) if problem.severity == "error"]
    if not errors:
        return
    first, more = errors[0], len(errors) - 1
    place = first.pointer or "the whole document"
    raise PersonalityInvalid(
        first.message + (f" (and {more} more)" if more else ""),
        where=f"{where} ({place})" if where else place,
        hint=first.hint,
        problems=tuple(str(problem) for problem in errors),
    )


@cache
def _schema() -> dict[str, Any]:
    text = (folder("schemas") / SCHEMA_FILE).read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    # Imported on first use: opening the library must not pay for validation.
    import jsonschema_rs  # noqa: PLC0415

    return jsonschema_rs.Draft202012Validator(_schema(), offline=True)


def _structural_problems(document: object) -> list[Problem]:
    try:
        return [_worded(error) for error in _validator().iter_errors(document)]
    except ValueError as error:
        # Not JSON at all: sets, keys that are no strings.
        hint = "pass what json.loads returns for a persona file"
        return [Problem("error", "", f"the document is not JSON: {error}", hint)]


def _worded(error: jsonschema_rs.ValidationError) -> Problem:
    details, found = error.kind.as_dict(), quoted(error.instance)
    match error.kind.name:
        case "required":
            key = details["property"]
            where = pointer((*error.instance_path, key))
            hint = f'add "{key}": {_purpose((*error.schema_path[:-1], "properties", key))}'
            return Problem("error", where, f"'{key}' is missing", hint)
        case "type":
            allowed = " or ".join(_TYPES.get(name, name) for name in details["types"])
            message = f"this must be {allowed}, but it is {found}"
        case "minimum":
            message = f"this is {found}, but the smallest allowed is {details['limit']}"
        case "maximum":
            message = f"this is {found}, but the largest allowed is {details['limit']}"
        case "pattern":
            message = f"this text may not be empty, but it is {found}"
        case "minItems" | "maxItems":
            size = len(error.instance) if isinstance(error.instance, Sequence) else 0
            limit = "at least" if error.kind.name == "minItems" else "at most"
            message = f"this list needs {limit} {details['limit']} entries, but it has {size}"
        case _:
            message = error.message
    hint = _purpose(error.schema_path[:-1])
    return Problem("error", pointer(error.instance_path), message, hint)


def _purpose(path: Sequence[str | int]) -> str:
    """The description nearest to a place in the schema: what the author is meant to write there."""
    node: Any = _schema()
    description = ""
    for key in path:
        description = _described(node) or description
        node = node.get(key, {}) if isinstance(node, dict) else {}
    return _described(node) or description


def _described(node: Any) -> str:
    return str(node.get("description", "")) if isinstance(node, dict) else ""
