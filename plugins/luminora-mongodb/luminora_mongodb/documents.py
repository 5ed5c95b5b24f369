"""Rows as BSON documents, and conditions as query documents.

A collection's key is the document's ``_id``, which MongoDB indexes anyway; the other fields keep
their names. Times are text of fixed width in UTC, so that they keep their microseconds; whole
numbers are 64 bits wide; JSON fields are JSON text, because BSON cannot hold every document exactly
(``{"$ref": …, "$id": …}`` comes back as something else, and older servers refuse ``$`` and ``.``).

Values reach a query as values only: every one of them was checked against the declaration first,
and none is ever a document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

from bson.int64 import Int64

from luminora.errors import InputError
from luminora.providers.checks import own_values
from luminora.providers.collections import COLLECTIONS, Collection, FieldType
from luminora.providers.lexical import terms
from luminora.providers.operations import Is, Row
from luminora.providers.sql import json_text, time_text

Document = dict[str, Any]
Order = tuple[tuple[str, bool], ...]

TERMS: Final = "terms"
"""The field with a message's searchable words; only this storage knows it."""

_ENCODE: Final[Mapping[FieldType, Callable[[Any], Any]]] = {
    FieldType.INTEGER: Int64,
    FieldType.TIMESTAMP: time_text,
    FieldType.JSON: json_text,
}
_DECODE: Final[Mapping[FieldType, Callable[[Any], Any]]] = {
    FieldType.INTEGER: int,
    FieldType.FLOAT: float,
    FieldType.TIMESTAMP: datetime.fromisoformat,
    FieldType.JSON: json.loads,
}
_SIGNS: Final = {"<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}


def stored(collection: Collection, field: str) -> str:
    """The name a field has in a document."""
    return "_id" if collection.key == (field,) else field


def identity(collection: Collection, row: Row) -> str:
    """The ``_id`` of a row: its key, or a JSON list where the key has several fields."""
    if len(collection.key) == 1:
        return str(row[collection.key[0]])
    return json_text([row[name] for name in collection.key])


def encode(collection: Collection, field: str, value: Any) -> Any:
    """A checked value as the database keeps it."""
    kind = collection.fields[field]
    if value is None and (kind.nullable or kind.type is not FieldType.JSON):
        return None
    coder = _ENCODE.get(kind.type)
    return value if coder is None else coder(value)


def values_of(collection: Collection, values: Row) -> Document:
    """Checked fields as they are set, without those that never change."""
    return {
        name: encode(collection, name, value)
        for name, value in values.items()
        if name not in collection.key
    }


def document_of(collection: Collection, row: Row) -> Document:
    """A checked row as a document, with its words if it can be searched."""
    document = {
        stored(collection, name): encode(collection, name, value) for name, value in row.items()
    }
    document["_id"] = identity(collection, row)
    if collection.text:
        document[TERMS] = words_of(collection, row)
    return document


def words_of(collection: Collection, row: Row) -> list[str]:
    """The distinct terms of a row's text."""
    found = (terms(row.get(name) or "") for name in collection.text)
    return list(dict.fromkeys(term for some in found for term in some))


def row_of(collection: Collection, document: Mapping[str, Any]) -> Row:
    """The row in a document; an absent field is None."""
    row: Row = {}
    for name, place, decode in _fields(collection.name):
        value = document.get(place)
        row[name] = value if value is None or decode is None else decode(value)
    return row


@cache
def _fields(name: str) -> tuple[tuple[str, str, Callable[[Any], Any] | None], ...]:
    collection = COLLECTIONS[name]
    return tuple(
        (field, stored(collection, field), _DECODE.get(one.type))
        for field, one in collection.fields.items()
    )


def query_of(collection: Collection, conditions: Mapping[str, Is]) -> Document:
    """Conditions of :func:`luminora.providers.checks.own_where` as a query document."""
    return {
        stored(collection, name): _condition(collection, name, condition)
        for name, condition in conditions.items()
    }


def _condition(collection: Collection, name: str, condition: Is) -> Any:
    if condition.op == "in":
        wanted = [encode(collection, name, value) for value in condition.value]
        return wanted[0] if len(wanted) == 1 else {"$in": wanted}
    value = encode(collection, name, condition.value)
    return {"$ne": value} if condition.op == "!=" else {_SIGNS[condition.op]: value}


def names_one(collection: Collection, conditions: Mapping[str, Is]) -> bool:
    """Whether conditions can meet one row at most: they name its key, or unique fields."""

    def fixed(name: str) -> bool:
        condition = conditions.get(name)
        if condition is None or condition.op != "in":
            return False
        return len(condition.value) == 1 and condition.value[0] is not None

    return any(all(map(fixed, group)) for group in (collection.key, *collection.unique))


def sort_of(collection: Collection, order: Order) -> list[tuple[str, int]]:
    """An order as MongoDB takes it; there too, absent comes before everything."""
    return [(stored(collection, name), -1 if descends else 1) for name, descends in order]


def behind(collection: Collection, order: Order, after: Row) -> Document:
    """The query for what comes after a row, field by field of the order.

    Raises:
        InputError: ``after`` lacks a field of the order, or holds something unusable.
    """
    try:
        last = {name: after[name] for name, _ in order}
    except KeyError as error:
        raise InputError(f"'after' lacks {error.args[0]!r}, which the order goes by") from None
    checked = own_values(collection, None, last)
    equal: Document = {}
    branches: list[Document] = []
    for name, descends in order:
        place = stored(collection, name)
        value = encode(collection, name, checked[name])
        if value is None:
            if not descends:
                branches.append({**equal, place: {"$ne": None}})
        elif descends:
            branches.append({**equal, place: {"$lt": value}})
            if collection.fields[name].nullable:
                branches.append({**equal, place: None})
        else:
            branches.append({**equal, place: {"$gt": value}})
        equal[place] = value
    return branches[0] if len(branches) == 1 else {"$or": branches}


def together(*queries: Document) -> Document:
    """A query that asks for all of them."""
    given = [query for query in queries if query]
    if len(given) < 2:  # noqa: PLR2004 - nothing to join
        return given[0] if given else {}
    return {"$and": given}
