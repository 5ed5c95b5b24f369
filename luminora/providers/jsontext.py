"""JSON out of a model's prose: fenced, surrounded or bare."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

_MAX_TEXT = 1 << 20
_MAX_COMPILED = 32


def parse_object(text: str) -> dict[str, Any] | None:
    """The first JSON object in ``text`` that parses, or None.

    Works on fenced blocks and on objects inside prose, because every ``{`` is tried as a start;
    text beyond 1 MiB is not looked at.
    """
    text = text[:_MAX_TEXT]
    decoder = json.JSONDecoder()
    start = text.find("{")
    attempts = 0
    while start != -1 and attempts < 100:  # noqa: PLR2004 - a bound on hostile input
        try:
            found, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            attempts += 1
            start = text.find("{", start + 1)
        else:
            return found if isinstance(found, dict) else None
    return None


def violations(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """How ``document`` breaks ``schema``, in one line; empty when it fits."""
    if not schema:
        return ""
    errors = _validator(schema).iter_errors(dict(document))
    found = [
        f"/{'/'.join(str(part) for part in error.instance_path)}: {error.message[:200]}"
        for error, _ in zip(errors, range(5), strict=False)
    ]
    return "; ".join(found)


_compiled: OrderedDict[int, tuple[Mapping[str, Any], Any]] = OrderedDict()
"""Validators by the identity of their schema, which is kept with them so that it stays theirs."""


def _validator(schema: Mapping[str, Any]) -> Any:
    import jsonschema_rs  # noqa: PLC0415 - a compiled library nobody pays for before they need it

    held = _compiled.get(id(schema))
    if held is None:
        held = _compiled[id(schema)] = (schema, jsonschema_rs.validator_for(dict(schema)))
        while len(_compiled) > _MAX_COMPILED:
            _compiled.popitem(last=False)
    return held[1]
