"""Expressions, updates, order and validation of documents."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bson import Binary, Int64, ObjectId
from mongomock.filtering import filter_applies

from tests.servers.mongo.faults import CommandError, bad

Doc = dict[str, Any]
_RANKS = (
    (type(None), 0),
    (bool, 5),
    (int | float, 1),
    (str, 2),
    (dict, 3),
    (list, 4),
    (datetime, 6),
)


def matches(condition: Mapping[str, Any], doc: Doc, now: datetime) -> bool:
    """Whether the document meets a filter."""
    rest = {}
    for name, wanted in condition.items():
        if name == "$expr":
            if not evaluate(wanted, doc, now):
                return False
        elif type(wanted) is str and type(doc.get(name)) is str:
            if doc[name] != wanted:  # by far the most frequent condition
                return False
        else:
            rest[name] = wanted
    return not rest or bool(filter_applies(rest, doc))


def rank(value: Any) -> tuple[int, Any]:
    """A key in BSON's order of types and values."""
    for kind, place in _RANKS:
        if isinstance(value, kind):
            return (place, 0 if value is None else value)
    return (7, str(value))


def arrange(docs: list[Doc], sort: Mapping[str, int]) -> list[Doc]:
    """The documents in order; absent counts as null."""
    found = list(docs)
    for name, direction in reversed(list(sort.items())):
        found.sort(key=lambda doc: rank(doc.get(name)), reverse=direction < 0)
    return found


def project(doc: Doc, projection: Mapping[str, Any] | None, now: datetime, score: float = 0) -> Doc:
    """The document with the wanted fields only."""
    if not projection:
        return doc
    if all(not isinstance(how, str | dict) and not how for how in projection.values()):
        return {name: value for name, value in doc.items() if name not in projection}
    rest = {name: how for name, how in projection.items() if name != "_id"}
    found = {"_id": doc["_id"]} if "_id" in doc and projection.get("_id", 1) else {}
    for name, how in rest.items():
        if how == {"$meta": "vectorSearchScore"}:
            found[name] = score
        elif isinstance(how, str | dict):
            found[name] = evaluate(how, doc, now)
        elif name in doc:
            found[name] = doc[name]
    return found


def evaluate(what: Any, doc: Doc, now: datetime) -> Any:  # noqa: PLR0911 - a case each
    """The value of an aggregation expression."""
    if isinstance(what, str) and what.startswith("$"):
        if what == "$$NOW":
            return now
        if what == "$$ROOT":
            return doc
        value: Any = doc
        for part in what.removeprefix("$").split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value
    if isinstance(what, list):
        return [evaluate(one, doc, now) for one in what]
    if isinstance(what, dict) and len(what) == 1 and next(iter(what)).startswith("$"):
        ((operator, raw),) = what.items()
        if operator == "$literal":
            return raw
        return _operate(operator, evaluate(raw, doc, now))
    if isinstance(what, dict):
        return {name: evaluate(one, doc, now) for name, one in what.items()}
    return what


def _operate(operator: str, given: Any) -> Any:  # noqa: PLR0911 - a case each
    match operator:
        case "$add":
            return _sum(given)
        case "$max" | "$min":
            known = [one for one in given if one is not None]
            choose = max if operator == "$max" else min
            return choose(known, key=rank) if known else None
        case "$ifNull":
            return next((one for one in given if one is not None), None)
        case "$lt" | "$lte" | "$gt" | "$gte" | "$eq" | "$ne":
            one, other = map(rank, given)
            return {
                "$lt": one < other,
                "$lte": one <= other,
                "$gt": one > other,
                "$gte": one >= other,
                "$eq": one == other,
                "$ne": one != other,
            }[operator]
        case "$cond":
            return given[1] if given[0] else given[2]
        case "$setIntersection":
            if any(one is None for one in given):
                return None
            return sorted(set(given[0]).intersection(*given[1:]))
    raise CommandError(168, "InvalidPipelineOperator", f"Unrecognized expression '{operator}'")


def _sum(values: list[Any]) -> Any:
    if any(value is None for value in values):
        return None
    moments = [value for value in values if isinstance(value, datetime)]
    if moments:
        rest = sum(value for value in values if not isinstance(value, datetime))
        return moments[0] + timedelta(milliseconds=rest)
    return _number(values, sum(values))


def _number(parts: list[Any], total: float) -> Any:
    """``total`` in the type that MongoDB gives the sum of ``parts``."""
    if any(isinstance(part, float) for part in parts):
        return float(total)
    if not -(2**63) <= total < 2**63:
        return float(total)
    wide = any(isinstance(part, Int64) for part in parts) or not -(2**31) <= total < 2**31
    return Int64(total) if wide else int(total)


def change(doc: Doc, update: Any, now: datetime, *, inserting: bool = False) -> Doc:
    """The document after an update: operators, a pipeline or a replacement.

    Raises:
        CommandError: An operator is unknown or does not fit the value.
    """
    if isinstance(update, list):
        for stage in update:
            ((operator, fields),) = stage.items()
            if operator not in {"$set", "$addFields"}:
                raise bad(f"the double knows no {operator} in an update")
            doc = {**doc, **{name: evaluate(how, doc, now) for name, how in fields.items()}}
        return doc
    if not any(name.startswith("$") for name in update):
        return {"_id": doc["_id"], **update} if "_id" in doc else dict(update)
    new = copy.deepcopy(doc)
    touched: set[str] = set()
    for operator, fields in update.items():
        if operator == "$setOnInsert" and not inserting:
            continue
        for name, value in fields.items():
            if name in touched:
                raise CommandError(40, "ConflictingUpdateOperators", f"conflict at '{name}'")
            touched.add(name)
            _apply(new, operator, name, value)
    if "_id" in doc and new.get("_id") != doc["_id"]:
        raise CommandError(66, "ImmutableField", "Performing an update on the path '_id'")
    return new


def _apply(new: Doc, operator: str, name: str, value: Any) -> None:
    match operator:
        case "$set" | "$setOnInsert":
            new[name] = value
        case "$unset":
            new.pop(name, None)
        case "$inc":
            before = new.get(name, 0)
            if isinstance(before, bool) or not isinstance(before, int | float):
                raise CommandError(14, "TypeMismatch", "Cannot apply $inc to a non-numeric value")
            after = _number([before, value], before + value)
            if isinstance(after, float) and not isinstance(before, float):
                raise bad("Failed to apply $inc operations to current value")
            new[name] = after
        case _:
            raise CommandError(9, "FailedToParse", f"Unknown modifier: {operator}")


def violation(  # noqa: C901, PLR0911 - a keyword each
    schema: Mapping[str, Any], value: Any, path: str = ""
) -> str | None:
    """The first property that breaks a ``$jsonSchema``; None if it fits."""
    kinds = schema.get("bsonType")
    if kinds is not None and not set(_kinds(value)) & set(
        [kinds] if isinstance(kinds, str) else kinds
    ):
        return path or "/"
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                return f"{path}/{name}"
        for name, inner in schema.get("properties", {}).items():
            if name in value and (found := violation(inner, value[name], f"{path}/{name}")):
                return found
    if isinstance(value, str):
        if len(value) > schema.get("maxLength", len(value)):
            return path
        if "pattern" in schema and not re.search(schema["pattern"], value):
            return path
    if isinstance(value, list):
        for one in value:
            if found := violation(schema.get("items", {}), one, f"{path}/items"):
                return found
    return None


def _kinds(value: Any) -> tuple[str, ...]:
    for kind, names in (
        (type(None), ("null",)),
        (bool, ("bool",)),
        (Int64, ("long", "number")),
        (int, ("int", "number")),
        (float, ("double", "number")),
        (str, ("string",)),
        (dict, ("object",)),
        (list, ("array",)),
        (datetime, ("date",)),
        (ObjectId, ("objectId",)),
        (Binary, ("binData",)),
    ):
        if isinstance(value, kind):
            return names
    return ("binData",)
